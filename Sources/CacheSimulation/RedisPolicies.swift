/// Redis's approximated LRU and LFU, after its documentation ("Key eviction"): of a few keys drawn by chance those that
/// have been idle for longest, or used least, enter a pool of 16, out of which the best goes. The clock of LRU counts
/// seconds; the counter of LFU rises by chance, the slower the higher it is, and falls by one a minute.
struct RedisPolicy: CachePolicy {
  private static let poolSize = 16
  private static let initialCounter: UInt32 = 5
  private static let logFactor = 10.0

  private let isLFU: Bool
  private let samples: Int
  private let requestsPerSecond: Double
  /// Seconds of the last use; or its minute above an 8-bit counter.
  private var clocks: [UInt32]
  private var resident: ResidentKeys
  private var isResident: [Bool]
  private var pool: [(key: Int, idle: UInt32)] = []
  private var random: Random
  private var requests = 0

  init(_ setup: PolicySetup, isLFU: Bool, samples: Int) {
    self.isLFU = isLFU
    self.samples = samples
    requestsPerSecond = setup.requestsPerSecond
    clocks = [UInt32](repeating: 0, count: setup.keyCount)
    isResident = [Bool](repeating: false, count: setup.keyCount)
    resident = ResidentKeys(keyCount: setup.keyCount)
    random = Random(seed: setup.seed)
  }

  private var seconds: UInt32 { UInt32(Double(requests) / requestsPerSecond) }
  private var minutes: UInt32 { seconds / 60 }

  mutating func hit(_ key: Int) {
    requests += 1
    guard isLFU else { return clocks[key] = seconds }
    var counter = counter(key)
    let above = counter > Self.initialCounter ? Double(counter - Self.initialCounter) : 0
    if counter < 255, random.unit() < 1 / (above * Self.logFactor + 1) { counter += 1 }
    clocks[key] = minutes << 8 | counter
  }

  /// A read that finds nothing and a write.
  mutating func insert(_ key: Int) {
    requests += 2
    clocks[key] = isLFU ? minutes << 8 | Self.initialCounter : seconds
    resident.insert(key)
    isResident[key] = true
  }

  mutating func evict() -> Int {
    while true {
      for _ in 0..<samples { offer(resident.drawn(&random)) }
      while let best = pool.popLast() {
        guard isResident[best.key] else { continue }
        resident.remove(best.key)
        isResident[best.key] = false
        return best.key
      }
    }
  }

  /// Puts a key into the pool, which is in order of idleness, unless all 16 there are better to evict. As it may have been
  /// idle for longer than when it came in before, it may be there twice.
  private mutating func offer(_ key: Int) {
    let idle = isLFU ? 255 - counter(key) : seconds - clocks[key]
    if pool.count == Self.poolSize {
      if idle <= pool[0].idle { return }
      pool.removeFirst()
    }
    let place = pool.firstIndex { $0.idle >= idle } ?? pool.count
    pool.insert((key, idle), at: place)
  }

  private func counter(_ key: Int) -> UInt32 {
    let counter = clocks[key] & 255
    let elapsed = minutes - clocks[key] >> 8
    return counter - min(counter, elapsed)
  }
}
