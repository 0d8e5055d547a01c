@testable import Needletail

/// A walk over the test elements of a frozen table, with what it should find and what it has found.
protocol FrozenElements: AnyObject {
  var expected: [UInt64: Int] { get }
  var seen: [UInt64: Int] { get }
  var seenTwice: Int { get }
  var isCancelled: Bool { get set }
  /// Visits about `units` units.
  /// - Returns: false at the end.
  func step(_ units: Int) -> Bool
}

/// The walker of a database's table, as DESIGN.md §5 wants it: one forward pass over a copy of the directory.
@safe final class FrozenTable<Rule: HashRule>: FrozenElements {
  typealias Element = TestElement<Rule>
  let expected: [UInt64: Int]
  private(set) var seen: [UInt64: Int] = [:]
  private(set) var seenTwice = 0
  var isCancelled = false
  private var words: [UInt64]
  private var elements: [UInt] = []
  private var previous: UInt = 0
  private let tag: UInt8

  init(_ table: borrowing SegmentedTable<Element>, _ expected: [UInt64: Int], tag: UInt8) {
    self.expected = expected
    self.tag = tag
    words = []
    if let directory = unsafe table.directory {
      words = (0..<(1 << table.globalDepth)).reversed().map { unsafe directory[$0] }
    }
  }

  func step(_ units: Int) -> Bool {
    var left = units
    while left > 0 {
      if let address = elements.popLast() {
        let element = unsafe Element(raw: UnsafeMutableRawPointer(bitPattern: address)!)
        if seen.updateValue(element.version, forKey: element.key) != nil { seenTwice += 1 }
        if unsafe !Units.release(element.raw, currentTag: tag) { unsafe Heap.free(element.raw, Element.byteCount) }
      } else if let word = words.popLast() {
        let segment = unsafe SegmentLayout.segment(word)
        if UInt(bitPattern: segment) == previous { continue }
        previous = UInt(bitPattern: segment)
        SegmentLayout.forEach(word) { _, _, word in
          elements.append(unsafe UInt(bitPattern: SegmentLayout.pointer(word)))
        }
        if unsafe !Units.release(segment, currentTag: tag) {
          unsafe Heap.free(segment, SegmentLayout.bucketCount(word) << 7)
        }
      } else {
        return false
      }
      left -= 1
    }
    return !(words.isEmpty && elements.isEmpty)
  }
}

/// The walk over a collection.
@safe final class FrozenCollection<Rule: HashRule>: FrozenElements {
  let expected: [UInt64: Int]
  private(set) var seen: [UInt64: Int] = [:]
  private(set) var seenTwice = 0
  private var walk = TableWalk<TestElement<Rule>>()
  private var releaser: UnitReleaser
  private var root: TableRoot<TestElement<Rule>>?

  init(_ root: TableRoot<TestElement<Rule>>, _ expected: [UInt64: Int], _ releaser: consuming UnitReleaser) {
    self.root = root
    self.expected = expected
    self.releaser = releaser
    seen.reserveCapacity(expected.count)
  }

  var isCancelled: Bool {
    get { walk.isCancelled }
    set { walk.isCancelled = newValue }
  }

  func step(_ units: Int) -> Bool {
    var left = units
    if let root {
      walk.begin(root, &releaser)
      self.root = nil
      left -= 1
    }
    let isGoingOn = walk.step(units: &left, &releaser) { element in
      if seen.updateValue(element.version, forKey: element.key) != nil { seenTwice += 1 }
    }
    if !isGoingOn { releaser.finish() }
    return isGoingOn
  }
}

/// An index is in no view.
final class FrozenNothing: FrozenElements {
  let expected: [UInt64: Int] = [:]
  let seen: [UInt64: Int] = [:]
  let seenTwice = 0
  var isCancelled = false
  private var stepsLeft = 100

  func step(_ units: Int) -> Bool {
    stepsLeft -= 1
    return stepsLeft > 0
  }
}
