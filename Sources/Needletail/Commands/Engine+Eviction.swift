import CSystem
import Glibc

/// How memory stands to `maxmemory`.
struct EvictionState {
  /// What commands of one turn may spend on evicting, together.
  fileprivate static let turnMicroseconds = 2000
  /// What each may spend all the same, so that whoever fills the memory cannot get ahead of it for ever.
  fileprivate static let leastMicroseconds = 50

  /// `maxmemory` in bytes; 0: no limit.
  fileprivate(set) var limitBytes = 0
  /// What one command may spend in cycles, by `maxmemory-eviction-tenacity`.
  fileprivate var commandCycles: UInt64 = 0
  /// Only up to what the turn has left.
  fileprivate var sharesTurn = true
  /// There is more to evict than time was left for.
  fileprivate(set) var isBehind = false
  fileprivate var turnCycles: UInt64 = 0
  /// Since when there has been more than the limit, in milliseconds since 1970.
  fileprivate var exceededSince: Int?

  /// There was more than the limit when last looked at.
  @inline(__always)
  var isExceeded: Bool { exceededSince != nil }
}

/// Keeping to `maxmemory`.
extension Engine {
  private enum EvictionOutcome {
    case enough
    /// The time is up, or what was let go is still being freed.
    case unfinished
    /// No key may go.
    case failed
  }

  /// What counts against the limit: not what is as good as freed, whether a view still holds it or the freer has not come
  /// to it. Complexity: O(1).
  @inline(__always)
  var evictableMemoryBytes: Int { memory.usedByteCount - uncountedMemoryBytes }

  /// What does not count.
  @inline(__always)
  var uncountedMemoryBytes: Int {
    keyspace.context.units.limbo.byteCount + keyspace.context.units.freer.pendingBytes
  }

  /// Before each command: true when there is too much, so that keys have to go.
  @inline(__always)
  var needsRoom: Bool {
    eviction.limitBytes > 0 && (eviction.isExceeded || evictableMemoryBytes > eviction.limitBytes)
  }

  /// Evicts keys until there is no more than the limit.
  /// - Returns: false when that is out of reach, so that commands which need memory have to be refused.
  @inline(never)
  mutating func makeRoom() -> Bool {
    // A file being loaded is not thrown out again at its other end, and a pause stops all changes but those asked for.
    if isLoading || pause.isActive { return true }
    let start = cs_cycles()
    let outcome = evict(until: start &+ evictionCycles)
    let cycles = cs_cycles() &- start
    eviction.turnCycles -= min(cycles, eviction.turnCycles)
    note(outcome)
    latency.add(.evictionCycle, clock.microseconds(cycles) / 1000, settings, keyspace.nowSeconds)
    return outcome != .failed
  }

  /// What this command may spend on evicting.
  private var evictionCycles: UInt64 {
    guard eviction.sharesTurn else { return eviction.commandCycles }
    let turnLeft = max(eviction.turnCycles, clock.cycles(microseconds: EvictionState.leastMicroseconds))
    return min(eviction.commandCycles, turnLeft)
  }

  /// Half a millisecond at 10, and 15 % more for each step above: 150 s at 99; at 100 there is no limit.
  mutating func applyEvictionTenacity() {
    let tenacity = settings.evictionTenacity
    let microseconds = tenacity <= 10 ? 50 * tenacity : Int(500 * pow(1.15, Double(tenacity - 10)))
    eviction.commandCycles = tenacity == 100 ? UInt64.max / 4 : clock.cycles(microseconds: microseconds)
    eviction.sharesTurn = tenacity <= 10
  }

  /// Evicts what earlier turns had no time for.
  mutating func evictInBackground(until end: UInt64) {
    guard !isLoading, !pause.isActive else { return }
    note(evict(until: end))
  }

  /// What counts against the limit now. Of clients' memory that is what `maxmemory-clients` allows: for what is beyond
  /// it connections end with the turn, and no key has to go. Mutating, since otherwise the engine is copied for the call.
  private var pressingMemoryBytes: Int {
    mutating get {
      guard let limit = clientMemoryLimit, clientMemory.largest != nil else { return evictableMemoryBytes }
      return evictableMemoryBytes - max(0, clientMemoryBytes - limit)
    }
  }

  /// Evicts one key at least, if any may go.
  private mutating func evict(until end: UInt64) -> EvictionOutcome {
    if pressingMemoryBytes <= eviction.limitBytes { return .enough }
    let policy = settings.evictionPolicy
    guard policy != .noEviction else { return withoutKeys }
    repeat {
      guard keyspace.evictKey(policy, samples: settings.evictionSamples) else { return withoutKeys }
      if pressingMemoryBytes <= eviction.limitBytes { return .enough }
    } while cs_cycles() < end
    eviction.isBehind = true
    return .unfinished
  }

  /// What FLUSHALL let go of, say, counts until it is freed.
  private var withoutKeys: EvictionOutcome {
    keyspace.context.units.freer.pendingBytes > 0 ? .unfinished : .failed
  }

  private mutating func note(_ outcome: EvictionOutcome) {
    if outcome != .unfinished { eviction.isBehind = false }
    if outcome != .enough {
      eviction.exceededSince = eviction.exceededSince ?? keyspace.nowMilliseconds
    } else if let since = eviction.exceededSince {
      statistics.evictionExceededMilliseconds += max(0, keyspace.nowMilliseconds - since)
      eviction.exceededSince = nil
    }
  }

  /// How long there has been more than the limit.
  var currentExceededMilliseconds: Int {
    eviction.exceededSince.map { max(0, keyspace.nowMilliseconds - $0) } ?? 0
  }

  /// At the start of a turn.
  @inline(__always)
  mutating func renewEvictionAllowance() {
    eviction.turnCycles = clock.cycles(microseconds: EvictionState.turnMicroseconds)
  }

  /// Only keys of this kind are in the pool from now on.
  mutating func applyEvictionPolicy() {
    keyspace.evictionPool.removeAll()
    keyspace.evictionHistory.removeAll()
    keyspace.clock.uses.setHalfLife(turns: keyspace.evictionHistory.halfLife)
    applyAccessClock()
  }

  /// What `maxmemory` comes to.
  mutating func applyMemoryLimit() {
    let setting = settings.maxMemory
    eviction.limitBytes = setting < 0 ? SystemFacts.usableMemoryBytes / 100 * -setting : setting
  }

  /// `maxmemory` has changed while data may be there.
  mutating func changeMemoryLimit() {
    applyMemoryLimit()
    guard eviction.limitBytes > 0 else { return note(.enough) }
    let used = evictableMemoryBytes
    guard used > eviction.limitBytes else { return }
    logger.warning("""
      WARNING: the new maxmemory value set via CONFIG SET (\(eviction.limitBytes)) is smaller than the current memory usage \
      (\(used)). This will result in key eviction and/or the inability to accept new write commands depending on the \
      maxmemory-policy.
      """)
    eviction.isBehind = true
  }
}

extension Engine {
  /// The client's command needs memory; EXEC does if any of those it runs does.
  func needsMemory(_ info: CommandInfo, _ client: Client) -> Bool { flagsToRun(info, client).contains(.denyoom) }
}
