/// Sets: members without an order, each of them once.
enum SetCommand: UInt8, Sendable, CaseIterable {
  case sadd, scard, sdiff, sdiffcard, sdiffstore, sinter, sintercard, sinterstore, sismember, smembers, smismember
  case smove, spop, srandmember, srem, sscan, sunion, sunioncard, sunionstore
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: SetCommand, _ request: Request) {
    switch command {
    case .sadd: saddCommand(request)
    case .scard: scardCommand(request)
    case .sdiff: sdiffCommand(request)
    case .sdiffcard: setCardinalityCommand(request, .difference)
    case .sdiffstore: setStoreCommand(request, .difference)
    case .sinter: sinterCommand(request)
    case .sintercard: setCardinalityCommand(request, .intersection)
    case .sinterstore: setStoreCommand(request, .intersection)
    case .sismember: sismemberCommand(request)
    case .smembers: smembersCommand(request)
    case .smismember: smismemberCommand(request)
    case .smove: smoveCommand(request)
    case .spop: spopCommand(request)
    case .srandmember: srandmemberCommand(request)
    case .srem: sremCommand(request)
    case .sscan: sscanCommand(request)
    case .sunion: sunionCommand(request)
    case .sunioncard: setCardinalityCommand(request, .union)
    case .sunionstore: setStoreCommand(request, .union)
    }
  }
}

// MARK: - Reading

extension Engine {
  mutating func scardCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .set else { return reply.wrongType() }
    reply.integer(entry.length)
  }

  mutating func sismemberCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .set else { return reply.wrongType() }
    reply.integer(SetValue(entry).contains(request[2], keyspace.seed) ? 1 : 0)
  }

  mutating func smismemberCommand(_ request: Request) {
    let entry = lookupRead(request, 1).entry
    if let entry, entry.type != .set { return reply.wrongType() }
    reply.array(request.count - 2)
    guard let entry else {
      for _ in 2..<request.count { reply.integer(0) }
      return
    }
    let set = SetValue(entry)
    var index = 2
    while index < request.count {
      var batch = MemberBatch()
      while index < request.count && !batch.isFull {
        batch.append(.bytes(request[index]))
        index += 1
      }
      let present = set.present(batch, among: batch.all, keyspace.seed)
      for bit in 0..<batch.count { reply.integer(Int(present >> UInt32(bit) & 1)) }
    }
  }

  mutating func smembersCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.set(0) }
    guard entry.type == .set else { return reply.wrongType() }
    replyMembers(SetValue(entry))
  }

  mutating func replyMembers(_ set: SetValue) {
    reply.set(set.count)
    set.forEach { replyElement($0) }
  }

  /// SSCAN key cursor [MATCH pattern] [COUNT count]
  mutating func sscanCommand(_ request: Request) {
    guard let cursor = request[2].scanCursor else { return reply.error("ERR invalid cursor") }
    guard let entry = lookupRead(request, 1).entry else { return replyEmptyScan() }
    guard entry.type == .set else { return reply.wrongType() }
    guard let options = scanOptions(request, from: 3, of: .sscan) else { return }
    let set = SetValue(entry)
    var members = UnitList()
    let next = set.scan(cursor: cursor, wanted: options.count) { member in
      if options.matches(member.bytes) { unsafe members.append(member.raw) }
    }
    reply.array(2)
    reply.bulk(integer: Int(next ?? 0))
    if next != nil {
      reply.array(members.count)
      for index in 0..<members.count { unsafe reply.bulk(SetMember(raw: members[index]).bytes) }
      return
    }
    let array = reply.deferLength(atMost: set.count)
    var count = 0
    set.forEach { member in
      guard member.withBytes({ options.matches($0) }) else { return }
      replyElement(member)
      count += 1
    }
    reply.finish(array, count: count)
  }
}

// MARK: - Writing

extension Engine {
  mutating func saddCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    if let entry = found.entry, entry.type != .set { return reply.wrongType() }
    let before = found.length
    let members = request.count - 2
    var added = 0
    var index = 2
    do throws(OutOfMemory) {
      if before < 0 {
        try keyspace.makeSet(&found, request[2], expected: members)
        added = 1
        index = 3
      } else {
        try keyspace.expectMembers(&found, members)
      }
      while index < request.count {
        if try keyspace.addSetMember(&found, request[index]) { added += 1 }
        index += 1
      }
    } catch {
      // What was added before stays, and is told.
      if added > 0 {
        reportSet("sadd", found, before, max(before, 0) + added)
        reproduce { for done in 0..<index { $0.append(request[done]) } }
      }
      return replyOutOfMemory()
    }
    if added > 0 { reportSet("sadd", found, before, max(before, 0) + added) }
    reply.integer(added)
  }

  /// Tells that members have come or gone, each of which counts.
  @inline(__always)
  mutating func reportSet(_ event: StaticString, _ found: Found, _ before: Int, _ after: Int) {
    report(.set, event, found, lengthBefore: before, lengthAfter: after)
    let changes = abs(after - max(before, 0))
    if changes > 1 { keyspace.effects.count(changes - 1) }
  }

  /// Members have gone: tells of it, and removes a set that has none left.
  @inline(__always)
  mutating func finishRemovingMembers(_ found: inout Found, _ event: StaticString, _ before: Int, _ after: Int) {
    reportSet(event, found, before, after)
    guard after == 0 else { return }
    keyspace.remove(&found)
    reportAlso(.generic, "del", found, lengthBefore: 0, lengthAfter: -1)
  }

  mutating func sremCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .set else { return reply.wrongType() }
    let before = found.length
    var removed = 0
    for index in 2..<request.count where keyspace.removeSetMember(&found, request[index]) {
      removed += 1
      if removed == before { break }
    }
    if removed > 0 { finishRemovingMembers(&found, "srem", before, before - removed) }
    reply.integer(removed)
  }

  /// SMOVE source destination member
  mutating func smoveCommand(_ request: Request) {
    var source = lookupWrite(request, 1)
    var target = lookupWrite(request, 2)
    // Looking the one up may have removed another, expired one.
    keyspace.refresh(&source)
    guard let entry = source.entry else { return reply.integer(0) }
    guard entry.type == .set, target.entry == nil || target.entry?.type == .set else { return reply.wrongType() }
    let isMember = SetValue(entry).contains(request[3], keyspace.seed)
    guard isMember && !(request[1] == request[2]) else { return reply.integer(isMember ? 1 : 0) }
    let before = (source: source.length, target: target.length)
    var isNew = true
    do throws(OutOfMemory) {
      // Put there first: without memory nothing has changed.
      if target.entry == nil {
        try keyspace.makeSet(&target, request[3])
      } else {
        isNew = try keyspace.addSetMember(&target, request[3])
      }
    } catch {
      return replyOutOfMemory()
    }
    keyspace.refresh(&source)
    _ = keyspace.removeSetMember(&source, request[3])
    finishRemovingMembers(&source, "srem", before.source, before.source - 1)
    if isNew { reportSet("sadd", target, before.target, max(before.target, 0) + 1) }
    reply.integer(1)
  }
}
