import Foundation
import Testing

@testable import Needletail

/// Freezing with two real threads, and at its edges. The model tests interleave them in one thread, under a seed.
@Suite struct FreezeTests {
  @Test func anEmptyKeyspaceIsWalkedAtOnce() {
    let test = TestKeyspace()
    for _ in 0..<300 {
      let seen = test.walkWhole()
      #expect(seen.isEmpty)
    }
  }

  /// Again and again at once, while a key of every encoding is there.
  @Test func threeHundredFreezesInARow() {
    let test = TestKeyspace()
    let values = [0, 4, 44, 255, 256, 1024, 1025, 70_000].map { bytes($0) }
    for (index, value) in values.enumerated() { test.set("k\(index)", value) }
    for round in 0..<300 {
      let seen = test.walkWhole()
      #expect(seen.count == values.count)
      for (index, value) in values.enumerated() {
        if seen["k\(index)"] != value { Issue.record("round \(round): k\(index) differs") }
      }
      test.set("k\(round % values.count)", values[round % values.count])
    }
  }

  /// Entries of every size from the least (9 bytes) to beyond those that `BlocksAhead` has blocks for, all changed while
  /// a view holds them.
  @Test func entriesOfEverySmallSizeLeaveTheView() {
    let test = TestKeyspace()
    let keys = ["", "k"].flatMap { key in (0..<135).map { key + String(repeating: "x", count: $0) } }
    for round in 0..<3 {
      let old = UInt8(ascii: "a") + UInt8(round)
      for (index, key) in keys.enumerated() { test.set(key, [UInt8](repeating: old, count: index % 3)) }
      let view = ViewReader(&test.keyspace)
      for (index, key) in keys.enumerated() { test.set(key, [UInt8](repeating: old + 1, count: index % 3)) }
      while view.step(7) {}
      test.keyspace.thaw()
      for (index, key) in keys.enumerated() {
        let isKept = view.values[key] == [UInt8](repeating: old, count: index % 3)
        #expect(isKept && test.get(key) == [UInt8](repeating: old + 1, count: index % 3))
      }
    }
  }

  /// The walker on a thread of its own. Under the thread sanitizer this is what finds a store too many.
  @Test func twoThreads() {
    let model = KeyspaceModel(.fresh(), freer: sharedFreer, keyCount: 600)
    for _ in 0..<(isLongRun ? 400 : isSanitized ? 12 : 30) {
      for _ in 0..<2_000 { model.step() }
      model.freeze()
      let view = model.view!
      let walk = ThreadedWalk { view.step(16) }
      var steps = 0
      while !walk.isDone || steps < 200 {
        model.step()
        steps += 1
        if steps % 3000 == 0 { model.flush(model.random.below(2)) }
      }
      model.walk(1)
      #expect(model.view == nil)
      guard model.failures == 0 else { return }
    }
    model.checkAll()
    model.empty()
  }

  /// Proves that the thread sanitizer would tell of a rule that was broken.
  @Test func theThreadSanitizerSeesABrokenRule() async {
    guard isThreadSanitized else { return }
    await #expect(processExitsWith: .failure) {
      let test = TestKeyspace()
      let value = bytes(2000)
      for i in 0..<2000 { test.set("k\(i)", value) }
      var units: [StringUnit] = []
      unsafe test.keyspace.databases[0].table.forEach { units.append($0.stringUnit!) }
      let reader = ViewReader(&test.keyspace)
      // Writes to units that belong to the view, which is what the loop must never do. By subscripts, which the
      // sanitizer sees in every build: in a debug build `load` and `storeBytes` are the standard library's own code.
      breakRule({ for unit in units { unsafe unit.data.assumingMemoryBound(to: UInt8.self)[0] = 1 } },
        during: { reader.step(1) })
    }
  }
}

/// Reads an open view of text keys.
private final class ViewReader {
  private var walker: ViewWalker
  private var contents = Contents()

  private struct Contents: ViewVisitor {
    var values: [String: [UInt8]] = [:]
    /// Read by this module's own code, which the thread sanitizer sees, unlike the standard library's copying.
    var sum = 0
    mutating func begin(_ table: FrozenView.Table) {}
    mutating func visit(_ part: CollectionPart) {}
    mutating func visit(_ entry: Entry) {
      entry.withString { if !$0.isEmpty { sum &+= unsafe Int($0.base.assumingMemoryBound(to: UInt8.self)[0]) } }
      values[String(decoding: entry.key.array, as: UTF8.self)] = entry.withString { $0.array }
    }
  }

  init(_ keyspace: inout Keyspace) { walker = ViewWalker(keyspace.freeze(), freer: keyspace.context.units.freer) }

  var values: [String: [UInt8]] { contents.values }
  func step(_ units: Int) -> Bool { walker.step(units: units, &contents) }
}

extension TestKeyspace {
  /// Freezes, walks and thaws.
  fileprivate func walkWhole() -> [String: [UInt8]] {
    let reader = ViewReader(&keyspace)
    while reader.step(1000) {}
    keyspace.thaw()
    return reader.values
  }
}
