// Elements that come into lists, or take the places of others.

extension ListElement {
  /// Longer ones have no room in a leaf, whose lengths have 32 bits.
  static let maxStringBytes = Int(UInt32.max) - (1 << 20)
}

extension Engine {
  @inline(__always)
  mutating func pushCommand(_ request: Request, isTail: Bool) {
    var found = lookupWrite(request, 1)
    if let entry = found.entry, entry.type != .list { return reply.wrongType() }
    push(request, &found, isTail: isTail)
  }

  mutating func pushxCommand(_ request: Request, isTail: Bool) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .list else { return reply.wrongType() }
    push(request, &found, isTail: isTail)
  }

  /// Pushes the arguments from the third on, tells of it and answers.
  @inline(__always)
  private mutating func push(_ request: Request, _ found: inout Found, isTail: Bool) {
    let before = found.length
    let count = request.count - 2
    do throws(OutOfMemory) {
      if count == 1 {
        guard request[2].count <= ListElement.maxStringBytes else { throw OutOfMemory() }
        let element = ListElement(request[2])
        try keyspace.pushElements(&found, Keyspace.Arrivals(element), isTail: isTail) { _ in element }
      } else {
        try pushMany(request, &found, isTail: isTail)
      }
    } catch {
      // What came before stays, and is told.
      let after = found.length
      let pushed = after - max(before, 0)
      if pushed > 0 {
        reportList(isTail ? "rpush" : "lpush", found, before, after, changes: pushed)
        reproduce { for index in 0..<2 + pushed { $0.append(request[index]) } }
      }
      return replyOutOfMemory()
    }
    let after = found.length
    reportList(isTail ? "rpush" : "lpush", found, before, after, changes: count)
    reply.integer(after)
  }

  private mutating func pushMany(_ request: Request, _ found: inout Found, isTail: Bool) throws(OutOfMemory) {
    var arrivals = Keyspace.Arrivals()
    for index in 2..<request.count {
      guard request[index].count <= ListElement.maxStringBytes else { throw OutOfMemory() }
      arrivals.add(ListElement(request[index]))
    }
    try keyspace.pushElements(&found, arrivals, isTail: isTail) { ListElement(request[2 + $0]) }
  }

  /// LINSERT key BEFORE|AFTER pivot element
  mutating func linsertCommand(_ request: Request) {
    let isBefore = request[2].equalsIgnoringCase("before")
    guard isBefore || request[2].equalsIgnoringCase("after") else { return reply.syntaxError() }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .list else { return reply.wrongType() }
    guard request[4].count <= ListElement.maxStringBytes else { return replyOutOfMemory() }
    let before = entry.length
    let isInserted: Bool
    do throws(OutOfMemory) {
      isInserted = try keyspace.insertElement(&found, ListElement(request[4]), beside: request[3], isBefore: isBefore)
    } catch {
      return replyOutOfMemory()
    }
    guard isInserted else { return reply.integer(-1) }
    reportList("linsert", found, before, before + 1, changes: 1)
    reply.integer(before + 1)
  }

  mutating func lsetCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.noSuchKey() }
    guard entry.type == .list else { return reply.wrongType() }
    guard let index = request[2].integer else { return reply.notAnInteger() }
    guard request[3].count <= ListElement.maxStringBytes else { return replyOutOfMemory() }
    let isSet: Bool
    do throws(OutOfMemory) {
      // Redis takes 32 bits of the index: clients see the same element change.
      isSet = try keyspace.replaceElement(&found, at: Int(Int32(truncatingIfNeeded: index)),
        with: ListElement(request[3]))
    } catch {
      return replyOutOfMemory()
    }
    guard isSet else { return reply.error("ERR index out of range") }
    // The new one may be so much shorter that the list's form changes.
    keyspace.shrinkList(&found)
    let length = found.length
    reportList("lset", found, length, length, changes: 1)
    reply.ok()
  }
}
