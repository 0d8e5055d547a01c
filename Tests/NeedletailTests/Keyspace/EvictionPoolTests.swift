import Testing

@testable import Needletail

@Suite struct EvictionPoolTests {
  private static func candidate(_ score: UInt64, _ address: Int) -> EvictionPool.Candidate {
    EvictionPool.Candidate(score: score, hash: UInt64(address), address: UInt(address), table: 0)
  }

  /// Beside a sorted array of the best scores.
  @Test func keepsTheBest() {
    var random = FastRandom(seed: 7)
    var pool = EvictionPool()
    var model: [UInt64] = []
    for step in 1...20_000 {
      if Int.random(in: 0..<3, using: &random) > 0 {
        let score = UInt64.random(in: 0..<50, using: &random)
        guard pool.wants(UInt(step), score: score) else {
          #expect(model.count == EvictionPool.capacity && score <= model[0])
          continue
        }
        pool.insert(Self.candidate(score, step))
        if model.count == EvictionPool.capacity { model.removeFirst() }
        model.append(score)
        model.sort()
      } else if let best = pool.removeBest() {
        #expect(best.score == model.popLast())
      } else {
        #expect(model.isEmpty)
      }
      #expect(pool.count == model.count)
      #expect(pool.threshold == (model.count < EvictionPool.capacity ? nil : model[0]))
    }
  }

  @Test func nothingTwice() {
    var pool = EvictionPool()
    pool.insert(Self.candidate(5, 1))
    #expect(!pool.wants(1, score: 9) && pool.wants(2, score: 5))
    pool.removeAll()
    #expect(pool.count == 0 && pool.wants(1, score: 0))
    let best = pool.removeBest()
    #expect(best == nil)
  }
}
