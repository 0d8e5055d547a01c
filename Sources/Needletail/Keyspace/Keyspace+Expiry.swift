import CSystem

/// What expiry has done; INFO shows it.
struct ExpiryStatistics {
  var expiredKeys = 0
  /// Keys expired by the index, by how late they went: bucket i counts lags below 2^i milliseconds.
  var lagCounts = InlineArray<16, Int>(repeating: 0)
  var lagMaxMilliseconds = 0

  mutating func count(lagMilliseconds lag: Int) {
    lagMaxMilliseconds = max(lagMaxMilliseconds, lag)
    let bucket = min(15, Int.bitWidth - max(lag, 0).leadingZeroBitCount)
    lagCounts[bucket] += 1
  }
}

extension Keyspace {
  /// Keys one step of `expireStep` removes at most, so that a step stays short.
  private static var expireBatch: Int { 64 }
  /// A segment whose due keys have just gone is looked at again after 25 ms at the earliest, in ticks.
  private static var rearmTicks: Int { 2 }

  /// The key exists: sets its deadline. Complexity: O(size of the entry).
  mutating func setExpiry(_ found: inout Found, at milliseconds: Int) {
    changeExpiry(&found, milliseconds)
    setDeadline(found, milliseconds)
  }

  /// The key exists: takes its deadline away.
  mutating func clearExpiry(_ found: inout Found) {
    changeExpiry(&found, nil)
    removeDeadline(found)
  }

  private mutating func changeExpiry(_ found: inout Found, _ expiry: Int?) {
    guard let entry = found.entry else { preconditionFailure("no key to change the expiry of") }
    let size = entry.byteCount(withExpiry: expiry)
    if Heap.goodSize(size) == Heap.goodSize(entry.byteCount), unsafe !context.units.belongsToView(entry.raw) {
      return unsafe entry.copyTail(to: entry.raw, expiry: expiry)
    }
    let block = unsafe allocateEntry(size)
    unsafe block.storeBytes(of: context.units.currentTag, as: UInt8.self)
    unsafe entry.copyTail(to: block, expiry: expiry)
    replaceUnit(&found, with: unsafe Entry(raw: block))
  }

  /// Removes an entry whose time has come and tells of it.
  @inline(never)
  mutating func removeExpired(_ found: inout Found) {
    expiryStatistics.expiredKeys += 1
    removeUnasked(&found, .expired, "expired")
  }

  /// Removes an entry that memory is needed of and tells of it.
  mutating func removeForRoom(_ found: inout Found) {
    evictedKeys += 1
    removeUnasked(&found, .evicted, "evicted")
  }

  private mutating func removeUnasked(_ found: inout Found, _ eventClass: EventClass, _ event: StaticString) {
    guard let entry = found.entry else { return }
    let length = entry.length
    // Told before it goes: the key's bytes may be the entry's own.
    effects.report(eventClass, event, found.key, database: found.database, lengthBefore: length, lengthAfter: -1)
    countSize(found, eventClass, lengthBefore: length, lengthAfter: -1)
    // Not a command's doing: no change that a save point counts, nothing for the running command to reproduce.
    effects.count(-1)
    if effects.isObserved {
      effects.reproduce([Array("DEL".utf8), found.key.bytes.array], database: found.database)
    }
    remove(&found)
  }

  /// The clock was set back or has leapt ahead by days, or the wheel's ticks are used up after a year: starts the wheel
  /// anew at the present. Complexity: O(all deadlines), about a nanosecond each.
  @inline(never)
  private mutating func restartWheel() {
    for i in 0..<databaseCount {
      unsafe (databases + i).pointee.table.forEachDeadlineBlock { unsafe context.wheel.disarm($0.links) }
    }
    let shift = context.wheel.restart(atMilliseconds: nowMilliseconds)
    for i in 0..<databaseCount {
      unsafe (databases + i).pointee.table.forEachDeadlineBlock { block in
        block.shift(by: shift)
        unsafe context.wheel.arm(block.links, tick: block.earliest)
      }
    }
  }

  /// Milliseconds since 1970 at which something may become due; nil when nothing has a deadline, or none is acted on.
  @inline(__always)
  var nextExpiryMilliseconds: Int? {
    guard isExpiryActive else { return nil }
    return context.wheel.nextTick.map { context.wheel.baseMilliseconds + $0 << TimingWheel.tickShift }
  }

  /// Removes due keys of one segment, a few dozen at most. Complexity: O(slots of a segment).
  /// - Returns: false when nothing is due.
  mutating func expireStep() -> Bool {
    guard isExpiryActive else { return false }
    if !context.wheel.isNear(nowMilliseconds) { restartWheel() }
    context.wheel.advance(to: context.wheel.tick(atTime: nowMilliseconds))
    guard let links = unsafe context.wheel.firstDue else { return false }
    let block = unsafe DeadlineSlots(links: links)
    let database = databaseOfTable[Int(unsafe block.header.pointee.table)]
    let now = context.wheel.currentTick
    // Removals move elements to other slots, so the entries themselves are collected before the first one goes.
    var entries = InlineArray<64, UInt>(repeating: 0)
    var dueCount = 0
    var hasMore = false
    let next = block.collectDue(UInt32(now)) { slot in
      guard dueCount < Self.expireBatch else {
        hasMore = true
        return
      }
      guard let entry = unsafe databases[database].table.element(of: block, slot: slot)?.element else { return }
      entries[dueCount] = unsafe UInt(bitPattern: entry.raw)
      unsafe cs_prefetch(entry.raw)
      dueCount += 1
    }
    // Armed before anything is removed: a removal may move the deadlines into another block and free this one. What
    // is left of the due keys keeps its block first in line.
    if !hasMore {
      let tick = min(max(Int(next), now + Self.rearmTicks), TimingWheel.maxTick)
      unsafe context.wheel.arm(links, tick: UInt32(tick))
    }
    for i in 0..<dueCount {
      let entry = unsafe Entry(raw: UnsafeMutableRawPointer(bitPattern: entries[i])!)
      let key = Key(entry.key, seed)
      guard let hit = unsafe databases[database].table.find(key.bytes, hash: key.hash) else { continue }
      removeIfDue(hit.element, hit.position, key, database)
    }
    return true
  }
}
