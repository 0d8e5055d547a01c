import Testing

@testable import Needletail

@Suite struct DefragmentationTests {
  /// Keys of every type, small and large, with deadlines and without.
  private func filled() -> TestServer {
    let server = TestServer()
    for i in 0..<200 {
      server.run("SET", "s:\(i)", String(repeating: "x", count: i * 13))
      server.run("SET", "t:\(i)", "v\(i)", "EX", "\(1000 + i)")
      server.run("SADD", "packed", "m\(i)")
      server.run("HSET", "small:\(i % 7)", "f\(i)", String(repeating: "y", count: i % 60))
      server.run("RPUSH", "queue", "element:\(i)", String(repeating: "z", count: i * 7))
    }
    for i in 0..<1500 {
      server.run("SADD", "set", "member:\(i)")
      server.run("ZADD", "zset", "\(i % 90)", "member:\(i)")
      server.run("HSET", "hash", "field:\(i)", "value:\(i)")
      server.run("RPUSH", "list", "element:\(i)")
    }
    server.run("SELECT", "3")
    server.run("SET", "elsewhere", String(repeating: "w", count: 3000))
    server.run("SELECT", "0")
    return server
  }

  private func addresses(_ server: TestServer) -> Set<UInt> {
    server.withEngine { engine in
      var found: Set<UInt> = []
      _ = engine.keyspace.scan(database: 0, cursor: 0, count: .max) { unsafe found.insert(UInt(bitPattern: $0.raw)) }
      return found
    }
  }

  @Test func everythingMovesAndNothingChanges() {
    let server = filled()
    let digest = digest(server)
    let before = addresses(server)
    server.withEngine { engine in
      var walk = DefragmentationWalk()
      walk.mover.choice = .everything
      while engine.keyspace.defragmentStep(&walk) {}
      #expect(walk.mover.hits > 5_000 && walk.mover.misses == 0)
      let keyCount = engine.keyspace.count(database: 0) + 1
      #expect(walk.keyHits == keyCount && walk.keyMisses == 0)
    }
    #expect(self.digest(server) == digest)
    // A freed place may be another's new one.
    #expect(addresses(server) != before)
  }

  @Test func nothingMovesWithoutSparseSlabs() {
    let server = filled()
    let before = addresses(server)
    server.withEngine { engine in
      var walk = DefragmentationWalk()
      while engine.keyspace.defragmentStep(&walk) {}
      #expect(walk.mover.hits == 0)
    }
    #expect(addresses(server) == before)
  }

  @Test func pinnedStringsStayWhereTheyAre() {
    let server = TestServer()
    server.run("SET", "pinned", String(repeating: "p", count: 5000))
    server.run("SET", "free", String(repeating: "f", count: 5000))
    server.withEngine { engine in
      func unit(_ key: String) -> StringUnit {
        withView(Array(key.utf8)) { engine.keyspace.find(Key($0, engine.keyspace.seed), in: 0).entry!.stringUnit! }
      }
      let pinned = unit("pinned")
      let free = unsafe unit("free").raw
      engine.keyspace.pin(pinned)
      var walk = DefragmentationWalk()
      walk.mover.choice = .everything
      while engine.keyspace.defragmentStep(&walk) {}
      #expect(unsafe unit("pinned").raw == pinned.raw && unit("free").raw != free)
      engine.keyspace.unpin(pinned)
      while engine.keyspace.defragmentStep(&walk) {}
      #expect(unsafe unit("pinned").raw != pinned.raw)
    }
  }

  /// A walk that goes on while commands are run.
  private final class Walker {
    var walk = DefragmentationWalk()
    init(_ choice: UnitMover.Choice, maxScanFields: Int) {
      walk.mover.choice = choice
      walk.maxScanFields = maxScanFields
    }
    /// - Returns: false at the end.
    func step(_ server: TestServer) -> Bool { server.withEngine { $0.keyspace.defragmentStep(&walk) } }
  }

  /// Another collection, or another value, may have taken the key's place between two steps.
  @Test(arguments: [
    "DEL big", "SET big v", "RENAME list big", "RENAME zset big", "RENAME big other", "FLUSHALL", "SWAPDB 0 3",
    "SPOP big 700", "COPY hash big REPLACE", "SADD big 1 2 3", "EXPIRE big 0", "SUNIONSTORE big big packed",
  ])
  func theCollectionUnderWayGoes(change: String) {
    for stop in 0..<4 {
      let server = filled()
      server.run("RENAME", "set", "big")
      let walker = Walker(.everything, maxScanFields: 1)
      while !walker.walk.isInCollection { _ = walker.step(server) }
      for _ in 0..<(stop * 90) { _ = walker.step(server) }
      server.send(change)
      if change.hasPrefix("SPOP") { server.send("DEL big") }
      let digest = digest(server)
      while walker.step(server) {}
      while walker.step(server) {}
      #expect(self.digest(server) == digest)
    }
  }

  private func digest(_ server: TestServer) -> Digest { server.withEngine { $0.keyspace.digest() } }

  #if DEBUG
  /// Without memory what was to be moved stays where it is.
  @Test func eachAllocationFailsOnce() {
    let server = filled()
    let digest = digest(server)
    var place = 1
    var hasEnded = false
    while !hasEnded {
      let walker = Walker(.everything, maxScanFields: place % 2 == 0 ? 1 : 1000)
      let faults = AllocationFaults(failing: place)
      AllocationFaults.$current.withValue(faults) {
        while walker.step(server) {}
      }
      hasEnded = !faults.hasFailed
      if !hasEnded { #expect(walker.walk.mover.misses == 1) }
      #expect(self.digest(server) == digest)
      // Each of the first ones, then some of thousands that are like one another.
      place += place < 60 ? 1 : 997
    }
    #expect(place > 5_000)
  }
  #endif

  // MARK: What is sparse

  @Test func sparseIsWhatIsBelowTheMeanOfSlabsThatAreNotFull() {
    func limit(blocks: Int, slabs: Int, partial: Int) -> Int {
      SlabStatistics.Bin(blockBytes: 48, blocksPerSlab: 256, blocks: blocks, slabs: slabs, partialSlabs: partial).sparseMax
    }
    // A tenth of what would fit: up to an eighth above the mean of 26.
    #expect(limit(blocks: 2_600, slabs: 100, partial: 100) == 30)
    // Full ones do not raise it.
    #expect(limit(blocks: 2_600 + 256 * 50, slabs: 150, partial: 100) == 30)
    // Nothing to be gained: one slab, none with room, or hardly more slabs than it takes.
    #expect(limit(blocks: 10, slabs: 1, partial: 1) == 0)
    #expect(limit(blocks: 25_600, slabs: 100, partial: 0) == 0)
    #expect(limit(blocks: 256 * 96, slabs: 103, partial: 40) == 0)
    #expect(limit(blocks: 256 * 96, slabs: 104, partial: 40) > 0)
    #expect(limit(blocks: 0, slabs: 0, partial: 0) == 0)
  }

  /// With jemalloc itself: of blocks nine in ten of which are gone nearly all the rest is worth moving, and of as many
  /// that are all there none. A size that nothing else here uses.
  @Test(.enabled(if: !isSanitized)) func sparseSlabsAreFound() {
    let byteCount = 10 << 10
    var blocks = (0..<4_000).map { _ in unsafe UInt(bitPattern: Heap.allocate(byteCount)) }
    func chosen() -> Int {
      var statistics = SlabStatistics()
      statistics.refresh()
      var mover = UnitMover()
      mover.setLimits(statistics)
      return blocks.reduce(0) { sum, block in
        sum + (unsafe mover.wants(UnsafeMutableRawPointer(bitPattern: block)!) ? 1 : 0)
      }
    }
    #expect(chosen() == 0)
    // Two blocks share a slab: of most pairs one goes, of the others both.
    for index in blocks.indices.reversed() where index % 10 != 0 {
      unsafe Heap.freeUncached(UnsafeMutableRawPointer(bitPattern: blocks.remove(at: index))!, byteCount)
    }
    #expect(chosen() > blocks.count * 3 / 4)
    for block in blocks { unsafe Heap.freeUncached(UnsafeMutableRawPointer(bitPattern: block)!, byteCount) }
  }

  // MARK: How much of the time

  @Test func theShareGrowsBetweenTheThresholds() {
    var settings = DefragmentationSettings()
    settings.ignoreBytes = 1000
    func share(_ free: Int, _ used: Int) -> Int? { settings.share(freeBytes: free, usedBytes: used) }
    // Bytes.
    #expect(share(999, 100) == nil)
    #expect(share(1000, 100) == 25)
    #expect(share(1001, 100) == 25)
    // Percent, from 10 to 100.
    #expect(share(9_999, 100_000) == nil)
    #expect(share(10_000, 100_000) == 1)
    #expect(share(55_000, 100_000) == 13)
    #expect(share(99_000, 100_000) == 24)
    #expect(share(100_000, 100_000) == 25)
    #expect(share(1_000_000, 100_000) == 25)
    #expect(share(1_000_000, 0) == 25)
    // Redis takes thresholds and cycles the wrong way round; so does this.
    settings.thresholdLowerPercent = 50
    settings.thresholdUpperPercent = 20
    #expect(share(49_000, 100_000) == nil)
    #expect(share(51_000, 100_000) == 25)
    settings.cycleMinPercent = 80
    #expect(1...99 ~= share(50_000, 100_000) ?? 0)
  }

  @Test func clientsLoseLittle() {
    var defragmenter = Defragmenter()
    let clock = LoopClock()
    let millisecond = clock.cycles(microseconds: 1000)
    var settings = DefragmentationSettings()
    var now = millisecond * 10_000
    /// What is earned in 100 ms of turns of a millisecond, in milliseconds.
    func earned(busyPart: UInt64) -> Double {
      var sum: UInt64 = 0
      for _ in 0..<100 {
        now += millisecond
        let credit = defragmenter.earn(now, busy: millisecond * busyPart / 100, settings, clock)
        defragmenter.spend(credit)
        sum += credit
      }
      return Double(sum) / Double(millisecond)
    }
    defragmenter.percent = 25
    _ = earned(busyPart: 0)
    #expect(24.5...25.5 ~= earned(busyPart: 0))
    // The load is known 10 ms late.
    _ = earned(busyPart: 100)
    #expect(5.5...6.5 ~= earned(busyPart: 100))
    #expect(5.5...6.5 ~= earned(busyPart: 21))
    _ = earned(busyPart: 19)
    #expect(24.5...25.5 ~= earned(busyPart: 19))
    _ = earned(busyPart: 100)
    settings.cycleMinPercent = 20
    #expect(19.5...20.5 ~= earned(busyPart: 100))
    settings.cycleMinPercent = 1
    defragmenter.percent = 2
    #expect(1.5...2.5 ~= earned(busyPart: 100))
    // What is not spent does not pile up.
    now += millisecond * 500
    let afterPause = defragmenter.earn(now, busy: 0, settings, clock)
    #expect(afterPause <= clock.cycles(microseconds: Defragmenter.sliceMicroseconds))
  }

  // MARK: Commands

  @Test func settingsTakeEffectAtOnce() {
    let server = filled()
    func field(_ name: String) -> String? {
      let text = server.run("INFO", "everything").text ?? ""
      return text.split(separator: "\r\n").first { $0.hasPrefix("\(name):") }.map { String($0.dropFirst(name.count + 1)) }
    }
    #expect(field("active_defrag_running") == "0")
    server.withEngine { $0.debugDefragmentation(isOn: true) }
    #expect(field("active_defrag_running") == "25")
    server.withEngine { engine in for _ in 0..<100 { _ = engine.keyspace.defragmentStep(&engine.defragmenter.walk) } }
    #expect((Int(field("active_defrag_hits") ?? "") ?? 0) > 0)
    #expect((Int(field("active_defrag_key_hits") ?? "") ?? 0) > 0)
    server.advance(milliseconds: 1500)
    #expect(field("current_active_defrag_time") == "1500")
    #expect(field("total_active_defrag_time") == "1500")
    server.run("CONFIG", "RESETSTAT")
    #expect(field("active_defrag_hits") == "0" && field("active_defrag_key_misses") == "0")
    #expect(field("total_active_defrag_time") == "0")
    server.withEngine { $0.debugDefragmentation(isOn: false) }
    #expect(field("active_defrag_running") == "0" && field("current_active_defrag_time") == "0")
    // It pauses while a view is open, and there is nothing to be done for settings that ask for nothing.
    server.withEngine { engine in
      engine.debugDefragmentation(isOn: true)
      let before = engine.isDefragmenting
      var walker = ViewWalker(engine.keyspace.freeze(), freer: engine.keyspace.context.units.freer)
      let whileFrozen = engine.isDefragmenting
      #expect(before && !whileFrozen)
      var nobody = NoVisitor()
      while walker.step(units: 1000, &nobody) {}
      engine.keyspace.thaw()
      engine.debugDefragmentation(isOn: false)
    }
  }

  @Test(.enabled(if: !isSanitized)) func canBeSwitchedOn() {
    let server = TestServer()
    server.expect([
      ("CONFIG SET activedefrag yes", .ok), ("CONFIG SET activedefrag no", .ok),
      ("CONFIG SET active-defrag-threshold-lower 0 active-defrag-ignore-bytes 1", .ok),
    ])
    server.run("CONFIG", "SET", "activedefrag", "yes")
    var runs = server.withEngine { $0.isDefragmenting }
    #expect(runs)
    server.run("CONFIG", "SET", "activedefrag", "no")
    runs = server.withEngine { $0.isDefragmenting }
    #expect(!runs)
  }
}
