extension Engine {
  mutating func getrangeCommand(_ request: Request) {
    guard let from = request[2].integer, let to = request[3].integer else { return reply.notAnInteger() }
    guard let entry = lookupRead(request, 1).entry else { return reply.bulk("") }
    guard entry.type == .string else { return reply.wrongType() }
    entry.withString { bytes in
      let range = Self.byteRange(from, to, count: bytes.count)
      reply.bulk(bytes[range])
    }
  }

  /// The bytes that `from` to `to` (included; negative ones count from the end) name in a string of `count` bytes.
  private static func byteRange(_ from: Int, _ to: Int, count: Int) -> Range<Int> {
    if from < 0 && to < 0 && from > to { return 0..<0 }
    // No overflow: a negative number plus a length.
    let first = max(0, from < 0 ? count + from : from)
    let last = min(count - 1, max(0, to < 0 ? count + to : to))
    return first <= last ? first..<last + 1 : 0..<0
  }

  mutating func appendCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    let value = request[2]
    let before = found.length
    let count: Int
    do throws(OutOfMemory) {
      if let entry = found.entry {
        guard entry.type == .string else { return reply.wrongType() }
        guard let sum = stringCount(before, plus: value.count) else { return replyTooLong() }
        count = sum
        try unsafe keyspace.modifyString(&found, count: count) { unsafe value.copy(to: $0 + before) }
      } else {
        count = value.count
        try keyspace.setString(&found, value, expiry: .clear)
      }
    } catch {
      return replyOutOfMemory()
    }
    report(.string, "append", found, lengthBefore: before, lengthAfter: count)
    reply.integer(count)
  }

  mutating func setrangeCommand(_ request: Request) {
    guard let offset = request[2].integer else { return reply.notAnInteger() }
    guard offset >= 0 else { return reply.error("ERR offset is out of range") }
    var found = lookupWrite(request, 1)
    if let entry = found.entry, entry.type != .string { return reply.wrongType() }
    let value = request[3]
    let before = found.length
    // Nothing to set changes nothing, however far away.
    if value.isEmpty { return reply.integer(max(before, 0)) }
    guard let end = stringCount(offset, plus: value.count) else { return replyTooLong() }
    let count = max(before, end)
    do throws(OutOfMemory) {
      try unsafe keyspace.modifyString(&found, count: count) { unsafe value.copy(to: $0 + offset) }
    } catch {
      return replyOutOfMemory()
    }
    report(.string, "setrange", found, lengthBefore: before, lengthAfter: count)
    reply.integer(count)
  }

  /// The sum, if a string may be that long.
  private func stringCount(_ count: Int, plus added: Int) -> Int? {
    let (sum, overflows) = count.addingReportingOverflow(added)
    return overflows || sum > settings.stringMaxBytes ? nil : sum
  }

  private mutating func replyTooLong() {
    reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
  }
}
