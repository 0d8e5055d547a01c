/// Sorted sets: members, each of them once, in the order of their scores.
enum SortedSetCommand: UInt8, Sendable, CaseIterable {
  case zadd, zcard, zcount, zdiff, zdiffstore, zincrby, zinter, zintercard, zinterstore, zlexcount, zmpop, zmscore
  case zpopmax, zpopmin, zrandmember, zrange, zrangebylex, zrangebyscore, zrangestore, zrank, zrem, zremrangebylex
  case zremrangebyrank, zremrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore, zrevrank, zscan, zscore
  case zunion, zunionstore
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: SortedSetCommand, _ request: Request) {
    switch command {
    case .zadd: zaddCommand(request)
    case .zcard: zcardCommand(request)
    case .zcount: zcountCommand(request)
    case .zdiff: combineCommand(request, .difference, "zdiff")
    case .zdiffstore: combineStoreCommand(request, .difference, "zdiffstore")
    case .zincrby: zincrbyCommand(request)
    case .zinter: combineCommand(request, .intersection, "zinter")
    case .zintercard: zintercardCommand(request)
    case .zinterstore: combineStoreCommand(request, .intersection, "zinterstore")
    case .zlexcount: zlexcountCommand(request)
    case .zmpop: zmpopCommand(request)
    case .zmscore: zmscoreCommand(request)
    case .zpopmax: zpopCommand(request, .highest)
    case .zpopmin: zpopCommand(request, .lowest)
    case .zrandmember: zrandmemberCommand(request)
    case .zrange: rangeCommand(request, RangeSyntax())
    case .zrangebylex: rangeCommand(request, RangeSyntax(order: .lex, isReversed: false))
    case .zrangebyscore: rangeCommand(request, RangeSyntax(order: .score, isReversed: false))
    case .zrangestore: zrangestoreCommand(request)
    case .zrank: rankCommand(request, isReversed: false)
    case .zrem: zremCommand(request)
    case .zremrangebylex: zremrangebylexCommand(request)
    case .zremrangebyrank: zremrangebyrankCommand(request)
    case .zremrangebyscore: zremrangebyscoreCommand(request)
    case .zrevrange: rangeCommand(request, RangeSyntax(order: .rank, isReversed: true))
    case .zrevrangebylex: rangeCommand(request, RangeSyntax(order: .lex, isReversed: true))
    case .zrevrangebyscore: rangeCommand(request, RangeSyntax(order: .score, isReversed: true))
    case .zrevrank: rankCommand(request, isReversed: true)
    case .zscan: zscanCommand(request)
    case .zscore: zscoreCommand(request)
    case .zunion: combineCommand(request, .union, "zunion")
    case .zunionstore: combineStoreCommand(request, .union, "zunionstore")
    }
  }
}

// MARK: - Looking at members

extension Engine {
  mutating func zcardCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    reply.integer(SortedSetValue(entry).count)
  }

  mutating func zscoreCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    replyScore(SortedSetValue(entry).score(request[2], keyspace.context))
  }

  mutating func zmscoreCommand(_ request: Request) {
    let entry = lookupRead(request, 1).entry
    if let entry, entry.type != .sortedSet { return reply.wrongType() }
    let set = entry.map { SortedSetValue($0) }
    reply.array(request.count - 2)
    for index in 2..<request.count { replyScore(set?.score(request[index], keyspace.context)) }
  }

  @inline(__always)
  mutating func replyScore(_ score: Double?) {
    if let score { reply.score(score) } else { reply.null() }
  }

  /// ZRANK and ZREVRANK key member [WITHSCORE]
  mutating func rankCommand(_ request: Request, isReversed: Bool) {
    var withScore = false
    if request.count > 3 {
      guard request.count == 4 else { return replyWrongArity(isReversed ? "zrevrank" : "zrank") }
      guard request[3].equalsIgnoringCase("withscore") else { return reply.syntaxError() }
      withScore = true
    }
    guard let entry = lookupRead(request, 1).entry else { return replyNoRank(withScore) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    let set = SortedSetValue(entry)
    guard let found = set.rank(request[2], keyspace.context) else { return replyNoRank(withScore) }
    if withScore { reply.array(2) }
    reply.integer(isReversed ? set.count - 1 - found.rank : found.rank)
    if withScore { reply.score(found.score) }
  }

  private mutating func replyNoRank(_ withScore: Bool) {
    if withScore { reply.nullArray() } else { reply.null() }
  }

  mutating func zcountCommand(_ request: Request) {
    guard let range = scoreRange(request[2], request[3]) else { return }
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    reply.integer(SortedSetValue(entry).ranks(range).count)
  }

  mutating func zlexcountCommand(_ request: Request) {
    guard let range = lexRange(request[2], request[3]) else { return }
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    reply.integer(SortedSetValue(entry).ranks(range).count)
  }

  /// ZSCAN key cursor [MATCH pattern] [COUNT count] [NOSCORES]
  ///
  /// A packed set is answered whole, whatever the cursor.
  mutating func zscanCommand(_ request: Request) {
    guard let cursor = request[2].scanCursor else { return reply.error("ERR invalid cursor") }
    guard let entry = lookupRead(request, 1).entry else { return replyEmptyScan() }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    guard let options = scanOptions(request, from: 3, of: .zscan) else { return }
    let width = options.leavesOutValues ? 1 : 2
    switch SortedSetValue(entry) {
    case .large(let root):
      var members = UnitList()
      let next = unsafe root.index.pointee.scan(cursor: cursor, wanted: options.count) { member in
        if options.matches(member.member) { unsafe members.append(member.raw) }
      }
      reply.array(2)
      reply.bulk(integer: Int(next))
      reply.array(members.count * width)
      for index in 0..<members.count {
        let member = unsafe ScoredMember(raw: members[index])
        reply.bulk(member.member)
        if width == 2 { reply.scannedScore(member.score, isLarge: true) }
      }
    case .packed(let set):
      reply.array(2)
      reply.bulk(integer: 0)
      var count = 0
      for pair in set where pair.member.withBytes({ options.matches($0) }) { count += 1 }
      reply.array(count * width)
      for pair in set {
        let score = pair.score
        pair.member.withBytes { member in
          guard options.matches(member) else { return }
          reply.bulk(member)
          if width == 2 { reply.scannedScore(score, isLarge: false) }
        }
      }
    }
  }

  /// ZRANDMEMBER key [count [WITHSCORES]]
  mutating func zrandmemberCommand(_ request: Request) {
    guard request.count > 2 else { return replyOneRandomMember(request) }
    guard let count = request[2].integer else { return reply.notAnInteger() }
    guard count != Int.min else {
      return reply.error(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
    }
    var withScores = false
    if request.count > 3 {
      guard request.count == 4 && request[3].equalsIgnoringCase("withscores") else { return reply.syntaxError() }
      withScores = true
      // Twice as many elements must be countable.
      guard count.magnitude <= UInt(Int.max / 2) else { return reply.error("ERR value is out of range") }
    }
    guard let entry = lookupRead(request, 1).entry else { return reply.array(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    let set = SortedSetValue(entry)
    var generator = keyspace.random
    if count < 0 {
      guard acceptsDraws(count) else { return }
      reply.members(-count, withScores: withScores)
      for _ in 0..<(-count) {
        set.withRandom(&generator) { reply.member($0, $1, withScore: withScores) }
        // Nobody reads it.
        if reply.isDiscarding { break }
      }
    } else {
      reply.members(min(count, set.count), withScores: withScores)
      set.forEachRandom(min(count, set.count), &generator) { reply.member($0, $1, withScore: withScores) }
    }
    keyspace.random = generator
  }

  private mutating func replyOneRandomMember(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    var generator = keyspace.random
    SortedSetValue(entry).withRandom(&generator) { member, _ in reply.bulk(member) }
    keyspace.random = generator
  }
}
