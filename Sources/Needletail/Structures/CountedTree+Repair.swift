/// Merging what removals have left sparse.
///
/// A removal of any size leaves sparse nodes and leaves only on the ways to the last element before the gap and to the
/// first after it. So the repair descends there, from the root down, and merges the first sparse thing it meets with a
/// neighbour or shares their children out; then it looks again.
extension CountedTree {
  /// Repairs the ways to the elements before and after the gap at `rank`. Complexity: O(log n) merges at worst.
  mutating func repair(around rank: Int, _ units: inout Units) {
    if rank > 0 { repair(at: min(rank, count) - 1, &units) }
    if rank < count { repair(at: rank, &units) }
  }

  private mutating func repair(at rank: Int, _ units: inout Units) {
    while true {
      collapseRoot(&units)
      guard height > 0 && count > 0 else { return }
      var position = position(ofRank: rank)
      guard let level = sparseLevel(position.path) else { return }
      let isMerged = balance(&position.path, level, &units)
      // Leaves that a policy could only share out are as good as it can make them.
      if !isMerged && level == height - 1 { return }
    }
  }

  /// A root with one child is of no use.
  private mutating func collapseRoot(_ units: inout Units) {
    while height > 0 {
      let node = unsafe Node(root!)
      guard node.childCount == 1 else { return }
      self = CountedTree(node[0], height: height - 1)
      unsafe units.retire(node.raw, node.byteCount)
    }
  }

  /// The first level of the path whose node has a sparse child in the path, and another to mend it with.
  private func sparseLevel(_ path: TreePath) -> Int? {
    for level in 0..<height {
      let node = path.node(level, Leaf.self)
      let child = node[path.index(level)]
      let isSparse = unsafe level == height - 1 ? Leaf.isSparse(child) : Node(child.raw).childCount < Node.minChildren
      if isSparse && node.childCount > 1 { return level }
    }
    return nil
  }

  /// Mends the path's child of its node at `level` with a neighbour.
  /// - Returns: whether the two became one.
  private mutating func balance(_ path: inout TreePath, _ level: Int, _ units: inout Units) -> Bool {
    makeWritable(&path, levels: level + 1, &units)
    let node = path.node(level, Leaf.self)
    let left = max(path.index(level) - 1, 0)
    let merged = level == height - 1
      ? Leaf.balance(node[left], node[left + 1], &units) : Self.balance(node[left], node[left + 1], &units)
    var first = merged.0
    first.key = node.key(left)
    node[left] = first
    if let second = merged.1 { node[left + 1] = second } else { node.remove(left + 1..<left + 2) }
    refresh(path, from: level)
    return merged.1 == nil
  }

  /// As a leaf's policy does it, of inner nodes.
  private static func balance(_ left: TreeChild, _ right: TreeChild, _ units: inout Units) -> (TreeChild, TreeChild?) {
    let a = unsafe Node(left.raw)
    let b = unsafe Node(right.raw)
    let total = a.childCount + b.childCount
    defer {
      unsafe units.retire(a.raw, a.byteCount)
      unsafe units.retire(b.raw, b.byteCount)
    }
    if total <= Node.mergeLimit {
      let all = a.copy(0..<a.childCount, room: total, tag: units.currentTag)
      all.append(b, 0..<b.childCount)
      all.setKey(a.childCount, right.key)
      return (all.summary(), nil)
    }
    let cut = total / 2
    let first = Node.make(room: cut, tag: units.currentTag)
    let second = Node.make(room: total - cut, tag: units.currentTag)
    // The key of the second's first child: what stood before it as a bound stays one.
    var key = right.key
    if cut <= a.childCount {
      first.append(a, 0..<cut)
      second.append(a, cut..<a.childCount)
      second.append(b, 0..<b.childCount)
      if cut < a.childCount {
        second.setKey(a.childCount - cut, right.key)
        key = a.key(cut)
      }
    } else {
      first.append(a, 0..<a.childCount)
      first.append(b, 0..<(cut - a.childCount))
      first.setKey(a.childCount, right.key)
      second.append(b, (cut - a.childCount)..<b.childCount)
      key = b.key(cut - a.childCount)
    }
    return (first.summary(), second.summary(key: key))
  }
}
