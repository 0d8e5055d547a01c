import Testing
@testable import Needletail

/// What a server tells of its changes to collections, replayed into a second one, makes the same of it. Also where
/// chance, another key's contents or the settings decided what changed.
@Suite struct EffectReplayTests {
  /// Packed forms end early, so that values cross their thresholds all the time.
  private static func settings(_ entries: Int) -> Settings {
    var settings = Settings()
    settings.collections.hashEntries = entries
    settings.collections.setEntries = entries
    settings.collections.setIntegers = entries
    settings.collections.sortedSetEntries = entries
    settings.debugCommand = .yes
    return settings
  }

  private static let keyCount = 8

  @Test(arguments: [0, 6, 128]) func replay(_ entries: Int) {
    var source = RequestSource(SeededGenerator.fresh())
    let seed = source.generator.seed
    let server = TestServer(Self.settings(entries))
    let copy = TestServer(Self.settings(entries))
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    var lengths: [[UInt8]: Int] = [:]
    var toldKinds: Set<String> = []
    for step in 0..<(isLongRun ? 300_000 : 12_000) {
      if source.chance(5) {
        let passed = source.generator.below(400)
        for each in [server, copy] { each.advance(milliseconds: passed) }
      }
      let request = source.next(nowMilliseconds: server.nowMilliseconds)
      let reply = server.run(request.map { Array($0.utf8) })
      for effect in recorder.effects {
        let before = lengths[effect.key] ?? -1
        #expect(before == effect.lengthBefore, "seed \(seed): \(request) told \(effect)")
        lengths[effect.key] = effect.lengthAfter < 0 ? nil : effect.lengthAfter
      }
      if reply.isError {
        // It may have looked at a key whose time had come.
        #expect(recorder.effects.allSatisfy { "\($0.event)" == "expired" }, "seed \(seed): \(request) failed")
      }
      for command in recorder.commands {
        let isRefused = copy.run(command.arguments).isError
        #expect(!isRefused, "seed \(seed): \(request) is not reproduced")
        toldKinds.insert(request[0])
      }
      _ = recorder.take()
      // Each time would take long; where it happened is then to be found within these few requests.
      guard step % 50 == 49 else { continue }
      let digests = [server, copy].map { $0.withEngine { $0.keyspace.digest() } }
      #expect(digests[0] == digests[1], "seed \(seed): differs before \(step), \(request)")
      guard digests[0] == digests[1] else { return }
    }
    let held = server.withEngine { engine in
      var held: [[UInt8]: Int] = [:]
      engine.keyspace.forEachEntry(database: 0) { held[$0.key.array] = $0.length }
      return held
    }
    #expect(held == lengths, "seed \(seed)")
    let (counted, shown) = server.withEngine { engine in
      var counted: [ValueType: [Int: Int]] = [:]
      engine.keyspace.forEachEntry(database: 0) {
        counted[$0.type, default: [:]][KeySizes.lowerBound(KeySizes.bin($0.length)), default: 0] += 1
      }
      var shown: [ValueType: [Int: Int]] = [:]
      for type in ValueType.allCases {
        for bin in engine.keyspace.sizes(database: 0, type) { shown[type, default: [:]][bin.lowerBound] = bin.count }
      }
      return (counted, shown)
    }
    #expect(counted == shown, "seed \(seed)")
    #expect(toldKinds.isSuperset(of: RequestSource.kinds),
      "seed \(seed): \(RequestSource.kinds.subtracting(toldKinds))")
  }

  /// Requests for a few keys of every type, most of which succeed.
  private struct RequestSource {
    var generator: SeededGenerator

    init(_ generator: SeededGenerator) { self.generator = generator }

    /// All that write, and are seen to have written in every run.
    static let kinds: Set<String> = [
      "LPUSH", "RPUSH", "LPUSHX", "RPUSHX", "LPOP", "RPOP", "LSET", "LINSERT", "LREM", "LTRIM", "LMOVE", "RPOPLPUSH",
      "LMPOP", "LMOVEM", "SADD", "SREM", "SPOP", "SMOVE", "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE", "HSET", "HSETNX",
      "HDEL", "HINCRBY", "HINCRBYFLOAT", "HGETDEL", "ZADD", "ZINCRBY", "ZREM", "ZPOPMIN", "ZPOPMAX", "ZMPOP",
      "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZRANGESTORE", "SORT", "DEL",
      "RENAME", "COPY", "PEXPIRE", "SET",
    ]

    mutating func chance(_ percent: Int) -> Bool { generator.chance(percent) }
    private mutating func pick(_ texts: [String]) -> String { texts[generator.below(texts.count)] }
    private mutating func number(_ bound: Int) -> String { "\(generator.below(bound) - 2)" }
    private mutating func element() -> String {
      switch generator.below(10) {
      case 0: String(repeating: "long", count: 1 + generator.below(60))
      case 1, 2, 3: "m\(generator.below(30))"
      default: "\(generator.below(40) - 5)"
      }
    }
    private mutating func score() -> String { pick(["1", "-2", "0.1", "3", "inf", "-inf", "1e300", "2.5", "7"]) }
    /// Keys have a type by their name, but for a few.
    private mutating func key(_ type: String) -> String {
      (chance(96) ? type : pick(["l", "s", "h", "z"])) + "\(generator.below(EffectReplayTests.keyCount / 2))"
    }
    private mutating func several(_ most: Int, _ make: (inout RequestSource) -> [String]) -> [String] {
      (0...generator.below(most)).flatMap { _ in make(&self) }
    }

    mutating func next(nowMilliseconds: Int) -> [String] {
      switch generator.below(10) {
      case 0, 1, 2: list()
      case 3, 4: set()
      case 5: hash()
      case 6, 7, 8: sortedSet()
      default: generic(nowMilliseconds)
      }
    }

    private mutating func list() -> [String] {
      let l = key("l"), side = pick(["LEFT", "RIGHT"]), other = pick(["LEFT", "RIGHT"])
      switch generator.below(15) {
      case 0, 1, 2: return [pick(["LPUSH", "RPUSH"]), l] + several(12) { [$0.element()] }
      case 3: return [pick(["LPUSHX", "RPUSHX"]), l, element()]
      case 4: return [pick(["LPOP", "RPOP"]), l] + (chance(50) ? [] : ["\(generator.below(4))"])
      case 5: return ["LSET", l, number(12), element()]
      case 6: return ["LINSERT", l, pick(["BEFORE", "AFTER"]), element(), element()]
      case 7: return ["LREM", l, number(5), element()]
      case 8: return ["LTRIM", l, number(4), number(40)]
      case 9: return ["LMOVE", l, key("l"), side, other]
      case 10: return ["RPOPLPUSH", l, key("l")]
      case 11: return ["LMPOP", "2", l, key("l"), side, "COUNT", "\(1 + generator.below(4))"]
      case 12:
        return ["LMOVEM", l, key("l"), side, other, pick(["COUNT", "EXACTLY"]), "\(1 + generator.below(4))",
          pick(["OBO", "BULK"])]
      case 13: return ["SORT", pick([l, key("s"), key("z")]), pick(["ALPHA", "DESC"]), "ALPHA", "STORE", key("l")]
      default: return ["LLEN", l]
      }
    }

    private mutating func set() -> [String] {
      let s = key("s")
      switch generator.below(10) {
      case 0, 1, 2: return ["SADD", s] + several(12) { [$0.element()] }
      case 3: return ["SREM", s] + several(3) { [$0.element()] }
      case 4: return ["SPOP", s]
      case 5: return ["SPOP", s, "\(generator.below(12))"]
      case 6: return ["SMOVE", s, key("s"), element()]
      case 7: return ["SUNIONSTORE", key("s"), s, key("s")]
      default: return [pick(["SINTERSTORE", "SDIFFSTORE"]), key("s"), s, key("s")]
      }
    }

    private mutating func hash() -> [String] {
      let h = key("h")
      switch generator.below(8) {
      case 0, 1: return ["HSET", h] + several(8) { [$0.element(), $0.element()] }
      case 2: return ["HSETNX", h, element(), element()]
      case 3: return ["HDEL", h] + several(3) { [$0.element()] }
      case 4: return ["HINCRBY", h, "\(generator.below(5))", number(50)]
      case 5: return ["HINCRBYFLOAT", h, "\(generator.below(5))", pick(["0.1", "-2.5", "1e10", "3"])]
      case 6: return ["HGETDEL", h, "FIELDS", "2", element(), element()]
      default: return ["HMSET", h, element(), element()]
      }
    }

    private mutating func sortedSet() -> [String] {
      let z = key("z")
      switch generator.below(16) {
      case 0, 1, 2: return ["ZADD", z] + several(12) { [$0.score(), $0.element()] }
      case 3: return ["ZADD", z, pick(["NX", "XX", "GT", "LT"]), "CH"] + several(3) { [$0.score(), $0.element()] }
      case 4: return ["ZADD", z, "INCR", score(), element()]
      case 5: return ["ZINCRBY", z, score(), element()]
      case 6: return ["ZREM", z] + several(3) { [$0.element()] }
      case 7: return [pick(["ZPOPMIN", "ZPOPMAX"]), z] + (chance(50) ? [] : ["\(generator.below(4))"])
      case 8: return ["ZMPOP", "2", z, key("z"), pick(["MIN", "MAX"]), "COUNT", "\(1 + generator.below(4))"]
      case 9: return ["ZREMRANGEBYRANK", z, number(4), number(6)]
      case 10: return ["ZREMRANGEBYSCORE", z, score(), score()]
      case 11: return ["ZREMRANGEBYLEX", z, "[\(element())", "(\(element())"]
      case 12:
        return [pick(["ZUNIONSTORE", "ZINTERSTORE"]), key("z"), "2", z, key(pick(["s", "z"])), "WEIGHTS", score(), "2",
          "AGGREGATE", pick(["SUM", "MIN", "MAX"])]
      case 13: return ["ZDIFFSTORE", key("z"), "2", z, key(pick(["s", "z"]))]
      case 14: return ["ZRANGESTORE", key("z"), z, number(4), number(30)] + (chance(30) ? ["REV"] : [])
      default: return ["ZRANGESTORE", key("z"), z, "-inf", score(), "BYSCORE", "LIMIT", "1", "5"]
      }
    }

    private mutating func generic(_ now: Int) -> [String] {
      let any = key(pick(["l", "s", "h", "z"])), other = key(pick(["l", "s", "h", "z"]))
      return switch generator.below(12) {
      case 0: ["DEL", any]
      case 1, 2: ["RENAME", any, other]
      case 3, 4: ["COPY", any, other, "REPLACE"]
      case 5: ["PEXPIRE", any, "\(generator.below(3000) - 100)"]
      case 6: ["PEXPIREAT", any, "\(now + generator.below(3000))"]
      case 7: ["PERSIST", any]
      case 8: ["SET", any, element()]
      default: ["OBJECT", "ENCODING", any]
      }
    }
  }
}
