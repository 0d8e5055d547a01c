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

  private var scale: Int { isLongRun ? 20 : 1 }

  /// Operations on collections, with a view now and then; between any two of them something is moved.
  /// - Returns: whether all was as the model says.
  private func run(_ model: some CollectionsModel, _ maxScanFields: Int, steps count: Int, leastHits: Int) -> Bool {
    var walk = walk(maxScanFields: maxScanFields)
    for step in 0..<count * scale where model.failures == 0 {
      model.step()
      if model.hasView {
        model.walk(model.random.below(6))
      } else {
        model.defragment(&walk, model.random.below(8))
      }
      if !model.hasView && model.random.below(200) == 0 { model.freeze() }
      if step % 1_000 == 0 { model.checkAll() }
    }
    while model.hasView { model.walk(1000) }
    model.checkAll()
    #expect(walk.mover.hits > leastHits)
    model.empty()
    return model.failures == 0
  }

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
          model.keyspace.defragment(&walk, model.random.below(8))
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
      return run(model, maxScanFields, steps: 4_000, leastHits: 1_000)
    }
  }

  /// Equal scores and different ones: where members stand in the leaves and in the index.
  @Test(arguments: [MemberMix.random, .few, .equal], [1, 1000])
  func sortedSets(mix: MemberMix, maxScanFields: Int) {
    balances { freer in
      let model = SortedSetModel(.fresh(), mix, idCount: 900, maxEntries: 3, freer: freer)
      return run(model, maxScanFields, steps: 4_000, leastHits: 1_000)
    }
  }

  @Test(arguments: [1, 1000])
  func lists(maxScanFields: Int) {
    balances { freer in
      run(ListModel(.fresh(), freer: freer, keyCount: 6), maxScanFields, steps: 3_000, leastHits: 500)
    }
  }
}

/// What the models of collections have in common.
private protocol CollectionsModel: AnyObject {
  var random: SeededGenerator { get set }
  var hasView: Bool { get }
  var failures: Int { get }
  func step()
  func defragment(_ walk: inout DefragmentationWalk, _ steps: Int)
  func freeze()
  func walk(_ units: Int)
  func checkAll()
  func empty()
}

extension SetModel: CollectionsModel {
  fileprivate var hasView: Bool { view != nil }
  fileprivate func defragment(_ walk: inout DefragmentationWalk, _ steps: Int) { keyspace.defragment(&walk, steps) }
}

extension SortedSetModel: CollectionsModel {
  fileprivate var hasView: Bool { view != nil }
  fileprivate func defragment(_ walk: inout DefragmentationWalk, _ steps: Int) { keyspace.defragment(&walk, steps) }
}

extension ListModel: CollectionsModel {
  fileprivate var hasView: Bool { view != nil }
  fileprivate func defragment(_ walk: inout DefragmentationWalk, _ steps: Int) { keyspace.defragment(&walk, steps) }
}

extension Keyspace {
  fileprivate mutating func defragment(_ walk: inout DefragmentationWalk, _ steps: Int) {
    for _ in 0..<steps { _ = defragmentStep(&walk) }
  }
}
