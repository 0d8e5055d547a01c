import Testing

@testable import Needletail

/// Which kinds of change a model has met at which moments of a walk, so that a test can say that none was left out.
struct ModelCoverage {
  enum Operation: CaseIterable {
    case insert, overwrite, modify, setExpiry, clearExpiry, increment, touch, pin, remove, rename, copy, move, expire,
      changeFields
    case flush, swap, grow, split, merge, shrink, cancel
  }

  /// Where the walker is, as seen from the key that is changed.
  enum Moment: CaseIterable {
    /// It has not reached the key's segment.
    case ahead
    /// It has copied the segment's pointers and let the segment go, but not yet the key.
    case inside
    /// It has been there, or the key came later.
    case behind
  }

  private struct Case: Hashable {
    let operation: Operation
    let moment: Moment
  }

  private var seen: Set<Case> = []

  mutating func note(_ operation: Operation, _ moment: Moment?) {
    if let moment { seen.insert(Case(operation: operation, moment: moment)) }
  }

  func has(_ operation: Operation) -> Bool { seen.contains { $0.operation == operation } }

  mutating func formUnion(_ other: ModelCoverage) { seen.formUnion(other.seen) }

  /// Changes of single keys that were not met at all three moments, and others that were not met at all. A key that is
  /// not there yet has no moment inside its segment.
  var missing: [String] {
    Operation.allCases.flatMap { operation -> [String] in
      switch operation {
      case .flush, .swap, .grow, .split, .merge, .shrink, .cancel: has(operation) ? [] : ["\(operation)"]
      case .insert: absent(operation, [.ahead, .behind])
      default: absent(operation, Moment.allCases)
      }
    }
  }

  private func absent(_ operation: Operation, _ moments: [Moment]) -> [String] {
    moments.filter { !seen.contains(Case(operation: operation, moment: $0)) }.map { "\(operation) \($0)" }
  }
}

extension KeyspaceModel {
  /// Where the walker is as seen from a key; nil without a view.
  func moment(_ found: Found, in database: Int) -> ModelCoverage.Moment? {
    guard view != nil, let unit = unsafe segment(found.key.hash, in: database) else { return nil }
    if unsafe keyspace.context.units.belongsToView(unit) { return .ahead }
    guard let entry = found.entry, unsafe keyspace.context.units.belongsToView(entry.raw) else { return .behind }
    return .inside
  }

  private func segment(_ hash: UInt64, in database: Int) -> UnsafeMutableRawPointer? {
    guard let directory = unsafe (keyspace.databases + database).pointee.table.directory else { return nil }
    let depth = unsafe (keyspace.databases + database).pointee.table.globalDepth
    return unsafe SegmentLayout.segment(directory[depth == 0 ? 0 : Int(hash >> UInt64(64 - depth))])
  }

  /// How many segments a database has, and their buckets.
  func shape(_ database: Int) -> (segments: Int, buckets: Int) {
    guard let directory = unsafe (keyspace.databases + database).pointee.table.directory else { return (0, 0) }
    let depth = unsafe (keyspace.databases + database).pointee.table.globalDepth
    var shape = (segments: 0, buckets: 0)
    var index = 0
    while index < 1 << depth {
      let word = unsafe directory[index]
      shape.segments += 1
      shape.buckets += SegmentLayout.bucketCount(word)
      index += 1 << (depth - SegmentLayout.depth(word))
    }
    return shape
  }

  /// Tells what a step did to a table's segments while a view was open.
  func noteShape(_ before: (segments: Int, buckets: Int), _ after: (segments: Int, buckets: Int)) {
    if after.segments > before.segments && before.segments > 0 { coverage.note(.split, .ahead) }
    if after.segments < before.segments && after.segments > 0 { coverage.note(.merge, .ahead) }
    if after.segments == before.segments && after.buckets > before.buckets { coverage.note(.grow, .ahead) }
    if after.segments == before.segments && after.buckets < before.buckets { coverage.note(.shrink, .ahead) }
  }
}
