import Testing

@testable import Needletail

@Suite struct BitmapTests {
  private func bits(_ bytes: [UInt8]) -> [Int] { bytes.flatMap { byte in (0..<8).map { Int(byte >> (7 - $0)) & 1 } } }

  /// Every range of short strings and many of long ones, beside arrays of bits.
  @Test func countsAndPositions() {
    var random = SeededGenerator.fresh()
    for round in 0..<(isLongRun ? 3_000 : 300) {
      let count = round < 40 ? round % 8 : random.below(700)
      // Long runs of equal bits, too.
      let fill: UInt8? = random.chance(40) ? (random.chance(50) ? 0 : 255) : nil
      var bytes = (0..<count).map { _ in fill ?? UInt8(truncatingIfNeeded: random.next()) }
      if count > 0 && random.chance(50) { bytes[random.below(count)] = UInt8(truncatingIfNeeded: random.next()) }
      let model = bits(bytes)
      withView(bytes) { view in
        let bitmap = Bitmap(view)
        for _ in 0..<40 {
          let lower = random.below(model.count + 1)
          let upper = lower + random.below(model.count - lower + 1)
          let expected = model[lower..<upper]
          if bitmap.count(lower..<upper) != expected.reduce(0, +) {
            Issue.record("seed \(random.seed): \(lower)..<\(upper) of \(bytes)")
            return
          }
          for bit in [0, 1] where bitmap.firstIndex(of: bit == 1, in: lower..<upper) != expected.firstIndex(of: bit) {
            Issue.record("seed \(random.seed): first \(bit) in \(lower)..<\(upper) of \(bytes)")
            return
          }
        }
        for index in 0..<(model.count + 20) {
          #expect(bitmap.bit(at: index) == (index < model.count ? model[index] : 0))
        }
      }
    }
  }

  /// Strings of several lengths, around the sizes of a step and of a block. The result goes to fresh memory, and over
  /// the beginning of one of the sources, or of that source given twice.
  @Test(arguments: BitOperation.allCases)
  func combinations(operation: BitOperation) {
    var random = SeededGenerator.fresh()
    let lengths = [0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 200, 4095, 4096, 4097, 8193, 20_000]
    for _ in 0..<(isLongRun ? 400 : 40) {
      let count = operation == .not ? 1 : max(operation.sourcesMin, 1 + random.below(5))
      var sources = (0..<count).map { _ in
        (0..<lengths[random.below(lengths.count)]).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      }
      let overwritten = random.below(count)
      if random.chance(30) { sources[random.below(count)] = sources[overwritten] }
      let longest = sources.map(\.count).max()!
      guard longest > 0 else { continue }
      let expected = operation.combined(sources)
      for place in [nil, overwritten] where result(operation, sources, over: place) != expected {
        Issue.record("seed \(random.seed): \(operation) of \(sources.map(\.count)) over \(place ?? -1)")
        return
      }
    }
  }

  /// Sizes around the one from which results are written past the caches.
  @Test(arguments: [(4 << 20) - 1, 4 << 20, (4 << 20) + 1])
  func largeCombinations(size: Int) {
    var random = SeededGenerator.fresh()
    let sources = [size, size / 2 + 3, size - 200].map { count in
      var source = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: count)
      for _ in 0..<1000 { source[random.below(count)] = UInt8(truncatingIfNeeded: random.next()) }
      return source
    }
    let looks = Array(0..<300) + (0..<1000).map { _ in random.below(size) } + Array(size - 300..<size)
    for operation in BitOperation.allCases {
      for count in operation == .not ? 1...1 : operation.sourcesMin...3 {
        let some = Array(sources[..<count])
        for place in [nil, 0, count - 1] {
          let result = result(operation, some, over: place)
          if let wrong = looks.first(where: { result[$0] != operation.combined(some, at: $0) }) {
            Issue.record("seed \(random.seed): \(operation) of \(count) over \(place ?? -1), byte \(wrong)")
          }
        }
      }
    }
  }

  /// What is written, to fresh memory or over a source (and every other one that is the same as it).
  private func result(_ operation: BitOperation, _ sources: [[UInt8]], over place: Int?) -> [UInt8] {
    let size = sources.map(\.count).max()!
    let entries = StringEntries(sources)
    var bitSources = BitSources(capacity: sources.count)
    // Places in a unit are not aligned, either.
    return unsafe withUnsafeTemporaryAllocation(byteCount: size + 24, alignment: 64) { buffer in
      let target = unsafe buffer.baseAddress! + 24
      for (index, source) in sources.enumerated() {
        guard let place, source == sources[place] else {
          bitSources.append(entries[index])
          continue
        }
        unsafe source.withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(start: target, count: size).copyMemory(from: $0) }
        bitSources.append(unsafe ByteView(target, count: source.count))
      }
      let byteCount = bitSources.byteCount
      #expect(byteCount == size)
      unsafe bitSources.write(operation, to: target)
      return unsafe [UInt8](UnsafeRawBufferPointer(start: target, count: size))
    }
  }
}

extension BitOperation {
  /// The result, byte by byte.
  func combined(_ sources: [[UInt8]]) -> [UInt8] {
    (0..<sources.map(\.count).max()!).map { combined(sources, at: $0) }
  }

  func combined(_ sources: [[UInt8]], at place: Int) -> UInt8 {
    var (all, any, several, others, parity): (UInt8, UInt8, UInt8, UInt8, UInt8) = (255, 0, 0, 0, 0)
    var first: UInt8?
    for source in sources {
      let byte = place < source.count ? source[place] : 0
      if first == nil { first = byte } else { others |= byte }
      (all, several, any, parity) = (all & byte, several | any & byte, any | byte, parity ^ byte)
    }
    return switch self {
    case .and: all
    case .or: any
    case .xor: parity
    case .not: ~first!
    case .diff: first! & ~others
    case .diff1: others & ~first!
    case .andOr: first! & others
    case .one: any & ~several
    }
  }
}

/// Entries of strings that are in no keyspace.
@safe private final class StringEntries {
  private var keyspace: Keyspace
  private let freer = BackgroundFreer(counters: MemoryCounters())
  private let count: Int

  init(_ values: [[UInt8]]) {
    keyspace = Keyspace(databaseCount: 1, seed: HashSeed(k0: 1, k1: 2), freer: freer, nowMilliseconds: 0)
    count = values.count
    for (index, value) in values.enumerated() {
      withView(Array("\(index)".utf8)) { name in
        var found = keyspace.find(Key(name, keyspace.seed), in: 0)
        withView(value) { try! keyspace.setString(&found, $0, expiry: .clear) }
      }
    }
  }

  subscript(index: Int) -> Entry? {
    withView(Array("\(index)".utf8)) { keyspace.find(Key($0, keyspace.seed), in: 0).entry }
  }
}

@Suite struct BitFieldTests {
  private func field(_ name: String) -> BitField? { withView(Array(name.utf8)) { BitField($0) } }

  @Test(arguments: [
    ("i1", true), ("i64", true), ("u1", true), ("u63", true), ("u64", false), ("i65", false), ("i0", false),
    ("u0", false), ("u-1", false), ("u", false), ("", false), ("x8", false), ("U8", false), ("i08", false),
  ])
  func names(name: String, isValid: Bool) { #expect((field(name) != nil) == isValid) }

  /// Every width at every place of a byte, beside arithmetic on single bits.
  @Test func everyWidthAndPlace() {
    var random = SeededGenerator.fresh()
    for width in 1...64 {
      for offset in 0..<24 {
        for isSigned in [true, false] where isSigned || width < 64 {
          let field = field("\(isSigned ? "i" : "u")\(width)")!
          var bytes = (0..<12).map { _ in UInt8(truncatingIfNeeded: random.next()) }
          let before = bytes
          let value = Int(truncatingIfNeeded: random.next())
          unsafe bytes.withUnsafeMutableBytes { unsafe field.store(value, at: offset, in: $0.baseAddress!) }
          var expected: UInt64 = 0
          for place in 0..<96 {
            func bit(_ bytes: [UInt8]) -> UInt8 { bytes[place / 8] >> UInt8(7 - place % 8) & 1 }
            if place >= offset && place < offset + width {
              expected = expected << 1 | UInt64(bit(bytes))
            } else if bit(bytes) != bit(before) {
              Issue.record("seed \(random.seed): \(width) bits at \(offset) change bit \(place)")
              return
            }
          }
          let mask = width == 64 ? UInt64.max : 1 << UInt64(width) - 1
          #expect(expected == UInt64(bitPattern: Int64(value)) & mask)
          let read = withView(bytes) { field.value(in: $0, at: offset) }
          let isNegative = isSigned && expected >> UInt64(width - 1) == 1
          #expect(read == Int(Int64(bitPattern: isNegative ? expected | ~mask : expected)))
          // What is beyond the end is zero.
          #expect(withView(Array(bytes.prefix(0))) { field.value(in: $0, at: offset) } == 0)
        }
      }
    }
  }

  @Test(arguments: [
    ("u8", 255, 0, 255, 255, 255), ("u8", 255, 1, 0, 255, nil), ("u8", 0, -1, 255, 0, nil), ("u8", -1, 0, 255, 255, nil),
    ("u8", 10, Int.max, 9, 255, nil), ("i8", 127, 1, -128, 127, nil), ("i8", -128, -1, 127, -128, nil),
    ("i8", 100, 27, 127, 127, 127), ("i8", 200, 0, -56, 127, nil), ("i64", Int.max, 1, Int.min, Int.max, nil),
    ("i64", Int.min, -1, Int.max, Int.min, nil), ("i64", Int.max, Int.min, -1, -1, -1), ("u63", Int.max, 1, 0, Int.max, nil),
    ("i8", Int.min + 127, 0, 127, 127, nil), ("i8", Int.min + 128, 0, -128, -128, nil), ("i1", 0, 1, -1, 0, nil), ("u1", 1, 1, 0, 1, nil),
  ] as [(String, Int, Int, Int, Int, Int?)])
  func overflows(name: String, value: Int, increment: Int, wrapped: Int, saturated: Int, exact: Int?) {
    let field = field(name)!
    #expect(field.sum(value, increment, .wrap) == wrapped)
    #expect(field.sum(value, increment, .saturate) == saturated)
    #expect(field.sum(value, increment, .fail) == exact)
  }
}
