import Testing

@testable import CacheSimulation

/// Each letter of a text is an access.
private func trace(_ text: String) -> Trace {
  Trace(accesses: text.utf8.map { UInt32($0) }, keyCount: 128)
}

/// Which accesses find their key: `+` or `-` for each.
private func hits(_ kind: PolicyKind, _ text: String, _ capacity: Int) -> String {
  var found = ""
  for end in 1...text.utf8.count {
    var simulation = Simulation()
    simulation.warmUp = end - 1
    found += simulation.run(kind, trace(String(text.prefix(end))), capacity: capacity).hits == 1 ? "+" : "-"
  }
  return found
}

/// A cache written as plainly as can be: an array of keys, out of which `victim` chooses.
private func naiveHits(_ accesses: [UInt32], _ capacity: Int, reorders: Bool, _ victim: ([UInt32], Int) -> Int) -> Int {
  var cache: [UInt32] = []
  var hits = 0
  for (time, key) in accesses.enumerated() {
    if let place = cache.firstIndex(of: key) {
      hits += 1
      if reorders { cache.append(cache.remove(at: place)) }
      continue
    }
    if cache.count == capacity { cache.remove(at: victim(cache, time)) }
    cache.append(key)
  }
  return hits
}

@Suite struct PolicyTests {
  private let made: Trace = {
    var made = GeneratedTrace()
    (made.keys, made.requests, made.exponent) = (300, 6000, 0.8)
    return made.make()
  }()

  @Test(arguments: [1, 2, 30, 299, 300])
  func listsAgreeWithNaiveCaches(_ capacity: Int) {
    let simulation = Simulation()
    let accesses = made.accesses
    #expect(simulation.run(.lru, made, capacity: capacity).hits
      == naiveHits(accesses, capacity, reorders: true) { _, _ in 0 })
    #expect(simulation.run(.fifo, made, capacity: capacity).hits
      == naiveHits(accesses, capacity, reorders: false) { _, _ in 0 })
    #expect(simulation.run(.min, made, capacity: capacity).hits
      == naiveHits(accesses, capacity, reorders: false) { cache, time in
        let next = cache.map { key in accesses[(time + 1)...].firstIndex(of: key) ?? Int.max }
        return next.firstIndex(of: next.max()!)!
      })
  }

  @Test func lfuEvictsWhatWasUsedLeastAndOfThatTheOldest() {
    #expect(hits(.lfu, "aabcbcbda", 2) == "-+------+")  // b and c push each other out, a stays
  }

  @Test(arguments: [1, 2, 30, 299])
  func sieveAgreesWithANaiveOne(_ capacity: Int) {
    var cache: [UInt32] = []  // the oldest first
    var visited: Set<UInt32> = []
    var hand = 0
    var hits = 0
    for key in made.accesses {
      if cache.contains(key) {
        hits += 1
        visited.insert(key)
        continue
      }
      if cache.count == capacity {
        while visited.remove(cache[hand]) != nil { hand = (hand + 1) % capacity }
        cache.remove(at: hand)
        if hand == cache.count { hand = 0 }
      }
      cache.append(key)
    }
    #expect(Simulation().run(.sieve, made, capacity: capacity).hits == hits)
  }

  @Test func twoQueueDoesNotCountUsesOfWhatIsNew() {
    // a is used while it is new and goes all the same; when it comes back it is in the main queue and stays.
    #expect(hits(.twoQueue, "aabcdeafghia", 4) == "-+---------+")
  }

  @Test func s3FIFOKeepsWhatWasUsedTwiceWhileNew() {
    #expect(hits(.s3FIFO, "aaabbcdefga", 3) == "-++-+-----+")
    #expect(hits(.s3FIFO, "abbcdefgb", 3) == "--+-----" + "-")
  }

  @Test func tinyLFUAdmitsOnlyWhatWasSeenMoreOften() {
    // Of x, y and z each is seen once: none takes the place of a or b.
    #expect(hits(.tinyLFU, "aabbxyzabxxxx", 3).suffix(6) == "++-+++")
  }

  @Test(arguments: PolicyKind.allCases)
  func everyPolicyHoldsWhatItIsAskedTo(_ kind: PolicyKind) {
    let simulation = Simulation()
    let everything = simulation.run(kind, made, capacity: made.keyCount)
    #expect(everything.hits == made.accesses.count - made.footprint)
    for capacity in [1, 2, 7, 100] {
      let outcome = simulation.run(kind, made, capacity: capacity)
      #expect(outcome == simulation.run(kind, made, capacity: capacity), "one seed, one outcome")
      #expect(outcome.hits <= simulation.run(.min, made, capacity: capacity).hits)
    }
    #expect(simulation.run(kind, trace("aaaaabbbb"), capacity: 1).hits == 7)
  }

  @Test(arguments: PolicyKind.allCases)
  func sizesLimitTheBytesHeld(_ kind: PolicyKind) {
    // c is larger than the cache, and b fits only alone.
    let trace = Trace(accesses: [0, 2, 0, 2, 1, 1, 2, 0, 0], keyCount: 3, sizes: [10, 95, 101])
    let outcome = Simulation().run(kind, trace, capacity: 100)
    #expect(outcome.hits == 3)
    #expect(outcome.hitBytes == 10 + 95 + 10)
    #expect(outcome.bytes == 4 * 10 + 2 * 95 + 3 * 101)
    #expect(outcome.byteHitRatio == 115.0 / 533)
  }

  @Test func redisClocksOnlyTellSecondsApart() {
    var simulation = Simulation()
    // Slow enough, drawing much more often than there are keys: the same as exact LRU, but for a key in the pool.
    simulation.requestsPerSecond = 0.5
    let exact = simulation.run(.lru, made, capacity: 30).hits
    #expect(abs(simulation.run(.redisLRU10, made, capacity: 30).hits - exact) < exact / 10)
    // All within one second: no better than chance.
    simulation.requestsPerSecond = 1e6
    let chance = simulation.run(.random, made, capacity: 30).hits
    #expect(abs(simulation.run(.redisLRU10, made, capacity: 30).hits - chance) < chance / 10)
  }

  @Test func redisCountersRiseAndFall() {
    let setup = PolicySetup(keyCount: 3, expectedCount: 3, seed: 1, requestsPerSecond: 1)
    var policy = RedisPolicy(setup, isLFU: true, samples: 10)
    policy.insert(0)
    policy.insert(1)
    policy.hit(0)
    #expect(policy.evict() == 1)
    policy.insert(1)
    // Ten minutes of use of another key take key 0 down below a new one.
    for _ in 0..<600 { policy.hit(1) }
    policy.insert(2)
    #expect(policy.evict() == 0)
  }
}
