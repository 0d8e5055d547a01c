import Testing
@testable import Needletail

/// A writer and one receiver of its replies.
@safe final class Written {
  private let writer: UnsafeMutablePointer<ReplyWriter>
  private let receivers: UnsafeMutablePointer<ReplyOutput>
  private let receiverCount: Int
  /// Units that were unpinned, by number.
  var unpinned: [Int] = []

  init(receivers count: Int = 1) {
    unsafe writer = .allocate(capacity: 1)
    unsafe writer.initialize(to: ReplyWriter())
    unsafe receivers = .allocate(capacity: count)
    for index in 0..<count { unsafe (receivers + index).initialize(to: ReplyOutput()) }
    receiverCount = count
  }

  deinit {
    for index in 0..<receiverCount { unsafe receivers[index].chain.removeAll { _ in } }
    unsafe receivers.deinitialize(count: receiverCount)
    unsafe receivers.deallocate()
    unsafe writer.deinitialize(count: 1)
    unsafe writer.deallocate()
  }

  func write(to index: Int = 0, isRESP3: Bool = false, usesArena: Bool = true, _ body: (inout ReplyWriter) -> Void) {
    unsafe writer.pointee.begin(receivers + index, isRESP3: isRESP3, usesArena: usesArena)
    unsafe body(&writer.pointee)
    unsafe writer.pointee.end()
  }

  func discard(_ body: (inout ReplyWriter) -> Void) {
    unsafe writer.pointee.beginDiscarding(isRESP3: false)
    unsafe body(&writer.pointee)
    unsafe writer.pointee.end()
  }

  var arenaUsed: Int { unsafe writer.pointee.arenaUsed }
  func byteCount(_ index: Int = 0) -> Int { unsafe receivers[index].byteCount }
  func arenaCount(_ index: Int = 0) -> Int { unsafe receivers[index].arenaCount }

  /// All that waits for a receiver, in order.
  func bytes(_ index: Int = 0) -> [UInt8] {
    let output = unsafe receivers + index
    var bytes = unsafe writer.pointee.arenaBytes(start: output.pointee.arenaStart, count: output.pointee.arenaCount).array
    unsafe output.pointee.chain.forEach { chunk in
      bytes += chunk.array
      return true
    }
    return bytes
  }

  /// As the server does after a write that took `count` bytes: the rest leaves the arena.
  func send(_ count: Int, from index: Int = 0) {
    let output = unsafe receivers + index
    let fromArena = unsafe min(count, output.pointee.arenaCount)
    unsafe output.pointee.arenaStart += fromArena
    unsafe output.pointee.arenaCount -= fromArena
    unsafe output.pointee.chain.consume(count - fromArena) { unit in unpinned.append(Int(bitPattern: unit)) }
    let rest = unsafe output.pointee.arenaCount
    guard rest > 0 else { return }
    unsafe output.pointee.chain.prepend(writer.pointee.arenaBytes(start: output.pointee.arenaStart, count: rest))
    unsafe output.pointee.arenaCount = 0
  }

  func resetArena() { unsafe writer.pointee.resetArena() }

  static func bytes(isRESP3: Bool = false, usesArena: Bool = true, _ body: (inout ReplyWriter) -> Void) -> [UInt8] {
    let written = Written()
    written.write(isRESP3: isRESP3, usesArena: usesArena, body)
    return written.bytes()
  }
}

@Suite struct ReplyWriterTests {
  private func expect(_ resp2: String, _ resp3: String? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: (inout ReplyWriter) -> Void)
  {
    for usesArena in [true, false] {
      let two = Written.bytes(isRESP3: false, usesArena: usesArena, body)
      #expect(String(decoding: two, as: UTF8.self) == resp2, sourceLocation: sourceLocation)
      let three = Written.bytes(isRESP3: true, usesArena: usesArena, body)
      #expect(String(decoding: three, as: UTF8.self) == resp3 ?? resp2, sourceLocation: sourceLocation)
    }
  }

  @Test func everyReply() {
    expect("+OK\r\n") { $0.ok() }
    expect("+PONG\r\n") { $0.simple("PONG") }
    expect("+raw\r\n") { $0.raw("+raw\r\n") }
    expect(":7\r\n") { writer in withView(Array(":7\r\n".utf8)) { writer.raw($0) } }
    for number in [0, 9, 10, -1, 99, 100, 9999, 10000, Int.max, Int.min] {
      expect(":\(number)\r\n") { $0.integer(number) }
      expect("$\("\(number)".count)\r\n\(number)\r\n") { $0.bulk(integer: number) }
    }
    expect("$0\r\n\r\n") { $0.bulk("") }
    expect("$0\r\n\r\n") { $0.bulk([UInt8]()) }
    expect("$3\r\na\r\n\r\n") { $0.bulk([97, 13, 10]) }
    expect("$2\r\nab\r\n") { $0.bulk(String("ab")) }
    expect("$2\r\nab\r\n") { $0.bulk(ByteView("ab")) }
    expect("$-1\r\n", "_\r\n") { $0.null() }
    expect("*-1\r\n", "_\r\n") { $0.nullArray() }
    expect("*0\r\n") { $0.array(0) }
    expect("*12\r\n") { $0.array(12) }
    expect("*14\r\n", "%7\r\n") { $0.map(7) }
    expect("*3\r\n", "~3\r\n") { $0.set(3) }
    expect("*2\r\n", ">2\r\n") { $0.push(2) }
    expect(":1\r\n:0\r\n", "#t\r\n#f\r\n") { writer in
      writer.bool(true)
      writer.bool(false)
    }
    expect("$3\r\nabc\r\n", "=7\r\ntxt:abc\r\n") { $0.verbatim("abc") }
    expect("$0\r\n\r\n", "=4\r\nmkd:\r\n") { $0.verbatim("", format: "mkd") }
    expect("*5\r\n+X <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+A\r\n+    b\r\n+HELP\r\n"
      + "+    Print this help.\r\n") { $0.help("X", ["A", "    b"]) }
  }

  @Test func errors() {
    expect("-ERR no\r\n") { $0.error("ERR no") }
    expect("-ERR a  b c\r\n") { $0.error(String("ERR a\r\nb\nc")) }
    expect("-ERR a b\r\n") { writer in withView(Array("ERR a\nb".utf8)) { writer.error($0) } }
    expect("-ERR '*'\r\n") { $0.error { text in
      text.append("ERR '")
      text.append(ByteView("*\u{0}x"), limit: 10)
      text.append("'")
    } }
    expect("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n") { $0.wrongType() }
    expect("-ERR syntax error\r\n") { $0.syntaxError() }
    expect("-ERR value is not an integer or out of range\r\n") { $0.notAnInteger() }
    // What does not fit the text's buffer is cut off.
    let long = Written.bytes { $0.error { text in for _ in 0..<2000 { text.append("x") } } }
    #expect(long == Array("-\(String(repeating: "x", count: 1024))\r\n".utf8))
    Written().write { writer in
      writer.error("ERR a")
      writer.error("ERR b")
      writer.error("NOAUTH c")
      let errors = writer.errors
      #expect(errors.total == 3)
      #expect(errors.entries.map(\.count) == [2, 1])
      writer.resetErrorCounts()
      let total = writer.errors.total
      #expect(total == 0)
    }
  }

  @Test func switchingTheProtocol() {
    expect("_\r\n$-1\r\n") { writer in
      writer.switchProtocol(isRESP3: true)
      writer.null()
      writer.switchProtocol(isRESP3: false)
      writer.null()
    }
  }

  /// Replies of every size on both sides of the arena's end and of chunks' ends.
  @Test func arenaToChain() {
    let filler = bytes(ReplyWriter.arenaBytes)
    for free in [0, 1, 23, 24, 100, 1023, 1024, 1025, 5000] {
      for size in [0, 1, 50, 900, 1100, 16_300, 16_384, 40_000] {
        let written = Written(receivers: 2)
        let filled = filler.count - free
        written.write(to: 0) { writer in withView(filler) { writer.raw($0[0..<filled]) } }
        #expect(written.arenaUsed == filled)
        let value = bytes(size)
        written.write(to: 1) { writer in
          for _ in 0..<3 { writer.bulk(value) }
          writer.ok()
        }
        let one = Array("$\(size)\r\n".utf8) + value + [13, 10]
        #expect(written.bytes(1) == one + one + one + Array("+OK\r\n".utf8), "free \(free), size \(size)")
        #expect(written.byteCount(1) == 3 * one.count + 5)
        if free <= 1024 { #expect(written.arenaCount(1) == 0) }
        #expect(written.arenaCount(0) == filled && written.byteCount(0) == filled)
      }
    }
  }

  /// Receivers in turn: whoever is not last in the arena goes on in its chain.
  @Test func receiversInTurn() {
    let written = Written(receivers: 3)
    var expected = [[UInt8]](repeating: [], count: 3)
    var generator = SeededGenerator.fresh()
    for turn in 0..<50 {
      for _ in 0..<20 {
        let index = generator.below(3)
        let text = bytes(generator.below(generator.chance(10) ? 30_000 : 50), from: UInt8(turn))
        written.write(to: index) { writer in
          writer.bulk(text)
          if generator.chance(20) { writer.integer(turn) }
        }
        expected[index] = written.bytes(index)
        #expect(Array(expected[index].suffix(2)) == [13, 10])
      }
      // An early write of one of them, then the turn's end for all.
      let early = generator.below(3)
      for index in [early, 0, 1, 2] {
        let count = generator.below(written.byteCount(index) + 1)
        written.send(count, from: index)
        expected[index].removeFirst(count)
        #expect(written.bytes(index) == expected[index], "seed \(generator.seed)")
        #expect(written.arenaCount(index) == 0)
        if index == early {
          written.write(to: index) { $0.ok() }
          expected[index] += Array("+OK\r\n".utf8)
          #expect(written.bytes(index) == expected[index], "seed \(generator.seed)")
        }
      }
      written.resetArena()
    }
  }

  @Test func deferredLengths() {
    for prefix in [0, 10, 20_000] {
      for elements in [0, 1, 3, 5000] {
        for usesArena in [true, false] {
          let before = bytes(prefix)
          let got = Written.bytes(isRESP3: true, usesArena: usesArena) { writer in
            writer.bulk(before)
            let outer = writer.deferLength()
            for number in 0..<elements { writer.integer(number) }
            let inner = writer.deferLength()
            writer.ok()
            writer.finish(inner, count: 1, type: UInt8(ascii: "~"))
            writer.finish(outer, count: elements + 1)
            writer.null()
          }
          let numbers = (0..<elements).map { ":\($0)\r\n" }.joined()
          let text = "*\(elements + 1)\r\n" + numbers + "~1\r\n+OK\r\n_\r\n"
          #expect(got == Array("$\(prefix)\r\n".utf8) + before + [13, 10] + Array(text.utf8))
        }
      }
    }
  }

  @Test func discarding() {
    let written = Written()
    written.write { $0.ok() }
    written.discard { writer in
      let canPin = writer.canPin
      let waiting = writer.waitingByteCount
      #expect(!canPin && waiting == 0)
      writer.ok()
      writer.bulk(bytes(100_000))
      let length = writer.deferLength()
      for number in 0..<10_000 { writer.integer(number) }
      writer.finish(length, count: 10_000)
      writer.error("ERR x")
      writer.bulk(bytes(200_000))
    }
    #expect(written.arenaUsed == 5)
    written.write { $0.integer(1) }
    #expect(written.bytes() == Array("+OK\r\n:1\r\n".utf8))
  }

  @Test func pinned() {
    let first = bytes(70_000)
    let second = bytes(90_000, from: 3)
    withView(first) { first in
      withView(second) { second in
        let written = Written()
        written.write { writer in
          writer.ok()
          unsafe writer.bulk(first, pinning: UnsafeMutableRawPointer(bitPattern: 8)!)
          unsafe writer.bulk(second, pinning: UnsafeMutableRawPointer(bitPattern: 16)!)
          writer.integer(5)
        }
        let expected = Array("+OK\r\n$70000\r\n".utf8) + first.array + Array("\r\n$90000\r\n".utf8) + second.array
          + Array("\r\n:5\r\n".utf8)
        #expect(written.bytes() == expected)
        #expect(written.byteCount() == expected.count)
        written.send(13 + 69_999)
        #expect(written.unpinned == [])
        written.send(1)
        #expect(written.unpinned == [8])
        written.send(expected.count - 70_013 - 1)
        #expect(written.unpinned == [8, 16])
        #expect(written.bytes() == [10])
        written.write { $0.ok() }
        #expect(written.bytes() == Array("\n+OK\r\n".utf8))
      }
    }
  }
}
