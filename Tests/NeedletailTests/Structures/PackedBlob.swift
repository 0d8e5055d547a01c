import Testing

@testable import Needletail

/// A packed collection as its owner has it: a block that is no larger than the blob, so that a sanitizer sees whatever
/// reads or writes beyond.
@safe final class PackedBlob {
  private var base: UnsafeMutableRawPointer
  private(set) var byteCount: Int

  @safe init(byteCount: Int, _ write: (UnsafeMutableRawPointer) -> Void) {
    unsafe base = .allocate(byteCount: byteCount, alignment: 1)
    self.byteCount = byteCount
    unsafe write(base)
  }

  deinit { unsafe base.deallocate() }

  var view: ByteView { unsafe ByteView(base, count: byteCount) }
  var count: Int { Packed.count(view) }

  /// Applies the splice in place and from the old blob to a new one, which must make the same bytes.
  @safe func apply(_ splice: PackedSplice, _ fill: (UnsafeMutableRawPointer) -> Void) {
    let size = byteCount + splice.byteCountDelta
    let made = PackedBlob(byteCount: size) { block in
      let gap = unsafe splice.apply(from: view, to: block, capacity: size)
      unsafe fill(gap)
    }
    let capacity = max(byteCount, size)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
    unsafe larger.copyMemory(from: base, byteCount: byteCount)
    unsafe fill(splice.apply(to: larger, byteCount: byteCount, capacity: capacity))
    unsafe #expect(ByteView(larger, count: size).array == made.view.array)
    unsafe larger.deallocate()
    unsafe swap(&base, &made.base)
    swap(&byteCount, &made.byteCount)
  }

  func apply(_ splice: PackedSplice) { apply(splice) { _ in } }

  /// Puts another blob in its place.
  @safe func replace(byteCount: Int, _ write: (UnsafeMutableRawPointer) -> Void) {
    let made = PackedBlob(byteCount: byteCount, write)
    unsafe swap(&base, &made.base)
    swap(&self.byteCount, &made.byteCount)
  }
}

/// An element as a test compares it.
enum HeldElement: Equatable, Hashable {
  case bytes([UInt8])
  case integer(Int)
  case double(Double)

  init(_ element: PackedElement) {
    switch element {
    case .bytes(let bytes): self = .bytes(bytes.array)
    case .integer(let value): self = .integer(value)
    case .double(let value): self = .double(value)
    }
  }
}

extension PackedElement {
  var text: [UInt8] { withBytes { $0.array } }
}

/// Calls `body` with the encoded form of `bytes`.
func withEncoded<R>(_ bytes: [UInt8], _ body: (EncodedElement) throws -> R) rethrows -> R {
  try withView(bytes) { try body(EncodedElement($0)) }
}

extension SeededGenerator {
  /// Integers at the ends of every width, strings of every way to store a length, strings that are nearly integers.
  /// Few enough that what was inserted is met again.
  mutating func packedString(of variety: Int) -> [UInt8] {
    let number = below(variety)
    switch below(8) {
    case 0:
      let power = [0, 1, 5, 6, 7, 8, 15, 16, 23, 24, 31, 32, 47, 48, 62, 63][below(16)]
      let edge = power == 63 ? Int.max : 1 << power
      let value = edge &+ [-2, -1, 0, 1, 2][below(5)]
      return Array(String(chance(50) ? value : 0 &- value).utf8)
    case 1: return Array(String(number - variety / 2).utf8)
    case 2: return Array(["", "-", "-0", "007", "+1", "00", " 1", "1 ", "0x1", "1.0"][below(10)].utf8)
    case 3: return Array(repeating: UInt8(97 + number % 3), count: [0, 1, 2, 3, 6, 7, 8, 9, 15, 16, 17][below(11)])
    case 4:
      let count = [190, 191, 192, 193, 253, 254, 255, 256][below(8)]
      return Array("\(number % 3)".utf8) + Array(repeating: 0xff, count: count - 1)
    case 5:
      if chance(90) { return Array("member:\(number)".utf8) }
      return Array(repeating: UInt8(number & 1), count: [65534, 65535, 65536, 65537][below(4)])
    default: return Array("field:\(number)".utf8)
    }
  }
}
