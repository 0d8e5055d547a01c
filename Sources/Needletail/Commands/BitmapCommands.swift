/// Strings as arrays of bits.
enum BitmapCommand: UInt8, Sendable, CaseIterable {
  case bitcount, bitfield, bitfieldReadonly, bitop, bitpos, getbit, setbit
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: BitmapCommand, _ request: Request) {
    switch command {
    case .bitcount: bitcountCommand(request)
    case .bitfield: bitfieldCommand(request, isReadonly: false)
    case .bitfieldReadonly: bitfieldCommand(request, isReadonly: true)
    case .bitop: bitopCommand(request)
    case .bitpos: bitposCommand(request)
    case .getbit: getbitCommand(request)
    case .setbit: setbitCommand(request)
    }
  }

  /// A bit's place, which lies within the longest string that there may be; nil: that was answered with an error.
  /// - Parameter width: what a number is counted in that comes after `#`; 0: there may be none.
  mutating func bitOffset(_ argument: ByteView, width: Int) -> Int? {
    let isCounted = argument.count > 0 && argument[0] == UInt8(ascii: "#") && width > 0
    let digits = isCounted ? argument[1..<argument.count] : argument
    if let number = digits.integer, number >= 0 {
      let (offset, overflows) = number.multipliedReportingOverflow(by: isCounted ? width : 1)
      if !overflows && offset >> 3 < settings.stringMaxBytes { return offset }
    }
    reply.error("ERR bit offset is not an integer or out of range")
    return nil
  }

  /// The string that a command reads; nil: the key is not there, or the error has been answered.
  private mutating func bitmapEntry(_ request: Request, missing: (inout ReplyWriter) -> Void) -> Entry? {
    guard let entry = lookupRead(request, 1).entry else {
      missing(&reply)
      return nil
    }
    guard entry.type == .string else {
      reply.wrongType()
      return nil
    }
    return entry
  }

  // MARK: One bit

  private mutating func getbitCommand(_ request: Request) {
    guard let offset = bitOffset(request[2], width: 0) else { return }
    guard let entry = bitmapEntry(request, missing: { $0.integer(0) }) else { return }
    reply.integer(entry.withString { Bitmap($0).bit(at: offset) })
  }

  private mutating func setbitCommand(_ request: Request) {
    guard let offset = bitOffset(request[2], width: 0) else { return }
    guard let bit = request[3].integer, bit == 0 || bit == 1 else {
      return reply.error("ERR bit is not an integer or out of range")
    }
    var found = lookupWrite(request, 1)
    if let entry = found.entry, entry.type != .string { return reply.wrongType() }
    let before = found.length
    let count = max(before, offset >> 3 + 1)
    let old = found.entry.map { $0.withString { Bitmap($0).bit(at: offset) } } ?? 0
    let isChange = count != before || old != bit
    if isChange || !found.entry!.isMarkedRaw {
      let mask: UInt8 = 0x80 >> UInt8(offset & 7)
      do throws(OutOfMemory) {
        try unsafe keyspace.modifyString(&found, count: count) { data in
          let byte = unsafe data.load(fromByteOffset: offset >> 3, as: UInt8.self)
          unsafe data.storeBytes(of: bit == 1 ? byte | mask : byte & ~mask, toByteOffset: offset >> 3, as: UInt8.self)
        }
      } catch {
        return replyOutOfMemory()
      }
    }
    if isChange { report(.string, "setbit", found, lengthBefore: before, lengthAfter: count) }
    reply.integer(old)
  }

  // MARK: Many bits

  /// In what a range is counted.
  private enum BitUnit { case byte, bit }

  /// Nil: a syntax error, which has been answered.
  private mutating func bitUnit(_ argument: ByteView) -> BitUnit? {
    if argument.equalsIgnoringCase("bit") { return .bit }
    if argument.equalsIgnoringCase("byte") { return .byte }
    reply.syntaxError()
    return nil
  }

  /// The bits from `start` to `end`, both included; negative ones count from the end of a string of so many bytes.
  private static func bitRange(_ start: Int, _ end: Int, _ unit: BitUnit, byteCount: Int) -> Range<Int> {
    let scale = unit == .bit ? 1 : 8
    let total = byteCount * 8 / scale
    // No overflow: a negative number plus a length.
    let first = max(0, start < 0 ? total + start : start)
    let last = min(total - 1, max(0, end < 0 ? total + end : end))
    return first <= last ? first * scale..<(last + 1) * scale : 0..<0
  }

  /// BITCOUNT key [start [end [BYTE | BIT]]]
  private mutating func bitcountCommand(_ request: Request) {
    guard request.count <= 5 else { return reply.syntaxError() }
    var range: (start: Int, end: Int) = (0, -1)
    var unit = BitUnit.byte
    if request.count > 2 {
      guard let start = request[2].integer else { return reply.notAnInteger() }
      range.start = start
    }
    if request.count > 3 {
      guard let end = request[3].integer else { return reply.notAnInteger() }
      range.end = end
    }
    if request.count > 4 {
      guard let given = bitUnit(request[4]) else { return }
      unit = given
    }
    guard let entry = bitmapEntry(request, missing: { $0.integer(0) }) else { return }
    // Before they are moved into the string, where both may come to lie at its start. (BITPOS does not ask.)
    if range.start < 0 && range.end < 0 && range.start > range.end { return reply.integer(0) }
    reply.integer(entry.withString { bytes in
      Bitmap(bytes).count(Self.bitRange(range.start, range.end, unit, byteCount: bytes.count))
    })
  }

  /// BITPOS key bit [start [end [BYTE | BIT]]]
  private mutating func bitposCommand(_ request: Request) {
    guard let bit = request[2].integer else { return reply.notAnInteger() }
    guard bit == 0 || bit == 1 else { return reply.error("ERR The bit argument must be 1 or 0.") }
    guard request.count <= 6 else { return reply.syntaxError() }
    var range: (start: Int, end: Int?) = (0, nil)
    var unit = BitUnit.byte
    if request.count > 3 {
      guard let start = request[3].integer else { return reply.notAnInteger() }
      range.start = start
    }
    if request.count > 5 {
      guard let given = bitUnit(request[5]) else { return }
      unit = given
    }
    if request.count > 4 {
      guard let end = request[4].integer else { return reply.notAnInteger() }
      range.end = end
    }
    guard let entry = bitmapEntry(request, missing: { $0.integer(bit == 1 ? -1 : 0) }) else { return }
    reply.integer(entry.withString { bytes in
      let bits = Self.bitRange(range.start, range.end ?? -1, unit, byteCount: bytes.count)
      if let index = Bitmap(bytes).firstIndex(of: bit == 1, in: bits) { return index }
      // A string without an end that was named goes on with zeros.
      return bit == 0 && range.end == nil && !bits.isEmpty ? bits.upperBound : -1
    })
  }
}
