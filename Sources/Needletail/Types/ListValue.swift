/// A list to be read: one that lies in its entry is packed (`PackedList`), others are trees of such. Valid until the
/// key changes.
@safe struct ListValue {
  /// Empty when the list is packed.
  fileprivate let tree: ListTree
  fileprivate let packed: PackedList
  /// Elements. Complexity: O(1).
  let count: Int

  @inline(__always)
  init(_ entry: Entry) {
    if let blob = entry.blob {
      packed = PackedList(blob)
      tree = ListTree()
      count = packed.count
    } else {
      packed = PackedList(.empty)
      tree = unsafe ListRoot(raw: entry.child).tree
      count = tree.count
    }
  }

  @inline(__always) fileprivate var isPacked: Bool { !packed.blob.isEmpty }

  /// The element at an end. There is one. Complexity: O(log n).
  @inline(__always)
  func end(isTail: Bool) -> PackedElement {
    let list = isPacked ? packed : unsafe ListLeaf(tree.end(isTail: isTail).leaf).list
    return (isTail ? list.item(before: list.end)! : list.item(at: list.start)!).element
  }

  /// The element at `index`, which is inside. Complexity: O(log n).
  func element(at index: Int) -> PackedElement {
    if isPacked { return packed.item(atIndex: index).element }
    let position = tree.position(ofRank: index)
    return unsafe ListLeaf(position.leaf).list.item(atIndex: position.offset).element
  }

  /// A cursor before the element at `index`, 0 ... `count`. Complexity: O(log n).
  func cursor(at index: Int) -> ListCursor { ListCursor(self, index) }

  /// What a client means by the index of an element, negative ones counted from the end; nil outside.
  func index(_ index: Int) -> Int? {
    let place = index < 0 ? index + count : index
    return place >= 0 && place < count ? place : nil
  }

  /// The elements from `start` to `stop`, both of them included, as a client means them.
  func range(_ start: Int, _ stop: Int) -> Range<Int> {
    let first = max(start < 0 ? start + count : start, 0)
    let last = min(stop < 0 ? stop + count : stop, count - 1)
    return first <= last ? first..<last + 1 : 0..<0
  }
}

/// Goes through a list's elements either way. It stands between two elements, allocates nothing, and is void once the
/// list changes.
@safe struct ListCursor {
  private let tree: ListTree
  private var position: TreePosition
  private var list: PackedList
  private var offset: Int

  fileprivate init(_ value: ListValue, _ index: Int) {
    tree = value.tree
    if value.isPacked {
      list = value.packed
      position = unsafe TreePosition(path: TreePath(), leaf: UnsafeMutableRawPointer(mutating: list.blob.base),
        count: value.count, offset: index)
    } else {
      position = tree.position(ofRank: index)
      list = unsafe ListLeaf(position.leaf).list
    }
    offset = list.offset(of: position.offset)
  }

  /// The element after the cursor, which goes past it; nil at the end. Complexity: O(1) on average.
  @inline(__always)
  mutating func next() -> PackedList.Item? {
    if let item = list.item(at: offset) {
      offset = item.end
      return item
    }
    guard tree.moveToNextLeaf(&position) else { return nil }
    list = unsafe ListLeaf(position.leaf).list
    offset = list.start
    return next(in: list)
  }

  @inline(__always)
  private mutating func next(in list: PackedList) -> PackedList.Item? {
    guard let item = list.item(at: offset) else { return nil }
    offset = item.end
    return item
  }

  /// The element before the cursor, which goes back over it; nil at the start. Complexity: O(1) on average.
  @inline(__always)
  mutating func previous() -> PackedList.Item? {
    if let item = list.item(before: offset) {
      offset = item.offset
      return item
    }
    guard tree.moveToPreviousLeaf(&position) else { return nil }
    list = unsafe ListLeaf(position.leaf).list
    guard let item = list.item(before: list.end) else { return nil }
    offset = item.offset
    return item
  }
}
