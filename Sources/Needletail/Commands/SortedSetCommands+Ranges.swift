// Ranges of members, by rank, score or bytes.

/// What a command of the ZRANGE family leaves open to its options.
struct RangeSyntax {
  enum Order { case rank, score, lex }
  /// Nil: BYSCORE or BYLEX say, by rank without them.
  var order: Order?
  /// Nil: REV says.
  var isReversed: Bool?
  /// The result is stored, so its scores are not asked for.
  var isStored = false
  /// Where the source's key is.
  var keyIndex: Int { isStored ? 2 : 1 }
}

/// A range of members that was asked for.
@safe struct RangeQuery {
  enum Bounds {
    case ranks(Int, Int)
    case scores(ScoreRange)
    case lex(LexRange)
  }

  let bounds: Bounds
  let isReversed: Bool
  let withScores: Bool
  let offset: Int
  /// Below 0: all.
  let limit: Int

  /// The ranks, from the lowest score up, that the query means. Complexity: as `SortedSetValue.ranks`.
  @inline(__always)
  func ranks(_ set: SortedSetValue) -> Range<Int> {
    switch bounds {
    case .ranks(let first, let last):
      let ranks = Self.ranks(first, last, count: set.count)
      return isReversed ? set.count - ranks.upperBound..<set.count - ranks.lowerBound : ranks
    case .scores(let range): return limited(set.ranks(range))
    case .lex(let range): return limited(set.ranks(range, isReversed: isReversed))
    }
  }

  private func limited(_ ranks: Range<Int>) -> Range<Int> {
    guard offset >= 0 && offset < ranks.count else { return 0..<0 }
    let count = limit < 0 ? ranks.count - offset : min(limit, ranks.count - offset)
    if isReversed { return ranks.upperBound - offset - count..<ranks.upperBound - offset }
    return ranks.lowerBound + offset..<ranks.lowerBound + offset + count
  }

  /// What `first` to `last` (included; negative ones count from the end) name among `count`.
  static func ranks(_ first: Int, _ last: Int, count: Int) -> Range<Int> {
    // No overflow: a negative number plus a count.
    let from = max(0, first < 0 ? first + count : first)
    let to = min(count - 1, last < 0 ? last + count : last)
    return from <= to ? from..<to + 1 : 0..<0
  }
}

extension Engine {
  /// The whole ZRANGE family but the one that stores.
  mutating func rangeCommand(_ request: Request, _ syntax: RangeSyntax) {
    guard let query = rangeQuery(request, syntax) else { return }
    guard let entry = lookupRead(request, 1).entry else { return reply.array(0) }
    guard entry.type == .sortedSet else { return reply.wrongType() }
    let set = SortedSetValue(entry)
    let ranks = query.ranks(set)
    reply.members(ranks.count, withScores: query.withScores)
    if query.withScores {
      set.forEach(ranks, isReversed: query.isReversed) { reply.member($0, $1, withScore: true) }
    } else {
      set.forEach(ranks, isReversed: query.isReversed) { member, _ in reply.bulk(member) }
    }
  }

  /// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
  mutating func zrangestoreCommand(_ request: Request) {
    guard let query = rangeQuery(request, RangeSyntax(isStored: true)) else { return }
    let source = lookupRead(request, 2).entry
    if let source, source.type != .sortedSet { return reply.wrongType() }
    var value: BuiltValue?
    if let source {
      let set = SortedSetValue(source)
      guard let built = copy(set, query) else { return replyOutOfMemory() }
      value = built.value
    }
    storeSortedSet(request, value, "zrangestore")
  }

  private struct Built { let value: BuiltValue? }

  /// A sorted set with the members that the query means. Nil without memory.
  ///
  /// As in Redis, who adds them in the order they were asked for, and knows beforehand how many there are when they are
  /// given by rank: a packed set forgets the sign of zero.
  private mutating func copy(_ set: SortedSetValue, _ query: RangeQuery) -> Built? {
    let ranks = query.ranks(set)
    var isLarge = false
    if case .ranks = query.bounds { isLarge = ranks.count > keyspace.limits.sortedSetEntries }
    var builder = SortedSetBuilder(keyspace.limits, keyspace.context)
    var isComplete = !isLarge || builder.unpack(&keyspace.context)
    set.forEach(ranks, isReversed: query.isReversed) { member, score in
      guard isComplete else { return }
      isComplete = builder.add(PackedElement(member), score, &keyspace.context) == .added
    }
    guard isComplete else {
      builder.discard(keyspace.context.units)
      return nil
    }
    return Built(value: builder.finish(&keyspace.context))
  }

  /// Gives argument 1 the result of a command, or removes the key when that is empty, and answers its size.
  mutating func storeSortedSet(_ request: Request, _ value: BuiltValue?, _ event: StaticString) {
    var target = keyspace.find(request.key(1, keyspace.seed), in: request.client.database)
    guard let value else {
      if target.entry != nil { removeAndReport(&target) }
      return reply.integer(0)
    }
    let before = target.length
    let count = value.count
    keyspace.put(&target, value, expiry: nil)
    report(.sortedSet, event, target, lengthBefore: before, lengthAfter: count)
    reply.integer(count)
  }

  /// Nil when something is wrong with it, which has been answered.
  private mutating func rangeQuery(_ request: Request, _ syntax: RangeSyntax) -> RangeQuery? {
    var order = syntax.order
    var isReversed = syntax.isReversed
    var withScores = false
    var offset = 0
    var limit = -1
    var index = syntax.keyIndex + 3
    while index < request.count {
      let option = request[index]
      if !syntax.isStored && option.equalsIgnoringCase("withscores") {
        withScores = true
      } else if option.equalsIgnoringCase("limit") && index + 2 < request.count {
        guard let first = request[index + 1].integer, let second = request[index + 2].integer else {
          reply.notAnInteger()
          return nil
        }
        offset = first
        limit = second
        index += 2
      } else if isReversed == nil && option.equalsIgnoringCase("rev") {
        isReversed = true
      } else if syntax.order == nil && option.equalsIgnoringCase("bylex") && order == nil {
        order = .lex
      } else if syntax.order == nil && option.equalsIgnoringCase("byscore") && order == nil {
        order = .score
      } else {
        reply.syntaxError()
        return nil
      }
      index += 1
    }
    let finalOrder = order ?? .rank
    // -1 is what LIMIT is without the option.
    if limit != -1 && finalOrder == .rank {
      reply.error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
      return nil
    }
    if withScores && finalOrder == .lex {
      reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
      return nil
    }
    guard let bounds = rangeBounds(request, syntax.keyIndex + 1, finalOrder, isReversed: isReversed ?? false) else {
      return nil
    }
    return RangeQuery(bounds: bounds, isReversed: isReversed ?? false, withScores: withScores, offset: offset,
      limit: limit)
  }

  private mutating func rangeBounds(_ request: Request, _ index: Int, _ order: RangeSyntax.Order, isReversed: Bool)
    -> RangeQuery.Bounds?
  {
    // A reversed range of scores or bytes names its upper end first.
    let lower = request[isReversed && order != .rank ? index + 1 : index]
    let upper = request[isReversed && order != .rank ? index : index + 1]
    switch order {
    case .rank:
      if let first = lower.integer, let last = upper.integer { return .ranks(first, last) }
      reply.notAnInteger()
      return nil
    case .score: return scoreRange(lower, upper).map { .scores($0) }
    case .lex: return lexRange(lower, upper).map { .lex($0) }
    }
  }
}
