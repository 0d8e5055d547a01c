import CSystem

/// How a walker lets units go (DESIGN.md §5): one that the loop has let go meanwhile comes back dead and goes to the
/// freer, in batches. Neither allocates nor frees.
@safe struct UnitReleaser: ~Copyable {
  /// Dead units are handed over when there are so many.
  private static let deadBatch = 64

  /// What the keyspace's units carry from the freeze on.
  let currentTag: UInt8
  private let freer: BackgroundFreer
  private var dead = DeadUnits()

  init(currentTag: UInt8, freer: BackgroundFreer) {
    self.currentTag = currentTag
    self.freer = freer
  }

  /// The unit is not read again, unless it is dead.
  /// - Parameter byteCount: asked for only when the unit came back dead, and so is the walker's.
  @inline(__always)
  mutating func release(_ unit: UnsafeMutableRawPointer, _ byteCount: () -> Int) {
    if unsafe Units.release(unit, currentTag: currentTag) { return }
    unsafe take(dead: unit, byteCount())
  }

  /// A unit that came back dead from somebody who releases by himself.
  mutating func take(dead unit: UnsafeMutableRawPointer, _ byteCount: Int) {
    unsafe dead.append(unit, byteCount)
    if dead.count >= Self.deadBatch { handOver() }
  }

  private mutating func handOver() {
    freer.free(dead)
    dead = DeadUnits()
  }

  /// The walk is over.
  mutating func finish() {
    handOver()
    freer.wake()
  }
}

/// The elements of the segment that a walker is in, copied out of it so that the segment can be released before them.
@safe struct SegmentElements: ~Copyable {
  private static let slotsMax = SegmentLayout.maxBuckets * SegmentLayout.bucketSlots
  /// Elements fetched into the cache ahead of the one that is visited.
  private static let prefetchDistance = 12

  private let elements: UnsafeMutablePointer<UInt>
  private var count = 0
  private var nextIndex = 0

  init() { unsafe elements = .allocate(capacity: Self.slotsMax) }

  deinit { unsafe elements.deallocate() }

  var isEmpty: Bool { nextIndex == count }

  /// Copies the elements' pointers out of the segment that a directory word names, and lets the segment go.
  mutating func enter(_ word: UInt64, _ releaser: inout UnitReleaser) {
    count = 0
    nextIndex = 0
    SegmentLayout.forEach(word) { _, _, word in
      unsafe elements[count] = UInt(bitPattern: SegmentLayout.pointer(word))
      count += 1
    }
    for ahead in 0..<min(Self.prefetchDistance, count) { prefetch(ahead) }
    unsafe releaser.release(SegmentLayout.segment(word)) {
      SegmentLayout.bucketCount(word) << SegmentLayout.bucketShift
    }
  }

  /// The next element; there is one.
  @inline(__always)
  mutating func next() -> UnsafeMutableRawPointer {
    precondition(nextIndex < count)
    let element = unsafe UnsafeMutableRawPointer(bitPattern: elements[nextIndex])!
    nextIndex += 1
    if nextIndex + Self.prefetchDistance <= count { prefetch(nextIndex + Self.prefetchDistance - 1) }
    return unsafe element
  }

  @inline(__always)
  private func prefetch(_ index: Int) {
    unsafe PrefetchRing.prefetch(UnsafeRawPointer(bitPattern: elements[index])!)
  }
}

/// One forward pass over a collection's table in a frozen view, a state machine that stops after any unit:
///
///     root: copy out, release -> for each segment: copy its elements out, release -> for each element: visit, release
///                             -> directory: release
///
/// The directory is the one unit that is released after its children: its words are read one by one meanwhile, and
/// copying them all out would need memory. That is sound, since whoever writes a word of it looks at its own tag,
/// whatever those of the segments say. Made before the walk starts, for any number of tables one after another.
@safe struct TableWalk<Element: TableElement>: ~Copyable {
  typealias Table = SegmentedTable<Element>

  private var elements = SegmentElements()
  private var directory: UnsafeMutablePointer<UInt64>?
  private var globalDepth = 0
  /// The next directory word.
  private var index = 0
  /// From now on units are released without being visited.
  var isCancelled = false

  init() { unsafe directory = nil }

  /// Starts with a root, which has been read: it is released.
  mutating func begin(_ root: TableRoot<Element>, _ releaser: inout UnitReleaser) {
    precondition(unsafe directory == nil, "the last table has not been walked to its end")
    unsafe directory = root.table.pointee.directory
    globalDepth = unsafe root.table.pointee.globalDepth
    index = 0
    unsafe releaser.release(root.raw) { TableRoot<Element>.byteCount }
  }

  /// Visits about `units` units, and takes them from it. `body` may read the element until it returns, and never later.
  /// - Returns: false when the walk over this table is over.
  mutating func step(units: inout Int, _ releaser: inout UnitReleaser, _ body: (Element) -> Void) -> Bool {
    while units > 0 {
      if !elements.isEmpty {
        let element = unsafe Element(raw: elements.next())
        if !isCancelled { body(element) }
        unsafe releaser.release(element.raw) { element.byteCount }
      } else if !enterSegment(&releaser) {
        return false
      }
      units -= 1
    }
    return true
  }

  private mutating func enterSegment(_ releaser: inout UnitReleaser) -> Bool {
    guard let directory = unsafe directory else { return false }
    guard index < 1 << globalDepth else {
      unsafe releaser.release(Table.directoryUnit(directory)) { Table.directoryByteCount(globalDepth) }
      unsafe self.directory = nil
      return false
    }
    let word = unsafe directory[index]
    // A segment lies in several words in a row while its depth is below the directory's: it is entered once.
    index += 1 << (globalDepth - SegmentLayout.depth(word))
    elements.enter(word, &releaser)
    return true
  }
}
