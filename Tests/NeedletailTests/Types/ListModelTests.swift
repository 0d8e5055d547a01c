import Testing

@testable import Needletail

@Suite struct ListModelTests {
  /// Runs models one after another. The first ones fill the runtime's own caches; what a later one has not given back
  /// it has lost, or freed twice.
  private func race(steps: Int, keyCount: Int, freezing: Bool) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    while differences.count < 3 || (differences.count < 6 && differences.last != 0) {
      let used = counters.usedByteCount
      guard run(steps: steps / 3, keyCount, freezing, freer) else { return }
      waitFor { freer.progress.pending == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == used }
      differences.append(counters.usedByteCount - used)
    }
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func run(steps: Int, _ keyCount: Int, _ freezing: Bool, _ freer: BackgroundFreer) -> Bool {
    let model = ListModel(.fresh(), freer: freer, keyCount: keyCount)
    for step in 0..<steps where model.failures == 0 {
      model.step()
      if freezing {
        if let view = model.view {
          if model.random.below(2000) == 0 { view.cancel() }
          model.walk(model.random.below(3))
        } else if model.random.below(200) == 0 {
          model.freeze()
        }
      }
      if step % 1000 == 999 {
        model.checkAll()
        if model.view == nil { model.checkFiles() }
      }
    }
    if model.failures > 0 { return false }
    model.checkAll()
    // The view outlives everything in it.
    if freezing && model.view == nil { model.freeze() }
    model.empty()
    while model.view != nil { model.walk(1000) }
    return model.failures == 0
  }

  private var scale: Int { isLongRun ? 20 : 1 }

  @Test func agreesWithArrays() { race(steps: 12_000 * scale, keyCount: 12, freezing: false) }
  @Test func oneList() { race(steps: 6_000 * scale, keyCount: 1, freezing: false) }
  @Test func frozen() { race(steps: 15_000 * scale, keyCount: 12, freezing: true) }
  @Test func oneFrozenList() { race(steps: 9_000 * scale, keyCount: 1, freezing: true) }
}
