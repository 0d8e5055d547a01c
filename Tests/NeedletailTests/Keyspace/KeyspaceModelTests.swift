import Testing

@testable import Needletail

@Suite struct KeyspaceModelTests {
  /// Runs models one after another. The first ones fill the runtime's own caches; what a later one has not given back
  /// it has lost, or freed twice.
  private func race(steps: Int, keyCount: Int, freezing: Bool, flushing: Bool) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    while differences.count < 3 || (differences.count < 6 && differences.last != 0) {
      let used = counters.usedByteCount
      guard run(steps: steps / 3, keyCount, freezing, flushing, freer) else { return }
      waitFor { freer.progress.pending == 0 }
      // The array that the last jobs were in goes a little later.
      waitFor(milliseconds: 20) { counters.usedByteCount == used }
      differences.append(counters.usedByteCount - used)
    }
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func run(steps: Int, _ keyCount: Int, _ freezing: Bool, _ flushing: Bool, _ freer: BackgroundFreer) -> Bool {
    let model = KeyspaceModel(.fresh(), freer: freer, keyCount: keyCount)
    for step in 0..<steps where model.failures == 0 {
      model.step()
      if flushing && model.random.below(1500) == 0 { model.flush(model.random.below(2)) }
      if freezing {
        if let view = model.view {
          if model.random.below(3000) == 0 { view.cancel() }
          model.walk(model.random.below(4))
        } else if model.random.below(500) == 0 {
          model.freeze()
        }
      }
      if step % 2000 == 0 { model.checkAll() }
    }
    if model.failures > 0 { return false }
    #expect(model.hashEncodings == [.packed, .blob, .root])
    // The few keys get so many changes that one of them has had several segments.
    #expect(model.largestHash > (keyCount < 20 ? 1_000 : 40))
    model.checkAll()
    model.checkDigest()
    // The view outlives everything in it.
    if freezing && model.view == nil { model.freeze() }
    model.empty()
    while model.view != nil { model.walk(1000) }
    return model.failures == 0
  }

  /// Tables that grow and shrink by whole segments, keys that expire, views that are cancelled and opened again at
  /// once: every kind of change at every moment of a walk.
  @Test func everythingAtEveryMoment() {
    let freer = BackgroundFreer(counters: MemoryCounters())
    var coverage = ModelCoverage()
    // What chance has left out the next model may meet.
    for _ in 0..<(isLongRun ? 20 : 16) {
      let model = KeyspaceModel(.fresh(), freer: freer, keyCount: 3_000)
      model.hashEvery = 16
      for step in 0..<60_000 where model.failures == 0 {
        model.tide = step / 12_000 % 2 == 0 ? 1 : -1
        model.step()
        if model.random.below(200) == 0 { model.expireSome() }
        if model.random.below(20_000) == 0 { model.flush(model.random.below(2)) }
        if let view = model.view {
          if model.random.below(4000) == 0 {
            view.cancel()
            model.coverage.note(.cancel, .ahead)
          }
          // Enough that it ends often: only the first steps after a freeze meet what is ahead.
          model.walk(model.random.below(12))
          // The next view begins where this one has ended.
          if model.view == nil && model.random.chance(50) { model.freeze() }
        } else if model.random.below(500) == 0 {
          model.freeze()
        }
      }
      guard model.failures == 0 else { return }
      coverage.formUnion(model.coverage)
      while model.view != nil { model.walk(1000) }
      model.checkAll()
      model.checkDigest()
      model.empty()
      if !isLongRun && coverage.missing.isEmpty { break }
    }
    #expect(coverage.missing == [])
  }

  private var scale: Int { isLongRun ? 20 : 1 }

  @Test func agreesWithADictionary() { race(steps: 60_000 * scale, keyCount: 1_500, freezing: false, flushing: false) }
  @Test func fewKeys() { race(steps: 20_000 * scale, keyCount: 10, freezing: false, flushing: true) }
  @Test func flushed() { race(steps: 30_000 * scale, keyCount: 300, freezing: false, flushing: true) }
  @Test func frozen() { race(steps: 40_000 * scale, keyCount: 800, freezing: true, flushing: false) }
  @Test func frozenAndFlushed() { race(steps: 30_000 * scale, keyCount: 300, freezing: true, flushing: true) }
  @Test func frozenWithFewKeys() { race(steps: 20_000 * scale, keyCount: 12, freezing: true, flushing: true) }
}
