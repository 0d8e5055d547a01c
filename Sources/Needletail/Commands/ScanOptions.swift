/// What SCAN and its kin for collections are asked: how many, which, and what of them.
struct ScanOptions {
  enum Command { case scan, hscan, sscan, zscan }

  var count = 10
  /// Nil: all.
  var pattern: GlobPattern?
  /// A type's name; one that no type has matches no key.
  var type: ByteView?
  /// HSCAN without values, ZSCAN without scores.
  var leavesOutValues = false

  func matches(_ bytes: ByteView) -> Bool { pattern.map { $0.matches(bytes) } ?? true }
}

extension Engine {
  /// Nil when they are wrong, which has been answered.
  mutating func scanOptions(_ request: Request, from first: Int, of command: ScanOptions.Command) -> ScanOptions? {
    var options = ScanOptions()
    var index = first
    while index < request.count {
      let option = request[index]
      let hasValue = index + 1 < request.count
      if option.equalsIgnoringCase("count") && hasValue {
        guard let count = request[index + 1].integer else {
          reply.notAnInteger()
          return nil
        }
        guard count >= 1 else {
          reply.syntaxError()
          return nil
        }
        options.count = count
      } else if option.equalsIgnoringCase("match") && hasValue {
        let pattern = GlobPattern(request[index + 1])
        options.pattern = pattern.isStar ? nil : pattern
      } else if option.equalsIgnoringCase("type") && hasValue && command == .scan {
        options.type = request[index + 1]
      } else if option.equalsIgnoringCase("novalues") {
        guard command == .hscan else {
          reply.error("ERR NOVALUES option can only be used in HSCAN")
          return nil
        }
        options.leavesOutValues = true
        index -= 1
      } else if option.equalsIgnoringCase("noscores") && command == .zscan {
        options.leavesOutValues = true
        index -= 1
      } else {
        reply.syntaxError()
        return nil
      }
      index += 2
    }
    return options
  }

  /// What a scan of a key that is not there answers: it is over, with nothing.
  mutating func replyEmptyScan() {
    reply.array(2)
    reply.bulk(integer: 0)
    reply.array(0)
  }
}

extension GlobPattern {
  init(_ pattern: ByteView) { unsafe self.init(UnsafeRawBufferPointer(start: pattern.base, count: pattern.count)) }

  func matches(_ subject: ByteView) -> Bool {
    unsafe matches(UnsafeRawBufferPointer(start: subject.base, count: subject.count))
  }
}

extension ByteView {
  /// A cursor in any form Redis takes: an unsigned 64-bit number as C's `strtoull` reads it, with nothing behind it.
  var scanCursor: UInt64? {
    if let value = integer { return value >= 0 ? UInt64(value) : nil }
    var index = 0
    while index < count && (self[index] == 32 || 9...13 ~= self[index]) { index += 1 }
    var isNegative = false
    if index < count && (self[index] == UInt8(ascii: "+") || self[index] == UInt8(ascii: "-")) {
      isNegative = self[index] == UInt8(ascii: "-")
      index += 1
    }
    guard index < count else { return nil }
    var value: UInt64 = 0
    while index < count {
      let digit = self[index] &- 48
      guard digit <= 9 else { return nil }
      let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, sumOverflows) = product.addingReportingOverflow(UInt64(digit))
      guard !productOverflows && !sumOverflows else { return nil }
      value = sum
      index += 1
    }
    return isNegative ? 0 &- value : value
  }
}
