/// Strings: bytes, or 64-bit integers written in decimal.
enum StringCommand: UInt8, Sendable, CaseIterable {
  case append, decr, decrby, get, getdel, getex, getrange, getset, incr, incrby, incrbyfloat, lcs, mget, mset, msetnx
  case psetex, set, setex, setnx, setrange, strlen, substr
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: StringCommand, _ request: Request) {
    switch command {
    case .append: appendCommand(request)
    case .decr: decrCommand(request)
    case .decrby: decrbyCommand(request)
    case .get: getCommand(request)
    case .getdel: getdelCommand(request)
    case .getex: getexCommand(request)
    case .getrange, .substr: getrangeCommand(request)
    case .getset: getsetCommand(request)
    case .incr: incrCommand(request)
    case .incrby: incrbyCommand(request)
    case .incrbyfloat: incrbyfloatCommand(request)
    case .lcs: lcsCommand(request)
    case .mget: mgetCommand(request)
    case .mset: msetCommand(request)
    case .msetnx: msetnxCommand(request)
    case .psetex: psetexCommand(request)
    case .set: setCommand(request)
    case .setex: setexCommand(request)
    case .setnx: setnxCommand(request)
    case .setrange: setrangeCommand(request)
    case .strlen: strlenCommand(request)
    }
  }
}

// MARK: - Reading

extension Engine {
  mutating func getCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .string else { return reply.wrongType() }
    replyString(entry)
  }

  mutating func mgetCommand(_ request: Request) {
    let database = request.client.database
    reply.array(request.count - 1)
    forEachKey(request, from: 1) { engine, key, _ in
      if let entry = engine.lookupRead(key, in: database).entry, entry.type == .string {
        engine.replyString(entry)
      } else {
        engine.reply.null()
      }
      return true
    }
  }

  mutating func strlenCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .string else { return reply.wrongType() }
    reply.integer(entry.stringCount)
  }

  mutating func getdelCommand(_ request: Request) {
    var found = lookupRead(request, 1)
    guard let entry = found.entry else { return reply.null() }
    guard entry.type == .string else { return reply.wrongType() }
    replyString(entry)
    removeAndReport(&found)
    let command: StaticString = settings.lazyfreeUserDel ? "UNLINK" : "DEL"
    reproduce {
      $0.append(command)
      $0.append(request[1])
    }
  }

  mutating func getexCommand(_ request: Request) {
    guard let options = StringOptions(request, from: 2, isSet: false) else { return reply.syntaxError() }
    var found = lookupRead(request, 1)
    guard let entry = found.entry else { return reply.null() }
    guard entry.type == .string else { return reply.wrongType() }
    switch options.expiry {
    case .none, .keep:
      replyString(entry)
    case .persist:
      replyString(entry)
      guard entry.hasExpiry else { return }
      keyspace.clearExpiry(&found)
      let length = found.length
      report(.generic, "persist", found, lengthBefore: length, lengthAfter: length)
      reproduce {
        $0.append("PERSIST")
        $0.append(request[1])
      }
    case .time(let unit, let index):
      guard let time = expiryTime(request[index], unit, "getex") else { return }
      replyString(entry)
      if !unit.isRelative && time <= keyspace.nowMilliseconds {
        removeAndReport(&found)
        return reproduceAsDeletion(request[1])
      }
      keyspace.setExpiry(&found, at: time)
      let length = found.length
      report(.generic, "expire", found, lengthBefore: length, lengthAfter: length)
      reproduce {
        $0.append("PEXPIREAT")
        $0.append(request[1])
        $0.append(time)
      }
    }
  }
}

// MARK: - Writing

extension Engine {
  mutating func setCommand(_ request: Request) {
    if request.count == 3 {
      var found = lookupWrite(request, 1)
      if store(request[2], in: &found, expiry: .clear) { reply.ok() }
      return
    }
    setWithOptions(request)
  }

  private mutating func setWithOptions(_ request: Request) {
    guard let options = StringOptions(request, from: 3, isSet: true) else { return reply.syntaxError() }
    let change: ExpiryChange
    var time: Int?
    switch options.expiry {
    case .none, .persist:
      change = .clear
    case .keep:
      change = .keep
    case .time(let unit, let index):
      guard let milliseconds = expiryTime(request[index], unit, "set") else { return }
      time = milliseconds
      change = .at(milliseconds)
    }

    var found = options.answersOld ? lookupRead(request, 1) : lookupWrite(request, 1)
    if options.answersOld, let entry = found.entry, entry.type != .string { return reply.wrongType() }
    let isAllowed = switch options.condition {
    case .always: true
    case .ifMissing: found.entry == nil
    case .ifPresent: found.entry != nil
    }
    guard isAllowed else {
      if options.answersOld { replyStringOrNull(found.entry) } else { reply.null() }
      return
    }
    if options.answersOld {
      guard exchange(request[2], in: &found, expiry: change) else { return }
    } else {
      guard store(request[2], in: &found, expiry: change) else { return }
      reply.ok()
    }
    if let time {
      reproduceSet(request[1], request[2], time)
      reportAlso(.generic, "expire", found, length: request[2].count)
    } else if options.answersOld {
      reproduce {
        $0.append("SET")
        $0.append(request[1])
        $0.append(request[2])
        if case .keep = change { $0.append("KEEPTTL") }
      }
    }
  }

  mutating func setexCommand(_ request: Request) { setWithTime(request, .seconds, "setex") }

  mutating func psetexCommand(_ request: Request) { setWithTime(request, .milliseconds, "psetex") }

  private mutating func setWithTime(_ request: Request, _ unit: TimeUnit, _ name: StaticString) {
    guard let time = expiryTime(request[2], unit, name) else { return }
    var found = lookupWrite(request, 1)
    guard store(request[3], in: &found, expiry: .at(time)) else { return }
    reproduceSet(request[1], request[3], time)
    reportAlso(.generic, "expire", found, length: request[3].count)
    reply.ok()
  }

  mutating func setnxCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard found.entry == nil else { return reply.integer(0) }
    if store(request[2], in: &found, expiry: .clear) { reply.integer(1) }
  }

  mutating func getsetCommand(_ request: Request) {
    var found = lookupRead(request, 1)
    if let entry = found.entry, entry.type != .string { return reply.wrongType() }
    guard exchange(request[2], in: &found, expiry: .clear) else { return }
    reproduce {
      $0.append("SET")
      $0.append(request[1])
      $0.append(request[2])
    }
  }

  mutating func msetCommand(_ request: Request) {
    guard request.count % 2 == 1 else { return replyWrongArity("mset") }
    if storePairs(request) { reply.ok() }
  }

  mutating func msetnxCommand(_ request: Request) {
    guard request.count % 2 == 1 else { return replyWrongArity("msetnx") }
    let database = request.client.database
    let noneExists = forEachKey(request, from: 1, step: 2) { engine, key, _ in
      engine.lookupWrite(key, in: database).entry == nil
    }
    guard noneExists else { return reply.integer(0) }
    if storePairs(request) { reply.integer(1) }
  }

  /// - Returns: false when memory ran out, which has been answered; pairs up to there are stored.
  private mutating func storePairs(_ request: Request) -> Bool {
    let database = request.client.database
    return forEachKey(request, from: 1, step: 2) { engine, key, index in
      var found = engine.lookupWrite(key, in: database)
      if engine.store(request[index + 1], in: &found, expiry: .clear) { return true }
      if index > 1 {
        engine.reproduce { builder in
          builder.append("MSET")
          for i in 1..<index { builder.append(request[i]) }
        }
      }
      return false
    }
  }

  /// - Returns: false when memory ran out, which has been answered.
  @inline(__always)
  private mutating func store(_ value: ByteView, in found: inout Found, expiry: ExpiryChange) -> Bool {
    let before = found.length
    do throws(OutOfMemory) {
      try keyspace.setString(&found, value, expiry: expiry)
    } catch {
      replyOutOfMemory()
      return false
    }
    report(.string, "set", found, lengthBefore: before, lengthAfter: value.count)
    return true
  }

  /// Answers the old string, or null, and stores the new one. What may fail comes first: no answer can be taken back.
  private mutating func exchange(_ value: ByteView, in found: inout Found, expiry: ExpiryChange) -> Bool {
    guard value.count > Entry.inlineMaxBytes else {
      replyStringOrNull(found.entry)
      return store(value, in: &found, expiry: expiry)
    }
    let unit: StringUnit
    do throws(OutOfMemory) {
      unit = try keyspace.makeUnit(value)
    } catch {
      replyOutOfMemory()
      return false
    }
    let before = found.length
    replyStringOrNull(found.entry)
    keyspace.setString(&found, adopting: unit, expiry: expiry)
    report(.string, "set", found, lengthBefore: before, lengthAfter: value.count)
    return true
  }

  @inline(__always)
  private mutating func replyStringOrNull(_ entry: Entry?) {
    if let entry { replyString(entry) } else { reply.null() }
  }

  private mutating func reproduceSet(_ key: ByteView, _ value: ByteView, _ time: Int) {
    reproduce {
      $0.append("SET")
      $0.append(key)
      $0.append(value)
      $0.append("PXAT")
      $0.append(time)
    }
  }

  /// For what the table's arity cannot say.
  private mutating func replyWrongArity(_ name: StaticString) {
    reply.error("ERR wrong number of arguments for '\(name)' command")
  }
}

// MARK: - Options

/// How a request gives a time.
enum TimeUnit {
  case seconds, milliseconds, unixSeconds, unixMilliseconds

  var isRelative: Bool { self == .seconds || self == .milliseconds }
  var isSeconds: Bool { self == .seconds || self == .unixSeconds }
}

extension Engine {
  /// The time an option or argument gives, in milliseconds since 1970. Nil when it is none, which has been answered.
  @inline(__always)
  mutating func expiryTime(_ text: ByteView, _ unit: TimeUnit, _ name: StaticString) -> Int? {
    guard var time = text.integer else {
      reply.notAnInteger()
      return nil
    }
    var overflows = time <= 0
    if unit.isSeconds {
      let (product, productOverflows) = time.multipliedReportingOverflow(by: 1000)
      time = product
      overflows = overflows || productOverflows
    }
    if unit.isRelative {
      let (sum, sumOverflows) = time.addingReportingOverflow(keyspace.nowMilliseconds)
      time = sum
      overflows = overflows || sumOverflows
    }
    guard !overflows else {
      replyInvalidExpiry(name)
      return nil
    }
    return time
  }

  @inline(never)
  mutating func replyInvalidExpiry(_ name: StaticString) {
    reply.error("ERR invalid expire time in '\(name)' command")
  }
}

/// The options of SET and GETEX.
private struct StringOptions {
  enum Condition { case always, ifMissing, ifPresent }
  enum Expiry {
    case none, keep, persist
    /// The argument at `index` is the time.
    case time(TimeUnit, index: Int)
  }

  var condition = Condition.always
  var answersOld = false
  var expiry = Expiry.none

  /// Nil for a syntax error. An option may be repeated, then the last one counts; options that exclude each other are
  /// an error.
  init?(_ request: Request, from first: Int, isSet: Bool) {
    var index = first
    while index < request.count {
      guard let option = StringOption(request[index]) else { return nil }
      switch option {
      case .nx where isSet && condition != .ifPresent: condition = .ifMissing
      case .xx where isSet && condition != .ifMissing: condition = .ifPresent
      case .get where isSet: answersOld = true
      case .keepTTL:
        guard isSet else { return nil }
        switch expiry {
        case .none, .keep: expiry = .keep
        case .persist, .time: return nil
        }
      case .persist:
        guard !isSet else { return nil }
        switch expiry {
        case .none, .persist: expiry = .persist
        case .keep, .time: return nil
        }
      case .time(let unit):
        index += 1
        guard index < request.count else { return nil }
        switch expiry {
        case .none: break
        case .time(let earlier, _) where earlier == unit: break
        case .keep, .persist, .time: return nil
        }
        expiry = .time(unit, index: index)
      case .nx, .xx, .get:
        return nil
      }
      index += 1
    }
  }
}

private enum StringOption {
  case nx, xx, get, keepTTL, persist
  case time(TimeUnit)

  @inline(__always)
  init?(_ text: ByteView) {
    switch text.count {
    case 2:
      guard asciiLowercased(text[1]) == UInt8(ascii: "x") else { return nil }
      switch asciiLowercased(text[0]) {
      case UInt8(ascii: "e"): self = .time(.seconds)
      case UInt8(ascii: "p"): self = .time(.milliseconds)
      case UInt8(ascii: "n"): self = .nx
      case UInt8(ascii: "x"): self = .xx
      default: return nil
      }
    case 3 where text.equalsIgnoringCase("get"): self = .get
    case 4 where text.equalsIgnoringCase("exat"): self = .time(.unixSeconds)
    case 4 where text.equalsIgnoringCase("pxat"): self = .time(.unixMilliseconds)
    case 7 where text.equalsIgnoringCase("keepttl"): self = .keepTTL
    case 7 where text.equalsIgnoringCase("persist"): self = .persist
    default: return nil
    }
  }
}
