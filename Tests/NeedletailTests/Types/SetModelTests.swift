import Testing

@testable import Needletail

@Suite struct SetModelTests {
  /// Runs models one after another; what a later one has not given back it has lost, or freed twice.
  private func race(_ members: SetMembers, steps: Int, idCount: Int, _ limits: CollectionLimits) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    while differences.count < 3 || (differences.count < 6 && differences.last != 0) {
      let used = counters.usedByteCount
      guard run(members, steps: steps / 3, idCount, limits, freer) else { return }
      waitFor { freer.progress.pending == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == used }
      differences.append(counters.usedByteCount - used)
    }
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func run(_ members: SetMembers, steps: Int, _ idCount: Int, _ limits: CollectionLimits,
    _ freer: BackgroundFreer)
    -> Bool
  {
    let model = SetModel(.fresh(), members, idCount: idCount, limits: limits, freer: freer)
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

  private func limits(integers: Int, entries: Int, bytes: Int = 64) -> CollectionLimits {
    var limits = CollectionLimits()
    limits.setIntegers = integers
    limits.setEntries = entries
    limits.setBytes = bytes
    return limits
  }

  @Test(arguments: SetMembers.allCases)
  func acrossTheThresholds(members: SetMembers) {
    race(members, steps: 9_000 * scale, idCount: 60, limits(integers: 20, entries: 12))
  }

  @Test(arguments: SetMembers.allCases)
  func integersBeforeStrings(members: SetMembers) {
    race(members, steps: 6_000 * scale, idCount: 60, limits(integers: 8, entries: 16, bytes: 5))
  }

  @Test(arguments: SetMembers.allCases)
  func large(members: SetMembers) { race(members, steps: 9_000 * scale, idCount: 900, limits(integers: 3, entries: 3)) }

  @Test(arguments: SetMembers.allCases)
  func small(members: SetMembers) { race(members, steps: 6_000 * scale, idCount: 300, CollectionLimits()) }
}
