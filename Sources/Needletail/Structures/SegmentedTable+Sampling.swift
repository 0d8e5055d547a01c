import CSystem

/// Elements that a draw has found, on their way to the cache.
@safe struct ElementSample: ~Copyable {
  /// `maxmemory-samples` at most, rounded up to whole buckets.
  static let capacity = 64 + SegmentLayout.bucketSlots - 1

  private(set) var count = 0
  private let elements = UnsafeMutablePointer<UnsafeMutableRawPointer>.allocate(capacity: capacity)

  deinit { unsafe elements.deallocate() }

  @inline(__always)
  subscript(index: Int) -> UnsafeMutableRawPointer {
    precondition(index < count)
    return unsafe elements[index]
  }

  @inline(__always)
  mutating func append(_ element: UnsafeMutableRawPointer) {
    guard count < Self.capacity else { return }
    unsafe cs_prefetch(element)
    unsafe (elements + count).initialize(to: element)
    count += 1
  }

  mutating func removeAll() { count = 0 }
}

/// Draws of several elements at once, for whoever compares them: neighbours, which costs one look at the table. A hash
/// is chosen by chance; since hash order is bucket order and says nothing of keys, neighbours are as good as any others.
extension SegmentedTable {
  /// Segments looked at before the draw is made by counting.
  private static var segmentLimit: Int { 32 }

  /// Adds about `wanted` elements from where `hash` belongs, whole buckets of them; at least one unless the table is
  /// empty. Complexity: O(wanted) expected; O(segments) in a table that was nearly emptied in hash order.
  @inline(__always)
  func sample(_ wanted: Int, at hash: UInt64, _ generator: inout some RandomNumberGenerator,
    into sample: inout ElementSample)
  {
    guard count > 0 else { return }
    var directoryIndex = index(hash)
    for _ in 0..<Self.segmentLimit {
      let word = unsafe directory![directoryIndex]
      let first = firstIndex(directoryIndex, depth: Layout.depth(word))
      if unsafe Layout.count(directory![first]) > 0 {
        sampleSegment(word, SegmentProbe(word: word, hash: hash).home, wanted, into: &sample)
        return
      }
      let next = first + 1 << (globalDepth - Layout.depth(word))
      directoryIndex = next == 1 << globalDepth ? 0 : next
    }
    if let element = random(&generator) { unsafe sample.append(element.raw) }
  }

  /// Starts fetching the elements of the bucket that `hash` belongs to; the bucket should be in the cache by now. A hint.
  @inline(__always)
  func prefetchNeighbours(_ hash: UInt64) {
    guard count > 0 else { return }
    let probe = unsafe SegmentProbe(word: directory![index(hash)], hash: hash)
    let base = unsafe probe.segment + probe.home << Layout.bucketShift
    var full = unsafe ~cs_match16(base, 0) & Layout.slotMask
    while full != 0 {
      unsafe cs_prefetch(Layout.pointer(Layout.word(base, full.trailingZeroBitCount - 2)))
      full &= full &- 1
    }
  }

  @inline(__always)
  private func sampleSegment(_ word: UInt64, _ home: Int, _ wanted: Int, into sample: inout ElementSample) {
    let bucketCount = Layout.bucketCount(word)
    var bucket = home
    for _ in 0..<bucketCount {
      let base = unsafe Layout.segment(word) + bucket << Layout.bucketShift
      var full = unsafe ~cs_match16(base, 0) & Layout.slotMask
      while full != 0 {
        unsafe sample.append(Layout.pointer(Layout.word(base, full.trailingZeroBitCount - 2)))
        full &= full &- 1
      }
      if sample.count >= wanted { return }
      bucket = bucket + 1 == bucketCount ? 0 : bucket + 1
    }
  }

  /// The deadlines of a segment drawn by chance; nil when there seem to be hardly any. Complexity: O(1).
  func randomDeadlines(_ generator: inout some RandomNumberGenerator) -> DeadlineSlots? {
    guard deadlineCount > 0 else { return nil }
    var directoryIndex = index(generator.next())
    for _ in 0..<Self.segmentLimit {
      let depth = unsafe Layout.depth(directory![directoryIndex])
      let first = firstIndex(directoryIndex, depth: depth)
      if let block = block(first) { return block }
      let next = first + 1 << (globalDepth - depth)
      directoryIndex = next == 1 << globalDepth ? 0 : next
    }
    return nil
  }

  /// Adds about `wanted` of the elements that `block` has deadlines of. Complexity: O(slots) at worst.
  func sample(_ wanted: Int, of block: DeadlineSlots, _ generator: inout some RandomNumberGenerator,
    into sample: inout ElementSample)
  {
    block.forEach(from: Int.random(in: 0..<block.room, using: &generator)) { slot, _ in
      if let element = element(of: block, slot: slot)?.element { unsafe sample.append(element.raw) }
      return sample.count < wanted
    }
  }
}
