/// What a `CountedTree` must know of its leaves; everything is resolved at compile time.
///
/// A leaf is a unit, and may point to units of its own, one an element. It is never empty.
protocol TreeLeaf {
  /// Leaves are in the order of their elements' keys, and can be found by them.
  static var isOrdered: Bool { get }
  /// The most units that a leaf points to, 0 when its elements lie in the leaf itself.
  static var maxElements: Int { get }

  /// Of the leaf's own allocation. Reads no byte 0.
  static func byteCount(_ leaf: UnsafeMutableRawPointer) -> Int

  /// Copies the pointers to the leaf's elements out.
  /// - Returns: how many.
  static func copyElements(_ leaf: UnsafeMutableRawPointer, to buffer: UnsafeMutablePointer<UInt>) -> Int
  static func elementByteCount(_ element: UnsafeMutableRawPointer) -> Int

  /// Too small to be left alone beside a neighbour.
  static func isSparse(_ leaf: TreeChild) -> Bool
  /// Makes one leaf of two neighbours or, when that would be too large, shares their elements out. Retires what it
  /// replaces. The second one's key is that of its first element.
  static func balance(_ left: TreeChild, _ right: TreeChild, _ units: inout Units) -> (TreeChild, TreeChild?)
  /// Lets go of some elements, not all of them.
  /// - Returns: the leaf, or what replaces it.
  static func remove(_ range: Range<Int>, from leaf: TreeChild, _ units: inout Units) -> TreeChild
  /// Cuts a leaf in two before `index`, which is neither its start nor its end. Retires what it replaces.
  static func split(_ leaf: TreeChild, at index: Int, _ units: inout Units) -> (TreeChild, TreeChild)

  /// `TreeDrop<Self>.free`, as a function pointer, which only code that is not generic can make:
  ///
  ///     { unsafe TreeDrop<MyLeaf>.free($0, tag: $2, Limbo(raw: $3)) }
  static var freeDrop: BackgroundFreer.Function { get }
}

/// What a search by key looks for.
protocol TreeProbe {
  var key: UInt128 { get }
  /// Whether the place looked for lies before the first element of `leaf`, whose key is, or was, the probe's own.
  func isBefore(firstOf leaf: UnsafeMutableRawPointer) -> Bool
}

/// Looks for the place of a key: before the elements that have it, or after the first of them.
struct KeyProbe: TreeProbe {
  let key: UInt128
  let isBeforeEqual: Bool
  func isBefore(firstOf leaf: UnsafeMutableRawPointer) -> Bool { isBeforeEqual }
}

/// The way from the root to a leaf: the nodes, and which child of each was taken.
@safe struct TreePath {
  /// Inner nodes above a leaf at most. With `minChildren` of 7 and more, 14 levels are out of any memory's reach.
  static var maxHeight: Int { 14 }

  // Spelt out: a loop would fill one that repeats.
  private var nodes: InlineArray<14, UInt> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  private var indexes: InlineArray<14, UInt8> = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

  /// The node at `level`, the root's being 0.
  @inline(__always)
  func node<Leaf: TreeLeaf>(_ level: Int, _: Leaf.Type = Leaf.self) -> TreeNode<Leaf> {
    unsafe TreeNode(UnsafeMutableRawPointer(bitPattern: nodes[level]).unsafelyUnwrapped)
  }

  @inline(__always)
  mutating func setNode<Leaf: TreeLeaf>(_ level: Int, _ node: TreeNode<Leaf>) {
    nodes[level] = unsafe UInt(bitPattern: node.raw)
  }

  @inline(__always)
  func index(_ level: Int) -> Int { Int(indexes[level]) }

  @inline(__always)
  mutating func setIndex(_ level: Int, _ index: Int) { indexes[level] = UInt8(truncatingIfNeeded: index) }
}

/// A leaf, and a place in it: valid until the tree changes.
@safe struct TreePosition {
  var path: TreePath
  var leaf: UnsafeMutableRawPointer
  /// Elements in the leaf.
  var count: Int
  /// 0 ... `count`.
  var offset: Int
}
