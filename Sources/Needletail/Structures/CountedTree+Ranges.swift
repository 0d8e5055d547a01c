/// Cutting trees: whole subtrees go as they are, and only the nodes on the two edges of a cut are changed.
extension CountedTree {
  /// Removes the elements with ranks in `range`, which is inside the tree; the freer gets what they were.
  /// Complexity: O(log n) on this thread.
  mutating func removeRange(_ range: Range<Int>, _ units: inout Units) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    guard !range.isEmpty else { return }
    var drop = TreeDrop<Leaf>()
    let rest = Self.remove(range, from: rootChild, levels: height, &drop, &units)
    self = CountedTree(rest, height: height)
    drop.letGo(units)
    repair(around: range.lowerBound, &units)
  }

  /// - Returns: what is left of `child`; nil when that is nothing.
  private static func remove(_ range: Range<Int>, from child: TreeChild, levels: Int, _ drop: inout TreeDrop<Leaf>,
    _ units: inout Units) -> TreeChild?
  {
    if range == 0..<child.count {
      drop.append(child, levels: levels)
      return nil
    }
    if levels == 0 {
      var rest = Leaf.remove(range, from: child, &units)
      rest.key = child.key
      return rest
    }
    let node = writable(unsafe Node(child.raw), &units)
    var rank = range.lowerBound
    var index = node.index(ofRank: &rank)
    var left = range.count
    while left > 0 {
      let part = node[index]
      let taken = min(part.count - rank, left)
      if let rest = remove(rank..<(rank + taken), from: part, levels: levels - 1, &drop, &units) {
        node[index] = rest
        index += 1
      } else {
        // The next one takes this place; children are so few that one move each is no matter.
        node.remove(index..<(index + 1))
      }
      left -= taken
      rank = 0
    }
    return node.summary(key: child.key)
  }

  /// The node itself, or a copy when it belongs to a view. The caller puts it in the parent.
  private static func writable(_ node: Node, _ units: inout Units) -> Node {
    guard unsafe units.belongsToView(node.raw) else { return node }
    let copy = node.copy(0..<node.childCount, room: node.room, tag: units.currentTag)
    unsafe units.retire(node.raw, node.byteCount)
    return copy
  }

  /// Cuts the tree before the element with `rank`: this one keeps what is before.
  /// - Returns: the rest. Complexity: O(log n).
  mutating func splitOff(from rank: Int, _ units: inout Units) -> CountedTree {
    precondition(rank >= 0 && rank <= count)
    guard rank < count else { return CountedTree() }
    let parts = Self.split(rootChild, at: rank, levels: height, &units)
    var rest = CountedTree(parts.1, height: height)
    self = CountedTree(parts.0, height: height)
    repair(around: count, &units)
    rest.repair(around: 0, &units)
    return rest
  }

  private static func split(_ child: TreeChild, at rank: Int, levels: Int, _ units: inout Units)
    -> (TreeChild?, TreeChild?)
  {
    if rank == 0 { return (nil, child) }
    if rank == child.count { return (child, nil) }
    if levels == 0 {
      var parts = Leaf.split(child, at: rank, &units)
      parts.0.key = child.key
      return parts
    }
    let node = unsafe Node(child.raw)
    var rest = rank
    let index = node.index(ofRank: &rest)
    let parts = split(node[index], at: rest, levels: levels - 1, &units)
    let left = node.copy(0..<index, room: index + 1, tag: units.currentTag)
    if let part = parts.0 { left.insert(part, at: index) }
    let right = node.copy((index + 1)..<node.childCount, room: node.childCount - index, tag: units.currentTag)
    if let part = parts.1 { right.insert(part, at: 0) }
    let key = parts.1?.key ?? (right.childCount > 0 ? right.key(0) : 0)
    unsafe units.retire(node.raw, node.byteCount)
    // Neither is empty: 0 < rank < count.
    return (left.summary(key: child.key), right.summary(key: key))
  }
}
