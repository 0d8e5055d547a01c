// Sets combined: what they share, what only one has, what any has.

/// How a command combines sets.
enum SetOperation { case intersection, difference, union }

extension Engine {
  /// The sets that arguments name, each a set or nothing.
  /// - Returns: nil when one is something else, which has been answered.
  private mutating func setSources(_ request: Request, from first: Int, to end: Int) -> SetSources? {
    let database = request.client.database
    var sources = SetSources()
    let areSets = forEachKey(request, from: first, to: end) { engine, key, _ in
      guard let entry = engine.lookupRead(key, in: database).entry else {
        sources.appendMissing()
        return true
      }
      guard entry.type == .set else { return false }
      sources.append(entry)
      return true
    }
    guard areSets else {
      reply.wrongType()
      return nil
    }
    return sources
  }

  mutating func sinterCommand(_ request: Request) {
    guard var sources = setSources(request, from: 1, to: request.count) else { return }
    guard !sources.hasMissing else { return reply.set(0) }
    if sources.count == 1 { return replyMembers(sources[0]) }
    sources.sortAscending()
    replyCounted(atMost: sources[0].count) { (engine, count) throws(OutOfMemory) in
      try sources.forEachCommon(engine.keyspace.seed) { (member) throws(OutOfMemory) -> Bool in
        engine.replyElement(member)
        count += 1
        return true
      }
    }
  }

  mutating func sdiffCommand(_ request: Request) {
    guard var sources = setSources(request, from: 1, to: request.count) else { return }
    guard !sources.hasNoDifference else { return reply.set(0) }
    if sources.count == 1 { return replyMembers(sources[0]) }
    let leftOut: BuiltValue?
    do throws(OutOfMemory) {
      leftOut = try prepareDifference(&sources)
    } catch {
      return replyOutOfMemory()
    }
    replyCounted(atMost: sources[0].count) { (engine, count) throws(OutOfMemory) in
      try sources.forEachDifferent(engine.keyspace.seed, without: leftOut) { (member) throws(OutOfMemory) -> Bool in
        engine.replyElement(member)
        count += 1
        return true
      }
    }
    leftOut?.drop(keyspace.context.units)
  }

  /// Decides how the difference is found.
  /// - Returns: the members to leave out when they are gathered first; nil: each is looked up in every set.
  private mutating func prepareDifference(_ sources: inout SetSources) throws(OutOfMemory) -> BuiltValue? {
    guard sources.isFirstLarge else {
      // What a large set has is soon left out.
      sources.sortDescending(from: 1)
      return nil
    }
    return try sources.membersToLeaveOut(keyspace.limits, &keyspace.context)
  }

  mutating func sunionCommand(_ request: Request) {
    guard var sources = setSources(request, from: 1, to: request.count) else { return }
    guard sources.count > 0 else { return reply.set(0) }
    if sources.count == 1 { return replyMembers(sources[0]) }
    sources.sortDescending()
    let first = sources[0]
    if sources.count == 2 {
      return replyCounted(atMost: first.count + sources[1].count) { (engine, count) throws(OutOfMemory) in
        first.forEach { engine.replyElement($0) }
        count = first.count
        sources.forEachOnlyInSecond(engine.keyspace.seed) { member in
          engine.replyElement(member)
          count += 1
          return true
        }
      }
    }
    do throws(OutOfMemory) {
      let others = try sources.membersBeyondFirst(keyspace.limits, &keyspace.context)
      reply.set(first.count + (others?.count ?? 0))
      first.forEach { replyElement($0) }
      guard let others else { return }
      SetValue(others).forEach { replyElement($0) }
      others.drop(keyspace.context.units)
    } catch {
      replyOutOfMemory()
    }
  }

  /// A set whose size is known when all of it is written: `maximum` at most.
  private mutating func replyCounted(atMost maximum: Int,
    _ body: (inout Engine, inout Int) throws(OutOfMemory) -> Void)
  {
    let header = reply.deferLength(atMost: maximum)
    var count = 0
    do throws(OutOfMemory) {
      try body(&self, &count)
    } catch {
      preconditionFailure("replies need no memory that can be refused")
    }
    reply.finish(header, count: count, type: reply.isRESP3 ? UInt8(ascii: "~") : UInt8(ascii: "*"))
  }
}

// MARK: - Counting

extension Engine {
  /// SINTERCARD, SDIFFCARD and SUNIONCARD numkeys key [key ...] [LIMIT limit]; the last has APPROX as well, and counts
  /// exactly all the same.
  mutating func setCardinalityCommand(_ request: Request, _ operation: SetOperation) {
    guard let keyCount = request[1].integer, keyCount > 0 else {
      return reply.error("ERR numkeys should be greater than 0")
    }
    guard keyCount <= request.count - 2 else {
      return reply.error("ERR Number of keys can't be greater than number of args")
    }
    let end = 2 + keyCount
    var limit = 0
    var index = end
    while index < request.count {
      if request[index].equalsIgnoringCase("limit") && index + 1 < request.count {
        guard let value = request[index + 1].integer, value >= 0 else {
          return reply.error("ERR LIMIT can't be negative")
        }
        limit = value
        index += 2
      } else if operation == .union && request[index].equalsIgnoringCase("approx") {
        index += 1
      } else {
        return reply.syntaxError()
      }
    }
    guard var sources = setSources(request, from: 2, to: end) else { return }
    do throws(OutOfMemory) {
      let count = try cardinality(&sources, operation, limit: limit == 0 ? Int.max : limit)
      reply.integer(count)
    } catch {
      replyOutOfMemory()
    }
  }

  private mutating func cardinality(_ sources: inout SetSources, _ operation: SetOperation, limit: Int)
    throws(OutOfMemory) -> Int
  {
    var count = 0
    switch operation {
    case .intersection:
      guard !sources.hasMissing else { return 0 }
      sources.sortAscending()
      if sources.count == 1 { return min(sources[0].count, limit) }
      try sources.forEachCommon(keyspace.seed) { _ in
        count += 1
        return count < limit
      }
    case .difference:
      guard !sources.hasNoDifference else { return 0 }
      if let leftOut = try prepareDifference(&sources) {
        count = min(sources[0].count - leftOut.count, limit)
        leftOut.drop(keyspace.context.units)
        return count
      }
      try sources.forEachDifferent(keyspace.seed, without: nil) { _ in
        count += 1
        return count < limit
      }
    case .union:
      guard sources.count > 0 else { return 0 }
      sources.sortDescending()
      count = sources[0].count
      if count >= limit { return limit }
      if sources.count == 2 {
        sources.forEachOnlyInSecond(keyspace.seed) { _ in
          count += 1
          return count < limit
        }
        return count
      }
      let others = try sources.membersBeyondFirst(keyspace.limits, limit: limit - count, &keyspace.context)
      count += others?.count ?? 0
      others?.drop(keyspace.context.units)
    }
    return count
  }
}

// MARK: - Storing

extension Engine {
  /// SINTERSTORE, SDIFFSTORE and SUNIONSTORE destination key [key ...]
  mutating func setStoreCommand(_ request: Request, _ operation: SetOperation) {
    guard var sources = setSources(request, from: 2, to: request.count) else { return }
    let result: BuiltValue?
    do throws(OutOfMemory) {
      result = try combine(&sources, operation)
    } catch {
      return replyOutOfMemory()
    }
    var target = keyspace.find(request.key(1, keyspace.seed), in: request.client.database)
    guard let result else {
      if target.entry != nil { removeAndReport(&target) }
      return reply.integer(0)
    }
    let before = target.length
    let count = result.count
    keyspace.put(&target, result, expiry: nil)
    target.entry?.clock = keyspace.clock.initial
    let event: StaticString = switch operation {
    case .intersection: "sinterstore"
    case .difference: "sdiffstore"
    case .union: "sunionstore"
    }
    report(.set, event, target, lengthBefore: before, lengthAfter: count)
    reply.integer(count)
  }

  /// A set of its own, whatever form its sources have; nil: it has no members.
  private mutating func combine(_ sources: inout SetSources, _ operation: SetOperation) throws(OutOfMemory)
    -> BuiltValue?
  {
    guard sources.count > 0 else { return nil }
    switch operation {
    case .intersection:
      guard !sources.hasMissing else { return nil }
      sources.sortAscending()
    case .difference:
      guard !sources.hasNoDifference else { return nil }
    case .union: break
    }
    var packsManyIntegers = operation == .intersection
    if case .integers = sources[0].form { packsManyIntegers = false }
    var builder = SetBuilder(keyspace.limits, packsManyIntegers: packsManyIntegers, keyspace.context)
    do throws(OutOfMemory) {
      switch operation {
      case .intersection: try addCommon(sources, to: &builder)
      case .difference: try addDifferent(&sources, to: &builder)
      case .union: try sources.addAll(to: &builder, &keyspace.context)
      }
    } catch {
      builder.discard(keyspace.context.units)
      throw error
    }
    return builder.finish()
  }

  private mutating func addCommon(_ sources: borrowing SetSources, to builder: inout SetBuilder) throws(OutOfMemory) {
    try sources.forEachCommon(keyspace.seed) { (member) throws(OutOfMemory) -> Bool in
      _ = try builder.add(member, &keyspace.context)
      return true
    }
  }

  private mutating func addDifferent(_ sources: inout SetSources, to builder: inout SetBuilder) throws(OutOfMemory) {
    let isFirstLarge = sources.isFirstLarge
    let leftOut = try prepareDifference(&sources)
    defer { leftOut?.drop(keyspace.context.units) }
    try sources.forEachDifferent(keyspace.seed, without: leftOut) { (member) throws(OutOfMemory) -> Bool in
      _ = try builder.add(member, &keyspace.context)
      return true
    }
    if isFirstLarge { try builder.takeForm(of: sources[0], &keyspace.context) }
  }
}
