import Testing

@testable import Needletail

@Suite struct SegmentLayoutTests {
  typealias Layout = SegmentLayout
  static let bucketCounts: [Int] = {
    var counts = [1]
    while counts.last! < Layout.maxBuckets { counts.append(Layout.nextBucketCount(counts.last!)) }
    return counts
  }()

  @Test func sizesAreClassesOfTheAllocator() {
    #expect(Layout.bucketBytes == 128 && Layout.bucketSlots == 14 && 2 + 14 + 14 * 8 == Layout.bucketBytes)
    #expect(Self.bucketCounts == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64])
    for count in Self.bucketCounts { #expect(Heap.goodSize(count << 7) == count << 7, "\(count) buckets") }
    for (small, large) in zip(Self.bucketCounts, Self.bucketCounts.dropFirst()) {
      #expect(Layout.previousBucketCount(large) == small)
    }
    #expect(MemoryLayout<DeadlineSlots.Header>.size <= 64)
  }

  /// A segment that has just grown does not shrink, one that has just shrunk does not grow, nor do halves and unions.
  @Test func limitsHaveHysteresis() {
    for count in Self.bucketCounts where count > 1 {
      let previous = Layout.previousBucketCount(count)
      #expect(Layout.shrinkLimit(count) < Layout.limit(previous))
      let fitting = Layout.fittingBucketCount(Layout.shrinkLimit(count))
      #expect(fitting < count && Layout.limit(fitting) > Layout.shrinkLimit(count))
    }
    #expect(Layout.limit(Layout.maxBuckets) == 833 && Layout.mergeLimit < 833 && Layout.mergeLimit > 416)
    for elements in 0...806 {
      let fitting = Layout.fittingBucketCount(elements)
      #expect(Layout.limit(fitting) >= elements)
      #expect(fitting == 1 || elements > Layout.shrinkLimit(fitting), "\(elements) elements")
    }
    // A segment's count has ten bits.
    #expect(Layout.maxBuckets * Layout.bucketSlots < 1024)
  }

  /// Half of the hashes lie in segments that leave one size out, growing and shrinking.
  @Test func oneSizeIsLeftOut() {
    let highest = (1 as UInt64) << 48 - 1
    for count in Self.bucketCounts {
      #expect(Layout.shrinkLimit(count, skips: true) == Layout.shrinkLimit(count == 48 ? 40 : count))
    }
    #expect(!Layout.skipsSparse(prefix: highest >> 1) && Layout.skipsSparse(prefix: highest / 2 + 1))
    #expect(Layout.fittingBucketCount(Layout.shrinkLimit(48, skips: true)) == 32)
    #expect(Layout.fittingBucketCount(Layout.shrinkLimit(48)) == 40)
  }

  @Test func directoryWordsKeepTheirParts() {
    let segment = unsafe Layout.makeSegment(64, tag: 1)
    for (buckets, depth, count, has) in [(1, 0, 0, false), (64, 32, 806, true), (7, 17, 88, true),
      (64, 1, 896, false)] {
      let word = unsafe Layout.directoryWord(segment, bucketCount: buckets, depth: depth, count: count,
        hasDeadlines: has)
      #expect(Layout.bucketCount(word) == buckets && Layout.depth(word) == depth && Layout.count(word) == count)
      #expect(Layout.hasDeadlines(word) == has)
      let same = unsafe Layout.segment(word) == segment
      #expect(same)
    }
    unsafe Heap.free(segment, 64 << 7)
  }

  /// Homes are in hash order, all in range, and the first bits of each bucket are what SCAN takes them for.
  @Test func homesAreInHashOrder() {
    for count in Self.bucketCounts {
      var previous = 0
      for bits in UInt64(0)...0xffff {
        let home = Layout.home(bits, count)
        if home != previous {
          #expect(home == previous + 1 && bits == (UInt64(home) << 16 + UInt64(count - 1)) / UInt64(count))
          previous = home
        }
      }
      #expect(previous == count - 1)
    }
  }

  @Test func tagsAreNeverZero() {
    #expect(SegmentProbe.tag(0) == 1 && SegmentProbe.tag(0xff00) == 1 && SegmentProbe.tag(0x1ff) == 0xff)
  }
}
