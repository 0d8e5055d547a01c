import Testing

@testable import Needletail

@Suite struct ReplyWriterTests {
  /// A writer and some receivers whose bytes can be taken out.
  @safe final class Sinks {
    var writer = ReplyWriter()
    let outputs: UnsafeMutablePointer<ReplyOutput>
    let count: Int
    var unpinned: [UInt] = []

    init(_ count: Int = 1) {
      self.count = count
      unsafe outputs = .allocate(capacity: count)
      for i in 0..<count { unsafe (outputs + i).initialize(to: ReplyOutput()) }
    }
    deinit {
      for i in 0..<count { unsafe outputs[i].chain.removeAll { _ in } }
      unsafe outputs.deinitialize(count: count)
      unsafe outputs.deallocate()
    }

    func write(_ i: Int = 0, isRESP3: Bool = false, usesArena: Bool = true, _ body: (inout ReplyWriter) -> Void) {
      unsafe writer.begin(outputs + i, isRESP3: isRESP3, usesArena: usesArena)
      body(&writer)
      writer.end()
    }

    /// All bytes of a receiver, in the order they are sent.
    func bytes(_ i: Int = 0) -> [UInt8] {
      let arena = unsafe writer.arenaBytes(start: outputs[i].arenaStart, count: outputs[i].arenaCount)
      var all = arena.array
      unsafe outputs[i].chain.forEach {
        all += $0.array
        return true
      }
      let count = unsafe outputs[i].byteCount
      #expect(count == all.count)
      return all
    }
    func text(_ i: Int = 0) -> String { String(decoding: bytes(i), as: UTF8.self) }

    /// Forgets what was written, as if it had been sent.
    func clear() {
      for i in 0..<count {
        unsafe outputs[i].arenaCount = 0
        unsafe outputs[i].chain.removeAll { unpinned.append(UInt(bitPattern: $0)) }
        let isEmpty = unsafe outputs[i].chain.isEmpty
        #expect(isEmpty)
      }
      writer.resetArena()
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String { resp3.debugDescription }
    let resp2: String
    let resp3: String
    let write: @Sendable (inout ReplyWriter) -> Void
    init(_ resp2: String, _ resp3: String? = nil, _ write: @escaping @Sendable (inout ReplyWriter) -> Void) {
      self.resp2 = resp2
      self.resp3 = resp3 ?? resp2
      self.write = write
    }
  }

  static let cases: [Case] = [
    Case("+OK\r\n") { $0.ok() },
    Case("+PONG\r\n") { $0.simple("PONG") },
    Case("+\r\n") { $0.simple("") },
    Case(":0\r\n") { $0.integer(0) },
    Case(":9\r\n") { $0.integer(9) },
    Case(":10\r\n") { $0.integer(10) },
    Case(":-1\r\n") { $0.integer(-1) },
    Case(":9223372036854775807\r\n") { $0.integer(.max) },
    Case(":-9223372036854775808\r\n") { $0.integer(.min) },
    Case("$0\r\n\r\n") { $0.bulk(ByteView.empty) },
    Case("$5\r\nhe\r\no\r\n") { $0.bulk(ByteView("he\r\no")) },
    Case("$2\r\nhi\r\n") { $0.bulk("hi" as StaticString) },
    Case("$3\r\n\u{20ac}\r\n") { $0.bulk("\u{20ac}" as String) },
    Case("$0\r\n\r\n") { $0.bulk("" as String) },
    Case("$3\r\nabc\r\n") { $0.bulk(Array("abc".utf8)) },
    Case("$0\r\n\r\n") { $0.bulk([]) },
    Case("$1\r\n7\r\n") { $0.bulk(integer: 7) },
    Case("$20\r\n-9223372036854775808\r\n") { $0.bulk(integer: .min) },
    Case("$-1\r\n", "_\r\n") { $0.null() },
    Case("*-1\r\n", "_\r\n") { $0.nullArray() },
    Case("*0\r\n") { $0.array(0) },
    Case("*1000000\r\n") { $0.array(1_000_000) },
    Case("*4\r\n", "%2\r\n") { $0.map(2) },
    Case("*12\r\n", "%6\r\n") { $0.map(6) },
    Case("*3\r\n", "~3\r\n") { $0.set(3) },
    Case("*2\r\n", ">2\r\n") { $0.push(2) },
    Case(":1\r\n", "#t\r\n") { $0.bool(true) },
    Case(":0\r\n", "#f\r\n") { $0.bool(false) },
    Case("$5\r\n-0.25\r\n", ",-0.25\r\n") { $0.double(ByteView("-0.25")) },
    Case("$4\r\ntext\r\n", "=8\r\ntxt:text\r\n") { $0.verbatim("text") },
    Case("$0\r\n\r\n", "=4\r\nmkd:\r\n") { $0.verbatim("", format: "mkd") },
    Case("-ERR no\r\n") { $0.error("ERR no" as StaticString) },
    Case("-ERR a  b c\r\n") { $0.error("ERR a\r\nb\nc" as String) },
    Case("-ERR x  y\r\n") { $0.error(ByteView("ERR x\r\ny")) },
    Case("-ERR <k  v> now\r\n") { $0.error { $0.append("ERR <"); $0.append(ByteView("k\r\nv\0w")); $0.append("> now") } },
    Case("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n") { $0.wrongType() },
    Case("-ERR syntax error\r\n") { $0.syntaxError() },
    Case("-ERR value is not an integer or out of range\r\n") { $0.notAnInteger() },
    Case("raw\r\n") { $0.raw("raw\r\n") },
    Case("raw") { $0.raw(ByteView("raw")) },
    Case("") { $0.raw(ByteView.empty) },
    Case("*5\r\n+C <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+A\r\n+B\r\n+HELP\r\n+    Print this help.\r\n") {
      $0.help("C", ["A", "B"])
    },
    Case("*2\r\n:1\r\n:2\r\n", "~2\r\n:1\r\n:2\r\n") {
      let length = $0.deferLength(atMost: 12)
      $0.integer(1)
      $0.integer(2)
      $0.finish(length, count: 2, type: $0.isRESP3 ? UInt8(ascii: "~") : UInt8(ascii: "*"))
    },
    Case("+a\r\n*1\r\n*0\r\n+z\r\n") {
      $0.simple("a")
      let outer = $0.deferLength(atMost: 12)
      let inner = $0.deferLength(atMost: 12)
      $0.finish(inner, count: 0)
      $0.finish(outer, count: 1)
      $0.simple("z")
    },
    Case("+2\r\n_\r\n$-1\r\n", "+2\r\n_\r\n$-1\r\n") {
      $0.simple("2")
      $0.switchProtocol(isRESP3: true)
      $0.null()
      $0.switchProtocol(isRESP3: false)
      $0.null()
    },
  ]

  @Test(arguments: cases, [true, false])
  func everyReply(_ test: Case, usesArena: Bool) {
    let sinks = Sinks()
    for isRESP3 in [false, true] {
      sinks.write(isRESP3: isRESP3, usesArena: usesArena, test.write)
      #expect(sinks.text() == (isRESP3 ? test.resp3 : test.resp2))
      sinks.clear()
    }
    // Thrown away.
    sinks.writer.beginDiscarding(isRESP3: true)
    test.write(&sinks.writer)
    sinks.writer.end()
    #expect(sinks.text() == "")
  }

  /// All replies one after another, at every distance from the end of the arena.
  @Test func repliesCrossTheEndOfTheArena() {
    let once = Self.cases.filter { !$0.resp2.isEmpty && !$0.resp2.hasPrefix("+2") }
    // A kibibyte is always left when a receiver begins in the arena; these replies need more.
    let all = once + once + once
    let expected = all.map { $0.resp3 }.joined()
    #expect(expected.utf8.count > 1200)
    let sinks = Sinks(2)
    for distance in stride(from: 1025, through: 1025 + expected.utf8.count, by: isLongRun ? 1 : 7) {
      // Receiver 1 leaves `distance` bytes free.
      let filler = [UInt8](repeating: 120, count: ReplyWriter.arenaBytes - distance)
      withView(filler) { view in sinks.write(1) { $0.raw(view) } }
      let used = sinks.writer.arenaUsed
      #expect(used == filler.count)
      sinks.write(0, isRESP3: true) { for test in all { test.write(&$0) } }
      if sinks.text(0) != expected {
        Issue.record("\(distance) bytes before the end")
        return
      }
      sinks.clear()
    }
  }

  /// Whatever came between header and end: nothing, much, values that are sent from where they lie, other headers.
  @Test func lengthsThatAreKnownLate() {
    let pinned = [UInt8](repeating: 7, count: 70_000)
    let unit = unsafe Heap.allocate(70_000)
    defer { unsafe Heap.free(unit, 70_000) }
    let pinnedView = unsafe ByteView(UnsafeRawPointer(unit), count: 70_000)
    withView(pinned) { unsafe $0.copy(to: unit) }
    let sinks = Sinks(2)
    var random = SeededGenerator.fresh()
    var expected: [UInt8] = []
    func aggregate(_ writer: inout ReplyWriter, _ depth: Int) {
      let count = random.below(4) * random.below(40)
      let most = count + (random.chance(50) ? 0 : random.below(100_000))
      let start = expected.count
      let length = writer.deferLength(atMost: most)
      for _ in 0..<count {
        switch random.below(60) {
        case 0 where depth < 3:
          aggregate(&writer, depth + 1)
        case 1:
          let bytes = [UInt8](repeating: 5, count: random.below(40_000))
          withView(bytes) { writer.bulk($0) }
          expected += Array("$\(bytes.count)\r\n".utf8) + bytes + [13, 10]
        case 2 where writer.canPin:
          unsafe writer.bulk(pinnedView, pinning: unit)
          expected += Array("$70000\r\n".utf8) + pinned + [13, 10]
        default:
          writer.integer(count)
          expected += Array(":\(count)\r\n".utf8)
        }
      }
      writer.finish(length, count: count)
      expected.insert(contentsOf: Array("*\(count)\r\n".utf8), at: start)
    }
    for step in 0..<(isLongRun ? 5_000 : 300) {
      expected = []
      // What another receiver has in the arena stays whole.
      let other = [UInt8](repeating: 120, count: random.chance(30) ? ReplyWriter.arenaBytes - 1025 - random.below(20_000) : 100)
      withView(other) { view in sinks.write(1) { $0.raw(view) } }
      sinks.write(usesArena: random.chance(80)) { writer in
        for _ in 0..<3 {
          aggregate(&writer, 0)
          writer.ok()
          expected += Array("+OK\r\n".utf8)
        }
        let waiting = writer.waitingByteCount
        if waiting != expected.count { Issue.record("seed \(random.seed): waiting \(waiting) of \(expected.count)") }
      }
      if sinks.bytes() != expected || sinks.bytes(1) != other {
        let got = sinks.bytes()
        Issue.record("seed \(random.seed), step \(step)")
        return
      }
      sinks.clear()
    }
  }

  @Test func fullArenaIsNotUsed() {
    let sinks = Sinks(2)
    let filler = [UInt8](repeating: 120, count: ReplyWriter.arenaBytes - 1024)
    withView(filler) { view in sinks.write(1) { $0.raw(view) } }
    sinks.write(0) { $0.ok() }
    let count = unsafe sinks.outputs[0].arenaCount
    #expect(count == 0 && sinks.text(0) == "+OK\r\n")
  }

  /// A value larger than what is left goes to the chain as a whole, its header may stay.
  @Test func largeValuesLeaveTheArena() {
    for count in [1000, 16_000, 16_384, 65_536, ReplyWriter.arenaBytes - 40, ReplyWriter.arenaBytes, 3 << 20] {
      let sinks = Sinks()
      let value = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      sinks.write { writer in
        withView(value) { writer.bulk($0) }
        writer.ok()
      }
      #expect(sinks.bytes() == Array("$\(count)\r\n".utf8) + value + Array("\r\n+OK\r\n".utf8))
    }
  }

  /// Several receivers in turns: each has its own bytes in order, whatever fell into arena or chain.
  @Test func receiversTakeTurns() {
    let sinks = Sinks(3)
    var random = SeededGenerator.fresh()
    var expected = [[UInt8]](repeating: [], count: 3)
    for step in 0..<(isLongRun ? 20_000 : 3_000) {
      let i = random.below(3)
      let isRESP3 = random.chance(50)
      sinks.write(i, isRESP3: isRESP3, usesArena: random.chance(90)) { writer in
        for _ in 0..<random.below(4) {
          let test = Self.cases[random.below(Self.cases.count - 1)]
          test.write(&writer)
          expected[i] += Array((isRESP3 ? test.resp3 : test.resp2).utf8)
        }
        if random.chance(5) {
          let value = [UInt8](repeating: UInt8(step & 127), count: random.below(70_000))
          withView(value) { writer.bulk($0) }
          expected[i] += Array("$\(value.count)\r\n".utf8) + value + [13, 10]
        }
        let waiting = writer.waitingByteCount
        if waiting != expected[i].count {
          Issue.record("seed \(random.seed): waiting \(waiting) of \(expected[i].count)")
        }
      }
      if random.chance(3) {
        for i in 0..<3 where sinks.bytes(i) != expected[i] {
          Issue.record("seed \(random.seed), step \(step)")
          return
        }
        expected = [[], [], []]
        sinks.clear()
      }
    }
  }

  @Test func pinnedBytesKeepTheirPlace() {
    let sinks = Sinks()
    let units = unsafe (0..<3).map { _ in unsafe Heap.allocate(64) }
    let addresses = unsafe units.map { UInt(bitPattern: $0) }
    let value = [UInt8](repeating: 7, count: 100_000)
    withView(value) { view in
      for usesArena in [true, false] {
        sinks.write(usesArena: usesArena) { writer in
          let canPin = writer.canPin
          #expect(canPin)
          writer.ok()
          unsafe writer.bulk(view, pinning: units[0])
          unsafe writer.bulk(view, pinning: units[1])
          writer.integer(5)
          unsafe writer.bulk(view, pinning: units[2])
        }
        let bulk = Array("$100000\r\n".utf8) + value + [13, 10]
        #expect(sinks.bytes() == Array("+OK\r\n".utf8) + bulk + bulk + Array(":5\r\n".utf8) + bulk)
        sinks.clear()
        #expect(sinks.unpinned == addresses)
        sinks.unpinned = []
      }
    }
    sinks.writer.beginDiscarding(isRESP3: false)
    let canPin = sinks.writer.canPin
    sinks.writer.end()
    #expect(!canPin)
    for i in 0..<3 { unsafe Heap.free(units[i], 64) }
  }

  @Test func discardedRepliesCanBeLarge() {
    let sinks = Sinks()
    let value = [UInt8](repeating: 1, count: 200_000)
    for round in 0..<3 {
      sinks.writer.beginDiscarding(isRESP3: false)
      withView(value) { for _ in 0..<3 { sinks.writer.bulk($0); sinks.writer.ok() } }
      let length = sinks.writer.deferLength(atMost: 12)
      sinks.writer.finish(length, count: 0)
      sinks.writer.end()
      sinks.write { $0.integer(round) }
      #expect(sinks.text() == ":\(round)\r\n")
      sinks.clear()
    }
  }

  /// In the middle of a receiver's replies, as CLIENT REPLY SKIP does.
  @Test(arguments: [true, false])
  func suspendedRepliesAreLost(usesArena: Bool) {
    let sinks = Sinks()
    let value = [UInt8](repeating: 1, count: 200_000)
    for round in 0..<3 {
      sinks.write(isRESP3: true, usesArena: usesArena) { writer in
        writer.resume()  // of nothing
        writer.integer(round)
        writer.suspend()
        let canPin = writer.canPin
        #expect(!canPin)
        writer.ok()
        withView(value) { writer.bulk($0) }
        let length = writer.deferLength(atMost: 12)
        writer.null()
        writer.finish(length, count: 1)
        writer.suspend()
        writer.ok()
        writer.resume()
        writer.null()
        writer.suspend()
        writer.ok()
      }
      #expect(sinks.text() == ":\(round)\r\n_\r\n")
      sinks.clear()
    }
  }

  /// The writer, its arena and what it threw away.
  @Test func writerGivesItsMemoryBack() {
    guard !isSanitized else { return }
    let counters = MemoryCounters()
    counters.registerCurrentThread()
    func use() {
      var writer = ReplyWriter()
      writer.beginDiscarding(isRESP3: false)
      writer.bulk("some text" as StaticString)
      writer.end()
    }
    use()
    let before = counters.usedByteCount
    use()
    let after = counters.usedByteCount
    #expect(after == before)
  }

  @Test func errorsAreCounted() {
    let sinks = Sinks()
    sinks.write { writer in
      writer.wrongType()
      writer.syntaxError()
      writer.notAnInteger()
      writer.error(ByteView("ERR"))
    }
    let errors = sinks.writer.errors
    #expect(errors.total == 4 && errors.entries.map { $0.count } == [1, 3])
    #expect(errors.entries.map { String(decoding: $0.code, as: UTF8.self) } == ["WRONGTYPE", "ERR"])
  }
}
