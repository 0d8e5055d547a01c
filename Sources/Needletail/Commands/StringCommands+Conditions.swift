import CXXHash

// Comparing what a key holds with what a client expects it to hold.

extension Engine {
  /// Whether SET may write. Nil when the present value cannot be compared, which has been answered.
  @inline(__always)
  mutating func allows(_ options: StringOptions, _ entry: Entry?, _ request: Request) -> Bool? {
    switch options.condition {
    case .always: true
    case .ifMissing: entry == nil
    case .ifPresent: entry != nil
    case .ifEqual, .ifDifferent, .ifDigestEqual, .ifDigestDifferent:
      allows(options.condition, entry, request[options.operandIndex])
    }
  }

  /// A key that does not exist equals nothing.
  @inline(never)
  private mutating func allows(_ condition: StringCondition, _ entry: Entry?, _ operand: ByteView) -> Bool? {
    guard let entry else { return condition == .ifDifferent || condition == .ifDigestDifferent }
    guard entry.type == .string else {
      reply.wrongType()
      return nil
    }
    return compare(entry, condition, operand)
  }

  /// Whether a string is as `condition`, one that compares, wants it. Nil when `operand` is no digest, which has been
  /// answered. Complexity: O(n).
  private mutating func compare(_ entry: Entry, _ condition: StringCondition, _ operand: ByteView) -> Bool? {
    switch condition {
    case .ifEqual: return entry.withString { $0 == operand }
    case .ifDifferent: return entry.withString { !($0 == operand) }
    case .ifDigestEqual, .ifDigestDifferent:
      // Digits that are none make no error in Redis either: they equal no digest.
      guard operand.count == StringDigest.digitCount else {
        reply.error("ERR must be exactly 16 hexadecimal characters")
        return nil
      }
      return StringDigest(entry).matches(operand) == (condition == .ifDigestEqual)
    case .always, .ifMissing, .ifPresent: preconditionFailure("not a comparison")
    }
  }

  /// DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]
  mutating func delexCommand(_ request: Request) {
    guard request.count == 2 || request.count == 4 else { return replyWrongArity("delex") }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    if request.count == 4 {
      guard entry.type == .string else {
        return reply.error("ERR Key should be of string type if conditions are specified")
      }
      guard case .condition(let condition) = StringOption(request[2]), condition.comparesValue else {
        return reply.error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
      }
      guard let isAllowed = compare(entry, condition, request[3]) else { return }
      guard isAllowed else { return reply.integer(0) }
    }
    removeAsAsked(&found)
    reply.integer(1)
  }

  /// DELIFEQ key value
  mutating func delifeqCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .string else { return reply.wrongType() }
    guard entry.withString({ $0 == request[2] }) else { return reply.integer(0) }
    removeAsAsked(&found)
    reply.integer(1)
  }

  mutating func digestCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .string else { return reply.wrongType() }
    StringDigest(entry).withDigits { reply.bulk($0) }
  }
}

/// The 64-bit XXH3 of a string's bytes, which clients know as 16 hexadecimal digits.
private struct StringDigest {
  static let digitCount = 16
  private let value: UInt64

  /// Complexity: O(n).
  init(_ entry: Entry) {
    value = entry.withString { bytes in unsafe xxh3_digest(bytes.base, bytes.count) }
  }

  /// Lower case, with leading zeros.
  func withDigits<R>(_ body: (ByteView) -> R) -> R {
    unsafe withUnsafeTemporaryAllocation(byteCount: Self.digitCount, alignment: 1) { buffer in
      let base = buffer.baseAddress!
      for place in 0..<Self.digitCount {
        let digit = UInt8(truncatingIfNeeded: value &>> UInt64(4 * (Self.digitCount - 1 - place))) & 15
        unsafe base.storeBytes(of: digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10),
          toByteOffset: place, as: UInt8.self)
      }
      return unsafe body(ByteView(UnsafeRawPointer(base), count: Self.digitCount))
    }
  }

  /// In upper or lower case.
  func matches(_ digits: ByteView) -> Bool {
    withDigits { own in
      for place in 0..<Self.digitCount where asciiLowercased(digits[place]) != own[place] { return false }
      return true
    }
  }
}
