/// Result of looking a key up: its entry, if there is one, and where it is or would go. Valid until the next change to
/// the keyspace that is not made through it.
@safe struct Found {
  let key: Key
  let database: Int
  var entry: Entry?
}

enum ExpiryChange {
  case keep, clear
  /// Milliseconds since 1970.
  case at(Int)
}

struct OutOfMemory: Error {}

struct Keyspace: ~Copyable {
  let seed: HashSeed
  /// Milliseconds since 1970, one reading for a whole command.
  var nowMilliseconds = 0
  /// Changes since the last save.
  var dirty = 0
  let databaseCount: Int

  /// Finds `key`; an entry whose time has come is removed first.
  mutating func find(_ key: Key, in database: Int) -> Found { fatalError() }
  /// Makes the key a string, encoded as an integer where it is one. Any older value of whatever type goes.
  mutating func setString(_ found: inout Found, _ value: ByteView, expiry: ExpiryChange) throws(OutOfMemory) { fatalError() }
  /// Makes the key an integer-encoded string; keeps the expiry. (INCR)
  mutating func setInteger(_ found: inout Found, _ value: Int) { fatalError() }
  /// Makes the string `count` bytes long (`raw` encoding; keeps what was there, zeroes what is new, creates the key) and
  /// lets `body` change the bytes in place. (APPEND, SETRANGE) 
  mutating func modifyString(_ found: inout Found, count: Int, _ body: (UnsafeMutableRawPointer) -> Void) throws(OutOfMemory) { fatalError() }
  /// The key exists.
  mutating func setExpiry(_ found: inout Found, at milliseconds: Int) { fatalError() }
  mutating func clearExpiry(_ found: inout Found) { fatalError() }
  mutating func remove(_ found: inout Found) { fatalError() }
  mutating func flush(database: Int) { fatalError() }
  func count(database: Int) -> Int { fatalError() }
  func expiresCount(database: Int) -> Int { fatalError() }
  mutating func randomEntry(database: Int) -> Entry? { fatalError() }
  /// Calls `body` for elements from `cursor` on, about `count` of them. Returns the next cursor, 0 at the end.
  mutating func scan(database: Int, cursor: UInt64, count: Int, _ body: (Entry) -> Void) -> UInt64 { fatalError() }
  /// Prefetch for commands with several keys: a hint only.
  func prefetchBucket(_ hash: UInt64, database: Int) { fatalError() }
  func prefetchEntry(_ hash: UInt64, database: Int) { fatalError() }
}
