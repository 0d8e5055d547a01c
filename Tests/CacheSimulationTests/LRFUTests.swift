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

  @Test func ghostsTellTheirSumInSteps() {
    for (sum, told) in [(0, 0), (21, 0), (22, 42), (64, 85), (63, 42), (107, 128), (128, 128)] {
      for reason in [Ghost.Reason.both, .age, .sum] {
        #expect(Ghost(bits: Ghost(sum: sum, reason: reason).bits) == Ghost(sum: told, reason: reason), "\(sum)")
      }
    }
  }

  @Test func bucketsHoldTheLastEight() {
    func ghost(_ number: UInt64) -> Ghost { Ghost(sum: number % 2 == 0 ? 0 : 128, reason: .age) }
    var table = GhostTable()
    table.fit(80)
    for number in 0..<UInt64(8) { table.insert(number << 1 | 1, ghost(number)) }  // one bucket
    #expect(table.take(3) == ghost(1))
    #expect(table.take(3) == nil)
    #expect(table.take(15) == ghost(7))
    for number in 8..<UInt64(15) { table.insert(number << 1 | 1, ghost(number)) }
    #expect(table.take(1) == nil, "eight came after it")
    #expect(table.take(13) == ghost(6))
  }

  @Test func ghostsAreForgottenOnlyWhenTheCacheIsOfAnotherSize() {
    for (keys, stays) in [(800, true), (1616, false), (1600, true), (215, true), (199, false)] {
      var table = GhostTable()
      table.fit(800)
      table.insert(5, Ghost(sum: 128, reason: .sum))
      table.fit(keys)
      #expect((table.take(5) == Ghost(sum: 128, reason: .sum)) == stays, "\(keys)")
    }
  }

  @Test func halfLifeFollowsWhatReturns() {
    var age = HalfLife()
    var sum = HalfLife()
    var noAges = HalfLife()
    var noSums = HalfLife()
    for _ in 0..<4000 {
      age.countEviction(.age, keys: 1000)
      age.countEviction(.sum, keys: 1000)
      age.countReturn(.age)
      sum.countEviction(.age, keys: 1000)
      sum.countEviction(.sum, keys: 1000)
      sum.countReturn(.sum)
      noAges.countEviction(.sum, keys: 1000)
      noSums.countEviction(.age, keys: 1000)
      noSums.countReturn(.both)
    }
    #expect(age.turns == HalfLife.range.upperBound)
    #expect(sum.turns == HalfLife.range.lowerBound)
    #expect(noAges.turns < 8 && noAges.turns > 1)
    #expect(noSums.turns > 8 && noSums.turns < 40)
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
