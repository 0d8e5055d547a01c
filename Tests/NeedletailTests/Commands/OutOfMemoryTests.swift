import Testing
@testable import Needletail

#if DEBUG
/// Values whose size a client chose may find no memory. That is an answer, and nothing has changed.
@Suite struct OutOfMemoryTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let setup: [String]
    let request: String
    var testDescription: String { request }
    init(_ setup: String..., then request: String) {
      self.setup = setup
      self.request = request
    }
  }

  /// `@` stands for 5,000 bytes, `#` for 4,000 others; `B` for 70,000 and `C` for 80,000; `K` and `L` for as many
  /// others, which are too many for a key of an entry that always finds its memory.
  static let cases: [Case] = [
    Case(then: "SET k @"), Case("SET k #", then: "SET k @"), Case("SET k 12 EX 100", then: "SET k @ KEEPTTL"),
    Case("SET k # EX 100", then: "SET k @ GET"), Case("SET k v", then: "SET k @ GET EX 10"),
    Case("SET k #", then: "SET k @ IFEQ #"), Case(then: "SET k @ IFNE x GET"), Case(then: "SETNX k @"),
    Case("SET k #", then: "SETEX k 10 @"), Case("SET k v", then: "PSETEX k 10 @"), Case("SET k #", then: "GETSET k @"),
    Case(then: "GETSET k @"), Case(then: "APPEND k @"), Case("SET k v EX 100", then: "APPEND k @"),
    Case("SET k 12", then: "APPEND k @"), Case("SET k #", then: "APPEND k @"), Case(then: "SETRANGE k 3 @"),
    Case("SET k # EX 100", then: "SETRANGE k 3999 @"), Case("SET k 12", then: "SETRANGE k 9000 x"),
    Case("SET k 1e4932", then: "INCRBYFLOAT k 1"), Case(then: "INCRBYFLOAT k 1e4932"),
    Case("SET k 1e4900 EX 100", then: "INCREX k BYFLOAT 1 PERSIST"), Case(then: "INCREX k BYFLOAT 1e4900 EX 10"),
    Case("SET a #", then: "MSET k @ b v"), Case(then: "MSETNX k @ b v"), Case("SET k v", then: "MSETEX 1 k @ EX 10 XX"),
    Case(then: "SETBIT k 40000 1"), Case("SET k # EX 100", then: "SETBIT k 80000 1"), Case("SET k 12", then: "SETBIT k 80000 0"),
    Case("SET k #", then: "BITFIELD k GET u8 0 SET u8 80000 1"), Case("SET a #", then: "BITOP NOT k a"),
    Case("SET a # EX 100", then: "BITOP OR a a b"), Case(then: "SETBIT K 1 1"), Case("SET a v", then: "BITOP AND K a"),
    Case(then: "SET K v"), Case(then: "SET K 12 EX 100"), Case("SET K v", then: "SET K @ KEEPTTL"),
    Case("SET K #", then: "SET K v GET"), Case(then: "SETNX K @"), Case(then: "APPEND K v"), Case(then: "INCR K"),
    Case(then: "SETRANGE K 2000 v"), Case(then: "INCREX K EX 100"), Case(then: "INCREX K BYFLOAT 1e4900 EX 10"),
    Case(then: "MSET a 1 K v b 2 L v"), Case(then: "MSETEX 2 K v L v EX 100"), Case("SET K v", then: "EXPIRE K 100"),
    Case("SET K v EX 100", then: "PERSIST K"), Case("SET K v", then: "GETEX K EX 10"),
    Case("SET k @", then: "RENAME k K"), Case("SET K v", then: "RENAME K L"), Case("SET k # EX 100", then: "COPY k K"),
    Case("SET K @", then: "COPY K k"),
    Case(then: "HSET h f @"), Case("HSET h a 1", then: "HSET h f @"), Case("HSET h f # EX 100", then: "HSET h f @"),
    Case("HSET h a 1 b 2", then: "HSETNX h f @"), Case(then: "HSETNX h @ 1"), Case("HSET h f #", then: "HSETNX h a 1"),
    Case("HSET h f # n 1", then: "HINCRBY h n 999999999999999999"),
    Case("HSET h f # n 1", then: "HINCRBYFLOAT h n 1e4900"),
    Case("HSET h f # a 1 b 2", then: "COPY h g"), Case(then: "HSET K f v"), Case("HSET K f v", then: "HSET K f @"),
    Case("HSET K f v", then: "EXPIRE K 100"), Case("HSET h f @", then: "RENAME h K"),
    Case("HSET K f #", then: "COPY K k"),
  ]

  /// Elements of lists are packed together: only a node whose size a client chose may find no memory.
  static let lists: [Case] = [
    Case(then: "RPUSH l B"), Case(then: "LPUSH l B"), Case("RPUSH l a b c", then: "LPUSH l B"),
    Case("RPUSH l B", then: "RPUSH l B"), Case("RPUSH l B", then: "LPUSHX l B"),
    Case("RPUSH l a b c", then: "LSET l 1 B"),
    Case("RPUSH l B a", then: "LSET l 1 B"), Case("RPUSH l a b", then: "LINSERT l BEFORE b B"),
    Case("RPUSH l B a B", then: "LINSERT l AFTER a B"), Case("RPUSH l B", then: "LMOVE l m LEFT RIGHT"),
    Case("RPUSH l a B", "RPUSH m c", then: "RPOPLPUSH l m"), Case("RPUSH l B a", then: "LMOVE l l LEFT RIGHT"),
    Case("RPUSH l a B", then: "LMOVE l l RIGHT RIGHT"), Case("RPUSH l a b", then: "LMOVE l l LEFT RIGHT"),
    Case("RPUSH l B", then: "LMOVEM l m LEFT RIGHT"),
    Case("RPUSH l B a B c", then: "LMOVEM l l LEFT RIGHT COUNT 3 OBO"),
    Case("RPUSH l B a B c", then: "LMOVEM l l RIGHT RIGHT COUNT 4 OBO"),
    Case("RPUSH l c B B", "RPUSH m x", then: "LMOVEM l m LEFT LEFT COUNT 3 BULK"),
    Case("RPUSH l B a", then: "COPY l m"), Case(then: "RPUSH K v"),
    Case("RPUSH l B a", then: "SORT l ALPHA STORE m"), Case("RPUSH l a B", then: "RENAME l K"),
    Case("RPUSH K a", then: "EXPIRE K 9"),
    Case("RPUSH l a b", then: "LMOVE l K LEFT LEFT"), Case("RPUSH l a", then: "SORT l ALPHA STORE K"),
    Case("RPUSH K B", then: "COPY K l"),
  ]

  /// Small sets are packed whatever they are told to be: so members are long.
  static let sets: [Case] = [
    Case(then: "SADD s B"), Case("SADD s a b", then: "SADD s B"), Case("SADD s 1 2 3", then: "SADD s B"),
    Case("SADD s C", then: "SADD s B"), Case("SADD s C a", then: "SMOVE s t C"),
    Case("SADD s C", "SADD t a", then: "SMOVE s t C"),
    Case("SADD s C a", "SADD t B", then: "SUNIONSTORE d s t"),
    Case("SADD s C a", "SADD t C", then: "SINTERSTORE d s t"),
    Case("SADD s C a", "SADD t B a", then: "SDIFFSTORE d s t"),
    Case("SADD s C B", "SADD d x", then: "SUNIONSTORE d s"), Case("SADD s C a", then: "COPY s t"),
    Case(then: "SADD K v"),
    Case("SADD s a", then: "SMOVE s K a"), Case("SADD s a", then: "SUNIONSTORE K s"),
    Case("SADD K C", then: "COPY K s"),
    Case("SADD s C", then: "RENAME s K"), Case("SADD K a", then: "EXPIRE K 9"),
    Case("SADD s C B", then: "SORT s ALPHA STORE K"),
  ]

  /// Of sorted sets only members of more than 64 KiB may find no memory.
  static let sortedSets: [Case] = [
    Case(then: "ZADD z 1 B"), Case("ZADD z 1 a 2 b", then: "ZADD z 3 B"), Case("ZADD z 1 C", then: "ZADD z 1 B"),
    Case("ZADD z 1 C", then: "ZADD z INCR 3 B"), Case("ZADD z 1 a", then: "ZINCRBY z 3 B"),
    Case("ZADD z 1 C 2 a", "ZADD y 1 B", then: "ZUNIONSTORE d 2 z y"),
    Case("ZADD z 1 C 2 a", "SADD s C", then: "ZINTERSTORE d 2 z s"),
    Case("ZADD z 1 C 2 a", "ZADD y 1 a", then: "ZDIFFSTORE d 2 z y"),
    Case("ZADD z 1 C 2 a", then: "ZRANGESTORE d z 0 -1"),
    Case("ZADD z 1 C", "SADD s B", then: "ZUNION 2 z s"),
    Case("ZADD z 1 C 2 a", "ZADD d 1 x", then: "ZRANGESTORE d z 0 -1"),
    Case("ZADD z 1 C", then: "COPY z y"), Case(then: "ZADD K 1 v"), Case(then: "ZINCRBY K 1 v"),
    Case("ZADD z 1 a", then: "ZRANGESTORE K z 0 -1"), Case("ZADD z 1 a", then: "ZUNIONSTORE K 1 z"),
    Case("ZADD K 1 C", then: "COPY K z"), Case("ZADD z 1 C", then: "RENAME z K"),
    Case("ZADD K 1 a", then: "EXPIRE K 9"),
    Case("ZADD z 1 C 2 B", then: "SORT z ALPHA STORE K"),
  ]

  private func arguments(_ line: String) -> [[UInt8]] {
    line.split(separator: " ").map {
      switch $0 {
      case "@": bytes(5000, from: 3)
      case "#": bytes(4000)
      case "B": bytes(70_000, from: 2)
      case "C": bytes(80_000, from: 4)
      case "K": bytes(70_000)
      case "L": bytes(70_000, from: 1)
      default: Array($0.utf8)
      }
    }
  }

  private struct Value: Equatable {
    let value: Reply
    let expiry: Int?
    /// Nil of a collection: one that was to become large may be so already.
    let encoding: ValueEncoding?
  }

  private func contents(of server: TestServer) -> [[UInt8]: Value] {
    var found: [[UInt8]: (type: ValueType, expiry: Int?, encoding: ValueEncoding)] = [:]
    server.withEngine { engine in
      _ = engine.keyspace.scan(database: 0, cursor: 0, count: Int.max) { entry in
        found[entry.key.array] = (entry.type, entry.expiry, entry.encoding)
      }
    }
    var contents: [[UInt8]: Value] = [:]
    for (key, facts) in found {
      contents[key] = Value(value: value(facts.type, key, server), expiry: facts.expiry,
        encoding: facts.type == .string ? facts.encoding : nil)
    }
    return contents
  }

  /// What has no order of its own, in one of ours.
  private func value(_ type: ValueType, _ key: [UInt8], _ server: TestServer) -> Reply {
    func read(_ command: String, _ rest: String...) -> Reply {
      server.run([Array(command.utf8), key] + rest.map { Array($0.utf8) })
    }
    func ordered(_ replies: [Reply]) -> [Reply] { replies.sorted { "\($0)" < "\($1)" } }
    switch type {
    case .string: return read("GET")
    case .list: return read("LRANGE", "0", "-1")
    case .sortedSet: return read("ZRANGE", "0", "-1", "WITHSCORES")
    case .set: return .set(ordered(read("SMEMBERS").elements ?? []))
    case .hash:
      let parts = read("HGETALL").elements ?? []
      return .map(ordered(stride(from: 0, to: parts.count, by: 2).map { .array([parts[$0], parts[$0 + 1]]) }))
    case .stream: preconditionFailure("no streams yet")
    }
  }

  private func dirty(_ server: TestServer) -> Int { server.withEngine { $0.keyspace.effects.dirty } }

  @Test(arguments: cases + lists + sets + sortedSets) func isAnswered(_ test: Case) {
    let request = arguments(test.request)
    let untroubled = TestServer()
    let server = TestServer()
    for line in test.setup {
      untroubled.run(arguments(line))
      server.run(arguments(line))
    }
    let expected = untroubled.run(request)
    let before = contents(of: server)
    let dirtyBefore = dirty(server)

    // Each allocation of the request in turn, until there is none left to fail.
    var place = 1
    while true {
      let faults = AllocationFaults(failing: place)
      let reply = AllocationFaults.$current.withValue(faults) { server.run(request) }
      guard faults.hasFailed else {
        #expect(reply == expected)
        break
      }
      #expect(reply == .error("OOM no memory left for a value of this size"))
      #expect(contents(of: server) == before)
      #expect(dirty(server) == dirtyBefore)
      place += 1
    }
    #expect(place > 1, "nothing to fail")
    #expect(contents(of: server) == contents(of: untroubled))
  }

  /// What MSET has stored already stays, and is told as what it was.
  @Test(arguments: ["MSET a @ k @ b @", "MSETNX a @ k @ b @", "MSETEX 3 a @ k @ b @ EX 100"])
  func pairsBeforeStay(_ line: String) {
    let recorder = CommandRecorder()
    let server = TestServer()
    let copy = TestServer()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    let faults = AllocationFaults(failing: 2)
    let reply = AllocationFaults.$current.withValue(faults) { server.run(arguments(line)) }
    #expect(reply == .error("OOM no memory left for a value of this size"))
    server.expect([("EXISTS a", 1), ("EXISTS k b", 0)])
    for command in recorder.commands { copy.run(command) }
    #expect(contents(of: copy) == contents(of: server))
    #expect(dirty(server) == 1)
  }

  /// Of several elements, those before the one without memory stay, or none: what is told makes the same of a copy.
  @Test(arguments: [
    "RPUSH l a B b", "LPUSH l B a B", "SADD s a B b", "SADD s B a C", "ZADD z 1 a 2 B 3 b", "ZADD z 1 B 2 C",
    "HSET h a @ b #",
    "LMOVEM l m LEFT RIGHT COUNT 3 BULK", "LMOVEM l m LEFT LEFT COUNT 3 OBO",
  ])
  func elementsBeforeStay(_ line: String) {
    for setup in ["PING", "RPUSH l B c B", "SADD s x", "ZADD z 9 C", "HSET h a #", "SADD s C"] {
      var place = 1
      while true {
        let recorder = CommandRecorder()
        let server = TestServer()
        let copy = TestServer()
        server.withEngine { $0.keyspace.effects.observer = recorder }
        server.run(arguments(setup))
        let faults = AllocationFaults(failing: place)
        let reply = AllocationFaults.$current.withValue(faults) { server.run(arguments(line)) }
        for command in recorder.commands { copy.run(command) }
        #expect(contents(of: copy) == contents(of: server), "\(setup), place \(place)")
        guard faults.hasFailed else { break }
        #expect(reply == .error("OOM no memory left for a value of this size"), "\(setup), place \(place)")
        place += 1
      }
    }
  }

  /// A member's score that changes while a view holds the member needs a copy of it.
  @Test(arguments: ["ZINCRBY z 1 B", "ZADD z 9 B", "ZADD z 1.5 B"]) func scoresWhileFrozen(_ line: String) {
    var settings = Settings()
    settings.debugCommand = .yes
    let server = TestServer(settings)
    server.run(arguments("ZADD z 1 B 2 C"))
    let before = contents(of: server)
    server.send("DEBUG FREEZE")
    let faults = AllocationFaults(failing: 1)
    let reply = AllocationFaults.$current.withValue(faults) { server.run(arguments(line)) }
    #expect(reply == .error("OOM no memory left for a value of this size"))
    #expect(contents(of: server) == before)
    #expect(!server.run(arguments(line)).isError)
    server.send("DEBUG FREEZE-CANCEL")
    #expect(contents(of: server) != before)
  }

  /// Payloads of every type.
  @Test(arguments: ["SET v @", "RPUSH v B a B", "SADD v B a C", "SADD v 1 2 3", "HSET v a @ b #", "ZADD v 1 B 2 C",
    "ZADD v 1 a"])
  func restoring(_ line: String) {
    let server = TestServer()
    server.run(arguments(line))
    guard case .bytes(let payload) = server.run("DUMP", "v") else { preconditionFailure("no payload") }
    let before = contents(of: server)
    for key in ["k", "K"] {
      var place = 1
      while true {
        let faults = AllocationFaults(failing: place)
        let reply = AllocationFaults.$current.withValue(faults) {
          server.run([Array("RESTORE".utf8)] + arguments(key) + [[48], payload])
        }
        guard faults.hasFailed else {
          #expect(reply == .ok)
          break
        }
        #expect(reply == .error("OOM no memory left for a value of this size"), "\(key), place \(place)")
        #expect(contents(of: server) == before)
        place += 1
      }
      server.run([Array("DEL".utf8)] + arguments(key))
    }
  }

  /// What takes a key away, or only looks at it, needs no memory for it, and must work when there is none.
  @Test(arguments: ["DEL K", "UNLINK K", "GETDEL K", "DELEX K", "GET K", "EXISTS K", "RENAME K k", "SET k v"])
  func hugeKeyThatGoes(_ line: String) {
    let server = TestServer()
    server.run(arguments("SET K v"))
    let faults = AllocationFaults(failing: 1)
    let reply = AllocationFaults.$current.withValue(faults) { server.run(arguments(line)) }
    #expect(!faults.hasFailed && reply != .error("OOM no memory left for a value of this size"))
  }

  /// The largest key whose entry always finds its memory, and one byte more.
  @Test func limitOfKeys() {
    let server = TestServer()
    let limit = Heap.fallibleThresholdBytes - Entry.inlineMaxBytes - 64
    for (count, fails) in [(limit - 1, false), (limit, false), (limit + 1, true)] {
      let faults = AllocationFaults(failing: 1)
      let reply = AllocationFaults.$current.withValue(faults) {
        server.run([Array("SET".utf8), bytes(count), bytes(Entry.inlineMaxBytes)])
      }
      #expect(faults.hasFailed == fails)
      #expect(reply == (fails ? .error("OOM no memory left for a value of this size") : .ok))
    }
  }

  /// Within a transaction too: the others run.
  @Test func hugeKeyInTransaction() {
    let server = TestServer()
    for line in ["MULTI", "SET a 1", "SET K v", "SET b 2"] { server.run(arguments(line)) }
    let faults = AllocationFaults(failing: 1)
    let reply = AllocationFaults.$current.withValue(faults) { server.run("EXEC") }
    #expect(reply == .array([.ok, .error("OOM no memory left for a value of this size"), .ok]))
    server.expect([("EXISTS a b", 2)])
  }

  @Test func lcsNeedsATable() {
    let server = TestServer()
    server.expect([("MSET a ohmytext b mynewtext", .ok)])
    let faults = AllocationFaults(failing: 1)
    let reply = AllocationFaults.$current.withValue(faults) { server.send("LCS a b") }
    #expect(reply == .error("ERR Insufficient memory, failed allocating transient memory for LCS"))
    server.expect([("LCS a b", "mytext")])
  }
}

private final class CommandRecorder: EffectObserver {
  private(set) var commands: [[[UInt8]]] = []
  func keyChanged(_ effect: Effect) {}
  func commandRan(_ arguments: [[UInt8]], database: Int) { commands.append(arguments) }
}
#endif
