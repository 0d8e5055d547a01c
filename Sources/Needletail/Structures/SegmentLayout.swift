import CSystem
import Glibc

/// The arithmetic of a segment's and a directory word's layout (see `SegmentedTable`), and what touches one segment.
enum SegmentLayout {
  static let bucketShift = 7
  static let bucketBytes = 1 << bucketShift
  static let bucketSlots = 14
  static let maxBuckets = 64
  /// Bits 2 to 15 of a 16-byte match: the 14 tags after the two spare bytes.
  static let slotMask: UInt32 = 0xfffc
  static let countUnit: UInt64 = 1 << 54
  private static let pointerMask: UInt64 = (1 << 48) - 1

  // MARK: Directory words

  @inline(__always) static func bucketCount(_ word: UInt64) -> Int { Int(word & 63) + 1 }
  @inline(__always) static func depth(_ word: UInt64) -> Int { Int((word >> 48) & 63) }
  /// True in the first word of the segment only.
  @inline(__always) static func count(_ word: UInt64) -> Int { Int(word >> 54) }
  @inline(__always) static func hasDeadlines(_ word: UInt64) -> Bool { word & 64 != 0 }
  @inline(__always)
  static func segment(_ word: UInt64) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word & pointerMask & ~127))!
  }

  static func directoryWord(_ segment: UnsafeMutableRawPointer, bucketCount: Int, depth: Int, count: Int,
    hasDeadlines: Bool) -> UInt64
  {
    let address = UInt64(UInt(bitPattern: segment))
    precondition(address & 127 == 0 && address <= pointerMask)
    precondition(1...maxBuckets ~= bucketCount && count <= bucketCount * bucketSlots)
    return address | UInt64(bucketCount - 1) | (hasDeadlines ? 64 : 0) | UInt64(depth) << 48 | UInt64(count) << 54
  }

  static func replacingSegment(_ word: UInt64, _ segment: UnsafeMutableRawPointer) -> UInt64 {
    unsafe directoryWord(segment, bucketCount: bucketCount(word), depth: depth(word), count: count(word),
      hasDeadlines: hasDeadlines(word))
  }

  // MARK: Sizes

  /// Buckets of a segment that exactly fill a size class of jemalloc.
  static func nextBucketCount(_ count: Int) -> Int {
    switch count {
    case ..<8: count + 1
    case ..<16: count + 2
    case ..<32: count + 4
    default: count + 8
    }
  }

  static func previousBucketCount(_ count: Int) -> Int {
    switch count {
    case ...8: count - 1
    case ...16: count - 2
    case ...32: count - 4
    default: count - 8
    }
  }

  /// Elements at which a segment grows: all slots of a single bucket, 93 % of more.
  @inline(__always)
  static func limit(_ bucketCount: Int) -> Int {
    bucketCount == 1 ? bucketSlots : bucketCount * (bucketSlots * 93) / 100
  }

  /// Elements at which a segment shrinks: 85 % of what the next smaller one holds, so that a few insertions and
  /// removals do not move it back and forth.
  /// - Parameter skips: it leaves `sparseBucketCount` out.
  @inline(__always)
  static func shrinkLimit(_ bucketCount: Int, skips: Bool = false) -> Int {
    if bucketCount == 1 { return 0 }
    let smaller = previousBucketCount(bucketCount)
    return limit(skips && smaller == sparseBucketCount ? previousBucketCount(smaller) : smaller) * 85 / 100
  }

  /// A size that only half of the segments take; the others go on to the next. Segments of a large table grow at about
  /// the same time, and four of this size, 5 KiB, share a slab of the allocator, which stays until the last of them has
  /// grown: with all segments on the way from 5 to 6 KiB, a table took a third more than it needed.
  static let sparseBucketCount = 40

  /// Whether a segment whose part of the hashes begins with `prefix`, of 48 bits, leaves that size out.
  @inline(__always)
  static func skipsSparse(prefix: UInt64) -> Bool { prefix >> 47 != 0 }

  /// Elements at or below which two sibling segments become one.
  static let mergeLimit = limit(maxBuckets) * 11 / 20

  /// The smallest segment with some room to spare for `count` elements.
  static func fittingBucketCount(_ count: Int) -> Int {
    var buckets = 1
    while buckets < maxBuckets && limit(buckets) < count + count / 16 { buckets = nextBucketCount(buckets) }
    return buckets
  }

  // MARK: Buckets

  @inline(__always)
  static func word(_ bucket: UnsafeRawPointer, _ index: Int) -> UInt64 {
    unsafe bucket.load(fromByteOffset: 16 &+ index &* 8, as: UInt64.self)
  }
  @inline(__always)
  static func setWord(_ bucket: UnsafeMutableRawPointer, _ index: Int, _ word: UInt64) {
    unsafe bucket.storeBytes(of: word, toByteOffset: 16 &+ index &* 8, as: UInt64.self)
  }
  @inline(__always)
  static func tag(_ bucket: UnsafeRawPointer, _ index: Int) -> UInt8 {
    unsafe bucket.load(fromByteOffset: 2 &+ index, as: UInt8.self)
  }
  @inline(__always)
  static func setTag(_ bucket: UnsafeMutableRawPointer, _ index: Int, _ tag: UInt8) {
    unsafe bucket.storeBytes(of: tag, toByteOffset: 2 &+ index, as: UInt8.self)
  }
  @inline(__always)
  static func overflow(_ bucket: UnsafeRawPointer) -> UInt8 { unsafe bucket.load(fromByteOffset: 1, as: UInt8.self) }
  @inline(__always)
  static func setOverflow(_ bucket: UnsafeMutableRawPointer, _ mask: UInt8) {
    unsafe bucket.storeBytes(of: mask, toByteOffset: 1, as: UInt8.self)
  }
  @inline(__always)
  static func pointer(_ word: UInt64) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word & pointerMask))!
  }
  /// The home bucket that 16 hash bits name.
  @inline(__always)
  static func home(_ bits: UInt64, _ bucketCount: Int) -> Int {
    Int(truncatingIfNeeded: (bits &* UInt64(truncatingIfNeeded: bucketCount)) >> 16)
  }

  @inline(__always)
  static func clear(_ bucket: UnsafeMutableRawPointer, _ index: Int) {
    unsafe setTag(bucket, index, 0)
    unsafe setWord(bucket, index, 0)
  }

  @inline(__always)
  static func emptyIndex(_ bucket: UnsafeRawPointer) -> Int? {
    let empty = unsafe cs_match16(bucket, 0) & slotMask
    return empty == 0 ? nil : empty.trailingZeroBitCount - 2
  }

  // MARK: Segments

  /// A segment without elements.
  static func makeSegment(_ bucketCount: Int, tag: UInt8) -> UnsafeMutableRawPointer {
    let segment = unsafe Heap.allocate(bucketCount << bucketShift)
    unsafe memset(segment, 0, bucketCount << bucketShift)
    unsafe segment.storeBytes(of: tag, as: UInt8.self)
    return unsafe segment
  }

  /// Puts a word into the first bucket from its home on that has room. There is room in the segment.
  /// - Returns: its slot.
  @inline(__always)
  static func place(_ segment: UnsafeMutableRawPointer, bucketCount: Int, home: Int, tag: UInt8, word: UInt64) -> Int {
    var bucket = home
    while true {
      let base = unsafe segment + bucket << bucketShift
      if let index = unsafe emptyIndex(base) {
        unsafe setTag(base, index, tag)
        unsafe setWord(base, index, word)
        return bucket &* bucketSlots &+ index
      }
      unsafe setOverflow(base, overflow(base) | 1 << (tag & 7))
      bucket = bucket + 1 == bucketCount ? 0 : bucket + 1
    }
  }

  /// Calls `body(slot, tag, word)` for every element of the segment that a directory word names.
  @inline(__always)
  static func forEach(_ directoryWord: UInt64, _ body: (Int, UInt8, UInt64) -> Void) {
    let segment = unsafe segment(directoryWord)
    for bucket in 0..<bucketCount(directoryWord) {
      let base = unsafe segment + bucket << bucketShift
      var full = unsafe ~cs_match16(base, 0) & slotMask
      while full != 0 {
        let index = full.trailingZeroBitCount - 2
        unsafe body(bucket &* bucketSlots &+ index, tag(base, index), word(base, index))
        full &= full &- 1
      }
    }
  }

  /// Calls `body` with the first directory word of each segment. Complexity: O(segments).
  @inline(__always)
  static func forEachSegment(_ directory: UnsafeMutablePointer<UInt64>, depth: Int, _ body: (UInt64) -> Void) {
    var index = 0
    while index < 1 << depth {
      let word = unsafe directory[index]
      body(word)
      index += 1 << (depth - Self.depth(word))
    }
  }

  static func move(_ segment: UnsafeMutableRawPointer, from: (bucket: Int, index: Int), to: (bucket: Int, index: Int)) {
    let source = unsafe segment + from.bucket << bucketShift
    let target = unsafe segment + to.bucket << bucketShift
    unsafe setTag(target, to.index, tag(source, from.index))
    unsafe setWord(target, to.index, word(source, from.index))
    unsafe clear(source, from.index)
  }

  /// Takes from the mask of `bucket` what no element of the `next` bucket that does not belong there stands for, nor
  /// one that went on beyond that; finds such an element to fill a hole in `bucket` with.
  ///
  /// - Parameter taking: the element found is about to be moved into `bucket`, so its bit goes as well.
  /// - Returns: the index of that element in `next`; nil without one.
  @inline(__always)
  static func cleanOverflow(_ segment: UnsafeMutableRawPointer, bucketCount: Int, bucket: Int, next: Int, taking: Bool)
    -> Int?
  {
    let base = unsafe segment + bucket << bucketShift
    let other = unsafe segment + next << bucketShift
    var passed = unsafe overflow(other)
    var found: Int?
    var full = unsafe ~cs_match16(other, 0) & slotMask
    while full != 0 {
      let index = full.trailingZeroBitCount - 2
      if unsafe home(word(other, index) >> 48, bucketCount) != next {
        if found == nil && taking {
          found = index
        } else {
          passed |= 1 << (unsafe tag(other, index) & 7)
        }
      }
      full &= full &- 1
    }
    unsafe setOverflow(base, overflow(base) & passed)
    return found
  }
}

/// Where a hash belongs in the segment that a directory word names.
@safe struct SegmentProbe {
  let segment: UnsafeMutableRawPointer
  let bucketCount: Int
  /// The 16 hash bits after the local depth.
  let bits: UInt64
  let home: Int
  let tag: UInt8

  @inline(__always)
  init(word: UInt64, hash: UInt64) {
    unsafe segment = SegmentLayout.segment(word)
    bucketCount = SegmentLayout.bucketCount(word)
    bits = (hash &<< UInt64(SegmentLayout.depth(word))) >> 48
    home = SegmentLayout.home(bits, bucketCount)
    tag = SegmentProbe.tag(hash)
  }

  /// A byte of the hash that neither directory nor home use; 0 means "empty", so it is spared.
  @inline(__always)
  static func tag(_ hash: UInt64) -> UInt8 { max(UInt8(truncatingIfNeeded: hash), 1) }
}
