/// Builds a tree from its leaves in order: O(n), every node filled to the brim but the last of each level.
@safe struct TreeBuilder<Leaf: TreeLeaf>: ~Copyable {
  typealias Node = TreeNode<Leaf>

  private let tag: UInt8
  /// The node being filled at each level, the lowest first, and its key.
  private var nodes = InlineArray<14, UInt>(repeating: 0)
  private var keys = InlineArray<14, UInt128>(repeating: 0)
  private var height = 0
  /// A first leaf that has no parent yet.
  private var first: TreeChild?

  /// - Parameter tag: the `currentTag`, which must not change before `finish`.
  init(tag: UInt8) { self.tag = tag }

  /// - Parameter leaf: its key is that of its first element.
  mutating func append(_ leaf: TreeChild) {
    if height == 0 {
      guard let first else {
        self.first = leaf
        return
      }
      self.first = nil
      push(first, 0)
    }
    push(leaf, 0)
  }

  private func node(_ level: Int) -> Node { unsafe Node(UnsafeMutableRawPointer(bitPattern: nodes[level])!) }

  private mutating func push(_ child: TreeChild, _ level: Int) {
    if level == height {
      precondition(height < TreePath.maxHeight)
      height += 1
      start(child, level)
      return
    }
    let node = node(level)
    if node.childCount < Node.maxChildren { return node.insert(child, at: node.childCount) }
    let full = node.summary(key: keys[level])
    start(child, level)
    push(full, level + 1)
  }

  private mutating func start(_ child: TreeChild, _ level: Int) {
    let node = Node.make(room: Node.maxChildren, tag: tag)
    node.insert(child, at: 0)
    nodes[level] = unsafe UInt(bitPattern: node.raw)
    keys[level] = child.key
  }

  /// The tree of all that was appended.
  mutating func finish(_ units: inout Units) -> CountedTree<Leaf> {
    if height == 0 { return CountedTree(first, height: 0) }
    var level = 0
    while true {
      let node = node(level)
      let fitted = node.copy(0..<node.childCount, room: node.childCount, tag: tag)
      unsafe Heap.free(node.raw, node.byteCount)
      let summary = fitted.summary(key: keys[level])
      if level + 1 == height {
        var tree = CountedTree<Leaf>(summary, height: height)
        // The last node of a level may have got too little.
        tree.repair(around: tree.count, &units)
        return tree
      }
      push(summary, level + 1)
      level += 1
    }
  }
}
