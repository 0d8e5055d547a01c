/// The leaves of a large list. Where Redis has nodes in a chain, here they hang in a tree that counts, so that a place
/// in the middle is found in O(log n); what each node holds is the same as in Redis, since OBJECT ENCODING tells when
/// there is one node left.
typealias ListTree = CountedTree<ListLeaves>

extension CountedTree where Leaf == ListLeaves {
  // MARK: Ends

  /// Before the first element, or behind the last. The tree is not empty. Complexity: O(log n).
  @inline(__always)
  func end(isTail: Bool) -> TreePosition {
    var path = TreePath()
    var current = unsafe root.unsafelyUnwrapped
    var leafCount = count
    for level in 0..<height {
      let node = unsafe Node(current)
      let index = isTail ? node.childCount &- 1 : 0
      path.setNode(level, node)
      path.setIndex(level, index)
      leafCount = node.count(index)
      unsafe current = node.child(index)
    }
    return unsafe TreePosition(path: path, leaf: current, count: leafCount, offset: isTail ? leafCount : 0)
  }

  /// Adds an element at an end, in a leaf of its own if the limit says so. Nothing has changed after an error.
  /// Complexity: O(1) amortised for the leaf, O(log n) for the counts.
  @inline(__always)
  mutating func push(_ element: ListElement, isTail: Bool, _ limit: ListNodeLimit, _ units: inout Units)
    throws(OutOfMemory)
  {
    guard count > 0 else { return try pushFirst(element, units) }
    var position = end(isTail: isTail)
    if limit.allows(element, in: unsafe ListLeaf(position.leaf)) {
      try add(element, at: isTail ? .tail : .head, &position, limit, &units)
    } else {
      try insertLeaf(element, beside: position, isBefore: !isTail, limit, &units)
    }
  }

  /// What `push` does nearly always: the leaf at the end has room, and nothing on the way to it belongs to a view.
  /// - Returns: false, with nothing changed, when it is not so. Complexity: O(log n).
  @inline(__always)
  mutating func pushInPlace(_ element: ListElement, isTail: Bool, _ limit: ListNodeLimit, _ units: borrowing Units)
    -> Bool
  {
    guard count > 0 else { return false }
    var current = unsafe root.unsafelyUnwrapped
    for _ in 0..<height {
      if unsafe units.belongsToView(current) { return false }
      let node = unsafe Node(current)
      unsafe current = node.child(isTail ? node.childCount &- 1 : 0)
    }
    let leaf = unsafe ListLeaf(current)
    guard unsafe !units.belongsToView(current) && limit.allows(element, in: leaf),
      leaf.add(element, at: isTail ? .tail : .head)
    else { return false }
    unsafe current = root.unsafelyUnwrapped
    for _ in 0..<height {
      let node = unsafe Node(current)
      let index = isTail ? node.childCount &- 1 : 0
      node.add(index, count: 1)
      unsafe current = node.child(index)
    }
    count &+= 1
    return true
  }

  private static var firstLeafBytes: Int { 240 }

  private mutating func pushFirst(_ element: ListElement, _ units: borrowing Units) throws(OutOfMemory) {
    let leaf = try ListLeaf.make(element, capacity: Self.firstLeafBytes, hasRoomInFront: false, tag: units.currentTag)
    insertFirstLeaf(leaf.child)
  }

  /// Takes the element at an end out. There are more. Complexity: O(1) amortised for the leaf, O(log n) for the counts.
  @inline(__always)
  mutating func removeEnd(isTail: Bool, _ units: inout Units) {
    var position = end(isTail: isTail)
    let leaf = unsafe ListLeaf(position.leaf)
    let list = leaf.list
    guard list.count > 1 else { return removeLeafAndRetire(position, &units) }
    let item = isTail ? list.item(before: list.end)! : list.item(at: list.start)!
    remove(leaf.part(item), &position, &units)
  }

  // MARK: Leaves

  /// Puts an element into the position's leaf. Nothing has changed after an error, and the position stays good.
  @inline(__always)
  mutating func add(_ element: ListElement, at place: ListLeaf.Place, _ position: inout TreePosition,
    _ limit: ListNodeLimit, _ units: inout Units) throws(OutOfMemory)
  {
    let leaf = unsafe ListLeaf(position.leaf)
    makeWritable(&position.path, levels: height, &units)
    if unsafe !units.belongsToView(leaf.raw) && leaf.add(element, at: place) {
      add(position.path, count: 1, byteCount: 0)
      position.count &+= 1
      return
    }
    try addByCopy(element, at: place, &position, limit, &units)
  }

  @inline(never)
  private mutating func addByCopy(_ element: ListElement, at place: ListLeaf.Place, _ position: inout TreePosition,
    _ limit: ListNodeLimit, _ units: inout Units) throws(OutOfMemory)
  {
    let leaf = unsafe ListLeaf(position.leaf)
    let list = leaf.list
    let offset: Int
    var isHead = false
    switch place {
    case .head:
      offset = list.start
      isHead = true
    case .tail: offset = list.end
    case .offset(let place): offset = place
    }
    let contents = ListLeaf.Contents(before: leaf.elements(from: list.start, to: offset), element: element,
      after: leaf.elements(from: offset, to: list.end), count: list.count + 1,
      difference: leaf.difference + element.difference)
    // One that only leaves a view keeps its room; one that is full gets half as much again.
    let isFull = contents.byteCount > leaf.capacity
    let capacity = isFull ? min(contents.byteCount + contents.byteCount / 2, limit.leafCapacity) : leaf.capacity
    guard let larger = ListLeaf.make(contents, capacity: capacity, hasRoomInFront: isHead, tag: units.currentTag) else {
      throw OutOfMemory()
    }
    put(larger, &position, &units)
  }

  /// Puts a leaf in the place of the position's, which is retired.
  mutating func put(_ leaf: ListLeaf, _ position: inout TreePosition, _ units: inout Units) {
    let old = unsafe ListLeaf(position.leaf)
    replaceLeaf(&position, with: leaf.child, &units)
    unsafe units.retireValue(old.raw, old.byteCount, tag: units.currentTag)
  }

  /// Makes a leaf of one element beside the position's. Nothing has changed after an error.
  @inline(never)
  mutating func insertLeaf(_ element: ListElement, beside position: TreePosition, isBefore: Bool,
    _ limit: ListNodeLimit, _ units: inout Units) throws(OutOfMemory)
  {
    // As large as a full one is: more of its kind will come.
    let neighbour = unsafe ListLeaf(position.leaf)
    let capacity = limit.isLarge(stringCount: element.stringCount)
      ? 0 : neighbour.isPlain(limit) ? Self.firstLeafBytes : min(neighbour.capacity, limit.leafCapacity)
    let leaf = try ListLeaf.make(element, capacity: capacity, hasRoomInFront: isBefore, tag: units.currentTag)
    var position = position
    tighten(&position, &units)
    insertLeaf(leaf.child, at: position, isBefore: isBefore, &units)
  }

  /// Gives the room back that the position's leaf is not going to need, being full.
  private mutating func tighten(_ position: inout TreePosition, _ units: inout Units) {
    let leaf = unsafe ListLeaf(position.leaf)
    guard leaf.isLoose, unsafe !units.belongsToView(leaf.raw), let copy = leaf.fittingCopy(tag: units.currentTag) else {
      return
    }
    put(copy, &position, &units)
  }

  /// Takes a part of the position's leaf out, which has more. The position stays good.
  @inline(__always)
  mutating func remove(_ part: ListLeaf.Part, _ position: inout TreePosition, _ units: inout Units) {
    let leaf = unsafe ListLeaf(position.leaf)
    if unsafe units.belongsToView(leaf.raw) || leaf.isTooLarge(without: part) {
      return removeByCopy(part, &position, &units)
    }
    makeWritable(&position.path, levels: height, &units)
    leaf.remove(part)
    add(position.path, count: -part.count, byteCount: 0)
    position.count &-= part.count
  }

  @inline(never)
  private mutating func removeByCopy(_ part: ListLeaf.Part, _ position: inout TreePosition, _ units: inout Units) {
    guard let copy = unsafe ListLeaf(position.leaf).copy(without: part, tag: units.currentTag) else {
      fatalError("out of memory")
    }
    put(copy, &position, &units)
  }

  /// Takes the position's leaf out and lets go of it. Positions are void afterwards.
  @inline(never)
  mutating func removeLeafAndRetire(_ position: TreePosition, _ units: inout Units) {
    let leaf = unsafe ListLeaf(position.leaf)
    let byteCount = leaf.byteCount
    removeLeaf(position, &units)
    unsafe units.retireValue(leaf.raw, byteCount, tag: units.currentTag)
  }
}

extension ListNodeLimit {
  /// Of a leaf's blob, as far as room is made for what may come.
  var leafCapacity: Int {
    blockByteCount == Int.max ? Int.max : Heap.goodSize(blockByteCount) - ListLeaf.headerBytes
  }
}
