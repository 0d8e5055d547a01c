// Unions, intersections and differences.

/// How several sets are made one, and how the scores of a member that several have are.
struct SetCombination {
  enum Operation { case union, intersection, difference }
  enum Aggregate { case sum, min, max, count }

  let operation: Operation
  var aggregate = Aggregate.sum
  var withScores = false
  /// Of the count alone; 0: none.
  var limit = 0

  /// A member's score in one input, as it goes into the result.
  @inline(__always)
  func weighted(_ score: Double, _ input: SortedSetInput) -> Double {
    aggregate == .count ? input.weight : score * input.weight
  }

  @inline(__always)
  func joined(_ a: Double, _ b: Double) -> Double {
    switch aggregate {
    case .sum, .count:
      let sum = a + b
      return sum.isNaN ? 0 : sum
    case .min: return b < a ? b : a
    case .max: return b > a ? b : a
    }
  }
}

extension Engine {
  /// ZUNION and ZINTER numkeys key [key ...] [WEIGHTS ...] [AGGREGATE SUM | MIN | MAX | COUNT] [WITHSCORES], and ZDIFF
  /// without weights and aggregates.
  mutating func combineCommand(_ request: Request, _ operation: SetCombination.Operation, _ name: StaticString) {
    guard case .some((let combination, var inputs)) = setCombination(request, from: 1, operation, name) else { return }
    guard var result = combine(combination, &inputs) else { return replyOutOfMemory() }
    result.sort()
    let withScores = combination.withScores
    reply.members(result.count, withScores: withScores)
    result.forEach { reply.member($0, $1, withScore: withScores) }
    result.discard(keyspace.context.units)
  }

  /// The same with a destination in front, and without WITHSCORES.
  mutating func combineStoreCommand(_ request: Request, _ operation: SetCombination.Operation, _ event: StaticString) {
    guard case .some((let combination, var inputs)) = setCombination(request, from: 2, operation, event, isStored: true)
    else { return }
    guard var result = combine(combination, &inputs) else { return replyOutOfMemory() }
    guard result.count > 0 else {
      result.discard(keyspace.context.units)
      return storeSortedSet(request, nil, event)
    }
    let limits = keyspace.limits
    let isPacked = result.count <= limits.sortedSetEntries && result.longestMember <= limits.sortedSetBytes
      && result.count * (result.longestMember + 24) <= Keyspace.packedSortedSetMaxBytes
    let value = isPacked
      ? BuiltValue(.sortedSet, packed: result.finishPacked(keyspace.context.units))
      : unsafe BuiltValue(.sortedSet, root: result.finish(&keyspace.context).raw)
    storeSortedSet(request, value, event)
  }

  /// ZINTERCARD numkeys key [key ...] [LIMIT limit]
  mutating func zintercardCommand(_ request: Request) {
    guard case .some((let combination, var inputs)) = setCombination(request, from: 1, .intersection, "zintercard",
      isCounted: true)
    else { return }
    sortByCount(&inputs)
    var count = 0
    inputs[0].forEach { member, _ in
      for index in 1..<inputs.count where !inputs[index].isSame(as: inputs[0]) {
        if inputs[index].score(member, keyspace.context) == nil { return true }
      }
      count += 1
      return count != combination.limit
    }
    reply.integer(count)
  }

  // MARK: Reading the request

  /// Nil when something is wrong, which has been answered. There is one input at least.
  private mutating func setCombination(_ request: Request, from first: Int, _ operation: SetCombination.Operation,
    _ name: StaticString, isStored: Bool = false, isCounted: Bool = false) -> (SetCombination, [SortedSetInput])?
  {
    guard let keyCount = request[first].integer else {
      reply.notAnInteger()
      return nil
    }
    guard keyCount > 0 else {
      reply.error("ERR at least 1 input key is needed for '\(name)' command")
      return nil
    }
    guard keyCount <= request.count - first - 1 else {
      reply.syntaxError()
      return nil
    }
    let end = first + 1 + keyCount
    var inputs: [SortedSetInput] = []
    inputs.reserveCapacity(keyCount)
    for index in (first + 1)..<end {
      guard let input = SortedSetInput(lookupRead(request, index).entry) else {
        reply.wrongType()
        return nil
      }
      inputs.append(input)
    }
    var combination = SetCombination(operation: operation)
    let hasScores = operation != .difference && !isCounted
    var index = end
    while index < request.count {
      let option = request[index]
      let left = request.count - index
      if hasScores && left > keyCount && option.equalsIgnoringCase("weights") {
        for place in 0..<keyCount {
          guard let weight = request[index + 1 + place].score else {
            reply.error("ERR weight value is not a float")
            return nil
          }
          inputs[place].weight = weight
        }
        index += keyCount
      } else if hasScores && left >= 2 && option.equalsIgnoringCase("aggregate") {
        guard let aggregate = SetCombination.Aggregate(request[index + 1]) else {
          reply.syntaxError()
          return nil
        }
        combination.aggregate = aggregate
        index += 1
      } else if !isStored && !isCounted && option.equalsIgnoringCase("withscores") {
        combination.withScores = true
      } else if isCounted && left >= 2 && option.equalsIgnoringCase("limit") {
        guard let limit = request[index + 1].integer, limit >= 0 else {
          reply.error("ERR LIMIT can't be negative")
          return nil
        }
        combination.limit = limit
        index += 1
      } else {
        reply.syntaxError()
        return nil
      }
      index += 1
    }
    return (combination, inputs)
  }

  /// The smallest first; those of one size as they were named.
  private func sortByCount(_ inputs: inout [SortedSetInput]) { inputs.sort { $0.count < $1.count } }

  // MARK: Combining

  /// The members of the result. Nil without memory.
  private mutating func combine(_ combination: SetCombination, _ inputs: inout [SortedSetInput]) -> MemberCollector? {
    var result = MemberCollector(&keyspace.context)
    let isComplete: Bool
    switch combination.operation {
    case .union: isComplete = unite(combination, &inputs, &result)
    case .intersection: isComplete = intersect(combination, &inputs, &result)
    case .difference: isComplete = subtract(inputs, &result)
    }
    if isComplete { return result }
    result.discard(keyspace.context.units)
    return nil
  }

  private mutating func unite(_ combination: SetCombination, _ inputs: inout [SortedSetInput],
    _ result: inout MemberCollector) -> Bool
  {
    sortByCount(&inputs)
    var isComplete = true
    for input in inputs where isComplete {
      input.forEach { member, score in
        let weighted = combination.weighted(score, input)
        let own = weighted.isNaN ? 0 : weighted
        isComplete = result.merge(member, own, &keyspace.context) { combination.joined($0, own) }
        return isComplete
      }
    }
    return isComplete
  }

  private mutating func intersect(_ combination: SetCombination, _ inputs: inout [SortedSetInput],
    _ result: inout MemberCollector) -> Bool
  {
    sortByCount(&inputs)
    var isComplete = true
    let smallest = inputs[0]
    smallest.forEach { member, score in
      var joined = combination.weighted(score, smallest)
      if joined.isNaN { joined = 0 }
      for index in 1..<inputs.count {
        let input = inputs[index]
        guard let other = input.isSame(as: smallest) ? score : input.score(member, keyspace.context) else {
          return true
        }
        joined = combination.joined(joined, combination.weighted(other, input))
      }
      isComplete = result.add(member, joined, &keyspace.context) != .outOfMemory
      return isComplete
    }
    return isComplete
  }

  private mutating func subtract(_ inputs: [SortedSetInput], _ result: inout MemberCollector) -> Bool {
    var isComplete = true
    let first = inputs[0]
    for index in 1..<inputs.count where inputs[index].isSame(as: first) { return true }
    first.forEach { member, score in
      for index in 1..<inputs.count where inputs[index].score(member, keyspace.context) != nil { return true }
      isComplete = result.add(member, score, &keyspace.context) != .outOfMemory
      return isComplete
    }
    return isComplete
  }
}

extension SetCombination.Aggregate {
  init?(_ text: ByteView) {
    if text.equalsIgnoringCase("sum") {
      self = .sum
    } else if text.equalsIgnoringCase("min") {
      self = .min
    } else if text.equalsIgnoringCase("max") {
      self = .max
    } else if text.equalsIgnoringCase("count") {
      self = .count
    } else {
      return nil
    }
  }
}
