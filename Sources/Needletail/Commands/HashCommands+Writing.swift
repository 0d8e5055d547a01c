extension Engine {
  /// HSET key field value [field value ...], and HMSET, which answers OK.
  mutating func hsetCommand(_ request: Request, isOld: Bool) {
    guard request.count & 1 == 0 else {
      return reply.error(isOld
        ? "ERR wrong number of arguments for 'hmset' command" : "ERR wrong number of arguments for 'hset' command")
    }
    var found = lookupWrite(request, 1)
    if let entry = found.entry, entry.type != .hash { return reply.wrongType() }
    let before = found.length
    let pairs = (request.count - 2) / 2
    var created = 0
    var done = 0
    do throws(OutOfMemory) {
      if pairs > 1 { try keyspace.expectFields(&found, pairs) }
      for pair in 0..<pairs {
        if try keyspace.setField(&found, request[2 + 2 * pair], request[3 + 2 * pair]) { created += 1 }
        done = pair + 1
        if pair == 0 && pairs > 1 && before < 0 { try keyspace.expectFields(&found, pairs) }
      }
    } catch {
      // What was set before stays set, and is told.
      if done > 0 {
        reportHash("hset", found, before, changes: done)
        reproduce { for index in 0..<2 + 2 * done { $0.append(request[index]) } }
      }
      return replyOutOfMemory()
    }
    reportHash("hset", found, before, changes: pairs)
    if isOld { reply.ok() } else { reply.integer(created) }
  }

  /// Tells that some fields have changed.
  @inline(__always)
  private mutating func reportHash(_ event: StaticString, _ found: Found, _ before: Int, changes: Int) {
    report(.hash, event, found, lengthBefore: before, lengthAfter: found.length)
    if changes > 1 { keyspace.effects.count(changes - 1) }
  }

  mutating func hsetnxCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    if let entry = found.entry {
      guard entry.type == .hash else { return reply.wrongType() }
      if HashValue(entry).value(of: request[2], keyspace.context) != nil { return reply.integer(0) }
    }
    guard setField(&found, request[2], request[3], "hset") else { return }
    reply.integer(1)
  }

  /// Stores one field's value and tells of it.
  /// - Returns: false without memory, which has been answered.
  private mutating func setField(_ found: inout Found, _ field: ByteView, _ value: ByteView, _ event: StaticString)
    -> Bool
  {
    let before = found.length
    do throws(OutOfMemory) {
      _ = try keyspace.setField(&found, field, value)
    } catch {
      replyOutOfMemory()
      return false
    }
    reportHash(event, found, before, changes: 1)
    return true
  }

  mutating func hdelCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .hash else { return reply.wrongType() }
    let before = found.length
    var removed = 0
    for index in 2..<request.count where keyspace.removeField(&found, request[index]) {
      removed += 1
      if removed == before { break }
    }
    if removed > 0 { finishRemoving(&found, "hdel", before, removed) }
    reply.integer(removed)
  }

  /// Fields have gone: tells of it, and removes a hash that has none left.
  private mutating func finishRemoving(_ found: inout Found, _ event: StaticString, _ before: Int, _ removed: Int) {
    reportHash(event, found, before, changes: removed)
    guard found.length == 0 else { return }
    keyspace.remove(&found)
    reportAlso(.generic, "del", found, lengthBefore: 0, lengthAfter: -1)
  }

  /// HGETDEL key FIELDS count field [field ...]
  mutating func hgetdelCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    if let entry = found.entry, entry.type != .hash { return reply.wrongType() }
    guard request[2].equalsIgnoringCase("fields") else {
      return reply.error("ERR Mandatory argument FIELDS is missing or not at the right position")
    }
    guard let count = request[3].integer, count >= 1 else {
      return reply.error("ERR Number of fields must be a positive integer")
    }
    guard count == request.count - 4 else {
      return reply.error("ERR The `numfields` parameter must match the number of arguments")
    }
    let before = found.length
    var removed = 0
    reply.array(count)
    for index in 4..<request.count {
      guard let entry = found.entry, let value = HashValue(entry).value(of: request[index], keyspace.context) else {
        reply.null()
        continue
      }
      replyElement(value)
      if keyspace.removeField(&found, request[index]) { removed += 1 }
    }
    guard removed > 0 else { return }
    finishRemoving(&found, "hdel", before, removed)
    reproduce {
      $0.append("HDEL")
      $0.append(request[1])
      for index in 4..<request.count { $0.append(request[index]) }
    }
  }

  mutating func hincrbyCommand(_ request: Request) {
    guard let delta = request[3].integer else { return reply.notAnInteger() }
    var found = lookupWrite(request, 1)
    var value = 0
    if let entry = found.entry {
      guard entry.type == .hash else { return reply.wrongType() }
      if let present = HashValue(entry).value(of: request[2], keyspace.context) {
        guard let integer = present.integer else { return reply.error("ERR hash value is not an integer") }
        value = integer
      }
    }
    let (sum, overflows) = value.addingReportingOverflow(delta)
    guard !overflows else { return reply.error("ERR increment or decrement would overflow") }
    let isSet = PackedElement.integer(sum).withBytes { setField(&found, request[2], $0, "hincrby") }
    if isSet { reply.integer(sum) }
  }

  /// Reads, adds and writes in the 80-bit format that Redis uses, so that both print the same digits.
  mutating func hincrbyfloatCommand(_ request: Request) {
    guard let delta = request[3].extendedFloat else { return reply.error("ERR value is not a valid float") }
    guard delta.isFinite else { return reply.error("ERR value is NaN or Infinity") }
    var found = lookupWrite(request, 1)
    var value: Float80 = 0
    if let entry = found.entry {
      guard entry.type == .hash else { return reply.wrongType() }
      if let present = HashValue(entry).value(of: request[2], keyspace.context) {
        guard let number = present.withBytes({ $0.extendedFloat }) else {
          return reply.error("ERR hash value is not a float")
        }
        value = number
      }
    }
    value += delta
    guard value.isFinite else { return reply.error("ERR increment would produce NaN or Infinity") }
    unsafe withUnsafeTemporaryAllocation(byteCount: Decimal80.maxBytes, alignment: 1) { buffer in
      let text = unsafe Decimal80.write(value, to: buffer)
      guard setField(&found, request[2], text, "hincrbyfloat") else { return }
      reply.bulk(text)
      // The sum, not the addition: another machine may round differently.
      reproduce {
        $0.append("HSET")
        $0.append(request[1])
        $0.append(request[2])
        $0.append(text)
      }
    }
  }
}

extension PackedElement {
  /// The integer that a string spells.
  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .bytes(let bytes): bytes.integer
    case .double: nil
    }
  }
}
