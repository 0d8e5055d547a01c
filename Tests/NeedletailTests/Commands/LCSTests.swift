import Testing
@testable import Needletail

@Suite struct LCSTests {
  let server = TestServer()

  @Test func example() {
    server.run("MSET", "a", "ohmytext", "b", "mynewtext")
    server.expect([
      ("LCS a b", "mytext"), ("LCS a b LEN", 6), ("LCS a none", ""), ("LCS none none LEN", 0), ("LCS a a", "ohmytext"),
      ("LCS a b IDX", ["matches", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len", 6]),
      ("LCS a b idx minmatchlen 4", ["matches", [[[4, 7], [5, 8]]], "len", 6]),
      ("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", ["matches", [[[4, 7], [5, 8], 4]], "len", 6]),
      ("LCS a b IDX MINMATCHLEN -1", ["matches", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len", 6]),
      ("LCS a b IDX MINMATCHLEN 5", ["matches", [], "len", 6]),
      ("LCS a none IDX", ["matches", [], "len", 0]), ("LCS a b MINMATCHLEN 4 WITHMATCHLEN", "mytext"),
    ])
    let client = server.connect(isRESP3: true)
    client.expect([("LCS a b IDX", .map(["matches", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len", 6]))])
  }

  @Test func integersCountAsTheirDigits() {
    server.expect([("MSET a 12345 b -1345", .ok), ("LCS a b", "1345"), ("LCS a b LEN", 4)])
  }

  @Test func errors() {
    server.expect([
      ("LCS a", .wrongArity("lcs")), ("LCS a b FOO", .syntaxError), ("LCS a b MINMATCHLEN", .syntaxError),
      ("LCS a b MINMATCHLEN x", .notAnInteger), ("LCS a b MINMATCHLEN x FOO", .notAnInteger),
      ("LCS a b LEN IDX", .error("ERR If you want both the length and indexes, please just use IDX.")),
    ])
  }

  @Test func theTableHasALimit() {
    let server = StringRangeTests.limited(to: 1000)
    let tooLarge = Reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    let long = String(repeating: "x", count: 24)
    // 4 bytes for each of (24 + 1) * (9 + 1).
    server.expect([
      ("MSET a \(long) b xxxxxxxxx c xxxxxxxxxx", .ok), ("LCS a b LEN", 9), ("LCS a c LEN", tooLarge),
      ("LCS c a", tooLarge),
      ("LCS a a IDX", tooLarge),
    ])
  }

  /// Against the textbook: the length by its recursive definition, the matches by what they must satisfy.
  @Test func random() {
    var generator = SeededGenerator.fresh()
    let seed = generator.seed
    for _ in 0..<300 {
      let a = (0..<Int.random(in: 0...12, using: &generator)).map { _ in "abc".utf8.randomElement(using: &generator)! }
      let b = (0..<Int.random(in: 0...12, using: &generator)).map { _ in "abc".utf8.randomElement(using: &generator)! }
      server.run([Array("MSET".utf8), Array("a".utf8), a, Array("b".utf8), b])
      let length = lcsLength(a[...], b[...])
      #expect(server.run("LCS", "a", "b", "LEN") == .integer(length), "seed \(seed)")
      guard case .bytes(let common) = server.run("LCS", "a", "b") else { return #expect(Bool(false)) }
      #expect(common.count == length && isSubsequence(common, of: a) && isSubsequence(common, of: b), "seed \(seed)")

      let reply = server.run("LCS", "a", "b", "IDX", "WITHMATCHLEN")
      #expect(reply["len"] == .integer(length))
      var joined: [UInt8] = []
      for match in (reply["matches"]?.elements ?? []).reversed() {
        let bounds = match.elements!.prefix(2).map { $0.elements!.map { $0.integerValue! } }
        let part = Array(a[bounds[0][0]...bounds[0][1]])
        #expect(part == Array(b[bounds[1][0]...bounds[1][1]]))
        #expect(match[2] == .integer(part.count))
        joined += part
      }
      #expect(joined == common, "seed \(seed)")
    }
  }

  private func lcsLength(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
    guard let first = a.first else { return 0 }
    let without = lcsLength(a.dropFirst(), b)
    guard let place = b.firstIndex(of: first) else { return without }
    return max(1 + lcsLength(a.dropFirst(), b[(place + 1)...]), without)
  }

  private func isSubsequence(_ part: [UInt8], of whole: [UInt8]) -> Bool {
    var rest = part[...]
    for byte in whole where rest.first == byte { rest.removeFirst() }
    return rest.isEmpty
  }
}
