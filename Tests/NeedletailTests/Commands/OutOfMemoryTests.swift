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

  /// `@` stands for 5,000 bytes, `#` for 4,000 others; `K` and `L` for 70,000, which are too many for a key of an entry
  /// that always finds its memory.
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
    Case(then: "SET K v"), Case(then: "SET K 12 EX 100"), Case("SET K v", then: "SET K @ KEEPTTL"),
    Case("SET K #", then: "SET K v GET"), Case(then: "SETNX K @"), Case(then: "APPEND K v"), Case(then: "INCR K"),
    Case(then: "SETRANGE K 2000 v"), Case(then: "INCREX K EX 100"), Case(then: "INCREX K BYFLOAT 1e4900 EX 10"),
    Case(then: "MSET a 1 K v b 2 L v"), Case(then: "MSETEX 2 K v L v EX 100"), Case("SET K v", then: "EXPIRE K 100"),
    Case("SET K v EX 100", then: "PERSIST K"), Case("SET K v", then: "GETEX K EX 10"),
    Case("SET k @", then: "RENAME k K"), Case("SET K v", then: "RENAME K L"), Case("SET k # EX 100", then: "COPY k K"),
    Case("SET K @", then: "COPY K k"),
    Case(then: "HSET h f @"), Case("HSET h a 1", then: "HSET h f @"), Case("HSET h f # EX 100", then: "HSET h f @"),
    Case("HSET h a 1 b 2", then: "HSETNX h f @"), Case(then: "HSETNX h @ 1"), Case("HSET h f #", then: "HSETNX h a 1"),
    Case("HSET h f # n 1", then: "HINCRBY h n 999999999999999999"), Case("HSET h f # n 1", then: "HINCRBYFLOAT h n 1e4900"),
    Case("HSET h f # a 1 b 2", then: "COPY h g"), Case(then: "HSET K f v"), Case("HSET K f v", then: "HSET K f @"),
    Case("HSET K f v", then: "EXPIRE K 100"), Case("HSET h f @", then: "RENAME h K"), Case("HSET K f #", then: "COPY K k"),
  ]

  private func arguments(_ line: String) -> [[UInt8]] {
    line.split(separator: " ").map {
      switch $0 {
      case "@": bytes(5000, from: 3)
      case "#": bytes(4000)
      case "K": bytes(70_000)
      case "L": bytes(70_000, from: 1)
      default: Array($0.utf8)
      }
    }
  }

  private struct Value: Equatable {
    let value: HeldValue
    let expiry: Int?
    /// Nil of a hash: one that was to become large may be so already.
    let encoding: ValueEncoding?

    init(_ entry: Entry) {
      expiry = entry.expiry
      guard entry.type == .hash else {
        value = HeldValue(entry)
        encoding = entry.encoding
        return
      }
      var hash = HeldHash(entry)
      hash.isLarge = false
      value = .hash(hash)
      encoding = nil
    }
  }

  private func contents(of server: TestServer) -> [[UInt8]: Value] {
    server.withEngine { engine in
      var contents: [[UInt8]: Value] = [:]
      _ = engine.keyspace.scan(database: 0, cursor: 0, count: Int.max) { entry in
        contents[entry.key.array] = Value(entry)
      }
      return contents
    }
  }

  private func dirty(_ server: TestServer) -> Int { server.withEngine { $0.keyspace.effects.dirty } }

  @Test(arguments: cases) func isAnswered(_ test: Case) {
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
