/// Entries that were made elsewhere, by a snapshot's decoder.
extension Keyspace {
  /// Makes room in an empty database for about `keyCount` keys.
  mutating func reserve(_ keyCount: Int, database: Int) {
    precondition(database >= 0 && database < databaseCount)
    unsafe (databases + database).pointee.table.reserve(keyCount, &context)
  }

  /// Takes an entry in that carries `currentTag`. Complexity: O(1).
  /// - Returns: false when its key is there already; the entry then stays the caller's.
  @inline(__always)
  mutating func insert(_ decoded: DecodedEntry, database: Int) -> Bool {
    precondition(database >= 0 && database < databaseCount)
    precondition(unsafe !context.units.belongsToView(decoded.entry.raw))
    let table = unsafe databases + database
    guard unsafe table.pointee.table.find(decoded.entry.key, hash: decoded.hash) == nil else { return false }
    if decoded.entry.type == .sortedSet { hasHeldSortedSets = true }
    let type = decoded.entry.type
    unsafe table.pointee.sizes.change(type, -1, type, decoded.entry.length)
    let position = unsafe table.pointee.table.insert(decoded.entry, hash: decoded.hash, &context)
    if let expiry = decoded.expiry {
      let due = expiry == Int.max ? expiry : expiry + 1
      unsafe table.pointee.table.setDeadline(at: position, due, &context)
    }
    return true
  }

  /// What `reserve` took too much goes back. Before anything is removed again.
  mutating func settle() {
    for database in 0..<databaseCount { unsafe (databases + database).pointee.table.settle(&context) }
  }

  /// Calls `body` with every entry of a database, expired ones included, the next ones on their way to the cache.
  /// `body` must not change the keyspace. Complexity: O(keys).
  func forEachEntry(database: Int, _ body: (Entry) -> Void) {
    precondition(database >= 0 && database < databaseCount)
    unsafe databases[database].table.forEach(body)
  }
}
