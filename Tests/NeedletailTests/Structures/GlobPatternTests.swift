import Testing

@testable import Needletail

/// Rows marked "Redis" are what Redis 8.2.3 answers to `KEYS pattern` with one key.
@Suite struct GlobPatternTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String { "\(String(decoding: pattern.prefix(12), as: UTF8.self)) (\(pattern.count) bytes)" }
    var pattern: [UInt8]
    var subject: [UInt8]
    var isMatch: Bool
    init(_ pattern: String, _ subject: String, _ isMatch: Bool) {
      (self.pattern, self.subject, self.isMatch) = (Array(pattern.utf8), Array(subject.utf8), isMatch)
    }
    init(bytes pattern: [UInt8], _ subject: [UInt8], _ isMatch: Bool) {
      (self.pattern, self.subject, self.isMatch) = (pattern, subject, isMatch)
    }
  }

  static let cases: [Case] = [
    Case("", "", true), Case("", "a", false), Case("a", "", false), Case("a", "a", true), Case("a", "A", false),
    Case("abc", "abc", true), Case("abc", "abcd", false), Case("abc", "ab", false),
    Case("?", "a", true), Case("?", "", false), Case("?", "ab", false), Case("h?llo", "hello", true),
    Case("*", "a", true), Case("*", "", false), Case("**", "", false), Case("a*", "a", true), Case("a**", "a", true),
    Case("*a", "a", true), Case("*a", "ba", true), Case("*a", "ab", false), Case("a*?", "a", false),
    Case("*abc*", "xxabcxx", true), Case("a*b*c", "aXbYc", true), Case("a*b*c", "aXcYb", false),
    Case("*ab", "aab", true), Case("*aab", "aaab", true), Case("*.*.c", "a.b.b.c", true),
    Case("[abc]", "b", true), Case("[abc]", "d", false), Case("[^abc]", "d", true), Case("[^abc]", "a", false),
    Case("[a-c]x", "bx", true), Case("[z-a]", "m", true), Case("[a-cx-z]", "y", true), Case("[a-cx-z]", "d", false),
    // Redis: a range may end in "]", a class may be open, empty, or only half a range.
    Case("[a-]", "^", true), Case("[a-]", "b", false), Case("[a-]x", "]x", false), Case("[]a]", "a", false),
    Case("[]", "a", false), Case("[^]", "a", true), Case("[^", "a", true), Case("[", "a", false),
    Case("[a", "a", true), Case("[a-", "-", true), Case("[a\\", "\\", true), Case("[\\]]", "]", true),
    Case("a\\", "a\\", true), Case("a\\", "a", false), Case("\\*", "*", true), Case("\\*", "a", false),
    Case("\\\\", "\\", true), Case("a\\?b", "a?b", true), Case("[*]", "*", true), Case("[*]", "a", false),
    // Redis: ends of a range are signed.
    Case(bytes: [0x5b, 1, 0x2d, 0xff, 0x5d], [0x61], false), Case(bytes: [0x5b, 1, 0x2d, 0xff, 0x5d], [0], true),
    Case(bytes: [0x5b, 1, 0x2d, 0xff, 0x5d], [0xff], true), Case(bytes: [0x5b, 0x61, 0x2d, 0x80, 0x5d], [0xf0], true),
    Case(bytes: [0x5b, 0x61, 0x2d, 0x80, 0x5d], [0x41], true), Case(bytes: [0x2a, 0], [0x61, 0], true),
    // Redis: more than a thousand stars match nothing; the trailing one is free.
    Case("*" + String(repeating: "?*", count: 1000), String(repeating: "x", count: 1500), true),
    Case("*" + String(repeating: "?*", count: 1001), String(repeating: "x", count: 1500), false),
    Case("*" + String(repeating: "?*", count: 999) + "?", String(repeating: "x", count: 1500), true),
    Case("*" + String(repeating: "?*", count: 1000) + "?", String(repeating: "x", count: 1500), false),
    Case(String(repeating: "a*", count: 1001), String(repeating: "a", count: 1001), true),
    Case(String(repeating: "a*", count: 1002), String(repeating: "a", count: 1002), false),
  ]

  @Test(arguments: cases)
  func table(_ test: Case) {
    #expect(glob(test.pattern, test.subject) == test.isMatch)
    #expect(naiveMatch(test.pattern[...], test.subject[...], nocase: false) == test.isMatch)
  }

  @Test func caseIsIgnoredOnRequest() {
    #expect(glob("ABC", "abC", ignoringCase: true))
    #expect(glob("[A-C]*", "bXX", ignoringCase: true))
    #expect(!glob("[Z-a]", "z", ignoringCase: true))
    #expect(!glob("[\\A]", "a", ignoringCase: true))
    #expect(glob("\\A", "a", ignoringCase: true))
    #expect(!glob("[", "{", ignoringCase: true))
  }

  @Test func shapesAreRecognised() {
    func with(_ pattern: String, _ body: (GlobPattern) -> Bool) -> Bool {
      let bytes = Array(pattern.utf8)
      return unsafe bytes.withUnsafeBytes { unsafe body(GlobPattern($0)) }
    }
    #expect(with("*") { $0.isStar })
    #expect(!with("**") { $0.isStar })
    #expect(!with("") { $0.isStar })
    #expect(with("port") { $0.isLiteral })
    #expect(with("") { $0.isLiteral })
    #expect(!with("p\\ort") { $0.isLiteral })
    #expect(!with("p?") { $0.isLiteral })
  }

  /// A recursive matcher needs longer than the universe is old for this.
  @Test func hostilePatternsEndSoon() {
    let pattern = Array((String(repeating: "a*", count: 900) + "b").utf8)
    let subject = [UInt8](repeating: UInt8(ascii: "a"), count: 20_000)
    let clock = ContinuousClock()
    let elapsed = clock.measure { #expect(!glob(pattern, subject)) }
    #expect(elapsed < .seconds(2))
  }

  @Test func agreesWithTheNaiveMatcher() {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix(state: seed)
    let patternBytes = Array("**??[[]]^^--\\\\aabbAB".utf8) + [0, 0x80, 0xff]
    let subjectBytes = Array("aaabbAB]-^*\\[".utf8) + [0, 0x80, 0xff]
    for _ in 0..<60_000 {
      let pattern = (0..<Int.random(in: 0...9, using: &random)).map { _ in patternBytes.randomElement(using: &random)! }
      let subject = (0..<Int.random(in: 0...7, using: &random)).map { _ in subjectBytes.randomElement(using: &random)! }
      let nocase = Bool.random(using: &random)
      let expected = naiveMatch(pattern[...], subject[...], nocase: nocase)
      guard glob(pattern, subject, ignoringCase: nocase) == expected else {
        Issue.record("seed \(seed): pattern \(pattern) subject \(subject) nocase \(nocase): expected \(expected)")
        return
      }
    }
  }
}

private func glob(_ pattern: [UInt8], _ subject: [UInt8], ignoringCase: Bool = false) -> Bool {
  unsafe pattern.withUnsafeBytes { pattern in
    unsafe subject.withUnsafeBytes { subject in
      unsafe GlobPattern(pattern, ignoringCase: ignoringCase).matches(subject)
    }
  }
}

private func glob(_ pattern: String, _ subject: String, ignoringCase: Bool = false) -> Bool {
  glob(Array(pattern.utf8), Array(subject.utf8), ignoringCase: ignoringCase)
}

/// The rules written down as directly as possible: one recursion per element, and a star tries every length. `stars`
/// counts those that had something behind them; one too many gives nil, which ends the whole search.
private func naiveMatch(_ pattern: ArraySlice<UInt8>, _ subject: ArraySlice<UInt8>, nocase: Bool) -> Bool {
  if subject.isEmpty { return pattern.isEmpty }
  return naiveStep(pattern, subject, nocase, stars: 0) ?? false
}

private func naiveStep(
  _ pattern: ArraySlice<UInt8>, _ subject: ArraySlice<UInt8>, _ nocase: Bool, stars: Int
) -> Bool? {
  func lower(_ byte: UInt8) -> UInt8 { nocase && byte >= 65 && byte <= 90 ? byte + 32 : byte }
  guard let byte = subject.first else { return pattern.allSatisfy { $0 == UInt8(ascii: "*") } }
  guard let element = pattern.first else { return false }
  let rest = pattern.dropFirst()
  switch element {
  case UInt8(ascii: "*"):
    let behind = rest.drop { $0 == UInt8(ascii: "*") }
    if behind.isEmpty { return true }
    if stars == 1000 { return nil }
    for start in subject.indices {
      guard let isMatch = naiveStep(behind, subject[start...], nocase, stars: stars + 1) else { return nil }
      if isMatch { return true }
    }
    return false
  case UInt8(ascii: "?"):
    return naiveStep(rest, subject.dropFirst(), nocase, stars: stars)
  case UInt8(ascii: "["):
    var members = rest
    let isNegated = members.first == UInt8(ascii: "^")
    if isNegated { members = members.dropFirst() }
    var isMember = false
    while let member = members.first {
      let at = members.startIndex
      if member == UInt8(ascii: "\\"), members.count >= 2 {
        isMember = isMember || members[at + 1] == byte
        members = members.dropFirst(2)
      } else if member == UInt8(ascii: "]") {
        members = members.dropFirst()
        break
      } else if members.count >= 3, members[at + 1] == UInt8(ascii: "-") {
        let ends = [member, members[at + 2]].map { Int8(bitPattern: $0) }.sorted()
        let low = Int8(bitPattern: lower(UInt8(bitPattern: ends[0])))
        let high = Int8(bitPattern: lower(UInt8(bitPattern: ends[1])))
        let value = Int8(bitPattern: lower(byte))
        isMember = isMember || (low <= value && value <= high)
        members = members.dropFirst(3)
      } else {
        isMember = isMember || lower(member) == lower(byte)
        members = members.dropFirst()
      }
    }
    return isMember == isNegated ? false : naiveStep(members, subject.dropFirst(), nocase, stars: stars)
  case UInt8(ascii: "\\") where !rest.isEmpty:
    guard lower(rest.first!) == lower(byte) else { return false }
    return naiveStep(rest.dropFirst(), subject.dropFirst(), nocase, stars: stars)
  default:
    return lower(element) == lower(byte) ? naiveStep(rest, subject.dropFirst(), nocase, stars: stars) : false
  }
}

/// A small generator with a seed that can be printed and used again.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
