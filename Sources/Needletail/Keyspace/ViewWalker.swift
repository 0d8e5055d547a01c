import CSystem

/// What a `ViewWalker` shows the frozen keyspace to. It may read an entry and its value until it returns, and never
/// later.
protocol ViewVisitor: ~Copyable {
  /// The keys of a database follow.
  mutating func begin(_ table: FrozenView.Table)
  mutating func visit(_ entry: Entry)
}

/// Reads nothing: for walks that only release.
struct NoVisitor: ViewVisitor {
  mutating func begin(_ table: FrozenView.Table) {}
  mutating func visit(_ entry: Entry) {}
}

/// One forward pass over a frozen view, a state machine that stops after any unit (DESIGN.md §5, rule 5):
///
///     next segment -> copy its element pointers out -> release it -> for each element: visit, release
///
/// A unit is released when nothing of it is read any more; from then on the loop changes it in place. One that the loop
/// has let go meanwhile comes back dead and goes to the freer. Allocates before it starts and never between units.
@safe struct ViewWalker: ~Copyable {
  private static let slotsMax = SegmentLayout.maxBuckets * SegmentLayout.bucketSlots
  /// Elements fetched into the cache ahead of the one that is visited.
  private static let prefetchDistance = 12
  /// Dead units are handed over when there are so many.
  private static let deadBatch = 64

  private let view: FrozenView
  private let freer: BackgroundFreer
  private var table = -1
  private var index = 0
  private let elements: UnsafeMutablePointer<UInt>
  private var elementCount = 0
  private var nextElement = 0
  private var dead = DeadUnits()
  /// Keys visited so far, encoded or not.
  private(set) var visitedCount = 0
  /// From now on units are released without being shown to the visitor.
  var isCancelled = false

  init(_ view: consuming FrozenView, freer: BackgroundFreer) {
    self.view = view
    self.freer = freer
    unsafe elements = .allocate(capacity: Self.slotsMax)
  }

  deinit { unsafe elements.deallocate() }

  var currentTag: UInt8 { view.currentTag }

  /// Visits about `units` units, entries and segments counted.
  /// - Returns: false when the walk is over: the keyspace may be thawed.
  mutating func step<Visitor: ViewVisitor & ~Copyable>(units: Int, _ visitor: inout Visitor) -> Bool {
    var left = units
    while left > 0 {
      if nextElement < elementCount {
        visitElement(&visitor)
      } else if !enterSegment(&visitor) {
        freer.free(dead)
        dead = DeadUnits()
        freer.wake()
        return false
      }
      left -= 1
    }
    return true
  }

  /// Copies the pointers of the next segment out and lets the segment go.
  /// - Returns: false when there is none.
  private mutating func enterSegment<Visitor: ViewVisitor & ~Copyable>(_ visitor: inout Visitor) -> Bool {
    while true {
      guard table >= 0, let word = view.tables[table].word(index) else {
        guard table + 1 < view.tables.count else { return false }
        table += 1
        index = 0
        if !isCancelled { visitor.begin(view.tables[table]) }
        continue
      }
      // A segment lies in several words in a row while its depth is below the directory's: it is entered once.
      index += view.tables[table].run(word)
      let segment = unsafe SegmentLayout.segment(word)
      elementCount = 0
      nextElement = 0
      SegmentLayout.forEach(word) { _, _, word in
        unsafe elements[elementCount] = UInt(bitPattern: SegmentLayout.pointer(word))
        elementCount += 1
      }
      for ahead in 0..<min(Self.prefetchDistance, elementCount) { unsafe prefetch(elements[ahead]) }
      unsafe release(segment) { SegmentLayout.bucketCount(word) << SegmentLayout.bucketShift }
      return true
    }
  }

  @inline(__always)
  private mutating func visitElement<Visitor: ViewVisitor & ~Copyable>(_ visitor: inout Visitor) {
    let entry = unsafe Entry(raw: UnsafeMutableRawPointer(bitPattern: elements[nextElement])!)
    nextElement += 1
    if nextElement + Self.prefetchDistance <= elementCount {
      unsafe prefetch(elements[nextElement + Self.prefetchDistance - 1])
    }
    if !isCancelled { visitor.visit(entry) }
    visitedCount += 1
    // Its child's place is read before the entry is released, the child's own bytes after that: they have a tag of
    // their own.
    let unit = entry.stringUnit
    unsafe release(entry.raw) { entry.byteCount }
    if let unit { unsafe release(unit.raw) { unit.byteCount } }
  }

  /// - Parameter byteCount: asked for only when the unit came back dead, and so is the walker's.
  @inline(__always)
  private mutating func release(_ unit: UnsafeMutableRawPointer, _ byteCount: () -> Int) {
    if unsafe Units.release(unit, currentTag: view.currentTag) { return }
    unsafe dead.append(unit, byteCount())
    if dead.count >= Self.deadBatch {
      freer.free(dead)
      dead = DeadUnits()
    }
  }

  private func prefetch(_ address: UInt) {
    let place = unsafe UnsafeRawPointer(bitPattern: address)!
    unsafe cs_prefetch(place)
    unsafe cs_prefetch(place + 47)
  }
}
