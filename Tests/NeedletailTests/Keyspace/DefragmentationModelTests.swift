import Testing

@testable import Needletail

/// Units that get other places between any two operations, beside models that know what there should be: everything is
/// moved, as often as possible.
@Suite struct DefragmentationModelTests {
  /// Runs `body` several times. What a later run has not given back it has lost, or freed twice.
  private func balances(_ body: (BackgroundFreer) -> Bool) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    while differences.count < 3 || (differences.count < 6 && differences.last != 0) {
      let used = counters.usedByteCount
      guard body(freer) else { return }
      waitFor { freer.progress.pending == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == used }
      differences.append(counters.usedByteCount - used)
    }
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func walk(maxScanFields: Int) -> DefragmentationWalk {
    var walk = DefragmentationWalk()
    walk.mover.choice = .everything
    walk.maxScanFields = maxScanFields
    return walk
  }

  private func steps(_ walk: inout DefragmentationWalk, _ keyspace: inout Keyspace, _ count: Int) {
    for _ in 0..<count { _ = keyspace.defragmentStep(&walk) }
  }

  private var scale: Int { isLongRun ? 20 : 1 }

  /// Strings and hashes with deadlines, pins, views and flushes.
  @Test(arguments: [1, 1000])
  func stringsAndHashes(maxScanFields: Int) {
    balances { freer in
      let model = KeyspaceModel(.fresh(), freer: freer, keyCount: 400)
      var walk = walk(maxScanFields: maxScanFields)
      for step in 0..<6_000 * scale where model.failures == 0 {
        model.tide = step / 1_500 % 2 == 0 ? 1 : -1
        model.step()
        if model.random.below(300) == 0 { model.expireSome() }
        if model.random.below(4_000) == 0 { model.flush(model.random.below(2)) }
        if model.view != nil {
          model.walk(model.random.below(12))
        } else {
          steps(&walk, &model.keyspace, model.random.below(8))
        }
        if model.view == nil && model.random.below(800) == 0 { model.freeze() }
        if step % 2_000 == 0 { model.checkAll() }
      }
      while model.view != nil { model.walk(1000) }
      model.checkAll()
      model.checkDigest()
      #expect(walk.mover.hits > 5_000 && walk.keyHits > 500)
      model.empty()
      return model.failures == 0
    }
  }

  @Test(arguments: [1, 1000])
  func sets(maxScanFields: Int) {
    balances { freer in
      var limits = CollectionLimits()
      limits.setIntegers = 4
      limits.setEntries = 4
      let model = SetModel(.fresh(), .both, idCount: 900, limits: limits, freer: freer)
      var walk = walk(maxScanFields: maxScanFields)
      for step in 0..<4_000 * scale where model.failures == 0 {
        model.step()
        if model.view != nil {
          model.walk(model.random.below(6))
        } else {
          steps(&walk, &model.keyspace, model.random.below(8))
        }
        if model.view == nil && model.random.below(200) == 0 { model.freeze() }
        if step % 1_000 == 0 { model.checkAll() }
      }
      while model.view != nil { model.walk(1000) }
      model.checkAll()
      #expect(walk.mover.hits > 1_000)
      model.empty()
      return model.failures == 0
    }
  }

  /// Equal scores and different ones: where members stand in the leaves and in the index.
  @Test(arguments: [MemberMix.random, .few, .equal], [1, 1000])
  func sortedSets(mix: MemberMix, maxScanFields: Int) {
    balances { freer in
      let model = SortedSetModel(.fresh(), mix, idCount: 900, maxEntries: 3, freer: freer)
      var walk = walk(maxScanFields: maxScanFields)
      for step in 0..<4_000 * scale where model.failures == 0 {
        model.step()
        if model.view != nil {
          model.walk(model.random.below(6))
        } else {
          steps(&walk, &model.keyspace, model.random.below(8))
        }
        if model.view == nil && model.random.below(200) == 0 { model.freeze() }
        if step % 1_000 == 0 { model.checkAll() }
      }
      while model.view != nil { model.walk(1000) }
      model.checkAll()
      #expect(walk.mover.hits > 1_000)
      model.empty()
      return model.failures == 0
    }
  }

  @Test(arguments: [1, 1000])
  func lists(maxScanFields: Int) {
    balances { freer in
      let model = ListModel(.fresh(), freer: freer, keyCount: 6)
      var walk = walk(maxScanFields: maxScanFields)
      for step in 0..<3_000 * scale where model.failures == 0 {
        model.step()
        if model.view != nil {
          model.walk(model.random.below(3))
        } else {
          steps(&walk, &model.keyspace, model.random.below(6))
        }
        if model.view == nil && model.random.below(200) == 0 { model.freeze() }
        if step % 1_000 == 0 { model.checkAll() }
      }
      while model.view != nil { model.walk(1000) }
      model.checkAll()
      #expect(walk.mover.hits > 500)
      model.empty()
      return model.failures == 0
    }
  }
}
