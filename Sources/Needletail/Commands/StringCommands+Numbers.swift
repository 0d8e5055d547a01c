import CSystem
import Glibc

// MARK: - Integers

extension Engine {
  mutating func incrCommand(_ request: Request) { increment(request, by: 1) }

  mutating func decrCommand(_ request: Request) { increment(request, by: -1) }

  mutating func incrbyCommand(_ request: Request) {
    guard let delta = request[2].integer else { return reply.notAnInteger() }
    increment(request, by: delta)
  }

  mutating func decrbyCommand(_ request: Request) {
    guard let delta = request[2].integer else { return reply.notAnInteger() }
    guard delta != Int.min else { return reply.error("ERR decrement would overflow") }
    increment(request, by: -delta)
  }

  @inline(__always)
  private mutating func increment(_ request: Request, by delta: Int) {
    var found = lookupWrite(request, 1)
    let isNew = found.entry == nil
    guard let old = presentInteger(found.entry) else { return }
    let (new, overflows) = old.addingReportingOverflow(delta)
    guard !overflows else { return reply.error("ERR increment or decrement would overflow") }
    storeSum(new, of: isNew ? nil : old, in: &found)
    reply.integer(new)
  }

  /// The integer that a string spells; 0 without a key. Nil when it spells none, which has been answered.
  @inline(__always)
  mutating func presentInteger(_ entry: Entry?) -> Int? {
    guard let entry else { return 0 }
    guard entry.type == .string else {
      reply.wrongType()
      return nil
    }
    if let value = entry.integer ?? entry.stringBytes?.integer { return value }
    reply.notAnInteger()
    return nil
  }

  /// - Parameter old: what the key held; nil: it is new.
  @inline(__always)
  mutating func storeSum(_ new: Int, of old: Int?, in found: inout Found) {
    keyspace.setInteger(&found, new)
    report(.string, "incrby", found, lengthBefore: old.map(decimalCount) ?? -1, lengthAfter: decimalCount(new))
  }
}

@inline(__always)
private func decimalCount(_ value: Int) -> Int { decimalDigitCount(value.magnitude) + (value < 0 ? 1 : 0) }

// MARK: - Decimal numbers

extension Engine {
  /// Reads, adds and writes in the 80-bit format that Redis uses, so that both print the same digits.
  mutating func incrbyfloatCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard var value = presentDecimal(found.entry) else { return }
    guard let delta = request[2].extendedFloat else { return replyNotAFloat() }
    value += delta
    guard value.isFinite else { return reply.error("ERR increment would produce NaN or Infinity") }

    unsafe withUnsafeTemporaryAllocation(byteCount: Decimal80.maxBytes, alignment: 1) { buffer in
      let text = unsafe Decimal80.write(value, to: buffer)
      guard storeDecimal(text, in: &found) else { return }
      reply.bulk(text)
      // The sum, not the addition: another machine may round differently.
      reproduceSet(request[1], text, .keep)
    }
  }

  /// Makes the key the string `text`, a number's decimals, which stays bytes even where it spells an integer: so does
  /// Redis's, and OBJECT ENCODING shows it. Keeps the key's expiry.
  /// - Returns: false when memory ran out, which has been answered.
  mutating func storeDecimal(_ text: ByteView, in found: inout Found) -> Bool {
    let before = found.length
    if text.count <= Entry.inlineMaxBytes {
      let shape = Entry.Shape(key: found.key.bytes, expiry: found.entry?.expiry, stringCount: text.count,
        isMarkedRaw: !keyspace.isEmbedded(found, text.count, .keep))
      unsafe keyspace.put(&found, shape) { unsafe text.copy(to: $0) }
    } else {
      do throws(OutOfMemory) {
        try keyspace.setString(&found, text, expiry: .keep)
      } catch {
        replyOutOfMemory()
        return false
      }
    }
    report(.string, "incrbyfloat", found, lengthBefore: before, lengthAfter: text.count)
    return true
  }

  /// The number that a string spells; 0 without a key. Nil when it spells none, which has been answered.
  mutating func presentDecimal(_ entry: Entry?) -> Float80? {
    guard let entry else { return 0 }
    guard entry.type == .string else {
      reply.wrongType()
      return nil
    }
    if let integer = entry.integer { return Float80(integer) }
    if let value = entry.stringBytes?.extendedFloat { return value }
    replyNotAFloat()
    return nil
  }

  private mutating func replyNotAFloat() { reply.error("ERR value is not a valid float") }
}

/// Decimal text of 80-bit numbers as Redis has it.
enum Decimal80 {
  /// Room for the largest number: 4,933 digits, point, 17 decimals, sign.
  static let maxBytes = 5 << 10

  /// Writes `value` with up to 17 decimals, without trailing zeros.
  static func write(_ value: Float80, to buffer: UnsafeMutableRawBufferPointer) -> ByteView {
    let base = buffer.baseAddress!
    var count = Int(unsafe cs_print_long_double(base, buffer.count, value))
    precondition(count > 18 && count < buffer.count)
    while unsafe base.load(fromByteOffset: count - 1, as: UInt8.self) == UInt8(ascii: "0") { count -= 1 }
    if unsafe base.load(fromByteOffset: count - 1, as: UInt8.self) == UInt8(ascii: ".") { count -= 1 }
    let text = unsafe ByteView(UnsafeRawPointer(base), count: count)
    return text == ByteView("-0") ? ByteView("0") : text
  }
}

extension ByteView {
  /// The number these bytes spell in any form that C's `strtold` reads, nothing before it and nothing behind; nil for
  /// anything else, for "nan", and for what is too large or too small.
  var extendedFloat: Float80? {
    guard count > 0 && count < Decimal80.maxBytes else { return nil }
    if self[0] == 32 || 9...13 ~= self[0] { return nil }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { buffer in
      let text = buffer.baseAddress!
      unsafe copy(to: UnsafeMutableRawPointer(text))
      unsafe text[count] = 0
      var end: UnsafeMutablePointer<CChar>?
      errno = 0
      let value = unsafe strtold(text, &end)
      guard unsafe end == text + count, !value.isNaN else { return nil }
      if errno == ERANGE && (value.isInfinite || value.isZero) { return nil }
      return value
    }
  }
}
