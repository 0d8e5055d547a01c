import Testing

@testable import Needletail

/// Which key goes. Fewer keys than a draw looks at: the choice is exact.
@Suite struct EvictionTests {
  private static let keyCount = 40

  private static func server(_ policy: EvictionPolicy) -> TestServer {
    var settings = Settings()
    settings.evictionPolicy = policy
    settings.lfuLogFactor = 0
    settings.lfuDecayMinutes = 0
    return TestServer(settings)
  }

  /// Evicts until nothing can go.
  /// - Returns: what went, in turn.
  private static func evictAll(_ server: TestServer, _ policy: EvictionPolicy, samples: Int = 64) -> [String] {
    var order: [String] = []
    var left = keys(server)
    while server.withEngine({ $0.keyspace.evictKey(policy, samples: samples) }) {
      let now = keys(server)
      #expect(left.count == now.count + 1)
      order += left.subtracting(now)
      left = now
    }
    #expect(server.withEngine { $0.keyspace.evictedKeys } == order.count)
    return order
  }

  private static func keys(_ server: TestServer) -> Set<String> {
    var names: Set<String> = []
    for database in ["0", "3"] {
      server.run("SELECT", database)
      guard case .array(let keys) = server.run("KEYS", "*") else { continue }
      for case .bytes(let name) in keys { names.insert(String(decoding: name, as: UTF8.self)) }
    }
    return names
  }

  private static func shuffled(_ seed: UInt64) -> [String] {
    var random = FastRandom(seed: seed)
    return (0..<keyCount).map { "key:\($0)" }.shuffled(using: &random)
  }

  @Test func leastRecentlyUsed() {
    let server = Self.server(.allKeysLRU)
    let order = Self.shuffled(1)
    for name in order.reversed() { server.run("SET", name, "v") }
    for name in order {
      server.advance(milliseconds: 63)
      server.run("GET", name)
    }
    #expect(Self.evictAll(server, .allKeysLRU) == order)
  }

  @Test func leastFrequentlyUsed() {
    let server = Self.server(.allKeysLFU)
    let order = Self.shuffled(2)
    for (uses, name) in order.enumerated() {
      server.run("SET", name, "v")
      for _ in 0..<uses { server.run("GET", name) }
    }
    #expect(Self.evictAll(server, .allKeysLFU) == order)
  }

  /// Of those used as often, what has come last has had the least time to be used again.
  @Test func ofEqualCountsTheLeastRecentlyUsed() {
    let server = Self.server(.allKeysLFU)
    let order = Self.shuffled(7)
    for name in order {
      server.run("SET", name, "v")
      server.advance(milliseconds: 235)
    }
    #expect(Self.evictAll(server, .allKeysLFU) == order)
  }

  /// Uses far apart count, those in quick succession count once, and old ones fade.
  @Test func usesThatFade() {
    let server = Self.server(.allKeysLRFU)
    let order = Self.shuffled(7)
    for name in order { server.run("SET", name, "v") }
    server.advance(milliseconds: 1)
    // A turn has as many uses as there are keys. The first ten get all of theirs at once, the next ten spread over four
    // turns, the others none.
    for name in order[..<10] { for _ in 0..<4 { server.run("GET", name) } }
    for _ in 0..<4 {
      for name in order[10..<20] { for _ in 0..<4 { server.run("GET", name) } }
    }
    let gone = Self.evictAll(server, .allKeysLRFU)
    #expect(Set(gone[30...]) == Set(order[10..<20]), "\(gone)")
    #expect(Set(gone[..<20]) == Set(order[20...]), "\(gone)")
  }

  /// A key that comes back is not new.
  @Test func returningKeys() {
    let server = Self.server(.allKeysLRFU)
    let order = Self.shuffled(8)
    for name in order { server.run("SET", name, "v") }
    server.advance(milliseconds: 1)
    for _ in 0..<40 { server.run("GET", order[0]) }
    let strength = server.run("OBJECT", "FREQ", order[0])
    guard case .integer(let before) = strength else { return #expect(Bool(false), "\(strength)") }
    #expect(before > 60)
    _ = Self.evictAll(server, .allKeysLRFU)
    for name in order { server.run("SET", name, "v") }
    guard case .integer(let after) = server.run("OBJECT", "FREQ", order[0]) else { return }
    #expect(after > 60)
    // Of the others, which had one use, it is the second; there is room for 32 of them. A deleted key is forgotten.
    let known = order[1...].filter { name in
      if case .integer(let strength) = server.run("OBJECT", "FREQ", name) { strength > 40 } else { false }
    }
    #expect(20...31 ~= known.count)
    server.run("DEL", known[0])
    server.run("SET", known[0], "v")
    #expect(server.run("OBJECT", "FREQ", known[0]) == .integer(0))
  }

  /// Reading is no change; whatever the type, a change is.
  @Test func leastRecentlyModified() {
    let server = Self.server(.allKeysLRM)
    let order = Self.shuffled(3)
    let changes = [
      ("SET", ["v"]), ("RPUSH", ["a", "b"]), ("SADD", ["m"]), ("HSET", ["f", "v"]), ("ZADD", ["1", "m"]),
    ]
    for (index, name) in order.reversed().enumerated() {
      let (command, arguments) = changes[index % changes.count]
      server.run(([command, name] + arguments).map { Array($0.utf8) })
    }
    for (index, name) in order.reversed().enumerated() {
      server.advance(milliseconds: 63)
      let (command, arguments) = changes[index % changes.count]
      server.run(([command, name] + arguments.map { $0 + "2" }).map { Array($0.utf8) })
    }
    for name in order.reversed() {
      server.advance(milliseconds: 63)
      server.run("EXPIRE", name, "1000")
    }
    for name in order {
      server.advance(milliseconds: 63)
      server.run("EXPIRE", name, "2000")
    }
    for name in order.reversed() {
      server.advance(milliseconds: 63)
      server.run("TYPE", name)
      server.run("DUMP", name)
    }
    #expect(Self.evictAll(server, .allKeysLRM) == order)
  }

  @Test func earliestDeadline() {
    let server = Self.server(.volatileTTL)
    let order = Self.shuffled(4)
    for name in order.reversed() { server.run("SET", name, "v") }
    for (index, name) in order.enumerated().reversed() { server.run("EXPIRE", name, String(1000 + index)) }
    server.run("SET", "stays", "v")
    #expect(Self.evictAll(server, .volatileTTL, samples: 64) == order)
    #expect(Self.keys(server) == ["stays"])
  }

  /// In two databases, keys with an expiry among others.
  @Test(arguments: EvictionPolicy.allCases) func onlyWhatMayGo(_ policy: EvictionPolicy) {
    let server = Self.server(policy)
    var volatile: Set<String> = []
    for (index, name) in Self.shuffled(5).enumerated() {
      server.run("SELECT", index % 4 == 0 ? "3" : "0")
      server.run("SET", name, String(repeating: "v", count: index * 40))
      if index % 3 == 0 {
        server.run("EXPIRE", name, "1000")
        volatile.insert(name)
      }
    }
    let all = Self.keys(server)
    let gone = Set(Self.evictAll(server, policy, samples: 3))
    #expect(gone == (policy == .noEviction ? [] : policy.isVolatile ? volatile : all))
    #expect(Self.keys(server) == all.subtracting(gone))
  }

  /// Many segments, few of which have deadlines.
  @Test func deadlinesFarBetween() {
    let server = Self.server(.volatileLRU)
    for index in 0..<50_000 { server.run("SET", "k\(index)", "v") }
    let volatile = Set((0..<5).map { "k\($0 * 9_999)" })
    for name in volatile { server.run("EXPIRE", name, "1000") }
    #expect(Set(Self.evictAll(server, .volatileLRU)) == volatile)
    server.run("SELECT", "0")
    #expect(server.run("DBSIZE") == .integer(49_995))
  }

  @Test func chanceSparesNobody() {
    var firsts: Set<String> = []
    let server = Self.server(.allKeysRandom)
    for _ in 0..<600 {
      for name in Self.shuffled(6) { server.run("SET", name, "v") }
      #expect(server.withEngine { $0.keyspace.evictKey(.allKeysRandom, samples: 5) })
      firsts.formUnion(Set(Self.shuffled(6)).subtracting(Self.keys(server)))
    }
    #expect(firsts.count == Self.keyCount)
  }

  /// A candidate that was used, changed, moved or removed since it was met is no candidate any more.
  @Test func candidatesAreLookedAtAgain() {
    let server = Self.server(.allKeysLRU)
    let order = (0..<Self.keyCount).map { "key:\($0)" }
    for name in order {
      server.advance(milliseconds: 63)
      server.run("SET", name, "v")
    }
    // The first goes, the next fifteen are in the pool.
    #expect(server.withEngine { $0.keyspace.evictKey(.allKeysLRU, samples: 64) })
    server.advance(milliseconds: 63)
    server.run("GET", order[1])
    server.run("SET", order[2], String(repeating: "long", count: 100))
    server.run("DEL", order[3])
    server.run("RENAME", order[4], "renamed")
    server.run("SWAPDB", "0", "3")
    #expect(server.withEngine { $0.keyspace.evictKey(.allKeysLRU, samples: 1) })
    let expected = Set(order).subtracting([order[0], order[3], order[4], order[5]]).union(["renamed"])
    #expect(Self.keys(server) == expected)
  }

  /// One whose time has come counts as expired.
  @Test func expiredOnesGoAsSuch() {
    let server = Self.server(.allKeysLRU)
    server.run("SET", "k", "v", "PX", "10")
    server.advance(milliseconds: 100)
    #expect(server.withEngine { $0.keyspace.evictKey(.allKeysLRU, samples: 5) })
    #expect(server.withEngine { $0.keyspace.evictedKeys == 0 && $0.keyspace.expiryStatistics.expiredKeys == 1 })
  }

  @Test func watchersHearOfIt() {
    let server = Self.server(.allKeysRandom)
    server.expect([("SET k v", .ok), ("WATCH k", .ok)])
    #expect(server.withEngine { $0.keyspace.evictKey(.allKeysRandom, samples: 1) })
    server.expect([("MULTI", .ok), ("PING", .simple("QUEUED")), ("EXEC", .nullArray)])
  }
}
