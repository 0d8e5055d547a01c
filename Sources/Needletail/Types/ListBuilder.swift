/// Makes a list of elements that come one by one, from head to tail.
@safe struct ListBuilder: ~Copyable {
  private let limits: CollectionLimits
  private let limit: ListNodeLimit
  private let tag: UInt8
  private var builder: TreeBuilder<ListLeaves>
  /// The leaf that is being filled.
  private var open: ListLeaf?
  private var closedCount = 0

  private static var firstLeafBytes: Int { 240 }

  /// - Parameter tag: the `currentTag`, which must not change before the end.
  init(_ limits: CollectionLimits, tag: UInt8) {
    self.limits = limits
    limit = ListNodeLimit(ListNodeLimit.remembered(limits.listSize), plainBytes: limits.listPlainBytes)
    self.tag = tag
    builder = TreeBuilder(tag: tag)
  }

  /// Complexity: O(1) amortised.
  mutating func append(_ element: PackedElement) throws(OutOfMemory) {
    let element = ListElement(element)
    guard let leaf = open, limit.allows(element, in: leaf) else {
      let isLarge = limit.isLarge(stringCount: element.stringCount)
      let capacity = isLarge ? 0 : min(open?.capacity ?? Self.firstLeafBytes, limit.leafCapacity)
      let next = try ListLeaf.make(element, capacity: capacity, hasRoomInFront: false, tag: tag)
      endLeaf()
      open = next
      return
    }
    if leaf.add(element, at: .tail) { return }
    let contents = ListLeaf.Contents(before: leaf.elements, element: element, count: leaf.count + 1,
      difference: leaf.difference + element.difference)
    let capacity = min(contents.byteCount + contents.byteCount / 2, limit.leafCapacity)
    guard let larger = ListLeaf.make(contents, capacity: capacity, tag: tag) else { throw OutOfMemory() }
    unsafe Heap.free(leaf.raw, leaf.byteCount)
    open = larger
  }

  /// What comes next lies in another leaf than what has come, as it does in a file of Redis's nodes.
  mutating func endLeaf() {
    guard let leaf = open else { return }
    open = nil
    closedCount += 1
    if leaf.isLoose, let fitting = leaf.fittingCopy(tag: tag) {
      unsafe Heap.free(leaf.raw, leaf.byteCount)
      builder.append(fitting.child)
    } else {
      builder.append(leaf.child)
    }
  }

  /// The list; nil without elements.
  consuming func finish(_ units: inout Units) -> BuiltValue? {
    if closedCount == 0 {
      guard let leaf = open else { return nil }
      if !leaf.isPlain(limit) && ListNodeLimit(limits).allowsListpack(leaf, isShrinking: false) {
        return Self.listpack(leaf, tag)
      }
    }
    endLeaf()
    let tree = builder.finish(&units)
    return unsafe BuiltValue(.list, root: ListRoot.make(tree, nodeSize: limits.listSize, tag: tag).raw)
  }

  private static func listpack(_ leaf: ListLeaf, _ tag: UInt8) -> BuiltValue {
    let elements = leaf.elements
    let byteCount = PackedList.headerBytes + elements.count
    guard byteCount <= Entry.inlineMaxBytes else {
      return unsafe BuiltValue(.list, root: ListRoot.make(ListTree(leaf.child, height: 0), nodeSize: nil, tag: tag).raw)
    }
    let unit = BlobUnit.make(count: byteCount, capacity: byteCount, tag: tag)
    unsafe PackedList.writeHeader(count: leaf.count, to: unit.data)
    unsafe elements.copy(to: unit.data + PackedList.headerBytes)
    unsafe Heap.free(leaf.raw, leaf.byteCount)
    return BuiltValue(.list, packed: unit)
  }

  /// Frees what has been made.
  consuming func discard(_ units: inout Units) {
    endLeaf()
    var tree = builder.finish(&units)
    tree.drop(&units)
  }
}
