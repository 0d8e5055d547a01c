import Glibc

/// LRFU by sampling, with a half-life that what comes back decides.
///
/// Each use of a key counts 2 ^ (-age / half-life). Of the keys drawn that with the smallest sum goes. A short half-life
/// makes this LRU, a long one LFU. Lee et al., "LRFU: A Spectrum of Policies that Subsumes the Least Recently Used and
/// Least Frequently Used Policies" (IEEE Trans. Computers 2001). A key's state is 32 bits:
///
///     | epoch of the last use that counted 24 | logarithm of the sum then, in 1/64 8 |
///
/// Time is uses: an epoch is a 64th of as many uses as there are keys in the cache (a turn). Uses within a quarter of a
/// turn of the last one that counted do not count (the paper's correlated references), so that a record that is read and
/// at once updated is not taken for a popular one. Sums end at four uses: what was popular once must be able to go.
///
/// Two bytes a key remember what was evicted: a fingerprint, and how high its sum was. A key that returns has its uses
/// again. When those that were used more than once return more often than the others, the half-life grows, else it
/// shrinks.
struct LRFUPolicy: CachePolicy {
  static let epochsPerTurn = 64
  static let correlatedEpochs: UInt32 = 16
  static let maxSum = 128
  /// Logarithms below it: used once, or as good as.
  static let usedOnce = 51

  private let samples: Int
  private var clocks: [UInt32]
  private var resident: ResidentKeys
  private var random: Random
  private var epoch: UInt32 = 1
  private var usesLeft = 1
  private(set) var halfLife = HalfLife()
  private var ghosts = GhostTable()
  private let growth = SumGrowth()

  init(_ setup: PolicySetup, samples: Int = 16) {
    self.samples = samples
    clocks = [UInt32](repeating: 0, count: setup.keyCount)
    resident = ResidentKeys(keyCount: setup.keyCount)
    random = Random(seed: setup.seed)
  }

  private mutating func countUse() {
    usesLeft -= 1
    guard usesLeft <= 0 else { return }
    usesLeft = max(1, resident.count / Self.epochsPerTurn)
    epoch = (epoch + 1) & 0xff_ffff
  }

  private func age(_ clock: UInt32) -> UInt32 { (epoch &- clock >> 8) & 0xff_ffff }

  mutating func hit(_ key: Int) {
    countUse()
    let clock = clocks[key]
    let age = age(clock)
    guard age >= Self.correlatedEpochs else { return }
    clocks[key] = epoch << 8 | growth.sum(Int(clock & 255) - halfLife.decay(age))
  }

  mutating func insert(_ key: Int) {
    countUse()
    var sum: UInt32 = 0
    if let rank = ghosts.take(Self.hash(key)) {
      halfLife.countReturn(rank)
      sum = growth.sum(rank * 32)
    }
    clocks[key] = epoch << 8 | sum
    resident.insert(key)
  }

  mutating func evict() -> Int {
    ghosts.fit(resident.count)
    var victim = resident.drawn(&random)
    var least = score(victim)
    for _ in 1..<samples {
      let other = resident.drawn(&random)
      let score = score(other)
      if score < least { (victim, least) = (other, score) }
    }
    let sum = Int(clocks[victim] & 255)
    let rank = sum < Self.usedOnce ? 0 : min(7, max(1, (sum + 16) / 32))
    ghosts.insert(Self.hash(victim), rank)
    halfLife.countEviction(rank, keys: resident.count)
    resident.remove(victim)
    return victim
  }

  /// The logarithm of the key's sum as it is now, in 1/64 of 2 ^ -16.
  private func score(_ key: Int) -> Int {
    Int(clocks[key] & 255) << 16 - Int(age(clocks[key])) * halfLife.inverse
  }

  private static func hash(_ key: Int) -> UInt64 { Random.mixed(UInt64(key) &+ 0x9e37_79b9_7f4a_7c15) }

  /// Bytes a key of the cache.
  static let ghostBytes = 2.0
}

/// What a use does to a sum, all in logarithms.
struct SumGrowth {
  /// 64 · log2(1 + 2^(-i / 64)).
  private let added: [UInt8]

  init() { added = (0..<512).map { UInt8((64 * log2(1 + exp2(-Double($0) / 64))).rounded()) } }

  /// The sum after a use, for what is left of it before.
  func sum(_ left: Int) -> UInt32 {
    let distance = Int(added[min(511, abs(left))])
    return UInt32(min(LRFUPolicy.maxSum, max(left, 0) + distance))
  }
}

/// The half-life, in turns, and what it follows.
struct HalfLife {
  static let range = 1.0...64
  /// A change at most, either way; after evictions of so many of the cache's keys.
  private static let step = 1.3
  private static let window = 0.3
  /// Evictions of keys used more than once below which nothing is known about them.
  private static let known = 0.002
  private static let preference = 1.3

  private(set) var turns = 8.0
  /// In 2 ^ -16 of 1/64 an epoch.
  private(set) var inverse = 8192
  /// Of keys used once, and more often.
  private var evicted = (0.0, 0.0)
  private var returned = (0.0, 0.0)
  private var evictions = 0

  func decay(_ age: UInt32) -> Int { (Int(age) * inverse) >> 16 }

  mutating func countReturn(_ rank: Int) { if rank == 0 { returned.0 += 1 } else { returned.1 += 1 } }

  mutating func countEviction(_ rank: Int, keys: Int) {
    if rank == 0 { evicted.0 += 1 } else { evicted.1 += 1 }
    evictions += 1
    if Double(evictions) >= Self.window * Double(keys) { adapt() }
  }

  private mutating func adapt() {
    evictions = 0
    if evicted.1 < Self.known * (evicted.0 + evicted.1) {
      turns *= 0.9
    } else {
      let often = (returned.1 + 0.5) / (evicted.1 + 10)
      let once = (returned.0 + 0.5) / (evicted.0 + 10)
      turns *= min(Self.step, max(1 / Self.step, pow(Self.preference * often / once, 0.3)))
    }
    turns = min(Self.range.upperBound, max(Self.range.lowerBound, turns))
    inverse = Int(65536 / turns)
    evicted = (evicted.0 / 2, evicted.1 / 2)
    returned = (returned.0 / 2, returned.1 / 2)
  }
}

/// Fingerprints of keys that were evicted, in buckets of eight, the last one first.
struct GhostTable {
  private static let slots = 8
  private var entries: [UInt16] = []
  private var buckets = 0

  /// Makes the table anew, empty, if it has slots for less than half of `keys` or for four times as many.
  mutating func fit(_ keys: Int) {
    let wanted = max(1, keys / Self.slots)
    guard buckets < wanted / 2 || buckets >= 4 * wanted || buckets == 0 else { return }
    buckets = wanted
    entries = [UInt16](repeating: 0, count: buckets * Self.slots)
  }

  private func bucket(_ hash: UInt64) -> Int { Int(((hash >> 32) &* UInt64(buckets)) >> 32) * Self.slots }
  private func print(_ hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash & 0x1fff) | 1 }

  mutating func insert(_ hash: UInt64, _ rank: Int) {
    let first = bucket(hash)
    for slot in (1..<Self.slots).reversed() { entries[first + slot] = entries[first + slot - 1] }
    entries[first] = print(hash) << 3 | UInt16(rank)
  }

  /// Removes a key and returns its rank; nil when it is not there.
  mutating func take(_ hash: UInt64) -> Int? {
    guard buckets > 0 else { return nil }
    let first = bucket(hash)
    let wanted = print(hash)
    guard let slot = (0..<Self.slots).first(where: { entries[first + $0] >> 3 == wanted }) else { return nil }
    let rank = Int(entries[first + slot] & 7)
    for place in slot..<Self.slots - 1 { entries[first + place] = entries[first + place + 1] }
    entries[first + Self.slots - 1] = 0
    return rank
  }
}
