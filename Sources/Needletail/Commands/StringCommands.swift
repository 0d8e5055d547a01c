/// Strings: bytes, or 64-bit integers written in decimal.
enum StringCommand: UInt8, Sendable, CaseIterable {
  case append, decr, decrby, delex, delifeq, digest, get, getdel, getex, getrange, getset, incr, incrby, incrbyfloat
  case increx, lcs, mget, mset, msetex, msetnx, psetex, set, setex, setnx, setrange, strlen, substr
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: StringCommand, _ request: Request) {
    switch command {
    case .append: appendCommand(request)
    case .decr: decrCommand(request)
    case .decrby: decrbyCommand(request)
    case .delex: delexCommand(request)
    case .delifeq: delifeqCommand(request)
    case .digest: digestCommand(request)
    case .get: getCommand(request)
    case .getdel: getdelCommand(request)
    case .getex: getexCommand(request)
    case .getrange, .substr: getrangeCommand(request)
    case .getset: getsetCommand(request)
    case .incr: incrCommand(request)
    case .incrby: incrbyCommand(request)
    case .incrbyfloat: incrbyfloatCommand(request)
    case .increx: increxCommand(request)
    case .lcs: lcsCommand(request)
    case .mget: mgetCommand(request)
    case .mset: msetCommand(request)
    case .msetex: msetexCommand(request)
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
    removeAsAsked(&found)
  }

  mutating func getexCommand(_ request: Request) {
    guard let options = StringOptions(request, from: 2, of: .getex) else { return reply.syntaxError() }
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
    guard let options = StringOptions(request, from: 3, of: .set) else { return reply.syntaxError() }
    guard let change = expiryChange(options, request, "set") else { return }

    var found = options.answersOld ? lookupRead(request, 1) : lookupWrite(request, 1)
    if options.answersOld, let entry = found.entry, entry.type != .string { return reply.wrongType() }
    guard let isAllowed = allows(options, found.entry, request) else { return }
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
    if case .at = change {
      reproduceSet(request[1], request[2], change)
      reportAlso(.generic, "expire", found, length: request[2].count)
    } else if options.answersOld || options.condition.comparesValue {
      // What was asked has been decided; an older server need not know how.
      reproduceSet(request[1], request[2], change)
    }
  }

  mutating func setexCommand(_ request: Request) { setWithTime(request, .seconds, "setex") }

  mutating func psetexCommand(_ request: Request) { setWithTime(request, .milliseconds, "psetex") }

  private mutating func setWithTime(_ request: Request, _ unit: TimeUnit, _ name: StaticString) {
    guard let time = expiryTime(request[2], unit, name) else { return }
    var found = lookupWrite(request, 1)
    guard store(request[3], in: &found, expiry: .at(time)) else { return }
    reproduceSet(request[1], request[3], .at(time))
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
    reproduceSet(request[1], request[2], .clear)
  }

  /// - Returns: false when memory ran out, which has been answered.
  @inline(__always)
  mutating func store(_ value: ByteView, in found: inout Found, expiry: ExpiryChange) -> Bool {
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

  mutating func reproduceSet(_ key: ByteView, _ value: ByteView, _ expiry: ExpiryChange) {
    reproduce {
      $0.append("SET")
      $0.append(key)
      $0.append(value)
      $0.append(expiry)
    }
  }
}
