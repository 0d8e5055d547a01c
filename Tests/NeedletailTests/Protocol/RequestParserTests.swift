import Testing
@testable import Needletail

/// What came of a connection's bytes: whole requests, then perhaps an error.
struct Parsed: Equatable {
  var requests: [[[UInt8]]] = []
  var error: ProtocolError?
}

@Suite struct RequestParserTests {
  static let limits = RequestParser.Limits(bulkMaxBytes: 512 << 20, isAuthenticated: true)
  static let stranger = RequestParser.Limits(bulkMaxBytes: 512 << 20, isAuthenticated: false)

  /// Bytes and what a new client is told about them.
  static let corpus: [String] = [
    "*1\r\n$4\r\nPING\r\n",
    "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    "*1\r\n$0\r\n\r\nPING\r\n",
    "*3\r\n$3\r\nSET\r\n$4\r\n\r\n\r\n\r\n$3\r\n$1\n\r\nPING\r\n",
    "*2\r\n$4\r\nECHO\r\n$2\r\nhiXXPING\r\n",
    "*0\r\nPING\r\n", "*-1\r\nPING\r\n", "*-2\r\n*1\r\n$1\r\na\r\n", "\r\n\r\n\nPING\r\n", "   \r\nPING\n", "",
    "PING\r\n*1\r\n$4\r\nPING\r\nPING\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "  a\tb   c \u{b}\u{c} d\r\n", "ECHO a\u{b}b\u{c}c\td\re\r\n", "\u{c}ECHO \"a\"\u{b}b\r\n",
    "ECHO a\u{b}\r\n", "*1\u{0}\r\n", "*\u{0}1\r\n$1\r\na\r\n", "*1\r\n\u{0}4\r\nPING\r\n", "*1\r\n$4\u{0}\r\nPING\r\n",
    "*1\r\u{0}$4\r\nPING\r\n",
    "SET \"a b\" \"c\\x41\\xfg\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\nGET ''\r\n",
    "SET 'a b' 'it\\'s \\n \"'\r\n", "SET \"\" ''\r\n",
    "ECHO a\"b c\"\r\n", "ECHO a\u{0}b\r\nPING\r\n", "\u{0}\r\nPING\r\n",
    "SET \"a b\r\nPING\r\n", "SET 'a\r\nPING\r\n", "ECHO \"a\"b\r\n", "ECHO 'a'b\r\n", "ECHO \"a\\\r\n",
    "ECHO 'a\\\r\n",
    "PING\r\n\"\r\n",
    "*\r\nPING\r\n", "*abc\r\n", "*+1\r\n", "*01\r\n", "* 1\r\n", "*1 \r\n", "*-0\r\n", "*1\rX$1\r\na\r\n",
    "*2147483647\r\n$1\r\na\r\n", "*2147483648\r\n", "*99999999999999999999\r\n", "*-99999999999999999999\r\n",
    "*123456789\r\n$1\r\na\r\n", "*1234567890\r\n",
    "*1\r\nPING\r\n", "*1\r\n\u{1}\r\n", "*1\r\n:4\r\n", "*2\r\n$4\r\nECHO\r\n+hi\r\n", "*1\r\n\r\n",
    "*1\r\n$abc\r\n", "*1\r\n$\r\n", "*1\r\n$-1\r\n", "*1\r\n$+4\r\nPING\r\n", "*1\r\n$04\r\nPING\r\n",
    "*1\r\n$00\r\n", "*1\r\n$536870912\r\n", "*1\r\n$536870913\r\n", "*1\r\n$18446744073709551616\r\n",
    "PING\r\n*1\r\n$x\r\nPING\r\n", "*2\r\n$4\r\nECHO\r\n$10\r\nhel", "*", "*1\r", "*1", "$1\r\n", "PING", "PING\r",
    "*10\r\n" + String(repeating: "$1\r\na\r\n", count: 10), "*11\r\n" + String(repeating: "$1\r\na\r\n", count: 11),
    "*1\r\n$16385\r\n", "*1\r\n$16384\r\n",
  ]

  @Test(arguments: [true, false])
  func everyCut(isAuthenticated: Bool) {
    let limits = isAuthenticated ? Self.limits : Self.stranger
    for text in Self.corpus {
      let bytes = Array(text.utf8)
      let expected = NaiveParser.parse(bytes, limits)
      for way in Feeding.Way.allCases {
        #expect(Feeding.feed([bytes], limits, way) == expected, "whole, \(way): \(text.debugDescription)")
        #expect(Feeding.feed(bytes.map { [$0] }, limits, way) == expected, "bytes, \(way): \(text.debugDescription)")
        for cut in 0...bytes.count {
          let got = Feeding.feed([Array(bytes[..<cut]), Array(bytes[cut...])], limits, way)
          #expect(got == expected, "cut at \(cut), \(way): \(text.debugDescription)")
        }
      }
    }
  }

  @Test func binaryArguments() {
    let all = [UInt8](0...255)
    let bytes = request([all, all.reversed(), [], [13, 10], [0]])
    for way in Feeding.Way.allCases {
      for cut in 0...bytes.count {
        let got = Feeding.feed([Array(bytes[..<cut]), Array(bytes[cut...])], Self.limits, way)
        #expect(got == Parsed(requests: [[all, all.reversed(), [], [13, 10], [0]]]))
      }
    }
  }

  @Test func inlineBytes() {
    let bytes: [UInt8] = Array("ECHO ".utf8) + [255, 254, 128, 1, 10]
    #expect(Feeding.feed([bytes], Self.limits, .again).requests == [[Array("ECHO".utf8), [255, 254, 128, 1]]])
  }

  @Test(arguments: Feeding.Way.allCases)
  func inlineLimit(way: Feeding.Way) {
    let limit = 64 << 10
    for count in [limit - 1, limit, limit + 1] {
      let unended = [UInt8](repeating: 120, count: count)
      let error: ProtocolError? = count > limit ? .inlineTooBig : nil
      #expect(Feeding.feed([unended], Self.limits, way) == Parsed(error: error))
      // One that has its end is taken, as by Redis.
      #expect(Feeding.feed([unended + [10]], Self.limits, way) == Parsed(requests: [[unended]]))
      let star = [42] + [UInt8](repeating: 49, count: count - 1)
      #expect(Feeding.feed([star], Self.limits, way).error == (count > limit ? .countTooBig : nil))
      let dollar = Array("*1\r\n$".utf8) + [UInt8](repeating: 49, count: count - 1)
      #expect(Feeding.feed([dollar], Self.limits, way).error == (count > limit ? .bulkLengthTooBig : nil))
      let other = Array("*1\r\n".utf8) + unended
      #expect(Feeding.feed([other], Self.limits, way).error == (count > limit ? .bulkLengthTooBig : nil))
    }
  }

  @Test func countLimits() {
    func error(_ text: String, _ limits: RequestParser.Limits) -> ProtocolError? {
      Feeding.feed([Array(text.utf8)], limits, .again).error
    }
    #expect(error("*2147483646\r\n", Self.limits) == nil)
    #expect(error("*2147483647\r\n", Self.limits) == nil)
    #expect(error("*2147483648\r\n", Self.limits) == .invalidCount)
    #expect(error("*9\r\n", Self.stranger) == nil)
    #expect(error("*10\r\n", Self.stranger) == nil)
    #expect(error("*11\r\n", Self.stranger) == .unauthenticatedCount)
    #expect(error("*1\r\n$16383\r\n", Self.stranger) == nil)
    #expect(error("*1\r\n$16384\r\n", Self.stranger) == nil)
    #expect(error("*1\r\n$16385\r\n", Self.stranger) == .unauthenticatedBulkLength)
    let small = RequestParser.Limits(bulkMaxBytes: 100, isAuthenticated: true)
    #expect(error("*1\r\n$99\r\n", small) == nil)
    #expect(error("*1\r\n$100\r\n", small) == nil)
    #expect(error("*1\r\n$101\r\n", small) == .invalidBulkLength)
  }

  @Test func errorTexts() {
    let texts: [(ProtocolError, String)] = [
      (.inlineTooBig, "too big inline request"), (.unbalancedQuotes, "unbalanced quotes in request"),
      (.countTooBig, "too big mbulk count string"), (.invalidCount, "invalid multibulk length"),
      (.unauthenticatedCount, "unauthenticated multibulk length"), (.bulkLengthTooBig, "too big bulk count string"),
      (.invalidBulkLength, "invalid bulk length"), (.unauthenticatedBulkLength, "unauthenticated bulk length"),
      (.expectedDollar(58), "expected '$', got ':'"), (.expectedDollar(13), "expected '$', got ' '"),
    ]
    for (error, text) in texts {
      let bytes = Written.bytes { $0.protocolError(error) }
      #expect(bytes == Array("-ERR Protocol error: \(text)\r\n".utf8))
    }
  }

  /// Large arguments, alone and between others, cut at places around every boundary.
  @Test(arguments: [32_767, 32_768, 32_769, 100_000])
  func largeArguments(size: Int) {
    let value = bytes(size)
    let requests = [[Array("SET".utf8), Array("k".utf8), value], [value, Array("x".utf8), value, []], [[1]]]
    let wire = Array(requests.map { request($0) }.joined())
    let expected = Parsed(requests: requests)
    #expect(NaiveParser.parse(wire, Self.limits) == expected)
    var generator = SeededGenerator.fresh()
    var cuts: [[Int]] = [[], [1], [30], [32], [size], [size + 30], [size + 31], [size + 32], [size + 33]]
    for _ in 0..<(isLongRun ? 300 : 12) {
      cuts.append((0..<generator.below(6)).map { _ in generator.below(wire.count) }.sorted())
    }
    cuts.append(Array(stride(from: 0, to: wire.count, by: 1000)))
    for cuts in cuts {
      let edges = [0] + cuts + [wire.count]
      let pieces = zip(edges, edges.dropFirst()).map { Array(wire[$0..<$1]) }
      for way in Feeding.Way.allCases {
        let isEqual = Feeding.feed(pieces, Self.limits, way) == expected
        #expect(isEqual, "cuts at \(cuts), \(way), seed \(generator.seed)")
      }
    }
  }

  @Test func takingLargeArguments() throws {
    let value = bytes(40_000)
    let wire = request([[1], value, value])
    var pending = pendingRequest(Array(wire[..<10]))
    var isAppended = true
    var isIncomplete = try pending.next(Self.limits) == .incomplete
    #expect(isIncomplete)
    isAppended = withView(wire) { pending.append($0[10..<50_000]) }
    #expect(isAppended)
    isIncomplete = try pending.next(Self.limits) == .incomplete
    #expect(isIncomplete)
    isAppended = withView(wire) { pending.append($0[50_000..<wire.count]) }
    #expect(isAppended)
    let isComplete = try pending.next(Self.limits) == .complete
    #expect(isComplete)
    // The second argument came whole, with the bytes before it; the third had to be waited for.
    let third = pending.arguments[2]
    let taken = pending.largeArguments.take(third)
    let again = pending.largeArguments.take(third) != nil
    let whole = pending.largeArguments.take(pending.arguments[1]) != nil
    let small = pending.largeArguments.take(pending.arguments[0]) != nil
    #expect(!again && !whole && !small)
    let argument = try #require(taken)
    #expect(argument.byteCount == value.count)
    pending.finishRequest()
    // The bytes are the taker's, and outlive the request.
    #expect(third.array == value)
    unsafe Heap.free(argument.block, argument.blockBytes)
    let isDrained = pending.isDrained
    #expect(isDrained)
  }

  /// Requests without end, none of which ends where a piece does: the buffer stays small.
  @Test func bufferOfAnEndlessPipeline() throws {
    let one = request([Array("SET".utf8), Array("k".utf8), bytes(20_000)])
    var pending = pendingRequest(Array(one[..<10_000]))
    var complete = 0
    var largest = 0
    for _ in 0..<300 {
      let isAppended = withView(Array(one[10_000...] + one[..<10_000])) { pending.append($0) }
      #expect(isAppended)
      while try pending.next(Self.limits) == .complete {
        let isRight = pending.arguments.count == 3 && pending.arguments[2].array == bytes(20_000)
        #expect(isRight)
        complete += 1
        pending.finishRequest()
      }
      pending.compact()
      largest = max(largest, pending.capacity)
    }
    #expect(complete == 300)
    #expect(largest <= 256 << 10)
    let held = pending.byteCount
    #expect(held < 32 << 10)
  }

  /// What a burst needed is given back although the connection is never between two requests.
  @Test func bufferAfterABurst() throws {
    let one = request([Array("SET".utf8), Array("k".utf8), bytes(1000)])
    let burst = Array(repeating: one, count: 2000).joined() + one[..<500]
    var pending = pendingRequest(Array(burst))
    while try pending.next(Self.limits) == .complete { pending.finishRequest() }
    pending.compact()
    let capacity = pending.capacity
    #expect(capacity < 8 << 10)
    let isAppended = withView(one) { pending.append($0[500..<one.count]) }
    #expect(isAppended)
    let isComplete = try pending.next(Self.limits) == .complete
    #expect(isComplete)
    let last = pending.arguments[2].array
    #expect(last == bytes(1000))
  }
}

/// A request as clients send it.
func request(_ arguments: [[UInt8]]) -> [UInt8] {
  arguments.reduce(into: Array("*\(arguments.count)\r\n".utf8)) { $0 += Array("$\($1.count)\r\n".utf8) + $1 + [13, 10] }
}

private func pendingRequest(_ bytes: [UInt8]) -> PendingRequest {
  let block = unsafe Heap.allocate(bytes.count)
  defer { unsafe Heap.free(block, bytes.count) }
  withView(bytes) { unsafe $0.copy(to: block) }
  return unsafe PendingRequest(rest: ByteView(block, count: bytes.count))
}

// MARK: - Feeding as the server does

enum Feeding {
  enum Way: CaseIterable {
    /// What is left over is put in front of the next bytes and parsed anew.
    case again
    /// It is kept with its parse state, bytes come in by way of `append`.
    case pending
    /// The same, but bytes are received where `room` says.
    case received
  }

  static func feed(_ pieces: [[UInt8]], _ limits: RequestParser.Limits, _ way: Way) -> Parsed {
    var parsed = Parsed()
    var leftover: [UInt8] = []
    var box: [PendingBox] = []
    do throws(ProtocolError) {
      for piece in pieces where !piece.isEmpty {
        if let pending = box.first {
          if way == .pending { pending.append(piece) } else { pending.receive(piece) }
          try pending.parse(limits, into: &parsed)
          if pending.isDrained { box = [] }
          continue
        }
        try parse(leftover + piece, limits, way, &leftover, &box, &parsed)
      }
    } catch {
      parsed.error = error
    }
    return parsed
  }

  private static func parse(_ bytes: [UInt8], _ limits: RequestParser.Limits, _ way: Way, _ leftover: inout [UInt8],
    _ box: inout [PendingBox], _ parsed: inout Parsed) throws(ProtocolError)
  {
    // A block of exactly this size, so that a sanitizer sees every step too far.
    let block = unsafe Heap.allocate(max(bytes.count, 1))
    defer { unsafe Heap.free(block, max(bytes.count, 1)) }
    withView(bytes) { unsafe $0.copy(to: block) }
    var parser = RequestParser()
    while true {
      let start = parser.position
      var arguments = ArgumentBuffer(capacity: 1)
      switch unsafe try parser.next(block, end: bytes.count, limits, into: &arguments) {
      case .complete:
        parsed.requests.append((0..<arguments.count).map { arguments[$0].array })
      case .nothing:
        continue
      case .incomplete:
        let rest = unsafe ByteView(block + start, count: bytes.count - start)
        leftover = []
        guard !rest.isEmpty else { return }
        if way == .again && parser.awaitedLargeArgument == nil {
          leftover = rest.array
        } else {
          parser.didRemove(start)
          box = [PendingBox(PendingRequest(rest: rest, parser: parser, parsed: arguments, from: 0))]
        }
        return
      }
    }
  }
}

final class PendingBox {
  private var pending: PendingRequest
  init(_ pending: consuming PendingRequest) { self.pending = pending }

  var isDrained: Bool { pending.isDrained }

  func append(_ bytes: [UInt8]) {
    let isAppended = withView(bytes) { pending.append($0) }
    precondition(isAppended)
  }

  func receive(_ bytes: [UInt8]) {
    withView(bytes) { view in
      var rest = view
      while !rest.isEmpty {
        let (place, room) = unsafe pending.room(minimum: 100)!
        // Less than there is room for, as sockets do.
        let count = min(rest.count, room, max(1, rest.count / 2))
        unsafe rest[0..<count].copy(to: place)
        pending.received(count)
        rest = rest[count..<rest.count]
      }
    }
  }

  func parse(_ limits: RequestParser.Limits, into parsed: inout Parsed) throws(ProtocolError) {
    while true {
      switch try pending.next(limits) {
      case .complete:
        parsed.requests.append((0..<pending.arguments.count).map { pending.arguments[$0].array })
        pending.finishRequest()
      case .nothing: continue
      case .incomplete: return pending.compact()
      }
    }
  }
}

// MARK: - The reference

/// Redis's rules, written down as plainly as possible: looks at everything from the start, copies everything.
struct NaiveParser {
  private let bytes: [UInt8]
  private let limits: RequestParser.Limits
  private var position = 0

  static func parse(_ bytes: [UInt8], _ limits: RequestParser.Limits) -> Parsed {
    var parser = NaiveParser(bytes: bytes, limits: limits)
    var parsed = Parsed()
    do throws(ProtocolError) {
      while parser.position < bytes.count {
        guard let request = try parser.next() else { break }
        if !request.isEmpty { parsed.requests.append(request) }
      }
    } catch {
      parsed.error = error
    }
    return parsed
  }

  private init(bytes: [UInt8], limits: RequestParser.Limits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Nil: incomplete.
  private mutating func next() throws(ProtocolError) -> [[UInt8]]? {
    guard bytes[position] == 42 else { return try inline() }
    guard let header = try line(.countTooBig) else { return nil }
    guard let count = number(header), count <= 2_147_483_647 else { throw .invalidCount }
    if count > 10 && !limits.isAuthenticated { throw .unauthenticatedCount }
    var arguments: [[UInt8]] = []
    while arguments.count < count {
      guard position < bytes.count else { return nil }
      let type = bytes[position]
      guard let header = try line(.bulkLengthTooBig) else { return nil }
      if type != 36 { throw .expectedDollar(type) }
      guard let length = number(header), length >= 0, length <= limits.bulkMaxBytes else { throw .invalidBulkLength }
      if length > 16384 && !limits.isAuthenticated { throw .unauthenticatedBulkLength }
      guard position + length + 2 <= bytes.count else { return nil }
      arguments.append(Array(bytes[position..<position + length]))
      position += length + 2
    }
    return arguments
  }

  /// The line up to CR; whatever follows the CR is skipped as well. Nil: incomplete.
  private mutating func line(_ tooBig: ProtocolError) throws(ProtocolError) -> [UInt8]? {
    guard let end = bytes[position...].firstIndex(of: 13), !bytes[position..<end].contains(0) else {
      if bytes.count - position > 65536 { throw tooBig }
      return nil
    }
    guard end + 1 < bytes.count else { return nil }
    defer { position = end + 2 }
    return Array(bytes[position..<end])
  }

  /// The number behind the type byte.
  private func number(_ line: [UInt8]) -> Int? {
    let text = String(decoding: line.dropFirst(), as: UTF8.self)
    guard let number = Int(text), "\(number)" == text else { return nil }
    return number
  }

  private mutating func inline() throws(ProtocolError) -> [[UInt8]]? {
    guard let end = bytes[position...].firstIndex(of: 10), !bytes[position..<end].contains(0) else {
      if bytes.count - position > 65536 { throw .inlineTooBig }
      return nil
    }
    var line = Array(bytes[position..<end])
    if line.last == 13 { line.removeLast() }
    guard let words = Self.split(line) else { throw .unbalancedQuotes }
    position = end + 1
    return words
  }

  /// Redis's sdssplitargs, on bytes.
  private static func split(_ line: [UInt8]) -> [[UInt8]]? {
    let text = line.map { Character(Unicode.Scalar($0)) }
    func isSpace(_ c: Character) -> Bool { [" ", "\t", "\n", "\u{b}", "\u{c}", "\r"].contains(c) }
    var words: [[UInt8]] = []
    var rest = text[...]
    while true {
      rest = rest.drop { isSpace($0) }
      if rest.isEmpty { return words }
      var word: [Character] = []
      var quote: Character?
      scan: while true {
        guard let c = rest.first else {
          if quote != nil { return nil }
          break
        }
        switch (quote, c) {
        case (nil, " "), (nil, "\t"), (nil, "\n"), (nil, "\r"): break scan
        case (nil, "\""), (nil, "'"):
          quote = c
          rest = rest.dropFirst()
        case (nil, _):
          word.append(c)
          rest = rest.dropFirst()
        case (c, _):
          rest = rest.dropFirst()
          if let next = rest.first, !isSpace(next) { return nil }
          break scan
        case ("\"", "\\") where rest.count >= 2:
          let code = String(rest.dropFirst(2).prefix(2))
          if rest.dropFirst().first == "x", code.count == 2, code.allSatisfy({ $0.isHexDigit }) {
            word.append(Character(Unicode.Scalar(UInt8(code, radix: 16)!)))
            rest = rest.dropFirst(4)
          } else {
            let escaped = rest.dropFirst().first!
            let named: [Character: Character] = ["n": "\n", "r": "\r", "t": "\t", "b": "\u{8}", "a": "\u{7}"]
            word.append(named[escaped] ?? escaped)
            rest = rest.dropFirst(2)
          }
        case ("'", "\\") where rest.dropFirst().first == "'":
          word.append("'")
          rest = rest.dropFirst(2)
        default:
          word.append(c)
          rest = rest.dropFirst()
        }
      }
      words.append(word.map { UInt8($0.unicodeScalars.first!.value) })
    }
  }
}
