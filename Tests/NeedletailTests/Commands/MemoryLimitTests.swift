import Testing

@testable import Needletail

/// What `maxmemory` does to commands. Not under a sanitizer, whose allocator does not count what is used.
@Suite(.enabled(if: !isSanitized)) struct MemoryLimitTests {
  static let refusal = Reply.error("OOM command not allowed when used memory > 'maxmemory'.")

  private let server = TestServer()

  /// - Parameter room: bytes that may still be used; negative: more are in use than may be.
  private func limit(room: Int, _ policy: EvictionPolicy = .noEviction) {
    server.withEngine { engine in
      engine.settings.evictionPolicy = policy
      engine.settings.evictionTenacity = 100
      engine.applyEvictionTenacity()
      engine.settings.maxMemory = engine.evictableMemoryBytes + room
      engine.applyEvictionPolicy()
      engine.applyMemoryLimit()
    }
  }

  private func unlimited() { server.withEngine { engine in
    engine.settings.maxMemory = 0
    engine.changeMemoryLimit()
  } }

  @Test func belowAtAndAbove() {
    server.run("SET", "k", "v")
    for room in [1 << 20, 0] {
      limit(room: room)
      #expect(server.withEngine { !$0.needsRoom })
    }
    limit(room: -1)
    #expect(server.withEngine { $0.needsRoom })
    server.expect([
      ("SET k w", Self.refusal), ("GET k", "v"), ("LPUSH l a", Self.refusal), ("PING", .simple("PONG")),
      ("DEL k", 1), ("CONFIG SET maxmemory 0", .ok), ("SET k w", .ok),
    ])
  }

  @Test func transactions() {
    server.run("SET", "k", "v")
    limit(room: 1 << 16)
    server.expect([("MULTI", .ok), ("SET k w", .simple("QUEUED"))])
    limit(room: -1)
    // What would need memory is refused, and so is the transaction that has it.
    server.expect([
      ("GET k", .simple("QUEUED")),
      ("EXEC", .error("EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.")),
      ("MULTI", .ok), ("GET k", .simple("QUEUED")), ("SET k x", Self.refusal),
      ("EXEC", .error("EXECABORT Transaction discarded because of previous errors.")), ("MULTI", .ok), ("DISCARD", .ok),
    ])
    unlimited()
    server.expect([("MULTI", .ok), ("GET k", .simple("QUEUED"))])
    limit(room: -1)
    server.expect([("EXEC", .array(["v"]))])
  }

  /// Keys go until there is room; those that may not go are not enough.
  @Test func evictsFirst() {
    for index in 0..<2_000 { server.run("SET", "k\(index)", String(repeating: "v", count: 100)) }
    limit(room: -50_000, .allKeysLRU)
    server.expect([("SET new v", .ok), ("GET new", "v")])
    let size = server.run("DBSIZE")
    let evicted = server.withEngine { $0.keyspace.evictedKeys }
    #expect(300...800 ~= evicted, "\(evicted)")
    #expect(size == .integer(2_001 - evicted))
    // What the test allocates counts as well.
    #expect(server.withEngine { $0.evictableMemoryBytes <= $0.eviction.limitBytes + 20_000 })
    limit(room: -1, .volatileLRU)
    server.expect([("SET new w", Self.refusal), ("PING", .simple("PONG"))])
  }

  @Test func timeAboveTheLimit() {
    server.run("SET", "k", "v")
    limit(room: -1)
    server.expect([("SET k w", Self.refusal)])
    server.advance(milliseconds: 250)
    #expect(server.withEngine { $0.currentExceededMilliseconds } == 250)
    unlimited()
    #expect(server.withEngine { $0.currentExceededMilliseconds } == 0)
    #expect(server.withEngine { $0.statistics.evictionExceededMilliseconds } == 250)
  }

  /// What a view holds is as good as gone: evicting more would not bring it back sooner.
  @Test func limboDoesNotCount() {
    var settings = Settings()
    settings.debugCommand = .yes
    let server = TestServer(settings, sharesFreer: false)
    for index in 0..<500 { server.run("SET", "k\(index)", String(repeating: "v", count: 1000)) }
    #expect(server.run("DEBUG", "FREEZE") == .integer(1))
    server.withEngine { engine in
      engine.settings.evictionPolicy = .allKeysRandom
      engine.settings.evictionTenacity = 100
      engine.applyEvictionTenacity()
      engine.settings.maxMemory = engine.evictableMemoryBytes - 100_000
      engine.applyEvictionPolicy()
      engine.applyMemoryLimit()
    }
    server.run("PING")
    let (evicted, limbo) = server.withEngine { ($0.keyspace.evictedKeys, $0.uncountedMemoryBytes) }
    #expect(90...130 ~= evicted && limbo >= 90_000, "\(evicted), \(limbo)")
    #expect(server.run("DEBUG", "FREEZE-CANCEL") == .ok)
  }

  @Test func partOfTheMachine() {
    server.expect([("CONFIG SET maxmemory 50%", .ok), ("CONFIG GET maxmemory", .array(["maxmemory", "50%"]))])
    #expect(server.withEngine { $0.eviction.limitBytes } == SystemFacts.usableMemoryBytes / 100 * 50)
    server.expect([("CONFIG SET maxmemory-clients 10%", .ok)])
    #expect(server.withEngine { $0.clientMemoryLimit } == SystemFacts.usableMemoryBytes / 100 * 50 / 100 * 10)
    server.expect([("CONFIG SET maxmemory 0", .ok)])
    #expect(server.withEngine { $0.clientMemoryLimit } == nil)
  }
}
