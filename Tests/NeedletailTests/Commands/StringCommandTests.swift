import Testing
@testable import Needletail

@Suite struct StringCommandTests {
  /// Milliseconds since 1970 at which every test starts.
  static let start = 1_700_000_000_000
  let server = TestServer(nowMilliseconds: start)

  // MARK: Reading

  @Test func getAndStrlen() {
    server.expect([
      ("GET k", .null), ("STRLEN k", 0), ("SET k v", .ok), ("GET k", "v"), ("STRLEN k", 1), ("SET k ''", .ok),
      ("GET k", ""), ("STRLEN k", 0), ("SET k -123", .ok), ("GET k", "-123"), ("STRLEN k", 4),
      ("GET", .wrongArity("get")), ("GET k k", .wrongArity("get")), ("STRLEN", .wrongArity("strlen")),
    ])
    #expect(server.connect(isRESP3: true).run("GET", "missing") == .null)
  }

  @Test(arguments: interestingStringCounts) func everyEncodingComesBack(_ count: Int) {
    let value = bytes(count)
    #expect(server.run([Array("SET".utf8), Array("k".utf8), value]) == .ok)
    #expect(server.run("GET", "k") == .bytes(value))
    #expect(server.run("STRLEN", "k") == .integer(count))
    #expect(server.run("MGET", "k", "none", "k") == [.bytes(value), .null, .bytes(value)])
    #expect(server.run("GETRANGE", "k", "0", "-1") == .bytes(value))
    #expect(server.run("OBJECT", "ENCODING", "k") == (count <= 40 ? "embstr" : "raw"))
    // Over what is there already, of every other size.
    for other in interestingStringCounts {
      let next = bytes(other, from: 3)
      #expect(server.run([Array("GETSET".utf8), Array("k".utf8), next]) == .bytes(value))
      #expect(server.run([Array("SET".utf8), Array("k".utf8), value, Array("GET".utf8)]) == .bytes(next))
    }
    #expect(server.run("GETDEL", "k") == .bytes(value))
    #expect(server.run("EXISTS", "k") == 0)
  }

  @Test func integersAreEncoded() {
    for text in ["0", "-1", "7", "9223372036854775807", "-9223372036854775808", "1234567890"] {
      server.expect([("SET k \(text)", .ok), ("OBJECT ENCODING k", "int"), ("GET k", .bulk(text))])
    }
    for text in ["-0", "+1", "01", "9223372036854775808", "-9223372036854775809", "1.0", "1x", "-", "-1-"] {
      server.expect([("SET k \(text)", .ok), ("OBJECT ENCODING k", "embstr"), ("GET k", .bulk(text))])
    }
  }

  /// Redis 8.2 embeds a value where key, value and expiry together fit 64 bytes; these are the longest that do.
  @Test func longestEmbedded() {
    for (keyCount, plain, expiring) in [(1, 40, 32), (2, 39, 31), (5, 36, 28), (20, 21, 13), (30, 11, 3)] {
      let key = String(repeating: "k", count: keyCount)
      let (fits, fitsExpiring) = (String(repeating: "v", count: plain), String(repeating: "v", count: expiring))
      server.expect([
        ("SET \(key) \(fits)", .ok), ("OBJECT ENCODING \(key)", "embstr"), ("SET \(key) \(fits)v", .ok),
        ("OBJECT ENCODING \(key)", "raw"), ("SET \(key) \(fitsExpiring) EX 100", .ok),
        ("OBJECT ENCODING \(key)", "embstr"), ("SET \(key) \(fitsExpiring)v EX 100", .ok),
        ("OBJECT ENCODING \(key)", "raw"),
      ])
    }
  }

  @Test(arguments: [1, 2, 31, 32, 33, 63, 64, 65, 200]) func manyKeys(_ count: Int) {
    let names = (0..<count).map { "key:\($0)" }
    let all = names.joined(separator: " ")
    let pairs = names.map { "\($0) v\($0)" }.joined(separator: " ")
    server.expect([
      ("MSET \(pairs)", .ok), ("MGET \(all) none", .array(names.map { .bulk("v\($0)") } + [.null])),
      ("EXISTS \(all) none \(names[0])", .integer(count + 1)), ("TOUCH \(all) none", .integer(count)),
      ("MSETNX new v \(pairs)", 0), ("EXISTS new", 0), ("DEL none \(all) \(names[0])", .integer(count)),
      ("MSETNX \(pairs)", 1), ("UNLINK \(all)", .integer(count)), ("EXISTS \(all)", 0),
    ])
  }

  @Test func msetChecksItsPairs() {
    server.expect([
      ("MSET a 1 b", .wrongArity("mset")), ("MSETNX a 1 b", .wrongArity("msetnx")), ("MSET a", .wrongArity("mset")),
      ("EXISTS a", 0), ("MSET a 1 a 2", .ok), ("GET a", "2"), ("MSETNX b 1 b 2", 1), ("GET b", "2"),
      ("MSETNX c 1 b 3", 0), ("EXISTS c", 0), ("MGET", .wrongArity("mget")),
    ])
  }

  @Test func msetTakesExpiriesAway() {
    server.expect([("SET k v EX 100", .ok), ("MSET k w", .ok), ("TTL k", -1)])
  }

  // MARK: MSETEX

  @Test func msetex() {
    server.expect([
      ("MSETEX 2 a 1 b 2", 1), ("MGET a b", ["1", "2"]), ("TTL a", -1), ("MSETEX 2 a 3 b 4 EX 10", 1), ("TTL a", 10),
      ("TTL b", 10), ("GET b", "4"), ("MSETEX 1 a 5 keepttl", 1), ("GET a", "5"), ("TTL a", 10), ("MSETEX 1 a 6", 1),
      ("TTL a", -1), ("MSETEX 1 a 7 PX 1500", 1), ("PTTL a", 1500), ("MSETEX 1 a 7 EXAT 1700000100", 1),
      ("PEXPIRETIME a", 1_700_000_100_000), ("MSETEX 1 a 7 PXAT 1700000000001", 1), ("PTTL a", 1),
      ("MSETEX 2 a 1 a 2 PX 5 PX 50", 1), ("GET a", "2"), ("PTTL a", 50),
      ("MSETEX 1 gone v PXAT 1", 1), ("EXISTS gone", 0),
    ])
  }

  @Test func msetexConditions() {
    server.expect([
      ("MSETEX 2 a 1 b 2 XX", 0), ("EXISTS a b", 0), ("MSETEX 2 a 1 b 2 EX 10 nx", 1), ("TTL b", 10),
      ("MSETEX 2 a 3 c 4 NX", 0), ("EXISTS c", 0), ("MSETEX 2 a 3 c 4 XX", 0), ("GET a", "1"),
      ("MSETEX 2 a 3 b 4 XX KEEPTTL", 1), ("MGET a b", ["3", "4"]), ("TTL a", 10), ("MSETEX 2 c 1 c 2 NX NX", 1),
      ("GET c", "2"),
    ])
  }

  @Test func msetexChecksItsArguments() {
    let noNumber = Reply.error("ERR invalid numkeys value")
    let noPairs = Reply.error("ERR wrong number of key-value pairs")
    server.expect([
      ("MSETEX", .wrongArity("msetex")), ("MSETEX 1 a", .wrongArity("msetex")), ("MSETEX a 1 b 2", noNumber),
      ("MSETEX 0 a 1", noNumber), ("MSETEX -1 a 1", noNumber), ("MSETEX 2147483648 a 1", noNumber),
      ("MSETEX 2147483647 a 1", noPairs), ("MSETEX 2 a 1 b", noPairs), ("MSETEX 3 a 1 b 2 EX", noPairs),
      ("MSETEX 1 a 1 b", .syntaxError), ("MSETEX 1 a 1 EX", .syntaxError), ("MSETEX 1 a 1 NX XX", .syntaxError),
      ("MSETEX 1 a 1 EX 10 PX 10", .syntaxError), ("MSETEX 1 a 1 KEEPTTL EX 10", .syntaxError),
      ("MSETEX 1 a 1 PERSIST", .syntaxError), ("MSETEX 1 a 1 GET", .syntaxError),
      ("MSETEX 1 a 1 EX 0", .invalidExpiry("msetex")), ("MSETEX 1 a 1 XX PX x", .notAnInteger), ("EXISTS a", 0),
    ])
  }

  @Test(arguments: [1, 31, 32, 33, 65]) func msetexOfManyKeys(_ count: Int) {
    let names = (0..<count).map { "key:\($0)" }
    let pairs = names.map { "\($0) v\($0)" }.joined(separator: " ")
    let all = names.joined(separator: " ")
    server.expect([
      ("MSETEX \(count) \(pairs) EX 100 XX", 0), ("EXISTS \(all) EX XX", 0), ("MSETEX \(count) \(pairs) EX 100 NX", 1),
      ("MGET \(all) EX", .array(names.map { .bulk("v\($0)") } + [.null])), ("TTL \(names[count - 1])", 100),
      ("MSETEX \(count) \(pairs) NX", 0), ("MSETEX \(count) \(pairs) XX", 1), ("TTL \(names[count - 1])", -1),
    ])
  }

  // MARK: SET

  @Test func setConditions() {
    server.expect([
      ("SET k 1 XX", .null), ("EXISTS k", 0), ("SET k 1 NX", .ok), ("SET k 2 nx", .null), ("GET k", "1"),
      ("SET k 2 xx", .ok), ("GET k", "2"), ("SET k 3 NX XX", .syntaxError), ("SET k 3 XX NX", .syntaxError),
      ("SET k 3 XX XX", .ok), ("SETNX k 4", 0), ("SETNX new 4", 1), ("GET new", "4"), ("GET k", "3"),
    ])
    let client = server.connect(isRESP3: true)
    client.expect([("SET k 5 NX", .null), ("SET fresh 5 NX GET", .null), ("GET fresh", "5")])
  }

  @Test func setGet() {
    server.expect([
      ("SET k 1 GET", .null), ("SET k 2 GET", "1"), ("SET k 3 NX GET", "2"), ("GET k", "2"),
      ("SET none 3 XX GET", .null), ("EXISTS none", 0), ("SET k 4 XX GET", "2"), ("GET k", "4"),
      ("SET k 5 GET PX 5000", "4"), ("PTTL k", 5000), ("SET k 6 GET KEEPTTL", "5"), ("PTTL k", 5000),
      ("SET k 7 GET", "6"), ("PTTL k", -1), ("GETSET k 8", "7"), ("GETSET fresh 8", .null), ("GET fresh", "8"),
    ])
  }

  @Test func setExpiries() {
    let start = Self.start
    server.expect([
      ("SET k v EX 10", .ok), ("PTTL k", 10_000), ("SET k v px 1500", .ok), ("PTTL k", 1500), ("TTL k", 2),
      ("SET k v EXAT 1700000100", .ok), ("PEXPIRETIME k", 1_700_000_100_000), ("SET k v PXAT 1700000000001", .ok),
      ("PTTL k", 1), ("SET k w KEEPTTL", .ok), ("PEXPIRETIME k", .integer(start + 1)), ("SET k w", .ok), ("TTL k", -1),
      ("SET k v KEEPTTL", .ok), ("TTL k", -1), ("SET k v EX 10 EX 20", .ok), ("TTL k", 20),
      ("SET k v KEEPTTL KEEPTTL", .ok), ("TTL k", 20), ("SET k v EX 30 NX", .null), ("TTL k", 20),
      ("SETEX k 5 v", .ok), ("TTL k", 5), ("PSETEX k 700 v", .ok), ("PTTL k", 700), ("GETSET k w", "v"), ("TTL k", -1),
    ])
  }

  @Test func setSyntax() {
    for options in [
      "EX", "PX", "EX 10 PX 10", "EX 10 EXAT 10", "PXAT 10 KEEPTTL", "KEEPTTL EX 10", "PERSIST", "FOO", "EX 10 FOO",
      "''", "GETX", "NXX", "EX 10 PERSIST",
    ] {
      server.expect([("SET k v \(options)", .syntaxError)])
    }
    server.expect([
      ("EXISTS k", 0), ("SET k", .wrongArity("set")), ("SETNX k", .wrongArity("setnx")),
      ("SETEX k 1", .wrongArity("setex")), ("PSETEX k 1 v v", .wrongArity("psetex")),
      ("GETSET k", .wrongArity("getset")),
    ])
  }

  @Test func timesHaveLimits() {
    let lastMilliseconds = Int.max - Self.start
    let lastSeconds = lastMilliseconds / 1000
    for (option, last) in [("EX", lastSeconds), ("PX", lastMilliseconds), ("EXAT", Int.max / 1000), ("PXAT", Int.max)] {
      server.expect([
        ("SET k v \(option) \(last)", .ok), ("GET k", "v"), ("GETEX k \(option) \(last)", "v"), ("SET k v", .ok),
        ("SET k v \(option) 0", .invalidExpiry("set")), ("SET k v \(option) -1", .invalidExpiry("set")),
        ("SET k v \(option) x", .notAnInteger), ("SET k v \(option) 1.5", .notAnInteger),
        ("GETEX k \(option) 0", .invalidExpiry("getex")), ("GETEX k \(option) x", .notAnInteger), ("TTL k", -1),
      ])
      if last < Int.max {
        server.expect([
          ("SET k v \(option) \(last + 1)", .invalidExpiry("set")),
          ("GETEX k \(option) \(last + 1)", .invalidExpiry("getex")),
        ])
      } else {
        server.expect([("SET k v \(option) 9223372036854775808", .notAnInteger)])
      }
    }
    server.expect([
      ("SETEX k 0 v", .invalidExpiry("setex")), ("SETEX k \(lastSeconds) v", .ok),
      ("SETEX k \(lastSeconds + 1) v", .invalidExpiry("setex")), ("PSETEX k -1 v", .invalidExpiry("psetex")),
      ("PSETEX k \(lastMilliseconds) v", .ok), ("PSETEX k \(lastMilliseconds + 1) v", .invalidExpiry("psetex")),
      ("SETEX k x v", .notAnInteger),
      // Both a wrong time and a failed condition: the time is judged first.
      ("SET k v NX EX 0", .invalidExpiry("set")), ("GETEX none EX 0", .null),
    ])
  }

  @Test func aTimeThatHasPassed() {
    server.expect([
      ("SET k v PXAT 1", .ok), ("GET k", .null), ("EXISTS k", 0), ("SET k v", .ok), ("SET k v EXAT 1 GET", "v"),
      ("GET k", .null),
    ])
  }

  @Test func keysExpire() {
    server.expect([("SET k v PX 10", .ok)])
    server.advance(milliseconds: 10)
    server.expect([("GET k", "v"), ("PTTL k", 0)])
    server.advance(milliseconds: 1)
    server.expect([("GET k", .null), ("SET k v XX", .null), ("SET k v NX", .ok), ("TTL k", -1)])
  }

  // MARK: GETEX, GETDEL

  @Test func getex() {
    server.expect([
      ("GETEX k", .null), ("SET k v", .ok), ("GETEX k EX 10", "v"), ("TTL k", 10), ("GETEX k", "v"), ("TTL k", 10),
      ("GETEX k persist", "v"), ("TTL k", -1), ("GETEX k PERSIST", "v"), ("GETEX k PX 1500", "v"), ("PTTL k", 1500),
      ("GETEX k EXAT 1700000100", "v"), ("EXPIRETIME k", 1_700_000_100), ("GETEX k PXAT 1700000000500", "v"),
      ("PTTL k", 500), ("GETEX k PXAT 1700000000000", "v"), ("EXISTS k", 0), ("SET k v", .ok), ("GETEX k EXAT 1", "v"),
      ("EXISTS k", 0), ("SET k v", .ok),
    ])
    for options in ["EX", "EX 10 PX 10", "PERSIST EX 10", "EX 10 PERSIST", "KEEPTTL", "NX", "GET", "FOO"] {
      server.expect([("GETEX k \(options)", .syntaxError), ("GETEX none \(options)", .syntaxError)])
    }
    server.expect([
      ("GETEX k PERSIST PERSIST", "v"), ("GETEX k EX 10 EX 30", "v"), ("TTL k", 30), ("GETEX", .wrongArity("getex")),
    ])
  }

  @Test func getdel() {
    server.expect([
      ("GETDEL k", .null), ("SET k 5", .ok), ("GETDEL k", "5"), ("GETDEL k", .null), ("GETDEL", .wrongArity("getdel")),
      ("GETDEL k k", .wrongArity("getdel")),
    ])
  }

  // MARK: What is counted

  @Test func hitsAndMisses() {
    func counters() -> [Int] {
      server.withEngine { [$0.statistics.keyspaceHits, $0.statistics.keyspaceMisses, $0.keyspace.effects.dirty] }
    }
    func change(_ request: String) -> [Int] {
      server.send("SET k v")
      let before = counters()
      server.send(request)
      return zip(counters(), before).map { $0 - $1 }
    }
    for (request, expected) in [
      ("GET k", [1, 0, 0]), ("GET n", [0, 1, 0]), ("EXISTS k n", [1, 1, 0]), ("TYPE k", [1, 0, 0]),
      ("TTL n", [0, 1, 0]),
      ("OBJECT ENCODING k", [1, 0, 0]), ("OBJECT ENCODING n", [0, 1, 0]), ("TOUCH k n", [1, 1, 0]),
      ("MGET k n", [1, 1, 0]),
      ("SET k x GET", [1, 0, 1]), ("SETNX k v", [0, 0, 0]), ("APPEND k x", [0, 0, 1]), ("STRLEN k", [1, 0, 0]),
      ("GETDEL k", [1, 0, 1]), ("GETEX k EX 100", [1, 0, 1]), ("GETEX k", [1, 0, 0]), ("GETEX k PERSIST", [1, 0, 0]),
      ("GETSET k x", [1, 0, 1]), ("EXPIRE k 100", [0, 0, 1]), ("EXPIRE n 100", [0, 0, 0]), ("EXPIRE k -1", [0, 0, 1]),
      ("PERSIST k", [0, 0, 0]), ("MSET a 1 b 2 c 3", [0, 0, 3]), ("MSETNX a 1 z 2", [0, 0, 0]), ("LCS k n", [1, 1, 0]),
      ("SET k v EX 100", [0, 0, 1]), ("SETEX k 100 v", [0, 0, 1]), ("DEL k a b", [0, 0, 3]),
      ("INCRBYFLOAT q 1", [0, 0, 1]),
      ("INCR q", [0, 0, 1]), ("GETRANGE k 0 -1", [1, 0, 0]), ("GETRANGE n 0 -1", [0, 1, 0]), ("RANDOMKEY", [0, 0, 0]),
      ("KEYS k", [0, 0, 0]), ("SET k x IFEQ v", [0, 0, 1]), ("SET k x IFEQ w", [0, 0, 0]),
      ("SET k x IFEQ w GET", [1, 0, 0]), ("DIGEST k", [1, 0, 0]), ("DIGEST n", [0, 1, 0]),
      ("DELEX k IFNE v", [0, 0, 0]),
      ("DELEX k IFEQ v", [0, 0, 1]), ("DELEX k", [0, 0, 1]), ("DELIFEQ k w", [0, 0, 0]), ("DELIFEQ k v", [0, 0, 1]),
      ("MSETEX 2 a 1 b 2 EX 100", [0, 0, 2]), ("INCREX q EX 100", [0, 0, 1]), ("INCREX q UBOUND 1", [0, 0, 0]),
    ] {
      #expect(change(request) == expected, "\(request)")
    }
  }
}
