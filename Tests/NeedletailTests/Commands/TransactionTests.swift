import Testing
@testable import Needletail

@Suite struct TransactionTests {
  static let start = 1_700_000_000_000
  static let queued = Reply.simple("QUEUED")
  static let aborted = Reply.error("EXECABORT Transaction discarded because of previous errors.")
  static let execWithoutMulti = Reply.error("ERR EXEC without MULTI")

  let server = TestServer(nowMilliseconds: start)

  // MARK: MULTI, EXEC, DISCARD

  @Test func executesInOrder() {
    server.expect([
      ("MULTI", .ok), ("SET a 1", Self.queued), ("INCR a", Self.queued), ("GET a", Self.queued),
      ("EXEC", [.ok, 2, "2"]), ("GET a", "2"), ("EXEC", Self.execWithoutMulti),
    ])
  }

  @Test func nothingRunsBeforeExec() {
    let other = server.connect()
    server.expect([("MULTI", .ok), ("SET a 1", Self.queued)])
    #expect(other.run("GET", "a") == .null)
    server.expect([("DISCARD", .ok), ("GET a", .null), ("DISCARD", .error("ERR DISCARD without MULTI"))])
  }

  @Test func emptyTransaction() { server.expect([("MULTI", .ok), ("EXEC", [])]) }

  @Test func errorsOfExecutionDoNotStopIt() {
    server.expect([
      ("SET a x", .ok), ("MULTI", .ok), ("INCR a", Self.queued), ("SET b 1", Self.queued),
      ("EXEC", [.notAnInteger, .ok]), ("GET b", "1"),
    ])
  }

  @Test(arguments: [
    ("FOO bar", Reply.error("ERR unknown command 'FOO', with args beginning with: 'bar' ")),
    ("GET", .wrongArity("get")), ("GET a b", .wrongArity("get")), ("MULTI x", .wrongArity("multi")),
    ("DISCARD x", .wrongArity("discard")),
    ("CONFIG FOO", .error("ERR unknown subcommand 'FOO'. Try CONFIG HELP.")),
    ("SHUTDOWN", .error("ERR Command not allowed inside a transaction")),
  ])
  func aRefusedRequestAborts(request: String, reply: Reply) {
    server.expect([
      ("MULTI", .ok), ("SET a 1", Self.queued), (request, reply), ("SET a 2", Self.queued), ("EXEC", Self.aborted),
      ("GET a", .null), ("EXEC", Self.execWithoutMulti), ("MULTI", .ok), ("SET a 3", Self.queued), ("EXEC", [.ok]),
    ])
  }

  @Test func execWithArgumentsEndsTheTransaction() {
    server.expect([
      ("MULTI", .ok), ("SET a 1", Self.queued),
      ("EXEC now", .error("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command")),
      ("EXEC", Self.execWithoutMulti), ("GET a", .null),
    ])
  }

  /// Redis answers so outside of a transaction too, and forgets what was watched.
  @Test func execWithArgumentsOutsideOfATransaction() {
    server.expect([
      ("WATCH a", .ok),
      ("EXEC now", .error("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command")),
      ("SET a 1", .ok), ("MULTI", .ok), ("GET a", Self.queued), ("EXEC", [.bulk("1")]),
    ])
  }

  @Test func nestingIsRefusedButAbortsNothing() {
    server.expect([
      ("MULTI", .ok), ("MULTI", .error("ERR MULTI calls can not be nested")),
      ("WATCH a", .error("ERR WATCH inside MULTI is not allowed")), ("SET a 1", Self.queued), ("EXEC", [.ok]),
    ])
  }

  @Test func resetAndQuitAreNotQueued() {
    server.expect([
      ("MULTI", .ok), ("SET a 1", Self.queued), ("RESET", .simple("RESET")), ("EXEC", Self.execWithoutMulti),
      ("GET a", .null), ("MULTI", .ok), ("QUIT", .ok),
    ])
    #expect(server.client.closesAfterReply)
  }

  @Test func whatChangesTheConnectionTakesEffectInside() {
    server.expect([
      ("MULTI", .ok), ("SELECT 3", Self.queued), ("SET x 1", Self.queued), ("HELLO 3", Self.queued),
      ("GET none", Self.queued),
    ])
    let reply = server.run("EXEC").elements
    #expect(reply?.count == 4)
    #expect(reply?.last == .null)
    #expect(server.client.isRESP3 && server.client.database == 3)
    #expect(server.run("GET", "x") == "1")
  }

  /// Sizes on both sides of the queue's first block, of a batch, and of what a kept block may have.
  @Test(arguments: [1, 31, 32, 33, 64, 65, 1000])
  func manyRequests(count: Int) {
    #expect(server.run("MULTI") == .ok)
    for i in 0..<count { #expect(server.run("SET", "k\(i)", String(repeating: "v", count: i)) == Self.queued) }
    #expect(server.run("EXEC") == .array(Array(repeating: .ok, count: count)))
    for i in 0..<count { #expect(server.run("STRLEN", "k\(i)") == .integer(i)) }
  }

  @Test(arguments: [0, 1, 7, 8, 9, 1000, 32 << 10, 200_000])
  func argumentsKeepTheirBytes(count: Int) {
    let value = bytes(count)
    #expect(server.run("MULTI") == .ok)
    #expect(server.run([Array("SET".utf8), value, value]) == Self.queued)
    #expect(server.run([Array("GET".utf8), value]) == Self.queued)
    #expect(server.run("EXEC") == [.ok, .bytes(value)])
  }

  @Test func aQueueAboveTheQueryBuffersLimitClosesTheClient() {
    var settings = Settings()
    settings.queryBufferMaxBytes = 1 << 20
    let server = TestServer(settings)
    #expect(server.run("MULTI") == .ok)
    let value = [UInt8](repeating: 7, count: 1 << 18)
    for _ in 0..<3 { #expect(server.run([Array("SET".utf8), [1], value]) == Self.queued) }
    #expect(server.client.runRaw([Array("SET".utf8), [1], value]) == [])
    #expect(server.client.closesAtOnce)
  }

  @Test func aSmallerQueueDoesNot() {
    var settings = Settings()
    settings.queryBufferMaxBytes = 1 << 20
    let server = TestServer(settings)
    #expect(server.run("MULTI") == .ok)
    let value = [UInt8](repeating: 7, count: (1 << 20) - 8192)
    #expect(server.run([Array("SET".utf8), [1], value]) == Self.queued)
    #expect(server.run("EXEC") == [.ok])
  }

  // MARK: WATCH

  /// What another client does to the watched key `a` (which is "1"), and whether EXEC then fails.
  @Test(arguments: [
    ("SET a 2", true), ("SET a 1", true), ("INCR a", true), ("APPEND a x", true), ("DEL a", true), ("EXPIRE a 100", true),
    ("PERSIST a", false), ("GET a", false), ("SET b 1", false), ("SETNX a 5", false), ("TOUCH a", false),
    ("RENAME a c", true), ("RENAME b a", true), ("RENAMENX b a", false), ("COPY b a", false), ("COPY b a REPLACE", true),
    ("COPY a z", false), ("MOVE a 1", true), ("MOVE b 1", false), ("SWAPDB 0 1", true), ("SWAPDB 1 2", false),
    ("SWAPDB 0 0", false), ("DELEX a", true), ("DELEX a IFEQ x", false), ("MSETEX 1 a 1", true), ("INCREX a", true),
    ("GETEX a", false), ("GETEX a EX 10", true), ("GETDEL a", true), ("MSET b 1 a 1", true), ("FLUSHDB", true),
    ("FLUSHALL", true), ("EXPIRE a -1", true), ("SETRANGE a 0 ''", false), ("DEL b", false), ("MSETNX a 1 z 2", false),
  ])
  func changes(request: String, fails: Bool) {
    let other = server.connect()
    server.expect([("SET a 1", .ok), ("SET b 1", .ok), ("WATCH a", .ok)])
    other.send(request)
    server.expect([("MULTI", .ok), ("PING", Self.queued), ("EXEC", fails ? .nullArray : [.simple("PONG")])])
    // Whatever came of it, nothing is watched now.
    other.send("SET a 3")
    server.expect([("MULTI", .ok), ("PING", Self.queued), ("EXEC", [.simple("PONG")])])
  }

  @Test func onesOwnChangeCountsToo() {
    server.expect([
      ("WATCH a b", .ok), ("SET b 1", .ok), ("MULTI", .ok), ("SET a 1", Self.queued), ("EXEC", .nullArray),
      ("GET a", .null), ("WATCH a", .ok), ("MULTI", .ok), ("SET a 1", Self.queued), ("EXEC", [.ok]),
    ])
  }

  @Test func watchingEnds() {
    for end in ["UNWATCH", "DISCARD", "RESET", "EXEC"] {
      server.send("WATCH a a b")
      if end != "UNWATCH" { server.send("MULTI") }
      server.send(end)
      #expect(server.withEngine { $0.keyspace.effects.watchedKeys.isEmpty }, "\(end)")
      server.expect([("SET a 1", .ok), ("MULTI", .ok), ("PING", Self.queued), ("EXEC", [.simple("PONG")])])
    }
  }

  @Test func unwatchInsideIsQueued() {
    server.expect([
      ("WATCH a", .ok), ("MULTI", .ok), ("UNWATCH", Self.queued), ("EXEC", [.ok]),
      ("WATCH a", .ok), ("SET a 1", .ok), ("MULTI", .ok), ("UNWATCH", Self.queued), ("EXEC", .nullArray),
    ])
  }

  @Test func databasesAreApart() {
    let other = server.connect()
    server.expect([("WATCH a", .ok)])
    other.expect([("SELECT 1", .ok), ("SET a 1", .ok), ("FLUSHDB", .ok)])
    server.expect([("MULTI", .ok), ("PING", Self.queued), ("EXEC", [.simple("PONG")])])
  }

  @Test func flushOfMissingKeysChangesNothing() {
    server.expect([
      ("WATCH a", .ok), ("SET b 1", .ok), ("FLUSHALL", .ok), ("MULTI", .ok), ("PING", Self.queued),
      ("EXEC", [.simple("PONG")]),
    ])
  }

  @Test func aKeyThatExpiresCounts() {
    server.expect([("SET a 1 PX 10", .ok), ("WATCH a", .ok)])
    server.advance(milliseconds: 11)
    server.expect([("MULTI", .ok), ("PING", Self.queued), ("EXEC", .nullArray)])
    // The same when somebody met it before.
    server.expect([("SET a 1 PX 10", .ok), ("WATCH a", .ok)])
    server.advance(milliseconds: 11)
    server.expect([("GET a", .null), ("MULTI", .ok), ("PING", Self.queued), ("EXEC", .nullArray)])
  }

  @Test func aKeyThatHadExpiredDoesNotWhenItGoes() {
    server.expect([("SET a 1 PX 10", .ok)])
    server.advance(milliseconds: 11)
    server.expect([
      ("WATCH a", .ok), ("GET a", .null), ("MULTI", .ok), ("PING", Self.queued), ("EXEC", [.simple("PONG")]),
      ("SET a 1 PX 10", .ok),
    ])
    server.advance(milliseconds: 11)
    server.expect([
      ("WATCH a", .ok), ("SET a 2", .ok), ("MULTI", .ok), ("PING", Self.queued), ("EXEC", .nullArray),
    ])
  }

  @Test func nullArrayInRESP3() {
    let client = server.connect(isRESP3: true)
    client.expect([("WATCH a", .ok), ("SET a 1", .ok), ("MULTI", .ok), ("PING", Self.queued), ("EXEC", .null)])
  }

  @Test func manyWatchers() {
    let others = (0..<50).map { _ in server.connect() }
    for (index, other) in others.enumerated() {
      other.expect([("WATCH a\(index % 5)", .ok), ("MULTI", .ok), ("PING", Self.queued)])
    }
    server.send("SET a3 1")
    for (index, other) in others.enumerated() {
      #expect(other.run("EXEC") == (index % 5 == 3 ? .nullArray : [.simple("PONG")]))
    }
  }

  // MARK: Counting

  @Test func whatRunsInsideIsCounted() {
    server.expect([("MULTI", .ok), ("SET a 1", Self.queued), ("INCR a", Self.queued), ("EXEC", [.ok, 2])])
    let stats = server.run("INFO", "commandstats").text ?? ""
    for line in ["cmdstat_multi:calls=1,", "cmdstat_exec:calls=1,", "cmdstat_set:calls=1,", "cmdstat_incr:calls=1,"] {
      #expect(stats.contains(line), "\(line)")
    }
  }
}
