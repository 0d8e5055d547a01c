import CJemalloc

/// What INFO tells beyond counters.
extension Engine {
  /// Brings `facts` up to date.
  mutating func refreshFacts() {
    notePeakMemory()
    facts.monotonicClock = "X86 TSC @ \(Int(1000 / clock.nanosecondsPerCycle)) ticks/us"
    facts.allocator = AllocatorFacts.read()
    let progress = keyspace.context.units.freer.progress
    facts.pendingFreeCount = progress.pending
    facts.freedCount = progress.freed - statistics.freedCountBefore
  }

  /// Housekeeping of counters that are sampled.
  mutating func sampleStatistics() {
    statistics.sampleRates(nowMilliseconds: keyspace.nowMilliseconds)
    notePeakMemory()
  }

  private mutating func notePeakMemory() {
    facts.usedMemoryBytes = memory.usedByteCount
    guard facts.usedMemoryBytes > facts.usedMemoryPeakBytes else { return }
    facts.usedMemoryPeakBytes = facts.usedMemoryBytes
    facts.usedMemoryPeakSeconds = keyspace.nowMilliseconds / 1000
  }
}

/// jemalloc's own figures.
enum AllocatorFacts {
  static func read() -> ServerFacts.Allocator? {
    var epoch: UInt64 = 1
    unsafe _ = je_control("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size)
    guard let allocated = number("stats.allocated"), let active = number("stats.active"),
      let resident = number("stats.resident")
    else { return nil }
    return ServerFacts.Allocator(allocatedBytes: allocated, activeBytes: active, residentBytes: resident)
  }

  private static func number(_ name: String) -> Int? {
    var value = 0
    var size = MemoryLayout<Int>.size
    return unsafe je_control(name, &value, &size, nil, 0) == 0 ? value : nil
  }
}
