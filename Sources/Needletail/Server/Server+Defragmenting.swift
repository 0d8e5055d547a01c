import CSystem

extension Server {
  /// A slice of active defragmentation: what it has earned, and the turn's budget has room for. What is earned grows with
  /// the time that has passed, slowly where clients had much of it; less than 20 µs is saved for later.
  /// - Parameter budget: in cycles.
  mutating func defragment(_ budget: UInt64) {
    let start = cs_cycles()
    let busy = turnCommandCycles == 0 ? 0 : lastTurnCycles
    let earned = engine.defragmenter.earn(start, busy: busy, engine.settings.defragmentation, engine.clock)
    let limit = min(budget, earned)
    guard limit >= engine.clock.cycles(microseconds: 20) else { return }
    var step = start
    while step - start < limit {
      let goesOn = engine.keyspace.defragmentStep(&engine.defragmenter.walk)
      let now = cs_cycles()
      if now - step > engine.clock.cycles(microseconds: 100) { measure(.defragmentation, since: step) }
      step = now
      if goesOn { continue }
      engine.endDefragmentationWalk()
      break
    }
    engine.defragmenter.spend(step - start)
  }
}
