import CSystem
import Glibc

/// A hash table by extendible hashing: no operation moves more than one segment (8 KiB) of it, apart from copying the
/// directory, so there is no pause and no doubling of memory while it grows or shrinks.
/// Source: Fagin et al., "Extendible Hashing" (1979).
///
///     directory: 2^globalDepth words, indexed by the first bits of the hash; a segment of local depth d has
///                2^(globalDepth - d) words in a row, the first of which carries its count (a collection's directory
///                is a unit, with its tag before the words)
///         word:  | count 10 | local depth 6 | pointer 41 | deadlines 1 | buckets - 1: 6 |
///     segment:   an array of 1 to 64 buckets of 128 bytes; a unit, whose tag is byte 0 of its first bucket
///         bucket: | freeze tag 1 (first bucket only) | overflow 1 | tags 14 | words 14 x 8 |
///         word:   | the 16 hash bits after the local depth | pointer 48 |
///
/// The 16 hash bits give an element's home bucket by multiply-shift, so hash order is bucket order, and growing,
/// overflowing, scanning and merging read no element; only a split does. A tag is another byte of the hash, 0 in an
/// empty slot. Bit t of a bucket's `overflow` says that an element with tag & 7 == t that belongs here or before went
/// on to the next bucket (cyclically), so a miss goes on only where its bit is set.
///
/// A segment grows by jemalloc's classes (128 B ... 4, 5, 6, 7, 8 KiB) at 93 % fill, splits only at 8 KiB, and shrinks
/// by the same steps with hysteresis: an empty table owns nothing, a tiny one 128 bytes, a large one about 11 bytes an
/// element at every size.
///
/// Lookup, insertion and removal are O(1): one directory word, one or two buckets, one element.
///
/// It serves databases, large hashes and sets, and indexes over what others own: see `TableOwnership`. It may lie in
/// raw memory, whose bytes are copied to move it, since it frees nothing by itself: parts of a collection may outlive
/// it in a view.
@safe struct SegmentedTable<Element: TableElement>: ~Copyable {
  typealias Layout = SegmentLayout

  /// Which of the wheel's tables this is. Of databases only.
  let id: Int
  /// Sets this table's hashes apart from all others'. Not of databases.
  let salt: UInt64
  var count = 0
  /// Bytes of the segments and directories, and of the elements when they are the table's own.
  var byteCount = 0
  /// Elements with a deadline.
  var deadlineCount = 0
  var globalDepth = 0
  var directory: UnsafeMutablePointer<UInt64>?
  /// Beside the directory, once any element has had a deadline: the deadlines of the segment a word begins.
  var deadlines: UnsafeMutablePointer<UnsafeMutablePointer<DeadlineSlots.Header>?>?
  /// How many segments have each local depth; tells when the directory can be halved.
  var depthCounts = InlineArray<33, Int32>(repeating: 0)

  init(id: Int = 0, salt: UInt64 = 0) {
    self.id = id
    self.salt = salt
    unsafe directory = nil
    unsafe deadlines = nil
  }

  deinit { precondition(unsafe directory == nil, "a table is emptied by its owner") }

  /// Where an element is. Valid until the next insertion or removal.
  struct Position {
    /// Index of the first directory word of the segment.
    let first: Int
    var bucket: Int
    /// 0 ..< 14.
    var index: Int
    var slot: Int { bucket * Layout.bucketSlots + index }
  }

  // MARK: Lookup

  /// The element with `key`, nil without one. Complexity: O(1).
  @inline(__always)
  func find(_ key: ByteView, hash: UInt64) -> (position: Position, element: Element)? {
    guard count > 0 else { return nil }
    let directoryIndex = index(hash)
    let word = unsafe directory![directoryIndex]
    let probe = SegmentProbe(word: word, hash: hash)
    var bucket = probe.home
    var visited = 0
    while true {
      let base = unsafe probe.segment + bucket << Layout.bucketShift
      var matches = unsafe cs_match16(base, probe.tag) & Layout.slotMask
      while matches != 0 {
        let index = matches.trailingZeroBitCount - 2
        let candidate = unsafe Layout.word(base, index)
        if candidate >> 48 == probe.bits {
          let element = unsafe Element(raw: Layout.pointer(candidate))
          if element.hasKey(key) {
            let first = firstIndex(directoryIndex, depth: Layout.depth(word))
            return (Position(first: first, bucket: bucket, index: index), element)
          }
        }
        matches &= matches &- 1
      }
      guard unsafe Layout.overflow(base) & (1 << (probe.tag & 7)) != 0 else { return nil }
      bucket = bucket + 1 == probe.bucketCount ? 0 : bucket + 1
      visited += 1
      if visited == probe.bucketCount { return nil }
    }
  }

  /// Starts fetching the home bucket of `hash` into the cache. A hint.
  @inline(__always)
  func prefetchBucket(_ hash: UInt64) {
    guard count > 0 else { return }
    let probe = unsafe SegmentProbe(word: directory![index(hash)], hash: hash)
    let base = unsafe probe.segment + probe.home << Layout.bucketShift
    unsafe cs_prefetch(base)
    unsafe cs_prefetch(base + 64)
  }

  /// Starts fetching the freeze tag of the segment that `hash` belongs to. A hint.
  @inline(__always)
  func prefetchTag(_ hash: UInt64) {
    guard count > 0 else { return }
    unsafe cs_prefetch(Layout.segment(directory![index(hash)]))
  }

  /// Starts fetching the elements that `hash` may belong to; its bucket should be in the cache by now. A hint.
  @inline(__always)
  func prefetchElement(_ hash: UInt64) {
    guard count > 0 else { return }
    let probe = unsafe SegmentProbe(word: directory![index(hash)], hash: hash)
    let base = unsafe probe.segment + probe.home << Layout.bucketShift
    var matches = unsafe cs_match16(base, probe.tag) & Layout.slotMask
    while matches != 0 {
      let candidate = unsafe Layout.word(base, matches.trailingZeroBitCount - 2)
      if candidate >> 48 == probe.bits {
        let element = unsafe Layout.pointer(candidate)
        unsafe cs_prefetch(element)
        unsafe cs_prefetch(element + 47)
      }
      matches &= matches &- 1
    }
  }

  @inline(__always)
  func index(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: (hash >> 1) &>> UInt64(63 &- globalDepth)) }

  /// The first of the words of the segment that word `index` belongs to.
  @inline(__always)
  func firstIndex(_ index: Int, depth: Int) -> Int { index & ~((1 &<< (globalDepth &- depth)) &- 1) }

  /// Where `element` is, which was inserted under `hash` and has not been replaced; nil when it is not there. Reads no
  /// element, so it also finds one whose place another is to take. Complexity: O(1).
  func position(of element: Element, hash: UInt64) -> Position? {
    guard count > 0 else { return nil }
    let directoryIndex = index(hash)
    let word = unsafe directory![directoryIndex]
    let probe = SegmentProbe(word: word, hash: hash)
    let wanted = unsafe UInt64(UInt(bitPattern: element.raw)) | probe.bits << 48
    var bucket = probe.home
    for _ in 0..<probe.bucketCount {
      let base = unsafe probe.segment + bucket << Layout.bucketShift
      var matches = unsafe cs_match16(base, probe.tag) & Layout.slotMask
      while matches != 0 {
        let index = matches.trailingZeroBitCount - 2
        if unsafe Layout.word(base, index) == wanted {
          return Position(first: firstIndex(directoryIndex, depth: Layout.depth(word)), bucket: bucket, index: index)
        }
        matches &= matches &- 1
      }
      guard unsafe Layout.overflow(base) & (1 << (probe.tag & 7)) != 0 else { return nil }
      bucket = bucket + 1 == probe.bucketCount ? 0 : bucket + 1
    }
    return nil
  }

  func element(at position: Position) -> Element {
    unsafe Element(raw: Layout.pointer(Layout.word(bucketBase(position), position.index)))
  }

  @inline(__always)
  func bucketBase(_ position: Position) -> UnsafeMutableRawPointer {
    unsafe Layout.segment(directory![position.first]) + position.bucket << Layout.bucketShift
  }

  // MARK: Change

  /// Adds an element whose key is not in the table. Complexity: O(1), at most one segment moved.
  /// - Returns: where it is.
  @discardableResult
  mutating func insert(_ element: Element, hash: UInt64, _ context: inout TableContext) -> Position {
    if unsafe directory == nil { makeFirstSegment(&context) } else { makeDirectoryWritable(&context) }
    byteCount += Self.weight(element)
    while true {
      var directoryIndex = index(hash)
      let depth = unsafe Layout.depth(directory![directoryIndex])
      directoryIndex = firstIndex(directoryIndex, depth: depth)
      let word = unsafe directory![directoryIndex]
      if Layout.count(word) >= Layout.limit(Layout.bucketCount(word)) {
        makeRoom(directoryIndex, &context)
        continue
      }
      makeWritable(directoryIndex, &context)
      let probe = unsafe SegmentProbe(word: directory![directoryIndex], hash: hash)
      let slot = unsafe Layout.place(probe.segment, bucketCount: probe.bucketCount, home: probe.home, tag: probe.tag,
        word: UInt64(UInt(bitPattern: element.raw)) | probe.bits << 48)
      unsafe directory![directoryIndex] += Layout.countUnit
      count += 1
      return Position(first: directoryIndex, bucket: slot / Layout.bucketSlots, index: slot % Layout.bucketSlots)
    }
  }

  /// Puts another element with the same key at `position`. The one that was there is the caller's to let go,
  /// afterwards. Complexity: O(1).
  @inline(__always)
  mutating func replace(at position: Position, with element: Element, _ context: inout TableContext) {
    makeWritable(position.first, &context)
    let base = unsafe bucketBase(position)
    let old = unsafe Layout.word(base, position.index)
    byteCount += unsafe Self.weight(element) - Self.weight(Element(raw: Layout.pointer(old)))
    unsafe Layout.setWord(base, position.index, UInt64(UInt(bitPattern: element.raw)) | (old >> 48) << 48)
  }

  /// Takes the element at `position` out, with its deadline. It is the caller's to let go, afterwards.
  /// Complexity: O(1), at most two segments moved.
  mutating func remove(at position: Position, _ context: inout TableContext) {
    makeDirectoryWritable(&context)
    makeWritable(position.first, &context)
    removeDeadline(at: position, &context)
    let base = unsafe bucketBase(position)
    byteCount -= unsafe Self.weight(Element(raw: Layout.pointer(Layout.word(base, position.index))))
    let home = unsafe Layout.home(Layout.word(base, position.index) >> 48,
      Layout.bucketCount(directory![position.first]))
    unsafe Layout.clear(base, position.index)
    unsafe directory![position.first] -= Layout.countUnit
    count -= 1
    if unsafe Layout.overflow(base) != 0 { pullBack(position.first, into: position.bucket) }
    if home != position.bucket { cleanOverflow(position.first, from: home, to: position.bucket) }
    let word = unsafe directory![position.first]
    if Layout.count(word) <= shrinkLimit(position.first) { shrink(position.first, &context) }
  }

  /// Fills a hole in `bucket` with an element that had to go on to the next bucket, then the hole which that one
  /// leaves, and so on; on the way, overflow bits that nobody needs any more go. A mask may keep a bit too many when
  /// the element it stands for lay two buckets on, never one too few. Complexity: O(1) on average, O(buckets) at worst.
  private mutating func pullBack(_ first: Int, into bucket: Int) {
    let word = unsafe directory![first]
    let segment = unsafe Layout.segment(word)
    let bucketCount = Layout.bucketCount(word)
    var to = bucket
    for _ in 1..<max(bucketCount, 1) {
      let from = to + 1 == bucketCount ? 0 : to + 1
      guard let index = unsafe Layout.cleanOverflow(segment, bucketCount: bucketCount, bucket: to, next: from,
        taking: true)
      else { return }
      let target = unsafe Layout.emptyIndex(segment + to << Layout.bucketShift)!
      unsafe Layout.move(segment, from: (from, index), to: (to, target))
      moveDeadline(first, from: from * Layout.bucketSlots + index, to: to * Layout.bucketSlots + target)
      to = from
      if unsafe Layout.overflow(segment + to << Layout.bucketShift) == 0 { return }
    }
  }

  /// An element of bucket `to` whose home was `from` is gone: takes its bit out of the masks of the buckets it had
  /// passed, the last one first, since each looks at its successor's. Complexity: O(buckets passed).
  private mutating func cleanOverflow(_ first: Int, from: Int, to: Int) {
    let word = unsafe directory![first]
    let bucketCount = Layout.bucketCount(word)
    var next = to
    while next != from {
      let bucket = next == 0 ? bucketCount - 1 : next - 1
      _ = unsafe Layout.cleanOverflow(Layout.segment(word), bucketCount: bucketCount, bucket: bucket, next: next,
        taking: false)
      next = bucket
    }
  }

  // MARK: Whole table

  /// Calls `body` with every element, in hash order, the next ones on their way to the cache. `body` must not change
  /// the table. Complexity: O(n).
  func forEach(_ body: (Element) -> Void) {
    guard let directory = unsafe directory else { return }
    var ring = PrefetchRing()
    unsafe Layout.forEachSegment(directory, depth: globalDepth) { word in
      Layout.forEach(word) { _, _, word in
        if let oldest = unsafe ring.push(Layout.pointer(word)) { body(unsafe Element(raw: oldest)) }
      }
    }
    unsafe ring.drain { body(unsafe Element(raw: $0)) }
  }

  /// Forgets everything without freeing it: the caller has taken the parts over.
  mutating func abandon() {
    unsafe directory = nil
    unsafe deadlines = nil
    globalDepth = 0
    count = 0
    deadlineCount = 0
    byteCount = 0
    depthCounts = InlineArray<33, Int32>(repeating: 0)
  }
}
