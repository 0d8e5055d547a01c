import Testing
@testable import Needletail

@Suite struct IncrexTests {
  /// Milliseconds since 1970 at which every test starts.
  static let start = 1_700_000_000_000
  let server = TestServer(nowMilliseconds: start)

  /// The reply in decimals, as RESP2 has it.
  private func sum(_ value: String, _ added: String) -> Reply { [.bulk(value), .bulk(added)] }

  // MARK: Integers

  @Test func adding() {
    server.expect([
      ("INCREX k", [1, 1]), ("INCREX k", [2, 1]), ("INCREX k BYINT 5", [7, 5]), ("INCREX k byint -10", [-3, -10]),
      ("INCREX k BYINT 0", [-3, 0]), ("GET k", "-3"), ("OBJECT ENCODING k", "int"), ("INCREX new BYINT 0", [0, 0]),
      ("GET new", "0"), ("SETRANGE made 0 12", 2), ("INCREX made", [13, 1]), ("OBJECT ENCODING made", "int"),
    ])
  }

  @Test func bounds() {
    server.expect([
      ("SET k 10", .ok), ("INCREX k BYINT 5 UBOUND 12", [10, 0]), ("INCREX k BYINT -5 LBOUND 8", [10, 0]),
      ("GET k", "10"), ("INCREX k BYINT 2 UBOUND 12", [12, 2]), ("INCREX k BYINT -2 LBOUND 10", [10, -2]),
      ("INCREX k BYINT 5 UBOUND 12 SATURATE", [12, 2]), ("INCREX k saturate BYINT -5 LBOUND 10 UBOUND 11", [10, -2]),
      ("INCREX k UBOUND 20 LBOUND 0 BYINT 1", [11, 1]), ("INCREX k BYINT 5 LBOUND 20", [11, 0]),
      // Beyond a bound already: it goes back by itself, or is put there.
      ("INCREX k BYINT -6 UBOUND 5", [5, -6]), ("SET k 50", .ok), ("INCREX k BYINT 5 UBOUND 30", [50, 0]),
      ("INCREX k BYINT -25 UBOUND 30", [25, -25]), ("INCREX k BYINT 5 UBOUND 20 SATURATE", [20, -5]),
      ("INCREX k BYINT -5 LBOUND 40 SATURATE", [40, 20]), ("INCREX k LBOUND 40 UBOUND 40", [40, 0]),
      ("INCREX k LBOUND 40 UBOUND 40 SATURATE", [40, 0]),
    ])
  }

  @Test func aSumOutOfBoundsMakesNoKey() {
    server.expect([
      ("INCREX k BYINT 15 UBOUND 10", [0, 0]), ("INCREX k LBOUND 5", [0, 0]), ("EXISTS k", 0),
      ("INCREX k UBOUND 0 SATURATE", [0, 0]), ("GET k", "0"), ("DEL k", 1), ("INCREX k LBOUND 5 SATURATE", [5, 5]),
      ("GET k", "5"),
    ])
    #expect(server.run("INCREX", "none", "BYFLOAT", "-0.5", "UBOUND", "-1.5") == sum("0", "0"))
    server.expect([("EXISTS none", 0)])
  }

  @Test func limitsOfIntegers() {
    let (most, least) = (Reply.integer(.max), Reply.integer(.min))
    server.expect([
      ("SET k 9223372036854775800", .ok), ("INCREX k BYINT 8", [9_223_372_036_854_775_800, 0]),
      ("INCREX k BYINT 7", [most, 7]), ("INCREX k", [most, 0]), ("INCREX k SATURATE", [most, 0]),
      ("SET k 9223372036854775800", .ok), ("INCREX k BYINT 9223372036854775807 SATURATE", [most, 7]),
      ("INCREX k BYINT 1 UBOUND 9223372036854775807", [most, 0]), ("SET k -9223372036854775800", .ok),
      ("INCREX k BYINT -9", [-9_223_372_036_854_775_800, 0]),
      ("INCREX k BYINT -9223372036854775808 SATURATE", [least, -8]), ("INCREX k BYINT -1 SATURATE", [least, 0]),
      ("SET k 10", .ok), ("INCREX k BYINT 9223372036854775807 UBOUND 100 SATURATE", [100, 90]),
      ("SET k 9223372036854775800", .ok),
      ("INCREX k UBOUND -9223372036854775808 SATURATE", .error("ERR applied increment would overflow")),
      ("GET k", "9223372036854775800"),
    ])
  }

  // MARK: Decimals

  @Test func addingDecimals() {
    server.run("SET", "k", "1.5")
    for (request, value, added) in [
      ("BYFLOAT 0.25", "1.75", "0.25"), ("byfloat 1", "2.75", "1"), ("BYFLOAT -0.75", "2", "-0.75"),
      ("BYFLOAT 1e1", "12", "10"), ("BYFLOAT 0x1p-1", "12.5", "0.5"), ("BYFLOAT 5.5 UBOUND 15", "12.5", "0"),
      ("BYFLOAT 5.5 UBOUND 15.25 SATURATE", "15.25", "2.75"), ("BYFLOAT -9 LBOUND 8 SATURATE", "8", "-7.25"),
      ("BYFLOAT 1 LBOUND 20.5 SATURATE", "20.5", "12.5"), ("BYFLOAT 0.1 UBOUND inf LBOUND -inf", "20.6", "0.1"),
      ("BYFLOAT -20.6", "0", "-20.6"), ("BYFLOAT 0", "0", "0"), ("BYFLOAT 1 LBOUND inf UBOUND inf", "0", "0"),
    ] {
      #expect(server.send("INCREX k \(request)") == sum(value, added), "\(request)")
      #expect(server.run("GET", "k") == .bulk(value))
    }
    server.expect([
      ("OBJECT ENCODING k", "embstr"), ("SET k 41", .ok), ("INCREX k BYFLOAT 1", sum("42", "1")),
      ("OBJECT ENCODING k", "embstr"), ("INCREX k", [43, 1]), ("OBJECT ENCODING k", "int"),
    ])
  }

  @Test func decimalsInBothProtocols() {
    let client = server.connect(isRESP3: true)
    let doubles = Reply.array([.double("2.5"), .double("2.5")])
    client.expect([
      ("INCREX k BYFLOAT 2.5", doubles), ("INCREX k BYFLOAT 1 UBOUND 1", [.double("2.5"), .double("0")]),
      ("SET k 1", .ok), ("INCREX k BYINT 5", [6, 5]),
    ])
    server.expect([("DEL k", 1), ("INCREX k BYFLOAT 2.5", sum("2.5", "2.5"))])
  }

  @Test func limitsOfDecimals() {
    let infinite = Reply.error("ERR applied increment would be Infinity")
    server.expect([
      ("SET k 1e4932", .ok), ("TTL k", -1), ("EXPIRE k 100", 1),
    ])
    guard case .array(let declined) = server.send("INCREX k BYFLOAT 1e4932 EX 50") else { return #expect(Bool(false)) }
    #expect(declined[1] == "0")
    server.expect([("GET k", "1e4932"), ("TTL k", 100)])
    guard case .array(let capped) = server.send("INCREX k BYFLOAT 1e4932 SATURATE") else {
      return #expect(Bool(false))
    }
    // LDBL_MAX
    #expect(capped[0].text?.count == 4933 && capped[0].text?.hasPrefix("118973149535723176502") == true)
    #expect(server.run("GET", "k") == capped[0])
    server.expect([
      ("SET k -1e4932", .ok), ("INCREX k BYFLOAT 0 LBOUND 1e4932 SATURATE", infinite), ("SET k 10", .ok),
      ("INCREX k BYFLOAT 1e4932 UBOUND 100", sum("10", "0")),
      ("INCREX k BYFLOAT 1e4932 UBOUND 100 SATURATE", sum("100", "90")),
      ("INCREX k BYFLOAT 1 LBOUND inf UBOUND inf SATURATE", infinite),
      ("INCREX k BYFLOAT 1 LBOUND -inf UBOUND -inf SATURATE", infinite), ("GET k", "100"),
    ])
  }

  // MARK: Errors

  @Test func syntax() {
    for options in [
      "FOO", "BYINT", "BYFLOAT", "LBOUND", "UBOUND", "EX", "BYINT 1 FOO", "BYINT 1 BYFLOAT 1", "BYFLOAT 1 BYINT 1",
      "BYINT 1 BYINT 2", "BYFLOAT 1 BYFLOAT 1", "LBOUND 0 LBOUND 1", "UBOUND 9 UBOUND 8", "SATURATE SATURATE",
      "SAT", "ENX ENX EX 10", "PERSIST PERSIST", "EX 10 EX 20", "PX 10 PX 20", "EXAT 1 EXAT 1", "PXAT 1 PXAT 1",
      "EX 10 PX 10", "EX 10 PERSIST", "PERSIST EX 10", "PERSIST ENX", "ENX PERSIST", "KEEPTTL", "GET", "IFEQ 1",
      "NX XX", "NX NX", "''",
    ] {
      server.expect([("INCREX k \(options)", .syntaxError)])
    }
    server.expect([("INCREX", .wrongArity("increx")), ("EXISTS k", 0)])
  }

  @Test func badArguments() {
    for (options, text) in [
      ("ENX", "ENX flag requires an expiration"), ("BYINT x ENX", "ENX flag requires an expiration"),
      ("BYINT x", "Increment is not an integer or out of range"),
      ("BYINT 1.5", "Increment is not an integer or out of range"),
      ("BYINT 9223372036854775808", "Increment is not an integer or out of range"),
      ("BYFLOAT x", "Increment is not a valid float"), ("BYFLOAT nan", "Increment is not a valid float"),
      ("BYFLOAT 1e99999", "Increment is not a valid float"),
      ("BYFLOAT +inf", "BYFLOAT increment cannot be Infinity"),
      ("BYFLOAT -inf", "BYFLOAT increment cannot be Infinity"),
      ("LBOUND x", "LBOUND is not an integer or out of range"),
      ("UBOUND 12.5", "UBOUND is not an integer or out of range"),
      ("UBOUND inf", "UBOUND is not an integer or out of range"),
      ("BYFLOAT 1 LBOUND x", "LBOUND is not a valid float"), ("BYFLOAT 1 UBOUND ''", "UBOUND is not a valid float"),
      ("LBOUND 10 UBOUND 5", "LBOUND can't be greater than UBOUND"),
      ("SATURATE LBOUND 10 UBOUND 5", "LBOUND can't be greater than UBOUND"),
      ("BYFLOAT 1 LBOUND 10.5 UBOUND 1.5", "LBOUND can't be greater than UBOUND"),
      ("BYFLOAT 1 UBOUND -inf", "LBOUND can't be greater than UBOUND"),
      ("BYFLOAT 1 LBOUND inf", "LBOUND can't be greater than UBOUND"),
      ("EX 0", "invalid expire time in 'increx' command"), ("PX -1", "invalid expire time in 'increx' command"),
      ("BYFLOAT 1 EXAT 0", "invalid expire time in 'increx' command"),
      ("EX 9223372036854775807", "invalid expire time in 'increx' command"),
      ("EX x", "value is not an integer or out of range"),
    ] {
      server.expect([("INCREX k \(options)", .error("ERR \(text)"))])
    }
    server.expect([
      ("EXISTS k", 0), ("SET k abc", .ok), ("INCREX k", .notAnInteger), ("INCREX k EXAT 1", .notAnInteger),
      ("INCREX k BYFLOAT 1", .error("ERR value is not a valid float")), ("SET k 1.5", .ok),
      ("INCREX k", .notAnInteger), ("SET k inf", .ok),
      ("INCREX k BYFLOAT 1", .error("ERR value cannot be Infinity")), ("GET k", "inf"),
    ])
  }

  // MARK: Expiry and conditions

  @Test func expiries() {
    server.expect([
      ("INCREX k EX 100", [1, 1]), ("TTL k", 100), ("INCREX k", [2, 1]), ("TTL k", 100), ("INCREX k PX 1500", [3, 1]),
      ("PTTL k", 1500), ("INCREX k BYFLOAT 1 EXAT 1700000100", sum("4", "1")), ("PEXPIRETIME k", 1_700_000_100_000),
      ("INCREX k PXAT 1700000000001", [5, 1]), ("PTTL k", 1), ("INCREX k PERSIST", [6, 1]), ("TTL k", -1),
      ("INCREX k PERSIST", [7, 1]), ("TTL k", -1), ("INCREX k EX 100 BYINT 5 UBOUND 7", [7, 0]), ("TTL k", -1),
      ("INCREX k EX 100 BYINT 5 UBOUND 8 SATURATE", [8, 1]), ("TTL k", 100),
      ("INCREX k PERSIST BYINT 5 UBOUND 8", [8, 0]), ("TTL k", 100),
      ("INCREX k BYFLOAT 0.5 PERSIST", sum("8.5", "0.5")),
      ("TTL k", -1), ("INCREX new PERSIST", [1, 1]), ("TTL new", -1),
    ])
  }

  @Test func expiryOnlyWithoutOne() {
    server.expect([
      ("INCREX k EX 100 ENX", [1, 1]), ("TTL k", 100), ("INCREX k ENX EX 10", [2, 1]), ("TTL k", 100),
      ("INCREX k EXAT 1 ENX", [3, 1]), ("GET k", "3"), ("TTL k", 100), ("PERSIST k", 1),
      ("INCREX k PX 5000 ENX", [4, 1]), ("TTL k", 5), ("PERSIST k", 1), ("INCREX k EXAT 1 ENX", [5, 1]),
      ("EXISTS k", 0),
    ])
  }

  @Test func aTimeThatHasPassed() {
    server.expect([
      ("SET k 10", .ok), ("INCREX k EXAT 1", [11, 1]), ("EXISTS k", 0), ("INCREX k PXAT \(Self.start)", [1, 1]),
      ("EXISTS k", 0), ("SET k 10", .ok), ("INCREX k BYFLOAT 0.5 PXAT 1", sum("10.5", "0.5")), ("EXISTS k", 0),
      ("SET k 10", .ok), ("INCREX k EXAT 1 UBOUND 10", [10, 0]), ("GET k", "10"),
    ])
  }

  @Test func existence() {
    server.expect([
      ("INCREX k XX", [0, 0]), ("INCREX k XX BYFLOAT 1", sum("0", "0")), ("EXISTS k", 0), ("INCREX k NX", [1, 1]),
      ("INCREX k NX EX 100", [1, 0]), ("TTL k", -1), ("INCREX k XX EX 100", [2, 1]), ("TTL k", 100),
      ("INCREX k NX BYFLOAT 0.5", sum("2", "0")), ("GET k", "2"), ("SET k x", .ok), ("INCREX k NX", .notAnInteger),
    ])
  }
}
