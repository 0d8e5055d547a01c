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
    var old = 0
    let isNew = found.entry == nil
    if let entry = found.entry {
      guard entry.type == .string else { return reply.wrongType() }
      guard let value = entry.integer ?? entry.stringBytes?.integer else { return reply.notAnInteger() }
      old = value
    }
    let (new, overflows) = old.addingReportingOverflow(delta)
    guard !overflows else { return reply.error("ERR increment or decrement would overflow") }
    keyspace.setInteger(&found, new)
    report(.string, "incrby", found, lengthBefore: isNew ? -1 : decimalCount(old), lengthAfter: decimalCount(new))
    reply.integer(new)
  }
}

@inline(__always)
private func decimalCount(_ value: Int) -> Int { decimalDigitCount(value.magnitude) + (value < 0 ? 1 : 0) }

// MARK: - Decimal numbers

extension Engine {
  /// Reads, adds and writes in the 80-bit format that Redis uses, so that both print the same digits.
  mutating func incrbyfloatCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    var value: Float80 = 0
    if let entry = found.entry {
      guard entry.type == .string else { return reply.wrongType() }
      if let integer = entry.integer {
        value = Float80(integer)
      } else {
        guard let old = entry.stringBytes?.extendedFloat else { return replyNotAFloat() }
        value = old
      }
    }
    guard let delta = request[2].extendedFloat else { return replyNotAFloat() }
    value += delta
    guard value.isFinite else { return reply.error("ERR increment would produce NaN or Infinity") }

    let before = found.length
    unsafe withUnsafeTemporaryAllocation(byteCount: Decimal80.maxBytes, alignment: 1) { buffer in
      let text = unsafe Decimal80.write(value, to: buffer)
      if text.count <= Entry.inlineMaxBytes {
        // The result stays bytes, even where it spells an integer: so does Redis's, and OBJECT ENCODING shows it.
        let shape = Entry.Shape(key: found.key.bytes, expiry: found.entry?.expiry, stringCount: text.count,
          isMarkedRaw: !keyspace.isEmbedded(found, text.count, .keep))
        unsafe keyspace.put(&found, shape) { unsafe text.copy(to: $0) }
      } else {
        do throws(OutOfMemory) {
          try keyspace.setString(&found, text, expiry: .keep)
        } catch {
          return replyOutOfMemory()
        }
      }
      report(.string, "incrbyfloat", found, lengthBefore: before, lengthAfter: text.count)
      reply.bulk(text)
      // The sum, not the addition: another machine may round differently.
      reproduce {
        $0.append("SET")
        $0.append(request[1])
        $0.append(text)
        $0.append("KEEPTTL")
      }
    }
  }

  private mutating func replyNotAFloat() { reply.error("ERR value is not a valid float") }
}

/// Decimal text of 80-bit numbers as Redis has it.
private enum Decimal80 {
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
  fileprivate var extendedFloat: Float80? {
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
