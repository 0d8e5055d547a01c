import Testing
@testable import Needletail

@Suite struct StringNumberTests {
  let server = TestServer()

  @Test func counting() {
    server.expect([
      ("INCR k", 1), ("INCR k", 2), ("DECR k", 1), ("INCRBY k 41", 42), ("DECRBY k 50", -8), ("INCRBY k -2", -10),
      ("GET k", "-10"), ("OBJECT ENCODING k", "int"), ("DECR new", -1), ("INCRBY other -5", -5), ("DECRBY third -5", 5),
      ("INCR", .wrongArity("incr")), ("INCR k 1", .wrongArity("incr")), ("INCRBY k", .wrongArity("incrby")),
      ("DECRBY k", .wrongArity("decrby")), ("DECR", .wrongArity("decr")),
    ])
  }

  @Test func countingKeepsTheExpiry() {
    server.expect([
      ("SET k 1 EX 100", .ok), ("INCR k", 2), ("TTL k", 100), ("INCRBYFLOAT k 0.5", "2.5"), ("TTL k", 100),
    ])
  }

  @Test func integersHaveLimits() {
    let overflow = Reply.error("ERR increment or decrement would overflow")
    server.expect([
      ("SET k 9223372036854775806", .ok), ("INCR k", .integer(.max)), ("INCR k", overflow), ("INCRBY k 1", overflow),
      ("DECRBY k -1", overflow), ("GET k", "9223372036854775807"), ("INCRBY k -9223372036854775808", -1),
      ("SET k -9223372036854775807", .ok), ("DECR k", .integer(.min)), ("DECR k", overflow), ("INCRBY k -1", overflow),
      ("DECRBY k -9223372036854775808", .error("ERR decrement would overflow")),
      ("DECRBY k 9223372036854775807", overflow), ("INCRBY k 9223372036854775807", -1),
      ("INCRBY k 9223372036854775808", .notAnInteger), ("GET k", "-1"),
    ])
  }

  @Test func whatIsNoInteger() {
    for text in ["''", "a", "1.0", "01", "+1", "-0", "-", "99999999999999999999", "0x1"] {
      server.expect([
        ("SET k \(text)", .ok), ("INCR k", .notAnInteger), ("DECR k", .notAnInteger), ("INCRBY k 1", .notAnInteger),
        ("SET k 1", .ok), ("INCRBY k \(text)", .notAnInteger), ("DECRBY k \(text)", .notAnInteger), ("GET k", "1"),
      ])
    }
    // Both wrong: the argument is judged first, so it does not matter what the key holds.
    server.expect([("SET k a", .ok), ("DECRBY k -9223372036854775808", .error("ERR decrement would overflow"))])
    // Digits that another command made are an integer all the same.
    server.expect([
      ("DEL k", 1), ("SETRANGE k 0 12", 2), ("OBJECT ENCODING k", "raw"), ("INCR k", 13),
      ("OBJECT ENCODING k", "int"),
    ])
    #expect(server.run([Array("SET".utf8), Array("k".utf8), Array("1 ".utf8)]) == .ok)
    server.expect([("INCR k", .notAnInteger)])
  }

  @Test func decimals() {
    // As Redis 8.2.3 answers them.
    for (start, delta, sum) in [
      ("10.50", "0.1", "10.6"), ("5.0e3", "2.0e2", "5200"), ("0", "1", "1"), ("0", "0.1", "0.1"), ("3", "-3", "0"),
      ("-1.5", "1.5", "0"), ("1", "-1.0", "0"), ("1", "1e-17", "1.00000000000000001"), ("1", "1e-18", "1"),
      ("0", "6e-18", "0.00000000000000001"), ("0", "5e-18", "0"), ("0", "-4e-18", "0"),
      ("0", "-6e-18", "-0.00000000000000001"),
      ("9223372036854775807", "1", "9223372036854775808"), ("0", "1e20", "100000000000000000000"), ("0", "0x1p3", "8"),
      ("0", "+1", "1"), ("0", ".5", "0.5"), ("0", "5.", "5"), ("-0", "-0", "0"), ("0", "3.0003", "3.0003"),
    ] {
      server.run("SET", "k", start)
      #expect(server.run("INCRBYFLOAT", "k", delta) == .bulk(sum), "\(start) + \(delta)")
      #expect(server.run("GET", "k") == .bulk(sum))
      #expect(server.run("OBJECT", "ENCODING", "k") == "embstr")
    }
    server.expect([("INCRBYFLOAT new 1.25", "1.25"), ("INCRBYFLOAT k", .wrongArity("incrbyfloat"))])
  }

  @Test func whatIsNoDecimal() {
    let notAFloat = Reply.error("ERR value is not a valid float")
    for text in ["''", "a", "1x", "--1", "nan", "1e5000", "-1e5000", "1e-5000", "1,5", "0x"] {
      server.expect([
        ("SET k 1", .ok), ("INCRBYFLOAT k \(text)", notAFloat), ("SET k \(text)", .ok), ("INCRBYFLOAT k 1", notAFloat),
      ])
    }
    for text in [" 1", "1 ", "\t1", "1\0"] {
      #expect(server.run(["INCRBYFLOAT", "new", text].map { Array($0.utf8) }) == notAFloat)
    }
    for text in ["inf", "-inf", "Infinity"] {
      server.expect([
        ("SET k 1", .ok), ("INCRBYFLOAT k \(text)", .error("ERR increment would produce NaN or Infinity")),
        ("GET k", "1"),
      ])
    }
    server.expect([
      ("SET k 1e4932", .ok), ("INCRBYFLOAT k 1e4932", .error("ERR increment would produce NaN or Infinity")),
      ("GET k", "1e4932"), ("EXISTS new", 0),
    ])
  }

  @Test func theLongestDecimal() {
    server.run("SET", "k", "1e4932")
    guard case .bytes(let digits) = server.run("INCRBYFLOAT", "k", "0") else { return #expect(Bool(false)) }
    #expect(digits.count == 4933)
    #expect(server.run("GET", "k") == .bytes(digits))
    server.expect([("STRLEN k", 4933), ("OBJECT ENCODING k", "raw")])
    #expect(server.run("INCRBYFLOAT", "k", "0") == .bytes(digits))
  }
}
