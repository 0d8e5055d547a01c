import Testing
@testable import Needletail

/// The elements of a blob, each of which must lie inside.
private func elements<Blob: BlobReader>(_ form: Blob.Type, _ bytes: [UInt8]) throws(BlobError) -> [PackedElement.Copy] {
  let result: Result<[PackedElement.Copy], BlobError> = withBlock(bytes) { view in
    var found: [PackedElement.Copy] = []
    do throws(BlobError) {
      var blob = try Blob(view)
      let stated = blob.statedCount
      let counted = try? blob.remainingCount()
      while let element = try blob.next() { found.append(element.checked(in: view)) }
      #expect(counted == found.count && (stated ?? found.count) == found.count)
      // Asked once more it is still at its end.
      let isOver = try blob.next() == nil
      #expect(isOver)
      return .success(found)
    } catch {
      return .failure(error)
    }
  }
  return try result.get()
}

extension PackedElement {
  fileprivate enum Copy: Equatable { case integer(Int), string([UInt8]) }

  fileprivate func checked(in blob: ByteView) -> Copy {
    switch self {
    case .integer(let value): return .integer(value)
    case .bytes(let bytes):
      unsafe #expect(bytes.base >= blob.base && bytes.base + bytes.count <= blob.base + blob.count)
      #expect(bytes.integer == nil, "a string that spells an integer is given as one")
      return .string(bytes.array)
    case .double:
      Issue.record("blobs hold no doubles")
      return .string([])
    }
  }
}

private func error<Blob: BlobReader>(_ form: Blob.Type, _ bytes: [UInt8]) -> BlobError? {
  do throws(BlobError) {
    _ = try elements(form, bytes)
    return nil
  } catch {
    return error
  }
}

private func expect<Blob: BlobReader>(_ form: Blob.Type, _ bytes: [UInt8], _ fault: BlobError.Fault, at offset: Int,
  sourceLocation: SourceLocation = #_sourceLocation)
{
  let expected = BlobError(form: Blob.form, fault: fault, offset: offset)
  #expect(error(form, bytes) == expected, sourceLocation: sourceLocation)
}

private func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(97 + $0 % 26) } }
private let a: [UInt8] = [97]

@Suite struct BlobReaderTests {
  // MARK: Listpacks

  @Test func listpackIntegers() throws {
    let blob = Blobs.listpack(borderIntegers.map { Blobs.listpackCode($0) })
    #expect(try elements(ListpackReader.self, blob) == borderIntegers.map { .integer($0) })
    // Longer forms than needed are understood as well.
    let wide: [[UInt8]] = [[0xc0, 5], [0xdf, 0xff], [0xf1, 5, 0], [0xf2, 0xff, 0xff, 0xff], [0xf3, 5, 0, 0, 0],
      [0xf4, 5, 0, 0, 0, 0, 0, 0, 0], [0x81, 53], [0xe0, 1, 53], [0xf0, 1, 0, 0, 0, 53]]
    #expect(try elements(ListpackReader.self, Blobs.listpack(wide))
      == [5, -1, 5, -1, 5, 5, 5, 5, 5].map { .integer($0) })
  }

  @Test func listpackStringsAndBackLengths() throws {
    // Sizes at the borders of the length forms, and of the back length's widths.
    let counts = [0, 1, 63, 64, 125, 126, 127, 4095, 4096, 16377, 16378, 16379, 2_097_145, 2_097_146, 2_097_147]
    let blob = Blobs.listpack(counts.map { Blobs.listpackCode(text($0)) })
    #expect(try elements(ListpackReader.self, blob) == counts.map { .string(text($0)) })
    // Where servers write one byte more than needed the shorter form is taken too.
    let element = Blobs.listpackCode(text(16378))
    let header = Blobs.fixed(9 + element.count, 4) + Blobs.fixed(1, 2)
    #expect(try elements(ListpackReader.self, header + element + [0x7f, 0xff, 0xff]) == [.string(text(16378))])
    // But nowhere else.
    let short = Blobs.fixed(11, 4) + Blobs.fixed(1, 2)
    expect(ListpackReader.self, short + [0x81, 97, 0, 0x82, 0xff], .backLength, at: 8)
  }

  @Test func listpackCounts() throws {
    let two = [Blobs.listpackCode(1), Blobs.listpackCode(a)]
    #expect(try elements(ListpackReader.self, Blobs.listpack([])) == [])
    #expect(try elements(ListpackReader.self, Blobs.listpack(two, count: 0xffff)) == [.integer(1), .string(a)])
    for count in [0, 1, 3, 0xfffe] { expect(ListpackReader.self, Blobs.listpack(two, count: count), .count, at: 4) }
    for count in [65534, 65535, 70_000] {
      let blob = Blobs.listpack([[UInt8]](repeating: [7], count: count))
      #expect(try elements(ListpackReader.self, blob).count == count)
      let stated = try withBlock(blob) { try ListpackReader($0).statedCount }
      #expect(stated == (count == 65534 ? count : nil))
    }
  }

  @Test func listpackFaults() {
    let good = Blobs.listpack([Blobs.listpackCode(a), Blobs.listpackCode(300), Blobs.listpackCode(text(100))])
    for count in 0..<good.count { expect(ListpackReader.self, Array(good[..<count]), .size, at: 0) }
    expect(ListpackReader.self, good + [0xff], .size, at: 0)
    expect(ListpackReader.self, Array(good.dropLast()) + [0xfe], .terminator, at: good.count - 1)
    for code in UInt8(0xf5)...0xff { expect(ListpackReader.self, Blobs.listpack([[1], [code]]), .encoding, at: 8) }
    // Nothing behind the code; a length that reaches to the terminator, beyond it, beyond everything.
    let cuts: [[UInt8]] = [[0xc0], [0xe0], [0xf0], [0xf0, 0, 0, 0], [0xf1, 0], [0xf2, 0, 0], [0xf3, 0, 0, 0], [0xf4, 0]]
    for cut in cuts {
      let blob = Blobs.fixed(7 + cut.count, 4) + [1, 0] + cut + [0xff]
      #expect(error(ListpackReader.self, blob)?.fault == (cut.count == 1 ? .count : .cut))
      expect(ListpackReader.self, Blobs.fixed(7 + cut.count, 4) + [0xff, 0xff] + cut + [0xff], .cut, at: 6)
    }
    for length in [2, 3, 4, Int(UInt32.max) - 1, Int(UInt32.max)] {
      let element = [0xf0] + Blobs.fixed(length, 4) + [1, 1]
      expect(ListpackReader.self, Blobs.fixed(14, 4) + [1, 0] + element + [0xff], .cut, at: 6)
    }
    for wrong: UInt8 in [0, 1, 3, 0x82] {
      expect(ListpackReader.self, Blobs.fixed(10, 4) + [1, 0, 0x81, 97, wrong, 0xff], .backLength, at: 8)
    }
  }

  // MARK: Ziplists

  @Test(arguments: [false, true]) func ziplistElements(widens: Bool) throws {
    let counts = [0, 1, 63, 64, 248, 249, 250, 251, 252, 253, 254, 255, 16383, 16384, 70_000]
    let codes = borderIntegers.map { Blobs.ziplistCode($0) } + counts.map { Blobs.ziplistCode(text($0)) }
    let blob = Blobs.ziplist(codes, widens: widens)
    let expected = borderIntegers.map { PackedElement.Copy.integer($0) } + counts.map { .string(text($0)) }
    #expect(try elements(ZiplistReader.self, blob) == expected)
    #expect(try elements(ZiplistReader.self, Blobs.ziplist([[1, 53], [0xe0] + Blobs.fixed(-5, 8)]))
      == [.integer(5), .integer(-5)])
  }

  @Test func ziplistCounts() throws {
    let two = [Blobs.ziplistCode(1), Blobs.ziplistCode(a)]
    #expect(try elements(ZiplistReader.self, Blobs.ziplist([])) == [])
    #expect(try elements(ZiplistReader.self, Blobs.ziplist(two, count: 0xffff)) == [.integer(1), .string(a)])
    for count in [0, 1, 3, 0xfffe] { expect(ZiplistReader.self, Blobs.ziplist(two, count: count), .count, at: 8) }
    for count in [65534, 65535, 70_000] {
      let blob = Blobs.ziplist([[UInt8]](repeating: [0xf8], count: count))
      #expect(try elements(ZiplistReader.self, blob).count == count)
    }
  }

  @Test func ziplistFaults() {
    let good = Blobs.ziplist([Blobs.ziplistCode(a), Blobs.ziplistCode(300), Blobs.ziplistCode(text(300)), [0xf1]])
    for count in 0..<good.count { expect(ZiplistReader.self, Array(good[..<count]), .size, at: 0) }
    expect(ZiplistReader.self, good + [0xff], .size, at: 0)
    expect(ZiplistReader.self, Array(good.dropLast()) + [0xfe], .terminator, at: good.count - 1)
    for tail in [0, 10, 13, good.count - 1, good.count, Int(UInt32.max)] {
      expect(ZiplistReader.self, good[..<4] + Blobs.fixed(tail, 4) + good[8...], .tail, at: 4)
    }
    expect(ZiplistReader.self, Blobs.fixed(11, 4) + Blobs.fixed(11, 4) + [0, 0, 0xff], .tail, at: 4)
    for code in [UInt8](0x81...0xbf) + [0xc1, 0xcf, 0xd1, 0xdf, 0xe1, 0xef, 0xff] {
      expect(ZiplistReader.self, Blobs.ziplist([[0xf1], [code, 0, 0, 0, 0, 0]]), .encoding, at: 13)
    }
    // The size of the element before: of the first, too small, too large, in the wide form, none.
    func two(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
      let body = first + [0xf1] + second + [0xf1]
      return Blobs.fixed(11 + body.count, 4) + Blobs.fixed(11 + first.count, 4) + [2, 0] + body + [0xff]
    }
    #expect(error(ZiplistReader.self, two([0], [2])) == nil)
    #expect(error(ZiplistReader.self, two([254, 0, 0, 0, 0], [6])) == nil)
    expect(ZiplistReader.self, two([1], [2]), .backLength, at: 10)
    for wrong: UInt8 in [0, 1, 3, 253] { expect(ZiplistReader.self, two([0], [wrong]), .backLength, at: 12) }
    expect(ZiplistReader.self, two([0], [254, 3, 0, 0, 0]), .backLength, at: 12)
    expect(ZiplistReader.self, two([0], [254, 2, 0, 0, 1]), .backLength, at: 12)
    expect(ZiplistReader.self, two([0], [255, 2, 0, 0, 0]), .encoding, at: 12)
    let cuts: [[UInt8]] = [[0], [254], [254, 0, 0, 0], [254, 0, 0, 0, 0], [0, 0x40], [0, 0x7f, 0xff, 1],
      [0, 0x80, 0, 0, 0], [0, 0x80, 0, 0, 0, 1], [0, 0x80, 0xff, 0xff, 0xff, 0xff], [0, 1], [0, 3, 1, 1], [0, 0xfe],
      [0, 0xc0, 1], [0, 0xf0, 1, 1], [0, 0xd0, 1, 1, 1], [0, 0xe0, 1, 1, 1, 1, 1, 1, 1]]
    for cut in cuts {
      let header = Blobs.fixed(11 + cut.count, 4) + Blobs.fixed(10, 4) + [0xff, 0xff]
      expect(ZiplistReader.self, header + cut + [0xff], .cut, at: 10)
    }
  }

  // MARK: Zipmaps

  @Test func zipmapPairs() throws {
    let counts = [0, 1, 252, 253, 254, 255, 70_000]
    var pairs = counts.map { count in
      (field: text(count), value: text(300 - min(count, 255)), unused: [UInt8](repeating: 255, count: count % 5))
    }
    pairs.append((field: Array("12".utf8), value: Array("-5".utf8), unused: [UInt8](repeating: 254, count: 255)))
    let expected = pairs.dropLast().flatMap { [PackedElement.Copy.string($0.field), .string($0.value)] }
    #expect(try elements(ZipmapReader.self, Blobs.zipmap(pairs)) == expected + [.integer(12), .integer(-5)])
    #expect(try elements(ZipmapReader.self, Blobs.zipmap([])) == [])
    for count in [253, 254, 300] {
      let blob = Blobs.zipmap((0..<count).map { (field: Array("f\($0)".utf8), value: a, unused: []) })
      #expect(try elements(ZipmapReader.self, blob).count == 2 * count)
    }
  }

  @Test func zipmapFaults() {
    let pair = (field: text(3), value: text(5), unused: [UInt8]([1, 2]))
    let good = Blobs.zipmap([pair, pair])
    #expect(error(ZipmapReader.self, Blobs.zipmap([pair, pair], count: 254)) == nil)
    for count in [0, 1, 3, 253, 255] {
      expect(ZipmapReader.self, Blobs.zipmap([pair, pair], count: count), .count, at: 0)
    }
    for count in 0..<2 { expect(ZipmapReader.self, Array(good[..<count]), .size, at: 0) }
    for count in 2..<good.count { expect(ZipmapReader.self, Array(good[..<count]), .terminator, at: count - 1) }
    let cuts: [([UInt8], Int)] = [([254], 1), ([254, 0, 0, 0], 1), ([254, 0xff, 0xff, 0xff, 0xff], 1), ([1], 1),
      ([0], 2), ([0, 0], 2), ([0, 1, 0], 2), ([0, 0, 1], 2), ([0, 254, 0, 0, 0, 0], 2), ([0, 254, 0, 0, 0, 0, 1], 2),
      ([0, 254, 0xff, 0xff, 0xff, 0xff, 255], 2)]
    for (cut, offset) in cuts { expect(ZipmapReader.self, [254] + cut + [0xff], .cut, at: offset) }
    expect(ZipmapReader.self, [254, 255, 0xff], .encoding, at: 1)
    // A byte behind the end is taken for a length.
    expect(ZipmapReader.self, good + [0xff], .encoding, at: good.count - 1)
  }

  // MARK: Intsets

  @Test func intsets() throws {
    for (integerBytes, bits) in [(2, 15), (4, 31), (8, 63)] {
      let values = borderIntegers.filter { bits == 63 || (-1 << bits..<1 << bits).contains($0) }
      let blob = Blobs.intset(values, integerBytes: integerBytes)
      #expect(try elements(IntsetReader.self, blob) == values.map { .integer($0) })
      for count in 0..<8 { expect(IntsetReader.self, Array(blob[..<count]), .size, at: 0) }
      for count in 8..<blob.count { expect(IntsetReader.self, Array(blob[..<count]), .size, at: 4) }
      expect(IntsetReader.self, blob + [0], .size, at: 4)
      expect(IntsetReader.self, Blobs.intset([1, 1], integerBytes: integerBytes), .order, at: 8 + integerBytes)
      expect(IntsetReader.self, Blobs.intset([-1, 3, 2], integerBytes: integerBytes), .order, at: 8 + 2 * integerBytes)
    }
    #expect(try elements(IntsetReader.self, Blobs.intset([], integerBytes: 2)) == [])
    for bytes in [0, 1, 3, 5, 16, Int(UInt32.max)] {
      expect(IntsetReader.self, Blobs.fixed(bytes, 4) + Blobs.fixed(0, 4), .encoding, at: 0)
    }
    expect(IntsetReader.self, Blobs.fixed(8, 4) + Blobs.fixed(Int(UInt32.max), 4), .size, at: 4)
  }

  // MARK: Any bytes

  /// One small blob of each form, with every kind of element.
  private static let samples: [(name: String, bytes: [UInt8], read: @Sendable ([UInt8]) -> BlobError?)] = [
    ("listpack", Blobs.listpack([0, -1, 300, 70_000, 1 << 30, 1 << 40].map { Blobs.listpackCode($0) }
      + [0, 5, 66, 130].map { Blobs.listpackCode(text($0)) } + [[0xf0, 2, 0, 0, 0, 97, 98]]),
      { error(ListpackReader.self, $0) }),
    ("ziplist", Blobs.ziplist([0, -1, 300, 70_000, 1 << 30, 1 << 40].map { Blobs.ziplistCode($0) }
      + [0, 5, 66, 260, 1].map { Blobs.ziplistCode(text($0)) } + [[0x80, 0, 0, 0, 2, 97, 98]]),
      { error(ZiplistReader.self, $0) }),
    ("zipmap", Blobs.zipmap([(text(3), text(0), [1, 2]), (text(256), text(4), []), (text(5), text(255), [254, 255])]),
      { error(ZipmapReader.self, $0) }),
    ("intset", Blobs.intset([-300, -2, 0, 1, 5, 700], integerBytes: 2), { error(IntsetReader.self, $0) }),
    ("intset", Blobs.intset([.min, -2, 0, 1, 5, .max], integerBytes: 8), { error(IntsetReader.self, $0) }),
  ]

  /// Every byte made every other one. That the result is an error or elements inside is checked in `elements`.
  @Test(arguments: 0..<5) func everyByteChanged(index: Int) {
    let sample = Self.samples[index]
    #expect(sample.read(sample.bytes) == nil)
    var bytes = sample.bytes
    var errorCount = 0
    for place in bytes.indices {
      let original = bytes[place]
      for value in UInt8.min ... .max where value != original {
        bytes[place] = value
        if let error = sample.read(bytes) {
          errorCount += 1
          #expect(0...bytes.count ~= error.offset, "\(sample.name) \(place) \(value)")
        }
      }
      bytes[place] = original
    }
    #expect(errorCount > 1000)
  }

  @Test func randomBytes() {
    var generator = SeededGenerator.fresh()
    for _ in 0..<(isLongRun ? 2_000_000 : 20_000) {
      let sample = Self.samples[generator.below(Self.samples.count)]
      var bytes = sample.bytes
      for _ in 0...generator.below(6) {
        let place = generator.below(bytes.count)
        switch generator.below(4) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes[place] ^= 1 << UInt8(generator.below(8))
        case 2: bytes.remove(at: place)
        default: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
        }
      }
      // As if the header knew, so that what follows it is reached.
      if sample.name.contains("list") && generator.chance(80) {
        bytes.replaceSubrange(0..<4, with: Blobs.fixed(bytes.count, 4))
      }
      _ = sample.read(bytes)
    }
  }

  @Test func messages() {
    #expect(BlobError(form: .ziplist, fault: .cut, offset: 12).message
      == "a ziplist is damaged at its byte 12: an element reaches beyond its end")
  }
}
