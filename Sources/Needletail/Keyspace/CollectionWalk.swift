/// A part of a large collection, as the walk over a frozen view comes to it.
enum CollectionPart {
  case field(HashField)
  case member(SetMember)
}

/// The walk over the large collections of a frozen view, one after the other: part of a `ViewWalker`. Made before the
/// walk starts, since nothing is allocated between units.
@safe struct CollectionWalk: ~Copyable {
  private var fields = TableWalk<HashField>()
  private var members = TableWalk<SetMember>()
  /// The type of the collection that is being walked.
  private var current: ValueType?

  /// A collection has been begun and not been walked to its end.
  var isUnderWay: Bool { @inline(__always) get { current != nil } }

  /// Starts with the root of a collection whose entry has been released: reads it and releases it.
  mutating func begin(_ type: ValueType, _ root: UnsafeMutableRawPointer, _ releaser: inout UnitReleaser) {
    precondition(current == nil)
    current = type
    switch type {
    case .hash: unsafe fields.begin(TableRoot(raw: root), &releaser)
    case .set: unsafe members.begin(TableRoot(raw: root), &releaser)
    case .list, .sortedSet, .string, .stream: CollectionRoots.noRoot(type)
    }
  }

  /// Visits about `units` units of the collection, and takes them from it.
  mutating func step<Visitor: ViewVisitor & ~Copyable>(units: inout Int, isCancelled: Bool, _ releaser: inout UnitReleaser,
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
    case .list, .sortedSet, .string, .stream: CollectionRoots.noRoot(current)
    }
    if !goesOn { self.current = nil }
  }
}
