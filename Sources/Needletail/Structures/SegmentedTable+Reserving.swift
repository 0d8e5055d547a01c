/// Making room for elements whose number is known beforehand, so that a table that is being filled never splits: no
/// element is hashed or moved twice.
///
/// While room is reserved the table may have siblings that are both empty, which it otherwise never has and removing
/// relies on: between `reserve` and `settle` nothing may be removed.
extension SegmentedTable {
  /// The mean fill of a reserved segment, in elements: below the limit by more than hashes scatter (four standard
  /// deviations), so that few segments have to split after all.
  private static var meanFill: Int { Layout.limit(Layout.maxBuckets) - 110 }

  /// Prepares an empty table for `wanted` elements. Complexity: O(wanted / 800).
  mutating func reserve(_ wanted: Int, _ context: inout TableContext) {
    guard wanted > Self.meanFill, unsafe directory == nil else { return }
    var depth = 0
    while wanted >> depth > Self.meanFill && depth < 31 { depth += 1 }
    let size = 1 << depth
    // A little more than the mean; those that get more grow on their own.
    let bucketCount = Layout.fittingBucketCount(wanted >> depth)
    unsafe directory = makeDirectory(depth, context)
    globalDepth = depth
    depthCounts[depth] = Int32(size)
    for index in 0..<size {
      let segment = unsafe makeSegment(bucketCount, context)
      unsafe (directory! + index).initialize(to: Layout.directoryWord(segment, bucketCount: bucketCount, depth: depth,
        count: 0, hasDeadlines: false))
    }
  }

  /// Gives back what was reserved and not used: afterwards the table is as if it had grown by itself.
  /// Complexity: O(segments), and O(size) for those that shrink.
  mutating func settle(_ context: inout TableContext) {
    guard unsafe directory != nil else { return }
    if count == 0 { return removeEmptySegments(&context) }
    makeDirectoryWritable(&context)
    // From the left: a segment that can join its sibling does so when the later of the two is reached, and so on
    // upwards.
    var prefix: UInt64 = 0
    while prefix < 1 << 48 {
      var first = firstSegment(at: prefix)
      shrinkIfSparse(first, &context)
      first = firstSegment(at: prefix)
      let depth = unsafe Layout.depth(directory![first])
      prefix = self.prefix(first) + 1 << UInt64(48 - depth)
    }
  }

  /// The first directory word of the segment that holds the hashes beginning with the 48 bits of `prefix`.
  private func firstSegment(at prefix: UInt64) -> Int {
    let index = index(prefix << 16)
    return unsafe firstIndex(index, depth: Layout.depth(directory![index]))
  }

  private mutating func shrinkIfSparse(_ first: Int, _ context: inout TableContext) {
    let word = unsafe directory![first]
    let depth = Layout.depth(word)
    var canMerge = false
    if depth > 0 {
      let buddy = unsafe directory![first ^ (1 << (globalDepth - depth))]
      canMerge = Layout.depth(buddy) == depth && Layout.count(word) + Layout.count(buddy) <= Layout.mergeLimit
    }
    guard canMerge || Layout.count(word) <= shrinkLimit(first) else { return }
    shrink(first, &context)
  }

  private mutating func removeEmptySegments(_ context: inout TableContext) {
    precondition(unsafe deadlines == nil, "nothing was removed since the reservation")
    var index = 0
    while index < 1 << globalDepth {
      let word = unsafe directory![index]
      releaseSegment(word, &context)
      index += 1 << (globalDepth - Layout.depth(word))
    }
    releaseDirectory(&context)
    abandon()
  }
}
