/// Choosing keys to evict: by sampling, one draw of neighbours in a table for each key that goes, and a pool of the best
/// that earlier draws have met. No list through the entries, nothing to keep up to date but the clocks.
extension Keyspace {
  /// Draws before there is taken to be nothing that can go.
  private static var drawLimit: Int { 64 }

  /// Takes out the key that `policy` would miss least, of those that have been looked at, and tells of it.
  ///
  /// - Parameter samples: how many are looked at; a whole bucket is, if that has more.
  /// - Returns: false when no key may go.
  ///
  /// Complexity: O(samples + databases) expected, O(1) for whatever the key holds: large values are freed in the
  /// background.
  mutating func evictKey(_ policy: EvictionPolicy, samples: Int) -> Bool {
    if policy == .noEviction { return false }
    for _ in 0..<Self.drawLimit {
      guard draw(policy, samples) else { return false }
      while let candidate = evictionPool.removeBest() {
        if evict(candidate, policy) { return true }
      }
    }
    return false
  }

  /// - Returns: false when there are no keys to draw from.
  private mutating func draw(_ policy: EvictionPolicy, _ samples: Int) -> Bool {
    guard let database = drawDatabase(policy) else { return false }
    evictionSample.removeAll()
    if policy.isVolatile { drawVolatile(policy, samples, database) } else { drawAny(policy, samples, database) }
    return true
  }

  /// From all keys. The places of the next draws are known already: their buckets and their entries come into the cache
  /// meanwhile.
  private mutating func drawAny(_ policy: EvictionPolicy, _ samples: Int, _ database: Int) {
    let wanted = policy.criterion == .chance ? 1 : samples
    let hash = evictionPlaces[0]
    evictionPlaces[0] = evictionPlaces[1]
    evictionPlaces[1] = random.next()
    unsafe databases[database].table.sample(wanted, at: hash, &random, into: &evictionSample)
    if policy.criterion != .chance { unsafe databases[database].table.prefetchNeighbours(evictionPlaces[0]) }
    unsafe databases[database].table.prefetchBucket(evictionPlaces[1])
    considerSample(policy, table: unsafe databases[database].table.id)
  }

  /// A database, each as likely as it has keys that may go; nil without any.
  private mutating func drawDatabase(_ policy: EvictionPolicy) -> Int? {
    var total = 0
    var last: (database: Int, count: Int) = (0, 0)
    for database in 0..<databaseCount {
      let count = evictableCount(database, policy)
      if count > 0 { last = (database, count) }
      total += count
    }
    guard total > 0 else { return nil }
    if last.count == total { return last.database }
    var left = Int.random(in: 0..<total, using: &random)
    for database in 0..<databaseCount {
      left -= evictableCount(database, policy)
      if left < 0 { return database }
    }
    return nil
  }

  @inline(__always)
  private func evictableCount(_ database: Int, _ policy: EvictionPolicy) -> Int {
    unsafe policy.isVolatile ? databases[database].table.deadlineCount : databases[database].table.count
  }

  /// From the deadlines of one segment. Where only few segments have any, the wheel knows them.
  private mutating func drawVolatile(_ policy: EvictionPolicy, _ samples: Int, _ database: Int) {
    var database = database
    var block = unsafe databases[database].table.randomDeadlines(&random)
    if block == nil, let links = unsafe context.wheel.anyArmed {
      block = unsafe DeadlineSlots(links: links)
      database = databaseOfTable[Int(unsafe block!.header.pointee.table)]
    }
    guard let block else { return }
    let wanted = policy.criterion == .chance ? 1 : samples
    unsafe databases[database].table.sample(wanted, of: block, &random, into: &evictionSample)
    considerSample(policy, table: unsafe databases[database].table.id)
  }

  /// Puts those of the sample into the pool that are better than what is there.
  private mutating func considerSample(_ policy: EvictionPolicy, table: Int) {
    let count = evictionSample.count
    guard count > 0 else { return }
    // Of equals the first one goes, and a new key lies where the last one went: always from the left, it would be that.
    var index = (Int(random.next() >> 32) * count) >> 32
    if policy.criterion == .chance {
      return consider(unsafe Entry(raw: evictionSample[index]), score: 0, table: table)
    }
    if clock.meaning == .decayedUses { noteExtremes() }
    for _ in 0..<count {
      let entry = unsafe Entry(raw: evictionSample[index])
      consider(entry, score: score(entry, policy), table: table)
      index = index + 1 == count ? 0 : index + 1
    }
  }

  /// The earlier the higher.
  private static func deadlineScore(_ milliseconds: Int) -> UInt64 {
    UInt64(bitPattern: Int64(Int.max)) - UInt64(clamping: milliseconds)
  }

  @inline(__always)
  private mutating func consider(_ entry: Entry, score: UInt64, table: Int) {
    let address = unsafe UInt(bitPattern: entry.raw)
    if evictionPool.wants(address, score: score) { addCandidate(entry, score: score, table: table) }
  }

  @inline(never)
  private mutating func addCandidate(_ entry: Entry, score: UInt64, table: Int) {
    let hash = entry.hash(seed)
    if clock.meaning == .decayedUses { evictionHistory.prefetch(hash) }
    evictionPool.insert(EvictionPool.Candidate(score: score, hash: hash, address: unsafe UInt(bitPattern: entry.raw),
      table: Int32(truncatingIfNeeded: table)))
  }

  /// - Returns: false when the candidate is gone, or has been used since.
  private mutating func evict(_ candidate: EvictionPool.Candidate, _ policy: EvictionPolicy) -> Bool {
    let database = databaseOfTable[Int(candidate.table)]
    let entry = unsafe Entry(raw: UnsafeMutableRawPointer(bitPattern: candidate.address)!)
    guard let position = unsafe databases[database].table.position(of: entry, hash: candidate.hash) else { return false }
    if policy.isVolatile && !entry.hasExpiry || score(entry, policy) < candidate.score { return false }
    if clock.meaning == .decayedUses { remember(entry, hash: candidate.hash) }
    evict(entry, position, database, hash: candidate.hash)
    return true
  }

  private mutating func noteExtremes() {
    drawnExtremes = (0, UInt32(DecayedUses.strengthMax))
    for index in 0..<evictionSample.count {
      let clock = unsafe Entry(raw: evictionSample[index]).clock
      drawnExtremes.age = max(drawnExtremes.age, self.clock.uses.age(clock))
      drawnExtremes.strength = min(drawnExtremes.strength, clock & 0xff)
    }
  }

  /// Why a key goes, by what it was compared with last. Small differences (epochs, 64ths of a doubling) decide nothing.
  private func reason(_ clock: UInt32) -> EvictionHistory.Reason {
    let slack: UInt32 = 8
    let isOldest = self.clock.uses.age(clock) + slack >= drawnExtremes.age
    let isWeakest = clock & 0xff <= drawnExtremes.strength + slack
    return isOldest == isWeakest ? .both : isOldest ? .age : .strength
  }

  private mutating func remember(_ entry: Entry, hash: UInt64) {
    let clock = entry.clock
    let hasAdapted = evictionHistory.add(hash, strength: Int(clock & 0xff), reason(clock),
      keyCount: self.clock.uses.keyCount)
    if hasAdapted {
      self.clock.uses.setHalfLife(turns: evictionHistory.halfLife)
      // Scores are by another measure now.
      evictionPool.removeAll()
    }
  }

  @inline(__always)
  private func score(_ entry: Entry, _ policy: EvictionPolicy) -> UInt64 {
    switch policy.criterion {
    case .clock: clock.evictionScore(entry)
    case .timeLeft: entry.expiry.map(Self.deadlineScore) ?? 0
    case .chance, nil: 0
    }
  }
}
