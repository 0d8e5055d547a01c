import Testing
@testable import Needletail

@Suite struct LatencyHistogramTests {
  @Test func rangesFollowEachOtherWithoutGaps() {
    var next: UInt64 = 0
    for index in 0..<LatencyHistogram.count {
      let bound = LatencyHistogram.upperBound(index)
      #expect(LatencyHistogram.index(next) == index)
      #expect(LatencyHistogram.index(bound) == index)
      // No range is wider than a sixteenth of where it begins.
      #expect((bound - next) * 16 <= next)
      next = bound + 1
    }
    #expect(next == 1 << 38)
    #expect(LatencyHistogram.index(next) == LatencyHistogram.count - 1)
    #expect(LatencyHistogram.index(.max) == LatencyHistogram.count - 1)
  }

  @Test func percentiles() {
    let histogram = LatencyHistogram()
    defer { histogram.free() }
    #expect(histogram.percentile(50) == 0)
    for value in 1...1000 { histogram.add(UInt64(value) * 1000) }
    #expect(histogram.total == 1000)
    let exactTimes = [(0.0, 1000.0), (1, 10_000), (50, 500_000), (99, 990_000), (99.9, 999_000), (100, 1_000_000)]
    for (percent, exact) in exactTimes {
      let found = Double(histogram.percentile(percent))
      #expect(found >= exact && found <= exact * 1.07, "\(percent): \(found)")
    }
    histogram.reset()
    #expect(histogram.total == 0)
  }

  /// Bounds are those of LATENCY HISTOGRAM: doublings of 1,024 ns, in microseconds.
  @Test func cumulativeCounts() {
    let histogram = LatencyHistogram()
    defer { histogram.free() }
    #expect(histogram.cumulative.isEmpty)
    func shown() -> [[Int]] { histogram.cumulative.map { [$0.microseconds, Int($0.count)] } }
    histogram.add(0)
    histogram.add(1023)
    #expect(shown() == [[1, 2]])
    histogram.add(1024)
    #expect(shown() == [[1, 2], [2, 3]])
    histogram.add(40_000)
    #expect(shown() == [[1, 2], [2, 3], [65, 4]])
    histogram.add(.max)
    #expect(shown().last == [Int((1 << 38) / 1000), 5])
  }
}
