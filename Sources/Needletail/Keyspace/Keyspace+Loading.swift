import CSystem

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
    // A ring of entries that have been asked for and not been looked at.
    var ring = InlineArray<16, UInt>(repeating: 0)
    var seen = 0
    unsafe databases[database].table.forEach { entry in
      unsafe cs_prefetch(entry.raw)
      unsafe cs_prefetch(entry.raw + 47)
      let slot = seen & 15
      let oldest = ring[slot]
      ring[slot] = unsafe UInt(bitPattern: entry.raw)
      seen += 1
      if oldest != 0 { body(unsafe Entry(raw: UnsafeMutableRawPointer(bitPattern: oldest)!)) }
    }
    for step in 0..<16 {
      let oldest = ring[(seen + step) & 15]
      if oldest != 0 { body(unsafe Entry(raw: UnsafeMutableRawPointer(bitPattern: oldest)!)) }
    }
  }
}
