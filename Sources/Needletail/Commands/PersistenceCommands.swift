// Snapshots, and single values on their way from one server to another.

enum PersistenceCommand: UInt8, Sendable, CaseIterable { case bgsave, dump, lastsave, restore, save }

extension PersistenceCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .persistence(.bgsave), name: "bgsave", arity: -1, flags: [.admin, .noscript, .noAsyncLoading],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Writes a snapshot in the background, of the data as they are now.",
        since: "1.0.0", group: "server", complexity: "O(1)", history: [("3.2.2", "+SCHEDULE"), ("8.1.0", "+CANCEL")],
        arguments: [
          .choice(
            "operation", isOptional: true,
            [.token("schedule", "SCHEDULE", since: "3.2.2"), .token("cancel", "CANCEL", since: "8.1.0")]),
        ])),
    CommandSpec(
      id: .persistence(.dump), name: "dump", arity: 2, flags: [.readonly], categories: [.keyspace, .read, .slow],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Returns a value in a form that RESTORE takes, here or on another server.",
        since: "2.6.0", group: "generic", complexity: "O(1); O(N*M); O(1)+O(1*M)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .persistence(.lastsave), name: "lastsave", arity: 1, flags: [.loading, .stale, .fast],
      categories: [.admin, .fast, .dangerous], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Returns the Unix time of the last snapshot.",
        since: "1.0.0", group: "server", complexity: "O(1)")),
    CommandSpec(
      id: .persistence(.restore), name: "restore", arity: -4, flags: [.write, .denyoom],
      categories: [.keyspace, .write, .slow, .dangerous],
      keySpecs: [KeySpec(flags: ["OW", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Makes a key of what DUMP returned.",
        since: "2.6.0", group: "generic", complexity: "O(1); O(N*M); O(1)+O(1*M); O(N*M*log(N)); O(log(N))",
        history: [("3.0.0", "+REPLACE"), ("5.0.0", "+ABSTTL"), ("5.0.0", "+IDLETIME, +FREQ")],
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "ttl", kind: .integer),
          ArgumentSpec(name: "serialized-value", kind: .string),
          ArgumentSpec(name: "replace", kind: .pureToken, token: "REPLACE", since: "3.0.0", isOptional: true),
          ArgumentSpec(name: "absttl", kind: .pureToken, token: "ABSTTL", since: "5.0.0", isOptional: true),
          ArgumentSpec(name: "seconds", kind: .integer, token: "IDLETIME", since: "5.0.0", isOptional: true),
          ArgumentSpec(name: "frequency", kind: .integer, token: "FREQ", since: "5.0.0", isOptional: true),
        ])),
    CommandSpec(
      id: .persistence(.restore), name: "restore-asking", arity: -4, flags: [.write, .denyoom, .asking],
      categories: [.keyspace, .write, .slow, .dangerous], keySpecs: [.key(1, "OW", "update")],
      docs: CommandDocs(
        summary: "As RESTORE, for a slot that is being moved here.",
        since: "3.0.0", group: "server", complexity: "O(1); O(N*M); O(1)+O(1*M); O(N*M*log(N)); O(log(N))",
        flags: ["syscmd"], history: [("3.0.0", "+REPLACE"), ("5.0.0", "+ABSTTL"), ("5.0.0", "+IDLETIME, +FREQ")],
        arguments: [
          .key(),
          .integer("ttl"),
          .string("serialized-value"),
          ArgumentSpec(name: "replace", kind: .pureToken, token: "REPLACE", since: "3.0.0", isOptional: true),
          ArgumentSpec(name: "absttl", kind: .pureToken, token: "ABSTTL", since: "5.0.0", isOptional: true),
          ArgumentSpec(name: "seconds", kind: .integer, token: "IDLETIME", since: "5.0.0", isOptional: true),
          ArgumentSpec(name: "frequency", kind: .integer, token: "FREQ", since: "5.0.0", isOptional: true),
        ])),
    CommandSpec(
      id: .persistence(.save), name: "save", arity: 1, flags: [.admin, .noscript, .noAsyncLoading, .noMulti],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Writes a snapshot while everybody waits.",
        since: "1.0.0", group: "server", complexity: "O(N)")),
  ]
}

extension Engine {
  mutating func run(_ command: PersistenceCommand, _ request: Request) {
    switch command {
    case .bgsave: bgsaveCommand(request)
    case .dump: dumpCommand(request)
    case .lastsave: reply.integer(persistence.lastSaveSeconds)
    case .restore: restoreCommand(request)
    case .save: saveCommand()
    }
  }

  mutating func saveCommand() {
    guard !isSavingInBackground else { return reply.error("ERR Background save already in progress") }
    // Redis says no more either; the log does.
    if saveSnapshot() { reply.ok() } else { reply.error("ERR") }
  }

  // MARK: DUMP

  mutating func dumpCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    // The type, two lengths and the footer take less than 64 bytes, and compressing never makes it longer. An element
    // of a collection takes less than three times what it takes here: 21 bytes for an integer of 9.
    let bytes = entry.type == .string ? entry.stringCount : 3 * (entry.byteCount + entry.childBytes)
    let capacity = Heap.goodSize(max(1024, bytes + 64))
    guard let buffer = unsafe Heap.tryAllocate(capacity) else { return replyOutOfMemory() }
    let options = RDBWriterOptions(compresses: settings.rdbCompression)
    var writer = unsafe RDBWriter(NoSink(), options, buffer: buffer, capacity: capacity)
    writer.dump(entry)
    reply.bulk(writer.bufferedBytes)
  }

  // MARK: RESTORE

  /// RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
  mutating func restoreCommand(_ request: Request) {
    guard let options = restoreOptions(request) else { return }
    var found = lookupWrite(request, 1)
    if found.entry != nil && !options.replaces {
      return reply.error("BUSYKEY Target key name already exists.")
    }
    guard let ttl = request[2].integer else { return reply.notAnInteger() }
    guard ttl >= 0 else { return reply.error("ERR Invalid TTL value, must be >= 0") }
    guard let payload = RDBPayload(request[3]) else {
      return reply.error("ERR DUMP payload version or checksum are wrong")
    }
    do throws(RDBError) {
      if payload.collectionType != nil {
        guard let value = try payload.collection(decoderOptions) else { return reply.error("ERR Bad data format") }
        restore(.collection(value), &found, ttl, options, request)
      } else {
        restore(.string(try payload.string()), &found, ttl, options, request)
      }
    } catch {
      if case .outOfMemory = error.fault { return replyOutOfMemory() }
      reply.error("ERR Bad data format")
    }
  }

  private enum RestoredValue: ~Copyable {
    case string(RDBPayload.Value)
    case collection(BuiltValue)
  }

  /// Stores what has been decoded: nothing can be wrong any more.
  private mutating func restore(_ value: consuming RestoredValue, _ found: inout Found, _ ttl: Int,
    _ options: RestoreOptions, _ request: Request)
  {
    let lengthBefore = found.length
    keyspace.remove(&found)
    // A sum beyond the end of time wraps around to before its beginning, as in Redis.
    let expiry = ttl == 0 ? nil : options.isAbsolute ? ttl : ttl &+ keyspace.nowMilliseconds
    if let expiry, expiry <= keyspace.nowMilliseconds {
      if lengthBefore >= 0 {
        report(.generic, "del", found, lengthBefore: lengthBefore, lengthAfter: -1)
        reproduceAsDeletion(request[1])
      }
      if case .collection(let built) = value {
        built.free(tag: keyspace.context.units.currentTag, keyspace.context.units.limbo)
      }
      return reply.ok()
    }
    switch value {
    case .collection(let built):
      keyspace.put(&found, built, expiry: expiry)
    case .string(let string):
      do throws(OutOfMemory) {
        try keyspace.setString(&found, string.bytes, expiry: expiry.map { .at($0) } ?? .clear)
      } catch {
        // The old value is gone already, and is not missed: REPLACE said so.
        if lengthBefore >= 0 { report(.generic, "del", found, lengthBefore: lengthBefore, lengthAfter: -1) }
        return replyOutOfMemory()
      }
    }
    if let entry = found.entry { finishRestoring(entry, options) }
    report(.generic, "restore", found, lengthBefore: lengthBefore, lengthAfter: found.length, type: found.entry?.type)
    if let expiry, !options.isAbsolute { reproduceRestore(request, expiry) }
    reply.ok()
  }

  private func finishRestoring(_ entry: Entry, _ options: RestoreOptions) {
    entry.clock = keyspace.clock.restored(idleSeconds: options.idleSeconds, frequency: options.frequency)
    // Redis makes the object with its expiry at once, where SET gives it one later.
    guard entry.type == .string && entry.encoding != .integer && entry.hasExpiry else { return }
    if !Entry.isEmbedded(keyCount: entry.key.count, stringCount: entry.stringCount, hasExpiry: true) { entry.markRaw() }
  }

  private mutating func reproduceRestore(_ request: Request, _ expiry: Int) {
    reproduce {
      $0.append(request[0])
      $0.append(request[1])
      $0.append(expiry)
      for index in 3..<request.count { $0.append(request[index]) }
      $0.append("ABSTTL")
    }
  }

  /// Nil when they are wrong, which has been answered.
  private mutating func restoreOptions(_ request: Request) -> RestoreOptions? {
    var options = RestoreOptions()
    var index = 4
    while index < request.count {
      let option = request[index]
      let hasValue = index + 1 < request.count
      if option.equalsIgnoringCase("replace") {
        options.replaces = true
      } else if option.equalsIgnoringCase("absttl") {
        options.isAbsolute = true
      } else if option.equalsIgnoringCase("idletime") && hasValue && options.frequency == nil {
        guard let seconds = number(request[index + 1], 0...Int.max, "ERR Invalid IDLETIME value, must be >= 0") else {
          return nil
        }
        options.idleSeconds = seconds
        index += 1
      } else if option.equalsIgnoringCase("freq") && hasValue && options.idleSeconds == nil {
        guard let frequency = number(request[index + 1], 0...255, "ERR Invalid FREQ value, must be >= 0 and <= 255")
        else { return nil }
        options.frequency = frequency
        index += 1
      } else {
        reply.syntaxError()
        return nil
      }
      index += 1
    }
    return options
  }

  private mutating func number(_ argument: ByteView, _ range: ClosedRange<Int>, _ complaint: StaticString) -> Int? {
    guard let number = argument.integer else {
      reply.notAnInteger()
      return nil
    }
    guard range.contains(number) else {
      reply.error(complaint)
      return nil
    }
    return number
  }
}

private struct RestoreOptions {
  var replaces = false
  /// The time to live is a Unix time in milliseconds.
  var isAbsolute = false
  var idleSeconds: Int?
  var frequency: Int?
}
