import Testing
@testable import Needletail

/// RENAME, RENAMENX, COPY, MOVE and SWAPDB.
@Suite struct MovingCommandTests {
  static let start = 1_700_000_000_000
  let server = TestServer(nowMilliseconds: Self.start)

  private var dirty: Int { server.withEngine { $0.keyspace.effects.dirty } }

  /// One value of every encoding, and the empty one.
  private static let values: [[UInt8]] = [Array("12345".utf8), Array("-7".utf8)] + interestingStringCounts.map { bytes($0) }

  @Test(arguments: [nil, 5_000] as [Int?])
  func renameKeepsValueAndExpiry(milliseconds: Int?) {
    for old in Self.values {
      for replaced in [nil] + Self.values.map(Optional.some) {
        server.run([Array("SET".utf8), Array("a".utf8), old])
        if let milliseconds { server.run("PEXPIRE", "a", "\(milliseconds)") }
        if let replaced { server.run([Array("SET".utf8), Array("another name".utf8), replaced]) }
        if replaced != nil { server.run("EXPIRE", "another name", "70") }
        let before = dirty
        #expect(server.run("RENAME", "a", "another name") == .ok)
        #expect(dirty == before + 1)
        #expect(server.run("GET", "a") == .null && server.run("GET", "another name") == .bytes(old))
        #expect(server.run("PTTL", "another name") == .integer(milliseconds ?? -1))
        #expect(server.run("DBSIZE") == 1)
        server.run("FLUSHALL")
      }
    }
  }

  @Test func renameChecks() {
    server.expect([
      ("RENAME none a", .error("ERR no such key")), ("RENAME none none", .error("ERR no such key")),
      ("RENAMENX none a", .error("ERR no such key")), ("SET a 1", .ok), ("SET b 2", .ok), ("RENAME a a", .ok),
      ("RENAMENX a a", 0), ("RENAMENX a b", 0), ("MGET a b", ["1", "2"]), ("RENAMENX a c", 1), ("MGET a b c", [.null, "2", "1"]),
      ("RENAME c b", .ok), ("MGET b c", ["1", .null]), ("RENAME a", .wrongArity("rename")),
      ("RENAMENX a b c", .wrongArity("renamenx")),
    ])
  }

  @Test func renamedKeysExpire() {
    server.expect([("SET a 1 PX 100", .ok), ("SET b 2", .ok), ("RENAME a c", .ok), ("RENAME b a", .ok)])
    server.advance(milliseconds: 101)
    server.withEngine { while $0.keyspace.expireStep() {} }
    server.expect([("DBSIZE", 2), ("GET c", .null), ("DBSIZE", 1), ("GET a", "2")])
    server.advance(milliseconds: 200)
    let expires = server.withEngine { engine in
      while engine.keyspace.expireStep() {}
      return engine.keyspace.expiresCount(database: 0)
    }
    #expect(expires == 0)
  }

  @Test func copyChecks() {
    server.expect([
      ("COPY none a", 0), ("COPY none none", .error("ERR source and destination objects are the same")),
      ("COPY a b DB", .syntaxError), ("COPY a b foo", .syntaxError), ("COPY a b DB x", .notAnInteger),
      ("COPY a b DB 16", .error("ERR DB index is out of range")), ("COPY a b DB -1", .error("ERR DB index is out of range")),
      ("COPY a b DB 2147483648", .error("ERR value is out of range, value must between -2147483648 and 2147483647")),
      ("SET a 1 EX 10", .ok), ("COPY a b", 1), ("PTTL b", 10_000), ("COPY a b", 0), ("APPEND a 2", 2), ("GET b", "1"),
      ("COPY a b REPLACE DB 0 replace", 1), ("GET b", "12"), ("COPY a a", .error("ERR source and destination objects are the same")),
      ("COPY a a DB 0", .error("ERR source and destination objects are the same")), ("COPY a a DB 1", 1), ("COPY a a DB 1", 0),
      ("COPY a a DB 3 DB 2", 1), ("SELECT 2", .ok), ("DBSIZE", 1), ("PTTL a", 10_000), ("SELECT 3", .ok), ("DBSIZE", 0),
    ])
  }

  @Test func copiesAreIndependent() {
    for value in Self.values {
      server.run([Array("SET".utf8), Array("a".utf8), value])
      #expect(server.run("COPY", "a", "b", "REPLACE") == 1)
      server.run("APPEND", "a", "x")
      #expect(server.run("GET", "b") == .bytes(value))
      server.run("APPEND", "b", "y")
      #expect(server.run("GET", "a") == .bytes(value + [120]) && server.run("GET", "b") == .bytes(value + [121]))
    }
  }

  /// What Redis 8.2.3 answers for keys of `keyCount` bytes and values of `count`: after SET, EXPIRE, a second SET with
  /// EX, RENAME and COPY.
  @Test(arguments: [
    (5, 28, "embstr embstr embstr embstr embstr"), (5, 29, "embstr raw raw raw raw"), (31, 9, "embstr raw raw raw raw"),
    (32, 7, "embstr raw raw raw raw"), (32, 8, "embstr embstr raw raw raw"), (33, 8, "embstr embstr raw raw raw"),
    (40, 0, "embstr embstr raw raw raw"), (41, 0, "embstr embstr raw raw raw"), (41, 1, "raw raw raw raw raw"),
  ])
  func encodings(keyCount: Int, count: Int, expected: String) {
    let key = String(repeating: "k", count: keyCount)
    let other = String(repeating: "l", count: keyCount)
    let value = String(repeating: "v", count: count)
    let steps: [([String], String)] = [
      (["SET", key, value], key), (["EXPIRE", key, "100"], key), (["SET", key, value, "EX", "100"], key),
      (["RENAME", key, other], other), (["COPY", other, key], key),
    ]
    let told = steps.map { request, key in
      server.run(request.map { Array($0.utf8) })
      return server.run("OBJECT", "ENCODING", key).text ?? "none"
    }
    #expect(told.joined(separator: " ") == expected)
  }

  @Test func move() {
    server.expect([
      ("MOVE a x", .notAnInteger), ("MOVE a 16", .error("ERR DB index is out of range")),
      ("MOVE a 0", .error("ERR source and destination objects are the same")), ("MOVE a 1", 0),
      ("SET a 1 EX 10", .ok), ("MOVE a 1", 1), ("GET a", .null), ("SET a 2", .ok), ("MOVE a 1", 0), ("GET a", "2"),
      ("SELECT 1", .ok), ("GET a", "1"), ("PTTL a", 10_000), ("SELECT 0", .ok),
    ])
    server.advance(milliseconds: 10_100)
    server.withEngine { while $0.keyspace.expireStep() {} }
    server.expect([("SELECT 1", .ok), ("DBSIZE", 0), ("SELECT 0", .ok), ("MOVE a 1", 1)])
  }

  /// Deadlines go with their database, and clients stay with their number.
  @Test func swapdb() {
    let other = server.connect()
    other.expect([("SELECT 2", .ok)])
    server.expect([
      ("SWAPDB 0", .wrongArity("swapdb")), ("SWAPDB x 1", .error("ERR invalid first DB index")),
      ("SWAPDB 0 x", .error("ERR invalid second DB index")), ("SWAPDB 99999999999 1", .error("ERR invalid first DB index")),
      ("SWAPDB 0 16", .error("ERR DB index is out of range")), ("SWAPDB -1 0", .error("ERR DB index is out of range")),
      ("SET a 0 PX 1000", .ok), ("SET only0 x", .ok),
    ])
    other.expect([("SET a 2 PX 2000", .ok)])
    let before = dirty
    server.expect([("SWAPDB 0 2", .ok), ("GET a", "2"), ("SWAPDB 1 1", .ok)])
    #expect(dirty == before + 2)
    other.expect([("GET a", "0"), ("DBSIZE", 2)])
    // Written after the swap: its deadline hangs beside one from before.
    other.expect([("SET b 1 PX 1000", .ok)])
    server.expect([("SWAPDB 2 1", .ok)])
    other.expect([("DBSIZE", 0)])
    server.advance(milliseconds: 1100)
    server.withEngine { while $0.keyspace.expireStep() {} }
    server.expect([("DBSIZE", 1), ("SELECT 1", .ok), ("DBSIZE", 1), ("KEYS *", ["only0"]), ("SELECT 0", .ok)])
    server.advance(milliseconds: 1100)
    server.withEngine { while $0.keyspace.expireStep() {} }
    server.expect([("DBSIZE", 0)])
  }
}
