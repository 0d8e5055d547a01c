/// Lists: elements in an order of their own, long at either end.
enum ListCommand: UInt8, Sendable, CaseIterable {
  case lindex, linsert, llen, lmove, lmovem, lmpop, lpop, lpos, lpush, lpushx, lrange, lrem, lset, ltrim, rpop
  case rpoplpush, rpush, rpushx
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: ListCommand, _ request: Request) {
    switch command {
    case .lindex: lindexCommand(request)
    case .linsert: linsertCommand(request)
    case .llen: llenCommand(request)
    case .lmove: lmoveCommand(request)
    case .lmovem: lmovemCommand(request)
    case .lmpop: lmpopCommand(request)
    case .lpop: popCommand(request, isTail: false)
    case .lpos: lposCommand(request)
    case .lpush: pushCommand(request, isTail: false)
    case .lpushx: pushxCommand(request, isTail: false)
    case .lrange: lrangeCommand(request)
    case .lrem: lremCommand(request)
    case .lset: lsetCommand(request)
    case .ltrim: ltrimCommand(request)
    case .rpop: popCommand(request, isTail: true)
    case .rpoplpush: rpoplpushCommand(request)
    case .rpush: pushCommand(request, isTail: true)
    case .rpushx: pushxCommand(request, isTail: true)
    }
  }
}

// MARK: - Reading

extension Engine {
  mutating func llenCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .list else { return reply.wrongType() }
    reply.integer(entry.length)
  }

  mutating func lindexCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .list else { return reply.wrongType() }
    guard let index = request[2].integer else { return reply.notAnInteger() }
    let list = ListValue(entry)
    replyElement(list.index(index).map { list.element(at: $0) })
  }

  mutating func lrangeCommand(_ request: Request) {
    guard let start = request[2].integer, let stop = request[3].integer else { return reply.notAnInteger() }
    guard let entry = lookupRead(request, 1).entry else { return reply.array(0) }
    guard entry.type == .list else { return reply.wrongType() }
    let list = ListValue(entry)
    replyRange(list, list.range(start, stop), isReversed: false)
  }

  /// Answers an array of a part of a list, from its end if it is to be reversed.
  mutating func replyRange(_ list: ListValue, _ range: Range<Int>, isReversed: Bool) {
    reply.array(range.count)
    // Nobody reads what is too much for him.
    if range.isEmpty || reply.isDiscarding { return }
    var cursor = list.cursor(at: isReversed ? range.upperBound : range.lowerBound)
    for _ in range {
      guard let item = isReversed ? cursor.previous() : cursor.next() else { preconditionFailure("a list too short") }
      switch item.element {
      case .bytes(let bytes): reply.bulk(bytes)
      case .integer(let value): reply.bulk(integer: value)
      case .double: preconditionFailure("a list has no scores")
      }
    }
  }

  /// What LPOS is asked for.
  fileprivate struct PositionOptions {
    /// Which match counts as the first, from the head on or from the tail.
    var rank = 1
    var isReversed = false
    /// How many; 0: all; nil: one, answered alone.
    var count: Int?
    /// How many elements are looked at; 0: all.
    var maxLength = 0
  }

  /// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
  mutating func lposCommand(_ request: Request) {
    guard let options = positionOptions(request) else { return }
    guard let entry = lookupRead(request, 1).entry else {
      return options.count == nil ? reply.null() : reply.array(0)
    }
    guard entry.type == .list else { return reply.wrongType() }
    let list = ListValue(entry)
    guard let count = options.count else {
      var found: Int?
      Self.forEachPosition(request[2], list, options) { index in
        found = index
        return false
      }
      if let found { reply.integer(found) } else { reply.null() }
      return
    }
    let array = reply.deferLength(atMost: list.count)
    var answered = 0
    Self.forEachPosition(request[2], list, options) { index in
      reply.integer(index)
      answered += 1
      return answered != count
    }
    reply.finish(array, count: answered)
  }

  /// Calls `body` with the indexes of matches until it answers false.
  private static func forEachPosition(_ string: ByteView, _ list: ListValue, _ options: PositionOptions,
    _ body: (Int) -> Bool) {
    let probe = PackedProbe(EncodedElement(string))
    let limit = options.maxLength == 0 ? list.count : min(options.maxLength, list.count)
    var cursor = list.cursor(at: options.isReversed ? list.count : 0)
    var matches = 0
    for passed in 0..<limit {
      guard let item = options.isReversed ? cursor.previous() : cursor.next() else { return }
      guard item.blob[item.offset] == probe.code && probe.matches(item.blob, at: item.offset) else { continue }
      matches += 1
      guard matches >= options.rank else { continue }
      guard body(options.isReversed ? list.count - 1 - passed : passed) else { return }
    }
  }

  /// Nil when they are wrong, which has been answered.
  private mutating func positionOptions(_ request: Request) -> PositionOptions? {
    var options = PositionOptions()
    var index = 3
    while index < request.count {
      guard index + 1 < request.count else {
        reply.syntaxError()
        return nil
      }
      let value = request[index + 1].integer
      if request[index].equalsIgnoringCase("rank") {
        guard let rank = symmetricInteger(request[index + 1]) else { return nil }
        if rank == 0 {
          reply.error("""
            ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start \
            from the end of the list
            """)
          return nil
        }
        options.rank = abs(rank)
        options.isReversed = rank < 0
      } else if request[index].equalsIgnoringCase("count") {
        guard let value, value >= 0 else {
          reply.error("ERR COUNT can't be negative")
          return nil
        }
        options.count = value
      } else if request[index].equalsIgnoringCase("maxlen") {
        guard let value, value >= 0 else {
          reply.error("ERR MAXLEN can't be negative")
          return nil
        }
        options.maxLength = value
      } else {
        reply.syntaxError()
        return nil
      }
      index += 2
    }
    return options
  }

  /// An integer whose negative is one as well; nil for others, which have been answered.
  mutating func symmetricInteger(_ argument: ByteView) -> Int? {
    guard let value = argument.integer else {
      reply.notAnInteger()
      return nil
    }
    guard value > Int.min else {
      reply.error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
      return nil
    }
    return value
  }

  /// True for the right end, false for the left; nil for neither, which has been answered.
  mutating func isTail(_ argument: ByteView) -> Bool? {
    if argument.equalsIgnoringCase("right") { return true }
    if argument.equalsIgnoringCase("left") { return false }
    reply.syntaxError()
    return nil
  }

  /// Tells that some elements of a list have changed, in a way that no other event tells.
  @inline(__always)
  mutating func reportList(_ event: StaticString, _ found: Found, _ before: Int, _ after: Int, changes: Int) {
    report(.list, event, found, lengthBefore: before, lengthAfter: after)
    if changes != 1 { keyspace.effects.count(changes - 1) }
  }
}
