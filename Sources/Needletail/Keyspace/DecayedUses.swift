/// Counts uses that fade: a use of age t counts 2^(-t / half-life), in logical time, so that an idle server forgets nothing.
/// What a clock says of its key under an LRFU policy:
///
///     | epoch of the last use that counted 24 | strength 8 |
///
/// The strength is log2 of the faded count of uses at that epoch, in 1/64: 0 is one use, 64 two. It ends at 128, four
/// uses: what has been used more often is no better, so that yesterday's favourites make room for today's.
///
/// An epoch is a 64th of a turn, and a turn has as many uses as there are keys. Uses in quick succession count once
/// (within a quarter of a turn), so a scan that touches each key twice does not pass for interest in it, and the entry's
/// cache line mostly stays clean. In the first eighth of a turn after its last use a key goes only when there is no
/// other: what is new has hardly any strength, and could not show that it is used again. (S3-FIFO's small queue does the
/// same; without, scans that come back to a record make this do worse than LRU.)
///
/// Source: Lee et al., "LRFU: a spectrum of policies that subsumes the least recently used and least frequently used
/// policies" (2001). The half-life between its two ends is found while running: see `EvictionHistory`.
struct DecayedUses {
  static let strengthMax = 128
  private static let epochsPerTurn = 64
  private static let correlatedEpochs: UInt32 = 16
  /// In which a key is spared.
  private static let graceEpochs: UInt32 = 8
  private static let epochMask: UInt32 = 0xff_ffff

  private var epoch: UInt32 = 0
  private var usesLeft = 1
  /// All keys there are.
  var keyCount = 0
  /// What an epoch takes off a strength, in 65,536ths: a half-life of one turn takes 64 epochs for 64.
  private(set) var fadingPerEpoch = 65_536 / 8

  /// - Parameter turns: after which a use counts half.
  mutating func setHalfLife(turns: Double) { fadingPerEpoch = Int(65_536 / turns) }

  /// The clock of a key that has just been used, and so often.
  func clock(strength: Int) -> UInt32 { epoch << 8 | UInt32(strength) }

  /// - Returns: the clock that a used key has from now on; nil when that is the same.
  mutating func clockAfterUse(_ clock: UInt32) -> UInt32? {
    countUse()
    guard age(clock) >= Self.correlatedEpochs else { return nil }
    return epoch << 8 | UInt32(Self.grown(faded(clock)))
  }

  /// The strength after one more use. Complexity: O(1).
  static func grown(_ strength: Int) -> Int {
    // log2(2^x + 1): what the smaller of the two adds to the larger.
    let difference = abs(strength)
    let gain = difference < growth.count ? Int(growth[difference]) : 0
    return min(strengthMax, max(strength, 0) + gain)
  }

  /// What is left of a key's strength; negative for less than one use.
  func faded(_ clock: UInt32) -> Int { Int(clock & 0xff) - (Int(age(clock)) * fadingPerEpoch) >> 16 }

  /// How much rather than others the entry is to go.
  func evictionScore(_ clock: UInt32) -> UInt64 {
    let age = age(clock)
    let left = Int(clock & 0xff) << 16 - Int(age) * fadingPerEpoch
    // What is left of a young key is between -2^21 and 2^23: below all others.
    return UInt64((age < Self.graceEpochs ? 1 << 40 : 1 << 41) - left)
  }

  /// Epochs since the last use that counted.
  func age(_ clock: UInt32) -> UInt32 { (epoch &- clock >> 8) & Self.epochMask }

  /// Time goes on by one use.
  mutating func countUse() {
    usesLeft -= 1
    if usesLeft > 0 { return }
    epoch = (epoch &+ 1) & Self.epochMask
    usesLeft = max(1, keyCount / Self.epochsPerTurn)
  }

  /// What 2^(-i / 64) uses add to one: 64 log2(1 + 2^(-i / 64)).
  static let growth: InlineArray<482, UInt8> = [
    64, 64, 63, 63, 62, 62, 61, 61, 60, 60, 59, 59, 58, 58, 57, 57, 56, 56, 55, 55, 55, 54, 54, 53, 53, 52, 52, 51,
    51, 51, 50, 50, 49, 49, 49, 48, 48, 47, 47, 47, 46, 46, 45, 45, 45, 44, 44, 43, 43, 43, 42, 42, 42, 41, 41, 41,
    40, 40, 39, 39, 39, 38, 38, 38, 37, 37, 37, 36, 36, 36, 35, 35, 35, 35, 34, 34, 34, 33, 33, 33, 32, 32, 32, 32,
    31, 31, 31, 30, 30, 30, 30, 29, 29, 29, 28, 28, 28, 28, 27, 27, 27, 27, 26, 26, 26, 26, 25, 25, 25, 25, 24, 24,
    24, 24, 24, 23, 23, 23, 23, 22, 22, 22, 22, 22, 21, 21, 21, 21, 21, 20, 20, 20, 20, 20, 19, 19, 19, 19, 19, 19,
    18, 18, 18, 18, 18, 17, 17, 17, 17, 17, 17, 16, 16, 16, 16, 16, 16, 15, 15, 15, 15, 15, 15, 15, 14, 14, 14, 14,
    14, 14, 14, 13, 13, 13, 13, 13, 13, 13, 13, 12, 12, 12, 12, 12, 12, 12, 12, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5,
    5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3,
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
  ]
}
