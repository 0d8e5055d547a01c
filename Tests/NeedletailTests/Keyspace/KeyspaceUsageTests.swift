import Testing
@testable import Needletail

@Suite struct KeyspaceUsageTests {
  /// What is counted may be more by what belongs to others: some of what the test runner allocates on this thread is
  /// freed on another one.
  private static let noise = 2048

  private func used(_ test: TestKeyspace, _ key: String, _ database: Int = 0) -> Int {
    test.withFound(key, database) { test.keyspace.usedBytes($0) }
  }

  /// All keys' bytes together are what the allocator counts for them.
  @Test(arguments: [1, 14, 15, 100, 900, 20_000], [0, 100, 400, 1500, 5000])
  func sumsUp(keyCount: Int, valueCount: Int) {
    guard !isSanitized else { return }
    let test = TestKeyspace()
    // Not what the freer's thread needs once.
    test.set("first", [UInt8](repeating: 1, count: 100_000))
    test.remove("first")
    let keyCount = valueCount > 1000 ? min(keyCount, 900) : keyCount
    let value = [UInt8](repeating: 120, count: valueCount)
    let before = test.settledBytes
    for i in 0..<keyCount {
      test.set("key:\(i)", i % 4 == 0 ? Array("\(i)".utf8) : value,
        i % 3 == 0 ? .at(TestKeyspace.start + 1_000_000 + i) : .clear)
    }
    let counted = test.settledBytes - before
    var told = 0
    for i in 0..<keyCount { told += used(test, "key:\(i)") }
    // Each key's share is rounded up.
    #expect(told + Self.noise >= counted && told <= counted + 3 * keyCount + 64, "\(told) told, \(counted) counted")
    #expect(Double(told) <= Double(counted) * 1.1, "\(told) told, \(counted) counted")
  }

  /// Hashes in their entries, in units of their own and large, also after half of their fields has gone.
  @Test(arguments: [1, 10, 100, 512, 513, 6_000])
  func hashesSumUp(fieldCount: Int) {
    guard !isSanitized else { return }
    let test = TestKeyspace()
    test.set("first", [UInt8](repeating: 1, count: 100_000))
    test.remove("first")
    let keyCount = fieldCount > 1000 ? 3 : 20
    // Once beforehand: what the runtime allocates when code runs for the first time is not the hashes'.
    test.withFound("warm") { found in
      for number in 0..<max(fieldCount, 600) {
        withView(Array("field:\(number)".utf8)) { field in _ = try! test.keyspace.setField(&found, field, field) }
      }
      for number in 0..<300 { withView(Array("field:\(number)".utf8)) { _ = test.keyspace.removeField(&found, $0) } }
    }
    _ = used(test, "warm")
    test.remove("warm")
    let before = test.settledBytes
    func compare() {
      let counted = test.settledBytes - before
      var told = 0
      for i in 0..<keyCount { told += used(test, "key:\(i)") }
      #expect(told + Self.noise >= counted && told <= counted + 3 * keyCount + 64, "\(told) told, \(counted) counted")
    }
    for i in 0..<keyCount {
      test.withFound("key:\(i)") { found in
        for number in 0..<fieldCount {
          withView(Array("field:\(number)".utf8)) { field in _ = try! test.keyspace.setField(&found, field, field) }
        }
      }
    }
    compare()
    for i in 0..<keyCount where fieldCount > 1 {
      test.withFound("key:\(i)") { found in
        for number in 0..<fieldCount / 2 {
          withView(Array("field:\(number)".utf8)) { _ = test.keyspace.removeField(&found, $0) }
        }
      }
    }
    compare()
  }

  @Test func noKeyTakesNothing() {
    let test = TestKeyspace()
    #expect(used(test, "none") == 0)
    test.set("k", "v", .clear, 1)
    // An entry of 16 bytes, and all of a table of one bucket and one word.
    #expect(used(test, "k", 1) == 16 + 128 + 8)
  }

  @Test func memoryCommand() {
    let server = TestServer()
    server.run("SET", "k", "v")
    server.expect([
      ("MEMORY USAGE k", 152), ("MEMORY USAGE k SAMPLES 0", 152), ("MEMORY USAGE k samples 5 SAMPLES 9", 152),
      ("MEMORY USAGE k SAMPLES", .syntaxError), ("MEMORY USAGE none SAMPLES x", .notAnInteger),
      ("MEMORY USAGE none SAMPLES -1", .syntaxError), ("MEMORY USAGE k foo 1", .syntaxError),
      ("MEMORY USAGE none", .null),
      ("MEMORY USAGE", .wrongArity("memory|usage")), ("MEMORY", .wrongArity("memory")),
      ("MEMORY nosuch", .error("ERR unknown subcommand 'nosuch'. Try MEMORY HELP.")),
    ])
    #expect(server.run("MEMORY", "HELP").elements?.last == .simple("    Print this help."))
    let statistics = server.withEngine { ($0.statistics.keyspaceHits, $0.statistics.keyspaceMisses) }
    #expect(statistics == (0, 0))
  }
}
