import CSystem

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
      place += 1
      place += Int(unsafe cs_skip_bytes(bytes.base + place, last + 1 - place, flip))
      if place > last { return nil }
      byte = bytes[place] ^ flip
    }
    let index = place * 8 + byte.leadingZeroBitCount
    return byte != 0 && index < range.upperBound ? index : nil
  }
}
