import Foundation
import Testing

@testable import Needletail

/// Tables of collections while views are open: the view is what the table was, and everything is freed exactly once.
@Suite struct CollectionTableTests {
  /// Grows and shrinks in turn, with freezes at any moment, walks of any speed, some of them cancelled, and whole
  /// collections dropped and freed some time later.
  private func race<Rule: HashRule>(_ model: TableModel<Rule>, size: Int, rounds: Int, interval: Int,
    walked: Int = 12) {
    var countdown = interval
    func tick() {
      if model.view != nil {
        model.walk(model.random.below(walked))
        if model.random.below(20_000) == 0 { model.view?.isCancelled = true }
      } else if model.random.below(1000) == 0 {
        model.freeze()
      }
      if model.random.below(300) == 0 { model.finishDrop() }
      if model.random.below(size * 20) == 0 { model.drop() }
      countdown -= 1
      guard countdown == 0 else { return }
      countdown = interval
      model.checkInvariants()
    }
    for _ in 0..<rounds {
      while model.held.count < size && model.failures == 0 {
        model.step(growth: 80)
        tick()
      }
      model.checkInvariants()
      while model.held.count > size / 50 && model.failures == 0 {
        model.step(growth: 25)
        tick()
      }
      model.checkInvariants()
    }
    model.finish()
  }

  @Test func frozen() {
    race(TableModel<InCollection<EvenHashes>>(.fresh()), size: isLongRun ? 80_000 : 8_000, rounds: isLongRun ? 8 : 3,
      interval: isLongRun ? 50_000 : 4_000)
  }
  /// Slow walks: most of a round passes while the view is open.
  @Test func frozenLong() {
    race(TableModel<InCollection<EvenHashes>>(.fresh()), size: 3_000, rounds: isLongRun ? 60 : 6, interval: 2_000,
      walked: 2)
  }
  @Test func frozenClustered() {
    race(TableModel<InCollection<ClusteredHashes>>(.fresh()), size: isLongRun ? 40_000 : 5_000, rounds: 3,
      interval: 3_000)
  }
  @Test func frozenEqual() {
    race(TableModel<InCollection<EqualHashes>>(.fresh()), size: 3_000, rounds: 3, interval: 3_000)
  }
  @Test func frozenTiny() {
    race(TableModel<InCollection<EvenHashes>>(.fresh()), size: 30, rounds: isLongRun ? 5000 : 300, interval: 50,
      walked: 3)
  }

  /// The directory is doubled and halved several times, all of it while one view is open.
  @Test func directoryGrowsAndShrinksWhileFrozen() {
    let model = TableModel<InCollection<EvenHashes>>(.fresh())
    for _ in 0..<1_500 { model.insert(model.random.next()) }
    let depth = model.table.globalDepth
    for isWalked in [false, true] {
      model.freeze()
      for _ in 0..<15_000 { model.insert(model.random.next()) }
      #expect(model.table.globalDepth >= depth + 3)
      model.checkInvariants()
      if isWalked { while model.walk(7) { model.step(growth: 50) } }
      while model.keys.count > 300 && model.failures == 0 {
        model.remove(model.keys[model.random.below(model.keys.count)])
      }
      #expect(model.table.globalDepth <= depth)
      model.checkInvariants()
      while model.keys.count < 1_500 { model.insert(model.random.next()) }
      while model.walk(100) {}
    }
    model.finish()
  }

  /// What was allocated is freed, no byte less, whatever was in a view when it went.
  @Test func everythingIsFreedOnce() {
    guard !isSanitized else { return }
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    for _ in 0..<4 {
      let before = counters.usedByteCount
      guard raceInBalance(freer) else { return }
      waitFor { freer.limbo.byteCount == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == before }
      differences.append(counters.usedByteCount - before)
    }
    #expect(freer.limbo.byteCount == 0)
    #expect(differences.last == 0, "\(differences)")
  }

  private func raceInBalance(_ freer: BackgroundFreer) -> Bool {
    let model = TableModel<InCollection<EvenHashes>>(.fresh(), freer: freer)
    race(model, size: 2_000, rounds: 4, interval: 5_000)
    return model.failures == 0
  }

  /// The walker on a thread of its own; under the thread sanitizer this is what finds a store too many.
  @Test func twoThreads() {
    let model = TableModel<InCollection<EvenHashes>>(.fresh())
    for round in 0..<(isLongRun ? 300 : isSanitized ? 8 : 20) {
      let growth = round % 3 == 0 ? 30 : 70
      while model.held.count < 4_000 { model.step(growth: 90) }
      model.freeze()
      let view = model.view!
      let walk = ThreadedWalk { view.step(16) }
      var steps = 0
      while !walk.isDone || steps < 500 {
        model.step(growth: model.held.count > 20_000 ? 20 : growth)
        steps += 1
        if steps % 3000 == 0 && model.random.chance(20) {
          model.drop()
          model.finishDrop()
        }
      }
      model.walk(1)
      #expect(model.view == nil)
      model.checkInvariants()
      guard model.failures == 0 else { return }
    }
    model.finish()
  }

  /// Proves that the thread sanitizer would tell of a directory that is written while it belongs to a view.
  @Test func theThreadSanitizerSeesABrokenRule() async {
    guard isThreadSanitized else { return }
    await #expect(processExitsWith: .failure) {
      let model = TableModel<InCollection<EvenHashes>>(.fresh())
      for _ in 0..<60_000 { model.insert(model.random.next()) }
      model.freeze()
      let view = model.view!
      breakRule({
        let directory = unsafe model.table.directory!
        for index in 0..<(1 << model.table.globalDepth) { unsafe directory[index] = Self.same(directory[index]) }
      }, during: { view.step(1) })
    }
  }

  /// Not told to the optimiser, which would leave a store of what is there already out.
  @inline(never) @_optimize(none)
  private static func same(_ word: UInt64) -> UInt64 { word }

  // MARK: Whole collections

  /// Reserved, filled and settled, a collection is as if it had grown by itself, frozen or not.
  @Test(arguments: [(0, 0), (700, 1), (5_000, 0), (5_000, 300), (5_000, 5_000), (5_000, 9_000), (60_000, 7_000)],
    [false, true])
  func reserved(sizes: (wanted: Int, count: Int), frozen: Bool) {
    let model = TableModel<InCollection<EvenHashes>>(.fresh())
    model.table.reserve(sizes.wanted, &model.context)
    for i in 0..<sizes.count {
      if frozen && i == sizes.count / 2 { model.freeze() }
      model.insert(model.random.next())
    }
    model.settle()
    model.checkInvariants()
    while model.walk(50) { if !model.keys.isEmpty { model.step(growth: 50) } }
    model.finish()
  }

  @Test func forEachMeetsEveryElementOnce() {
    let model = TableModel<InCollection<EvenHashes>>(.fresh())
    for size in [0, 1, 15, 16, 17, 31, 32, 33, 900, 5_000] {
      while model.held.count < size { model.insert(model.random.next()) }
      var seen: [UInt64] = []
      model.table.forEach { seen.append($0.key) }
      #expect(seen.count == size && Set(seen) == Set(model.keys))
      let hashes = seen.map { EvenHashes.hash($0) >> 48 }
      #expect(size > 14 || hashes.count == size)
    }
    model.finish()
  }

  @Test func indexIsFreedWithoutItsElements() {
    let model = TableModel<InIndex<EvenHashes>>(.fresh())
    for size in [0, 1, 3_000] {
      while model.held.count < size { model.insert(model.random.next()) }
      var elements: [TestElement<InIndex<EvenHashes>>] = []
      model.table.forEach { elements.append($0) }
      model.table.freeIndex()
      #expect(model.table.count == 0 && model.table.byteCount == 0)
      for element in elements {
        // Still there to be read.
        #expect(model.held[element.key] != nil)
        unsafe Heap.free(element.raw, 24)
      }
      model.forget()
    }
  }
}
