@testable import Needletail

/// Blobs as Redis builds them, made of elements whose code and data are given: `listpackCode` and `ziplistCode` make
/// those in the shortest form.
enum Blobs {
  static func fixed(_ value: Int, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  // MARK: Listpacks

  static func listpack(_ elements: [[UInt8]], count: Int? = nil) -> [UInt8] {
    let body = elements.flatMap { $0 + backLength($0.count) }
    let header = fixed(7 + body.count, 4) + fixed(count ?? min(elements.count, 0xffff), 2)
    return header + body + [0xff]
  }

  static func backLength(_ size: Int) -> [UInt8] {
    // The borders are those that servers have: 16,383 takes three bytes.
    let width = size <= 127 ? 1 : size < 16383 ? 2 : size < 2_097_151 ? 3 : size < 268_435_455 ? 4 : 5
    return (0..<width).map { UInt8(truncatingIfNeeded: size >> (7 * (width - 1 - $0))) & 0x7f | ($0 == 0 ? 0 : 0x80) }
  }

  static func listpackCode(_ value: Int) -> [UInt8] {
    switch value {
    case 0...127: [UInt8(value)]
    case -4096...4095: [0xc0 | UInt8(truncatingIfNeeded: value >> 8) & 0x1f, UInt8(truncatingIfNeeded: value)]
    case -1 << 15..<1 << 15: [0xf1] + fixed(value, 2)
    case -1 << 23..<1 << 23: [0xf2] + fixed(value, 3)
    case -1 << 31..<1 << 31: [0xf3] + fixed(value, 4)
    default: [0xf4] + fixed(value, 8)
    }
  }

  static func listpackCode(_ string: [UInt8]) -> [UInt8] {
    let count = string.count
    if count < 64 { return [0x80 | UInt8(count)] + string }
    if count < 4096 { return [0xe0 | UInt8(count >> 8), UInt8(truncatingIfNeeded: count)] + string }
    return [0xf0] + fixed(count, 4) + string
  }

  // MARK: Ziplists

  /// - Parameter widens: whether every size of the element before takes five bytes.
  static func ziplist(_ elements: [[UInt8]], count: Int? = nil, widens: Bool = false) -> [UInt8] {
    var body: [UInt8] = []
    var previous = 0
    var tail = 10
    for element in elements {
      let size = previous < 254 && !widens ? [UInt8(previous)] : [254] + fixed(previous, 4)
      tail = 10 + body.count
      body += size + element
      previous = size.count + element.count
    }
    let header = fixed(11 + body.count, 4) + fixed(tail, 4) + fixed(count ?? min(elements.count, 0xffff), 2)
    return header + body + [0xff]
  }

  static func ziplistCode(_ value: Int) -> [UInt8] {
    switch value {
    case 0...12: [0xf1 + UInt8(value)]
    case -128..<128: [0xfe] + fixed(value, 1)
    case -1 << 15..<1 << 15: [0xc0] + fixed(value, 2)
    case -1 << 23..<1 << 23: [0xf0] + fixed(value, 3)
    case -1 << 31..<1 << 31: [0xd0] + fixed(value, 4)
    default: [0xe0] + fixed(value, 8)
    }
  }

  static func ziplistCode(_ string: [UInt8]) -> [UInt8] {
    let count = string.count
    if count < 64 { return [UInt8(count)] + string }
    if count < 16384 { return [0x40 | UInt8(count >> 8), UInt8(truncatingIfNeeded: count)] + string }
    return [0x80] + fixed(count, 4).reversed() + string
  }

  // MARK: Zipmaps and intsets

  /// - Parameter pairs: each with its unused bytes.
  static func zipmap(_ pairs: [(field: [UInt8], value: [UInt8], unused: [UInt8])], count: Int? = nil) -> [UInt8] {
    var body: [UInt8] = []
    for pair in pairs {
      body += zipmapLength(pair.field) + pair.field
      body += zipmapLength(pair.value) + [UInt8(pair.unused.count)] + pair.value + pair.unused
    }
    return [UInt8(count ?? min(pairs.count, 254))] + body + [0xff]
  }

  private static func zipmapLength(_ string: [UInt8]) -> [UInt8] {
    string.count < 254 ? [UInt8(string.count)] : [254] + fixed(string.count, 4)
  }

  static func intset(_ values: [Int], integerBytes: Int) -> [UInt8] {
    fixed(integerBytes, 4) + fixed(values.count, 4) + values.flatMap { fixed($0, integerBytes) }
  }
}

/// Integers at the borders of every packed form, and one to either side.
let borderIntegers: [Int] = {
  var values: [Int] = [0, 1, 11, 12, 13, 63, 64, .max, .max - 1, .min, .min + 1]
  for bits in [7, 8, 12, 13, 15, 16, 23, 24, 31, 32, 47, 48] {
    for offset in -1...1 { values += [1 << bits + offset, -1 << bits + offset] }
  }
  return Array(Set(values)).sorted()
}()

/// Calls `body` with a view of a block of exactly these bytes, so that a sanitizer sees what is read beyond them.
func withBlock<R>(_ bytes: [UInt8], _ body: (ByteView) throws -> R) rethrows -> R {
  let block = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
  defer { unsafe block.deallocate() }
  unsafe bytes.withUnsafeBytes { source in
    if let base = source.baseAddress { unsafe block.copyMemory(from: base, byteCount: source.count) }
  }
  return try body(unsafe ByteView(block, count: bytes.count))
}

extension PackedElement {
  /// A copy of the element's bytes, an integer's written out.
  var copy: [UInt8] { withBytes { $0.array } }
}
