/// LCS by dynamic programming: a table of (n + 1) × (m + 1) lengths, of the subsequences that the first i bytes of one
/// string and the first j bytes of the other share. It is limited to the size of a string and lives only as long as
/// the command.
extension Engine {
  mutating func lcsCommand(_ request: Request) {
    let a = lookupRead(request, 1).entry
    let b = lookupRead(request, 2).entry
    guard a?.type ?? .string == .string && b?.type ?? .string == .string else {
      return reply.error("ERR The specified keys must contain string values")
    }
    guard let options = lcsOptions(request) else { return }
    withString(a) { engine, a in
      engine.withString(b) { engine, b in engine.replyLCS(a, b, options) }
    }
  }

  private mutating func withString(_ entry: Entry?, _ body: (inout Engine, ByteView) -> Void) {
    guard let entry else { return body(&self, .empty) }
    entry.withString { body(&self, $0) }
  }

  /// Nil when they are wrong, which has been answered.
  private mutating func lcsOptions(_ request: Request) -> LCSOptions? {
    var options = LCSOptions()
    var index = 3
    while index < request.count {
      let option = request[index]
      if option.equalsIgnoringCase("idx") {
        options.answersMatches = true
      } else if option.equalsIgnoringCase("len") {
        options.answersLength = true
      } else if option.equalsIgnoringCase("withmatchlen") {
        options.answersMatchLengths = true
      } else if option.equalsIgnoringCase("minmatchlen") && index + 1 < request.count {
        index += 1
        guard let minimum = request[index].integer else {
          reply.notAnInteger()
          return nil
        }
        options.minimumMatch = max(minimum, 0)
      } else {
        reply.syntaxError()
        return nil
      }
      index += 1
    }
    if options.answersLength && options.answersMatches {
      reply.error("ERR If you want both the length and indexes, please just use IDX.")
      return nil
    }
    return options
  }

  private mutating func replyLCS(_ a: ByteView, _ b: ByteView, _ options: LCSOptions) {
    guard max(a.count, b.count) < UInt32.max - 1 else { return reply.error("ERR String too long for LCS") }
    let (byteCount, overflows) = ((a.count + 1) * (b.count + 1)).multipliedReportingOverflow(by: 4)
    guard !overflows && byteCount <= settings.stringMaxBytes else {
      return reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    }
    guard let table = LCSTable(a, b) else {
      return reply.error("ERR Insufficient memory, failed allocating transient memory for LCS")
    }
    if options.answersMatches {
      replyMatches(table, a, b, options)
    } else if options.answersLength {
      reply.integer(table.length)
    } else {
      unsafe withUnsafeTemporaryAllocation(byteCount: max(1, table.length), alignment: 1) { buffer in
        unsafe table.copySubsequence(a, b, to: buffer.baseAddress!)
        reply.bulk(unsafe ByteView(UnsafeRawPointer(buffer.baseAddress!), count: table.length))
      }
    }
  }

  private mutating func replyMatches(_ table: borrowing LCSTable, _ a: ByteView, _ b: ByteView, _ options: LCSOptions) {
    reply.map(2)
    reply.bulk("matches")
    let array = reply.deferLength(atMost: table.length)
    var count = 0
    table.forEachMatch(a, b) { startA, startB, length in
      guard length >= options.minimumMatch else { return }
      reply.array(options.answersMatchLengths ? 3 : 2)
      reply.array(2)
      reply.integer(startA)
      reply.integer(startA + length - 1)
      reply.array(2)
      reply.integer(startB)
      reply.integer(startB + length - 1)
      if options.answersMatchLengths { reply.integer(length) }
      count += 1
    }
    reply.bulk("len")
    reply.integer(table.length)
    reply.finish(array, count: count)
  }
}

private struct LCSOptions {
  var answersLength = false
  var answersMatches = false
  var answersMatchLengths = false
  var minimumMatch = 0
}

@safe private struct LCSTable: ~Copyable {
  private let lengths: UnsafeMutablePointer<UInt32>
  private let byteCount: Int
  private let width: Int
  /// Length of the longest common subsequence.
  let length: Int

  /// Nil when there is no memory for the table. Complexity: O(a × b).
  init?(_ a: ByteView, _ b: ByteView) {
    width = b.count + 1
    byteCount = (a.count + 1) * width * 4
    guard let block = unsafe Heap.tryAllocate(byteCount) else { return nil }
    unsafe lengths = block.bindMemory(to: UInt32.self, capacity: byteCount / 4)
    unsafe lengths.initialize(repeating: 0, count: width)
    var row = unsafe lengths
    for i in 0..<a.count {
      let above = unsafe row
      unsafe row += width
      unsafe row[0] = 0
      let byte = a[i]
      for j in 0..<b.count {
        unsafe row[j + 1] = byte == b[j] ? above[j] + 1 : max(above[j + 1], row[j])
      }
    }
    length = Int(unsafe row[b.count])
  }

  deinit { unsafe Heap.free(UnsafeMutableRawPointer(lengths), byteCount) }

  /// Steps back through the table from its end: `match` is called with each pair of places that belongs to the
  /// subsequence, last one first, `gap` whenever a byte of either string is passed over.
  @inline(__always)
  private func trace(_ a: ByteView, _ b: ByteView, match: (Int, Int) -> Void, gap: () -> Void) {
    var i = a.count
    var j = b.count
    while i > 0 && j > 0 {
      if a[i - 1] == b[j - 1] {
        i -= 1
        j -= 1
        match(i, j)
      } else {
        if unsafe lengths[(i - 1) * width + j] > lengths[i * width + j - 1] { i -= 1 } else { j -= 1 }
        gap()
      }
    }
  }

  /// Fills `destination`, which has room for `length` bytes.
  func copySubsequence(_ a: ByteView, _ b: ByteView, to destination: UnsafeMutableRawPointer) {
    var place = length
    trace(a, b) { i, _ in
      place -= 1
      unsafe destination.storeBytes(of: a[i], toByteOffset: place, as: UInt8.self)
    } gap: {}
  }

  /// Calls `body` with starts and length of each run of bytes that both strings have, last one first.
  func forEachMatch(_ a: ByteView, _ b: ByteView, _ body: (_ startA: Int, _ startB: Int, _ length: Int) -> Void) {
    var startA = 0
    var startB = 0
    var length = 0
    trace(a, b) { i, j in
      startA = i
      startB = j
      length += 1
    } gap: {
      if length > 0 { body(startA, startB, length) }
      length = 0
    }
    if length > 0 { body(startA, startB, length) }
  }
}
