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

  /// `@` stands for 5,000 bytes, `#` for 4,000 others.
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
  ]

  private func arguments(_ line: String) -> [[UInt8]] {
    line.split(separator: " ").map {
      switch $0 {
      case "@": bytes(5000, from: 3)
      case "#": bytes(4000)
      default: Array($0.utf8)
      }
    }
  }

  private struct Value: Equatable {
    let bytes: [UInt8]
    let expiry: Int?
    let encoding: ValueEncoding
  }

  private func contents(of server: TestServer) -> [[UInt8]: Value] {
    server.withEngine { engine in
      var contents: [[UInt8]: Value] = [:]
      _ = engine.keyspace.scan(database: 0, cursor: 0, count: Int.max) { entry in
        contents[entry.key.array] = Value(bytes: entry.withString { $0.array }, expiry: entry.expiry,
          encoding: entry.encoding)
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
