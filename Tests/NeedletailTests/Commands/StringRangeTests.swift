import Testing
@testable import Needletail

@Suite struct StringRangeTests {
  let server = TestServer()
  static let tooLong = Reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")

  static func limited(to bytes: Int) -> TestServer {
    var settings = Settings()
    settings.bulkLengthMaxBytes = bytes
    return TestServer(settings)
  }

  @Test(arguments: ["Hello", "12345", "-1234"]) func getrange(_ value: String) {
    server.run("SET", "k", value)
    let all = Array(value.utf8)
    for from in -8...8 {
      for to in -8...8 {
        // The naive reading of the documentation.
        let first = max(0, from < 0 ? 5 + from : from)
        let last = min(4, max(0, to < 0 ? 5 + to : to))
        let isBackwards = from < 0 && to < 0 && from > to
        let expected = first <= last && !isBackwards ? Array(all[first...last]) : []
        #expect(server.run("GETRANGE", "k", "\(from)", "\(to)") == .bytes(expected), "\(from) \(to)")
        #expect(server.run("SUBSTR", "k", "\(from)", "\(to)") == .bytes(expected))
      }
    }
    let (low, high) = (Int.min, Int.max)
    server.expect([
      ("GETRANGE k \(low) \(high)", .bulk(value)), ("GETRANGE k \(low) \(low)", .bulk(String(value.first!))),
      ("GETRANGE k \(high) \(high)", ""),
      ("GETRANGE k 0 9223372036854775808", .notAnInteger), ("GETRANGE k x 1", .notAnInteger),
      ("GETRANGE none x 1", .notAnInteger), ("GETRANGE none 0 -1", ""), ("SET k ''", .ok), ("GETRANGE k 0 -1", ""),
      ("GETRANGE k -1 -1", ""), ("GETRANGE k 0", .wrongArity("getrange")), ("SUBSTR k 0", .wrongArity("substr")),
    ])
  }

  @Test func append() {
    server.expect([
      ("APPEND k Hello", 5), ("OBJECT ENCODING k", "embstr"), ("APPEND k World", 10), ("GET k", "HelloWorld"),
      ("OBJECT ENCODING k", "raw"), ("APPEND n 12", 2), ("OBJECT ENCODING n", "int"), ("APPEND n ''", 2),
      ("OBJECT ENCODING n", "raw"), ("APPEND n 3", 3), ("INCR n", 124), ("APPEND e ''", 0), ("EXISTS e", 1),
      ("SET t v EX 100", .ok), ("APPEND t w", 2), ("TTL t", 100), ("APPEND k", .wrongArity("append")),
    ])
  }

  @Test(arguments: interestingStringCounts) func appendToEveryEncoding(_ count: Int) {
    for added in interestingStringCounts {
      let old = bytes(count)
      let new = bytes(added, from: 5)
      server.run([Array("SET".utf8), Array("k".utf8), old])
      #expect(server.run([Array("APPEND".utf8), Array("k".utf8), new]) == .integer(count + added))
      #expect(server.run("GET", "k") == .bytes(old + new))
      #expect(server.run([Array("APPEND".utf8), Array("k".utf8), [0]]) == .integer(count + added + 1))
      #expect(server.run("GET", "k") == .bytes(old + new + [0]))
    }
  }

  @Test(arguments: interestingStringCounts) func setrangeInEveryEncoding(_ count: Int) {
    for offset in interestingStringCounts where offset <= 5000 {
      for added in [1, 2, 300, 2000] {
        let old = bytes(count)
        let new = bytes(added, from: 5)
        var expected = old + [UInt8](repeating: 0, count: max(0, offset + added - count))
        expected.replaceSubrange(offset..<offset + added, with: new)
        server.run([Array("SET".utf8), Array("k".utf8), old])
        let reply = server.run([Array("SETRANGE".utf8), Array("k".utf8), Array("\(offset)".utf8), new])
        #expect(reply == .integer(expected.count))
        #expect(server.run("GET", "k") == .bytes(expected))
      }
    }
  }

  @Test func setrange() {
    server.expect([
      ("SETRANGE k 0 ''", 0), ("EXISTS k", 0), ("SETRANGE k 5 ab", 7), ("GET k", "\0\0\0\0\0ab"),
      ("OBJECT ENCODING k", "raw"), ("SET n 12345", .ok), ("SETRANGE n 1 xx", 5), ("GET n", "1xx45"),
      ("SETRANGE n 9223372036854775807 ''", 5), ("SETRANGE n -1 ''", .error("ERR offset is out of range")),
      ("SETRANGE n -1 x", .error("ERR offset is out of range")), ("SETRANGE n x x", .notAnInteger),
      ("SETRANGE n 536870911 xx", Self.tooLong), ("SETRANGE none 536870912 x", Self.tooLong), ("EXISTS none", 0),
      ("SETRANGE n 9223372036854775807 x", Self.tooLong), ("SET t v EX 100", .ok), ("SETRANGE t 3 w", 4),
      ("TTL t", 100),
      ("SETRANGE n 0", .wrongArity("setrange")),
    ])
  }

  @Test(arguments: [10, 5000]) func stringsHaveALimit(_ limit: Int) {
    let server = Self.limited(to: limit)
    let almost = String(repeating: "x", count: limit - 1)
    server.expect([
      ("SET k \(almost)", .ok), ("APPEND k ab", Self.tooLong), ("APPEND k a", .integer(limit)),
      ("APPEND k ''", .integer(limit)),
      ("APPEND k b", Self.tooLong), ("SETRANGE k \(limit - 1) z", .integer(limit)),
      ("SETRANGE k \(limit) z", Self.tooLong),
      ("SETRANGE k \(limit - 1) zz", Self.tooLong), ("STRLEN k", .integer(limit)),
      ("SETRANGE n \(limit) z", Self.tooLong),
      ("SETRANGE n \(limit - 1) z", .integer(limit)),
    ])
  }
}
