import Testing

@testable import Needletail

/// Strings that replies are sent from, whatever happens to their keys meanwhile.
@Suite struct KeyspacePinTests {
  private func bytes(_ count: Int, _ byte: UInt8 = 120) -> [UInt8] { [UInt8](repeating: byte, count: count) }

  @Test func pinnedStringsOutliveTheirKeys() {
    let test = TestKeyspace()
    let ways: [(String, (TestKeyspace) -> Void)] = [
      ("removed", { $0.remove("k") }),
      ("replaced", { $0.set("k", "short") }),
      ("replaced by a large one", { $0.set("k", [UInt8](repeating: 1, count: 90_000)) }),
      ("modified", { $0.append("k", 1, 10) }),
      ("made an integer", { test in test.withFound("k") { test.keyspace.setInteger(&$0, 1) } }),
      ("flushed", { $0.keyspace.flush(database: 0) }),
      ("expired", { test in
        test.withFound("k") { test.keyspace.setExpiry(&$0, at: test.keyspace.nowMilliseconds - 1) }
        test.expire()
      }),
      ("left alone", { _ in }),
      ("renamed", { $0.rename("k", to: "other") }),
      ("renamed and removed", { test in
        test.rename("k", to: "other")
        test.remove("other")
      }),
      ("renamed and flushed", { test in
        test.rename("k", to: "other")
        test.keyspace.flush(database: 0)
      }),
      ("renamed over", { test in
        test.set("other", "x")
        test.rename("other", to: "k")
      }),
      ("renamed and modified", { test in
        test.rename("k", to: "other")
        test.append("other", 1, 10)
      }),
      ("copied, and both changed", { test in
        test.copy("k", to: "other")
        test.append("k", 1, 1)
        test.append("other", 2, 1)
      }),
      ("copied over", { test in
        test.set("other", "x")
        test.copy("other", to: "k")
      }),
      ("moved", { $0.move("k", to: 1) }),
      ("moved and flushed", { test in
        test.move("k", to: 1)
        test.keyspace.flush(database: 1)
      }),
      ("moved and removed", { test in
        test.move("k", to: 1)
        test.remove("k", 1)
      }),
      ("swapped and flushed", { test in
        test.keyspace.swapDatabases(0, 2)
        test.keyspace.flush(database: 2)
      }),
      ("swapped, renamed and flushed", { test in
        test.keyspace.swapDatabases(0, 1)
        test.rename("k", to: "other", 1)
        test.keyspace.swapDatabases(1, 2)
        test.keyspace.flush(database: 2)
      }),
      ("given an expiry", { test in test.withFound("k") { test.keyspace.setExpiry(&$0, at: TestKeyspace.start * 2) } }),
    ]
    for (name, way) in ways {
      for pins in 1...3 {
        for count in [2000, 70_000] {
          test.set("k", bytes(count))
          var unit: StringUnit?
          for _ in 0..<pins { unit = test.pin("k") }
          way(test)
          for _ in 0..<pins {
            #expect(unit!.bytes.array == bytes(count), "\(name)")
            test.keyspace.unpin(unit!)
          }
          #expect(test.keyspace.pinCount == 0, "\(name)")
          for database in 0..<3 { test.keyspace.flush(database: database) }
        }
      }
    }
    guard !isSanitized else { return }
    // And they are freed in the end.
    func all() {
      for (_, way) in ways {
        test.set("k", bytes(70_000))
        let unit = test.pin("k")
        way(test)
        test.keyspace.unpin(unit)
        for database in 0..<3 { test.keyspace.flush(database: database) }
      }
    }
    for _ in 0..<2 { all() }
    let before = test.settledBytes
    all()
    let after = test.settledBytes
    #expect(after == before)
  }

  /// The thread that frees a flushed table must not meet a pinned string, not even the empty key's.
  @Test(arguments: ["", "k", String(repeating: "k", count: 5000)])
  func pinnedStringsSurviveFlush(key: String) {
    let test = TestKeyspace()
    for database in 0..<2 { test.set(key, bytes(70_000, UInt8(database)), .clear, database) }
    let units = (0..<2).map { test.pin(key, $0) }
    test.keyspace.flush(database: 0)
    waitFor { test.freer.progress.pending == 0 }
    #expect(test.keyspace.pinCount == 2)
    #expect(units[0].bytes.array == bytes(70_000, 0) && test.get(key, 1) == bytes(70_000, 1))
    test.keyspace.flush(database: 1)
    waitFor { test.freer.progress.pending == 0 }
    #expect(units[1].bytes.array == bytes(70_000, 1) && test.keyspace.count(database: 1) == 0)
    for unit in units { test.keyspace.unpin(unit) }
    #expect(test.keyspace.pinCount == 0)
  }

  /// A pinned string whose key goes before a freeze is no part of the view: it is freed when it is unpinned.
  @Test(arguments: [2000, 70_000])
  func pinnedOrphansAreNoPartOfAView(count: Int) {
    guard !isSanitized else { return }
    let test = TestKeyspace()
    func orphan(_ freezes: Int) {
      test.set("k", bytes(count))
      let unit = test.pin("k")
      test.remove("k")
      // An empty keyspace: the view is over at once.
      for _ in 0..<freezes {
        test.keyspace.context.units.freeze()
        test.keyspace.context.units.thaw()
      }
      test.keyspace.unpin(unit)
    }
    for _ in 0..<2 { orphan(0) }
    let before = test.settledBytes
    for freezes in 0..<4 {
      orphan(freezes)
      let after = test.settledBytes
      #expect(after == before, "\(freezes) freezes")
    }
    #expect(test.keyspace.context.units.limbo.byteCount == 0)
  }

  /// Replies end while the freeing thread goes through a flushed table: each unit is freed once, by one or the other.
  @Test func unpinningRacesWithTheFreeingThread() {
    let test = TestKeyspace()
    func race() {
      for i in 0..<300 { test.set("key:\(i)", bytes(1500 + i, UInt8(i & 255))) }
      let units = (0..<300).map { test.pin("key:\($0)") }
      // Some renamed: nothing depends on the name.
      for i in 0..<50 { test.rename("key:\(i)", to: "other:\(i)") }
      test.keyspace.flush(database: 0)
      for i in units.indices {
        let bytes = units[i].bytes
        if bytes.count != 1500 + i || bytes[700] != UInt8(i & 255) { Issue.record("unit \(i) is not what it was") }
        test.keyspace.unpin(units[i])
      }
    }
    for _ in 0..<5 { race() }
    let before = test.settledBytes
    for _ in 0..<30 { race() }
    let after = test.settledBytes
    #expect(isSanitized || after == before)
    #expect(test.keyspace.pinCount == 0)
  }
}
