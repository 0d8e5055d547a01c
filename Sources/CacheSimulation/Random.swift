import Glibc

/// Steele, Lea and Flood's SplitMix64: the same numbers for the same seed.
struct Random {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  @inline(__always)
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Random.mixed(state)
  }

  /// 0 ..< `end`, for an `end` below 2^32.
  @inline(__always)
  mutating func below(_ end: Int) -> Int { Int(((next() >> 32) &* UInt64(end)) >> 32) }

  /// 0 ..< 1.
  @inline(__always)
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Also a hash of keys' numbers.
  @inline(__always)
  static func mixed(_ number: UInt64) -> UInt64 {
    var mixed = number
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func permutation(_ count: Int) -> [UInt32] {
    var order = (0..<UInt32(count)).map { $0 }
    guard count > 1 else { return order }
    for last in (1..<count).reversed() { order.swapAt(last, below(last + 1)) }
    return order
  }
}

/// Draws ranks 0 ..< `count` with probabilities in proportion to 1 / (rank + 1) ^ exponent.
struct Zipf {
  private let cumulative: [Double]
  /// Where in `cumulative` to begin, by the first 16 bits of what was drawn.
  private let guide: [UInt32]
  private static let guideCount = 1 << 16

  init(count: Int, exponent: Double) {
    var sums = [Double](repeating: 0, count: count)
    var total = 0.0
    for rank in 0..<count {
      total += pow(Double(rank + 1), -exponent)
      sums[rank] = total
    }
    for rank in 0..<count { sums[rank] /= total }
    var starts: [UInt32] = []
    var rank = 0
    for step in 0...Self.guideCount {
      while rank < count - 1, sums[rank] < Double(step) / Double(Self.guideCount) { rank += 1 }
      starts.append(UInt32(rank))
    }
    cumulative = sums
    guide = starts
  }

  /// Complexity: O(log count), about two steps.
  func draw(_ random: inout Random) -> Int {
    let drawn = random.unit()
    let step = Int(drawn * Double(Self.guideCount))
    var low = Int(guide[step])
    var high = Int(guide[step + 1])
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] < drawn { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
