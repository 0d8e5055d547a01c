import CSystem

/// Subtrees that nobody can reach any more, on their way to the background freer:
///
///     | entries 8 | room 8 | bytes below 8 | unused 8 | entries 16 x room: pointer 8, levels above the leaves 8 |
///
/// A subtree of any size is one entry, so collecting what a range covers is O(log n).
@safe struct TreeDrop<Leaf: TreeLeaf>: ~Copyable {
  private static var headerBytes: Int { 32 }
  /// Less than this is let go at once: handing it over would cost more.
  private static var smallBytes: Int { 32 << 10 }

  private var block: UnsafeMutableRawPointer?

  init() { unsafe block = nil }

  deinit { precondition(unsafe block == nil, "a drop is let go") }

  /// - Parameter levels: how many levels `child` is above the leaves.
  mutating func append(_ child: TreeChild, levels: Int) {
    let count = unsafe block?.load(as: Int.self) ?? 0
    let room = unsafe block?.load(fromByteOffset: 8, as: Int.self) ?? 0
    if count == room { grow(count, max(8, room * 2)) }
    guard let block = unsafe block else { return }
    let entry = unsafe block + Self.headerBytes + count * 16
    unsafe entry.storeBytes(of: child.raw, as: UnsafeMutableRawPointer.self)
    unsafe entry.storeBytes(of: levels, toByteOffset: 8, as: Int.self)
    unsafe block.storeBytes(of: count + 1, as: Int.self)
    let byteCount = unsafe block.load(fromByteOffset: 16, as: Int.self) + child.byteCount
    unsafe block.storeBytes(of: byteCount, toByteOffset: 16, as: Int.self)
  }

  private mutating func grow(_ count: Int, _ room: Int) {
    let larger = unsafe Heap.allocate(Self.headerBytes + room * 16)
    if let old = unsafe block {
      unsafe larger.copyMemory(from: old, byteCount: Self.headerBytes + count * 16)
      unsafe Heap.free(old, Self.headerBytes + count * 16)
    } else {
      for offset in [0, 16] { unsafe larger.storeBytes(of: 0, toByteOffset: offset, as: Int.self) }
    }
    unsafe larger.storeBytes(of: room, toByteOffset: 8, as: Int.self)
    unsafe block = larger
  }

  /// Hands everything to the freer, or lets go of it here when it is little.
  consuming func letGo(_ units: borrowing Units) {
    guard let block = unsafe block else { return }
    unsafe self.block = nil
    let byteCount = unsafe block.load(fromByteOffset: 16, as: Int.self)
    let tag = units.currentTag
    if byteCount <= Self.smallBytes { return unsafe Self.free(block, tag: tag, units.limbo) }
    unsafe units.freer.enqueue(Leaf.freeDrop, block, byteCount, tag: tag)
  }

  /// The freer's side. `tag` is the `currentTag` of the moment the subtrees were taken out.
  static func free(_ block: UnsafeMutableRawPointer, tag: UInt8, _ limbo: Limbo) {
    let count = unsafe block.load(as: Int.self)
    for index in 0..<count {
      let entry = unsafe block + headerBytes + index * 16
      unsafe tearDown(entry.load(as: UnsafeMutableRawPointer.self), levels: entry.load(fromByteOffset: 8, as: Int.self),
        tag: tag, limbo)
    }
    unsafe Heap.free(block, headerBytes + block.load(fromByteOffset: 8, as: Int.self) * 16)
  }

  /// Disposes of a subtree, children first: what is disposed of is not read again. On any thread.
  static func tearDown(_ child: UnsafeMutableRawPointer, levels: Int, tag: UInt8, _ limbo: Limbo) {
    if levels == 0 { return unsafe tearDownLeaf(child, tag: tag, limbo) }
    let node = unsafe TreeNode<Leaf>(child)
    for index in 0..<node.childCount { unsafe tearDown(node.child(index), levels: levels - 1, tag: tag, limbo) }
    unsafe Units.dispose(child, node.byteCount, currentTag: tag, limbo)
  }

  private static func tearDownLeaf(_ leaf: UnsafeMutableRawPointer, tag: UInt8, _ limbo: Limbo) {
    if Leaf.maxElements > 0 {
      unsafe withUnsafeTemporaryAllocation(of: UInt.self, capacity: Leaf.maxElements) { elements in
        let count = unsafe Leaf.copyElements(leaf, to: elements.baseAddress!)
        for index in 0..<count { unsafe cs_prefetch(UnsafeRawPointer(bitPattern: elements[index])!) }
        for index in 0..<count {
          let element = unsafe UnsafeMutableRawPointer(bitPattern: elements[index])!
          unsafe Units.dispose(element, Leaf.elementByteCount(element), currentTag: tag, limbo)
        }
      }
    }
    unsafe Units.dispose(leaf, Leaf.byteCount(leaf), currentTag: tag, limbo)
  }
}

extension CountedTree {
  /// Empties the tree; what it held is the freer's. Complexity: O(1).
  mutating func drop(_ units: inout Units) {
    guard unsafe root != nil else { return }
    var drop = TreeDrop<Leaf>()
    drop.append(rootChild, levels: height)
    self = CountedTree()
    drop.letGo(units)
  }
}
