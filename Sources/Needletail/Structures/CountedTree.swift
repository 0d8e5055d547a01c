import CSystem

/// A B+-tree whose inner nodes count what is below them: everything by rank and, in ordered trees, by key is O(log n).
///
///     root -> inner nodes (TreeNode) -> leaves (a TreeLeaf's) [-> elements]
///
/// No parent pointers and no sibling links, so that a node that belongs to a frozen view can be replaced by a copy
/// (DESIGN.md §5): every change makes its path writable from the root down. Nodes grow by the allocator's classes and
/// split only at their full size, so a small tree is small, and a large one about as full at every size; one that is
/// filled in order is filled to the brim, since a split at the very end of the tree leaves the old node full.
///
/// The tree is a handle of four words without a unit of its own: whoever holds it stores it, and writes it back after
/// every change. Nothing is freed when it goes: see `drop`.
@safe struct CountedTree<Leaf: TreeLeaf> {
  typealias Node = TreeNode<Leaf>

  /// A leaf, or an inner node when `height` is above 0; nil when the tree is empty.
  var root: UnsafeMutableRawPointer?
  /// Levels of inner nodes.
  var height = 0
  /// Elements.
  var count = 0
  /// What all nodes, leaves and elements take, in the allocator's classes.
  var byteCount = 0

  init() { unsafe root = nil }

  /// A tree over what `child` says, whose height is known.
  init(_ child: TreeChild?, height: Int) {
    unsafe root = child?.raw
    self.height = child == nil ? 0 : height
    count = child?.count ?? 0
    byteCount = child?.byteCount ?? 0
  }

  @inline(__always) var isEmpty: Bool { count == 0 }

  /// The whole tree as a child. It is not empty.
  var rootChild: TreeChild { unsafe TreeChild(root!, count: count, byteCount: byteCount) }

  // MARK: Descending

  /// Where the element with `rank` is; `count` stands for the end of the last leaf. The tree is not empty.
  /// Complexity: O(log n).
  @inline(__always)
  func position(ofRank rank: Int) -> TreePosition {
    precondition(rank >= 0 && rank <= count && count > 0)
    var path = TreePath()
    var rest = rank
    var current = unsafe root.unsafelyUnwrapped
    var leafCount = count
    for level in 0..<height {
      let node = unsafe Node(current)
      let index = node.index(ofRank: &rest)
      path.setNode(level, node)
      path.setIndex(level, index)
      leafCount = node.count(index)
      unsafe current = node.child(index)
    }
    return unsafe TreePosition(path: path, leaf: current, count: leafCount, offset: rest)
  }

  /// The leaf where what `probe` looks for is or belongs. The tree is not empty.
  /// Complexity: O(log n); reads elements only where keys are equal.
  @inline(__always)
  func leaf<Probe: TreeProbe>(_ probe: Probe) -> TreePosition {
    var path = TreePath()
    var current = unsafe root.unsafelyUnwrapped
    var leafCount = count
    for level in 0..<height {
      let node = unsafe Node(current)
      let index = self.index(probe, node, below: height &- level)
      path.setNode(level, node)
      path.setIndex(level, index)
      leafCount = node.count(index)
      unsafe current = node.child(index)
    }
    return unsafe TreePosition(path: path, leaf: current, count: leafCount, offset: 0)
  }

  /// - Parameter levels: how many levels the node is above the leaves.
  @inline(__always)
  private func index<Probe: TreeProbe>(_ probe: Probe, _ node: Node, below levels: Int) -> Int {
    let count = node.childCount
    let key = probe.key
    let first = node.bound(key, 1..<count, orEqual: false)
    guard first < count && node.key(first) == key else { return first &- 1 }
    return indexAmongEqual(probe, node, first, levels)
  }

  /// Children from `first` on have the probe's own key: their first elements must tell.
  @inline(never)
  private func indexAmongEqual<Probe: TreeProbe>(_ probe: Probe, _ node: Node, _ first: Int, _ levels: Int) -> Int {
    var low = first
    var high = node.bound(probe.key, first..<node.childCount, orEqual: true)
    while low < high {
      let middle = (low + high) >> 1
      if unsafe probe.isBefore(firstOf: Self.firstLeaf(node.child(middle), levels: levels - 1)) {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low - 1
  }

  /// The leftmost leaf of what is `levels` above the leaves.
  static func firstLeaf(_ child: UnsafeMutableRawPointer, levels: Int) -> UnsafeMutableRawPointer {
    var current = unsafe child
    for _ in 0..<levels { unsafe current = Node(current).child(0) }
    return unsafe current
  }

  /// The rank of the first element of a position's leaf. Complexity: O(log n).
  func rank(ofLeafAt position: TreePosition) -> Int {
    var rank = 0
    for level in 0..<height {
      let node = position.path.node(level, Leaf.self)
      rank += node.countBefore(position.path.index(level))
    }
    return rank
  }

  /// The leaf as its parent knows it.
  func child(at position: TreePosition) -> TreeChild {
    guard height > 0 else { return rootChild }
    return position.path.node(height - 1, Leaf.self)[position.path.index(height - 1)]
  }

  // MARK: Neighbours

  /// Goes to the start of the next leaf. Complexity: O(1) on average, O(log n) at worst.
  /// - Returns: false, leaving the position alone, when it is the last.
  @inline(__always)
  func moveToNextLeaf(_ position: inout TreePosition) -> Bool {
    var level = height &- 1
    while level >= 0 {
      let node = position.path.node(level, Leaf.self)
      let index = position.path.index(level) &+ 1
      if index < node.childCount {
        descend(&position, level, index, toLast: false)
        position.offset = 0
        return true
      }
      level &-= 1
    }
    return false
  }

  /// Goes to the end of the leaf before. Complexity: O(1) on average, O(log n) at worst.
  /// - Returns: false, leaving the position alone, when it is the first.
  @inline(__always)
  func moveToPreviousLeaf(_ position: inout TreePosition) -> Bool {
    var level = height &- 1
    while level >= 0 {
      let index = position.path.index(level) &- 1
      if index >= 0 {
        descend(&position, level, index, toLast: true)
        position.offset = position.count
        return true
      }
      level &-= 1
    }
    return false
  }

  /// Takes child `index` of the path's node at `level`, then always the first or the last.
  private func descend(_ position: inout TreePosition, _ level: Int, _ index: Int, toLast: Bool) {
    var level = level
    var node = position.path.node(level, Leaf.self)
    var index = index
    while true {
      position.path.setIndex(level, index)
      level += 1
      if level == height { break }
      node = unsafe Node(node.child(index))
      position.path.setNode(level, node)
      index = toLast ? node.childCount - 1 : 0
    }
    unsafe position.leaf = node.child(index)
    position.count = node.count(index)
    // Whoever goes leaf by leaf is about to need the one after this.
    let ahead = toLast ? index - 1 : index + 1
    if ahead >= 0 && ahead < node.childCount { unsafe cs_prefetch(node.child(ahead)) }
  }
}
