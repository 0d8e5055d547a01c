/// A leaf of a large list: elements side by side in one blob, a unit.
///
///     | tag 1 | size class 1 | difference 2 | bytes 4 | PackedList |
///
/// The class is that of the allocation, the bytes those of the blob. The difference is what the elements would take
/// more in Redis's packed form, so that the list can be cut where Redis cuts it: 454 elements of 16 bytes with 18 bytes
/// each and 14 for leaf and list together just fit the class of 8 KiB.
///
/// A leaf that is too full or belongs to a view is replaced by a larger one or a copy; nobody keeps one across a
/// change.
@safe struct ListLeaf {
  let raw: UnsafeMutableRawPointer

  static let headerBytes = 8
  /// Smaller blocks are not worth their growing.
  private static let minBytes = 64

  @inline(__always)
  init(_ raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  // MARK: Header

  /// Of the leaf's own allocation. Classes from 64 bytes on are 4, 5, 6 or 7 times a power of two.
  var byteCount: Int {
    @inline(__always) get {
      let code = Int(unsafe raw.load(fromByteOffset: 1, as: UInt8.self))
      return (4 | code & 3) << (code >> 2)
    }
  }

  private static func classCode(_ byteCount: Int) -> UInt8 {
    let shift = Int.bitWidth - 3 - byteCount.leadingZeroBitCount
    return UInt8(shift << 2 | (byteCount >> shift) & 3)
  }

  /// The most that the blob can take.
  var capacity: Int { @inline(__always) get { byteCount - Self.headerBytes } }

  var difference: Int {
    @inline(__always) get { Int(unsafe raw.load(fromByteOffset: 2, as: Int16.self)) }
    nonmutating set { unsafe raw.storeBytes(of: Int16(clamping: newValue), toByteOffset: 2, as: Int16.self) }
  }

  private var blobCount: Int {
    @inline(__always) get { Int(unsafe raw.load(fromByteOffset: 4, as: UInt32.self)) }
    nonmutating set { unsafe raw.storeBytes(of: UInt32(newValue), toByteOffset: 4, as: UInt32.self) }
  }

  private var data: UnsafeMutableRawPointer { @inline(__always) get { unsafe raw + Self.headerBytes } }

  var list: PackedList { @inline(__always) get { PackedList(unsafe ByteView(data, count: blobCount)) } }

  var count: Int { @inline(__always) get { list.count } }

  /// What Redis would need for these elements.
  var listpackByteCount: Int {
    @inline(__always) get { Listpack.emptyByteCount + list.elementByteCount + difference }
  }

  /// Redis would keep the only element by itself.
  func isPlain(_ limit: ListNodeLimit) -> Bool {
    count == 1 && limit.isLarge(stringCount: list.item(at: list.start)!.element.count)
  }

  /// As the tree knows it.
  var child: TreeChild { unsafe TreeChild(raw, count: count, byteCount: byteCount) }

  // MARK: Making

  /// Elements that a leaf is to be made of: those that lie `before` and `after` an element, one or both of them empty.
  struct Contents {
    var before = ByteView.empty
    var element: ListElement?
    var after = ByteView.empty
    let count: Int
    let difference: Int

    var byteCount: Int { PackedList.headerBytes + before.count + (element?.byteCount ?? 0) + after.count }
  }

  /// - Parameters:
  ///   - capacity: of the blob, at least; what the contents need is always there.
  ///   - hasRoomInFront: what is not needed lies before the first element, not behind the last.
  /// - Returns: nil without memory, when the contents are long.
  static func make(_ contents: Contents, capacity: Int = 0, hasRoomInFront: Bool = false, tag: UInt8) -> ListLeaf? {
    let needed = contents.byteCount
    let byteCount = Heap.goodSize(max(headerBytes + max(needed, capacity), minBytes))
    guard let raw = unsafe allocate(byteCount, canFail: contents.count == 1 && canFail(needed)) else { return nil }
    unsafe raw.storeBytes(of: tag, as: UInt8.self)
    unsafe raw.storeBytes(of: classCode(byteCount), toByteOffset: 1, as: UInt8.self)
    let leaf = unsafe ListLeaf(raw)
    leaf.difference = contents.difference
    let spare = byteCount - headerBytes - needed
    let start = PackedList.headerBytes + (hasRoomInFront ? min(spare, PackedList.maxStart - PackedList.headerBytes) : 0)
    leaf.blobCount = needed + start - PackedList.headerBytes
    unsafe PackedList.writeHeader(count: contents.count, start: start, to: leaf.data)
    var place = unsafe leaf.data + start
    unsafe contents.before.copy(to: place)
    unsafe place += contents.before.count
    if let element = contents.element { unsafe place = element.write(to: place) }
    unsafe contents.after.copy(to: place)
    return leaf
  }

  /// Only long elements, which have a leaf of their own, can be too much for the system; all others share one of a
  /// limited size.
  private static func allocate(_ byteCount: Int, canFail: Bool) -> UnsafeMutableRawPointer? {
    canFail ? unsafe Heap.tryAllocate(byteCount) : unsafe Heap.allocate(byteCount)
  }

  /// True of an element that may find no memory for the leaf of its own that it gets.
  static func canFail(_ element: ListElement) -> Bool { canFail(PackedList.headerBytes + element.byteCount) }

  private static func canFail(_ blobBytes: Int) -> Bool { headerBytes + blobBytes >= Heap.fallibleThresholdBytes }

  static func make(_ element: ListElement, capacity: Int, hasRoomInFront: Bool, tag: UInt8) throws(OutOfMemory)
    -> ListLeaf
  {
    let contents = Contents(element: element, count: 1, difference: element.difference)
    guard let leaf = make(contents, capacity: capacity, hasRoomInFront: hasRoomInFront, tag: tag) else {
      throw OutOfMemory()
    }
    return leaf
  }

  /// The elements from one place to another.
  func elements(from: Int, to: Int) -> ByteView {
    let list = self.list
    precondition(from >= list.start && from <= to)
    return list.blob[from..<to]
  }

  var elements: ByteView { elements(from: list.start, to: list.end) }

  /// Of all elements, in a block that is not larger than they need. Nil without memory, when there is a long one.
  func fittingCopy(tag: UInt8) -> ListLeaf? {
    Self.make(Contents(before: elements, count: count, difference: difference), tag: tag)
  }

  /// A block as large as the elements need would be of a smaller class.
  var isLoose: Bool {
    Heap.goodSize(max(Self.headerBytes + PackedList.headerBytes + list.elementByteCount, Self.minBytes)) < byteCount
  }

  // MARK: Changing in place

  /// Where an element goes.
  enum Place {
    case head, tail
    /// Before the element at an offset of the blob.
    case offset(Int)
  }

  /// Applies a change; the leaf is nobody else's.
  @inline(__always)
  private func apply(_ splice: PackedSplice, _ fill: (UnsafeMutableRawPointer) -> Void) {
    let count = blobCount
    unsafe fill(splice.apply(to: data, byteCount: count, capacity: capacity))
    blobCount = count + splice.byteCountDelta
  }

  /// - Returns: false, with no element added, when there is no room. Complexity: O(1) amortised at either end.
  @inline(__always)
  func add(_ element: ListElement, at place: Place) -> Bool {
    let list = self.list
    let capacity = self.capacity
    let splice: PackedSplice
    switch place {
    case .head:
      guard list.byteCountToPushFirst(element.encoded) <= capacity else { return false }
      splice = list.pushingFirst(element.encoded, capacity: capacity)
    case .tail:
      if list.blob.count + element.byteCount > capacity { return addAfterReclaiming(element) }
      splice = list.pushingLast(element.encoded)
    case .offset(let offset):
      guard list.blob.count + element.byteCount <= capacity else { return false }
      splice = list.inserting(element.encoded, at: offset)
    }
    fill(splice, element)
    return true
  }

  @inline(__always)
  private func fill(_ splice: PackedSplice, _ element: ListElement) {
    unsafe apply(splice) { gap in unsafe PackedList.fill(gap, splice, element.encoded) }
    let more = element.difference
    if more != 0 { difference += more }
  }

  @inline(never)
  private func addAfterReclaiming(_ element: ListElement) -> Bool {
    guard let splice = list.reclaimingRoom(toPushLast: element.encoded, capacity: capacity) else { return false }
    unsafe apply(splice) { _ in }
    fill(list.pushingLast(element.encoded), element)
    return true
  }

  /// - Returns: false, with nothing changed, when there is no room.
  func replace(_ item: PackedList.Item, with element: ListElement) -> Bool {
    guard list.blob.count - item.byteCount + element.byteCount <= capacity else { return false }
    let splice = list.replacing(item, element.encoded)
    difference += element.difference - item.difference
    unsafe apply(splice) { gap in unsafe PackedList.fill(gap, splice, element.encoded) }
    return true
  }

  /// Some elements, not all, of a leaf.
  struct Part {
    let from: Int
    let to: Int
    let count: Int
    let difference: Int
  }

  func part(_ item: PackedList.Item) -> Part {
    Part(from: item.offset, to: item.end, count: 1, difference: item.difference)
  }

  /// Complexity: O(elements).
  func part(_ range: Range<Int>) -> Part {
    let list = self.list
    let from = list.offset(of: range.lowerBound)
    var to = from
    var difference = 0
    for _ in range {
      let item = list.item(at: to)!
      difference += item.difference
      to = item.end
    }
    return Part(from: from, to: to, count: range.count, difference: difference)
  }

  /// A block so large would be mostly empty without the part.
  @inline(__always)
  func isTooLarge(without part: Part) -> Bool {
    byteCount > 256 && 4 * (list.elementByteCount - (part.to - part.from)) < byteCount
  }

  @inline(__always)
  func remove(_ part: Part) {
    unsafe apply(list.removing(from: part.from, to: part.to, count: part.count)) { _ in }
    if part.difference != 0 { difference -= part.difference }
  }

  /// A copy without the part, with a little room. Nil without memory, when there is a long one.
  func copy(without part: Part, tag: UInt8) -> ListLeaf? {
    let contents = Contents(before: elements(from: list.start, to: part.from),
      after: elements(from: part.to, to: list.end),
      count: count - part.count, difference: difference - part.difference)
    return Self.make(contents, capacity: contents.byteCount + contents.byteCount / 4, tag: tag)
  }
}

extension ListLeaf {
  /// Elements that equal one another: so many from the first one on.
  struct Matches {
    var count = 0
    var firstOffset = 0
  }

  /// Complexity: O(count).
  func matches(_ probe: PackedProbe, limit: Int, fromTail: Bool) -> Matches {
    let list = self.list
    var matches = Matches()
    var offset = fromTail ? list.end : list.start
    while matches.count < limit {
      guard let match = fromTail ? list.lastMatch(probe, before: offset) : list.firstMatch(probe, from: offset) else {
        break
      }
      if fromTail || matches.count == 0 { matches.firstOffset = match.item.offset }
      offset = fromTail ? match.item.offset : match.item.end
      matches.count += 1
    }
    return matches
  }

  /// A copy without the matches, of which there are more elements.
  func copy(without matches: Matches, of probe: PackedProbe, tag: UInt8) -> ListLeaf {
    let list = self.list
    let first = list.item(at: matches.firstOffset)!
    let kept = list.elementByteCount - matches.count * first.byteCount
    let empty = Contents(count: 0, difference: difference - matches.count * first.difference)
    guard let copy = Self.make(empty, capacity: PackedList.headerBytes + kept, tag: tag) else {
      fatalError("out of memory")
    }
    var from = list.start
    var place = unsafe copy.data + PackedList.headerBytes
    var offset = matches.firstOffset
    for _ in 0..<matches.count {
      let item = list.firstMatch(probe, from: offset)!.item
      let run = list.blob[from..<item.offset]
      unsafe run.copy(to: place)
      unsafe place += run.count
      from = item.end
      offset = item.end
    }
    unsafe list.blob[from..<list.end].copy(to: place)
    unsafe PackedList.writeHeader(count: count - matches.count, to: copy.data)
    copy.blobCount = PackedList.headerBytes + kept
    return copy
  }
}

/// Leaves of large lists in their tree. They are cut and joined as Redis cuts and joins its nodes, by `ListTree`, and
/// never only because they have become sparse.
enum ListLeaves: TreeLeaf {
  static var isOrdered: Bool { false }
  static var maxElements: Int { 0 }

  static func byteCount(_ leaf: UnsafeMutableRawPointer) -> Int { unsafe ListLeaf(leaf).byteCount }
  static func copyElements(_ leaf: UnsafeMutableRawPointer, to buffer: UnsafeMutablePointer<UInt>) -> Int { 0 }
  static func elementByteCount(_ element: UnsafeMutableRawPointer) -> Int { 0 }

  static func isSparse(_ leaf: TreeChild) -> Bool { false }
  static func balance(_ left: TreeChild, _ right: TreeChild, _ units: inout Units) -> (TreeChild, TreeChild?) {
    (left, right)
  }

  static func remove(_ range: Range<Int>, from child: TreeChild, _ units: inout Units) -> TreeChild {
    let leaf = unsafe ListLeaf(child.raw)
    let part = leaf.part(range)
    if unsafe !units.belongsToView(leaf.raw) && !leaf.isTooLarge(without: part) {
      leaf.remove(part)
      return leaf.child
    }
    guard let copy = leaf.copy(without: part, tag: units.currentTag) else { fatalError("out of memory") }
    unsafe units.retireValue(leaf.raw, leaf.byteCount, tag: units.currentTag)
    return copy.child
  }

  static func split(_ child: TreeChild, at index: Int, _ units: inout Units) -> (TreeChild, TreeChild) {
    let leaf = unsafe ListLeaf(child.raw)
    guard let left = leaf.copy(without: leaf.part(index..<leaf.count), tag: units.currentTag),
      let right = leaf.copy(without: leaf.part(0..<index), tag: units.currentTag)
    else { fatalError("out of memory") }
    unsafe units.retireValue(leaf.raw, leaf.byteCount, tag: units.currentTag)
    return (left.child, right.child)
  }

  static var freeDrop: BackgroundFreer.Function {
    { block, _, tag, limbo in unsafe TreeDrop<ListLeaves>.free(block, tag: tag, Limbo(raw: limbo)) }
  }
}
