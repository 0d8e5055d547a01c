import Testing
@testable import Needletail

@Suite struct ExpiryCommandTests {
  static let start = 1_700_000_000_000
  let server = TestServer(nowMilliseconds: start)

  @Test func settingAndAsking() {
    server.expect([
      ("EXPIRE k 10", 0), ("TTL k", -2), ("PTTL k", -2), ("EXPIRETIME k", -2), ("PEXPIRETIME k", -2), ("SET k v", .ok),
      ("TTL k", -1), ("PTTL k", -1), ("EXPIRETIME k", -1), ("PEXPIRETIME k", -1), ("EXPIRE k 10", 1), ("TTL k", 10),
      ("PTTL k", 10_000), ("EXPIRETIME k", 1_700_000_010), ("PEXPIRETIME k", 1_700_000_010_000), ("PEXPIRE k 1499", 1),
      ("TTL k", 1), ("PEXPIRE k 1500", 1), ("TTL k", 2), ("EXPIRETIME k", 1_700_000_002), ("PEXPIRE k 499", 1),
      ("TTL k", 0),
      ("EXPIREAT k 1700000100", 1), ("TTL k", 100), ("PEXPIREAT k 1700000000700", 1), ("PTTL k", 700),
      ("EXPIRETIME k", 1_700_000_001), ("GET k", "v"), ("PERSIST k", 1), ("TTL k", -1), ("PERSIST k", 0),
      ("PERSIST none", 0),
    ])
  }

  @Test(arguments: interestingStringCounts) func expiriesOfEveryEncoding(_ count: Int) {
    let value = bytes(count)
    server.run([Array("SET".utf8), Array("k".utf8), value])
    let encoding = server.run("OBJECT", "ENCODING", "k")
    for time in [1_700_000_000_001, 1 << 47, 1 << 48 - 1, 1 << 48, Int.max] {
      server.expect([
        ("PEXPIREAT k \(time)", 1), ("PEXPIRETIME k", .integer(time)), ("GET k", .bytes(value)),
        ("OBJECT ENCODING k", encoding),
      ])
    }
    server.expect([("PERSIST k", 1), ("GET k", .bytes(value)), ("TTL k", -1)])
  }

  @Test func aTimeThatHasPassedDeletes() {
    for request in [
      "EXPIRE k 0", "EXPIRE k -1", "PEXPIRE k 0", "PEXPIRE k -9223372036854775808", "EXPIREAT k 1", "EXPIREAT k 0",
      "EXPIREAT k -5", "PEXPIREAT k 1700000000000", "PEXPIREAT k -1", "EXPIRE k -1 LT", "EXPIRE k -9223372036854775 LT",
    ] {
      server.expect([("SET k v", .ok), (request, 1), ("EXISTS k", 0)])
    }
  }

  @Test func conditions() {
    server.expect([
      ("SET k v", .ok), ("EXPIRE k 100 XX", 0), ("EXPIRE k 100 GT", 0), ("EXPIRE k 100 LT", 1), ("EXPIRE k 50 NX", 0),
      ("EXPIRE k 50 GT", 0), ("EXPIRE k 100 GT", 0), ("EXPIRE k 100 LT", 0), ("EXPIRE k 101 gt", 1), ("TTL k", 101),
      ("EXPIRE k 50 lt", 1), ("TTL k", 50), ("EXPIRE k 60 XX", 1), ("EXPIRE k 70 XX GT", 1), ("EXPIRE k 60 XX LT", 1),
      ("EXPIRE k 60 XX XX", 1), ("PERSIST k", 1), ("EXPIRE k 60 XX LT", 0), ("EXPIRE k 60 XX GT", 0),
      ("EXPIRE k 10 NX", 1),
      ("PEXPIREAT k 1 NX", 0), ("PEXPIREAT k 1 GT", 0), ("PEXPIREAT k 1 LT", 1), ("EXISTS k", 0),
      ("EXPIRE none 10 NX", 0),
    ])
    let exclusive = Reply.error("ERR NX and XX, GT or LT options at the same time are not compatible")
    let opposite = Reply.error("ERR GT and LT options at the same time are not compatible")
    for command in ["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"] {
      server.expect([
        ("\(command) k 10 NX XX", exclusive), ("\(command) k 10 GT NX", exclusive),
        ("\(command) k 10 NX LT", exclusive),
        ("\(command) k 10 GT LT NX", exclusive), ("\(command) k 10 LT GT", opposite),
        ("\(command) k 10 XX LT GT", opposite),
        ("\(command) k x LT GT", opposite), ("\(command) k 10 FOO", .error("ERR Unsupported option FOO")),
        ("\(command) k x NX foo XX", .error("ERR Unsupported option foo")),
        ("\(command) k 10 ''", .error("ERR Unsupported option ")), ("\(command) k", .wrongArity(command.lowercased())),
      ])
    }
    #expect(server.run("EXPIRE", "k", "10", "a\r\nb") == .error("ERR Unsupported option a  b"))
    #expect(server.run("EXPIRE", "k", "10", "ab\0c") == .error("ERR Unsupported option ab"))
  }

  @Test func timesHaveLimits() {
    let lastMilliseconds = Int.max - Self.start
    for (command, last, first) in [
      ("EXPIRE", lastMilliseconds / 1000, Int.min / 1000), ("PEXPIRE", lastMilliseconds, Int.min),
      ("EXPIREAT", Int.max / 1000, Int.min / 1000), ("PEXPIREAT", Int.max, Int.min),
    ] {
      let invalid = Reply.invalidExpiry(command.lowercased())
      server.expect([
        ("SET k v", .ok), ("\(command) k \(last)", 1), ("GET k", "v"), ("\(command) k x", .notAnInteger),
        ("\(command) k ''", .notAnInteger), ("\(command) none x", .notAnInteger), ("\(command) k \(first)", 1),
        ("EXISTS k", 0),
      ])
      if last < Int.max {
        server.expect([("\(command) k \(last + 1)", invalid), ("\(command) none \(last + 1)", invalid)])
      }
      if first > Int.min { server.expect([("\(command) k \(first - 1)", invalid)]) }
    }
    server.expect([
      ("SET k v PXAT 9223372036854775807", .ok), ("EXPIRETIME k", 9_223_372_036_854_776),
      ("PEXPIRETIME k", .integer(.max)),
      ("PTTL k", .integer(lastMilliseconds)), ("TTL k", .integer((lastMilliseconds + 500) / 1000)),
    ])
  }

  @Test func arities() {
    for command in ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST"] {
      server.expect([
        (command, .wrongArity(command.lowercased())), ("\(command) a b", .wrongArity(command.lowercased())),
      ])
    }
  }
}
