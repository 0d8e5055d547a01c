/// Plays a trace to a cache.
public struct Simulation {
  public struct Outcome: Equatable, Sendable {
    public var requests = 0
    public var hits = 0
    /// Bytes that were asked for, and found.
    public var bytes = 0
    public var hitBytes = 0

    public var hitRatio: Double { requests == 0 ? 0 : Double(hits) / Double(requests) }
    public var byteHitRatio: Double { bytes == 0 ? 0 : Double(hitBytes) / Double(bytes) }
  }

  public var seed: UInt64 = 1
  /// For policies that look at the wall clock.
  public var requestsPerSecond = 200_000.0
  /// Accesses at the start that are not counted.
  public var warmUp = 0
  /// Keys in a segment of the server's table, about.
  static let segmentKeys = 500

  public init() {}

  /// - Parameter capacity: keys, or bytes when the trace has sizes; at least 1. A key larger than that is never cached.
  public func run(_ kind: PolicyKind, _ trace: Trace, capacity: Int) -> Outcome {
    precondition(capacity > 0)
    let expected = expectedCount(trace, capacity)
    let setup = PolicySetup(keyCount: trace.keyCount, expectedCount: expected, seed: seed,
      requestsPerSecond: requestsPerSecond)
    let shards = max(1, expected / Self.segmentKeys)
    switch kind {
    case .random: return play(trace, capacity, RandomPolicy(setup))
    case .fifo: return play(trace, capacity, FIFOPolicy(setup))
    case .lru: return play(trace, capacity, LRUPolicy(setup))
    case .lfu: return play(trace, capacity, LFUPolicy(setup))
    case .redisLRU5: return play(trace, capacity, RedisPolicy(setup, isLFU: false, samples: 5))
    case .redisLRU10: return play(trace, capacity, RedisPolicy(setup, isLFU: false, samples: 10))
    case .redisLFU5: return play(trace, capacity, RedisPolicy(setup, isLFU: true, samples: 5))
    case .redisLFU10: return play(trace, capacity, RedisPolicy(setup, isLFU: true, samples: 10))
    case .sieve: return play(trace, capacity, SIEVEPolicy(setup))
    case .s3FIFO: return play(trace, capacity, S3FIFOPolicy(setup))
    case .s3FIFOSegment: return play(trace, capacity, S3FIFOPolicy(setup, shards: shards))
    case .twoQueue: return play(trace, capacity, TwoQueuePolicy(setup))
    case .twoQueueSegment: return play(trace, capacity, TwoQueuePolicy(setup, shards: shards))
    case .tinyLFU: return play(trace, capacity, TinyLFUPolicy(setup))
    case .lrfu: return play(trace, capacity, LRFUPolicy(setup))
    case .min: return play(trace, capacity, MINPolicy(trace))
    }
  }

  private func expectedCount(_ trace: Trace, _ capacity: Int) -> Int {
    let footprint = trace.sizes.isEmpty ? trace.keyCount : trace.footprint
    let share = Double(capacity) / Double(max(1, footprint))
    return max(1, min(trace.keyCount, Int(Double(trace.keyCount) * share)))
  }

  private func play<Policy: CachePolicy>(_ trace: Trace, _ capacity: Int, _ start: consuming Policy) -> Outcome {
    var policy = start
    var outcome = Outcome()
    var isResident = [Bool](repeating: false, count: trace.keyCount)
    var used = 0
    for (time, number) in trace.accesses.enumerated() {
      let key = Int(number)
      let size = trace.size(key)
      let isHit = isResident[key]
      if isHit {
        policy.hit(key)
      } else if size <= capacity {
        while used + size > capacity {
          let victim = policy.evict()
          isResident[victim] = false
          used -= trace.size(victim)
        }
        policy.insert(key)
        isResident[key] = true
        used += size
      } else {
        policy.pass(key)
      }
      if time >= warmUp {
        outcome.requests += 1
        outcome.bytes += size
        if isHit {
          outcome.hits += 1
          outcome.hitBytes += size
        }
      }
    }
    return outcome
  }
}
