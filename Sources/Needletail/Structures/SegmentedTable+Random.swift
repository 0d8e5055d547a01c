import CSystem

/// Choosing by chance.
extension SegmentedTable {
  /// Draws before the elements are counted instead. Where this many miss, there are few segments to count through.
  private static var drawLimit: Int { 32 }

  /// An element drawn uniformly; nil when empty.
  ///
  /// Complexity: O(1) expected (about 2 draws). A table nearly emptied in hash order has few segments, under a
  /// directory as deep as before: nearly every draw misses, so after some the choice is made by counting, O(segments).
  @inline(__always)
  func random(_ generator: inout some RandomNumberGenerator) -> Element? {
    randomPosition(&generator).map { element(at: $0) }
  }

  /// As `random`: where the element is.
  func randomPosition(_ generator: inout some RandomNumberGenerator) -> Position? {
    guard count > 0 else { return nil }
    for _ in 0..<Self.drawLimit {
      // Every segment has one first word, so each is as likely as another; slots beyond a segment's end are misses, so
      // each element is as likely as another too.
      let index = Int.random(in: 0..<(1 << globalDepth), using: &generator)
      let word = unsafe directory![index]
      guard firstIndex(index, depth: Layout.depth(word)) == index else { continue }
      let capacity = (globalDepth == 0 ? Layout.bucketCount(word) : Layout.maxBuckets) * Layout.bucketSlots
      let slot = Int.random(in: 0..<capacity, using: &generator)
      guard slot < Layout.bucketCount(word) * Layout.bucketSlots else { continue }
      let position = Position(first: index, bucket: slot / Layout.bucketSlots, index: slot % Layout.bucketSlots)
      let base = unsafe Layout.segment(word) + position.bucket << Layout.bucketShift
      if unsafe Layout.word(base, position.index) != 0 { return position }
    }
    return position(number: Int.random(in: 0..<count, using: &generator))
  }

  /// Where element `number` of all is, in the order of their slots. Complexity: O(segments).
  private func position(number: Int) -> Position {
    var left = number
    var index = 0
    while unsafe left >= Layout.count(directory![index]) {
      let word = unsafe directory![index]
      left -= Layout.count(word)
      index += 1 << (globalDepth - Layout.depth(word))
    }
    let segment = unsafe Layout.segment(directory![index])
    var bucket = 0
    while true {
      var full = unsafe ~cs_match16(segment + bucket << Layout.bucketShift, 0) & Layout.slotMask
      if left < full.nonzeroBitCount {
        for _ in 0..<left { full &= full &- 1 }
        return Position(first: index, bucket: bucket, index: full.trailingZeroBitCount - 2)
      }
      left -= full.nonzeroBitCount
      bucket += 1
    }
  }

  /// Calls `body` with `wanted` different elements, or all when there are no more; every choice of so many is as likely
  /// as another, their order is no matter of chance. `body` must not change the table.
  /// Complexity: O(wanted) expected for less than a quarter of the elements, O(n) for more.
  func forEachRandom(_ wanted: Int, _ generator: inout some RandomNumberGenerator, _ body: (Element) -> Void) {
    guard wanted > 0 else { return }
    if wanted < count / 4, let drawn = DrawnElements(room: wanted) {
      draw(wanted, drawn, &generator, body)
    } else {
      select(wanted, &generator, body)
    }
  }

  /// Draws until enough have been drawn; those that come again, at most every fourth, are passed over.
  private func draw(_ wanted: Int, _ drawn: consuming DrawnElements, _ generator: inout some RandomNumberGenerator,
    _ body: (Element) -> Void)
  {
    var ring = PrefetchRing()
    var left = wanted
    while left > 0, let element = random(&generator) {
      guard unsafe drawn.insert(element.raw) else { continue }
      left -= 1
      if let oldest = unsafe ring.push(element.raw) { body(unsafe Element(raw: oldest)) }
    }
    unsafe ring.drain { body(unsafe Element(raw: $0)) }
  }

  /// One pass, each element taken with the probability that the rest asks for.
  /// Source: Knuth, "The Art of Computer Programming", volume 2, algorithm 3.4.2 S.
  private func select(_ wanted: Int, _ generator: inout some RandomNumberGenerator, _ body: (Element) -> Void) {
    guard wanted < count else { return forEach(body) }
    var wanted = wanted
    var left = count
    forEach { element in
      if Int.random(in: 0..<left, using: &generator) < wanted {
        body(element)
        wanted -= 1
      }
      left -= 1
    }
  }
}

/// A set of elements, by their addresses: open addressing, at most half full.
@safe private struct DrawnElements: ~Copyable {
  private let slots: UnsafeMutablePointer<UInt>
  private let shift: Int
  private let byteCount: Int

  /// Nil without memory.
  init?(room: Int) {
    let bits = Int.bitWidth - max(room, 4).leadingZeroBitCount + 1
    shift = UInt64.bitWidth - bits
    byteCount = 8 << bits
    guard let block = unsafe Heap.tryAllocate(byteCount) else { return nil }
    unsafe slots = block.bindMemory(to: UInt.self, capacity: 1 << bits)
    unsafe slots.initialize(repeating: 0, count: 1 << bits)
  }

  deinit { unsafe Heap.free(UnsafeMutableRawPointer(slots), byteCount) }

  /// - Returns: false when it is in the set already.
  func insert(_ element: UnsafeMutableRawPointer) -> Bool {
    let address = UInt(bitPattern: element)
    let mask = byteCount / 8 - 1
    // Fibonacci hashing: addresses differ in their middle bits.
    var slot = Int(truncatingIfNeeded: (UInt64(address) &* 0x9e37_79b9_7f4a_7c15) &>> UInt64(shift))
    while unsafe slots[slot] != 0 {
      if unsafe slots[slot] == address { return false }
      slot = (slot + 1) & mask
    }
    unsafe slots[slot] = address
    return true
  }
}
