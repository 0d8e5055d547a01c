import Foundation
import Testing
@testable import Needletail

/// A payload of a real server and what is in it.
struct CollectionPayload {
  let name: String
  let kind: String
  let count: Int
  let fingerprint: UInt64
  /// Type and value.
  let body: [UInt8]

  init(_ line: Substring) {
    let fields = line.split(separator: " ")
    name = fields[0..<3].joined(separator: " ")
    kind = String(fields[2])
    count = Int(fields[3])!
    fingerprint = UInt64(fields[4], radix: 16)!
    body = Array(Data(base64Encoded: String(fields[5]))!.dropLast(RDBFormat.footerBytes))
  }

  static let all = collectionPayloads.split(separator: "\n").map { CollectionPayload($0) }
}

/// All strings of a value, as the functions of the reader give them; scores as 16 hexadecimal digits.
private func strings(_ reader: consuming RDBReader) throws(RDBError) -> [[UInt8]] {
  var reader = reader
  var found: [[UInt8]] = []
  let type = try reader.byte()
  let count: Int
  switch type {
  case 1, 2, 10, 11, 14, 18, 20: count = try reader.forEachElement(ofType: type) { found.append($0.copy) }
  case 4, 9, 13, 16: count = try reader.forEachPair(ofType: type) { found += [$0.copy, $1.copy] }
  case 3, 5, 12, 17:
    count = try reader.forEachMember(ofType: type) { found += [$0.copy, digits($1)] }
  default: throw RDBError(fault: .unknownType(type), offset: 0)
  }
  let isOfPairs = ![1, 2, 10, 11, 14, 18, 20].contains(type)
  #expect(count == (isOfPairs ? found.count / 2 : found.count))
  #expect(reader.remainingBytes == 0)
  return found
}

private func digits(_ score: Double) -> [UInt8] {
  let text = String(score.bitPattern, radix: 16)
  return Array((String(repeating: "0", count: 16 - text.count) + text).utf8)
}

/// From memory.
private func strings(_ body: [UInt8]) throws(RDBError) -> [[UInt8]] {
  let result: Result<[[UInt8]], RDBError> = withBlock(body) { view in
    do throws(RDBError) { return .success(try strings(RDBReader(view))) } catch { return .failure(error) }
  }
  return try result.get()
}

/// From a file, through a window of that size.
private func strings(_ body: [UInt8], windowBytes: Int) throws(RDBError) -> [[UInt8]] {
  let file = unsafe tmpfile()!
  defer { unsafe fclose(file) }
  unsafe body.withUnsafeBytes { unsafe _ = fwrite($0.baseAddress, 1, $0.count, file) }
  unsafe rewind(file)
  return try strings(RDBReader(descriptor: unsafe fileno(file), byteCount: body.count, computesChecksum: true,
    windowBytes: windowBytes))
}

private func error(_ body: [UInt8]) -> RDBError? {
  do throws(RDBError) {
    _ = try strings(body)
    return nil
  } catch {
    return error
  }
}

private func fingerprint(_ strings: [[UInt8]]) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for string in strings {
    for byte in Array("\(string.count):".utf8) + string { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }
  return hash
}

/// In the order of the fixture: sets by their elements, pairs by their first halves.
private func sorted(_ strings: [[UInt8]], _ kind: String) -> [[UInt8]] {
  switch kind {
  case "list": return strings
  case "set": return strings.sorted { $0.lexicographicallyPrecedes($1) }
  default:
    let pairs = stride(from: 0, to: strings.count, by: 2).map { (strings[$0], strings[$0 + 1]) }
    return pairs.sorted { $0.0.lexicographicallyPrecedes($1.0) }.flatMap { [$0.0, $0.1] }
  }
}

private func length(_ count: Int) -> [UInt8] {
  count < 64 ? [UInt8(count)] : [0x80] + Blobs.fixed(count, 4).reversed()
}
private func string(_ bytes: [UInt8]) -> [UInt8] { length(bytes.count) + bytes }
private func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }
private func utf8(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

@Suite struct CollectionValueTests {
  // MARK: Real servers' payloads

  @Test func payloadsOfServers() throws {
    #expect(Set(CollectionPayload.all.map { $0.body[0] }) == [2, 4, 5, 11, 16, 17, 18, 20])
    for payload in CollectionPayload.all {
      let found = try strings(payload.body)
      #expect(found.count == payload.count, "\(payload.name)")
      #expect(fingerprint(sorted(found, payload.kind)) == payload.fingerprint, "\(payload.name)")
      for windowBytes in [512, 4096, 1 << 20] {
        #expect(try strings(payload.body, windowBytes: windowBytes) == found, "\(payload.name)")
      }
    }
  }

  @Test func everyTruncationIsAnError() {
    for payload in CollectionPayload.all {
      for count in 0..<payload.body.count {
        let found = error(Array(payload.body[..<count]))
        #expect(found != nil, "\(payload.name) \(count)")
      }
    }
  }

  /// Each byte with one bit changed, set and cleared: an error or strings, and no byte read outside, which the address
  /// sanitizer sees.
  @Test func changedBytes() {
    for payload in CollectionPayload.all {
      var body = payload.body
      for place in body.indices {
        let original = body[place]
        let values = isLongRun ? Array(UInt8.min ... .max) : [original ^ 1 << UInt8(place % 8), 0, 0xff]
        for value in values where value != original {
          body[place] = value
          _ = outcome(body)
        }
        body[place] = original
      }
    }
  }

  /// The blobs inside, decompressed, in a block of just their size.
  @Test func changedBlobs() throws {
    var blobs: Set<[UInt8]> = []
    for payload in CollectionPayload.all where [11, 16, 17, 20].contains(payload.body[0]) {
      try withView(Array(payload.body.dropFirst())) { view in
        var reader = RDBReader(view)
        let blob = try reader.withString { $0.array }
        if blob.count < 1000 { blobs.insert([payload.body[0]] + string(blob)) }
      }
    }
    #expect(blobs.count > 10)
    var generator = SeededGenerator.fresh()
    for blob in blobs {
      for _ in 0..<(isLongRun ? 100_000 : 300) {
        var bytes = blob
        for _ in 0...generator.below(4) {
          bytes[generator.below(bytes.count - 1) + 1] = UInt8(truncatingIfNeeded: generator.next())
        }
        _ = outcome(bytes)
      }
    }
  }

  /// Without the expectations of `strings`, which damaged data need not meet.
  private func outcome(_ body: [UInt8]) -> Int? {
    withBlock(body) { view in
      var sum = 0
      do throws(RDBError) {
        var reader = RDBReader(view)
        let type = try reader.byte()
        switch type {
        case 1, 2, 10, 11, 14, 18, 20:
          _ = try reader.forEachElement(ofType: type) { sum &+= touch($0) }
        case 4, 9, 13, 16:
          _ = try reader.forEachPair(ofType: type) { sum &+= touch($0) &+ touch($1) }
        case 3, 5, 12, 17:
          _ = try reader.forEachMember(ofType: type) { sum &+= touch($0) &+ Int(truncatingIfNeeded: $1.bitPattern) }
        default: return nil
        }
        return sum
      } catch {
        return nil
      }
    }
  }

  /// Reads an element's first and last byte.
  private func touch(_ element: PackedElement) -> Int {
    guard case .bytes(let bytes) = element, !bytes.isEmpty else { return 0 }
    return Int(bytes[0]) + Int(bytes[bytes.count - 1])
  }

  // MARK: Types of old servers

  @Test func listsOfAllTypes() throws {
    let expected = utf8("a", "17", "", "-70000")
    let codes = [[1, 97], Blobs.ziplistCode(17), [0], Blobs.ziplistCode(-70000)]
    let packs = [[0x81, 97], Blobs.listpackCode(17), [0x80], Blobs.listpackCode(-70000)]
    #expect(try strings([1, 4] + string("a") + [0xc0, 17] + string("") + string("-70000")) == expected)
    #expect(try strings([10] + string(Blobs.ziplist(codes))) == expected)
    #expect(try strings([14, 3] + string(Blobs.ziplist(Array(codes[..<3]))) + string(Blobs.ziplist([]))
      + string(Blobs.ziplist([codes[3]]))) == expected)
    #expect(try strings([18, 4, 1] + string("a") + [2] + string(Blobs.listpack([packs[1], packs[2]]))
      + [2] + string(Blobs.listpack([])) + [1, 0xc2] + Blobs.fixed(-70000, 4)) == expected)
    #expect(try strings([14, 0]) == [])
    for form: UInt8 in [0, 3, 63] {
      #expect(error([18, 1, form] + string("a")) == RDBError(fault: .listNode(UInt64(form)), offset: 2))
    }
    // An error of a blob tells where the blob begins in the value, and the place in it.
    let damaged = [14, 2] + string(Blobs.ziplist([])) + string(Blobs.ziplist([[0xf1], [0xff]]))
    #expect(error(damaged)
      == RDBError(fault: .blob(BlobError(form: .ziplist, fault: .encoding, offset: 13)), offset: 14))
  }

  @Test func setsOfAllTypes() throws {
    #expect(try strings([2, 2] + string("a") + string("12345678901")) == utf8("a", "12345678901"))
    #expect(try strings([11] + string(Blobs.intset([-5, 7], integerBytes: 4))) == utf8("-5", "7"))
    #expect(try strings([20] + string(Blobs.listpack([Blobs.listpackCode(1), [0x81, 97]]))) == utf8("1", "a"))
    // Elements of plain types are canonical too.
    try withView([1] + string("12345678901")) { view in
      var reader = RDBReader(view)
      _ = try reader.forEachElement(ofType: RDBType.set) { element in
        if case .integer(12_345_678_901) = element { return }
        Issue.record("\(element)")
      }
    }
  }

  @Test func hashesOfAllTypes() throws {
    let expected = utf8("f", "1", "", "v")
    #expect(try strings([4, 2] + string("f") + [0xc0, 1] + string("") + string("v")) == expected)
    let zipmap = Blobs.zipmap([(expected[0], expected[1], []), ([], expected[3], [1])])
    #expect(try strings([9] + string(zipmap)) == expected)
    let codes: [[UInt8]] = [[1, 102], [0xf2], [0], [1, 118]]
    #expect(try strings([13] + string(Blobs.ziplist(codes))) == expected)
    let packs: [[UInt8]] = [[0x81, 102], [1], [0x80], [0x81, 118]]
    #expect(try strings([16] + string(Blobs.listpack(packs))) == expected)
    // Half a pair.
    #expect(error([13] + string(Blobs.ziplist(Array(codes[..<3]))))
      == RDBError(fault: .blob(BlobError(form: .ziplist, fault: .pair, offset: 17)), offset: 1))
    #expect(error([16] + string(Blobs.listpack(Array(packs[..<1]))))
      == RDBError(fault: .blob(BlobError(form: .listpack, fault: .pair, offset: 9)), offset: 1))
  }

  /// Both halves of a pair in every form that a string can have, through windows that they do and do not fit.
  @Test func longPairs() throws {
    var generator = SeededGenerator(seed: 3)
    let counts = [0, 5, 20, 21, 200, 255, 256, 257, 511, 512, 513, 5000]
    var all: [[UInt8]] = []
    for count in counts { all.append((0..<count).map { _ in UInt8(97 + generator.below(26)) }) }
    all += utf8("0", "-129", "2147483648")
    var body: [UInt8] = [4] + length(2 * all.count * all.count)
    var expected: [[UInt8]] = []
    let writer = RDBWriterText()
    for compresses in [false, true] {
      for first in all {
        for second in all {
          body += writer.string(first, compresses) + writer.string(second, compresses)
          expected += [first, second]
        }
      }
    }
    #expect(try strings(body) == expected)
    for windowBytes in [512, 1000, 8192, 1 << 20] { #expect(try strings(body, windowBytes: windowBytes) == expected) }
  }

  // MARK: Scores

  @Test func scoresAsText() throws {
    let good: [(String, Double)] = [("0", 0), ("-0", -0.0), ("1.5", 1.5), ("-17", -17), ("1e+300", 1e300),
      ("4.9406564584124654e-324", .leastNonzeroMagnitude), ("0.10000000000000001", 0.1), ("17179869184", 17179869184),
      ("9007199254740993", 9007199254740992), ("+1", 1), (".5", 0.5), ("1e-400", 0)]
    for (text, score) in good {
      let expected = utf8("m") + [digits(score)]
      #expect(try strings([3, 1] + string("m") + string(text)) == expected, "\(text)")
      for type: UInt8 in [12, 17] {
        let blob = type == 12
          ? Blobs.ziplist([Blobs.ziplistCode([109]), Blobs.ziplistCode(Array(text.utf8))])
          : Blobs.listpack([Blobs.listpackCode([109]), Blobs.listpackCode(Array(text.utf8))])
        #expect(try strings([type] + string(blob)) == expected, "\(text)")
      }
    }
    let infinities = utf8("a") + [digits(.infinity)] + utf8("b") + [digits(-.infinity)]
    #expect(try strings([3, 2] + string("a") + [254] + string("b") + [255]) == infinities)
    #expect(try strings([17] + string(Blobs.listpack(utf8("a", "inf", "b", "-inf").map { Blobs.listpackCode($0) })))
      == infinities)
    let longest = String(repeating: "0", count: 251) + "7"
    #expect(try strings([3, 1, 1, 109, 252] + Array(longest.utf8)) == utf8("m") + [digits(7)])
    #expect(error([3, 1, 1, 109, 253]) == RDBError(fault: .score, offset: 4))
    for text in ["", " 1", "1 ", "nan", "inf", "0x10", "1e400", "-1e400", "1..2", "1e", "--1", "1\0", "e5", ".", "-"] {
      #expect(error([3, 1, 1, 109] + string(text)) == RDBError(fault: .score, offset: 4), "\(text)")
    }
    for text in ["", "nan", "-nan", "infinity", "1 ", longest + "0"] {
      #expect(error([17] + string(Blobs.listpack([[0x81, 109], Blobs.listpackCode(Array(text.utf8))])))
        == RDBError(fault: .score, offset: 1), "\(text)")
    }
  }

  @Test func binaryScores() throws {
    for score in [0, -0.0, 1.5, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude] {
      let bytes = Blobs.fixed(Int(bitPattern: UInt(score.bitPattern)), 8)
      #expect(try strings([5, 1] + string("m") + bytes) == utf8("m") + [digits(score)])
    }
    for pattern: UInt in [0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0000, 0x7ff0_0000_0000_0001] {
      #expect(error([5, 1, 1, 109] + Blobs.fixed(Int(bitPattern: pattern), 8)) == RDBError(fault: .score, offset: 4))
    }
  }

  // MARK: Limits

  /// A count is refused where the bytes left cannot hold so many of the smallest elements.
  @Test func hostileCounts() {
    let smallest: [(type: UInt8, bytes: Int)] = [(1, 1), (2, 1), (14, 1), (18, 2), (4, 2), (3, 2), (5, 9)]
    for (type, bytes) in smallest {
      for count in [1, 3, 60] {
        let rest = [UInt8](repeating: 0, count: count * bytes)
        let found = error([type, UInt8(count)] + rest)
        #expect(found?.fault != .tooMany(UInt64(count)), "\(type)")
        #expect(error([type, UInt8(count)] + rest.dropLast()) == RDBError(fault: .tooMany(UInt64(count)), offset: 1))
        #expect(error([type, UInt8(count + 1)] + rest) == RDBError(fault: .tooMany(UInt64(count + 1)), offset: 1))
      }
      for hostile in [UInt64(UInt32.max), 1 << 62, .max] {
        let found = error([type, 0x81] + (0..<8).map { UInt8(truncatingIfNeeded: hostile >> (56 - 8 * $0)) } + [0, 0])
        #expect(found == RDBError(fault: .tooMany(hostile), offset: 1))
      }
    }
  }

  @Test func buffersStaySmall() {
    var buffer = StringBuffer()
    let first = unsafe buffer.room(1)
    let again = unsafe buffer.room(512)
    unsafe #expect(first == again)
    for count in [513, 64 << 10, (64 << 10) + 1, 10 << 20, 1] {
      let room = unsafe buffer.room(count)
      unsafe #expect(room != nil)
      unsafe room?.initializeMemory(as: UInt8.self, repeating: 1, count: count)
    }
  }

  @Test func withoutMemory() throws {
    // A compressed string: 1 byte, and references to it, 264 bytes each.
    let packed: [UInt8] = [0, 120] + (0..<400).flatMap { _ in [0xe0, 0xff, 0] as [UInt8] }
    let body: [UInt8] = [1, 1, 0xc3] + length(packed.count) + length(1 + 400 * 264) + packed
    #expect(try strings(body).map(\.count) == [1 + 400 * 264])
    let found = AllocationFaults.$current.withValue(AllocationFaults(failing: 1)) { error(body) }
    #expect(found?.fault == .outOfMemory(UInt64(1 + 400 * 264)))
  }
}

/// Strings as a writer puts them into files.
private struct RDBWriterText {
  func string(_ bytes: [UInt8], _ compresses: Bool) -> [UInt8] {
    let capacity = bytes.count + 1024
    var writer = unsafe RDBWriter(NoSink(), RDBWriterOptions(compresses: compresses), buffer: Heap.allocate(capacity),
      capacity: capacity)
    withView(bytes) { writer.string($0) }
    return writer.bufferedBytes.array
  }
}
