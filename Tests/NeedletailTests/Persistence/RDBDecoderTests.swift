import Foundation
import Testing
@testable import Needletail

private let now = 1_700_000_000_000
private let options = RDBDecoderOptions(seed: HashSeed(k0: 1, k1: 2), tag: 1, clock: AccessClock(),
  limits: CollectionLimits(), freer: sharedFreer,
  nowMilliseconds: now, databaseCount: 16)

/// A file with one of everything, by hand.
private func file(version: String = "REDIS0009", _ body: [UInt8], checksum: UInt64? = nil) -> [UInt8] {
  var bytes = Array(version.utf8) + body + [RDBOpcode.end]
  var sum = checksum ?? withView(bytes) { CRC64.updating(0, $0) }
  for _ in 0..<8 {
    bytes.append(UInt8(truncatingIfNeeded: sum))
    sum >>= 8
  }
  return bytes
}

private func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
private func fixed(_ value: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

private let sample: [UInt8] = {
  var body: [UInt8] = [RDBOpcode.aux] + text("redis-ver") + text("8.2.3")
  body += [RDBOpcode.aux] + text("redis-bits") + [0xc0, 64]
  body += [RDBOpcode.select, 0, RDBOpcode.resize, 4, 2, RDBOpcode.slotInfo, 1, 2, 3]
  body += [0] + text("plain") + text("value")
  body += [RDBOpcode.expiryMilliseconds] + fixed(now + 1000) + [0] + text("later") + [0xc1, 0x39, 0x30]
  body += [RDBOpcode.expiryMilliseconds] + fixed(now - 1) + [0] + text("gone") + text("x")
  body += [RDBOpcode.expirySeconds, 0xff, 0xff, 0xff, 0x7f, 0] + text("seconds") + text("12345678901")
  body += [RDBOpcode.select, 3, RDBOpcode.idle, 0x40, 100, 0] + text("idle") + [0xc0, 0xff]
  // One byte, and a reference to it 264 bytes long.
  body += [RDBOpcode.frequency, 7, 0] + text("lzf") + [0xc3, 5, 0x41, 0x09, 0, 120, 0xe0, 0xff, 0]
  return body
}()

/// What a file holds, as text; expired keys are counted.
private func contents(_ bytes: [UInt8], isFile: Bool = false) throws -> [String] {
  func all(_ reader: consuming RDBReader) throws -> [String] {
    var decoder = RDBDecoder(reader, options)
    var found: [String] = []
    try decoder.header()
    while true {
      switch try decoder.next() {
      case .auxiliary(let name, let value):
        found.append(String(decoding: name, as: UTF8.self) + "=" + String(decoding: value, as: UTF8.self))
      case .database(let number): found.append("db\(number)")
      case .sizes(let keys, let expires): found.append("\(keys),\(expires)")
      case .expiredKey: found.append("expired")
      case .end: return found
      case .entry(let decoded):
        // A changed byte may have made another type of it.
        let value = decoded.entry.type == .string ? decoded.entry.withString { $0.string } : "\(decoded.entry.type)"
        let expiry = decoded.expiry.map { " \($0)" } ?? ""
        #expect(decoded.entry.expiry == decoded.expiry)
        #expect(decoded.hash == sipHash13(decoded.entry.key, options.seed))
        found.append("\(decoded.entry.key.string)=\(value)\(expiry)")
        decoded.free(tag: options.tag, options.freer.limbo)
      }
    }
  }
  guard isFile else { return try withView(bytes) { try all(RDBReader($0)) } }
  let stream = unsafe tmpfile()!
  defer { unsafe fclose(stream) }
  let descriptor = unsafe fileno(stream)
  _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
  lseek(descriptor, 0, SEEK_SET)
  return try all(RDBReader(descriptor: descriptor, byteCount: bytes.count, computesChecksum: true, windowBytes: 512))
}

@Suite struct RDBDecoderTests {
  static let expected = [
    "redis-ver=8.2.3", "redis-bits=64", "db0", "4,2", "plain=value", "later=12345 \(now + 1000)", "expired",
    "seconds=12345678901 2147483647000", "db3", "idle=-1", "lzf=" + String(repeating: "x", count: 265),
  ]

  @Test func everyRecord() throws {
    let found = try contents(file(sample), isFile: true)
    #expect(found == Self.expected)
  }

  @Test(arguments: ["REDIS0001", "REDIS0006", "REDIS0010", "REDIS0012", "VALKEY080"])
  func versions(_ version: String) throws {
    #expect(try contents(file(version: version, [0] + text("k") + text("v")), isFile: true) == ["k=v"])
  }

  @Test func versionsThatNobodyKnows() {
    for (version, fault) in [
      ("REDIS0000", RDBError.Fault.version(0)), ("REDIS0013", .version(13)), ("REDIS9999", .version(9999)),
      ("VALKEY081", .version(81)), ("VALKEY011", .version(11)), ("REDIS0080", .version(80)),
      ("REDIS00x1", .notASnapshot), ("redis0009", .notASnapshot),
    ] {
      #expect(throws: RDBError(fault: fault, offset: 0)) { try contents(file(version: version, [])) }
    }
  }

  @Test func whatIsNotBuiltSaysSo() {
    for (type, what) in [(15, "a stream (type 15)"), (22, "a hash (type 22)"), (7, "a module's value (type 7)")] {
      #expect(throws: RDBError(fault: .notBuilt(what), offset: 9)) { try contents(file([UInt8(type)] + text("k"))) }
    }
    #expect(throws: RDBError(fault: .notBuilt("a function library"), offset: 9)) {
      try contents(file([RDBOpcode.function] + text("k")))
    }
    #expect(throws: RDBError(fault: .unknownType(99), offset: 9)) { try contents(file([99] + text("k"))) }
    #expect(throws: RDBError(fault: .database(16), offset: 9)) { try contents(file([RDBOpcode.select, 16])) }
  }

  @Test func checksums() throws {
    let body = [0] + text("k") + text("v")
    // Zero: none was taken.
    #expect(try contents(file(body, checksum: 0), isFile: true) == ["k=v"])
    let right = withView(Array("REDIS0009".utf8) + body + [RDBOpcode.end]) { CRC64.updating(0, $0) }
    #expect(throws: RDBError(fault: .checksum(expected: right ^ 1, found: right), offset: 15)) {
      try contents(file(body, checksum: right ^ 1), isFile: true)
    }
    // Before version 5 there was none.
    #expect(try contents(Array("REDIS0004".utf8) + body + [RDBOpcode.end], isFile: true) == ["k=v"])
  }

  @Test func cutAtEveryByte() throws {
    let whole = file(sample)
    for count in 0..<whole.count {
      for isFile in [true, false] {
        #expect(throws: RDBError.self, "cut at \(count)") { try contents(Array(whole[..<count]), isFile: isFile) }
      }
    }
  }

  /// A changed byte is an error, or, where no checksum is looked at, at worst another value.
  @Test func damagedAtEveryByte() {
    let whole = file(sample)
    for place in 9..<whole.count {
      for bit in 0..<8 {
        var damaged = whole
        damaged[place] ^= 1 << UInt8(bit)
        #expect(throws: RDBError.self, "\(place).\(bit)") { try contents(damaged, isFile: true) }
        // From memory no checksum is taken: nothing may happen but an error or other contents.
        _ = try? contents(damaged)
      }
    }
  }

  @Test func randomBytes() {
    var generator = SeededGenerator.fresh()
    for _ in 0..<(isLongRun ? 1_000_000 : 20_000) {
      let count = generator.below(60)
      // Opcodes, types and special lengths more often than chance would have them.
      let body = (0..<count).map { _ -> UInt8 in
        if generator.chance(30) { return UInt8(0xc0 + generator.below(64)) }
        return UInt8(generator.chance(40) ? 0 : generator.below(256))
      }
      _ = try? contents(file(body, checksum: 0))
    }
  }
}
