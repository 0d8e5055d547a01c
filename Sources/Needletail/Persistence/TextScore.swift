import Glibc

extension ByteView {
  private static var scoreMaxBytes: Int { 252 }

  /// The number these bytes spell in decimal, as servers write scores: digits, a sign, a point, an exponent and nothing
  /// else. Nil for anything else and for what is beyond the largest number. Complexity: O(n), n at most 252.
  var finiteScore: Double? {
    guard 1...Self.scoreMaxBytes ~= count else { return nil }
    for index in 0..<count where !Self.isOfNumber(self[index]) { return nil }
    let score: Double? = unsafe withUnsafeTemporaryAllocation(byteCount: count + 1, alignment: 1) { buffer in
      let text = unsafe buffer.baseAddress!
      unsafe copy(to: text)
      unsafe text.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
      let start = unsafe text.assumingMemoryBound(to: CChar.self)
      var end: UnsafeMutablePointer<CChar>?
      let value = unsafe strtod(start, &end)
      return unsafe end == start + count ? value : nil
    }
    guard let score, score.isFinite else { return nil }
    return score
  }

  /// Without this `strtod` would take blanks, hexadecimal digits, "nan" and the like.
  private static func isOfNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "e"), UInt8(ascii: "E"): true
    default: false
    }
  }
}
