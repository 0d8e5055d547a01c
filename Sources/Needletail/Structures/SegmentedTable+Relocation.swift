import CSystem

/// Where a walk over a table stands that gives its units another place, a bucket at a time. A hash prefix and a number:
/// whatever grows, splits or merges meanwhile, the walk goes on, and may meet something twice or not at all.
struct RelocationCursor {
  /// The hash bits, as in SCAN's cursor, at which the segment begins.
  fileprivate var prefix: UInt64 = 0
  fileprivate var bucket = 0

  init() {}
}

/// Giving units another place (see `UnitMover`). No view is open.
extension SegmentedTable {
  /// A bucket of the table.
  struct BucketPlace {
    /// Index of the first directory word of the segment.
    let first: Int
    let bucket: Int
  }

  /// Where the cursor stands; nil in a table without elements.
  func place(_ cursor: RelocationCursor) -> BucketPlace? {
    guard let directory = unsafe directory else { return nil }
    let index = Int(cursor.prefix >> UInt64(48 - globalDepth))
    let word = unsafe directory[index]
    let first = firstIndex(index, depth: Layout.depth(word))
    // The segment may have shrunk since.
    return BucketPlace(first: first, bucket: min(cursor.bucket, Layout.bucketCount(word) - 1))
  }

  /// Goes to the next bucket; of an index, whose elements are others', to the next segment.
  /// - Returns: false when there is none.
  func advance(_ cursor: inout RelocationCursor, from place: BucketPlace) -> Bool {
    let word = unsafe directory![place.first]
    if Element.ownership != .derived && place.bucket + 1 < Layout.bucketCount(word) {
      cursor.bucket = place.bucket + 1
      return true
    }
    cursor.bucket = 0
    cursor.prefix = prefix(place.first) + 1 << UInt64(48 - Layout.depth(word))
    return cursor.prefix < 1 << 48
  }

  /// Starts fetching what `relocateBucket` reads of the bucket after this one. A hint.
  func prefetchNext(_ place: BucketPlace) {
    let word = unsafe directory![place.first]
    guard place.bucket + 1 < Layout.bucketCount(word) else { return }
    let base = unsafe Layout.segment(word) + (place.bucket + 1) << Layout.bucketShift
    var full = unsafe ~cs_match16(base, 0) & Layout.slotMask
    while full != 0 {
      unsafe PrefetchRing.prefetch(Layout.pointer(Layout.word(base, full.trailingZeroBitCount - 2)))
      full &= full &- 1
    }
  }

  /// Moves what is worth it of a bucket's elements, and with the first bucket of a segment the segment itself, and with
  /// the first of the table its directory. Complexity: O(bucket), O(segment) for the first.
  /// - Returns: bit i is set when the element in slot i of the bucket has moved.
  @discardableResult
  mutating func relocateBucket(_ place: BucketPlace, _ mover: inout UnitMover, _ context: inout TableContext) -> UInt16 {
    if place.bucket == 0 {
      if place.first == 0 { relocateDirectory(&mover) }
      relocateSegment(place.first, &mover)
      relocateDeadlines(place.first, &mover, &context)
    }
    return Element.ownership == .derived ? 0 : relocateElements(place, &mover)
  }

  private func relocateElements(_ place: BucketPlace, _ mover: inout UnitMover) -> UInt16 {
    let base = unsafe bucketBase(place)
    var slots = InlineArray<14, Int>(repeating: 0)
    var count = 0
    forEachSlot(place) { slot, element in
      unsafe mover.add(element.raw)
      slots[count] = slot
      count += 1
    }
    var chosen = mover.choose()
    var moved: UInt16 = 0
    while chosen != 0 {
      let slot = slots[chosen.trailingZeroBitCount]
      chosen &= chosen &- 1
      let word = unsafe Layout.word(base, slot)
      let element = unsafe Element(raw: Layout.pointer(word))
      let byteCount = element.byteCount
      guard let copy = unsafe mover.copy(element.raw, byteCount) else { continue }
      unsafe Layout.setWord(base, slot, UInt64(UInt(bitPattern: copy)) | (word >> 48) << 48)
      unsafe mover.release(element.raw, byteCount)
      moved |= 1 << UInt16(slot)
    }
    return moved
  }

  private func bucketBase(_ place: BucketPlace) -> UnsafeMutableRawPointer {
    unsafe Layout.segment(directory![place.first]) + place.bucket << Layout.bucketShift
  }

  /// Calls `body` with each of a bucket's elements and its slot there.
  @inline(__always)
  func forEachSlot(_ place: BucketPlace, _ body: (Int, Element) -> Void) {
    let base = unsafe bucketBase(place)
    var full = unsafe ~cs_match16(base, 0) & Layout.slotMask
    while full != 0 {
      let slot = full.trailingZeroBitCount - 2
      body(slot, unsafe Element(raw: Layout.pointer(Layout.word(base, slot))))
      full &= full &- 1
    }
  }

  private mutating func relocateDirectory(_ mover: inout UnitMover) {
    let size = Self.directoryByteCount(globalDepth)
    let old = unsafe Self.directoryUnit(directory!)
    guard let copy = unsafe mover.relocate(old, size) else { return }
    unsafe directory = (copy + Self.directoryHeaderBytes).bindMemory(to: UInt64.self, capacity: 1 << globalDepth)
    unsafe mover.release(old, size)
  }

  private func relocateSegment(_ first: Int, _ mover: inout UnitMover) {
    let word = unsafe directory![first]
    let old = unsafe Layout.segment(word)
    let size = Layout.bucketCount(word) << Layout.bucketShift
    guard let copy = unsafe mover.relocate(old, size) else { return }
    unsafe setWords(first, Layout.replacingSegment(word, copy))
    unsafe mover.release(old, size)
  }

  private func relocateDeadlines(_ first: Int, _ mover: inout UnitMover, _ context: inout TableContext) {
    guard Element.ownership == .keyspace, let block = block(first) else { return }
    unsafe deadlines![first] = block.relocated(&mover, &context.wheel).header
  }

  /// Of an index: the element that was inserted under `hash` lies elsewhere from now on. It is there.
  func repoint(_ element: Element, to copy: Element, hash: UInt64) {
    precondition(Element.ownership == .derived)
    guard let place = position(of: element, hash: hash) else { preconditionFailure("the index lacks an element") }
    let base = unsafe bucketBase(place)
    let word = unsafe Layout.word(base, place.index)
    unsafe Layout.setWord(base, place.index, UInt64(UInt(bitPattern: copy.raw)) | (word >> 48) << 48)
  }
}
