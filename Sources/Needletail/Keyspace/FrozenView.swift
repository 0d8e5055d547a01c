/// The keyspace as it was at one moment: copies of its tables' directories (8 bytes a segment); everything below them
/// is what the tags say belongs to the view (DESIGN.md §5). Made by `Keyspace.freeze`, walked by a `ViewWalker`.
@safe struct FrozenView: ~Copyable {
  /// One database that was not empty.
  @safe struct Table {
    let database: Int
    let keyCount: Int
    let expiresCount: Int
    fileprivate let words: UnsafeMutablePointer<UInt64>
    fileprivate let globalDepth: Int

    fileprivate var wordCount: Int { 1 << globalDepth }

    /// Directory word `index`, nil beyond the end.
    @inline(__always)
    func word(_ index: Int) -> UInt64? { index < wordCount ? unsafe words[index] : nil }

    /// How many words in a row name the same segment as `word` does.
    @inline(__always)
    func run(_ word: UInt64) -> Int { 1 << (globalDepth - SegmentLayout.depth(word)) }
  }

  let tables: [Table]
  /// What the keyspace's units carry from the freeze on.
  let currentTag: UInt8
  /// When it was frozen, in milliseconds since 1970.
  let nowMilliseconds: Int

  fileprivate init(tables: [Table], currentTag: UInt8, nowMilliseconds: Int) {
    self.tables = tables
    self.currentTag = currentTag
    self.nowMilliseconds = nowMilliseconds
  }

  deinit { for table in tables { unsafe SegmentedTable<Entry>.freeWords(table.words, table.wordCount) } }

  /// Directory words in all databases: at least one a segment.
  var wordCount: Int { tables.reduce(0) { $0 + $1.wordCount } }

  /// Keys in all databases.
  var keyCount: Int { tables.reduce(0) { $0 + $1.keyCount } }
}

extension Keyspace {
  /// True while a view is open.
  var isFrozen: Bool { context.units.isFrozen }

  /// Opens a view of all that is there. Only between commands, and when no view is open.
  /// Complexity: O(segments), about a nanosecond each.
  mutating func freeze() -> FrozenView {
    context.units.freeze()
    var tables: [FrozenView.Table] = []
    for database in 0..<databaseCount {
      guard let directory = unsafe databases[database].table.directory else { continue }
      let depth = unsafe databases[database].table.globalDepth
      let words: UnsafeMutablePointer<UInt64> = unsafe SegmentedTable<Entry>.allocateWords(1 << depth)
      unsafe words.update(from: directory, count: 1 << depth)
      tables.append(unsafe FrozenView.Table(database: database, keyCount: count(database: database),
        expiresCount: expiresCount(database: database), words: words, globalDepth: depth))
    }
    return FrozenView(tables: tables, currentTag: context.units.currentTag, nowMilliseconds: nowMilliseconds)
  }

  /// The view's walker has been everywhere.
  mutating func thaw() {
    context.units.thaw()
    blocksAhead.removeAll()
  }
}
