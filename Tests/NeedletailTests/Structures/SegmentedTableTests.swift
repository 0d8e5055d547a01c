import Testing

@testable import Needletail

@Suite struct SegmentedTableTests {
  /// Grows to `size` and shrinks to nothing, `rounds` times, with a check every `interval` operations.
  private func race<Rule: HashRule>(_ rule: Rule.Type, size: Int, rounds: Int, interval: Int, freezing: Bool = false) {
    let model = TableModel<Rule>(.fresh())
    var countdown = interval
    func tick(farthest: Int) {
      countdown -= 1
      if freezing {
        if model.view == nil {
          if model.random.below(2000) == 0 { model.freeze() }
        } else {
          model.walk(model.random.below(12))
        }
      }
      guard countdown == 0 else { return }
      countdown = interval
      if model.random.chance(30) { model.advance(byTicks: model.random.below(1 << model.random.below(farthest))) }
      model.checkInvariants()
    }
    for round in 0..<rounds {
      model.deadlinePercent = [10, 80, 0][round % 3]
      while model.held.count < size && model.failures == 0 {
        model.step(growth: 80)
        // Little time passes, or everything would expire before the table is large.
        tick(farthest: 4)
      }
      model.checkInvariants()
      while !model.held.isEmpty && model.failures == 0 {
        model.step(growth: 25)
        tick(farthest: 16)
      }
      if model.failures > 0 { return }
    }
    while model.view != nil { model.walk(1000) }
    model.empty()
  }

  @Test func evenHashes() { race(EvenHashes.self, size: isLongRun ? 400_000 : 40_000, rounds: 3, interval: isLongRun ? 300_000 : 20_000) }
  @Test func evenHashesInDetail() { race(EvenHashes.self, size: 2_000, rounds: isLongRun ? 100 : 6, interval: 500) }
  @Test func tinyTables() { race(EvenHashes.self, size: 40, rounds: isLongRun ? 1000 : 100, interval: 5) }
  @Test func clusteredHashes() {
    race(ClusteredHashes.self, size: isLongRun ? 60_000 : 10_000, rounds: 3, interval: isLongRun ? 50_000 : 10_000)
  }
  @Test func equalHashes() { race(EqualHashes.self, size: 6_400, rounds: isLongRun ? 20 : 3, interval: 4_000) }
  @Test func frozenEvenHashes() {
    race(EvenHashes.self, size: isLongRun ? 80_000 : 8_000, rounds: 3, interval: isLongRun ? 50_000 : 4_000, freezing: true)
  }
  @Test func frozenEqualHashes() { race(EqualHashes.self, size: 3_000, rounds: 3, interval: 3_000, freezing: true) }

  @Test func collection() {
    race(InCollection<EvenHashes>.self, size: isLongRun ? 200_000 : 20_000, rounds: 2, interval: isLongRun ? 200_000 : 20_000)
  }
  @Test func collectionInDetail() { race(InCollection<EvenHashes>.self, size: 2_000, rounds: isLongRun ? 60 : 4, interval: 500) }
  @Test func index() {
    race(InIndex<EvenHashes>.self, size: isLongRun ? 200_000 : 20_000, rounds: 2, interval: isLongRun ? 200_000 : 20_000,
      freezing: true)
  }
  @Test func indexClustered() {
    race(InIndex<ClusteredHashes>.self, size: isLongRun ? 60_000 : 6_000, rounds: 2, interval: 6_000, freezing: true)
  }

  /// Large, insertions only, then removals only: every step of growing and shrinking on the way.
  @Test func growsAndShrinks() {
    let model = TableModel<EvenHashes>(.fresh())
    model.deadlinePercent = 30
    let size = isLongRun ? 1_000_000 : 200_000
    for i in 0..<size {
      let key = model.random.next()
      model.insert(key, deadline: i % 5 == 0 ? model.someDeadline() : nil)
    }
    model.checkInvariants()
    let bytes = Double(model.table.byteCount) / Double(size)
    #expect(bytes < 14, "with the side directory and slack")
    while model.keys.count > size / 10 { model.remove(model.keys[model.random.below(model.keys.count)]) }
    model.checkInvariants()
    model.empty()
  }

  /// SCAN and DEL in turn take elements out in hash order: merging must still reach the last segment.
  @Test(arguments: [false, true])
  func emptiedInHashOrder(backwards: Bool) {
    let model = TableModel<ClusteredHashes>(.fresh())
    for _ in 0..<30_000 { model.insert(model.random.next()) }
    var order = model.keys.map { (ClusteredHashes.hash($0), $0) }.sorted { $0.0 < $1.0 }
    if backwards { order.reverse() }
    for (i, pair) in order.enumerated() {
      model.remove(pair.1)
      if i % 10_000 == 0 { model.checkInvariants() }
    }
    model.checkInvariants()
    model.empty()
  }

  /// A segment far deeper than its neighbours, emptied first by the neighbours and last by itself.
  @Test func deepSegmentIsLast() {
    enum Deep: HashRule { static func hash(_ key: UInt64) -> UInt64 { key } }
    let model = TableModel<Deep>(.fresh())
    // One more element than a segment holds shares 19 bits, then one more bit of each depth has a neighbour.
    for i in 0...SegmentLayout.limit(SegmentLayout.maxBuckets) { model.insert(1 << 44 | mixed(UInt64(i)) >> 20) }
    let depth = model.table.globalDepth
    #expect(depth >= 19)
    for bit in 0..<19 { model.insert(1 << UInt64(63 - bit) | 77) }
    model.checkInvariants()
    for bit in 0..<19 { model.remove(1 << UInt64(63 - bit) | 77) }
    while model.keys.count > 0 && model.failures == 0 {
      model.remove(model.keys[model.random.below(model.keys.count)])
      if model.keys.count % 100 == 0 { model.checkInvariants() }
    }
    model.checkInvariants()
    model.empty()
  }

  /// The only deadline of a large table comes and goes: the side directory is not made again each time.
  @Test func sideDirectoryStays() {
    let model = TableModel<EvenHashes>(.fresh())
    for _ in 0..<20_000 { model.insert(model.random.next()) }
    #expect(unsafe model.table.deadlines == nil)
    model.setDeadline(model.keys[0], model.now + 1_000_000)
    let made = unsafe model.table.deadlines
    for _ in 0..<10 {
      model.setDeadline(model.keys[0], nil)
      #expect(model.table.deadlineCount == 0 && model.context.wheel.armedCount == 0)
      #expect(unsafe model.table.deadlines == made)
      model.setDeadline(model.keys[0], model.now + 1_000_000)
      model.checkInvariants()
    }
    while model.held.count > 15_000 { model.remove(model.keys.last!) }
    model.checkInvariants()
    model.empty()
  }

  // MARK: SCAN

  /// Elements present from the first call to the last are all returned, whatever happens in between.
  private func scanRace<Rule: HashRule>(_ rule: Rule.Type, size: Int) {
    let model = TableModel<Rule>(.fresh())
    model.deadlinePercent = 0
    for round in 0..<(isLongRun ? 200 : 12) {
      let growth = [50, 95, 5][round % 3]
      while model.held.count < size / 2 { model.step(growth: 90) }
      var stay = Set(model.keys)
      var returned = Set<UInt64>()
      var cursor: UInt64 = 0
      var calls = 0
      repeat {
        let wanted = [1, 3, 10, 100, 1000][model.random.below(5)]
        let next = model.table.scan(cursor: cursor, wanted: wanted) { returned.insert($0.key) }
        if next != 0 && next <= cursor { return model.fail("the cursor went back from \(cursor) to \(next)") }
        cursor = next
        calls += 1
        for _ in 0..<model.random.below(60) where !model.keys.isEmpty && model.held.count < 2 * size {
          if model.random.chance(growth) { model.insert(model.random.next()) } else {
            let key = model.keys[model.random.below(model.keys.count)]
            stay.remove(key)
            model.remove(key)
          }
        }
      } while cursor != 0 && model.failures == 0
      if !stay.isSubset(of: returned) { model.fail("SCAN missed \(stay.subtracting(returned).count) elements") }
      if model.failures > 0 { return }
      while model.held.count > size { model.remove(model.keys.last!) }
    }
    model.empty()
  }

  @Test func scanUnderChange() { scanRace(EvenHashes.self, size: 6_000) }
  @Test func scanUnderChangeClustered() { scanRace(ClusteredHashes.self, size: 3_000) }
  @Test func scanOfCollectionUnderChange() { scanRace(InCollection<EvenHashes>.self, size: 3_000) }
  @Test func scanOfIndexUnderChange() { scanRace(InIndex<EvenHashes>.self, size: 3_000) }
  @Test func scanUnderChangeEqual() { scanRace(EqualHashes.self, size: 3_000) }

  @Test func scanOfQuietTableReturnsEachOnce() {
    let model = TableModel<EvenHashes>(.fresh())
    for size in [0, 1, 13, 14, 15, 25, 26, 806, 807, 5_000] {
      while model.held.count < size { model.insert(model.random.next()) }
      for wanted in [1, 7, 10, 100_000] {
        var returned: [UInt64] = []
        var cursor: UInt64 = 0
        repeat { cursor = model.table.scan(cursor: cursor, wanted: wanted) { returned.append($0.key) } } while cursor != 0
        #expect(returned.count == size && Set(returned).count == size, "size \(size), COUNT \(wanted)")
      }
    }
    model.empty()
  }

  /// A cursor that a larger or smaller table gave, or nobody, is as good as any.
  @Test func scanTakesAnyCursor() {
    let model = TableModel<EvenHashes>(.fresh())
    for size in [1, 14, 500, 900, 20_000, 300, 5] {
      while model.held.count < size { model.insert(model.random.next()) }
      while model.held.count > size { model.remove(model.keys.last!) }
      for _ in 0..<200 {
        let bogus = model.random.below(4) == 0 ? UInt64.max : model.random.next() >> UInt64(model.random.below(64))
        let from = bogus & ((1 << 48) - 1)
        var returned = Set<UInt64>()
        var cursor = bogus
        repeat { cursor = model.table.scan(cursor: cursor, wanted: 10_000) { returned.insert($0.key) } } while cursor != 0
        let expected = model.keys.filter { EvenHashes.hash($0) >> 16 >= from }
        if !Set(expected).isSubset(of: returned) { return model.fail("missed elements from \(from) on") }
        if size > 1000 { break }
      }
    }
    model.empty()
  }

  // MARK: Random choice

  private func checkUniform<Rule: HashRule>(_ model: TableModel<Rule>, draws: Int) {
    var counts: [UInt64: Int] = [:]
    for _ in 0..<draws {
      guard let element = model.table.random(&model.random) else { return model.fail("nothing drawn") }
      counts[element.key, default: 0] += 1
    }
    let expected = Double(draws) / Double(model.keys.count)
    var sum = 0.0
    for key in model.keys {
      let difference = Double(counts[key] ?? 0) - expected
      sum += difference * difference / expected
    }
    // Chi-square with n - 1 degrees of freedom: mean n - 1, deviation sqrt(2n); six deviations happen once in 10^9.
    let freedom = Double(model.keys.count - 1)
    model.check(abs(sum - freedom) < 6 * (2 * freedom).squareRoot() + 10, "chi-square \(sum) of \(freedom)")
  }

  @Test func randomChoiceIsUniform() {
    let model = TableModel<EvenHashes>(.fresh())
    for size in [1, 5, 14, 40, 2_000] {
      while model.held.count < size { model.insert(model.random.next()) }
      checkUniform(model, draws: size * 40)
    }
    model.empty()
  }

  /// SCAN and DEL in turn leave a few segments at one end of a directory as deep as before.
  @Test func randomChoiceIsQuickWhenNearlyEmptiedInHashOrder() {
    let model = TableModel<EvenHashes>(.fresh())
    for _ in 0..<200_000 { model.insert(model.random.next()) }
    let depth = model.table.globalDepth
    let order = model.keys.sorted { EvenHashes.hash($0) < EvenHashes.hash($1) }
    for size in [4_000, 600] {
      for key in order where model.held.count > size && model.held[key] != nil { model.remove(key) }
      #expect(model.table.globalDepth >= depth - 1, "the case that is tested")
      var generator = CountingGenerator(base: model.random)
      for _ in 0..<1000 {
        let before = generator.calls
        model.check(model.table.random(&generator) != nil, "nothing drawn")
        // Two numbers a draw; one is now and then thrown away to be fair.
        model.check(generator.calls - before < 100, "\(generator.calls - before) random numbers for one choice")
      }
      checkUniform(model, draws: size * 40)
    }
    model.empty()
  }

  @Test func randomChoiceIsUniformInSkewedTables() {
    let model = TableModel<EqualHashes>(.fresh())
    for _ in 0..<1_500 { model.insert(model.random.next()) }
    // All but one of the last half's go, so that segments are of all depths and fills.
    for key in model.keys where EqualHashes.hash(key) >> 63 == 1 && key & 63 != 0 { model.remove(key) }
    model.checkInvariants()
    checkUniform(model, draws: model.keys.count * 40)
    model.empty()
  }
}

/// Counts the numbers drawn.
private struct CountingGenerator: RandomNumberGenerator {
  var base: SeededGenerator
  var calls = 0
  init(base: SeededGenerator) { self.base = base }

  mutating func next() -> UInt64 {
    calls += 1
    return base.next()
  }
}
