import Testing
@testable import Needletail

@Suite struct DebugCommandTests {
  private var refusal: Reply {
    .error("""
      ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local \
      connection, otherwise you need to set this option in the configuration file, and then restart the server.
      """)
  }

  private func server(_ access: ProtectedAction = .yes, password: String = "") -> TestServer {
    var settings = Settings()
    settings.debugCommand = access
    settings.password = Array(password.utf8)
    return TestServer(settings)
  }

  @Test func whoMayUseIt() {
    #expect(server(.no).run("DEBUG", "HELP") == refusal)
    #expect(server(.no).run("DEBUG") == .wrongArity("debug"))
    #expect(server(.no, password: "x").run("DEBUG", "HELP") == refusal)
    #expect(server(.yes, password: "x").run("DEBUG", "HELP") == .error("NOAUTH Authentication required."))
    #expect(server(.yes).run("DEBUG", "HELP").elements?.last == .simple("    Print this help."))
    let local = server(.local)
    #expect(local.run("DEBUG", "HELP") == refusal)
    local.client.handle.state.isLocal = true
    #expect(local.run("DEBUG", "HELP").elements?.isEmpty == false)
    #expect(local.run("CONFIG", "SET", "enable-debug-command", "yes").isError)
    #expect(local.run("CONFIG", "GET", "enable-debug-command") == ["enable-debug-command", "local"])
    #expect(local.run("INFO", "commandstats").text?.contains("cmdstat_debug:calls=1,") == true)
    #expect(local.run("INFO", "commandstats").text?.contains("rejected_calls=1,") == true)
  }

  @Test func unknownSubcommands() {
    let server = server()
    let bad = [["x"], ["SLEEP"], ["DIGEST", "x"], ["OBJECT"], ["OBJECT", "k", "x"], ["STRINGMATCH-LEN", "a"], ["HELP", "x"], ["SET-ACTIVE-EXPIRE"]]
    for arguments in bad {
      let name = arguments[0]
      #expect(
        server.run((["DEBUG"] + arguments).map { Array($0.utf8) })
          == .error("ERR unknown subcommand or wrong number of arguments for '\(name)'. Try DEBUG HELP."))
    }
  }

  @Test func sleep() {
    let server = server()
    func milliseconds(_ argument: String) -> Int {
      let start = WallClock.microseconds
      #expect(server.run("DEBUG", "SLEEP", argument) == .ok)
      return (WallClock.microseconds - start) / 1000
    }
    #expect(milliseconds("0.05") >= 50)
    for none in ["x", "0", "-1", "nan", "inf", "1e300"] { #expect(milliseconds(none) < 1000) }
  }

  @Test func object() throws {
    let server = server()
    let clock = 1_700_000_000 & 0xff_ffff
    for (value, encoding, serialized) in [
      ("0", "int", 2), ("-129", "int", 3), ("40000", "int", 5), ("9876543210", "int", 11), ("abc", "embstr", 4),
      (String(repeating: "x", count: 63), "raw", 64), (String(repeating: "x", count: 64), "raw", 66),
      (String(repeating: "x", count: 20_000), "raw", 20_005),
    ] {
      server.run("SET", "k", value)
      server.advance(milliseconds: 3000)
      let line = try #require(server.run("DEBUG", "OBJECT", "k").text)
      let idle = (server.nowMilliseconds - 1_700_000_000_000) / 1000
      #expect(line.hasPrefix("Value at:0x") && line.hasSuffix(
        " refcount:1 encoding:\(encoding) serializedlength:\(serialized) lru:\(clock + idle - 3) lru_seconds_idle:3"))
      server.run("DEL", "k")
    }
    #expect(server.run("DEBUG", "OBJECT", "none") == .error("ERR no such key"))
  }

  @Test func stringMatch() {
    server().expect([
      ("DEBUG STRINGMATCH-LEN a*c abbc", 1), ("DEBUG STRINGMATCH-LEN a*c abbd", 0), ("DEBUG STRINGMATCH-LEN A a", 0),
      ("DEBUG STRINGMATCH-LEN '' ''", 1),
    ])
  }

  @Test func setActiveExpire() {
    let server = server()
    server.expect([("DEBUG SET-ACTIVE-EXPIRE 0", .ok), ("SET a 1 PX 10", .ok), ("SET b 1 PX 10", .ok)])
    server.advance(milliseconds: 1000)
    let idle = server.withEngine { $0.keyspace.nextExpiryMilliseconds == nil && !$0.keyspace.expireStep() }
    #expect(idle)
    server.expect([("DBSIZE", 2), ("GET a", .null), ("DBSIZE", 1), ("DEBUG SET-ACTIVE-EXPIRE 1", .ok)])
    server.withEngine { while $0.keyspace.expireStep() {} }
    server.expect([("DBSIZE", 0)])
  }

  // MARK: Digests

  /// As Redis 8.2.3 answers for the same data.
  @Test func digestsAreRediss() {
    let server = server()
    let zeros = String(repeating: "0", count: 40)
    server.expect([
      ("DEBUG DIGEST", .simple(zeros)), ("DEBUG DIGEST-VALUE", []), ("DEBUG DIGEST-VALUE none", [.simple(zeros)]),
      ("SET mykey 12345", .ok), ("SET other abc EX 100", .ok), ("SELECT 3", .ok), ("SET '' ''", .ok), ("SELECT 0", .ok),
      ("DEBUG DIGEST", .simple("cccae3b143331782cc18db6033f04822706a7f67")),
      ("DEBUG DIGEST-VALUE mykey none other",
        [.simple("e1cf90774e995ae03de66e8109dc5cb9d9c2dc83"), .simple(zeros), .simple("c77a33d2ea9755a8613f7e54f17873233d7a8058")]),
    ])
  }

  @Test func digestsTellDataApart() {
    let server = server()
    var seen: Set<String> = []
    func isNew() -> Bool { seen.insert(server.run("DEBUG", "DIGEST").text!).inserted }
    #expect(isNew())
    server.run("SET", "a", "1")
    #expect(isNew())
    server.run("SET", "b", "1")
    #expect(isNew())
    server.run("EXPIRE", "a", "10")
    #expect(isNew())
    // Neither how a value is kept nor when it expires matters.
    server.run("EXPIRE", "a", "20")
    server.run("SETRANGE", "b", "0", "1")
    #expect(!isNew())
    server.run("RENAME", "b", "c")
    #expect(isNew())
    server.run("SWAPDB", "0", "1")
    #expect(isNew())
    server.advance(milliseconds: 20_001)
    #expect(isNew())
    // What has expired is not there, removed or not.
    server.withEngine { while $0.keyspace.expireStep() {} }
    #expect(!isNew())
  }
}
