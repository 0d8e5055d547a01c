/// The digits of doubles as Redis prints scores, by the Grisu2 algorithm: always enough to read the same number back,
/// and in all but one of a thousand cases as few as that takes.
///
/// Whatever prints the fewest digits in every case, as Swift's own description does, would print other ones than Redis
/// does now and then (1e23 is 99999999999999990000000 there), and clients and digests compare text.
/// Source: Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers" (2010).
enum ShortDecimal {
  /// Room that any number fits.
  static let maxBytes = 40

  /// Writes a score as replies have it: whole numbers up to 2^62 with all their digits, others as `writeShort` does.
  /// - Returns: how many bytes. Complexity: O(digits).
  @inline(__always)
  static func write(_ value: Double, to place: UnsafeMutableRawPointer) -> Int {
    if value.magnitude <= wholeMax && value != 0 {
      let whole = Int(value)
      if Double(whole) == value { return unsafe writeDecimal(whole, to: place) }
    }
    return unsafe writeShort(value, to: place)
  }

  private static let wholeMax: Double = 4_611_686_018_427_387_904

  /// Writes a number with as few digits as it takes: plainly, or with an exponent where that is much shorter.
  /// - Returns: how many bytes. Complexity: O(digits).
  @inline(never)
  static func writeShort(_ value: Double, to place: UnsafeMutableRawPointer) -> Int {
    precondition(!value.isNaN)
    var start = unsafe place
    var signCount = 0
    if value.sign == .minus {
      unsafe place.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self)
      unsafe start += 1
      signCount = 1
    }
    if value.isInfinite { return unsafe signCount + put(ByteView("inf"), start) }
    if value == 0 { return unsafe signCount + put(ByteView("0"), start) }
    let digits = Digits(value.magnitude)
    return unsafe signCount + layOut(digits, start, limit: 18 - signCount)
  }

  private static func put(_ text: ByteView, _ place: UnsafeMutableRawPointer) -> Int {
    unsafe text.copy(to: place)
    return text.count
  }

  /// - Parameter limit: how many digits are written at most in front of an exponent.
  private static func layOut(_ digits: Digits, _ place: UnsafeMutableRawPointer, limit: Int) -> Int {
    let count = digits.count
    let power = digits.power
    let distance = abs(power + count - 1)
    var end = unsafe place
    func byte(_ byte: UInt8) {
      unsafe end.storeBytes(of: byte, as: UInt8.self)
      unsafe end += 1
    }
    if power >= 0 && distance < count + 7 {
      for index in 0..<count { byte(digits[index]) }
      for _ in 0..<power { byte(48) }
    } else if power < 0 && (power > -7 || distance < 4) {
      let whole = count + power
      if whole <= 0 {
        byte(48)
        byte(UInt8(ascii: "."))
        for _ in 0..<(-whole) { byte(48) }
      }
      for index in 0..<count {
        if index == whole && whole > 0 { byte(UInt8(ascii: ".")) }
        byte(digits[index])
      }
    } else {
      byte(digits[0])
      if count > 1 { byte(UInt8(ascii: ".")) }
      for index in 1..<max(min(count, limit), 1) { byte(digits[index]) }
      byte(UInt8(ascii: "e"))
      byte(UInt8(ascii: power + count - 1 < 0 ? "-" : "+"))
      unsafe end += writeDecimal(distance, to: end)
    }
    return unsafe end - place
  }
}

/// A positive number as digits, without zeros in front, times a power of ten.
private struct Digits {
  private var digits = InlineArray<24, UInt8>(repeating: 0)
  private(set) var count = 0
  private(set) var power: Int

  subscript(index: Int) -> UInt8 { digits[index] }

  init(_ value: Double) {
    let number = Scaled(value)
    let (lower, upper) = number.neighbours
    let scale = Scaled.power(bringing: upper.exponent)
    power = -scale.power
    var top = upper * scale.value
    var bottom = lower * scale.value
    let middle = number.normalized * scale.value
    // Each product may be off by one in its last place: what is between these is certain.
    bottom.fraction += 1
    top.fraction -= 1
    make(middle, top, bottom)
  }

  /// Takes digits off the upper bound until what is left is inside the bounds, then steps towards the number itself.
  private mutating func make(_ middle: Scaled, _ top: Scaled, _ bottom: Scaled) {
    var excess = top.fraction &- middle.fraction
    var width = top.fraction &- bottom.fraction
    let shift = UInt64(-top.exponent)
    let one: UInt64 = 1 &<< shift
    var whole = top.fraction >> shift
    var part = top.fraction & (one &- 1)
    var unit: UInt64 = 1_000_000_000
    var left = 10
    while left > 0 {
      let digit = whole / unit
      append(digit)
      whole -= digit * unit
      left -= 1
      let rest = (whole &<< shift) &+ part
      if rest <= width {
        power += left
        return approach(rest, width, unit &<< shift, excess)
      }
      unit /= 10
    }
    var scale: UInt64 = 1
    while true {
      part = part &* 10
      width = width &* 10
      scale = scale &* 10
      left -= 1
      append(part >> shift)
      part &= one &- 1
      if part < width {
        power += left
        excess = excess &* scale
        return approach(part, width, one, excess)
      }
    }
  }

  private mutating func append(_ digit: UInt64) {
    if digit == 0 && count == 0 { return }
    digits[count] = 48 &+ UInt8(truncatingIfNeeded: digit)
    count += 1
  }

  private mutating func approach(_ rest: UInt64, _ width: UInt64, _ step: UInt64, _ excess: UInt64) {
    var rest = rest
    while rest < excess && width &- rest >= step
      && (rest &+ step < excess || excess &- rest > rest &+ step &- excess)
    {
      digits[count - 1] -= 1
      rest = rest &+ step
    }
  }
}

/// A fraction of 64 bits times a power of two.
private struct Scaled {
  var fraction: UInt64
  var exponent: Int

  private static let hiddenBit: UInt64 = 1 << 52

  init(fraction: UInt64, exponent: Int) {
    self.fraction = fraction
    self.exponent = exponent
  }

  init(_ value: Double) {
    let bits = value.bitPattern
    fraction = bits & (Self.hiddenBit - 1)
    exponent = Int(bits >> 52 & 0x7ff)
    if exponent == 0 {
      exponent = -1074
    } else {
      fraction += Self.hiddenBit
      exponent -= 1075
    }
  }

  var normalized: Scaled {
    let shift = fraction.leadingZeroBitCount
    return Scaled(fraction: fraction << UInt64(shift), exponent: exponent - shift)
  }

  /// Halfway to the numbers below and above, with one exponent.
  var neighbours: (Scaled, Scaled) {
    let upper = Scaled(fraction: fraction << 1 + 1, exponent: exponent - 1).normalized
    // Below a power of two numbers are twice as close.
    let shift = fraction == Self.hiddenBit ? 2 : 1
    let lower = (fraction << UInt64(shift) - 1) << UInt64(exponent - shift - upper.exponent)
    return (Scaled(fraction: lower, exponent: upper.exponent), upper)
  }

  static func * (a: Scaled, b: Scaled) -> Scaled {
    let product = a.fraction.multipliedFullWidth(by: b.fraction)
    return Scaled(fraction: product.high &+ product.low >> 63, exponent: a.exponent + b.exponent + 64)
  }

  private static let firstPower = -348
  private static let powerStep = 8

  /// The power of ten that brings a number with this exponent to one between -60 and -32.
  static func power(bringing exponent: Int) -> (value: Scaled, power: Int) {
    let estimate = Int(-Double(exponent + fractions.count) * 0.30102999566398114)
    var index = (estimate - firstPower) / powerStep
    while true {
      let power = firstPower + index * powerStep
      // The logarithm of 10 to the base 2, times 65536.
      let value = Scaled(fraction: fractions[index], exponent: (power * 217_706) >> 16 - 63)
      let sum = exponent + value.exponent + 64
      if sum < -60 {
        index += 1
      } else if sum > -32 {
        index -= 1
      } else {
        return (value, power)
      }
    }
  }

  /// The first 64 bits, rounded, of 10^-348, 10^-340 ... 10^340.
  private static let fractions: InlineArray<87, UInt64> = [
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
  ]
}
