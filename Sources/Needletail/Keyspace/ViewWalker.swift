/// What a `ViewWalker` shows the frozen keyspace to. It may read what it is shown until it returns, and never later.
protocol ViewVisitor: ~Copyable {
  /// The keys of a database follow.
  mutating func begin(_ table: FrozenView.Table)
  /// A key with its value; of a large collection the root only.
  mutating func visit(_ entry: Entry)
  /// A part of the large collection whose entry was the last: its parts have as many elements as its root counts.
  mutating func visit(_ part: CollectionPart)
}

/// Reads nothing: for walks that only release.
struct NoVisitor: ViewVisitor {
  mutating func begin(_ table: FrozenView.Table) {}
  mutating func visit(_ entry: Entry) {}
  mutating func visit(_ part: CollectionPart) {}
}

/// One forward pass over a frozen view, a state machine that stops after any unit (DESIGN.md §5, rule 5):
///
///     next segment -> copy its element pointers out -> release it -> for each element: visit, release
///
/// A large collection is walked where its entry is met, before the next entry.
///
/// A unit is released when nothing of it is read any more; from then on the loop changes it in place. Allocates before
/// it starts and never between units.
@safe struct ViewWalker: ~Copyable {
  private let view: FrozenView
  private var releaser: UnitReleaser
  private var table = -1
  private var index = 0
  private var elements = SegmentElements()
  private var collection: CollectionWalk
  /// Keys visited so far, encoded or not.
  private(set) var visitedCount = 0
  /// From now on units are released without being shown to the visitor.
  var isCancelled = false

  init(_ view: consuming FrozenView, freer: BackgroundFreer) {
    releaser = UnitReleaser(currentTag: view.currentTag, freer: freer)
    collection = CollectionWalk(currentTag: view.currentTag)
    self.view = view
  }

  var currentTag: UInt8 { view.currentTag }

  /// Visits about `units` units, entries and segments counted.
  /// - Returns: false when the walk is over: the keyspace may be thawed.
  mutating func step<Visitor: ViewVisitor & ~Copyable>(units: Int, _ visitor: inout Visitor) -> Bool {
    var left = units
    while left > 0 {
      if collection.isUnderWay {
        collection.step(units: &left, isCancelled: isCancelled, &releaser, &visitor)
        continue
      }
      if !elements.isEmpty {
        visitElement(&visitor)
      } else if !enterSegment(&visitor) {
        releaser.finish()
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
      elements.enter(word, &releaser)
      return true
    }
  }

  @inline(__always)
  private mutating func visitElement<Visitor: ViewVisitor & ~Copyable>(_ visitor: inout Visitor) {
    let entry = unsafe Entry(raw: elements.next())
    if !isCancelled { visitor.visit(entry) }
    visitedCount += 1
    guard entry.encoding.isPointer else { return unsafe releaser.release(entry.raw) { entry.byteCount } }
    leave(entry)
  }

  /// Its child's place is read before the entry is released, the child's own bytes after that: they have a tag of their
  /// own.
  private mutating func leave(_ entry: Entry) {
    let stringUnit = entry.stringUnit
    let blobUnit = entry.blobUnit
    let root = unsafe entry.root
    let type = entry.type
    unsafe releaser.release(entry.raw) { entry.byteCount }
    if let stringUnit {
      unsafe releaser.release(stringUnit.raw) { stringUnit.byteCount }
    } else if let blobUnit {
      unsafe releaser.release(blobUnit.raw) { blobUnit.byteCount }
    } else if let root = unsafe root {
      unsafe collection.begin(type, root, &releaser)
    }
  }
}
