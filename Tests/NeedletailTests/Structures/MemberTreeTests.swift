import Foundation
import Testing

@testable import Needletail

@Suite struct MemberTreeTests {
  /// Operations, walker steps and freer steps under a seed; everything is freed exactly once.
  @Test(arguments: MemberMix.allCases)
  func asASortedArray(mix: MemberMix) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    for round in 0..<3 {
      let before = counters.usedByteCount
      guard run(mix, steps: isLongRun ? 2_000_000 : round == 0 ? 60_000 : 15_000, freer) else { return }
      waitFor { freer.progress.pending == 0 && freer.limbo.byteCount == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == before }
      differences.append(counters.usedByteCount - before)
    }
    #expect(freer.limbo.byteCount == 0)
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func run(_ mix: MemberMix, steps: Int, _ freer: BackgroundFreer) -> Bool {
    let model = MemberTreeModel(.fresh(), mix, idCount: 6000, freer: freer)
    var growth = 70
    for step in 0..<steps where model.failures == 0 {
      model.step(growth: growth)
      if model.view == nil {
        if model.random.below(500) == 0 { model.freeze() }
      } else {
        model.walk(model.random.below(8))
        if model.random.below(20_000) == 0 { model.view?.isCancelled = true }
      }
      if step % 3000 == 2999 {
        growth = model.random.chance(30) ? 15 : 75
        model.checkAll()
      }
      if step % 20_000 == 10_000 { model.rebuild() }
    }
    if model.view == nil { model.freeze() }
    model.empty()
    while model.view != nil { model.walk(100) }
    freer.wake()
    return model.failures == 0
  }

  /// The walker on a thread of its own: under the thread sanitizer this finds a store too many.
  @Test func twoThreads() {
    let model = MemberTreeModel(.fresh(), .few, idCount: 4000, freer: sharedFreer)
    for _ in 0..<(isLongRun ? 400 : isSanitized ? 12 : 30) {
      for _ in 0..<1500 { model.step(growth: 65) }
      model.freeze()
      let view = model.view!
      let walk = ThreadedWalk { view.step(16) }
      var steps = 0
      while !walk.isDone || steps < 200 {
        model.step(growth: 65)
        steps += 1
      }
      model.endView()
      guard model.failures == 0 else { return }
    }
    model.checkAll()
    model.empty()
  }
}
