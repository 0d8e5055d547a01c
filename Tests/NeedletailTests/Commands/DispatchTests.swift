import Testing
@testable import Needletail

@Suite struct DispatchTests {
  let server = TestServer()

  @Test func unknownCommands() {
    #expect(server.run("foo") == .error("ERR unknown command 'foo', with args beginning with: "))
    #expect(server.run("foo", "a", "b") == .error("ERR unknown command 'foo', with args beginning with: 'a' 'b' "))
    #expect(server.run("", "a") == .error("ERR unknown command '', with args beginning with: 'a' "))
  }

  @Test func unknownCommandsRepeatALimitedPartOfTheRequest() {
    let long = String(repeating: "x", count: 200)
    let limited = String(repeating: "x", count: 128)
    #expect(server.run(long, "a") == .error("ERR unknown command '\(limited)', with args beginning with: 'a' "))
    #expect(
      server.run("foo", long, "b") == .error("ERR unknown command 'foo', with args beginning with: '\(limited)' "))
    let many = ["foo"] + (0..<60).map { "arg\($0)" }
    let shown = (0..<17).map { "'arg\($0)' " }.joined() + "'ar' "
    #expect(
      server.run(many.map { Array($0.utf8) })
        == .error("ERR unknown command 'foo', with args beginning with: \(shown)"))
  }

  /// A reply must not be broken by what a client sent.
  @Test func lineEndsAndZeroBytesInErrors() {
    #expect(
      server.run("foo\r\nx", "a\nb", "nul\0x")
        == .error("ERR unknown command 'foo  x', with args beginning with: 'a b' 'nul' "))
    #expect(server.run("config", "a\r\n+OK\r\n") == .error("ERR unknown subcommand 'a  +OK  '. Try CONFIG HELP."))
    #expect(server.run("hello", "3", "a\r\nb") == .error("ERR Syntax error in HELLO option 'a  b'"))
    #expect(server.run("client", "setinfo", "a\r\nb", "x") == .error("ERR Unrecognized option 'a  b'"))
    #expect(server.run("config", "set", "a\r\nb", "x").isError)
  }

  @Test func unknownSubcommands() {
    #expect(server.run("CoNfig", "foo", "bar") == .error("ERR unknown subcommand 'foo'. Try CONFIG HELP."))
    #expect(server.run("client", "foo") == .error("ERR unknown subcommand 'foo'. Try CLIENT HELP."))
    #expect(server.run("command", "foo") == .error("ERR unknown subcommand 'foo'. Try COMMAND HELP."))
    #expect(server.run("config|get", "foo").isError)
    let limited = String(repeating: "x", count: 128)
    #expect(
      server.run("config", limited + "y") == .error("ERR unknown subcommand '\(limited)'. Try CONFIG HELP."))
  }

  @Test func argumentCounts() {
    #expect(server.run("echo") == .error("ERR wrong number of arguments for 'echo' command"))
    #expect(server.run("ECHO", "a", "b") == .error("ERR wrong number of arguments for 'echo' command"))
    #expect(server.run("config") == .error("ERR wrong number of arguments for 'config' command"))
    #expect(server.run("config", "get") == .error("ERR wrong number of arguments for 'config|get' command"))
    #expect(server.run("client", "id", "x") == .error("ERR wrong number of arguments for 'client|id' command"))
    #expect(server.run("command", "count", "x") == .error("ERR wrong number of arguments for 'command|count' command"))
  }

  @Test(arguments: ["POST", "post", "Host:", "host:"])
  func httpIsDroppedWithoutAWord(_ name: String) {
    #expect(server.client.runRaw([Array(name.utf8), Array("/".utf8)]) == [])
    #expect(server.client.closesAtOnce)
  }

  @Test func requestsOfStrangersAreCheckedInRedisOrder() {
    var settings = Settings()
    settings.password = Array("sesame".utf8)
    let server = TestServer(settings)
    #expect(server.run("ping") == .error("NOAUTH Authentication required."))
    #expect(server.run("dbsize") == .error("NOAUTH Authentication required."))
    #expect(server.run("exec") == .error("EXECABORT Transaction discarded because of: NOAUTH Authentication required."))
    #expect(server.run("foo") == .error("ERR unknown command 'foo', with args beginning with: "))
    #expect(server.run("config") == .error("ERR wrong number of arguments for 'config' command"))
    #expect(server.run("config", "get", "*") == .error("NOAUTH Authentication required."))
    #expect(server.run("quit") == .ok)
  }

  // MARK: Counting

  private func counters(_ name: String) -> [Int] {
    server.withEngine { engine in
      let index = withView(Array(name.utf8)) { engine.commands.lookup(fullName: $0)! }
      let counters = engine.commands.counters(index)
      return [counters.calls, counters.rejectedCalls, counters.failedCalls]
    }
  }

  @Test func countersOfCommandsAndErrors() {
    server.run("ping")
    server.run("ping", "a", "b", "c")
    server.run("echo")
    server.run("select", "x")
    server.run("config", "get", "port")
    server.run("config")
    server.run("foo")
    #expect(counters("ping") == [2, 0, 1])
    #expect(counters("echo") == [0, 1, 0])
    #expect(counters("select") == [1, 0, 1])
    #expect(counters("config|get") == [1, 0, 0])
    #expect(counters("config") == [0, 1, 0])
    let processed = server.withEngine { $0.statistics.commandsProcessed }
    #expect(processed == 4)
    let errors = server.withEngine { $0.reply.errors.total }
    #expect(errors == 5)

    server.run("config", "resetstat")
    #expect(counters("ping") == [0, 0, 0])
    #expect(counters("config|resetstat") == [1, 0, 0])
    let errorsLeft = server.withEngine { $0.reply.errors.total }
    #expect(errorsLeft == 0)
  }

  /// What fails between MULTI and EXEC is no failure of EXEC.
  @Test func failuresInTransactions() {
    server.run("multi")
    server.run("auth", "a")
    server.run("ping")
    server.run("exec")
    #expect(counters("auth") == [1, 0, 1])
    #expect(counters("ping") == [1, 0, 0])
    #expect(counters("exec") == [1, 0, 0])
    server.run("exec")
    #expect(counters("exec") == [2, 0, 1])
  }

  @Test func refusedStrangersAreCounted() {
    var settings = Settings()
    settings.password = Array("sesame".utf8)
    let server = TestServer(settings)
    server.run("dbsize")
    server.run("auth", "x")
    server.run("auth", "sesame")
    let info = server.run("info", "commandstats", "errorstats", "stats").text ?? ""
    #expect(info.contains("cmdstat_dbsize:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n"))
    #expect(info.contains("errorstat_NOAUTH:count=1\r\n"))
    #expect(info.contains("errorstat_WRONGPASS:count=1\r\n"))
    #expect(info.contains("acl_access_denied_auth:1\r\n"))
    #expect(info.contains("total_error_replies:2\r\n"))
  }

  @Test func errorCodesAreLimited() {
    var errors = ErrorCounts()
    func count(_ text: String) { withView(Array(text.utf8)) { errors.count($0) } }
    for number in 1..<ErrorCounts.codesMax { count("CODE\(number) text") }
    count("CODE7 text")
    // Without a blank behind it, it is no code.
    for text in ["CODE7", "", "FOO\tbar x", String(repeating: "A", count: 500) + " b"] { count(text) }
    #expect(errors.entries.count == ErrorCounts.codesMax)
    #expect(errors.entries[6].count == 2)
    #expect(errors.entriesByCode.last.map { String(decoding: $0.code, as: UTF8.self) } == "ERR")
    #expect(errors.entriesByCode.last?.count == 4)
    // One code more, and codes are counted no longer.
    count("MORE text")
    count("MORE text")
    #expect(errors.entries.map { String(decoding: $0.code, as: UTF8.self) } == ["ERRORSTATS_DISABLED"])
    #expect(errors.entries[0].count == 1)
    #expect(errors.total == ErrorCounts.codesMax + 6)
  }

  @Test func prefetchPlans() {
    func row(_ first: Int, _ last: Int, _ step: Int) -> CommandTable {
      CommandTable([
        [
          CommandSpec(
            id: .connection(.ping), name: "x", arity: -1, flags: [], categories: [],
            keySpecs: first == 0
              ? [] : [KeySpec(flags: [], begin: .index(first), find: .range(lastKey: last, step: step, limit: 0))],
            docs: CommandDocs(summary: "", since: "", group: "", complexity: ""))
        ]
      ])
    }
    func plan(_ table: borrowing CommandTable, _ count: Int) -> [Int]? {
      table.prefetchPlan(CommandIndex(0), argumentCount: count).map { [$0.firstKey, $0.lastKey, $0.step] }
    }
    let none = row(0, 0, 0), get = row(1, 0, 1), mset = row(1, -1, 2), two = row(1, 1, 1), blpop = row(1, -2, 1)
    #expect([plan(none, 3), plan(get, 1)] == [nil, nil])
    #expect([plan(get, 2), plan(get, 5)] == [[1, 1, 1], [1, 1, 1]])
    #expect([plan(mset, 5), plan(mset, 6)] == [[1, 4, 2], [1, 5, 2]])
    #expect([plan(two, 2), plan(two, 9)] == [[1, 1, 1], [1, 2, 1]])
    #expect([plan(blpop, 2), plan(blpop, 4)] == [[1, 1, 1], [1, 2, 1]])
  }
}
