import Testing

@testable import Needletail

@Suite struct CountedTreeTests {
  @Test func asAList() { check(ListBlob.self) }

  @Test func asAStream() { check(StreamBlob.self) }

  /// Operations, walker steps and freer steps under a seed; everything is freed exactly once.
  private func check<Leaf: BlobLeaf>(_: Leaf.Type) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    for round in 0..<3 {
      let before = counters.usedByteCount
      guard run(BlobTreeModel<Leaf>(.fresh(), freer: freer),
        steps: isLongRun ? 2_000_000 : round == 0 ? 60_000 : 10_000)
      else { return }
      freer.wake()
      waitFor { freer.progress.pending == 0 && freer.limbo.byteCount == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == before }
      differences.append(counters.usedByteCount - before)
    }
    #expect(freer.limbo.byteCount == 0)
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func run<Leaf: BlobLeaf>(_ model: BlobTreeModel<Leaf>, steps: Int) -> Bool {
    var growth = 75
    for step in 0..<steps where model.failures == 0 {
      model.step(growth: growth)
      if model.view == nil {
        if model.random.below(300) == 0 { model.freeze() }
      } else {
        model.walk(model.random.below(6))
        if model.random.below(10_000) == 0 { model.view?.isCancelled = true }
      }
      if step % 1000 == 999 {
        growth = model.random.chance(30) ? 20 : 80
        model.checkAll()
      }
    }
    if model.view == nil { model.freeze() }
    model.empty()
    while model.view != nil { model.walk(100) }
    return model.failures == 0
  }

  /// The walker on a thread of its own.
  @Test func twoThreads() {
    let model = BlobTreeModel<ListBlob>(.fresh(), freer: sharedFreer)
    for _ in 0..<(isLongRun ? 400 : isSanitized ? 12 : 30) {
      for _ in 0..<1500 { model.step(growth: 70) }
      model.freeze()
      let view = model.view!
      let walk = ThreadedWalk { view.step(16) }
      var steps = 0
      while !walk.isDone || steps < 200 {
        model.step(growth: 70)
        steps += 1
      }
      model.endView()
      guard model.failures == 0 else { return }
    }
    model.checkAll()
    model.empty()
  }
}
