/// Putting leaves in, replacing them and taking them out. Each of these makes the inner nodes of its path writable from
/// the root down; leaves are their policy's affair.
extension CountedTree {
  /// Replaces the path's inner nodes that belong to a view by copies. Complexity: O(log n).
  @inline(__always)
  mutating func makeWritable(_ path: inout TreePath, levels: Int, _ units: inout Units) {
    for level in 0..<levels {
      let node = path.node(level, Leaf.self)
      if unsafe units.belongsToView(node.raw) { copyNode(&path, level, &units) }
    }
  }

  @inline(never)
  private mutating func copyNode(_ path: inout TreePath, _ level: Int, _ units: inout Units) {
    let node = path.node(level, Leaf.self)
    replaceNode(&path, level, with: node.copy(0..<node.childCount, room: node.room, tag: units.currentTag), &units)
  }

  /// Puts another node in the place of the path's at `level`, whose parent is writable, and retires the old one.
  private mutating func replaceNode(_ path: inout TreePath, _ level: Int, with node: Node, _ units: inout Units) {
    let old = path.node(level, Leaf.self)
    path.setNode(level, node)
    if level == 0 { unsafe root = node.raw } else { unsafe setChild(path, level - 1, node.raw) }
    unsafe units.retire(old.raw, old.byteCount)
  }

  @inline(__always)
  private func setChild(_ path: TreePath, _ level: Int, _ child: UnsafeMutableRawPointer) {
    unsafe path.node(level, Leaf.self).setChild(path.index(level), child)
  }

  /// Notes that the path's leaf has more elements or bytes now, or less. The path is writable.
  @inline(__always)
  mutating func add(_ path: TreePath, count: Int, byteCount: Int) {
    for level in 0..<height { path.node(level, Leaf.self).add(path.index(level), count: count, byteCount: byteCount) }
    self.count &+= count
    self.byteCount &+= byteCount
  }

  /// Puts another leaf in the place of the position's. The old one is the caller's to retire. The path is writable.
  @inline(__always)
  mutating func setLeaf(_ position: inout TreePosition, _ leaf: UnsafeMutableRawPointer) {
    if height == 0 { unsafe root = leaf } else { unsafe setChild(position.path, height &- 1, leaf) }
    unsafe position.leaf = leaf
  }

  /// As above, with what the new leaf holds; its key stays.
  mutating func replaceLeaf(_ position: inout TreePosition, with leaf: TreeChild, _ units: inout Units) {
    makeWritable(&position.path, levels: height, &units)
    let old = child(at: position)
    unsafe setLeaf(&position, leaf.raw)
    add(position.path, count: leaf.count - old.count, byteCount: leaf.byteCount - old.byteCount)
    position.count = leaf.count
  }

  /// Makes a leaf the only one of an empty tree.
  mutating func insertFirstLeaf(_ leaf: TreeChild) {
    precondition(unsafe root == nil)
    self = CountedTree(leaf, height: 0)
  }

  /// Puts a leaf in right before or after the position's. In an ordered tree the right one of the two must have its
  /// key: `leaf.key`, or `oldKey` when the new one comes before. Positions are void afterwards. Complexity: O(log n).
  mutating func insertLeaf(_ leaf: TreeChild, at position: TreePosition, isBefore: Bool, oldKey: UInt128 = 0,
    _ units: inout Units)
  {
    var path = position.path
    makeWritable(&path, levels: height, &units)
    if height > 0 && isBefore {
      let node = path.node(height - 1, Leaf.self)
      // The new leaf takes over the old one's lower bound, which is right for both.
      let key = node.key(path.index(height - 1))
      node.setKey(path.index(height - 1), oldKey)
      var leaf = leaf
      leaf.key = key
      return insert(leaf, &path, height - 1, path.index(height - 1), &units)
    }
    guard height > 0 else {
      if isBefore { return growRoot(leaf, rootChild, key: oldKey, &units) }
      return growRoot(rootChild, leaf, key: leaf.key, &units)
    }
    insert(leaf, &path, height - 1, path.index(height - 1) + 1, &units)
  }

  /// A new root above two.
  private mutating func growRoot(_ left: TreeChild, _ right: TreeChild, key: UInt128, _ units: inout Units) {
    precondition(height < TreePath.maxHeight)
    let node = Node.make(room: 2, tag: units.currentTag)
    var right = right
    right.key = key
    node.insert(left, at: 0)
    node.insert(right, at: 1)
    self = CountedTree(node.summary(), height: height + 1)
  }

  /// Inserts a child into the path's node at `level`, splitting nodes upwards while they are full. The path is
  /// writable.
  private mutating func insert(_ child: TreeChild, _ path: inout TreePath, _ level: Int, _ index: Int,
    _ units: inout Units)
  {
    var child = child
    var level = level
    var index = index
    while true {
      let node = path.node(level, Leaf.self)
      if node.childCount < Node.maxChildren {
        makeRoom(&path, level, &units)
        path.node(level, Leaf.self).insert(child, at: index)
        return refresh(path, from: level)
      }
      // In the middle, or where the tree's very end is: what is filled in order stays full.
      let count = node.childCount
      var cut = count / 2
      if index == count && isAtEnd(path, above: level) { cut = count - 1 }
      if index == 0 && isAtStart(path, above: level) { cut = 1 }
      let key = node.key(cut)
      let left = node.copy(0..<cut, room: cut + (index <= cut ? 1 : 0), tag: units.currentTag)
      let right = node.copy(cut..<count, room: count - cut + (index <= cut ? 0 : 1), tag: units.currentTag)
      if index <= cut { left.insert(child, at: index) } else { right.insert(child, at: index - cut) }
      replaceNode(&path, level, with: left, &units)
      if level == 0 {
        return growRoot(left.summary(), right.summary(), key: key, &units)
      }
      let parent = path.node(level - 1, Leaf.self)
      index = path.index(level - 1)
      parent[index] = left.summary(key: parent.key(index))
      child = right.summary(key: key)
      index += 1
      level -= 1
    }
  }

  /// Whether a path, down to the nodes above `level`, is the tree's last.
  func isAtEnd(_ path: TreePath, above level: Int) -> Bool {
    for above in 0..<level where path.index(above) + 1 < path.node(above, Leaf.self).childCount { return false }
    return true
  }

  func isAtStart(_ path: TreePath, above level: Int) -> Bool {
    for above in 0..<level where path.index(above) > 0 { return false }
    return true
  }

  /// Makes sure that one more child fits, in a node that is below its full size.
  private mutating func makeRoom(_ path: inout TreePath, _ level: Int, _ units: inout Units) {
    let node = path.node(level, Leaf.self)
    let count = node.childCount
    guard count == node.room else { return }
    replaceNode(&path, level, with: node.copy(0..<count, room: count + 1, tag: units.currentTag), &units)
  }

  /// Brings up to date what is recorded of the path's node at `level` and of those above it.
  mutating func refresh(_ path: TreePath, from level: Int) {
    var level = level
    while level > 0 {
      let parent = path.node(level - 1, Leaf.self)
      let index = path.index(level - 1)
      parent[index] = path.node(level, Leaf.self).summary(key: parent.key(index))
      level -= 1
    }
    let summary = path.node(0, Leaf.self).summary()
    count = summary.count
    byteCount = summary.byteCount
  }

  /// Takes the position's leaf out; it is the caller's to let go. Positions are void afterwards. Complexity: O(log n).
  mutating func removeLeaf(_ position: TreePosition, _ units: inout Units) {
    guard height > 0 else {
      self = CountedTree()
      return
    }
    let rank = rank(ofLeafAt: position)
    var path = position.path
    makeWritable(&path, levels: height, &units)
    var level = height - 1
    // Parents that lose their only child go with it.
    while path.node(level, Leaf.self).childCount == 1 {
      let node = path.node(level, Leaf.self)
      unsafe units.retire(node.raw, node.byteCount)
      if level == 0 {
        self = CountedTree()
        return
      }
      level -= 1
    }
    path.node(level, Leaf.self).remove(path.index(level)..<(path.index(level) + 1))
    shrinkNode(&path, level, &units)
    refresh(path, from: level)
    repair(around: rank, &units)
  }

  /// Gives a node's spare room back when there is much of it.
  private mutating func shrinkNode(_ path: inout TreePath, _ level: Int, _ units: inout Units) {
    let node = path.node(level, Leaf.self)
    let count = node.childCount
    guard node.room > count + count / 2 + 4 else { return }
    replaceNode(&path, level, with: node.copy(0..<count, room: count + 1, tag: units.currentTag), &units)
  }
}
