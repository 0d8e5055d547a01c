/// Keeps an entry's 32-bit clock: what eviction judges a key by.
///
///     last use, last change: sixteenths of a second since 1970, modulo 2^32 (8.5 years)
///     LFU:                   | minutes 16 | 256ths of one 8 | counter 8 |   Morris counter with decay, as in Redis
///     LRFU:                  | epoch 24 | strength 8 |               see `DecayedUses`
///
/// Source of the counter: Redis's documentation, "Key eviction", section on LFU.
struct AccessClock {
  static let initialCounter: UInt32 = 5

  /// What clocks say.
  enum Meaning { case lastUse, lastChange, useCount, decayedUses }

  /// What a use of an entry changes.
  private enum Mode { case time, counter, decayedUses, nothing }

  private var mode = Mode.time
  var meaning = Meaning.lastUse { didSet { setMode() } }
  /// The running command leaves all clocks as they are: its client asked for that with CLIENT NO-TOUCH.
  var isFrozen = false { didSet { setMode() } }
  /// The counter's rise slows with it: 10 saturates after about a million hits.
  var logFactor = 10
  /// Minutes after which an unused counter falls by one; 0: never.
  var decayMinutes = 1
  /// Since 1970.
  private(set) var seconds: UInt32 = 0
  private(set) var ticks: UInt32 = 0
  /// 256ths of a minute since 1970, modulo 2^24 (45 days).
  private var useTime: UInt32 = 0
  var uses = DecayedUses()
  private var randomState: UInt64 = 0x9e37_79b9_7f4a_7c15

  /// Clocks say how often keys are used, and no time.
  var countsUses: Bool { meaning == .useCount || meaning == .decayedUses }

  mutating func update(milliseconds: Int) {
    seconds = UInt32(truncatingIfNeeded: milliseconds / 1000)
    ticks = UInt32(truncatingIfNeeded: milliseconds * 2 / 125)
    useTime = UInt32(truncatingIfNeeded: milliseconds * 8 / 1875) & 0xff_ffff
  }

  private static let ticksPerSecond: UInt32 = 16

  /// The clock of a new entry.
  @inline(__always)
  var initial: UInt32 { countsUses ? initialCount : ticks }

  private var initialCount: UInt32 {
    meaning == .useCount ? useTime << 8 | Self.initialCounter : uses.clock(strength: 0)
  }

  /// The entry is being used. A clock that would not change is not written, so that the line stays clean.
  @inline(__always)
  mutating func touch(_ entry: Entry) {
    if mode != .time { return touchOtherwise(entry) }
    if entry.clock != ticks { entry.clock = ticks }
  }

  private mutating func setMode() {
    mode =
      switch meaning {
      case _ where isFrozen: .nothing
      case .lastUse: .time
      case .lastChange: .nothing
      case .useCount: .counter
      case .decayedUses: .decayedUses
      }
  }

  @inline(never)
  private mutating func touchOtherwise(_ entry: Entry) {
    switch mode {
    case .counter: countUse(entry)
    case .decayedUses: if let clock = uses.clockAfterUse(entry.clock) { entry.clock = clock }
    case .time, .nothing: break
    }
  }

  private mutating func countUse(_ entry: Entry) {
    var counter = decayedCounter(entry.clock)
    if counter < 255 {
      let above = counter > Self.initialCounter ? counter - Self.initialCounter : 0
      randomState ^= randomState << 13
      randomState ^= randomState >> 7
      randomState ^= randomState << 17
      let draw = Double(randomState >> 11) / Double(1 << 53)
      if draw < 1 / Double(Int(above) * logFactor + 1) { counter += 1 }
    }
    entry.clock = useTime << 8 | counter
  }

  private func decayedCounter(_ clock: UInt32) -> UInt32 {
    let counter = clock & 0xff
    guard decayMinutes > 0 else { return counter }
    return counter - min(counter, minutesSince(clock) / UInt32(decayMinutes))
  }

  private func minutesSince(_ clock: UInt32) -> UInt32 { ((useTime >> 8) &- (clock >> 16)) & 0xffff }

  /// 256ths of a minute since the last use, 0 when the clock was set back.
  private func useTimeSince(_ clock: UInt32) -> UInt32 {
    UInt32(max(0, Int32(bitPattern: (useTime << 8) &- (clock & ~0xff)) >> 8))
  }

  /// Unsigned distances would make a clock set back by a moment an entry that nobody has used for years.
  private func idleTicks(_ clock: UInt32) -> UInt32 { UInt32(max(0, Int32(bitPattern: ticks &- clock))) }

  /// The clock of an entry that comes from a file or a payload, with what that says of its use. As in Redis, idle times
  /// count under any policy but those that count uses.
  func restored(idleSeconds: Int?, frequency: Int?) -> UInt32 {
    if countsUses {
      guard let frequency else { return initial }
      return meaning == .useCount ? useTime << 8 | UInt32(clamping: min(frequency, 255))
        : uses.clock(strength: max(0, min(frequency, DecayedUses.strengthMax)))
    }
    let longest = Int(UInt32(Int32.max) / Self.ticksPerSecond)
    return idleSeconds.map { ticks &- UInt32(max(0, min($0, longest))) * Self.ticksPerSecond } ?? initial
  }

  /// OBJECT FREQ.
  func frequency(_ entry: Entry) -> Int {
    meaning == .decayedUses ? max(0, uses.faded(entry.clock)) : Int(decayedCounter(entry.clock))
  }

  /// OBJECT IDLETIME.
  func idleSeconds(_ entry: Entry) -> Int { Int(idleTicks(entry.clock) / Self.ticksPerSecond) }

  /// What DEBUG OBJECT shows: seconds of the last use in 24 bits, or the lower bits of what counts uses.
  func lruField(_ entry: Entry) -> UInt32 {
    (countsUses ? entry.clock : entry.clock / Self.ticksPerSecond) & 0xff_ffff
  }

  /// How much rather than others the entry is to go: the longer it has not been used (or changed), or the less often.
  func evictionScore(_ entry: Entry) -> UInt64 {
    let clock = entry.clock
    switch meaning {
    case .lastUse, .lastChange: return UInt64(idleTicks(clock))
    // Of two that are used as rarely, the one not used for longer: what is new gets its time to be used again.
    case .useCount: return UInt64(255 - decayedCounter(clock)) << 24 | UInt64(useTimeSince(clock))
    case .decayedUses: return uses.evictionScore(clock)
    }
  }
}
