/// Giving units another place (see `UnitMover`). No view is open.
extension CountedTree {
  /// Moves what is worth it of the leaf with the element at `rank` and of those inner nodes whose first leaf it is; the
  /// elements that a leaf points to are not looked at. `rank` is in the tree. Complexity: O(log n + leaf).
  /// - Returns: where the leaf is now.
  mutating func relocateLeaf(atRank rank: Int, _ mover: inout UnitMover) -> TreePosition {
    var position = position(ofRank: rank)
    var level = height
    while level > 0 && position.path.index(level - 1) == 0 { level -= 1 }
    while level < height {
      relocateNode(&position.path, level, &mover)
      level += 1
    }
    let size = unsafe Leaf.byteCount(position.leaf)
    let old = unsafe position.leaf
    if let copy = unsafe mover.relocate(old, size) {
      unsafe setLeaf(&position, copy)
      unsafe mover.release(old, size)
    }
    return position
  }

  private mutating func relocateNode(_ path: inout TreePath, _ level: Int, _ mover: inout UnitMover) {
    let node = path.node(level, Leaf.self)
    let size = node.byteCount
    guard let copy = unsafe mover.relocate(node.raw, size) else { return }
    path.setNode(level, unsafe Node(copy))
    if level == 0 {
      unsafe root = copy
    } else {
      unsafe path.node(level - 1, Leaf.self).setChild(path.index(level - 1), copy)
    }
    unsafe mover.release(node.raw, size)
  }
}
