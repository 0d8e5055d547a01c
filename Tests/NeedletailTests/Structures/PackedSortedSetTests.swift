import Testing

@testable import Needletail

@Suite struct PackedSortedSetTests {
  private struct Held: Equatable {
    var member: [UInt8], score: Double

    static func < (a: Held, b: Held) -> Bool {
      a.score < b.score || a.score == b.score && a.member.lexicographicallyPrecedes(b.member)
    }
  }

  private func score(_ random: inout SeededGenerator) -> Double {
    switch random.below(6) {
    case 0: return [0, -0.0, .infinity, -.infinity, 1e300, -1e-300, Double(1 << 53),
      Double(1 << 53) + 2][random.below(8)]
    case 1: return Double(random.below(1000)) / 8
    case 2: return Double(random.below(1 << 30)) * (random.chance(50) ? 1 : -1)
    default: return Double(random.below(8))
    }
  }

  private func insert(_ blob: PackedBlob, _ held: Held) -> Int {
    let score = EncodedElement(score: held.score)
    return withView(held.member) { bytes in
      let member = EncodedElement(bytes)
      let set = PackedSortedSet(blob.view)
      let place = set.place(bytes, held.score)
      blob.apply(set.inserting(member, score, at: place.offset)) { unsafe PackedSortedSet.fill($0, member, score) }
      return place.rank
    }
  }

  private func held(_ pair: PackedSortedSet.Pair?) -> Held? {
    pair.map { Held(member: $0.member.text, score: $0.score) }
  }

  @Test func model() {
    var random = SeededGenerator.fresh()
    let blob = PackedBlob(byteCount: PackedSortedSet.emptyByteCount) { unsafe Packed.writeEmpty(to: $0) }
    var model: [Held] = []
    for step in 0..<5000 {
      let member = random.packedString(of: 30)
      let score = score(&random)
      let rank = model.firstIndex { $0.member == member }
      let set = PackedSortedSet(blob.view)
      let found = withEncoded(member) { set.find($0) }
      #expect(found?.rank == rank, "seed \(random.seed) step \(step)")
      if let found, let rank {
        #expect(held(found.pair) == model[rank])
        model.remove(at: rank)
        if random.chance(60) {
          let changed = Held(member: member, score: score)
          let newRank = model.count { $0 < changed }
          if let splice = set.replacingScore(found.pair, score) {
            #expect(newRank == rank)
            let memberByteCount = found.pair.scoreOffset - found.pair.offset
            blob.apply(splice) { unsafe PackedSortedSet.fillScore($0, memberByteCount: memberByteCount, score) }
          } else {
            #expect(newRank != rank)
            blob.apply(set.removing(found.pair))
            #expect(insert(blob, changed) == newRank)
          }
          model.insert(changed, at: newRank)
        } else {
          blob.apply(set.removing(found.pair))
        }
      } else if model.count < 70 {
        let added = Held(member: member, score: score)
        let rank = model.count { $0 < added }
        #expect(insert(blob, added) == rank)
        model.insert(added, at: rank)
      } else {
        let from = random.below(model.count)
        let to = from + random.below(min(20, model.count - from) + 1)
        let end = to == model.count ? set.end : set.pair(atRank: to).offset
        blob.apply(set.removing(from: set.pair(atRank: from).offset, to: end, count: to - from))
        model.removeSubrange(from..<to)
      }
      #expect(blob.count == model.count)
      guard step % 16 == 0 else { continue }
      guard agree(blob, model, &random) else {
        Issue.record("seed \(random.seed) step \(step)")
        return
      }
    }
  }

  private func agree(_ blob: PackedBlob, _ model: [Held], _ random: inout SeededGenerator) -> Bool {
    let set = PackedSortedSet(blob.view)
    guard set.map({ held($0)! }) == model else { return false }
    var backward: [Held] = []
    var offset = set.end
    while let pair = set.pair(before: offset) {
      guard let same = set.pair(at: pair.offset), same.end == pair.end, same.scoreOffset == pair.scoreOffset else {
        return false
      }
      backward.append(held(pair)!)
      offset = pair.offset
    }
    guard backward.reversed() == model && offset == set.start else { return false }
    for rank in model.indices where held(set.pair(atRank: rank)) != model[rank] { return false }
    for isExclusive in [false, true] {
      let bound = model.isEmpty || random.chance(50) ? score(&random) : model[random.below(model.count)].score
      let position = set.lowerBound(score: bound, isExclusive: isExclusive)
      guard position.rank == model.count(where: { isExclusive ? $0.score <= bound : $0.score < bound }) else {
        return false
      }
      guard held(set.pair(at: position.offset)) == (position.rank < model.count ? model[position.rank] : nil) else {
        return false
      }
    }
    return true
  }

  @Test func membersOfOneScore() {
    var random = SeededGenerator.fresh()
    let blob = PackedBlob(byteCount: PackedSortedSet.emptyByteCount) { unsafe Packed.writeEmpty(to: $0) }
    var model: [[UInt8]] = []
    for _ in 0..<300 {
      let member = random.packedString(of: 50)
      for isExclusive in [false, true] {
        let position = withView(member) {
          PackedSortedSet(blob.view).lowerBound(member: $0, isExclusive: isExclusive)
        }
        let rank = model.count {
          $0.lexicographicallyPrecedes(member) || isExclusive && $0 == member
        }
        #expect(position.rank == rank, "seed \(random.seed)")
        let pair = PackedSortedSet(blob.view).pair(at: position.offset)
        #expect(pair?.member.text == (rank < model.count ? model[rank] : nil))
      }
      if !model.contains(member) { model.insert(member, at: insert(blob, Held(member: member, score: 1.5))) }
    }
    #expect(model.count > 50)
  }
}
