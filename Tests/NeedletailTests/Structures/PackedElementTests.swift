import Testing

@testable import Needletail

@Suite struct PackedElementTests {
  /// Writes an element between two others, reads it back, and gives its bytes.
  private func stored(_ encoded: EncodedElement) -> (bytes: [UInt8], read: HeldElement) {
    let blob = PackedBlob(byteCount: encoded.byteCount + 2) { place in
      unsafe place.storeBytes(of: 0xaa, as: UInt8.self)
      let end = unsafe encoded.write(to: place + 1)
      unsafe end.storeBytes(of: 0xbb, as: UInt8.self)
    }
    let array = blob.view.array
    #expect(array.first == 0xaa && array.last == 0xbb)
    #expect(blob.view.packedSize(at: 1) == encoded.byteCount)
    return (Array(array[1..<array.count - 1]), HeldElement(PackedElement.read(blob.view, at: 1)))
  }

  private func storedString(_ bytes: [UInt8]) -> (bytes: [UInt8], read: HeldElement) {
    withEncoded(bytes) { stored($0) }
  }

  @Test func stringsBySize() {
    for (count, prefix) in [(0, [0]), (1, [1]), (190, [190]), (191, [191]), (192, [254, 192, 0]), (193, [254, 193, 0]),
      (65534, [254, 0xfe, 0xff]), (65535, [254, 0xff, 0xff]), (65536, [255, 0, 0, 1, 0]), (65537, [255, 1, 0, 1, 0])]
      as [(Int, [UInt8])]
    {
      let string = [UInt8](repeating: 120, count: count)
      let (bytes, read) = storedString(string)
      #expect(bytes == prefix + string)
      #expect(read == .bytes(string))
    }
  }

  @Test func integersBySize() {
    let sizes: [(Int, Int)] = [(-1, 1), (-2, 2), (0, 1), (53, 1), (54, 2), (127, 2), (128, 3), (-128, 2), (-129, 3),
      (32767, 3), (32768, 4), (-32768, 3), (-32769, 4), (1 << 23 - 1, 4), (1 << 23, 5), (-1 << 23, 4),
      (-1 << 23 - 1, 5),
      (1 << 31 - 1, 5), (1 << 31, 7), (-1 << 31, 5), (-1 << 31 - 1, 7), (1 << 47 - 1, 7), (1 << 47, 9), (-1 << 47, 7),
      (-1 << 47 - 1, 9), (.max, 9), (.min, 9)]
    for (value, size) in sizes {
      let (bytes, read) = stored(EncodedElement(value))
      #expect(bytes.count == size, "\(value)")
      #expect(read == .integer(value))
      let text = Array(String(value).utf8)
      #expect(storedString(text).bytes == bytes)
      let blob = PackedBlob(byteCount: size) { unsafe EncodedElement(value).write(to: $0) }
      let element = PackedElement.read(blob.view, at: 0)
      #expect(element.text == text && element.count == text.count)
      #expect(withView(text) { element == $0 } && withView(text + [48]) { !(element == $0) })
    }
  }

  @Test func whatIsNoInteger() {
    for text in ["", "-", "-0", "00", "007", "+1", " 1", "1 ", "1.0", "9223372036854775808", "-9223372036854775809",
      "99999999999999999999", "100000000000000000000"]
    {
      #expect(storedString(Array(text.utf8)).read == .bytes(Array(text.utf8)))
    }
  }

  @Test func scores() {
    let bound = Double(1 << 53)
    for (score, size, held) in [(0, 1, .integer(0)), (-0.0, 9, .double(-0.0)), (1, 1, .integer(1)),
      (-3, 2, .integer(-3)),
      (0.5, 9, .double(0.5)), (bound, 9, .integer(1 << 53)), (bound + 2, 9, .double(bound + 2)),
      (-bound, 9, .integer(-1 << 53)), (-bound - 2, 9, .double(-bound - 2)), (.infinity, 9, .double(.infinity)),
      (-.infinity, 9, .double(-.infinity)), (1e300, 9, .double(1e300)),
      (.leastNonzeroMagnitude, 9, .double(.leastNonzeroMagnitude))]
      as [(Double, Int, HeldElement)]
    {
      let (bytes, read) = stored(EncodedElement(score: score))
      #expect(bytes.count == size && read == held)
      let blob = PackedBlob(byteCount: size) { unsafe EncodedElement(score: score).write(to: $0) }
      #expect(PackedElement.read(blob.view, at: 0).score.bitPattern == score.bitPattern)
    }
  }

  /// A probe finds what is equal and nothing else, at the blob's first byte that can hold an element and behind.
  @Test func probes() {
    var random = SeededGenerator.fresh()
    for _ in 0..<3000 {
      let held = random.packedString(of: 6)
      var asked = random.chance(50) ? held : random.packedString(of: 6)
      if random.chance(30) && !asked.isEmpty { asked[random.below(asked.count)] &+= 1 }
      let offset = 4 + random.below(10)
      withEncoded(held) { element in
        let blob = PackedBlob(byteCount: offset + element.byteCount) { block in
          unsafe block.initializeMemory(as: UInt8.self, repeating: UInt8(random.below(256)), count: offset)
          unsafe element.write(to: block + offset)
        }
        withEncoded(asked) { asking in
          let probe = PackedProbe(asking)
          let matches = blob.view[offset] == probe.code && probe.matches(blob.view, at: offset)
          #expect(matches == (held == asked), "seed \(random.seed): \(held), \(asked)")
        }
        withView(asked) { bytes in
          let element = PackedElement.read(blob.view, at: offset)
          #expect((element == bytes) == (held == asked))
          let order = element.compare(bytes)
          #expect((order < 0) == held.lexicographicallyPrecedes(asked))
          #expect((order == 0) == (held == asked))
        }
      }
    }
  }

  @Test func anElementCutShortTraps() async {
    await #expect(processExitsWith: .failure) {
      withView([0, 0, 0, 1, 5, 97, 97, 97, 97]) { _ = PackedElement.read($0, at: 4) }
    }
    await #expect(processExitsWith: .failure) {
      withView([0, 0, 0, 1, 252, 1, 1, 1, 1, 1, 1, 1]) { _ = PackedElement.read($0, at: 4) }
    }
    await #expect(processExitsWith: .failure) {
      withView([0, 0, 0, 1, 255, 1, 1, 0]) { _ = PackedElement.read($0, at: 4) }
    }
    await #expect(processExitsWith: .failure) {
      withView([0, 0, 0, 1, 5, 97, 97, 97, 97]) { blob in
        withEncoded(Array("abcde".utf8)) { _ = PackedMap(blob).find($0) }
      }
    }
    await #expect(processExitsWith: .failure) { withView([0, 0, 0, 1]) { _ = PackedElement.read($0, at: 4) } }
  }

  @Test func aSpliceThatDoesNotFitTraps() async {
    await #expect(processExitsWith: .failure) {
      let blob = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
      unsafe Packed.writeEmpty(to: blob)
      let splice = PackedSplice(offset: 4, removedByteCount: 0, insertedByteCount: 5, countDelta: 1)
      _ = unsafe splice.apply(to: blob, byteCount: 4, capacity: 8)
    }
    await #expect(processExitsWith: .failure) {
      let blob = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
      unsafe Packed.writeEmpty(to: blob)
      let splice = PackedSplice(offset: 4, removedByteCount: 1, insertedByteCount: 0, countDelta: -1)
      _ = unsafe splice.apply(to: blob, byteCount: 4, capacity: 8)
    }
  }
}
