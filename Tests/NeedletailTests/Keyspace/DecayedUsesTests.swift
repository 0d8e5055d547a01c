import Glibc
import Testing

@testable import Needletail

@Suite struct DecayedUsesTests {
  @Test func growth() {
    for step in 0..<600 {
      let expected = Int((64 * log2(1 + exp2(-Double(step) / 64))).rounded())
      let entry = step < DecayedUses.growth.count ? Int(DecayedUses.growth[step]) : 0
      #expect(entry == expected, "\(step)")
      #expect(DecayedUses.grown(-step) == expected)
      #expect(DecayedUses.grown(step) == min(DecayedUses.strengthMax, step + expected))
    }
  }

  /// 100 keys: an epoch is one use, a turn 64 of them.
  @Test func fading() {
    var uses = DecayedUses()
    uses.keyCount = 100
    uses.setHalfLife(turns: 1)
    let clock = uses.clock(strength: 128)
    for _ in 0..<15 { uses.countUse() }
    let soon = uses.clockAfterUse(clock)
    #expect(soon != nil && uses.faded(clock) == 128 - 16)
    for _ in 0..<48 { uses.countUse() }
    #expect(uses.faded(clock) == 64)
    for _ in 0..<128 { uses.countUse() }
    #expect(uses.faded(clock) == -64)
    // Half a use and one.
    #expect(uses.clockAfterUse(clock).map { $0 & 0xff } == 37)
    let older = uses.clock(strength: 128)
    uses.countUse()
    #expect(uses.evictionScore(older) > uses.evictionScore(uses.clock(strength: 128)))
    #expect(uses.evictionScore(uses.clock(strength: 10)) > uses.evictionScore(uses.clock(strength: 11)))
  }

  /// Whatever its strength, a key goes before one that was used in the last eighth of a turn.
  @Test func grace() {
    var uses = DecayedUses()
    uses.setHalfLife(turns: 64)
    let popular = uses.clock(strength: DecayedUses.strengthMax)
    uses.countUse()
    let new = uses.clock(strength: 0)
    for _ in 0..<7 {
      #expect(uses.evictionScore(popular) < uses.evictionScore(new))
      uses.countUse()
    }
    #expect(uses.evictionScore(popular) > uses.evictionScore(new))
    uses.countUse()
    #expect(uses.evictionScore(popular) < uses.evictionScore(new))
  }

  @Test func inQuickSuccession() {
    var uses = DecayedUses()
    let clock = uses.clock(strength: 0)
    for _ in 0..<15 {
      let after = uses.clockAfterUse(clock)
      #expect(after == nil)
    }
    let after = uses.clockAfterUse(clock)
    #expect(after != nil)
  }

  /// The epoch's 24 bits come round.
  @Test func epochsWrap() {
    var uses = DecayedUses()
    uses.setHalfLife(turns: 64)
    for _ in 0..<(1 << 24 - 8) { uses.countUse() }
    let clock = uses.clock(strength: 100)
    for _ in 0..<64 { uses.countUse() }
    #expect(uses.faded(clock) == 99)
  }
}

@Suite struct EvictionHistoryTests {
  @Test func remembersTheLastEight() {
    var history = EvictionHistory(freer: sharedFreer)
    // All in one bucket: the hashes differ in the fingerprint only.
    for index in 1...9 { _ = history.add(UInt64(index) * 2, strength: index * 14, .both, keyCount: 8) }
    var strengths: [Int?] = []
    for index in 1...9 { strengths.append(history.take(UInt64(index) * 2)) }
    #expect(strengths == [nil, 42, 42, 42, 85, 85, 85, 128, 128])
    let again = history.take(18)
    #expect(again == nil)
  }

  @Test func anotherNumberOfKeysStartsAnew() {
    var history = EvictionHistory(freer: sharedFreer)
    for (count, isKnown) in [(1000, true), (500, true), (499, false), (2000, true), (2001, false)] {
      var other = EvictionHistory(freer: sharedFreer)
      _ = other.add(77, strength: 0, .age, keyCount: 1000)
      _ = other.add(179, strength: 0, .age, keyCount: count)
      let known = other.take(77) != nil
      #expect(known == isKnown, "\(count)")
    }
    _ = history.add(77, strength: 0, .age, keyCount: 1000)
    history.removeAll()
    let known = history.take(77)
    #expect(known == nil)
  }

  /// Where keys come back that went for their age, uses fade as slowly as they can; where it is those that went for their
  /// strength, as fast.
  @Test(arguments: [false, true]) func halfLife(_ age: Bool) {
    var history = EvictionHistory(freer: sharedFreer)
    for round in 0..<30_000 {
      let hash = UInt64(round) &* 0x9e37_79b9_7f4a_7c15
      _ = history.add(hash, strength: 128, .age, keyCount: 1000)
      if age { _ = history.take(hash) }
      _ = history.add(~hash, strength: 0, .strength, keyCount: 1000)
      if !age { _ = history.take(~hash) }
    }
    #expect(history.halfLife == (age ? 64 : 0.25))
  }

  /// Fewer than one in 500 evicted keys went for that reason: nothing to go by, so until some do.
  @Test(arguments: [EvictionHistory.Reason.age, .strength, .both]) func nothingToGoBy(_ reason: EvictionHistory.Reason) {
    var history = EvictionHistory(freer: sharedFreer)
    var changes = 0
    for round in 0..<3_000 {
      if history.add(UInt64(round) << 16, strength: 0, reason, keyCount: 1000) { changes += 1 }
    }
    let step = pow(reason == .age ? 1 / 0.7 : 0.7, 0.3)
    #expect(changes == 10 && abs(history.halfLife - 8 * pow(step, 10)) < 1e-9)
  }
}
