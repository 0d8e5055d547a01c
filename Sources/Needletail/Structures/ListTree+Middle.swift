/// Changes in the middle of a large list, where Redis splits its nodes and joins them again.
extension CountedTree where Leaf == ListLeaves {
  /// An element of the list: its leaf, its index there, and where it lies in the blob.
  struct Spot {
    var position: TreePosition
    let item: PackedList.Item

    fileprivate var leaf: ListLeaf { unsafe ListLeaf(position.leaf) }
    fileprivate var isFirst: Bool { position.offset == 0 }
    fileprivate var isLast: Bool { position.offset == position.count - 1 }
  }

  /// The element with `rank`, which is there. Complexity: O(log n).
  func spot(ofRank rank: Int) -> Spot {
    let position = position(ofRank: rank)
    return Spot(position: position, item: unsafe ListLeaf(position.leaf).list.item(atIndex: position.offset))
  }

  /// Puts an element right before or behind another one. Nothing has changed after an error.
  /// Complexity: O(log n).
  mutating func insert(_ element: ListElement, beside spot: Spot, isBefore: Bool, _ limit: ListNodeLimit,
    _ units: inout Units) throws(OutOfMemory)
  {
    var position = spot.position
    if limit.allows(element, in: spot.leaf) {
      let offset = isBefore ? spot.item.offset : spot.item.end
      return try add(element, at: .offset(offset), &position, limit, &units)
    }
    guard isBefore ? spot.isFirst : spot.isLast else { return try split(element, spot, isBefore, limit, &units) }
    // The neighbour may have room. (An element too long to share a leaf finds none.)
    var neighbour = position
    let hasNeighbour = isBefore ? moveToPreviousLeaf(&neighbour) : moveToNextLeaf(&neighbour)
    if hasNeighbour && limit.allows(element, in: unsafe ListLeaf(neighbour.leaf)) {
      return try add(element, at: isBefore ? .tail : .head, &neighbour, limit, &units)
    }
    try insertLeaf(element, beside: position, isBefore: isBefore, limit, &units)
  }

  /// Cuts the leaf at the element; the new one goes to the part without it, or between the two.
  private mutating func split(_ element: ListElement, _ spot: Spot, _ isBefore: Bool, _ limit: ListNodeLimit,
    _ units: inout Units) throws(OutOfMemory)
  {
    let isLarge = limit.isLarge(stringCount: element.stringCount)
    let leaf = spot.leaf
    let cut = isBefore ? spot.item.offset : spot.item.end
    let leftCount = spot.position.offset + (isBefore ? 0 : 1)
    let leftDifference = leaf.part(0..<leftCount).difference
    var left = ListLeaf.Contents(before: leaf.elements(from: leaf.list.start, to: cut), count: leftCount,
      difference: leftDifference)
    var right = ListLeaf.Contents(after: leaf.elements(from: cut, to: leaf.list.end), count: leaf.count - leftCount,
      difference: leaf.difference - leftDifference)
    if !isLarge { if isBefore { left.add(element) } else { right.add(element) } }
    let plain = isLarge ? try ListLeaf.make(element, capacity: 0, hasRoomInFront: false, tag: units.currentTag) : nil
    guard let leftLeaf = ListLeaf.make(left, tag: units.currentTag),
      let rightLeaf = ListLeaf.make(right, tag: units.currentTag)
    else { fatalError("out of memory") }
    var position = spot.position
    let start = rank(ofLeafAt: position)
    put(leftLeaf, &position, &units)
    insertLeaf(rightLeaf.child, at: position, isBefore: false, &units)
    if let plain {
      let position = self.position(ofRank: start)
      return insertLeaf(plain.child, at: position, isBefore: false, &units)
    }
    joinNeighbours(around: isBefore ? start + left.count : start, limit, &units)
  }

  /// Writes another element in the place of one. Nothing has changed after an error. Complexity: O(log n).
  mutating func replace(_ spot: Spot, with element: ListElement, _ limit: ListNodeLimit, _ units: inout Units)
    throws(OutOfMemory)
  {
    let isLarge = limit.isLarge(stringCount: element.stringCount)
    let isPlain = spot.leaf.isPlain(limit)
    if isPlain == isLarge { return try replaceInLeaf(spot, element, limit, &units) }
    if isPlain || spot.position.count == 1 {
      // Its leaf goes; where the new one finds place is as if it came behind it.
      let start = rank(ofLeafAt: spot.position)
      try insert(element, beside: spot, isBefore: false, limit, &units)
      return removeLeafAndRetire(position(ofRank: start), &units)
    }
    try replaceByPlain(spot, element, &units, limit)
  }

  /// In a leaf that stays one.
  mutating func replaceInLeaf(_ spot: Spot, _ element: ListElement, _ limit: ListNodeLimit, _ units: inout Units)
    throws(OutOfMemory)
  {
    let leaf = spot.leaf
    let item = spot.item
    var position = spot.position
    makeWritable(&position.path, levels: height, &units)
    if unsafe !units.belongsToView(leaf.raw) && leaf.replace(item, with: element) { return }
    let contents = ListLeaf.Contents(before: leaf.elements(from: leaf.list.start, to: item.offset), element: element,
      after: leaf.elements(from: item.end, to: leaf.list.end), count: leaf.count,
      difference: leaf.difference + element.difference - item.difference)
    guard let changed = ListLeaf.make(contents, capacity: leaf.count == 1 ? 0 : min(leaf.capacity, limit.leafCapacity),
      tag: units.currentTag)
    else {
      throw OutOfMemory()
    }
    put(changed, &position, &units)
  }

  /// A long element takes the place of one that shares its leaf: what is behind it becomes a leaf of its own.
  private mutating func replaceByPlain(_ spot: Spot, _ element: ListElement, _ units: inout Units,
    _ limit: ListNodeLimit)
    throws(OutOfMemory)
  {
    let leaf = spot.leaf
    let list = leaf.list
    let index = spot.position.offset
    let plain = try ListLeaf.make(element, capacity: 0, hasRoomInFront: false, tag: units.currentTag)
    let leftDifference = leaf.part(0..<index).difference
    let left = ListLeaf.Contents(before: leaf.elements(from: list.start, to: spot.item.offset), count: index,
      difference: leftDifference)
    let right = ListLeaf.Contents(after: leaf.elements(from: spot.item.end, to: list.end),
      count: list.count - index - 1,
      difference: leaf.difference - leftDifference - spot.item.difference)
    var position = spot.position
    let start = rank(ofLeafAt: position)
    var rest: ListLeaf?
    if right.count > 0 {
      guard let made = ListLeaf.make(right, tag: units.currentTag) else { fatalError("out of memory") }
      rest = made
    }
    guard left.count > 0 else {
      put(plain, &position, &units)
      if let rest { insertLeaf(rest.child, at: position, isBefore: false, &units) }
      return
    }
    guard let kept = ListLeaf.make(left, tag: units.currentTag) else { fatalError("out of memory") }
    put(kept, &position, &units)
    insertLeaf(plain.child, at: position, isBefore: false, &units)
    if let rest {
      insertLeaf(rest.child, at: self.position(ofRank: start + index), isBefore: false, &units)
    }
    joinNeighbours(around: start, limit, &units)
  }

  // MARK: Joining

  /// Joins what Redis joins around a node that was split off: the two before it, the two behind it, it with the one
  /// before, and then with the one behind.
  /// - Parameter rank: of an element of that node. Ranks do not change by this.
  private mutating func joinNeighbours(around rank: Int, _ limit: ListNodeLimit, _ units: inout Units) {
    let center = position(ofRank: rank)
    let start = self.rank(ofLeafAt: center)
    let end = start + center.count
    if start > 0 {
      let before = self.rank(ofLeafAt: position(ofRank: start - 1))
      if before > 0 { join(leafAt: before - 1, limit, &units) }
    }
    if end < count { join(leafAt: end, limit, &units) }
    if start > 0 { join(leafAt: start - 1, limit, &units) }
    join(leafAt: start, limit, &units)
  }

  /// Makes one leaf of the one that holds `rank` and the next, if the limit allows it.
  private mutating func join(leafAt rank: Int, _ limit: ListNodeLimit, _ units: inout Units) {
    var position = position(ofRank: rank)
    var next = position
    guard moveToNextLeaf(&next) else { return }
    let a = unsafe ListLeaf(position.leaf)
    let b = unsafe ListLeaf(next.leaf)
    guard limit.allowsJoining(a, b) else { return }
    let contents = ListLeaf.Contents(before: a.elements, after: b.elements, count: a.count + b.count,
      difference: a.difference + b.difference)
    guard let joined = ListLeaf.make(contents, tag: units.currentTag) else { return }
    let start = self.rank(ofLeafAt: position)
    put(joined, &position, &units)
    // The second one's elements are there twice for the moment, behind those of the joined leaf.
    removeLeafAndRetire(self.position(ofRank: start + contents.count), &units)
  }
}

extension ListLeaf.Contents {
  /// Between what is before and what is after.
  fileprivate mutating func add(_ element: ListElement) {
    self = ListLeaf.Contents(before: before, element: element, after: after, count: count + 1,
      difference: difference + element.difference)
  }
}

// MARK: - Matches

extension CountedTree where Leaf == ListLeaves {
  /// Takes elements out that are the probe's: at most `limit`, from the head on or from the tail. The tree may be empty
  /// then. Complexity: O(n).
  /// - Returns: how many.
  mutating func removeMatches(_ probe: PackedProbe, limit: Int, fromTail: Bool, _ units: inout Units) -> Int {
    var position = end(isTail: fromTail)
    var removed = 0
    while true {
      let leaf = unsafe ListLeaf(position.leaf)
      let matches = leaf.matches(probe, limit: limit - removed, fromTail: fromTail)
      removed += matches.count
      if matches.count == leaf.count {
        let start = rank(ofLeafAt: position)
        removeLeafAndRetire(position, &units)
        let next = fromTail ? start - 1 : start
        if removed == limit || next < 0 || next >= count { return removed }
        position = self.position(ofRank: next)
        continue
      }
      if matches.count == 1 {
        remove(leaf.part(leaf.list.item(at: matches.firstOffset)!), &position, &units)
      } else if matches.count > 1 {
        put(leaf.copy(without: matches, of: probe, tag: units.currentTag), &position, &units)
      }
      if removed == limit { return removed }
      guard fromTail ? moveToPreviousLeaf(&position) : moveToNextLeaf(&position) else { return removed }
    }
  }
}
