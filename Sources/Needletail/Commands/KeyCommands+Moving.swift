// Keys that get another name or database.

// MARK: - Within a database

extension Engine {
  mutating func renameCommand(_ request: Request) {
    if rename(request, replacing: true) { reply.ok() }
  }

  mutating func renamenxCommand(_ request: Request) {
    if rename(request, replacing: false) { reply.integer(1) }
  }

  /// - Returns: false when nothing was renamed, which has been answered.
  private mutating func rename(_ request: Request, replacing: Bool) -> Bool {
    var source = lookupWrite(request, 1)
    guard source.entry != nil else {
      reply.noSuchKey()
      return false
    }
    // A key that exists and is given its own name keeps everything.
    if request[1] == request[2] {
      if replacing { reply.ok() } else { reply.integer(0) }
      return false
    }
    var target = lookupWrite(request, 2)
    if target.entry != nil && !replacing {
      reply.integer(0)
      return false
    }
    let length = source.length
    let replaced = target.length
    keyspace.rename(&source, to: &target)
    report(.generic, "rename_from", source, lengthBefore: length, lengthAfter: -1)
    reportAlso(.generic, "rename_to", target, lengthBefore: replaced, lengthAfter: length,
      type: source.heldType)
    return true
  }
}

// MARK: - Between databases

extension Engine {
  mutating func moveCommand(_ request: Request) {
    guard let database = databaseIndex(request[2]) else { return }
    guard isDatabase(database) else { return }
    guard database != request.client.database else { return replySameObject() }
    var source = lookupWrite(request, 1)
    guard source.entry != nil else { return reply.integer(0) }
    var target = lookupWrite(source.key, in: database)
    guard target.entry == nil else { return reply.integer(0) }
    let length = source.length
    keyspace.move(&source, to: &target)
    report(.generic, "move_from", source, lengthBefore: length, lengthAfter: -1)
    reportAlso(.generic, "move_to", target, lengthBefore: -1, lengthAfter: length, type: source.heldType)
    reply.integer(1)
  }

  /// COPY source destination [DB number] [REPLACE]
  mutating func copyCommand(_ request: Request) {
    var database = request.client.database
    var replaces = false
    var index = 3
    while index < request.count {
      if request[index].equalsIgnoringCase("replace") {
        replaces = true
      } else if request[index].equalsIgnoringCase("db") && index + 1 < request.count {
        index += 1
        guard let number = databaseIndex(request[index]), isDatabase(number) else { return }
        database = number
      } else {
        return reply.syntaxError()
      }
      index += 1
    }
    guard database != request.client.database || !(request[1] == request[2]) else { return replySameObject() }
    guard let source = lookupRead(request, 1).entry else { return reply.integer(0) }
    var target = lookupWrite(request.key(2, keyspace.seed), in: database)
    guard replaces || target.entry == nil else { return reply.integer(0) }
    let replaced = target.length
    do throws(OutOfMemory) {
      try keyspace.copy(source, to: &target)
    } catch {
      return replyOutOfMemory()
    }
    report(.generic, "copy_to", target, lengthBefore: replaced, lengthAfter: target.length, type: target.entry?.type)
    reply.integer(1)
  }

  mutating func swapdbCommand(_ request: Request) {
    guard let first = databaseIndex(request[1], invalid: "ERR invalid first DB index"),
      let second = databaseIndex(request[2], invalid: "ERR invalid second DB index")
    else { return }
    guard isDatabase(first), isDatabase(second) else { return }
    keyspace.swapDatabases(first, second)
    keyspace.effects.count(1)
    reply.ok()
  }

  /// The number that an argument spells, which need not be a database's.
  /// - Parameter invalid: the error for what is no number, or none of 32 bits; nil: Redis's general ones.
  /// - Returns: nil when it spells none, which has been answered.
  mutating func databaseIndex(_ argument: ByteView, invalid: StaticString? = nil) -> Int? {
    guard let index = argument.integer else {
      if let invalid { reply.error(invalid) } else { reply.notAnInteger() }
      return nil
    }
    guard index >= Int(Int32.min) && index <= Int(Int32.max) else {
      reply.error(invalid ?? "ERR value is out of range, value must between -2147483648 and 2147483647")
      return nil
    }
    return index
  }

  /// - Returns: false when there is no such database, which has been answered.
  mutating func isDatabase(_ index: Int) -> Bool {
    if index >= 0 && index < keyspace.databaseCount { return true }
    reply.error("ERR DB index is out of range")
    return false
  }

  private mutating func replySameObject() { reply.error("ERR source and destination objects are the same") }
}
