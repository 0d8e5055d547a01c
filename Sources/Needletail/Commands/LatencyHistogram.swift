/// How long calls of one command took: counts by time, 16 ranges to each doubling, so that a range is at most 6 % wide.
///
///     nanoseconds | 0 | 1 | ... | 15 | 16 | ... | 31 | 32-33 | 34-35 | ... | 62-63 | 64-67 | ...
///     index       | 0 | 1 | ... | 15 | 16 | ... | 31 |  32   |  33   | ... |  47   |  48   | ...
///
/// 5 KiB, made by the first call of the command.
@safe struct LatencyHistogram {
  /// Beyond 2^38 ns, four and a half minutes, everything counts as that.
  private static let doublings = 34
  static let count = 16 * (doublings + 1)

  private let counts: UnsafeMutablePointer<UInt64>

  init() {
    unsafe counts = .allocate(capacity: Self.count)
    unsafe counts.initialize(repeating: 0, count: Self.count)
  }

  @inline(never)
  static func beginning(with nanoseconds: UInt64) -> LatencyHistogram {
    let histogram = LatencyHistogram()
    histogram.add(nanoseconds)
    return histogram
  }

  func free() { unsafe counts.deallocate() }

  func reset() { unsafe counts.update(repeating: 0, count: Self.count) }

  @inline(__always)
  func add(_ nanoseconds: UInt64) { unsafe counts[Self.index(nanoseconds)] &+= 1 }

  @inline(__always)
  static func index(_ nanoseconds: UInt64) -> Int {
    // The doubling of the values below 32 is 0: their four low bits and the fifth are the index as they are.
    let doubling = 59 &- (nanoseconds | 16).leadingZeroBitCount
    let index = doubling &* 16 &+ Int(truncatingIfNeeded: nanoseconds &>> UInt64(truncatingIfNeeded: doubling))
    return min(index, count &- 1)
  }

  /// The largest value that counts at `index`.
  static func upperBound(_ index: Int) -> UInt64 {
    if index < 32 { return UInt64(index) }
    let doubling = UInt64(index / 16 - 1)
    return UInt64(16 + index % 16 + 1) << doubling - 1
  }

  var total: UInt64 { (0..<Self.count).reduce(0) { unsafe $0 + counts[$1] } }

  /// The time that `percent` of the calls did not exceed, in nanoseconds. 0 without calls.
  func percentile(_ percent: Double) -> UInt64 {
    let total = total
    guard total > 0 else { return 0 }
    let wanted = max(1, UInt64((Double(total) * min(max(percent, 0), 100) / 100).rounded(.up)))
    var seen: UInt64 = 0
    for index in 0..<Self.count {
      unsafe seen += counts[index]
      if seen >= wanted { return Self.upperBound(index) }
    }
    return Self.upperBound(Self.count - 1)
  }

  /// Calls up to each doubling of 1,024 ns, from the first that has any to the one that has all: what LATENCY HISTOGRAM
  /// shows. The times are in microseconds.
  var cumulative: [(microseconds: Int, count: UInt64)] {
    var steps: [(Int, UInt64)] = []
    let total = total
    var seen: UInt64 = 0
    var index = 0
    var bound: UInt64 = 1024
    while seen < total {
      while index < Self.count && Self.upperBound(index) < bound {
        unsafe seen += counts[index]
        index += 1
      }
      if seen > (steps.last?.1 ?? 0) { steps.append((Int(bound / 1000), seen)) }
      bound <<= 1
    }
    return steps
  }
}
