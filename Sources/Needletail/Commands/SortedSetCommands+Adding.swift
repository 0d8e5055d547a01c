// Scores given and members taken out.

extension Engine {
  /// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
  mutating func zaddCommand(_ request: Request) {
    var index = 2
    var rules: ScoreRules = []
    var countsUpdates = false
    // An option begins with a letter, a score seldom does.
    while index < request.count, let first = request[index].first, first | 0x20 >= UInt8(ascii: "a") {
      let option = request[index]
      if option.equalsIgnoringCase("nx") {
        rules.insert(.onlyNew)
      } else if option.equalsIgnoringCase("xx") {
        rules.insert(.onlyPresent)
      } else if option.equalsIgnoringCase("gt") {
        rules.insert(.onlyGreater)
      } else if option.equalsIgnoringCase("lt") {
        rules.insert(.onlyLess)
      } else if option.equalsIgnoringCase("ch") {
        countsUpdates = true
      } else if option.equalsIgnoringCase("incr") {
        rules.insert(.increments)
      } else {
        break
      }
      index += 1
    }
    let left = request.count - index
    guard left > 0 && left % 2 == 0 else { return reply.syntaxError() }
    if rules.contains([.onlyNew, .onlyPresent]) {
      return reply.error("ERR XX and NX options at the same time are not compatible")
    }
    if rules.contains([.onlyGreater, .onlyNew]) || rules.contains([.onlyLess, .onlyNew])
      || rules.contains([.onlyGreater, .onlyLess])
    {
      return reply.error("ERR GT, LT, and/or NX options at the same time are not compatible")
    }
    if rules.contains(.increments) && left > 2 {
      return reply.error("ERR INCR option supports a single increment-element pair")
    }
    addMembers(request, from: index, rules, countsUpdates: countsUpdates)
  }

  mutating func zincrbyCommand(_ request: Request) {
    // As Redis has it, ZADD's options are read here too; behind one of them nothing is left that could be a pair.
    for option in ["nx", "xx", "gt", "lt", "ch", "incr"] as [StaticString]
    where request[2].equalsIgnoringCase(option) {
      return reply.syntaxError()
    }
    addMembers(request, from: 2, .increments, countsUpdates: false)
  }

  private mutating func addMembers(_ request: Request, from first: Int, _ rules: ScoreRules, countsUpdates: Bool) {
    // All scores first: after a bad one nothing has happened.
    guard let firstScore = score(request[first]) else { return }
    for index in stride(from: first + 2, to: request.count, by: 2) where score(request[index]) == nil { return }
    var found = lookupWrite(request, 1)
    if let entry = found.entry {
      guard entry.type == .sortedSet else { return reply.wrongType() }
    } else if rules.contains(.onlyPresent) {
      if rules.contains(.increments) { reply.null() } else { reply.integer(0) }
      return
    }
    let before = found.length
    var added = 0
    var updated = 0
    var last = ScoreChange(kind: .refused, score: 0)
    // Where memory ran out.
    var end = first
    do throws(OutOfMemory) {
      let pairCount = (request.count - first) / 2
      try keyspace.prepareSortedSet(&found, pairCount: pairCount, firstMember: request[first + 1])
      for index in stride(from: first, to: request.count, by: 2) {
        // Read a second time rather than kept: nearly always there is one.
        let given = index == first ? firstScore : request[index].score ?? 0
        end = index
        last = try keyspace.setScore(&found, request[index + 1], given, rules)
        switch last.kind {
        case .added: added += 1
        case .updated: updated += 1
        case .same, .refused, .notANumber: break
        }
      }
      end = request.count
    } catch {
      if found.entry != nil && found.length == 0 { keyspace.remove(&found) }
    }
    if added + updated > 0 {
      let after = before < 0 ? added : before + added
      report(.sortedSet, rules.contains(.increments) ? "zincr" : "zadd", found, lengthBefore: before,
        lengthAfter: after)
      keyspace.effects.count(added + updated - 1)
    }
    if end < request.count {
      // What came before was done.
      reproduce { for index in 0..<end { $0.append(request[index]) } }
      return replyOutOfMemory()
    }
    if last.kind == .notANumber { return reply.error("ERR resulting score is not a number (NaN)") }
    guard rules.contains(.increments) else { return reply.integer(countsUpdates ? added + updated : added) }
    if last.kind == .refused { reply.null() } else { reply.score(last.score) }
  }

  mutating func zremCommand(_ request: Request) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    let before = found.length
    var removed = 0
    for index in 2..<request.count where removed < before {
      if keyspace.removeMember(&found, request[index]) { removed += 1 }
    }
    reportRemoval(&found, "zrem", before: before, removed: removed)
    reply.integer(removed)
  }

  /// Tells of members that were taken out; when these were all, the key goes as well.
  mutating func reportRemoval(_ found: inout Found, _ event: StaticString, before: Int, removed: Int) {
    guard removed > 0 else { return }
    if removed == before { keyspace.remove(&found) }
    report(.sortedSet, event, found, lengthBefore: before, lengthAfter: before - removed)
    keyspace.effects.count(removed - 1)
    if removed == before { reportAlso(.generic, "del", found, lengthBefore: 0, lengthAfter: -1) }
  }

  mutating func zremrangebyrankCommand(_ request: Request) {
    guard let first = request[2].integer, let last = request[3].integer else { return reply.notAnInteger() }
    removeRange(request, "zremrangebyrank") { RangeQuery.ranks(first, last, count: $0.count) }
  }

  mutating func zremrangebyscoreCommand(_ request: Request) {
    guard let range = scoreRange(request[2], request[3]) else { return }
    removeRange(request, "zremrangebyscore") { $0.ranks(range) }
  }

  mutating func zremrangebylexCommand(_ request: Request) {
    guard let range = lexRange(request[2], request[3]) else { return }
    removeRange(request, "zremrangebylex") { $0.ranks(range) }
  }

  private mutating func removeRange(_ request: Request, _ event: StaticString,
    _ ranks: (SortedSetValue) -> Range<Int>) {
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.integer(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    let set = SortedSetValue(entry)
    let before = set.count
    let range = ranks(set)
    // All of them go with the key.
    if range.count < before { keyspace.removeRanks(&found, range) }
    reportRemoval(&found, event, before: before, removed: range.count)
    reply.integer(range.count)
  }
}

extension ByteView {
  @inline(__always)
  fileprivate var first: UInt8? { isEmpty ? nil : self[0] }
}

// MARK: - Popping

extension Engine {
  enum PopEnd { case lowest, highest }

  /// ZPOPMIN and ZPOPMAX key [count]
  mutating func zpopCommand(_ request: Request, _ end: PopEnd) {
    guard request.count <= 3 else { return reply.syntaxError() }
    var count = 1
    if request.count == 3 {
      guard let wanted = request[2].integer, wanted >= 0 else {
        return reply.error("ERR value is out of range, must be positive")
      }
      count = wanted
    }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.array(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    guard count > 0 else { return reply.array(0) }
    let isNested = reply.isRESP3 && request.count == 3
    let taken = min(count, SortedSetValue(entry).count)
    reply.array(isNested ? taken : 2 * taken)
    pop(&found, end, taken, isNested: isNested)
  }

  /// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
  mutating func zmpopCommand(_ request: Request) {
    guard let keyCount = request[1].integer, keyCount > 0 else {
      return reply.error("ERR numkeys should be greater than 0")
    }
    guard keyCount < request.count - 2 else { return reply.syntaxError() }
    let place = keyCount + 2
    let end: PopEnd
    if request[place].equalsIgnoringCase("min") {
      end = .lowest
    } else if request[place].equalsIgnoringCase("max") {
      end = .highest
    } else {
      return reply.syntaxError()
    }
    var count = -1
    var index = place + 1
    while index < request.count {
      guard count < 0, request[index].equalsIgnoringCase("count"), index + 1 < request.count else {
        return reply.syntaxError()
      }
      guard let wanted = request[index + 1].integer, wanted > 0 else {
        return reply.error("ERR count should be greater than 0")
      }
      count = wanted
      index += 2
    }
    for index in 2..<place {
      var found = lookupWrite(request, index)
      guard let entry = found.entry else { continue }
      guard entry.type == .sortedSet else { return reply.wrongType() }
      let taken = min(max(count, 1), SortedSetValue(entry).count)
      reply.array(2)
      reply.bulk(request[index])
      reply.array(taken)
      pop(&found, end, taken, isNested: true)
      return reproduce {
        $0.append(end == .lowest ? "ZPOPMIN" : "ZPOPMAX")
        $0.append(request[index])
        $0.append(taken)
      }
    }
    reply.nullArray()
  }

  /// Takes some members out, at least one, and answers them.
  private mutating func pop(_ found: inout Found, _ end: PopEnd, _ taken: Int, isNested: Bool) {
    guard let entry = found.entry else { return }
    let set = SortedSetValue(entry)
    let before = set.count
    let ranks = end == .lowest ? 0..<taken : before - taken..<before
    set.forEach(ranks, isReversed: end == .highest) { member, score in
      if isNested { reply.array(2) }
      reply.bulk(member)
      reply.score(score)
    }
    if taken < before { keyspace.removeRanks(&found, ranks) }
    reportRemoval(&found, end == .lowest ? "zpopmin" : "zpopmax", before: before, removed: taken)
  }
}
