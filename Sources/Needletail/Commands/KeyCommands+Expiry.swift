// MARK: - Setting

extension Engine {
  mutating func expireCommand(_ request: Request) { expire(request, .seconds, "expire") }

  mutating func pexpireCommand(_ request: Request) { expire(request, .milliseconds, "pexpire") }

  mutating func expireatCommand(_ request: Request) { expire(request, .unixSeconds, "expireat") }

  mutating func pexpireatCommand(_ request: Request) { expire(request, .unixMilliseconds, "pexpireat") }

  @inline(__always)
  private mutating func expire(_ request: Request, _ unit: TimeUnit, _ name: StaticString) {
    var conditions: ExpiryConditions = []
    if request.count > 3 {
      guard let given = expiryConditions(request) else { return }
      conditions = given
    }
    guard let amount = request[2].integer else { return reply.notAnInteger() }
    // A time in the past is fine, down to the beginning of time: it deletes the key.
    let (milliseconds, isTooFar) = amount.multipliedReportingOverflow(by: unit.isSeconds ? 1000 : 1)
    let base = unit.isRelative ? keyspace.nowMilliseconds : 0
    let (time, isBeyond) = milliseconds.addingReportingOverflow(base)
    guard !isTooFar && !isBeyond else { return replyInvalidExpiry(name) }

    var found = lookupWrite(request, 1)
    guard let entry = found.entry, conditions.allow(entry.expiry, time) else { return reply.integer(0) }
    if time <= keyspace.nowMilliseconds {
      removeAndReport(&found)
      reproduceAsDeletion(request[1])
    } else {
      keyspace.setExpiry(&found, at: time)
      let length = found.length
      report(.generic, "expire", found, lengthBefore: length, lengthAfter: length)
      reproduce {
        $0.append("PEXPIREAT")
        $0.append(request[1])
        $0.append(time)
      }
    }
    reply.integer(1)
  }

  /// Nil when they are unknown or contradict each other, which has been answered.
  private mutating func expiryConditions(_ request: Request) -> ExpiryConditions? {
    var conditions: ExpiryConditions = []
    for index in 3..<request.count {
      guard let condition = ExpiryConditions(request[index]) else {
        replyUnsupportedOption(request[index])
        return nil
      }
      conditions.insert(condition)
    }
    if conditions.contains(.ifNone) && conditions != .ifNone {
      reply.error("ERR NX and XX, GT or LT options at the same time are not compatible")
      return nil
    }
    if conditions.isSuperset(of: [.ifLater, .ifEarlier]) {
      reply.error("ERR GT and LT options at the same time are not compatible")
      return nil
    }
    return conditions
  }

  private mutating func replyUnsupportedOption(_ option: ByteView) {
    reply.error { text in
      text.append("ERR Unsupported option ")
      text.append(option)
    }
  }

  mutating func persistCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry, entry.hasExpiry else { return reply.integer(0) }
    keyspace.clearExpiry(&found)
    let length = found.length
    report(.generic, "persist", found, lengthBefore: length, lengthAfter: length)
    reply.integer(1)
  }
}

private struct ExpiryConditions: OptionSet {
  let rawValue: UInt8
  static let ifNone = ExpiryConditions(rawValue: 1)
  static let ifAny = ExpiryConditions(rawValue: 2)
  static let ifLater = ExpiryConditions(rawValue: 4)
  static let ifEarlier = ExpiryConditions(rawValue: 8)

  init(rawValue: UInt8) { self.rawValue = rawValue }

  init?(_ option: ByteView) {
    if option.equalsIgnoringCase("nx") {
      self = .ifNone
    } else if option.equalsIgnoringCase("xx") {
      self = .ifAny
    } else if option.equalsIgnoringCase("gt") {
      self = .ifLater
    } else if option.equalsIgnoringCase("lt") {
      self = .ifEarlier
    } else {
      return nil
    }
  }

  /// A key without an expiry counts as one that expires later than any time.
  func allow(_ current: Int?, _ new: Int) -> Bool {
    guard !isEmpty else { return true }
    if contains(.ifNone) && current != nil { return false }
    if contains(.ifAny) && current == nil { return false }
    if contains(.ifLater) && new <= current ?? Int.max { return false }
    if contains(.ifEarlier), let current, new >= current { return false }
    return true
  }
}

// MARK: - Asking

extension Engine {
  mutating func ttlCommand(_ request: Request) { replyExpiry(request, isRelative: true, inSeconds: true) }

  mutating func pttlCommand(_ request: Request) { replyExpiry(request, isRelative: true, inSeconds: false) }

  mutating func expiretimeCommand(_ request: Request) { replyExpiry(request, isRelative: false, inSeconds: true) }

  mutating func pexpiretimeCommand(_ request: Request) { replyExpiry(request, isRelative: false, inSeconds: false) }

  /// -2: no such key, -1: no expiry. Seconds are rounded.
  @inline(__always)
  private mutating func replyExpiry(_ request: Request, isRelative: Bool, inSeconds: Bool) {
    guard let entry = lookupUntouched(request, 1) else { return reply.integer(-2) }
    guard let expiry = entry.expiry else { return reply.integer(-1) }
    let milliseconds = max(0, isRelative ? expiry - keyspace.nowMilliseconds : expiry)
    reply.integer(inSeconds ? Int((UInt(milliseconds) + 500) / 1000) : milliseconds)
  }
}
