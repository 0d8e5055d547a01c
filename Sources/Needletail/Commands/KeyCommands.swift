/// Keys of any type: deleting, finding, naming, looking into.
enum KeyCommand: UInt8, Sendable, CaseIterable {
  case copy, del, exists, expire, expireat, expiretime, keys, migrate, move, object, persist, pexpire, pexpireat
  case pexpiretime, pttl, randomkey, rename, renamenx, scan, sort, sortReadonly, touch, ttl, type, unlink
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
    case .migrate: migrateCommand(request)
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
    let array = reply.deferLength(atMost: keyspace.count(database: database))
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
    guard let options = scanOptions(request, from: 2, of: .scan) else { return }
    // The next cursor goes before the keys and is known after them.
    var entries = UnitList()
    let next = keyspace.scan(database: request.client.database, cursor: cursor, count: options.count) { entry in
      guard options.matches(entry.key) else { return }
      if let type = options.type, !type.equalsIgnoringCase(entry.type.name) { return }
      unsafe entries.append(entry.raw)
    }
    reply.array(2)
    reply.bulk(integer: Int(next))
    reply.array(entries.count)
    for i in 0..<entries.count { unsafe reply.bulk(Entry(raw: entries[i]).key) }
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
    guard !keyspace.clock.countsUses else {
      return reply.error("""
        ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
        policies at runtime LRU and LFU data will take some time to adjust.
        """)
    }
    reply.integer(keyspace.clock.idleSeconds(entry))
  }

  mutating func objectFreqCommand(_ request: Request) {
    guard let entry = lookupUntouched(request, 2) else { return reply.null() }
    guard keyspace.clock.countsUses else {
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
