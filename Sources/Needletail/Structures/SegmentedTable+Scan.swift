import CSystem

extension SegmentedTable {
  /// Calls `body` with elements in hash order, from `cursor` on, until about `wanted` have been seen.
  ///
  /// A cursor is a prefix of 48 hash bits: everything that hashes below it has been returned. Elements do not change
  /// their hashes, so one that is in the table from the first call to the last is returned, whatever grows, splits,
  /// shrinks or merges in between; one may be returned twice when segments merged.
  /// - Returns: the next cursor, 0 when the scan is complete.
  /// Complexity: O(wanted) on average; one bucket's elements more at most.
  func scan(cursor: UInt64, wanted: Int, _ body: (Element) -> Void) -> UInt64 {
    guard count > 0 else { return 0 }
    var cursor = cursor & ((1 << 48) - 1)
    var seen = 0
    while true {
      let index = Int(cursor >> UInt64(48 - globalDepth))
      let word = unsafe directory![index]
      let depth = Layout.depth(word)
      let start = prefix(firstIndex(index, depth: depth))
      // Hash bits beyond the 16 of a word are unknown: compare without them, and rather return twice than never.
      let bitsShift = UInt64(32 - depth)
      let firstBits = (cursor - start) >> bitsShift
      let bucketCount = Layout.bucketCount(word)
      for bucket in Layout.home(firstBits, bucketCount)..<bucketCount {
        seen += visit(word, home: bucket, from: firstBits, body)
        guard seen >= wanted else { continue }
        let nextBits = (UInt64(bucket + 1) << 16 + UInt64(bucketCount - 1)) / UInt64(bucketCount)
        return (start + nextBits << bitsShift) & ((1 << 48) - 1)
      }
      cursor = start + 1 << UInt64(48 - depth)
      if cursor >= 1 << 48 { return 0 }
    }
  }

  /// Calls `body` with the elements whose home is bucket `home` and whose hash bits are `from` or more.
  private func visit(_ word: UInt64, home: Int, from: UInt64, _ body: (Element) -> Void) -> Int {
    let segment = unsafe Layout.segment(word)
    let bucketCount = Layout.bucketCount(word)
    var seen = 0
    var bucket = home
    for _ in 0..<bucketCount {
      let base = unsafe segment + bucket << Layout.bucketShift
      var full = unsafe ~cs_match16(base, 0) & Layout.slotMask
      while full != 0 {
        let candidate = unsafe Layout.word(base, full.trailingZeroBitCount - 2)
        let bits = candidate >> 48
        if bits >= from && Layout.home(bits, bucketCount) == home {
          body(unsafe Element(raw: Layout.pointer(candidate)))
          seen += 1
        }
        full &= full &- 1
      }
      if unsafe Layout.overflow(base) == 0 { break }
      bucket = bucket + 1 == bucketCount ? 0 : bucket + 1
    }
    return seen
  }
}
