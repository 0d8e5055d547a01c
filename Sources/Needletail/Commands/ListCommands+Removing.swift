// Elements that leave lists.

extension Engine {
  /// LPOP key [count], and RPOP.
  @inline(__always)
  mutating func popCommand(_ request: Request, isTail: Bool) {
    guard request.count == 2 else { return popMany(request, isTail: isTail) }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.null() }
    guard entry.type == .list else { return reply.wrongType() }
    let list = ListValue(entry)
    replyElement(list.end(isTail: isTail))
    takeOff(&found, 1, of: list.count, isTail: isTail)
  }

  private mutating func popMany(_ request: Request, isTail: Bool) {
    guard request.count == 3 else {
      return reply.error(isTail ? "ERR wrong number of arguments for 'rpop' command"
        : "ERR wrong number of arguments for 'lpop' command")
    }
    guard let wanted = request[2].integer, wanted >= 0 else {
      return reply.error("ERR value is out of range, must be positive")
    }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.nullArray() }
    guard entry.type == .list else { return reply.wrongType() }
    if wanted == 0 { return reply.array(0) }
    replyEnd(entry, min(wanted, entry.length), isTail: isTail)
    takeOff(&found, min(wanted, entry.length), of: entry.length, isTail: isTail)
  }

  /// Answers with elements at an end, the outermost first.
  private mutating func replyEnd(_ entry: Entry, _ count: Int, isTail: Bool) {
    let list = ListValue(entry)
    replyRange(list, isTail ? list.count - count..<list.count : 0..<count, isReversed: isTail)
  }

  /// Takes elements off an end, with the key when they are all, and tells of it.
  /// - Parameter length: how many there are.
  @inline(__always)
  private mutating func takeOff(_ found: inout Found, _ count: Int, of length: Int, isTail: Bool) {
    if count < length { removeFromEnd(&found, count, of: length, isTail: isTail) }
    reportList(isTail ? "rpop" : "lpop", found, length, length - count, changes: count)
    if count == length { removeEmptied(&found) }
  }

  /// Not all of them.
  @inline(__always)
  mutating func removeFromEnd(_ found: inout Found, _ count: Int, of length: Int, isTail: Bool) {
    if count == 1 {
      keyspace.removeEnd(&found, isTail: isTail)
    } else {
      keyspace.removeElements(&found, isTail ? length - count..<length : 0..<count)
    }
    keyspace.shrinkList(&found)
  }

  /// Takes a key out whose elements have all gone, which has been told.
  mutating func removeEmptied(_ found: inout Found) {
    keyspace.remove(&found)
    reportAlso(.generic, "del", found, lengthBefore: 0, lengthAfter: -1)
  }

  /// LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]
  mutating func lmpopCommand(_ request: Request) {
    guard let keyCount = request[1].integer, keyCount > 0 else {
      return reply.error("ERR numkeys should be greater than 0")
    }
    guard keyCount < request.count - 2 else { return reply.syntaxError() }
    guard let isTail = isTail(request[keyCount + 2]) else { return }
    var wanted = 1
    if request.count > keyCount + 3 {
      guard request.count >= keyCount + 5, request[keyCount + 3].equalsIgnoringCase("count") else {
        return reply.syntaxError()
      }
      guard let count = request[keyCount + 4].integer, count > 0 else {
        return reply.error("ERR count should be greater than 0")
      }
      guard request.count == keyCount + 5 else { return reply.syntaxError() }
      wanted = count
    }
    for index in 2..<keyCount + 2 {
      var found = lookupWrite(request, index)
      guard let entry = found.entry else { continue }
      guard entry.type == .list else { return reply.wrongType() }
      let length = entry.length
      let count = min(wanted, length)
      reply.array(2)
      reply.bulk(request[index])
      replyEnd(entry, count, isTail: isTail)
      takeOff(&found, count, of: length, isTail: isTail)
      return reproduce {
        $0.append(isTail ? "RPOP" : "LPOP")
        $0.append(request[index])
        $0.append(count)
      }
    }
    reply.nullArray()
  }

  mutating func lremCommand(_ request: Request) {
    guard let count = symmetricInteger(request[2]) else { return }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .list else { return reply.wrongType() }
    let length = entry.length
    let limit = count == 0 ? Int.max : abs(count)
    let removed = keyspace.removeMatches(&found, request[3], limit: limit, fromTail: count < 0)
    if removed > 0 { finishRemoving(&found, "lrem", length, removed) }
    reply.integer(removed)
  }

  /// Tells that elements have gone, and removes a list that has none left.
  private mutating func finishRemoving(_ found: inout Found, _ event: StaticString, _ length: Int, _ removed: Int) {
    if removed < length { keyspace.shrinkList(&found) }
    reportList(event, found, length, length - removed, changes: removed)
    if removed == length { removeEmptied(&found) }
  }

  mutating func ltrimCommand(_ request: Request) {
    guard let start = request[2].integer, let stop = request[3].integer else { return reply.notAnInteger() }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.ok() }
    guard entry.type == .list else { return reply.wrongType() }
    let length = entry.length
    let kept = ListValue(entry).range(start, stop)
    if !kept.isEmpty {
      keyspace.removeElements(&found, kept.upperBound..<length)
      keyspace.removeElements(&found, 0..<kept.lowerBound)
    }
    // Told even when nothing has gone, as Redis does.
    finishRemoving(&found, "ltrim", length, length - kept.count)
    reply.ok()
  }
}
