import Glibc
import Testing

@testable import Needletail

/// A keyspace with a freer of its own; keys and values are text.
@safe final class TestKeyspace {
  var keyspace: Keyspace
  let counters = MemoryCounters()
  let freer: BackgroundFreer
  static let start = 1_700_000_000_000

  init(nowMilliseconds: Int = start) {
    freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    keyspace = Keyspace(databaseCount: 3, seed: HashSeed(k0: 3, k1: 4), freer: freer, nowMilliseconds: nowMilliseconds)
  }

  func withFound<R>(_ key: String, _ database: Int = 0, _ body: (inout Found) -> R) -> R {
    withView(Array(key.utf8)) { key in
      var found = keyspace.find(Key(key, keyspace.seed), in: database)
      return body(&found)
    }
  }
  func set(_ key: String, _ value: [UInt8], _ expiry: ExpiryChange = .clear, _ database: Int = 0) {
    withFound(key, database) { found in withView(value) { try! keyspace.setString(&found, $0, expiry: expiry) } }
  }
  func set(_ key: String, _ value: String, _ expiry: ExpiryChange = .clear, _ database: Int = 0) {
    set(key, Array(value.utf8), expiry, database)
  }
  func get(_ key: String, _ database: Int = 0) -> [UInt8]? {
    withFound(key, database) { $0.entry?.withString { $0.array } }
  }
  func remove(_ key: String, _ database: Int = 0) { withFound(key, database) { keyspace.remove(&$0) } }
  func encoding(_ key: String) -> ValueEncoding? { withFound(key) { $0.entry?.encoding } }
  func expiry(_ key: String) -> Int? { withFound(key) { $0.entry?.expiry } }
  func append(_ key: String, _ byte: UInt8, _ count: Int) {
    withFound(key) { found in
      let old = found.entry?.stringCount ?? 0
      try! unsafe keyspace.modifyString(&found, count: old + count) { unsafe _ = memset($0 + old, Int32(byte), count) }
    }
  }
  func pin(_ key: String, _ database: Int = 0) -> StringUnit {
    withFound(key, database) { found in
      let unit = found.entry!.stringUnit!
      keyspace.pin(unit)
      return unit
    }
  }

  func rename(_ key: String, to other: String, _ database: Int = 0) {
    withFound(key, database) { source in
      withFound(other, database) { target in keyspace.rename(&source, to: &target) }
    }
  }
  func copy(_ key: String, to other: String, _ database: Int = 0) {
    withFound(key) { source in
      withFound(other, database) { target in try! keyspace.copy(source.entry!, to: &target) }
    }
  }
  func move(_ key: String, to database: Int) {
    withFound(key) { source in withFound(key, database) { target in keyspace.move(&source, to: &target) } }
  }

  /// Runs what is due.
  /// - Returns: steps that found something, `limit` at most.
  @discardableResult
  func expire(limit: Int = 100_000) -> Int {
    var steps = 0
    while steps < limit && keyspace.expireStep() { steps += 1 }
    return steps
  }
  var count: Int { keyspace.count(database: 0) }

  var settledBytes: Int {
    waitFor { freer.progress.pending == 0 }
    usleep(2000)
    return counters.usedByteCount
  }
}

@Suite struct KeyspaceTests {
  private func bytes(_ count: Int, _ byte: UInt8 = 120) -> [UInt8] { [UInt8](repeating: byte, count: count) }

  // MARK: Strings

  @Test func everyEncodingToEveryOther() {
    let test = TestKeyspace()
    let values: [([UInt8], ValueEncoding)] = [
      (Array("12345".utf8), .integer), (Array("-9223372036854775808".utf8), .integer),
      ([], .inline8), (bytes(16), .inline8), (bytes(255), .inline8), (bytes(256), .inline16), (bytes(1024), .inline16),
      (bytes(1025), .external), (bytes(70_000), .external), (Array("007".utf8), .inline8),
    ]
    for (from, fromEncoding) in values {
      for (to, toEncoding) in values {
        for expiry in [nil, TestKeyspace.start + 5000, 1 << 48] as [Int?] {
          test.set("k", from, expiry.map { .at($0) } ?? .clear)
          #expect(test.get("k") == from && test.encoding("k") == fromEncoding && test.expiry("k") == expiry)
          test.set("k", to, .keep)
          #expect(test.get("k") == to && test.encoding("k") == toEncoding && test.expiry("k") == expiry)
          test.set("k", from, .clear)
          #expect(test.get("k") == from && test.expiry("k") == nil && test.keyspace.expiresCount(database: 0) == 0)
        }
      }
    }
    #expect(test.count == 1)
  }

  @Test func integers() {
    let test = TestKeyspace()
    test.withFound("n") { test.keyspace.setInteger(&$0, 5) }
    #expect(test.get("n") == Array("5".utf8) && test.encoding("n") == .integer)
    test.withFound("n") { test.keyspace.setExpiry(&$0, at: TestKeyspace.start + 100) }
    test.withFound("n") { test.keyspace.setInteger(&$0, Int.min) }
    #expect(test.get("n") == Array(String(Int.min).utf8) && test.expiry("n") == TestKeyspace.start + 100)
    test.set("s", "text", .at(TestKeyspace.start + 100))
    test.withFound("s") { test.keyspace.setInteger(&$0, 1) }
    #expect(test.get("s") == Array("1".utf8) && test.expiry("s") == TestKeyspace.start + 100)
  }

  /// One byte at a time over all limits, then shorter again.
  @Test func modifiedStringsGrowAndShrink() {
    let test = TestKeyspace()
    var value: [UInt8] = []
    for i in 0..<2600 {
      test.append("k", UInt8(truncatingIfNeeded: i), 1)
      value.append(UInt8(truncatingIfNeeded: i))
      if test.get("k") != value {
        Issue.record("at \(i) bytes")
        return
      }
      if i == 500 { test.withFound("k") { test.keyspace.setExpiry(&$0, at: TestKeyspace.start + 9000) } }
    }
    #expect(test.expiry("k") == TestKeyspace.start + 9000 && test.encoding("k") == .external)
    let capacity = test.withFound("k") { $0.entry!.stringUnit!.capacity }
    #expect(capacity >= 2600 && capacity <= 4200)
    for count in [2599, 1025, 1024, 256, 255, 1, 0, 3000] {
      test.withFound("k") { found in try! unsafe test.keyspace.modifyString(&found, count: count) { _ in } }
      value = Array(value.prefix(count)) + bytes(max(0, count - value.count), 0)
      #expect(test.get("k") == value)
    }
    let name = test.withFound("k") { $0.entry!.encodingName.description }
    #expect(name == "raw")
  }

  /// What lies in a unit beyond its string is not seen when it grows into it.
  @Test func newBytesAreZero() {
    let test = TestKeyspace()
    test.set("k", bytes(5000, 255))
    for count in [1100, 4000, 1030, 5000] {
      test.withFound("k") { found in try! unsafe test.keyspace.modifyString(&found, count: count) { _ in } }
    }
    #expect(test.get("k") == bytes(1030, 255) + bytes(3970, 0))
  }

  @Test func fullBlocksGrow() {
    let test = TestKeyspace()
    test.set("k", bytes(2000))
    let capacity = test.withFound("k") { $0.entry!.stringUnit!.capacity }
    test.append("k", 121, capacity - 2000)
    let same = test.withFound("k") { $0.entry!.stringUnit!.capacity }
    #expect(same == capacity)
    test.append("k", 122, 1)
    let larger = test.withFound("k") { $0.entry!.stringUnit!.capacity }
    #expect(larger > capacity && test.get("k") == bytes(2000) + bytes(capacity - 2000, 121) + [122])
  }

  @Test func longKeys() {
    let test = TestKeyspace()
    for count in [0, 1, 4094, 4095, 4096, 100_000] {
      let key = String(repeating: "k", count: count)
      for expiry in [nil, TestKeyspace.start + 1000, 1 << 48, nil] as [Int?] {
        test.set(key, "value \(count)", expiry.map { .at($0) } ?? .clear)
        #expect(test.get(key) == Array("value \(count)".utf8) && test.expiry(key) == expiry)
        test.withFound(key) { test.keyspace.setExpiry(&$0, at: TestKeyspace.start + 2000) }
        #expect(test.get(key) == Array("value \(count)".utf8) && test.expiry(key) == TestKeyspace.start + 2000)
        test.withFound(key) { test.keyspace.clearExpiry(&$0) }
        #expect(test.get(key) == Array("value \(count)".utf8) && test.expiry(key) == nil)
      }
    }
    #expect(test.count == 6)
  }

  // MARK: Memory

  @Test func usedMemoryReturnsToTheStart() {
    guard !isSanitized else { return }
    let test = TestKeyspace()
    func fill() {
      for i in 0..<3000 {
        let expiry: ExpiryChange = i % 3 == 0 ? .at(TestKeyspace.start + 1000 * i + 1000) : .clear
        test.set("key:\(i)", bytes([3, 40, 300, 1500, 70_000][i % 1000 == 0 ? 4 : i % 4]), expiry, i % 2)
      }
      for i in 0..<1000 { test.append("key:\(i * 2)", 1, 700) }
    }
    func empty() { for i in 0..<3000 { test.remove("key:\(i)", i % 2) } }
    for _ in 0..<2 {
      fill()
      empty()
    }
    let before = test.settledBytes
    fill()
    let full = test.settledBytes
    empty()
    let after = test.settledBytes
    #expect(after == before && full > before + 1_000_000)
    fill()
    test.keyspace.flush(database: 0)
    test.keyspace.flush(database: 1)
    let flushed = test.settledBytes
    #expect(flushed == before)
  }

  @Test func largeValuesAreFreedInTheBackground() {
    let test = TestKeyspace()
    let freed = test.freer.progress.freed
    // The unit's size with its header decides.
    test.set("small", bytes(40_000))
    test.remove("small")
    #expect(test.freer.progress.freed + test.freer.progress.pending == freed)
    for i in 0..<5 { test.set("k", bytes(70_000 + i)) }
    test.remove("k")
    waitFor { test.freer.progress.pending == 0 }
    #expect(test.freer.progress.freed == freed + 5)
  }

  // MARK: Expiry

  @Test func expiresAfterItsMillisecond() {
    for distance in [0, 1, 15, 16, 17, 1000, 4095, 4096, 70_000] {
      let test = TestKeyspace()
      let deadline = TestKeyspace.start + distance
      test.set("k", "v", .at(deadline))
      test.keyspace.setTime(deadline - 1)
      test.expire()
      #expect(test.count == 1 && test.get("k") != nil)
      test.keyspace.setTime(deadline)
      test.expire()
      #expect(test.count == 1 && test.get("k") != nil, "\(distance) ms: early")
      test.keyspace.setTime(deadline + 1)
      #expect(test.get("k") == nil && test.count == 0, "\(distance) ms: there on access")
      #expect(test.keyspace.expiresCount(database: 0) == 0)

      // By the index alone.
      let index = TestKeyspace()
      index.set("k", "v", .at(deadline))
      var time = TestKeyspace.start
      while time < deadline + 100 && index.count == 1 {
        time = min(max(index.keyspace.nextExpiryMilliseconds ?? time, time + 1), time + 50)
        index.keyspace.setTime(time)
        index.expire()
      }
      #expect(time > deadline && time <= deadline + 17, "\(distance) ms: gone after \(time - TestKeyspace.start)")
      #expect(index.keyspace.nextExpiryMilliseconds == nil)
    }
  }

  @Test func widthsOfExpiry() {
    let test = TestKeyspace()
    let expiries = [0, 1, 1 << 48 - 1, 1 << 48, Int.max, Int.max - 1, TestKeyspace.start + 1]
    test.set("k", "value")
    for a in expiries {
      for b in expiries {
        for time in [a, b] {
          let before = test.keyspace.nowMilliseconds
          test.keyspace.setTime(0)
          test.withFound("k") { test.keyspace.setExpiry(&$0, at: time) }
          #expect(test.expiry("k") == time && test.get("k") == Array("value".utf8))
          #expect(test.keyspace.expiresCount(database: 0) == 1)
          _ = before
        }
      }
    }
    test.withFound("k") { test.keyspace.clearExpiry(&$0) }
    #expect(test.expiry("k") == nil && test.keyspace.expiresCount(database: 0) == 0)
    // Long past.
    for past in [-1, Int.min, 0] {
      test.set("p", "value", .at(past))
      test.keyspace.setTime(TestKeyspace.start)
      test.expire()
      #expect(test.count == 1)
    }
  }

  /// Segment by segment, 64 keys a step.
  @Test(arguments: [1, 63, 64, 65, 128, 129, 800, 900, 3000])
  func manyKeysWithOneDeadline(count: Int) {
    let test = TestKeyspace()
    for i in 0..<count { test.set("key:\(i)", "v", .at(TestKeyspace.start + 1000)) }
    for i in 0..<10 { test.set("far:\(i)", "v", .at(TestKeyspace.start + 100_000)) }
    test.keyspace.setTime(TestKeyspace.start + 1000)
    test.expire()
    #expect(test.count == count + 10)
    test.keyspace.setTime(TestKeyspace.start + 1017)
    var steps = 0
    var left = test.count
    while test.keyspace.expireStep() {
      #expect(left - test.count <= 64)
      left = test.count
      steps += 1
      if steps > count + 100 { break }
    }
    #expect(left == 10 && steps <= count / 32 + 10, "\(left) left after \(steps) steps")
    #expect(test.keyspace.expiryStatistics.expiredKeys == count)
    #expect(test.keyspace.expiryStatistics.lagMaxMilliseconds <= 17)
    test.keyspace.setTime(TestKeyspace.start + 100_017)
    test.expire()
    #expect(test.count == 0)
  }

  /// Deadlines all over ten seconds, time moving by the wheel's own reckoning: each goes within 50 ms.
  @Test func spreadDeadlinesGoInTime() {
    let test = TestKeyspace()
    var random = SeededGenerator.fresh()
    for i in 0..<5000 { test.set("key:\(i)", "v", .at(TestKeyspace.start + random.below(10_000))) }
    while let next = test.keyspace.nextExpiryMilliseconds {
      test.keyspace.setTime(max(next, test.keyspace.nowMilliseconds + 1))
      test.expire()
    }
    #expect(test.count == 0 && test.keyspace.expiryStatistics.expiredKeys == 5000)
    #expect(test.keyspace.expiryStatistics.lagMaxMilliseconds <= 50)
  }

  // MARK: The clock

  /// The system's clock is set back: what is set from then on still expires in time, and nothing spins.
  @Test(arguments: [20, 500, 1500, 60_000, 3_600_000, 40 * 365 * 86_400_000])
  func clockSetBack(milliseconds: Int) {
    let test = TestKeyspace()
    var now = TestKeyspace.start
    for i in 0..<200 { test.set("old:\(i)", "v", .at(now + 5000)) }
    now += 1000
    test.keyspace.setTime(now)
    test.expire()
    now -= milliseconds
    test.keyspace.setTime(now)
    // A clock that went back by less than a second stands still until time has caught up.
    let seen = test.keyspace.nowMilliseconds
    #expect(seen == (milliseconds < 1000 ? now + milliseconds : now))
    for i in 0..<200 { test.set("new:\(i)", "v", .at(seen + 100)) }
    #expect(test.expire(limit: 1000) < 1000, "spins")
    #expect(test.count == 400)
    now = seen + 150
    test.keyspace.setTime(now)
    #expect(test.expire(limit: 1000) < 1000, "spins")
    #expect(test.count == 200, "late")
    now = TestKeyspace.start + 5050
    test.keyspace.setTime(now)
    test.expire(limit: 1000)
    #expect(test.count == 0 && test.keyspace.nextExpiryMilliseconds == nil)
  }

  /// It leaps ahead: a machine without a battery learns the time, or two years go by.
  @Test(arguments: [86_400_000, 30 * 86_400_000, 400 * 86_400_000, 900 * 86_400_000, 56 * 365 * 86_400_000])
  func clockLeapsAhead(milliseconds: Int) {
    let test = TestKeyspace(nowMilliseconds: 1_000_000)
    let leap = 1_000_000 + milliseconds
    for i in 0..<200 { test.set("old:\(i)", "v", .at(1_000_000 + 5000)) }
    for i in 0..<200 { test.set("far:\(i)", "v", .at(leap + 5000)) }
    for i in 0..<200 { test.set("never:\(i)", "v", .at(1 << 48 + i)) }
    test.keyspace.setTime(leap)
    #expect(test.expire(limit: 1000) < 1000, "spins")
    #expect(test.count == 400)
    for i in 0..<200 { test.set("new:\(i)", "v", .at(leap + 100)) }
    test.keyspace.setTime(leap + 150)
    #expect(test.expire(limit: 1000) < 1000, "spins")
    #expect(test.count == 400, "late")
    test.keyspace.setTime(leap + 5050)
    #expect(test.expire(limit: 1000) < 1000, "spins")
    #expect(test.count == 200)
    test.keyspace.setTime(1 << 48 + 1000)
    #expect(test.expire(limit: 1000) < 1000, "spins")
    #expect(test.count == 0)
  }

  // MARK: Walking

  @Test func randomEntriesAreAlive() {
    let test = TestKeyspace()
    #expect(test.keyspace.randomEntry(database: 0) == nil)
    for i in 0..<50 { test.set("key:\(i)", "v", i % 2 == 0 ? .at(TestKeyspace.start + 10) : .clear) }
    test.keyspace.setTime(TestKeyspace.start + 11)
    for _ in 0..<300 {
      let key = test.keyspace.randomEntry(database: 0)!.key.string
      #expect(Int(key.dropFirst(4))! % 2 == 1)
    }
    test.keyspace.flush(database: 0)
    test.set("gone", "v", .at(TestKeyspace.start))
    #expect(test.keyspace.randomEntry(database: 0) == nil && test.count == 0)
  }

  @Test func scanPassesOverExpiredKeys() {
    let test = TestKeyspace()
    for i in 0..<1000 { test.set("key:\(i)", "v", i % 2 == 0 ? .at(TestKeyspace.start + 10) : .clear) }
    test.keyspace.setTime(TestKeyspace.start + 11)
    var keys = Set<String>()
    var cursor: UInt64 = 0
    repeat { cursor = test.keyspace.scan(database: 0, cursor: cursor,
      count: 10) { keys.insert($0.key.string) } } while cursor != 0
    #expect(keys == Set((0..<1000).filter { $0 % 2 == 1 }.map { "key:\($0)" }) && test.count == 1000)
  }

  @Test func expiredKeysAreToldOf() {
    final class Listener: EffectObserver {
      var effects: [String] = []
      func keyChanged(_ effect: Effect) {
        effects.append("\(effect.event) \(String(decoding: effect.key, as: UTF8.self)) \(effect.lengthBefore) \(effect.lengthAfter)")
      }
      func commandRan(_ arguments: [[UInt8]], database: Int) {
        effects.append(arguments.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") + " @\(database)")
      }
    }
    let test = TestKeyspace()
    let listener = Listener()
    test.keyspace.effects.observer = listener
    test.set("a", "1234", .at(TestKeyspace.start + 1))
    test.set("b", "value", .at(TestKeyspace.start + 1), 2)
    test.keyspace.setTime(TestKeyspace.start + 20)
    #expect(test.get("a") == nil)
    test.expire()
    #expect(listener.effects == ["expired a 4 -1", "DEL a @0", "expired b 5 -1", "DEL b @2"])
    #expect(test.keyspace.effects.dirty == 0 && test.keyspace.expiryStatistics.expiredKeys == 2)
  }
}
