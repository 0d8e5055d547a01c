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
/// at once updated is not taken for a popular one. In the first eighth of a turn after its last use a key is spared, so
/// that what is new can show that it is used again. Sums end at four uses: what was popular once must be able to go.
///
/// Two bytes a key remember what was evicted: a fingerprint, how high its sum was, and whether its age or its sum decided
/// that it had to go. A key that returns has its uses again. When what went for its age, and by its sum would have stayed,
/// returns more often than what went for its sum, the half-life grows, else it shrinks.
struct LRFUPolicy: CachePolicy {
  static let epochsPerTurn = 64
  static let correlatedEpochs: UInt32 = 16
  static let graceEpochs = 8
  static let maxSum = 128
  /// Differences of ages (epochs) and of sums (1/64) that decide nothing.
  static let slack = 8

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
    if let ghost = ghosts.take(Self.hash(key)) {
      halfLife.countReturn(ghost.reason)
      sum = growth.sum(ghost.sum)
    }
    clocks[key] = epoch << 8 | sum
    resident.insert(key)
  }

  mutating func evict() -> Int {
    ghosts.fit(resident.count)
    var (victim, leastScore) = (0, Int.max)
    var (oldest, leastSum) = (0, Self.maxSum)
    for _ in 0..<samples {
      let key = resident.drawn(&random)
      let age = Int(age(clocks[key]))
      let sum = Int(clocks[key] & 255)
      oldest = max(oldest, age)
      leastSum = min(leastSum, sum)
      // The logarithm of the sum as it is now, in 2 ^ -16 of 1/64.
      let left = sum << 16 - age * halfLife.inverse
      let score = age < Self.graceEpochs ? left + 1 << 40 : left
      if score < leastScore { (victim, leastScore) = (key, score) }
    }
    let sum = Int(clocks[victim] & 255)
    let isOldest = Int(age(clocks[victim])) + Self.slack >= oldest
    let isLeastUsed = sum <= leastSum + Self.slack
    let reason: Ghost.Reason = isOldest == isLeastUsed ? .both : isOldest ? .age : .sum
    ghosts.insert(Self.hash(victim), Ghost(sum: sum, reason: reason))
    halfLife.countEviction(reason, keys: resident.count)
    resident.remove(victim)
    return victim
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

/// What is remembered of an evicted key.
struct Ghost: Equatable {
  /// What made it the victim among the keys drawn: it was the oldest, but others were used less; it was used least, but
  /// others were older; or both, or neither, which tells nothing.
  enum Reason: UInt16 { case both, age, sum }

  /// In steps of a third of the largest.
  let sum: Int
  let reason: Reason

  init(sum: Int, reason: Reason) {
    self.sum = sum
    self.reason = reason
  }

  init(bits: UInt16) {
    sum = Int(bits & 3) * LRFUPolicy.maxSum / 3
    reason = Reason(rawValue: bits >> 2 & 3) ?? .both
  }

  var bits: UInt16 { reason.rawValue << 2 | UInt16((3 * sum + LRFUPolicy.maxSum / 2) / LRFUPolicy.maxSum) }
}

/// The half-life, in turns, and what it follows.
struct HalfLife {
  static let range = 0.25...64
  /// A change at most, either way; after evictions of so many of the cache's keys.
  private static let step = 1.3
  private static let window = 0.3
  /// A part of all evictions; of those for a reason that are fewer nothing is known.
  private static let known = 0.002
  /// How much more often keys must return that went for their sum: popular ones return for longer than the ghosts last.
  private static let preference = 1.2

  private(set) var turns = 8.0
  /// In 2 ^ -16 of 1/64 an epoch.
  private(set) var inverse = 8192
  private var evicted = (both: 0.0, age: 0.0, sum: 0.0)
  private var returned = (age: 0.0, sum: 0.0)
  private var evictions = 0

  func decay(_ age: UInt32) -> Int { (Int(age) * inverse) >> 16 }

  mutating func countReturn(_ reason: Ghost.Reason) {
    switch reason {
    case .both: break
    case .age: returned.age += 1
    case .sum: returned.sum += 1
    }
  }

  mutating func countEviction(_ reason: Ghost.Reason, keys: Int) {
    switch reason {
    case .both: evicted.both += 1
    case .age: evicted.age += 1
    case .sum: evicted.sum += 1
    }
    evictions += 1
    if Double(evictions) >= Self.window * Double(keys) { adapt() }
  }

  private mutating func adapt() {
    evictions = 0
    turns *= min(Self.step, max(1 / Self.step, pow(tendency, 0.3)))
    turns = min(Self.range.upperBound, max(Self.range.lowerBound, turns))
    inverse = Int(65536 / turns)
    evicted = (evicted.both / 2, evicted.age / 2, evicted.sum / 2)
    returned = (returned.age / 2, returned.sum / 2)
  }

  /// Above 1 for a longer half-life. When hardly any key goes for its age, the half-life shrinks until some do, and the
  /// other way round.
  private var tendency: Double {
    let least = Self.known * (evicted.both + evicted.age + evicted.sum)
    if evicted.age < least { return 0.7 }
    if evicted.sum < least { return 1 / 0.7 }
    let age = (returned.age + 0.5) / (evicted.age + 10)
    let sum = (returned.sum + 0.5) / (evicted.sum + 10)
    return Self.preference * age / sum
  }
}

/// Ghosts by their keys' fingerprints of 12 bits, in buckets of eight, the last one first.
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
  private func print(_ hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash & 0xfff) | 1 }

  mutating func insert(_ hash: UInt64, _ ghost: Ghost) {
    let first = bucket(hash)
    for slot in (1..<Self.slots).reversed() { entries[first + slot] = entries[first + slot - 1] }
    entries[first] = print(hash) << 4 | ghost.bits
  }

  /// Removes a key's ghost and returns it; nil when there is none.
  mutating func take(_ hash: UInt64) -> Ghost? {
    guard buckets > 0 else { return nil }
    let first = bucket(hash)
    let wanted = print(hash)
    guard let slot = (0..<Self.slots).first(where: { entries[first + $0] >> 4 == wanted }) else { return nil }
    let ghost = Ghost(bits: entries[first + slot])
    for place in slot..<Self.slots - 1 { entries[first + place] = entries[first + place + 1] }
    entries[first + Self.slots - 1] = 0
    return ghost
  }
}
