import CSystem
import Glibc

/// A string's bytes as bits. Bit 0 is the highest bit of the first byte.
@safe struct Bitmap {
  let bytes: ByteView

  init(_ bytes: ByteView) { self.bytes = bytes }

  var bitCount: Int { bytes.count * 8 }

  /// The bit at `index`; 0 beyond the end. Complexity: O(1).
  func bit(at index: Int) -> Int {
    let place = index >> 3
    return place < bytes.count ? Int(bytes[place] >> UInt8(7 - index & 7)) & 1 : 0
  }

  /// How many bits of `range` are 1. Complexity: O(bytes).
  func count(_ range: Range<Int>) -> Int {
    guard !range.isEmpty else { return 0 }
    precondition(range.lowerBound >= 0 && range.upperBound <= bitCount)
    let first = range.lowerBound >> 3
    let last = (range.upperBound - 1) >> 3
    // All bits of the bytes, less those before and after.
    var total = Int(unsafe cs_count_bits(bytes.base + first, last - first + 1))
    let before = bytes[first] & ~(UInt8.max >> UInt8(range.lowerBound & 7))
    let after = bytes[last] & (UInt8.max >> UInt8((range.upperBound - 1) & 7 + 1))
    total -= before.nonzeroBitCount + after.nonzeroBitCount
    return total
  }

  /// The first bit of `range` that is `bit`; nil when there is none. Complexity: O(bytes).
  func firstIndex(of bit: Bool, in range: Range<Int>) -> Int? {
    guard !range.isEmpty else { return nil }
    precondition(range.lowerBound >= 0 && range.upperBound <= bitCount)
    // What is looked for is a 1 in every byte combined with this.
    let flip: UInt8 = bit ? 0 : 0xff
    var place = range.lowerBound >> 3
    let last = (range.upperBound - 1) >> 3
    var byte = (bytes[place] ^ flip) & (UInt8.max >> UInt8(range.lowerBound & 7))
    if byte == 0 {
      place = firstByte(unlike: flip, from: place + 1, to: last)
      if place > last { return nil }
      byte = bytes[place] ^ flip
    }
    let index = place * 8 + byte.leadingZeroBitCount
    return byte != 0 && index < range.upperBound ? index : nil
  }

  /// The first byte from `start` on that is not `byte`, which may be `last`; beyond it when there is none.
  private func firstByte(unlike byte: UInt8, from start: Int, to last: Int) -> Int {
    let word = UInt64(byte) &* 0x0101_0101_0101_0101
    var place = start
    while place + 32 <= last + 1 {
      let difference = (bytes.fixed(UInt64.self, at: place) ^ word) | (bytes.fixed(UInt64.self, at: place + 8) ^ word)
        | (bytes.fixed(UInt64.self, at: place + 16) ^ word) | (bytes.fixed(UInt64.self, at: place + 24) ^ word)
      if difference != 0 { break }
      place += 32
    }
    while place <= last && bytes[place] == byte { place += 1 }
    return place
  }
}

// MARK: - Combining

/// What BITOP makes of several bitmaps. A shorter one counts as filled up with zeros.
enum BitOperation: CaseIterable {
  case and, or, xor, not
  /// Bits of the first that no other has; bits that another has and the first has not.
  case diff, diff1
  /// Bits of the first that another has as well.
  case andOr
  /// Bits that exactly one has.
  case one

  /// Sources it takes at least.
  var sourcesMin: Int {
    switch self {
    case .diff, .diff1, .andOr: 2
    case .and, .or, .xor, .not, .one: 1
    }
  }
}

/// The strings that BITOP reads, valid until one of their keys changes.
@safe struct BitSources: ~Copyable {
  /// Bytes that are worked on at a time: they stay in the nearest cache while one source after the other comes to them.
  private static var blockBytes: Int { 8 << 10 }
  private static var digitBytes: Int { 24 }

  private let views: UnsafeMutablePointer<ByteView>
  /// Integers, written out.
  private let digits: UnsafeMutableRawPointer
  private let capacity: Int
  private(set) var count = 0
  /// Bytes of the longest.
  private(set) var byteCount = 0

  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
    unsafe views = .allocate(capacity: capacity)
    unsafe digits = .allocate(byteCount: capacity * Self.digitBytes, alignment: 8)
  }

  deinit {
    unsafe views.deallocate()
    unsafe digits.deallocate()
  }

  /// - Parameter entry: a string's; nil for a key that is not there, which counts as an empty string.
  mutating func append(_ entry: Entry?) {
    precondition(count < capacity)
    var view = ByteView.empty
    if let entry {
      if let bytes = entry.stringBytes {
        view = bytes
      } else {
        let place = unsafe digits + count * Self.digitBytes
        view = unsafe ByteView(place, count: writeDecimal(entry.integer!, to: place))
      }
    }
    unsafe (views + count).initialize(to: view)
    count += 1
    byteCount = max(byteCount, view.count)
  }

  /// Writes `byteCount` bytes at `destination`, where none of the sources lies. Complexity: O(byteCount * sources).
  func write(_ operation: BitOperation, to destination: UnsafeMutableRawPointer) {
    unsafe withUnsafeTemporaryAllocation(byteCount: Self.blockBytes, alignment: 64) { buffer in
      var start = 0
      while start < byteCount {
        let end = min(start + Self.blockBytes, byteCount)
        unsafe write(operation, start..<end, to: destination + start, buffer.baseAddress!)
        start = end
      }
    }
  }

  /// - Parameter spare: as much room as the range has bytes.
  private func write(_ operation: BitOperation, _ range: Range<Int>, to block: UnsafeMutableRawPointer,
    _ spare: UnsafeMutableRawPointer)
  {
    let size = range.count
    switch operation {
    case .and:
      unsafe copy(0, range, to: block)
      for index in 1..<max(count, 1) {
        let part = part(index, range)
        unsafe Self.combine(block, part.base, part.count) { $0 & $1 }
        unsafe memset(block + part.count, 0, size - part.count)
      }
    case .or:
      unsafe copy(0, range, to: block)
      unsafe orAll(from: 1, range, into: block)
    case .xor:
      unsafe copy(0, range, to: block)
      for index in 1..<max(count, 1) {
        let part = part(index, range)
        unsafe Self.combine(block, part.base, part.count) { $0 ^ $1 }
      }
    case .not:
      unsafe copy(0, range, to: block)
      unsafe Self.combine(block, UnsafeRawPointer(block), size) { _, old in ~old }
    case .diff, .diff1, .andOr:
      unsafe copy(0, range, to: spare)
      unsafe memset(block, 0, size)
      unsafe orAll(from: 1, range, into: block)
      switch operation {
      case .diff: unsafe Self.combine(block, spare, size) { others, first in first & ~others }
      case .diff1: unsafe Self.combine(block, spare, size) { others, first in others & ~first }
      default: unsafe Self.combine(block, spare, size) { others, first in first & others }
      }
    case .one:
      // What one has so far, and in `spare` what more than one has.
      unsafe copy(0, range, to: block)
      unsafe memset(spare, 0, size)
      for index in 1..<max(count, 1) {
        let part = part(index, range)
        unsafe Self.combine(spare, part.base, part.count, with: block) { several, next, any in several | (any & next) }
        unsafe Self.combine(block, part.base, part.count) { $0 | $1 }
      }
      unsafe Self.combine(block, spare, size) { any, several in any & ~several }
    }
  }

  /// What a source has of the range.
  private func part(_ index: Int, _ range: Range<Int>) -> ByteView {
    let view = unsafe views[index]
    return range.lowerBound < view.count ? view[range.lowerBound..<min(range.upperBound, view.count)] : .empty
  }

  private func copy(_ index: Int, _ range: Range<Int>, to block: UnsafeMutableRawPointer) {
    let part = part(index, range)
    unsafe part.copy(to: block)
    unsafe memset(block + part.count, 0, range.count - part.count)
  }

  private func orAll(from first: Int, _ range: Range<Int>, into block: UnsafeMutableRawPointer) {
    for index in first..<max(count, first) {
      let part = part(index, range)
      unsafe Self.combine(block, part.base, part.count) { $0 | $1 }
    }
  }

  /// Replaces each byte of `block` by what `body` makes of it and the one of `other`.
  @inline(__always)
  private static func combine(_ block: UnsafeMutableRawPointer, _ other: UnsafeRawPointer, _ count: Int,
    _ body: (UInt64, UInt64) -> UInt64)
  {
    unsafe combine(block, other, count, with: UnsafeRawPointer(block)) { old, next, _ in body(old, next) }
  }

  /// As above, with a third operand.
  @inline(__always)
  private static func combine(_ block: UnsafeMutableRawPointer, _ other: UnsafeRawPointer, _ count: Int,
    with third: UnsafeRawPointer, _ body: (UInt64, UInt64, UInt64) -> UInt64)
  {
    var place = 0
    while place &+ 64 <= count {
      // Eight words a step, independent of one another: the compiler makes vectors of them.
      var words = InlineArray<8, UInt64>(repeating: 0)
      for lane in 0..<8 {
        let offset = place &+ lane &* 8
        words[lane] = body(unsafe block.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
          unsafe other.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
          unsafe third.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      }
      for lane in 0..<8 { unsafe block.storeBytes(of: words[lane], toByteOffset: place &+ lane &* 8, as: UInt64.self) }
      place &+= 64
    }
    while place < count {
      let byte = body(UInt64(unsafe block.load(fromByteOffset: place, as: UInt8.self)),
        UInt64(unsafe other.load(fromByteOffset: place, as: UInt8.self)),
        UInt64(unsafe third.load(fromByteOffset: place, as: UInt8.self)))
      unsafe block.storeBytes(of: UInt8(truncatingIfNeeded: byte), toByteOffset: place, as: UInt8.self)
      place &+= 1
    }
  }
}
