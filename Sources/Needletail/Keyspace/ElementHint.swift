/// Where an element of a large collection may be, to fetch it into the cache before a command looks it up.
///
/// The collection is looked up without any of what a command's lookup does: it may have expired, or be gone by the time
/// the command runs.
@safe struct ElementHint {
  @safe private enum Table {
    case fields(UnsafeMutablePointer<SegmentedTable<HashField>>)
    case members(UnsafeMutablePointer<SegmentedTable<SetMember>>)
    case scores(UnsafeMutablePointer<SegmentedTable<ScoredMember>>)
  }

  private let table: Table
  private let hash: UInt64

  /// Smaller tables are in the cache anyway, or soon will be.
  private static var countMin: Int { 4096 }

  /// Nil: there is nothing to fetch. Starts fetching the bucket.
  @inline(__always)
  fileprivate init?(_ entry: Entry, _ element: ByteView, _ seed: HashSeed, isFrozen: Bool) {
    guard let root = unsafe entry.root else { return nil }
    @inline(__always)
    func start<Element>(_ table: UnsafeMutablePointer<SegmentedTable<Element>>) -> UInt64? {
      guard unsafe table.pointee.count >= Self.countMin else { return nil }
      let hash = unsafe table.pointee.hash(element, seed)
      if isFrozen { unsafe table.pointee.prefetchTag(hash) }
      unsafe table.pointee.prefetchBucket(hash)
      return hash
    }
    let started: UInt64?
    switch entry.type {
    case .hash:
      let fields = unsafe TableRoot<HashField>(raw: root).table
      unsafe table = .fields(fields)
      started = unsafe start(fields)
    case .set:
      let members = unsafe TableRoot<SetMember>(raw: root).table
      unsafe table = .members(members)
      started = unsafe start(members)
    case .sortedSet:
      let scores = unsafe SortedSetRoot(raw: root).index
      unsafe table = .scores(scores)
      started = unsafe start(scores)
    default:
      return nil
    }
    guard let started else { return nil }
    hash = started
  }

  /// Starts fetching the element; its bucket should be in the cache by now.
  @inline(__always)
  func prefetchElement() {
    switch table {
    case .fields(let table): unsafe table.pointee.prefetchElement(hash)
    case .members(let table): unsafe table.pointee.prefetchElement(hash)
    case .scores(let table): unsafe table.pointee.prefetchElement(hash)
    }
  }
}

extension Keyspace {
  /// Starts fetching the bucket of an element of the key's collection, if that is a large one. A hint.
  @inline(__always)
  func prefetchElementBucket(_ element: ByteView, of key: Key, in database: Int) -> ElementHint? {
    guard let hit = unsafe databases[database].table.find(key.bytes, hash: key.hash) else { return nil }
    return ElementHint(hit.element, element, seed, isFrozen: isFrozen)
  }
}
