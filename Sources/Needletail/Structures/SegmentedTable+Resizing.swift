import CSystem
import Glibc

/// Growing, splitting, shrinking and merging: whatever moves elements moves their deadlines in the same function.
extension SegmentedTable {
  /// Elements whose hashes are computed at a time in a split, so that their cache misses overlap.
  private static var splitBatch: Int { 32 }

  mutating func makeFirstSegment(_ context: inout TableContext) {
    unsafe directory = makeDirectory(0, context)
    globalDepth = 0
    let segment = unsafe makeSegment(1, context)
    unsafe directory![0] = Layout.directoryWord(segment, bucketCount: 1, depth: 0, count: 0, hasDeadlines: false)
    depthCounts[0] = 1
  }

  /// Stores `word` into all words of its segment's run.
  func setWords(_ first: Int, _ word: UInt64) {
    let run = 1 << (globalDepth - Layout.depth(word))
    for i in first..<(first + run) { unsafe directory![i] = word }
  }

  /// The first 48 hash bits at which the segment of word `first` begins.
  @inline(__always)
  func prefix(_ first: Int) -> UInt64 { globalDepth == 0 ? 0 : UInt64(first) << UInt64(48 - globalDepth) }

  /// Makes the segment larger, or two of one that is as large as a segment gets. Complexity: O(segment).
  mutating func makeRoom(_ first: Int, _ context: inout TableContext) {
    let bucketCount = unsafe Layout.bucketCount(directory![first])
    if bucketCount < Layout.maxBuckets {
      rebuild(first, bucketCount: spread(Layout.nextBucketCount(bucketCount), first), &context)
    } else {
      split(first, &context)
    }
  }

  /// Whether the segment of word `first` leaves a size out (`SegmentLayout.sparseBucketCount`). Not in a database: its
  /// entries are larger, so that the peak this takes away matters less there, and what it costs right after a split
  /// more.
  @inline(__always)
  func skipsSparse(_ first: Int) -> Bool { Element.ownership != .keyspace && Layout.skipsSparse(prefix: prefix(first)) }

  private func spread(_ bucketCount: Int, _ first: Int) -> Int {
    bucketCount == Layout.sparseBucketCount && skipsSparse(first) ? Layout.nextBucketCount(bucketCount) : bucketCount
  }

  /// Elements at or below which the segment of word `first` shrinks.
  @inline(__always)
  func shrinkLimit(_ first: Int) -> Int {
    unsafe Layout.shrinkLimit(Layout.bucketCount(directory![first]), skips: skipsSparse(first))
  }

  /// Makes the segment smaller, or one of it and its sibling, and so on while that has a sibling as empty: elements
  /// removed in hash order leave a small segment on every level. Complexity: O(segment), rarely O(depth) times that.
  mutating func shrink(_ first: Int, _ context: inout TableContext) {
    var first = first
    var hasMerged = false
    while unsafe Layout.depth(directory![first]) > 0 {
      let word = unsafe directory![first]
      let depth = Layout.depth(word)
      let buddy = first ^ (1 << (globalDepth - depth))
      let other = unsafe directory![buddy]
      guard Layout.depth(other) == depth && Layout.count(word) + Layout.count(other) <= Layout.mergeLimit else { break }
      let hash = prefix(min(first, buddy)) << 16
      merge(min(first, buddy), max(first, buddy), &context)
      // The directory may be shorter now.
      first = index(hash)
      hasMerged = true
    }
    if count == 0 { return removeLastSegment(&context) }
    if hasMerged { return }
    let word = unsafe directory![first]
    let fitting = Layout.fittingBucketCount(Layout.count(word))
    if fitting < Layout.bucketCount(word) { rebuild(first, bucketCount: fitting, &context) }
  }

  /// Of two equally deep siblings that are empty, the later one to become so was merged with the other; so a table
  /// without elements is a single segment.
  private mutating func removeLastSegment(_ context: inout TableContext) {
    precondition(globalDepth == 0)
    let word = unsafe directory![0]
    if Layout.hasDeadlines(word) { dropDeadlines(0, &context) }
    releaseSegment(word, &context)
    releaseDirectory(&context)
    if let deadlines = unsafe deadlines { unsafe Self.freeWords(deadlines, 1) }
    abandon()
  }

  /// Moves all elements into a segment of another size. Reads no element.
  private mutating func rebuild(_ first: Int, bucketCount: Int, _ context: inout TableContext) {
    let old = unsafe directory![first]
    let segment = unsafe makeSegment(bucketCount, context)
    let oldDeadlines = detachDeadlines(first)
    let newDeadlines = oldDeadlines.map { _ in
      DeadlineSlots.make(slotCount: bucketCount * Layout.bucketSlots, table: id, prefix: prefix(first))
    }
    Layout.forEach(old) { slot, tag, word in
      let home = Layout.home(word >> 48, bucketCount)
      let place = unsafe Layout.place(segment, bucketCount: bucketCount, home: home, tag: tag, word: word)
      Self.carryDeadline(oldDeadlines, slot, newDeadlines, place)
    }
    unsafe setWords(first, Layout.directoryWord(segment, bucketCount: bucketCount, depth: Layout.depth(old),
      count: Layout.count(old), hasDeadlines: false))
    releaseSegment(old, &context)
    attachDeadlines(first, newDeadlines, replacing: oldDeadlines, &context)
  }

  /// Makes two segments of one: the next hash bit tells which. Only here are elements read, in batches.
  private mutating func split(_ first: Int, _ context: inout TableContext) {
    let depth = unsafe Layout.depth(directory![first])
    // Word bits reach 16 beyond the depth and SCAN's cursor has 48: a table of 2^32 segments is larger than memory.
    precondition(depth < 32)
    var first = first
    if depth == globalDepth {
      doubleDirectory(&context)
      first *= 2
    }
    let old = unsafe directory![first]
    var ones = 0
    Layout.forEach(old) { _, _, word in ones += Int(word >> 63) }
    let total = Layout.count(old)
    let counts = (total - ones, ones)
    let low = makeHalf(counts.0, first, context)
    let half = 1 << (globalDepth - depth - 1)
    let high = makeHalf(counts.1, first + half, context)
    let oldDeadlines = detachDeadlines(first)
    let newDeadlines = oldDeadlines.map { _ in
      (DeadlineSlots.make(slotCount: low.bucketCount * Layout.bucketSlots, table: id, prefix: prefix(first)),
        DeadlineSlots.make(slotCount: high.bucketCount * Layout.bucketSlots, table: id, prefix: prefix(first + half)))
    }
    let seed = seed(context.seed)
    var slots = InlineArray<32, Int>(repeating: 0)
    var tags = InlineArray<32, UInt8>(repeating: 0)
    var words = InlineArray<32, UInt64>(repeating: 0)
    var pending = 0
    func flush() {
      for i in 0..<pending {
        let element = unsafe Element(raw: Layout.pointer(words[i]))
        let bits = (element.hash(seed) &<< UInt64(depth + 1)) >> 48
        let isHigh = words[i] >> 63 != 0
        let word = words[i] & ((1 << 48) - 1) | bits << 48
        let target = isHigh ? high : low
        let place = unsafe Layout.place(target.segment, bucketCount: target.bucketCount,
          home: Layout.home(bits, target.bucketCount), tag: tags[i], word: word)
        Self.carryDeadline(oldDeadlines, slots[i], isHigh ? newDeadlines?.1 : newDeadlines?.0, place)
      }
      pending = 0
    }
    Layout.forEach(old) { slot, tag, word in
      slots[pending] = slot
      tags[pending] = tag
      words[pending] = word
      unsafe cs_prefetch(Layout.pointer(word))
      pending += 1
      if pending == Self.splitBatch { flush() }
    }
    flush()
    unsafe setWords(first, Layout.directoryWord(low.segment, bucketCount: low.bucketCount, depth: depth + 1,
      count: counts.0, hasDeadlines: false))
    unsafe setWords(first + half, Layout.directoryWord(high.segment, bucketCount: high.bucketCount, depth: depth + 1,
      count: counts.1, hasDeadlines: false))
    depthCounts[depth] -= 1
    depthCounts[depth + 1] += 2
    releaseSegment(old, &context)
    attachDeadlines(first, newDeadlines?.0, replacing: oldDeadlines, &context)
    attachDeadlines(first + half, newDeadlines?.1, replacing: nil, &context)
  }

  /// Makes one segment of two siblings. Reads no element: the bit that told them apart comes back to the words.
  private mutating func merge(_ first: Int, _ second: Int, _ context: inout TableContext) {
    let words = unsafe (directory![first], directory![second])
    let depth = Layout.depth(words.0)
    let total = Layout.count(words.0) + Layout.count(words.1)
    let bucketCount = Layout.fittingBucketCount(total)
    let segment = unsafe makeSegment(bucketCount, context)
    let oldDeadlines = (detachDeadlines(first), detachDeadlines(second))
    let newDeadlines = oldDeadlines.0 == nil && oldDeadlines.1 == nil ? nil
      : DeadlineSlots.make(slotCount: bucketCount * Layout.bucketSlots, table: id, prefix: prefix(first))
    func move(_ old: UInt64, _ bit: UInt64, _ oldDeadlines: DeadlineSlots?) {
      Layout.forEach(old) { slot, tag, word in
        let bits = (word >> 49) | bit << 15
        let place = unsafe Layout.place(segment, bucketCount: bucketCount, home: Layout.home(bits, bucketCount),
          tag: tag,
          word: word & ((1 << 48) - 1) | bits << 48)
        Self.carryDeadline(oldDeadlines, slot, newDeadlines, place)
      }
      releaseSegment(old, &context)
    }
    move(words.0, 0, oldDeadlines.0)
    move(words.1, 1, oldDeadlines.1)
    unsafe setWords(first, Layout.directoryWord(segment, bucketCount: bucketCount, depth: depth - 1, count: total,
      hasDeadlines: false))
    depthCounts[depth] -= 2
    depthCounts[depth - 1] += 1
    if let second = oldDeadlines.1 { release(second, &context) }
    attachDeadlines(first, newDeadlines, replacing: oldDeadlines.0, &context)
    // Halved when it could be twice, or a split would soon double it again.
    while globalDepth > 0 && depthCounts[globalDepth] == 0 && (globalDepth == 1 || depthCounts[globalDepth - 1] == 0) {
      halveDirectory(&context)
    }
  }

  // MARK: Directory

  private mutating func doubleDirectory(_ context: inout TableContext) {
    let size = 1 << globalDepth
    let words = unsafe makeDirectory(globalDepth + 1, context)
    for i in 0..<size {
      unsafe words[2 * i] = directory![i]
      unsafe words[2 * i + 1] = directory![i]
    }
    releaseDirectory(&context)
    unsafe directory = words
    if let old = unsafe deadlines {
      let blocks: UnsafeMutablePointer<UnsafeMutablePointer<DeadlineSlots.Header>?> =
      unsafe Self.allocateWords(size * 2)
      for i in 0..<size {
        unsafe blocks[2 * i] = old[i]
        unsafe blocks[2 * i + 1] = nil
      }
      unsafe Self.freeWords(old, size)
      unsafe deadlines = blocks
      byteCount += size * 8
    }
    globalDepth += 1
  }

  private mutating func halveDirectory(_ context: inout TableContext) {
    let size = 1 << (globalDepth - 1)
    let words = unsafe makeDirectory(globalDepth - 1, context)
    for i in 0..<size { unsafe words[i] = directory![2 * i] }
    releaseDirectory(&context)
    unsafe directory = words
    if let old = unsafe deadlines {
      let blocks: UnsafeMutablePointer<UnsafeMutablePointer<DeadlineSlots.Header>?> = unsafe Self.allocateWords(size)
      for i in 0..<size { unsafe blocks[i] = old[2 * i] }
      unsafe Self.freeWords(old, size * 2)
      unsafe deadlines = blocks
      byteCount -= size * 8
    }
    globalDepth -= 1
  }

  static func allocateWords<T>(_ count: Int) -> UnsafeMutablePointer<T> {
    unsafe Heap.allocate(count * 8).bindMemory(to: T.self, capacity: count)
  }

  static func freeWords<T>(_ words: UnsafeMutablePointer<T>, _ count: Int) {
    unsafe Heap.free(UnsafeMutableRawPointer(words), count * 8)
  }

  /// One of the two segments that a split makes, the one for word `first`.
  private mutating func makeHalf(_ count: Int, _ first: Int, _ context: borrowing TableContext) -> SplitHalf {
    let bucketCount = spread(Layout.fittingBucketCount(count), first)
    return unsafe SplitHalf(segment: makeSegment(bucketCount, context), bucketCount: bucketCount)
  }
}

@safe private struct SplitHalf {
  let segment: UnsafeMutableRawPointer
  let bucketCount: Int
}
