// SORT and SORT_RO: the elements of a list, a set or a sorted set in order, or what keys named after them hold.

/// What SORT is asked.
private struct SortOptions {
  var order = SortOrder()
  var start = 0
  /// Negative: all.
  var count = -1
  /// Names what elements are compared by; nil: themselves.
  var weights: SortPattern?
  var isUnsorted = false
  /// Names what is answered; none: the elements themselves.
  var answers: [SortPattern] = []
  /// Where the request names a key to store the answer in.
  var destination: Int?

  /// The part of `total` elements that is asked for.
  func range(of total: Int) -> Range<Int> {
    let first = min(max(start, 0), total)
    let wanted = count < 0 ? total : min(count, total)
    return first..<min(first + wanted, total)
  }
}

extension Engine {
  mutating func sortCommand(_ request: Request) { sort(request, isReadonly: false) }

  mutating func sortReadonlyCommand(_ request: Request) { sort(request, isReadonly: true) }

  /// SORT key [BY pattern] [LIMIT start count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]
  private mutating func sort(_ request: Request, isReadonly: Bool) {
    guard var options = sortOptions(request, isReadonly: isReadonly) else { return }
    var found = lookupRead(request, 1)
    if found.entry?.type == .sortedSet {
      do throws(OutOfMemory) { try keyspace.unpackSortedSet(&found) } catch { return replyOutOfMemory() }
    }
    let entry = found.entry
    if let entry, entry.type != .list && entry.type != .set && entry.type != .sortedSet { return reply.wrongType() }
    if options.isUnsorted && entry?.type == .set && options.destination != nil {
      // A set has no order: what is stored must be the same wherever the command is run again.
      options.isUnsorted = false
      options.order.isAlphabetic = true
      options.weights = nil
    }
    options.order.endsAtZero = options.destination == nil

    let total = entry?.length ?? 0
    var range = options.range(of: total)
    var items: [SortItem] = []
    if let entry, options.isUnsorted {
      entry.forEachElement(range, isReversed: options.order.isDescending) { items.append(SortItem($0)) }
      range = 0..<items.count
    } else if let entry {
      items.reserveCapacity(total)
      entry.forEachElement(0..<total, isReversed: false) { items.append(SortItem($0)) }
      guard weigh(&items, options, request.client.database) else {
        return reply.error("ERR One or more scores can't be converted into double")
      }
      options.order.sort(&items)
    }
    if let destination = options.destination {
      storeSorted(request, items[range], options, destination)
    } else {
      replySorted(items[range], options, request.client.database)
    }
  }

  /// Nil when they are wrong, which has been answered.
  private mutating func sortOptions(_ request: Request, isReadonly: Bool) -> SortOptions? {
    var options = SortOptions()
    var index = 2
    while index < request.count {
      let option = request[index]
      let left = request.count - index - 1
      if option.equalsIgnoringCase("asc") {
        options.order.isDescending = false
      } else if option.equalsIgnoringCase("desc") {
        options.order.isDescending = true
      } else if option.equalsIgnoringCase("alpha") {
        options.order.isAlphabetic = true
      } else if option.equalsIgnoringCase("limit") && left >= 2 {
        guard let start = request[index + 1].integer, let count = request[index + 2].integer else {
          reply.notAnInteger()
          return nil
        }
        options.start = start
        options.count = count
        index += 2
      } else if option.equalsIgnoringCase("store") && left >= 1 && !isReadonly {
        options.destination = index + 1
        index += 1
      } else if option.equalsIgnoringCase("by") && left >= 1 {
        let weights = SortPattern(request[index + 1])
        options.weights = weights
        // Weights that do not depend on the element sort nothing.
        if !weights.hasStar { options.isUnsorted = true }
        index += 1
      } else if option.equalsIgnoringCase("get") && left >= 1 {
        options.answers.append(SortPattern(request[index + 1]))
        index += 1
      } else {
        reply.syntaxError()
        return nil
      }
      index += 1
    }
    return options
  }

  /// What a pattern names of an element. Valid until a key changes: meanwhile keys are only looked up.
  private mutating func value(_ pattern: SortPattern, of element: PackedElement, in database: Int) -> PackedElement? {
    if pattern.isElement { return element }
    guard pattern.hasStar else { return nil }
    let seed = keyspace.seed
    guard let entry = pattern.withKey(element, { lookupRead(Key($0, seed), in: database).entry }) else { return nil }
    if let field = pattern.field {
      guard entry.type == .hash else { return nil }
      return HashValue(entry).value(of: field, keyspace.context)
    }
    guard entry.type == .string else { return nil }
    if let integer = entry.integer { return .integer(integer) }
    return entry.stringBytes.map { .bytes($0) }
  }

  /// Gives items what they are compared by.
  /// - Returns: false when something is no number that should be one.
  private mutating func weigh(_ items: inout [SortItem], _ options: SortOptions, _ database: Int) -> Bool {
    var areNumbers = true
    for index in items.indices {
      let element = items[index].element
      let weight: PackedElement? = options.weights.map { value($0, of: element, in: database) } ?? element
      if options.order.isAlphabetic {
        items[index].weight = weight
      } else if let weight {
        if let score = weight.sortScore { items[index].score = score } else { areNumbers = false }
      }
    }
    return areNumbers
  }

  private mutating func replySorted(_ items: ArraySlice<SortItem>, _ options: SortOptions, _ database: Int) {
    reply.array(items.count * max(options.answers.count, 1))
    for item in items {
      if options.answers.isEmpty { replyElement(item.element) }
      for pattern in options.answers { replyElement(value(pattern, of: item.element, in: database)) }
    }
  }

  private mutating func storeSorted(_ request: Request, _ items: ArraySlice<SortItem>, _ options: SortOptions,
    _ destination: Int)
  {
    let database = request.client.database
    var list = ListBuilder(keyspace.limits, tag: keyspace.context.units.currentTag)
    do throws(OutOfMemory) {
      for item in items {
        if options.answers.isEmpty { try list.append(item.element) }
        for pattern in options.answers {
          try list.append(value(pattern, of: item.element, in: database) ?? .bytes(.empty))
        }
      }
    } catch {
      list.discard(&keyspace.context.units)
      return replyOutOfMemory()
    }
    let count = items.count * max(options.answers.count, 1)
    let result = list.finish(&keyspace.context.units)
    var target = keyspace.find(request.key(destination, keyspace.seed), in: database)
    guard let result else {
      if target.entry != nil { removeAndReport(&target) }
      return reply.integer(0)
    }
    let before = target.length
    keyspace.put(&target, result, expiry: nil)
    target.entry?.clock = keyspace.clock.initial
    report(.list, "sortstore", target, lengthBefore: before, lengthAfter: count)
    keyspace.effects.count(count - 1)
    reply.integer(count)
  }
}

extension Entry {
  /// Calls `body` with some elements of a list, a set or a sorted set; against their order only where they have one.
  fileprivate func forEachElement(_ range: Range<Int>, isReversed: Bool, _ body: (PackedElement) -> Void) {
    guard !range.isEmpty else { return }
    switch type {
    case .list:
      let list = ListValue(self)
      var cursor = list.cursor(at: isReversed ? list.count - range.lowerBound : range.lowerBound)
      for _ in range {
        guard let item = isReversed ? cursor.previous() : cursor.next() else { return }
        body(item.element)
      }
    case .set:
      var index = 0
      SetValue(self).forEach { member in
        if range.contains(index) { body(member) }
        index += 1
      }
    case .sortedSet: forEachRanked(range, isReversed: isReversed, body)
    case .string, .hash, .stream: preconditionFailure("cannot be sorted")
    }
  }

  private func forEachRanked(_ range: Range<Int>, isReversed: Bool, _ body: (PackedElement) -> Void) {
    switch SortedSetValue(self) {
    case .packed(let set):
      let ranks = isReversed ? set.count - range.upperBound..<set.count - range.lowerBound : range
      for offset in 0..<ranks.count {
        body(set.pair(atRank: isReversed ? ranks.upperBound - 1 - offset : ranks.lowerBound + offset).member)
      }
    case .large:
      let set = SortedSetValue(self)
      let ranks = isReversed ? set.count - range.upperBound..<set.count - range.lowerBound : range
      set.forEach(ranks, isReversed: isReversed) { member, _ in body(.bytes(member)) }
    }
  }
}
