import Testing

@testable import Needletail

@Suite struct DeadlineSlotsTests {
  private func contents(_ block: DeadlineSlots) -> [Int: UInt32] {
    var slots: [Int] = []
    _ = block.collectDue(DeadlineSlots.maxTick) { slots.append($0) }
    var ticks: [Int: UInt32] = [:]
    for slot in slots {
      let tick = block.remove(slot)
      block.set(slot, tick)
      ticks[slot] = tick
    }
    return ticks
  }

  @Test(arguments: [14, 28, 126, 448, 896])
  func agreesWithADictionary(slotCount: Int) {
    var random = SeededGenerator.fresh()
    for _ in 0..<(isLongRun ? 100 : 4) {
      let block = DeadlineSlots.make(slotCount: slotCount, table: 5, prefix: 77)
      var model: [Int: UInt32] = [:]
      var isDense = false
      for step in 0..<(slotCount * 4) {
        let slot = random.below(slotCount)
        if random.chance(step < slotCount * 2 ? 70 : 40) {
          let tick = random.below(20) == 0 ? UInt32.max : UInt32(random.below(1000))
          block.set(slot, tick)
          model[slot] = min(tick, DeadlineSlots.maxTick)
        } else {
          #expect(block.remove(slot) == model.removeValue(forKey: slot) ?? DeadlineSlots.none)
        }
        if block.count != model.count {
        Issue.record("seed \(random.seed): count \(block.count)")
        return
      }
        // One element in eight makes it dense, and dense it stays.
        if model.count * 8 > slotCount + 7 { isDense = true }
        if unsafe isDense && !block.header.pointee.isDense {
        Issue.record("seed \(random.seed): still a list")
        return
      }
        guard step % 16 == 0 else { continue }
        if contents(block) != model {
        Issue.record("seed \(random.seed): contents")
        return
      }
        let now = UInt32(random.below(1000))
        var due: [Int] = []
        let next = block.collectDue(now) { due.append($0) }
        #expect(due.sorted() == model.filter { $0.value <= now }.keys.sorted())
        #expect(next == model.values.filter { $0 > now }.min() ?? DeadlineSlots.none)
        #expect(block.earliest == model.values.min() ?? DeadlineSlots.none)
      }
      block.free()
    }
  }

  @Test func becomesDenseAtOneInEight() {
    let block = DeadlineSlots.make(slotCount: 896, table: 0, prefix: 0)
    for slot in 0..<112 { block.set(slot * 3, UInt32(slot)) }
    let before = unsafe block.header.pointee.isDense
    #expect(!before)
    // One that is there already changes nothing.
    block.set(0, 1000)
    block.set(895, 7)
    let after = unsafe block.header.pointee.isDense
    #expect(after && block.count == 113)
    #expect(block.earliest == 1)
    #expect(block.remove(895) == 7 && block.remove(895) == DeadlineSlots.none
      && block.remove(894) == DeadlineSlots.none)
    block.free()
  }

  @Test func linksAreFirst() {
    let block = DeadlineSlots.make(slotCount: 14, table: 9, prefix: 1)
    let same = unsafe DeadlineSlots(links: block.links).header == block.header
    #expect(same)
    block.free()
  }
}
