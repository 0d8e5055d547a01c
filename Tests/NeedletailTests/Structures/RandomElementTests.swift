import Testing

@testable import Needletail

/// Several different elements by chance.
@Suite struct RandomElementTests {
  private func draw<Rule: HashRule>(_ model: TableModel<Rule>, _ wanted: Int) -> [UInt64] {
    var drawn: [UInt64] = []
    model.table.forEachRandom(wanted, &model.random) { drawn.append($0.key) }
    return drawn
  }

  @Test func asManyAsWantedAndNoneTwice() {
    let model = TableModel<InCollection<EvenHashes>>(.fresh())
    for size in [0, 1, 2, 4, 5, 100, 3_000] {
      while model.held.count < size { model.insert(model.random.next()) }
      for wanted in Set([-1, 0, 1, size / 4 - 1, size / 4, size / 4 + 1, size / 2, size - 1, size, size + 1, Int.max]) {
        let drawn = draw(model, wanted)
        #expect(drawn.count == max(0, min(wanted, size)), "\(wanted) of \(size)")
        #expect(Set(drawn).count == drawn.count && drawn.allSatisfy { model.held[$0] != nil })
      }
    }
    model.finish()
  }

  /// Every element is drawn as often as another, and so is every pair.
  @Test(arguments: [(40, 3), (40, 9), (40, 10), (40, 25), (1_500, 100), (1_500, 700)])
  func uniform(size: Int, wanted: Int) {
    let model = TableModel<InCollection<EvenHashes>>(.fresh())
    while model.held.count < size { model.insert(model.random.next()) }
    var counts: [UInt64: Int] = [:]
    let rounds = size * 40 / wanted + 200
    for _ in 0..<rounds { for key in draw(model, wanted) { counts[key, default: 0] += 1 } }
    let share = Double(wanted) / Double(size)
    let expected = Double(rounds) * share
    // Drawn without putting back, the counts scatter by so much less.
    let variance = expected * (1 - share)
    var sum = 0.0
    for key in model.keys {
      let difference = Double(counts[key] ?? 0) - expected
      sum += difference * difference / variance
    }
    let freedom = Double(size - 1)
    model.check(abs(sum - freedom) < 6 * (2 * freedom).squareRoot() + 10, "chi-square \(sum) of \(freedom)")
    model.finish()
  }

  /// With no memory to remember what was drawn, one pass does it.
  @Test func withoutMemory() {
    #if DEBUG
      let model = TableModel<InCollection<EvenHashes>>(.fresh())
      while model.held.count < 1_000 { model.insert(model.random.next()) }
      let faults = AllocationFaults(failing: 1)
      let drawn = AllocationFaults.$current.withValue(faults) { draw(model, 100) }
      #expect(faults.hasFailed && drawn.count == 100 && Set(drawn).count == 100)
      model.finish()
    #endif
  }
}
