import Testing

@testable import Needletail

@Suite struct SortedSetModelTests {
  /// Runs models one after another; what a later one has not given back it has lost, or freed twice.
  private func race(_ mix: MemberMix, steps: Int, idCount: Int, maxEntries: Int) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    while differences.count < 3 || (differences.count < 6 && differences.last != 0) {
      let used = counters.usedByteCount
      guard run(mix, steps: steps / 3, idCount, maxEntries, freer) else { return }
      waitFor { freer.progress.pending == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == used }
      differences.append(counters.usedByteCount - used)
    }
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func run(_ mix: MemberMix, steps: Int, _ idCount: Int, _ maxEntries: Int, _ freer: BackgroundFreer) -> Bool {
    let model = SortedSetModel(.fresh(), mix, idCount: idCount, maxEntries: maxEntries, freer: freer)
    for step in 0..<steps where model.failures == 0 {
      model.step()
      if let view = model.view {
        if model.random.below(4000) == 0 { view.cancel() }
        model.walk(model.random.below(4))
      } else if model.random.below(200) == 0 {
        model.freeze()
      }
      if step % 2000 == 0 { model.checkAll() }
    }
    if model.failures > 0 { return false }
    model.checkAll()
    if model.view == nil { model.freeze() }
    model.empty()
    while model.view != nil { model.walk(1000) }
    return model.failures == 0
  }

  private var scale: Int { isLongRun ? 20 : 1 }

  @Test(arguments: MemberMix.allCases)
  func acrossTheThreshold(mix: MemberMix) { race(mix, steps: 9_000 * scale, idCount: 40, maxEntries: 12) }

  @Test(arguments: MemberMix.allCases)
  func large(mix: MemberMix) { race(mix, steps: 9_000 * scale, idCount: 600, maxEntries: 3) }

  @Test(arguments: [MemberMix.random, .few])
  func packed(mix: MemberMix) { race(mix, steps: 6_000 * scale, idCount: 60, maxEntries: 128) }
}
