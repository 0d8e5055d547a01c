/// What the values of all types of collections are made of: counts, strings handed to whoever wants them, scores.
///
/// A view that `body` gets lives until `body` returns. It lies in the window where the string does so in one piece, and
/// in a buffer of the reader's otherwise, so nothing is allocated for a string that is not long.
extension RDBReader {
  /// How many elements follow, each of which takes `minBytes` at least: memory may be set aside for so many.
  mutating func elementCount(minBytes: Int) throws(RDBError) -> Int {
    let start = offset
    let count = try length()
    guard count <= UInt64(remainingBytes / minBytes) else { throw RDBError(fault: .tooMany(count), offset: start) }
    return Int(count)
  }

  /// Hands the next string to `body`, an integer's written out. Complexity: O(n).
  @inline(__always)
  mutating func withString<R>(_ body: (ByteView) throws(RDBError) -> R) throws(RDBError) -> R {
    let header = try stringHeader()
    return try body(try buffered(header, isSecond: false))
  }

  /// Hands the next string to `body` as an element of a packed collection. Complexity: O(n).
  @inline(__always)
  mutating func withElement<R>(_ body: (PackedElement) throws(RDBError) -> R) throws(RDBError) -> R {
    let header = try stringHeader()
    return try body(try element(header, isSecond: false))
  }

  /// Hands the next two strings to `body`: a field and its value. Complexity: O(n).
  @inline(__always)
  mutating func withElementPair<R>(_ body: (PackedElement, PackedElement) throws(RDBError) -> R) throws(RDBError) -> R {
    let first = try firstElement()
    let header = try stringHeader()
    return try body(first, try element(header, isSecond: true))
  }

  /// The next string, which stays valid while what belongs to it is read: a score, or the second string of a pair.
  @inline(__always)
  mutating func firstElement() throws(RDBError) -> PackedElement {
    let header = try stringHeader()
    if isWindowFixed { return try element(header, isSecond: false) }
    // What is read next may move the window.
    if case .integer(let value) = header { return .integer(value) }
    return PackedElement(try copied(header, isSecond: false))
  }

  @inline(__always)
  private mutating func element(_ header: StringHeader, isSecond: Bool) throws(RDBError) -> PackedElement {
    if case .integer(let value) = header { return .integer(value) }
    return PackedElement(try buffered(header, isSecond: isSecond))
  }

  @inline(__always)
  private mutating func buffered(_ header: StringHeader, isSecond: Bool) throws(RDBError) -> ByteView {
    if case .plain(let count) = header, count <= contiguousBytes {
      return unsafe ByteView(try take(count), count: count)
    }
    return try copied(header, isSecond: isSecond)
  }

  @inline(never)
  private mutating func copied(_ header: StringHeader, isSecond: Bool) throws(RDBError) -> ByteView {
    let room = switch header {
    case .plain(let count), .compressed(_, let count): count
    case .integer: 20
    }
    let place = unsafe isSecond ? secondBuffer.room(room) : firstBuffer.room(room)
    guard let place = unsafe place else { throw RDBError(fault: .outOfMemory(UInt64(room)), offset: offset) }
    return unsafe ByteView(place, count: try string(header, to: place))
  }

  // MARK: Scores

  /// A sorted set's score as eight bytes. NaN is none.
  mutating func binaryScore() throws(RDBError) -> Double {
    let start = offset
    let score = Double(bitPattern: try fixed64())
    guard !score.isNaN else { throw RDBError(fault: .score, offset: start) }
    return score
  }

  /// A score as text behind its length in one byte, whose last values stand for NaN and the infinities.
  mutating func textScore() throws(RDBError) -> Double {
    let start = offset
    let count = Int(try byte())
    switch count {
    case RDBScoreForm.notANumber: break
    case RDBScoreForm.infinity: return .infinity
    case RDBScoreForm.negativeInfinity: return -.infinity
    default:
      guard count <= remainingBytes else { throw RDBError(fault: .tooLong(UInt64(count)), offset: start) }
      if let score = unsafe ByteView(try take(count), count: count).finiteScore { return score }
    }
    throw RDBError(fault: .score, offset: start)
  }
}

extension PackedElement {
  /// A score that a blob holds as a string or an integer; nil when it is none.
  var scoreOfText: Double? {
    switch self {
    case .integer(let value): return Double(value)
    case .double(let value): return value
    case .bytes(let text):
      if text == ByteView("inf") { return .infinity }
      if text == ByteView("-inf") { return -.infinity }
      return text.finiteScore
    }
  }
}
