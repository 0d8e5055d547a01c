import Testing

@testable import Needletail

@Suite struct ScoredMemberTests {
  private func make(_ bytes: [UInt8], _ score: Double) -> ScoredMember {
    withView(bytes) { ScoredMember.make($0, score: score, tag: 1) }
  }

  private func free(_ member: ScoredMember) { unsafe Heap.free(member.raw, member.byteCount) }

  /// The long length begins at 255 bytes.
  @Test(arguments: [0, 1, 6, 7, 16, 22, 23, 253, 254, 255, 256, 65_535, 65_536, 70_000])
  func holdsItsMember(length: Int) {
    let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for score in [0, -0.0, 1.5, -.infinity, .greatestFiniteMagnitude] {
      guard let member = withView(bytes, { ScoredMember.tryMake($0, score: score, tag: 1) }) else {
        Issue.record("no memory")
        return
      }
      let copy = ScoredMember.make(member.member, score: member.score, tag: 2)
      #expect(member.member.array == bytes && member.count == length && member.score.bitPattern == score.bitPattern)
      #expect(copy.member.array == bytes && copy.score.bitPattern == score.bitPattern)
      let tag = unsafe copy.raw.load(as: UInt8.self)
      #expect(tag == 2)
      #expect(member.byteCount == length + (length < 255 ? 10 : 14) && Heap.goodSize(member.byteCount) >= 16)
      free(member)
      free(copy)
    }
  }

  @Test func classesOfTheAllocator() {
    let sizes = [0, 6, 7, 16, 22, 23].map { length in
      let member = make([UInt8](repeating: 65, count: length), 1)
      defer { free(member) }
      return Heap.goodSize(member.byteCount)
    }
    #expect(sizes == [16, 16, 32, 32, 32, 48])
  }

  @Test func noMemoryForALongMember() {
    #if DEBUG
      let bytes = [UInt8](repeating: 1, count: 70_000)
      AllocationFaults.$current.withValue(AllocationFaults(failing: 1)) {
        let member = withView(bytes) { ScoredMember.tryMake($0, score: 1, tag: 1) }
        #expect(member == nil)
      }
    #endif
  }

  /// A key never contradicts the order of scores and members.
  @Test func keysAreInOrder() {
    let scores: [Double] = [
      -.infinity, -.greatestFiniteMagnitude, -1, -.leastNormalMagnitude, -.leastNonzeroMagnitude, 0,
        .leastNonzeroMagnitude,
      .leastNormalMagnitude, 1, 1.0.nextUp, .greatestFiniteMagnitude, .infinity,
    ]
    let members: [[UInt8]] = [[], [0], [0, 0], [1], [1, 255], [127], [128], [255], [UInt8](repeating: 255, count: 8),
      [UInt8](repeating: 255, count: 9)]
    var last: UInt128 = 0
    for score in scores {
      #expect(ScoredMember.leastKey(score) > last)
      for bytes in members {
        let key = withView(bytes) { ScoredMember.key(score, $0) }
        #expect(key >= last && key >= ScoredMember.leastKey(score) && key < ScoredMember.leastKey(above: score))
        last = key
      }
    }
    let zeros = withView([1]) { (ScoredMember.key(0, $0), ScoredMember.key(-0.0, $0)) }
    #expect(zeros.0 == zeros.1 && ScoredMember.leastKey(-0.0) == ScoredMember.leastKey(0))
  }
}
