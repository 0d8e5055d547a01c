import Glibc
import Testing

@testable import CacheSimulation

@Suite struct LRFUTests {
  private func policy(keys: Int = 64) -> LRFUPolicy {
    LRFUPolicy(PolicySetup(keyCount: 1000, expectedCount: keys, seed: 1, requestsPerSecond: 1), samples: 500)
  }

  @Test func sumsAddUp() {
    let growth = SumGrowth()
    for left in -600...LRFUPolicy.maxSum {
      let exact = 64 * log2(1 + exp2(Double(left) / 64))
      #expect(abs(Double(growth.sum(left)) - min(exact, Double(LRFUPolicy.maxSum))) <= 0.6, "\(left)")
    }
  }

  @Test func decayHalvesInAHalfLife() {
    let halfLife = HalfLife()  // of 8 turns: 512 epochs
    #expect(halfLife.decay(512) == 64)
    #expect(halfLife.decay(7) == 0)
    #expect(halfLife.decay(8) == 1)
  }

  @Test func ofKeysUsedOnceTheOldestGoes() {
    var policy = policy()
    for key in 0..<64 { policy.insert(key) }
    #expect(policy.evict() == 0)
  }

  @Test func usesCloseTogetherCountOnce() {
    // With 64 keys each use is an epoch; a quarter of a turn is 16.
    for (gap, goes) in [(15, 0), (16, 1)] {
      var policy = policy()
      for key in 10..<74 { policy.insert(key) }
      policy.insert(0)
      policy.insert(1)
      for _ in 0..<gap - 2 { policy.hit(10) }
      policy.hit(0)
      for key in 10..<74 { policy.hit(key) }
      #expect(policy.evict() == goes, "a gap of \(gap)")
    }
  }

  @Test func whatReturnsHasItsUsesAgain() {
    var table = GhostTable()
    table.fit(80)
    for number in 0..<UInt64(8) { table.insert(number << 1 | 1, Int(number)) }  // one bucket
    #expect(table.take(3) == 1)
    #expect(table.take(3) == nil)
    #expect(table.take(15) == 7)
    for number in 8..<UInt64(15) { table.insert(number << 1 | 1, 0) }
    #expect(table.take(1) == nil, "eight came after it")
    #expect(table.take(13) == 6)
  }

  @Test func ghostsAreForgottenOnlyWhenTheCacheIsOfAnotherSize() {
    for (keys, stays) in [(800, true), (1616, false), (1600, true), (215, true), (199, false)] {
      var table = GhostTable()
      table.fit(800)
      table.insert(5, 3)
      table.fit(keys)
      #expect((table.take(5) == 3) == stays, "\(keys)")
    }
  }

  @Test func halfLifeFollowsWhatReturns() {
    var often = HalfLife()
    var once = HalfLife()
    var unknown = HalfLife()
    for _ in 0..<20 {
      for _ in 0..<100 {
        often.countEviction(0, keys: 1000)
        often.countEviction(1, keys: 1000)
        often.countReturn(1)
        once.countEviction(0, keys: 1000)
        once.countEviction(2, keys: 1000)
        once.countReturn(0)
        unknown.countEviction(0, keys: 1000)
      }
    }
    #expect(often.turns > 16 && often.turns <= HalfLife.range.upperBound)
    #expect(once.turns < 4 && once.turns >= HalfLife.range.lowerBound)
    #expect(unknown.turns < 8)
  }

  @Test func scansPassItAndHotSetsMove() {
    var made = GeneratedTrace()
    (made.shape, made.keys, made.requests) = (.scans, 2500, 60_000)
    (made.scanEvery, made.scanLength, made.scanTouches, made.scanLag) = (1250, 625, 2, 25)
    let scans = made.make()
    (made.shape, made.hotKeys, made.phase) = (.hotset, 250, 6_000)
    let hotset = made.make()
    let simulation = Simulation()
    func ratio(_ kind: PolicyKind, _ trace: Trace) -> Double {
      simulation.run(kind, trace, capacity: 750).hitRatio
    }
    let best = max(ratio(.redisLRU10, scans), ratio(.redisLFU10, scans), ratio(.random, scans))
    #expect(ratio(.lrfu, scans) > best + 0.02)
    #expect(ratio(.lrfu, hotset) > ratio(.lru, hotset) - 0.01)
    #expect(ratio(.lrfu, hotset) > ratio(.redisLFU10, hotset) + 0.1)
  }
}
