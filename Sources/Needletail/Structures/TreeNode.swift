import Glibc

/// One child as its parent knows it. The bytes are of everything below and of the child itself, in the allocator's
/// classes; the key is what the child's first element has, or less, but more than the last one before it.
@safe struct TreeChild {
  var raw: UnsafeMutableRawPointer
  var count: Int
  var byteCount: Int
  var key: UInt128

  @inline(__always)
  init(_ raw: UnsafeMutableRawPointer, count: Int, byteCount: Int, key: UInt128 = 0) {
    unsafe self.raw = raw
    self.count = count
    self.byteCount = byteCount
    self.key = key
  }
}

/// An inner node of a `CountedTree`, a unit:
///
///     | tag 1 | children 1 | room 1 | unused 1 | own size 2 | unused 2 |
///     | keys 16 x room (ordered trees) | counts 8 x room | bytes 8 x room | children 8 x room |
///
/// Arrays side by side, so that a search by rank reads counts only and one by key reads keys only. The first child's
/// key says nothing: the parent's says it. A node grows by jemalloc's classes up to `maxBytes`.
@safe struct TreeNode<Leaf: TreeLeaf> {
  let raw: UnsafeMutableRawPointer

  @inline(__always)
  init(_ raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  private static var headerBytes: Int { 8 }
  static var maxBytes: Int { 1280 }
  private static var keyBytes: Int { Leaf.isOrdered ? 16 : 0 }
  private static var childBytes: Int { keyBytes + 24 }
  /// 31 with keys, 52 without (53 would fit; even numbers split evenly).
  static var maxChildren: Int { Leaf.isOrdered ? 31 : 52 }
  /// A node with fewer is merged with a neighbour or takes from it.
  static var minChildren: Int { maxChildren / 4 }
  /// Two neighbours are merged when there remains some room.
  static var mergeLimit: Int { maxChildren * 3 / 4 }

  /// An empty node with room for `count` children at least.
  static func make(room count: Int, tag: UInt8) -> TreeNode {
    precondition(count <= maxChildren)
    let byteCount = Heap.goodSize(headerBytes + count * childBytes)
    let node = unsafe TreeNode(Heap.allocate(byteCount))
    unsafe node.raw.storeBytes(of: tag, as: UInt8.self)
    unsafe node.raw.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
    let room = min((byteCount - headerBytes) / childBytes, maxChildren)
    unsafe node.raw.storeBytes(of: UInt8(room), toByteOffset: 2, as: UInt8.self)
    unsafe node.raw.storeBytes(of: UInt16(byteCount), toByteOffset: 4, as: UInt16.self)
    return node
  }

  /// A node that holds `children` of this one, from `range`, with room for `room` at least.
  func copy(_ range: Range<Int>, room: Int, tag: UInt8) -> TreeNode {
    let copy = TreeNode.make(room: max(room, range.count), tag: tag)
    copy.append(self, range)
    return copy
  }

  // MARK: Header

  @inline(__always)
  var childCount: Int {
    get { unsafe Int(raw.load(fromByteOffset: 1, as: UInt8.self)) }
    nonmutating set { unsafe raw.storeBytes(of: UInt8(truncatingIfNeeded: newValue), toByteOffset: 1, as: UInt8.self) }
  }

  @inline(__always) var room: Int { unsafe Int(raw.load(fromByteOffset: 2, as: UInt8.self)) }
  /// Of the node's own allocation.
  @inline(__always) var byteCount: Int { unsafe Int(raw.load(fromByteOffset: 4, as: UInt16.self)) }

  // MARK: Arrays

  @inline(__always) private var keys: UnsafeMutableRawPointer { unsafe raw + Self.headerBytes }
  @inline(__always)
  private var counts: UnsafeMutableRawPointer { unsafe raw + (Self.headerBytes &+ room &* Self.keyBytes) }
  @inline(__always)
  private var byteCounts: UnsafeMutableRawPointer { unsafe raw + (Self.headerBytes &+ room &* (Self.keyBytes &+ 8)) }
  @inline(__always)
  private var pointers: UnsafeMutableRawPointer { unsafe raw + (Self.headerBytes &+ room &* (Self.keyBytes &+ 16)) }

  @inline(__always)
  func key(_ index: Int) -> UInt128 {
    guard Leaf.isOrdered else { return 0 }
    return unsafe keys.loadUnaligned(fromByteOffset: index &* 16, as: UInt128.self)
  }

  @inline(__always)
  func setKey(_ index: Int, _ key: UInt128) {
    guard Leaf.isOrdered else { return }
    unsafe keys.storeBytes(of: key, toByteOffset: index &* 16, as: UInt128.self)
  }

  @inline(__always)
  func count(_ index: Int) -> Int { unsafe counts.load(fromByteOffset: index &* 8, as: Int.self) }

  @inline(__always)
  func byteCount(_ index: Int) -> Int { unsafe byteCounts.load(fromByteOffset: index &* 8, as: Int.self) }

  @inline(__always)
  func child(_ index: Int) -> UnsafeMutableRawPointer {
    unsafe pointers.load(fromByteOffset: index &* 8, as: UnsafeMutableRawPointer.self)
  }

  @inline(__always)
  func setChild(_ index: Int, _ child: UnsafeMutableRawPointer) {
    unsafe pointers.storeBytes(of: child, toByteOffset: index &* 8, as: UnsafeMutableRawPointer.self)
  }

  /// Adds to the count that is recorded of a child.
  @inline(__always)
  func add(_ index: Int, count: Int) {
    unsafe counts.storeBytes(of: self.count(index) &+ count, toByteOffset: index &* 8, as: Int.self)
  }

  /// Adds to what is recorded of a child.
  @inline(__always)
  func add(_ index: Int, count: Int, byteCount: Int) {
    add(index, count: count)
    unsafe byteCounts.storeBytes(of: self.byteCount(index) &+ byteCount, toByteOffset: index &* 8, as: Int.self)
  }

  subscript(index: Int) -> TreeChild {
    @inline(__always)
    get { unsafe TreeChild(child(index), count: count(index), byteCount: byteCount(index), key: key(index)) }
    nonmutating set {
      unsafe setChild(index, newValue.raw)
      unsafe counts.storeBytes(of: newValue.count, toByteOffset: index &* 8, as: Int.self)
      unsafe byteCounts.storeBytes(of: newValue.byteCount, toByteOffset: index &* 8, as: Int.self)
      setKey(index, newValue.key)
    }
  }

  /// This node as its parent is to know it. Complexity: O(children).
  func summary(key: UInt128 = 0) -> TreeChild {
    var count = 0
    var bytes = byteCount
    for index in 0..<childCount {
      count &+= self.count(index)
      bytes &+= byteCount(index)
    }
    return unsafe TreeChild(raw, count: count, byteCount: bytes, key: key)
  }

  // MARK: Moving children

  /// There is room for one more.
  func insert(_ child: TreeChild, at index: Int) {
    let count = childCount
    precondition(count < room && index >= 0 && index <= count)
    move(from: index, to: index + 1, count - index)
    childCount = count + 1
    self[index] = child
  }

  func remove(_ range: Range<Int>) {
    let count = childCount
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    move(from: range.upperBound, to: range.lowerBound, count - range.upperBound)
    childCount = count - range.count
  }

  /// Appends children of another node; there is room for them.
  func append(_ other: TreeNode, _ range: Range<Int>) {
    let count = childCount
    precondition(count + range.count <= room && range.upperBound <= other.childCount)
    if Leaf.isOrdered {
      unsafe (keys + count * 16).copyMemory(from: other.keys + range.lowerBound * 16, byteCount: range.count * 16)
    }
    let offset = range.lowerBound * 8
    let byteCount = range.count * 8
    unsafe (counts + count * 8).copyMemory(from: other.counts + offset, byteCount: byteCount)
    unsafe (byteCounts + count * 8).copyMemory(from: other.byteCounts + offset, byteCount: byteCount)
    unsafe (pointers + count * 8).copyMemory(from: other.pointers + offset, byteCount: byteCount)
    childCount = count + range.count
  }

  private func move(from: Int, to: Int, _ count: Int) {
    if Leaf.isOrdered { unsafe _ = memmove(keys + to * 16, keys + from * 16, count * 16) }
    unsafe _ = memmove(counts + to * 8, counts + from * 8, count * 8)
    unsafe _ = memmove(byteCounts + to * 8, byteCounts + from * 8, count * 8)
    unsafe _ = memmove(pointers + to * 8, pointers + from * 8, count * 8)
  }

  // MARK: Searching

  /// The child that holds the element with `rank`, which becomes its rank there. Past the end: the last child.
  @inline(__always)
  func index(ofRank rank: inout Int) -> Int {
    let last = childCount &- 1
    var index = 0
    while index < last {
      let count = self.count(index)
      if rank < count { break }
      rank &-= count
      index &+= 1
    }
    return index
  }

  /// How many elements the children before `index` hold.
  @inline(__always)
  func countBefore(_ index: Int) -> Int {
    var sum = 0
    for before in 0..<index { sum &+= count(before) }
    return sum
  }

  /// How many of the children `range` have keys below `key` (or, `orEqual`, up to it), added to the range's start.
  @inline(__always)
  func bound(_ key: UInt128, _ range: Range<Int>, orEqual: Bool) -> Int {
    var low = range.lowerBound
    var length = range.upperBound &- low
    while length > 0 {
      let half = length >> 1
      let other = self.key(low &+ half)
      if orEqual ? other <= key : other < key {
        low &+= half &+ 1
        length &-= half &+ 1
      } else {
        length = half
      }
    }
    return low
  }
}
