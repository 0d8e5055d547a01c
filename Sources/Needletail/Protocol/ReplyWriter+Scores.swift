import CSystem

/// Scores and what comes with them.
extension ReplyWriter {
  /// A sorted set's score: a double, in RESP2 a bulk string.
  @inline(__always)
  mutating func score(_ value: Double) {
    unsafe withUnsafeTemporaryAllocation(byteCount: ShortDecimal.maxBytes, alignment: 8) { buffer in
      let base = buffer.baseAddress!
      let count = unsafe ShortDecimal.write(value, to: base)
      double(unsafe ByteView(UnsafeRawPointer(base), count: count))
    }
  }

  /// The header of `count` members: with scores these are pairs in RESP3, and twice as many elements in RESP2.
  @inline(__always)
  mutating func members(_ count: Int, withScores: Bool) {
    array(withScores && !isRESP3 ? 2 * count : count)
  }

  /// One of them.
  @inline(__always)
  mutating func member(_ member: ByteView, _ score: Double, withScore: Bool) {
    if withScore && isRESP3 { array(2) }
    bulk(member)
    if withScore { self.score(score) }
  }
}

extension ReplyWriter {
  /// A score as ZSCAN answers it: always a string.
  /// - Parameter isLarge: of a large set, whose scores Redis tells with 17 digits here, however few would do.
  mutating func scannedScore(_ value: Double, isLarge: Bool) {
    unsafe withUnsafeTemporaryAllocation(byteCount: ShortDecimal.maxBytes, alignment: 8) { buffer in
      let base = buffer.baseAddress!
      let count = unsafe isLarge
        ? Int(cs_print_double(base, buffer.count, value)) : ShortDecimal.write(value, to: base)
      bulk(unsafe ByteView(UnsafeRawPointer(base), count: count))
    }
  }
}
