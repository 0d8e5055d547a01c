import CSystem
import Testing

@testable import Needletail

/// What every tree must be, whatever its leaves are.
@safe struct TreeCheck<Leaf: TreeLeaf> {
  var problems: [String] = []
  /// Leaves in order, with the key that separates each from the one before.
  var leaves: [TreeChild] = []
  /// What all units carry while no view is open.
  let tag: UInt8?

  /// - Parameter byteCount: what a leaf and its elements take.
  init(_ tree: CountedTree<Leaf>, tag: UInt8?, byteCount: (TreeChild) -> Int) {
    self.tag = tag
    guard unsafe tree.root != nil else {
      check(tree.count == 0 && tree.height == 0 && tree.byteCount == 0, "an empty tree has something")
      return
    }
    check(tree.count > 0, "a root without elements")
    visit(tree.rootChild, tree.height, isRoot: true, byteCount)
  }

  private mutating func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition && problems.count < 5 { problems.append(message()) }
  }

  private mutating func visit(_ child: TreeChild, _ levels: Int, isRoot: Bool, _ byteCount: (TreeChild) -> Int) {
    // As the loop does: the walker may be releasing it.
    let found = unsafe cs_load_acquire_u8(child.raw)
    check(found != Units.deadTag && (tag == nil || found == tag), "a unit has tag \(found)")
    if levels == 0 {
      check(child.byteCount == byteCount(child), "a leaf takes \(byteCount(child)), recorded are \(child.byteCount)")
      leaves.append(child)
      return
    }
    let node = unsafe TreeNode<Leaf>(child.raw)
    check(node.childCount > (isRoot ? 1 : 0) && node.childCount <= node.room, "\(node.childCount) children")
    check(node.byteCount == Heap.goodSize(node.byteCount) && node.byteCount <= TreeNode<Leaf>.maxBytes, "size")
    let sum = node.summary()
    check(sum.count == child.count && sum.byteCount == child.byteCount,
      "\(sum.count) elements of \(sum.byteCount) bytes, recorded are \(child.count) of \(child.byteCount)")
    for index in 0..<node.childCount {
      var next = node[index]
      if index == 0 { next.key = child.key }
      visit(next, levels - 1, isRoot: false, byteCount)
    }
  }
}

/// A walk over a tree as it was when it was frozen, one thread or two.
final class TreeView<Leaf: TreeLeaf, Item: Equatable>: @unchecked Sendable {
  @safe struct Visitor: TreeVisitor, ~Copyable {
    var seen: [Item] = []
    var dead = DeadUnits()
    let read: (UnsafeMutableRawPointer) -> [Item]
    mutating func visit(_ unit: UnsafeMutableRawPointer) { seen += unsafe read(unit) }
    mutating func take(dead unit: UnsafeMutableRawPointer, _ byteCount: Int) { unsafe dead.append(unit, byteCount) }
  }
  private var walker: TreeWalker<Leaf>
  private var visitor: Visitor
  private let freer: BackgroundFreer
  let expected: [Item]
  var isCancelled = false

  init(_ trees: CountedTree<Leaf>, _ units: borrowing Units, _ expected: [Item],
    read: @escaping (UnsafeMutableRawPointer) -> [Item])
  {
    walker = TreeWalker(currentTag: units.currentTag)
    unsafe walker.start(root: trees.root, height: trees.height)
    visitor = unsafe Visitor(read: read)
    freer = units.freer
    self.expected = expected
  }

  /// - Returns: false at the end.
  func step(_ limit: Int) -> Bool {
    let done = walker.step(limit, isCancelled: isCancelled, &visitor)
    freer.free(visitor.dead)
    visitor.dead = DeadUnits()
    return done == limit
  }

  /// Empty when the view was what it had to be.
  var problem: String? {
    if isCancelled { return nil }
    return visitor.seen == expected ? nil : "the view has \(visitor.seen.count) elements, expected \(expected.count)"
  }
}
