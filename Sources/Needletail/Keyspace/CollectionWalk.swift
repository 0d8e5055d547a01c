/// A part of a large collection, as the walk over a frozen view comes to it.
enum CollectionPart {
  case field(HashField)
  case member(SetMember)
  case scored(ScoredMember)
  /// Elements of a list that lie side by side.
  case leaf(ListLeaf)
}

/// The walk over the large collections of a frozen view, one after the other: part of a `ViewWalker`. Made before the
/// walk starts, since nothing is allocated between units.
@safe struct CollectionWalk: ~Copyable {
  private var fields = TableWalk<HashField>()
  private var members = TableWalk<SetMember>()
  private var scored: TreeWalker<MemberLeaf>
  private var leaves: TreeWalker<ListLeaves>
  /// The type of the collection that is being walked.
  private var current: ValueType?

  /// - Parameter currentTag: what units carry since the freeze.
  init(currentTag: UInt8) {
    scored = TreeWalker(currentTag: currentTag)
    leaves = TreeWalker(currentTag: currentTag)
  }

  /// A collection has been begun and not been walked to its end.
  var isUnderWay: Bool { @inline(__always) get { current != nil } }

  /// Starts with the root of a collection whose entry has been released: reads it and releases it.
  mutating func begin(_ type: ValueType, _ root: UnsafeMutableRawPointer, _ releaser: inout UnitReleaser) {
    precondition(current == nil)
    current = type
    switch type {
    case .hash: unsafe fields.begin(TableRoot(raw: root), &releaser)
    case .set: unsafe members.begin(TableRoot(raw: root), &releaser)
    case .sortedSet:
      let root = unsafe SortedSetRoot(raw: root)
      unsafe scored.start(root: root.tree.pointee.root, height: root.tree.pointee.height)
      unsafe releaser.release(root.raw) { SortedSetRoot.byteCount }
    case .list:
      let root = unsafe ListRoot(raw: root)
      let tree = root.tree
      unsafe leaves.start(root: tree.root, height: tree.height)
      unsafe releaser.release(root.raw) { ListRoot.byteCount }
    case .string, .stream: CollectionRoots.noRoot(type)
    }
  }

  /// Visits about `units` units of the collection, and takes them from it.
  mutating func step<Visitor: ViewVisitor & ~Copyable>(units: inout Int, isCancelled: Bool,
    _ releaser: inout UnitReleaser,
    _ visitor: inout Visitor)
  {
    guard let current else { return }
    let goesOn: Bool
    switch current {
    case .hash:
      fields.isCancelled = isCancelled
      goesOn = fields.step(units: &units, &releaser) { visitor.visit(.field($0)) }
    case .set:
      members.isCancelled = isCancelled
      goesOn = members.step(units: &units, &releaser) { visitor.visit(.member($0)) }
    case .sortedSet:
      let limit = units
      let done = unsafe withUnsafeMutablePointer(to: &releaser) { releaser in
        unsafe withUnsafeMutablePointer(to: &visitor) { visitor in
          var adapter = unsafe MemberVisitor(releaser: releaser, visitor: visitor)
          return scored.step(limit, isCancelled: isCancelled, &adapter)
        }
      }
      units -= done
      goesOn = done == limit
    case .list:
      let limit = units
      let done = unsafe withUnsafeMutablePointer(to: &releaser) { releaser in
        unsafe withUnsafeMutablePointer(to: &visitor) { visitor in
          var adapter = unsafe LeafVisitor(releaser: releaser, visitor: visitor)
          return leaves.step(limit, isCancelled: isCancelled, &adapter)
        }
      }
      units -= done
      goesOn = done == limit
    case .string, .stream: CollectionRoots.noRoot(current)
    }
    if !goesOn { self.current = nil }
  }
}

/// Shows the members of a tree to the visitor of a whole view. It lives for one step.
@safe private struct MemberVisitor<Visitor: ViewVisitor & ~Copyable>: TreeVisitor {
  let releaser: UnsafeMutablePointer<UnitReleaser>
  let visitor: UnsafeMutablePointer<Visitor>

  mutating func visit(_ unit: UnsafeMutableRawPointer) {
    unsafe visitor.pointee.visit(.scored(ScoredMember(raw: unit)))
  }

  mutating func take(dead unit: UnsafeMutableRawPointer, _ byteCount: Int) {
    unsafe releaser.pointee.take(dead: unit, byteCount)
  }
}

/// Shows the leaves of a list to the visitor of a whole view. It lives for one step.
@safe private struct LeafVisitor<Visitor: ViewVisitor & ~Copyable>: TreeVisitor {
  let releaser: UnsafeMutablePointer<UnitReleaser>
  let visitor: UnsafeMutablePointer<Visitor>

  mutating func visit(_ unit: UnsafeMutableRawPointer) { unsafe visitor.pointee.visit(.leaf(ListLeaf(unit))) }

  mutating func take(dead unit: UnsafeMutableRawPointer, _ byteCount: Int) {
    unsafe releaser.pointee.take(dead: unit, byteCount)
  }
}
