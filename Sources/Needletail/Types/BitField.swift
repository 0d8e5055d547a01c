/// An integer of 1 to 64 bits that lies anywhere in a string, highest bit first, as BITFIELD has it.
struct BitField {
  let isSigned: Bool
  /// In bits: up to 64 when signed, else up to 63, so that every value is an `Int`.
  let width: Int

  /// Nil unless the name is `i1` to `i64` or `u1` to `u63`.
  init?(_ name: ByteView) {
    guard name.count > 1, let width = name[1..<name.count].integer else { return nil }
    switch name[0] {
    case UInt8(ascii: "i"): isSigned = true
    case UInt8(ascii: "u"): isSigned = false
    default: return nil
    }
    guard width >= 1 && width <= (isSigned ? 64 : 63) else { return nil }
    self.width = width
  }

  /// The bytes that a field at bit `offset` touches.
  func bytes(at offset: Int) -> Range<Int> { offset >> 3..<(offset + width + 7) >> 3 }

  /// The field at bit `offset`. Bytes that are not there count as zeros. Complexity: O(1).
  func value(in bytes: ByteView, at offset: Int) -> Int {
    var word: UInt128 = 0
    let range = self.bytes(at: offset)
    for place in range { word = word << 8 | UInt128(place < bytes.count ? bytes[place] : 0) }
    word >>= UInt128(range.upperBound * 8 - offset - width)
    return extended(UInt64(truncatingIfNeeded: word))
  }

  /// Overwrites the field at bit `offset` with the lowest bits of `value`. Complexity: O(1).
  func store(_ value: Int, at offset: Int, in data: UnsafeMutableRawPointer) {
    let range = bytes(at: offset)
    let shift = UInt128(range.upperBound * 8 - offset - width)
    let mask = (UInt128(1) << UInt128(width) - 1) << shift
    let bits = UInt128(UInt64(bitPattern: Int64(value))) << shift & mask
    for (index, place) in range.reversed().enumerated() {
      let byteMask = UInt8(truncatingIfNeeded: mask >> UInt128(8 * index))
      let old = unsafe data.load(fromByteOffset: place, as: UInt8.self)
      let new = old & ~byteMask | UInt8(truncatingIfNeeded: bits >> UInt128(8 * index))
      unsafe data.storeBytes(of: new, toByteOffset: place, as: UInt8.self)
    }
  }

  // MARK: Overflow

  enum Overflow { case wrap, saturate, fail }

  /// The value that `value + increment` becomes in the field; nil when it does not fit and is to fail.
  /// - Parameter value: an unsigned field's is taken as an unsigned number, whatever its sign.
  func sum(_ value: Int, _ increment: Int, _ overflow: Overflow) -> Int? {
    let value = isSigned ? Int128(value) : Int128(UInt64(bitPattern: Int64(value)))
    let sum = value + Int128(increment)
    let most = Int128(1) << Int128(isSigned ? width - 1 : width) - 1
    let least = isSigned ? -most - 1 : 0
    if sum >= least && sum <= most { return Int(sum) }
    // Redis subtracts from the most that fits, in 64 bits: for the least numbers that overflows, and they pass for too
    // large.
    let isTooLarge = sum > most || isSigned && width < 64 && value < most - Int128(Int.max)
    switch overflow {
    case .wrap: return extended(UInt64(truncatingIfNeeded: sum))
    case .saturate: return Int(isTooLarge ? most : least)
    case .fail: return nil
    }
  }

  /// The lowest bits of `word` as the field's value.
  private func extended(_ word: UInt64) -> Int {
    let unused = UInt64(64 - width)
    let top = word << unused
    return isSigned ? Int(Int64(bitPattern: top) >> Int64(unused)) : Int(top >> unused)
  }
}
