/// Keys of any type: deleting, finding, naming, looking into.
enum KeyCommand: UInt8, Sendable, CaseIterable {
  case copy, del, exists, expire, expireat, expiretime, keys, move, object, persist, pexpire, pexpireat, pexpiretime
  case pttl, randomkey, rename, renamenx, scan, sort, sortReadonly, touch, ttl, type, unlink
  case objectEncoding, objectFreq, objectHelp, objectIdletime, objectRefcount
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: KeyCommand, _ request: Request) {
    switch command {
    case .copy: copyCommand(request)
    case .del, .unlink: delCommand(request)
    case .exists: existsCommand(request)
    case .expire: expireCommand(request)
    case .expireat: expireatCommand(request)
    case .expiretime: expiretimeCommand(request)
    case .keys: keysCommand(request)
    case .move: moveCommand(request)
    case .object, .objectHelp: objectHelpCommand(request)
    case .objectEncoding: objectEncodingCommand(request)
    case .objectFreq: objectFreqCommand(request)
    case .objectIdletime: objectIdletimeCommand(request)
    case .objectRefcount: objectRefcountCommand(request)
    case .persist: persistCommand(request)
    case .pexpire: pexpireCommand(request)
    case .pexpireat: pexpireatCommand(request)
    case .pexpiretime: pexpiretimeCommand(request)
    case .pttl: pttlCommand(request)
    case .randomkey: randomkeyCommand(request)
    case .rename: renameCommand(request)
    case .renamenx: renamenxCommand(request)
    case .scan: scanCommand(request)
    case .sort: sortCommand(request)
    case .sortReadonly: sortReadonlyCommand(request)
    case .touch: touchCommand(request)
    case .ttl: ttlCommand(request)
    case .type: typeCommand(request)
    }
  }
}

// MARK: - Named keys

extension Engine {
  /// DEL and UNLINK: the keyspace frees large values in the background in either case.
  mutating func delCommand(_ request: Request) {
    let database = request.client.database
    var count = 0
    forEachKey(request, from: 1) { engine, key, _ in
      var found = engine.keyspace.find(key, in: database)
      if found.entry != nil {
        engine.removeAndReport(&found)
        count += 1
      }
      return true
    }
    reply.integer(count)
  }

  mutating func existsCommand(_ request: Request) {
    let database = request.client.database
    var count = 0
    forEachKey(request, from: 1) { engine, key, _ in
      if engine.lookupUntouched(key, in: database) != nil { count += 1 }
      return true
    }
    reply.integer(count)
  }

  mutating func touchCommand(_ request: Request) {
    let database = request.client.database
    var count = 0
    forEachKey(request, from: 1) { engine, key, _ in
      if engine.lookupRead(key, in: database).entry != nil { count += 1 }
      return true
    }
    reply.integer(count)
  }

  mutating func typeCommand(_ request: Request) {
    reply.simple(lookupUntouched(request, 1)?.type.name ?? "none")
  }
}

// MARK: - Finding keys

extension Engine {
  mutating func randomkeyCommand(_ request: Request) {
    guard let entry = keyspace.randomEntry(database: request.client.database) else { return reply.null() }
    reply.bulk(entry.key)
  }

  mutating func keysCommand(_ request: Request) {
    let database = request.client.database
    let pattern = GlobPattern(request[1])
    if pattern.isLiteral {
      guard let entry = keyspace.find(request.key(1, keyspace.seed), in: database).entry else { return reply.array(0) }
      reply.array(1)
      return reply.bulk(entry.key)
    }
    let array = reply.deferLength()
    var count = 0
    _ = keyspace.scan(database: database, cursor: 0, count: Int.max) { entry in
      guard pattern.isStar || pattern.matches(entry.key) else { return }
      reply.bulk(entry.key)
      count += 1
    }
    reply.finish(array, count: count)
  }

  mutating func scanCommand(_ request: Request) {
    guard let cursor = request[1].scanCursor else { return reply.error("ERR invalid cursor") }
    guard let options = scanOptions(request) else { return }
    // The next cursor goes before the keys and is known after them.
    var entries = EntryList()
    let next = keyspace.scan(database: request.client.database, cursor: cursor, count: options.count) { entry in
      if let pattern = options.pattern, !pattern.matches(entry.key) { return }
      if let type = options.type, !type.equalsIgnoringCase(entry.type.name) { return }
      entries.append(entry)
    }
    reply.array(2)
    reply.bulk(integer: Int(next))
    reply.array(entries.count)
    for i in 0..<entries.count { reply.bulk(entries[i].key) }
  }

  /// Nil when they are wrong, which has been answered.
  private mutating func scanOptions(_ request: Request) -> ScanOptions? {
    var options = ScanOptions()
    var index = 2
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
      } else if option.equalsIgnoringCase("type") && hasValue {
        options.type = request[index + 1]
      } else if option.equalsIgnoringCase("novalues") {
        reply.error("ERR NOVALUES option can only be used in HSCAN")
        return nil
      } else {
        reply.syntaxError()
        return nil
      }
      index += 2
    }
    return options
  }
}

private struct ScanOptions {
  var count = 10
  var pattern: GlobPattern?
  /// A type's name; one that no type has matches no key.
  var type: ByteView?
}

extension GlobPattern {
  init(_ pattern: ByteView) { unsafe self.init(UnsafeRawBufferPointer(start: pattern.base, count: pattern.count)) }

  func matches(_ subject: ByteView) -> Bool {
    unsafe matches(UnsafeRawBufferPointer(start: subject.base, count: subject.count))
  }
}

extension ByteView {
  /// A cursor in any form Redis takes: an unsigned 64-bit number as C's `strtoull` reads it, with nothing behind it.
  fileprivate var scanCursor: UInt64? {
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

/// Entries collected by one step of a scan. Valid until the keyspace changes.
@safe private struct EntryList: ~Copyable {
  private var block: UnsafeMutableRawPointer
  private var capacity = 32
  private(set) var count = 0

  init() { unsafe block = Heap.allocate(32 * 8) }

  deinit { unsafe Heap.free(block, capacity * 8) }

  subscript(index: Int) -> Entry {
    precondition(index >= 0 && index < count)
    return unsafe Entry(raw: block.load(fromByteOffset: index * 8, as: UnsafeMutableRawPointer.self))
  }

  mutating func append(_ entry: Entry) {
    if count == capacity {
      let larger = unsafe Heap.allocate(capacity * 16)
      unsafe larger.copyMemory(from: block, byteCount: count * 8)
      unsafe Heap.free(block, capacity * 8)
      unsafe block = larger
      capacity *= 2
    }
    unsafe block.storeBytes(of: entry.raw, toByteOffset: count * 8, as: UnsafeMutableRawPointer.self)
    count += 1
  }
}

// MARK: - OBJECT

extension Engine {
  mutating func objectEncodingCommand(_ request: Request) {
    guard let entry = lookupUntouched(request, 2) else { return reply.null() }
    reply.bulk(entry.encodingName)
  }

  mutating func objectRefcountCommand(_ request: Request) {
    // No value is shared between keys.
    if lookupUntouched(request, 2) == nil { reply.null() } else { reply.integer(1) }
  }

  mutating func objectIdletimeCommand(_ request: Request) {
    guard let entry = lookupUntouched(request, 2) else { return reply.null() }
    guard !keyspace.clock.isLFU else {
      return reply.error("""
        ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
        policies at runtime LRU and LFU data will take some time to adjust.
        """)
    }
    reply.integer(keyspace.clock.idleSeconds(entry))
  }

  mutating func objectFreqCommand(_ request: Request) {
    guard let entry = lookupUntouched(request, 2) else { return reply.null() }
    guard keyspace.clock.isLFU else {
      return reply.error("""
        ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
        between policies at runtime LRU and LFU data will take some time to adjust.
        """)
    }
    reply.integer(keyspace.clock.frequency(entry))
  }

  mutating func objectHelpCommand(_ request: Request) {
    reply.array(13)
    reply.simple("OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    reply.simple("ENCODING <key>")
    reply.simple("    Names the form in which the value of <key> is kept.")
    reply.simple("FREQ <key>")
    reply.simple("    Answers how often <key> was used of late, on a logarithmic scale. Needs an")
    reply.simple("    LFU maxmemory policy.")
    reply.simple("IDLETIME <key>")
    reply.simple("    Answers the seconds since <key> was last used. Needs a policy without LFU.")
    reply.simple("REFCOUNT <key>")
    reply.simple("    Answers the number of references to the value of <key>: 1, as none is")
    reply.simple("    shared.")
    reply.simple("HELP")
    reply.simple("    Prints this help.")
  }
}
