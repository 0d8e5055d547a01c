@testable import Needletail

/// Makes what clients send: requests after the grammar of the command table, so that every command is among them as
/// soon as it has a row, with good, extreme and wrong values; then some of their bytes are changed.
struct FuzzSource {
  /// The limits that the test sets. Lengths are drawn at, below and above them.
  static let bulkMaxBytes = 256 << 10
  static let queryBufferMaxBytes = 1 << 20
  static let password = "secret"

  var random: SeededGenerator
  private let templates: [Template]
  /// How many of `templates` come often: those behind them end connections or answer at length.
  private let frequentCount: Int
  private let tokens: [[UInt8]]
  /// What DUMP makes of strings in all encodings, for RESTORE.
  private let payloads: [[UInt8]]
  private let filler: [UInt8]
  private let longLine = [UInt8](repeating: UInt8(ascii: "x"), count: RequestParser.inlineMaxBytes + 2)
  private var arguments: [[UInt8]] = []

  private struct Template {
    let words: [[UInt8]]
    let parts: [Part]
  }

  private struct Part {
    let kind: ArgumentSpec.Kind
    let token: [UInt8]?
    let isOptional: Bool
    let isMultiple: Bool
    /// What the argument is called.
    let name: String
    let parts: [Part]

    init(_ spec: ArgumentSpec) {
      kind = spec.kind
      token = spec.token.map { Array("\($0)".utf8) }
      isOptional = spec.isOptional
      isMultiple = spec.isMultiple
      name = "\(spec.name)"
      parts = spec.arguments.map(Part.init)
    }

    var allTokens: [[UInt8]] { (token.map { [$0] } ?? []) + parts.flatMap(\.allTokens) }
  }

  init(_ random: SeededGenerator) {
    self.random = random
    let server = TestServer()
    let rows = server.withEngine { engine in engine.commands.topLevelIndices.map { engine.commands.row($0) } }
    var all: [Template] = []
    for row in rows {
      let name = Array("\(row.name)".utf8)
      if row.subcommands.isEmpty { all.append(Template(words: [name], parts: row.docs.arguments.map(Part.init))) }
      for sub in row.subcommands {
        all.append(Template(words: [name, Array("\(sub.name)".utf8)], parts: sub.docs.arguments.map(Part.init)))
      }
    }
    for sub in ["digest", "digest-value", "object", "set-active-expire", "stringmatch-len"] {
      all.append(Template(words: [Array("debug".utf8), Array(sub.utf8)], parts: []))
    }
    all.append(Template(words: [Array("nosuch".utf8)], parts: []))
    all.append(Template(words: [Array("host:".utf8)], parts: []))
    let rare = all.filter(Self.isRare)
    let frequent = all.filter { !Self.isRare($0) }
    templates = frequent + rare
    frequentCount = frequent.count
    tokens = Array(Set(all.flatMap { $0.parts.flatMap(\.allTokens) })).sorted { $0.lexicographicallyPrecedes($1) }
    payloads = Self.makePayloads(server)
    filler = (0..<(2 * Self.bulkMaxBytes)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
  }

  private static func isRare(_ template: Template) -> Bool {
    let name = String(decoding: template.words[0], as: UTF8.self)
    let sub = template.words.count > 1 ? String(decoding: template.words[1], as: UTF8.self) : ""
    switch name {
    case "command", "info", "quit", "reset", "hello", "flushall", "flushdb", "host:", "lcs": return true
    case "client": return ["kill", "reply", "list"].contains(sub)
    default: return sub == "help"
    }
  }

  private static func makePayloads(_ server: TestServer) -> [[UInt8]] {
    let values = [[], [49], Array("-129".utf8), Array("70000".utf8), Array("1.5".utf8)]
      + interestingStringCounts.map { bytes($0) } + [[UInt8](repeating: 97, count: 3000)]
    return values.compactMap { value in
      server.run([Array("SET".utf8), [107], value])
      guard case .bytes(let payload) = server.run("DUMP", "k") else { return nil }
      return payload
    }
  }
}

// MARK: - Sessions

extension FuzzSource {
  /// What one connection sends in a row: mostly valid requests, or errors would end every connection at once.
  mutating func session() -> [UInt8] {
    var bytes: [UInt8] = []
    let isTransaction = random.chance(10)
    if isTransaction { bytes += "*1\r\n$5\r\nMULTI\r\n".utf8 }
    for _ in 0..<1 + random.below(random.chance(80) ? 12 : 80) {
      let start = bytes.count
      appendRequest(to: &bytes)
      if random.chance(5) { mutate(&bytes, from: start) }
      if isTransaction && random.chance(30) { break }
    }
    if isTransaction { bytes += "*1\r\n$4\r\nEXEC\r\n".utf8 }
    switch random.below(100) {
    case 0: for _ in 0..<1 + random.below(500) { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
    case 1: for _ in 0..<20 { bytes += pick(Self.fragments) }
    // A line as long as one may be, and no end of it.
    case 2: bytes += longLine.prefix(RequestParser.inlineMaxBytes - 1 + random.below(3))
    default: break
    }
    return bytes
  }

  /// Where a session is cut: nowhere, everywhere or here and there.
  mutating func cuts(_ count: Int) -> [Int] {
    switch random.below(10) {
    case 0..<6: return [count]
    case 6 where count < 400: return Array(1...count)
    default: return ((0..<1 + random.below(7)).map { _ in 1 + random.below(count) } + [count]).sorted()
    }
  }

  /// Changes bytes behind `start`.
  private mutating func mutate(_ bytes: inout [UInt8], from start: Int) {
    for _ in 0..<1 + random.below(3) {
      let place = start + random.below(bytes.count - start + 1)
      let end = min(bytes.count, place + 1 + random.below(20))
      switch random.below(6) {
      case 0: bytes.insert(contentsOf: pick(Self.fragments), at: place)
      case 1: bytes.removeSubrange(place..<end)
      case 2: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
      case 3: bytes.removeSubrange(place...)
      default: if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: random.next()) }
      }
    }
  }

  private static let fragments: [[UInt8]] = [
    "*", "$", "\r\n", "\r", "\n", "*0\r\n", "*-1\r\n", "*1\r\n", "*2147483647\r\n", "*2147483648\r\n", "$-1\r\n",
    "$0\r\n\r\n", "$262144\r\n", "$262145\r\n", "$32767\r\n", "$32768\r\n", "*10\r\n", "*11\r\n", "*1024\r\n",
    "*1000000\r\n", "$16384\r\n", "$16385\r\n", "\0", "\"", "'", "\\x", "\"\\x4", "*1\r\n$99999\r\n",
    "*3\r\n$3\r\nSET\r\n", ":1\r\n", "PING\r\n", "*18446744073709551617\r\n", "$9223372036854775807\r\n", "$00\r\n",
    "$+1\r\n", "*3\r\n$6\r\nAPPEND\r\n$2\r\nk1\r\n$100000\r\n",
  ].map { Array($0.utf8) }
}

// MARK: - Requests

extension FuzzSource {
  private mutating func appendRequest(to bytes: inout [UInt8]) {
    arguments.removeAll(keepingCapacity: true)
    let template = templates[random.chance(96) ? random.below(frequentCount) : random.below(templates.count)]
    arguments += template.words
    if random.chance(85) {
      for part in template.parts { append(part) }
    } else {
      for _ in 0..<random.below(6) { arguments.append(anything()) }
    }
    if random.chance(6) { disturb() }
    if random.chance(8) { appendInline(to: &bytes) } else { appendEncoded(to: &bytes) }
  }

  /// An argument less, more, twice or elsewhere.
  private mutating func disturb() {
    let place = random.below(arguments.count)
    switch random.below(5) {
    case 0: arguments.insert(anything(), at: place)
    case 1: arguments.remove(at: place)
    case 2: arguments.insert(arguments[place], at: place)
    case 3: arguments.swapAt(place, random.below(arguments.count))
    default: arguments += (0..<30 + random.below(40)).map { _ in anything() }
    }
  }

  private mutating func append(_ part: Part) {
    if part.isOptional && random.chance(60) { return }
    for _ in 0..<(part.isMultiple ? 1 + random.below(4) : 1) {
      if let token = part.token { arguments.append(token) }
      switch part.kind {
      case .pureToken: break
      case .oneOf: append(part.parts[random.below(part.parts.count)])
      case .block: for inner in part.parts { append(inner) }
      default: arguments.append(random.chance(90) ? value(part) : anything())
      }
    }
  }

  private mutating func value(_ part: Part) -> [UInt8] {
    switch part.name {
    case "serialized-value": return payload()
    case "protover", "numkeys", "index", "destination-db", "index1", "index2", "db": return pick(Self.digits)
    case "command", "command-name", "parameter", "username", "password", "section": return pick(Self.words)
    default: break
    }
    switch part.kind {
    case .key: return pick(Self.keys)
    case .integer, .unixTime, .double: return number()
    case .pattern: return pick(Self.patterns)
    default: return anything()
    }
  }

  private func appendEncoded(to bytes: inout [UInt8]) {
    appendLine("*", arguments.count, to: &bytes)
    for argument in arguments {
      appendLine("$", argument.count, to: &bytes)
      bytes += argument
      bytes.append(13)
      bytes.append(10)
    }
  }

  /// Made without a `String`: allocations cost most under a sanitizer.
  private func appendLine(_ type: Unicode.Scalar, _ count: Int, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: type))
    var divisor = 1
    while count / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      bytes.append(48 + UInt8(count / divisor % 10))
      divisor /= 10
    }
    bytes.append(13)
    bytes.append(10)
  }

  private mutating func appendInline(to bytes: inout [UInt8]) {
    for argument in arguments {
      let isQuoted = random.chance(30)
      if isQuoted { bytes.append(UInt8(ascii: "\"")) }
      bytes += argument.prefix(200)
      if isQuoted { bytes.append(UInt8(ascii: "\"")) }
      bytes.append(32)
    }
    bytes += random.chance(50) ? [13, 10] : [10]
  }
}

// MARK: - Arguments

extension FuzzSource {
  private mutating func pick(_ pool: [[UInt8]]) -> [UInt8] { pool[random.below(pool.count)] }

  private mutating func number() -> [UInt8] {
    random.chance(70) ? pick(Self.smallNumbers) : pick(Self.numbers)
  }

  private mutating func anything() -> [UInt8] {
    switch random.below(100) {
    case 0..<25: return pick(Self.keys)
    case 25..<45: return number()
    case 45..<60: return pick(tokens)
    case 60..<65: return pick(Self.words)
    case 65..<95: return slice([0, 1, 3, 8, 19, 20, 21, 43, 44, 45, 100, 254, 255, 256][random.below(14)])
    case 95..<99: return slice([1000, 1023, 1024, 1025, 4096, 16_384, 16_385][random.below(7)])
    default: return slice(largeCount())
    }
  }

  /// Where arguments are read into allocations of their own, where replies are pinned, where strings end.
  private mutating func largeCount() -> Int {
    let limits = [32 << 10, 64 << 10, Self.bulkMaxBytes]
    return limits[random.chance(90) ? random.below(2) : 2] - 1 + random.below(3)
  }

  private mutating func slice(_ count: Int) -> [UInt8] {
    let start = random.below(256)
    return Array(filler[start..<start + count])
  }

  /// A dumped value, mostly spoiled somewhere and then given a checksum that is right.
  private mutating func payload() -> [UInt8] {
    var payload = pick(payloads)
    if random.chance(20) { return payload }
    let footerCount = 10
    var body = Array(payload.dropLast(footerCount))
    for _ in 0..<1 + random.below(3) {
      let place = random.below(min(body.count, random.chance(80) ? 12 : body.count))
      switch random.below(3) {
      case 0: body[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: body[place] ^= 1 << UInt8(random.below(8))
      default: body.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
      }
    }
    if random.chance(10) { body.removeLast(random.below(body.count)) }
    payload = body + payload.suffix(footerCount).prefix(2)
    let checksum = withView(payload) { CRC64.updating(0, $0) }
    for place in 0..<8 { payload.append(UInt8(truncatingIfNeeded: checksum >> UInt64(8 * place))) }
    return payload
  }

  private static let keys = (["", "key with space", String(repeating: "k", count: 300), "a\r\nb"]
    + (0..<16).map { "k\($0)" }).map { Array($0.utf8) }

  private static let digits = [[48], [49], [50], [51]] as [[UInt8]]
  private static let smallNumbers = (-20..<280).map { Array("\($0)".utf8) }

  private static let numbers = [
    "0", "1", "2", "3", "-1", "-2", "10", "100", "9999", "10000", "-2147483648", "2147483647", "2147483648",
    "4294967296", "9223372036854775807", "9223372036854775806", "-9223372036854775808", "-9223372036854775807",
    "9223372036854775808", "18446744073709551615", "18446744073709551616", "262143", "262144", "262145",
    "281474976710655", "281474976710656", "1700000000000", "1700000000", "1700000000001", "9223372036854775",
    "9223372036854776", "1.5", "-0.5", "1e400", "1e4932", "inf", "-inf", "nan", "0x10", "1e-5000", "00", "+5", " 1",
    "", "5.", "0.30000000000000004",
  ].map { Array($0.utf8) }

  private static let patterns = [
    "*", "k?", "k1*", "k[0-3]", "k[^1]", "\\k1", "k[", "k[a-", "", "**1", "*k*", "[", "\\", "k[\\", "[^",
    "*?*?*?*[0-9]*",
    "********************a",
  ].map { Array($0.utf8) }

  /// What no row names: subcommands' values, names, dictionaries.
  private static let words = [
    password, "default", "on", "off", "skip", "yes", "no", "everything", "commandstats", "errorstats", "string",
    "nosuch",
    "maxmemory-policy", "allkeys-lfu", "noeviction", "lfu-log-factor", "lazyfree-lazy-user-del", "get", "set", "msetex",
    "config|get", "id", "type", "normal", "skipme", "addr", "2", "3",
  ].map { Array($0.utf8) }
}
