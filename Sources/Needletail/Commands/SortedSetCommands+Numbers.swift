import Glibc

// Scores and bounds as clients write them.

extension ByteView {
  /// The score that these bytes spell in any form that C's `strtod` reads, hexadecimal and infinities included, with
  /// nothing before it or behind. Nil for anything else, for "nan", and for what is too large or too small.
  @inline(__always)
  var score: Double? { plainDecimal ?? anyScore(isBound: false) }

  /// The bound of a range of scores. Redis reads these in another way than scores: what is too large is infinite, what
  /// is too small is zero, as is no text at all; hexadecimal is none, and a zero byte ends the text.
  @inline(__always)
  var scoreBound: Double? { plainDecimal ?? anyScore(isBound: true) }

  /// Digits with or without a point and a sign, few enough that the number is exact: most scores are.
  @inline(__always)
  private var plainDecimal: Double? {
    guard count > 0 && count <= 17 else { return nil }
    let isNegative = self[0] == UInt8(ascii: "-")
    var index = isNegative ? 1 : 0
    var value: UInt64 = 0
    var digitCount = 0
    var point = -1
    while index < count {
      let byte = self[index]
      let digit = byte &- 48
      if digit <= 9 {
        value = value &* 10 &+ UInt64(digit)
        digitCount += 1
      } else if byte == UInt8(ascii: ".") && point < 0 {
        point = digitCount
      } else {
        return nil
      }
      index += 1
    }
    // Both operands are exact, so the quotient is the nearest double.
    guard digitCount > 0 && value <= 1 << 53 else { return nil }
    let whole = Double(value)
    let magnitude = point < 0 ? whole : whole / powerOfTen(digitCount - point)
    return isNegative ? -magnitude : magnitude
  }

  @inline(never)
  private func anyScore(isBound: Bool) -> Double? {
    var length = count
    if isBound {
      for index in 0..<count where self[index] == 0 {
        length = index
        break
      }
      if length == 0 { return 0 }
    }
    guard length > 0 && length < 1024, !(self[0] == 32 || 9...13 ~= self[0]) else { return nil }
    if isBound {
      for index in 0..<length where asciiLowercased(self[index]) == UInt8(ascii: "x") { return nil }
    }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + 1) { buffer in
      let text = buffer.baseAddress!
      unsafe self[0..<length].copy(to: UnsafeMutableRawPointer(text))
      unsafe text[length] = 0
      var end: UnsafeMutablePointer<CChar>?
      errno = 0
      let value = unsafe strtod(text, &end)
      guard unsafe end == text + length, !value.isNaN else { return nil }
      if !isBound && errno == ERANGE && (value.isInfinite || value.isZero) { return nil }
      return value
    }
  }
}

/// 10^exponent, exact up to 22.
@inline(__always)
private func powerOfTen(_ exponent: Int) -> Double {
  let powers: InlineArray<18, Double> = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  ]
  return powers[exponent]
}

extension Engine {
  /// Nil when it is no score, which has been answered.
  mutating func score(_ argument: ByteView) -> Double? {
    if let score = argument.score { return score }
    reply.error("ERR value is not a valid float")
    return nil
  }

  /// Nil when one of them is no bound, which has been answered.
  mutating func scoreRange(_ lower: ByteView, _ upper: ByteView) -> ScoreRange? {
    let isLowerExclusive = !lower.isEmpty && lower[0] == UInt8(ascii: "(")
    let isUpperExclusive = !upper.isEmpty && upper[0] == UInt8(ascii: "(")
    let from = isLowerExclusive ? lower[1..<lower.count] : lower
    let to = isUpperExclusive ? upper[1..<upper.count] : upper
    guard let first = from.scoreBound, let last = to.scoreBound else {
      reply.error("ERR min or max is not a float")
      return nil
    }
    return ScoreRange(lower: first, isLowerExclusive: isLowerExclusive, upper: last, isUpperExclusive: isUpperExclusive)
  }

  /// Nil when one of them is no bound, which has been answered.
  mutating func lexRange(_ lower: ByteView, _ upper: ByteView) -> LexRange? {
    guard let first = LexBound(lower), let last = LexBound(upper) else {
      reply.error("ERR min or max not valid string range item")
      return nil
    }
    return LexRange(lower: first, upper: last)
  }
}

extension LexBound {
  /// `-`, `+`, or a member behind `[` or `(`. Nil for anything else.
  init?(_ text: ByteView) {
    guard !text.isEmpty else { return nil }
    switch text[0] {
    case UInt8(ascii: "-") where text.count == 1: self = .least
    case UInt8(ascii: "+") where text.count == 1: self = .greatest
    case UInt8(ascii: "["): self = .at(text[1..<text.count], isExclusive: false)
    case UInt8(ascii: "("): self = .at(text[1..<text.count], isExclusive: true)
    default: return nil
    }
  }
}
