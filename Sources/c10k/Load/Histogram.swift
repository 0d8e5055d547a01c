/// How often each latency came, to within 3 %: 32 classes between a power of two and the next.
struct Histogram {
  private static let classBits = 5
  private static let classCount = 1 << classBits
  private var counts: [Int]
  private(set) var total = 0
  private(set) var largest: UInt64 = 0

  init() { counts = Array(repeating: 0, count: (64 - Self.classBits + 1) * Self.classCount) }

  /// Complexity: O(1).
  mutating func add(_ nanoseconds: UInt64, times: Int) {
    counts[Self.index(nanoseconds)] += times
    total += times
    largest = max(largest, nanoseconds)
  }

  /// The least latency, nanoseconds, that this share of all is not above; 0 when there are none.
  func percentile(_ share: Double) -> UInt64 {
    let wanted = max(1, Int((share * Double(total)).rounded(.up)))
    var seen = 0
    for index in counts.indices {
      seen += counts[index]
      if seen >= wanted { return min(largest, Self.upperBound(index)) }
    }
    return largest
  }

  static func index(_ value: UInt64) -> Int {
    if value < classCount { return Int(value) }
    let shift = 63 - value.leadingZeroBitCount - classBits
    return shift * classCount + Int(value >> UInt64(shift))
  }

  /// The largest value of a class.
  static func upperBound(_ index: Int) -> UInt64 {
    if index < 2 * classCount { return UInt64(index) }
    let shift = index / classCount - 1
    let first = UInt64(index - shift * classCount) << UInt64(shift)
    return first + (1 << UInt64(shift)) - 1
  }
}
