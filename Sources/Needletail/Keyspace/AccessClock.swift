/// Keeps an entry's 32-bit clock: when it was last used, or, under an LFU policy, how often.
///
///     access clock: seconds since 1970, 32 bits
///     LFU:          | unused 8 | minutes 16 | counter 8 |   Morris counter with decay, as in Redis
///
/// Source of the counter: Redis's documentation, "Key eviction", section on LFU.
struct AccessClock {
  static let initialCounter: UInt32 = 5

  /// What a use of an entry changes.
  private enum Mode { case time, counter, nothing }

  private var mode = Mode.time
  var isLFU = false { didSet { setMode() } }
  /// The running command leaves all clocks as they are: its client asked for that with CLIENT NO-TOUCH.
  var isFrozen = false { didSet { setMode() } }
  /// The counter's rise slows with it: 10 saturates after about a million hits.
  var logFactor = 10
  /// Minutes after which an unused counter falls by one; 0: never.
  var decayMinutes = 1
  private(set) var seconds: UInt32 = 0
  private var randomState: UInt64 = 0x9e37_79b9_7f4a_7c15

  mutating func update(milliseconds: Int) { seconds = UInt32(truncatingIfNeeded: milliseconds / 1000) }

  private var minutes: UInt32 { (seconds / 60) & 0xffff }

  /// The clock of a new entry.
  @inline(__always)
  var initial: UInt32 { isLFU ? minutes << 8 | Self.initialCounter : seconds }

  /// The entry is being used. A clock that would not change is not written, so that the line stays clean.
  @inline(__always)
  mutating func touch(_ entry: Entry) {
    if mode != .time { return touchOtherwise(entry) }
    if entry.clock != seconds { entry.clock = seconds }
  }

  private mutating func setMode() { mode = isFrozen ? .nothing : isLFU ? .counter : .time }

  @inline(never)
  private mutating func touchOtherwise(_ entry: Entry) {
    if mode == .counter { countUse(entry) }
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
    entry.clock = minutes << 8 | counter
  }

  private func decayedCounter(_ clock: UInt32) -> UInt32 {
    let counter = clock & 0xff
    guard decayMinutes > 0 else { return counter }
    let elapsed = (minutes &- (clock >> 8)) & 0xffff
    return counter - min(counter, elapsed / UInt32(decayMinutes))
  }

  /// OBJECT FREQ.
  func frequency(_ entry: Entry) -> Int { Int(decayedCounter(entry.clock)) }

  /// OBJECT IDLETIME.
  func idleSeconds(_ entry: Entry) -> Int { max(0, Int(Int32(bitPattern: seconds &- entry.clock))) }
}
