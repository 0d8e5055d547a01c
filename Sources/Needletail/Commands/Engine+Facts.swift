import CJemalloc

/// What INFO tells beyond counters.
extension Engine {
  /// Brings `facts` up to date.
  mutating func refreshFacts() {
    notePeakMemory()
    facts.allocator = AllocatorFacts.read()
    facts.allocator?.fragmentationBytes = defragmenter.freeSlabBytes()
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
    let pageBytes = number("arenas.page") ?? 4096
    let muzzy = number("stats.arenas.\(allArenas).pmuzzy") ?? 0
    return ServerFacts.Allocator(allocatedBytes: allocated, activeBytes: active, residentBytes: resident,
      fragmentationBytes: 0, muzzyBytes: muzzy * pageBytes)
  }

  /// The number by which jemalloc means all its arenas together.
  private static let allArenas = 4096

  /// Has `freer` give free pages back to the system, which can be gigabytes of them.
  static func purge(on freer: BackgroundFreer) {
    // What this thread keeps for itself first.
    Heap.flushThreadCache()
    let byteCount = 16
    unsafe freer.enqueue({ block, byteCount, _, _ in
      unsafe Heap.free(block, byteCount)
      unsafe _ = je_control("arena.\(AllocatorFacts.allArenas).purge", nil, nil, nil, 0)
    }, Heap.allocate(byteCount), byteCount, tag: 0)
  }

  /// jemalloc's own report, which has some 10 KB.
  static var statistics: String {
    let capacity = 1 << 20
    let text = unsafe Heap.allocate(capacity)
    defer { unsafe Heap.free(text, capacity) }
    let count = unsafe je_statistics(text.assumingMemoryBound(to: CChar.self), capacity)
    return unsafe String(decoding: UnsafeRawBufferPointer(start: text, count: count), as: UTF8.self)
  }

  static var version: String? {
    var text: UnsafePointer<CChar>?
    var size = unsafe MemoryLayout<UnsafePointer<CChar>?>.size
    guard unsafe je_control("version", &text, &size, nil, 0) == 0, let text = unsafe text else { return nil }
    return unsafe String(cString: text)
  }

  private static func number(_ name: String) -> Int? {
    var value = 0
    var size = MemoryLayout<Int>.size
    return unsafe je_control(name, &value, &size, nil, 0) == 0 ? value : nil
  }
}
