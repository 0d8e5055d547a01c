import Glibc

/// Why a client's bytes are no request. The connection ends after the error reply.
enum ProtocolError: Error, Equatable {
  case inlineTooBig, unbalancedQuotes
  case countTooBig, invalidCount, unauthenticatedCount
  case bulkLengthTooBig, invalidBulkLength, unauthenticatedBulkLength
  case expectedDollar(UInt8)

  /// Redis's words; clients and their users know them.
  var text: StaticString {
    switch self {
    case .inlineTooBig: "too big inline request"
    case .unbalancedQuotes: "unbalanced quotes in request"
    case .countTooBig: "too big mbulk count string"
    case .invalidCount: "invalid multibulk length"
    case .unauthenticatedCount: "unauthenticated multibulk length"
    case .bulkLengthTooBig: "too big bulk count string"
    case .invalidBulkLength: "invalid bulk length"
    case .unauthenticatedBulkLength: "unauthenticated bulk length"
    case .expectedDollar: "expected '$', got '"
    }
  }
}

/// Reads requests out of bytes: arrays of bulk strings, or inline commands. Copies nothing: arguments are views.
///
/// A request that ends before its bytes do is taken up again where it stopped when more have come, so the work is
/// linear however the bytes are cut.
struct RequestParser {
  /// A length line longer than this is no length.
  static let inlineMaxBytes = 64 << 10
  /// Arguments from this size on are read into an allocation of their own.
  static let largeArgumentBytes = 32 << 10
  static let unauthenticatedMaxCount = 10
  static let unauthenticatedMaxBulkBytes = 16 << 10

  /// What a client may send.
  struct Limits {
    var bulkMaxBytes: Int
    var isAuthenticated: Bool
  }

  enum Outcome: Equatable {
    /// A whole request: its arguments are in the buffer, `position` is behind it.
    case complete
    /// An empty line or array, which asks for nothing and gets no answer.
    case nothing
    /// More bytes are needed.
    case incomplete
  }

  /// Offset of the next byte to look at.
  var position: Int
  /// Bulk strings of the current array still to come; 0 between requests.
  private(set) var remaining = 0
  /// Length of the bulk string whose bytes come next; -1: its length line comes next.
  private(set) var bulkLength = -1

  /// The last argument was a large one, so the request is whole although `next` has not said so.
  private var isWhole = false

  init(position: Int = 0) { self.position = position }

  /// The length of the large argument that comes next, when the parser stopped in front of one.
  var awaitedLargeArgument: Int? { bulkLength >= Self.largeArgumentBytes ? bulkLength : nil }

  /// True when nothing of a request has been read.
  var isBetweenRequests: Bool { remaining == 0 && bulkLength < 0 && !isWhole }

  /// The large argument has been taken from elsewhere.
  mutating func didReceiveLargeArgument() {
    precondition(awaitedLargeArgument != nil && remaining > 0)
    bulkLength = -1
    remaining -= 1
    isWhole = remaining == 0
  }

  /// The bytes have moved: what was at offset `removed` is now at 0.
  mutating func didRemove(_ removed: Int) { position -= removed }

  /// Takes the next request from `bytes[position ..< end]`.
  ///
  /// Inline commands with quotes are unescaped where they lie, so the bytes may change.
  /// Complexity: O(bytes looked at).
  @inline(__always)
  mutating func next(_ bytes: UnsafeMutableRawPointer, end: Int, _ limits: Limits, into arguments: inout ArgumentBuffer)
    throws(ProtocolError) -> Outcome
  {
    if remaining == 0 {
      if isWhole {
        isWhole = false
        return .complete
      }
      guard position < end else { return .incomplete }
      guard unsafe bytes.load(fromByteOffset: position, as: UInt8.self) == UInt8(ascii: "*") else {
        return try unsafe nextInline(bytes, end: end, into: &arguments)
      }
      guard let count = try unsafe length(bytes, end, .countTooBig, .invalidCount) else { return .incomplete }
      if count > Int(Int32.max) { throw .invalidCount }
      if count > Self.unauthenticatedMaxCount && !limits.isAuthenticated { throw .unauthenticatedCount }
      if count <= 0 { return .nothing }
      remaining = count
    }
    while remaining > 0 {
      if bulkLength < 0 {
        guard position < end else { return .incomplete }
        let type = unsafe bytes.load(fromByteOffset: position, as: UInt8.self)
        if type != UInt8(ascii: "$") {
          // Redis waits for the line's end before it complains.
          guard try unsafe findLineEnd(bytes, end, .bulkLengthTooBig) else { return .incomplete }
          throw .expectedDollar(type)
        }
        guard let length = try unsafe length(bytes, end, .bulkLengthTooBig, .invalidBulkLength) else {
          return .incomplete
        }
        if length < 0 || length > limits.bulkMaxBytes { throw .invalidBulkLength }
        if length > Self.unauthenticatedMaxBulkBytes && !limits.isAuthenticated { throw .unauthenticatedBulkLength }
        bulkLength = length
      }
      guard end - position >= bulkLength + 2 else { return .incomplete }
      arguments.append(unsafe ByteView(bytes + position, count: bulkLength))
      position += bulkLength + 2
      bulkLength = -1
      remaining -= 1
    }
    return .complete
  }

  /// Reads a type byte, a decimal number and CRLF at `position`, and steps behind them; nil when the line is not
  /// complete. As strict as Redis: no plus sign, no leading zeros, whatever follows the CR is taken for the LF.
  @inline(__always)
  private mutating func length(_ bytes: UnsafeMutableRawPointer, _ end: Int, _ tooBig: ProtocolError,
    _ invalid: ProtocolError) throws(ProtocolError) -> Int?
  {
    // One to nine digits, no sign: all but the oddest lines.
    var index = position + 1
    var value = 0
    let limit = min(end, position + 10)
    while index < limit {
      let digit = unsafe bytes.load(fromByteOffset: index, as: UInt8.self) &- 48
      guard digit <= 9 else { break }
      value = value &* 10 &+ Int(digit)
      index += 1
    }
    if index + 1 < end, unsafe bytes.load(fromByteOffset: index, as: UInt8.self) == 13 {
      let first = unsafe bytes.load(fromByteOffset: position + 1, as: UInt8.self)
      if first != 48 && first != 13 || index == position + 2 {
        position = index + 2
        return value
      }
    }
    return try unsafe oddLength(bytes, end, tooBig, invalid)
  }

  @inline(never)
  private mutating func oddLength(_ bytes: UnsafeMutableRawPointer, _ end: Int, _ tooBig: ProtocolError,
    _ invalid: ProtocolError) throws(ProtocolError) -> Int?
  {
    guard try unsafe findLineEnd(bytes, end, tooBig) else { return nil }
    let start = position + 1
    let lineEnd = unsafe lineEndOffset(bytes, end)!
    guard let value = unsafe ByteView(bytes + start, count: max(0, lineEnd - start)).integer else { throw invalid }
    position = lineEnd + 2
    return value
  }

  /// Where the CR is. To Redis a zero byte ends what it looks through: a line with one before its CR never ends.
  private func lineEndOffset(_ bytes: UnsafeMutableRawPointer, _ end: Int) -> Int? {
    guard let found = unsafe memchr(bytes + position, 13, end - position),
      unsafe memchr(bytes + position, 0, found - (bytes + position)) == nil
    else { return nil }
    return unsafe found - bytes
  }

  /// True when the line at `position` is complete. One that goes on too long without CR is an error.
  private func findLineEnd(_ bytes: UnsafeMutableRawPointer, _ end: Int, _ tooBig: ProtocolError)
    throws(ProtocolError) -> Bool
  {
    guard let lineEnd = unsafe lineEndOffset(bytes, end) else {
      if end - position > Self.inlineMaxBytes { throw tooBig }
      return false
    }
    return lineEnd + 1 < end
  }

  // MARK: Inline commands

  @inline(never)
  private mutating func nextInline(_ bytes: UnsafeMutableRawPointer, end: Int, into arguments: inout ArgumentBuffer)
    throws(ProtocolError) -> Outcome
  {
    // To Redis a zero byte ends what it looks through: a line with one never ends.
    guard let newline = unsafe memchr(bytes + position, 10, end - position),
      unsafe memchr(bytes + position, 0, newline - (bytes + position)) == nil
    else {
      if end - position > Self.inlineMaxBytes { throw .inlineTooBig }
      return .incomplete
    }
    var lineEnd = unsafe newline - UnsafeMutableRawPointer(bytes)
    let next = lineEnd + 1
    if lineEnd > position, unsafe bytes.load(fromByteOffset: lineEnd - 1, as: UInt8.self) == 13 { lineEnd -= 1 }
    let before = arguments.count
    guard unsafe splitInline(bytes, position, lineEnd, into: &arguments) else {
      arguments.truncate(before)
      throw .unbalancedQuotes
    }
    position = next
    return arguments.count == before ? .nothing : .complete
  }

  /// Splits a line as Redis does: blanks separate, double quotes with escapes, single quotes with `\'`. What is
  /// unescaped is never longer than before, so it is written over itself.
  /// - Returns: false when quotes do not balance.
  private func splitInline(_ bytes: UnsafeMutableRawPointer, _ start: Int, _ end: Int,
    into arguments: inout ArgumentBuffer) -> Bool
  {
    let text = unsafe bytes.assumingMemoryBound(to: UInt8.self)
    var read = start
    while true {
      while read < end, Self.isSpace(unsafe text[read]) { read += 1 }
      if read == end { return true }
      let first = read
      var write = read
      var quote: UInt8 = 0
      word: while true {
        if read == end {
          if quote != 0 { return false }
          break
        }
        var byte = unsafe text[read]
        if quote == 0 {
          if Self.endsWord(byte) { break }
          read += 1
          if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
            quote = byte
            continue word
          }
        } else if byte == quote {
          // A closing quote ends the word.
          if read + 1 < end, !Self.isSpace(unsafe text[read + 1]) { return false }
          read += 1
          break
        } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\""), read + 1 < end {
          byte = unsafe Self.unescape(text, &read, end)
        } else if byte == UInt8(ascii: "\\"), read + 1 < end, unsafe text[read + 1] == UInt8(ascii: "'") {
          byte = UInt8(ascii: "'")
          read += 2
        } else {
          read += 1
        }
        unsafe text[write] = byte
        write += 1
      }
      arguments.append(unsafe ByteView(bytes + first, count: write - first))
    }
  }

  /// The byte that the escape sequence at `read` stands for; steps behind it.
  private static func unescape(_ text: UnsafeMutablePointer<UInt8>, _ read: inout Int, _ end: Int) -> UInt8 {
    let escaped = unsafe text[read + 1]
    if escaped == UInt8(ascii: "x"), read + 3 < end, let high = hexDigit(unsafe text[read + 2]),
      let low = hexDigit(unsafe text[read + 3])
    {
      read += 4
      return high << 4 | low
    }
    read += 2
    switch escaped {
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "a"): return 7
    default: return escaped
    }
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }

  /// Fewer than the blanks between words: to Redis a vertical tab or a form feed within one is part of it.
  private static func endsWord(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
