// Policies whose order is a list, or that need none.

/// Any key, by chance.
struct RandomPolicy: CachePolicy {
  private var resident: ResidentKeys
  private var random: Random

  init(_ setup: PolicySetup) {
    resident = ResidentKeys(keyCount: setup.keyCount)
    random = Random(seed: setup.seed)
  }

  mutating func hit(_ key: Int) {}
  mutating func insert(_ key: Int) { resident.insert(key) }
  mutating func evict() -> Int {
    let key = resident.drawn(&random)
    resident.remove(key)
    return key
  }
}

/// What came in first goes first.
struct FIFOPolicy: CachePolicy {
  private var lists: KeyLists

  init(_ setup: PolicySetup) { lists = KeyLists(keyCount: setup.keyCount, lists: 1) }

  mutating func hit(_ key: Int) {}
  mutating func insert(_ key: Int) { lists.prepend(key, to: 0) }
  mutating func evict() -> Int { lists.removeLast(0)! }
}

/// What was not asked for the longest, exactly.
struct LRUPolicy: CachePolicy {
  private var lists: KeyLists

  init(_ setup: PolicySetup) { lists = KeyLists(keyCount: setup.keyCount, lists: 1) }

  mutating func hit(_ key: Int) { lists.moveToFront(key, of: 0) }
  mutating func insert(_ key: Int) { lists.prepend(key, to: 0) }
  mutating func evict() -> Int { lists.removeLast(0)! }
}

/// SIEVE: a hand walks from the oldest key to the newest, spares those that were asked for since it last came by and
/// evicts the first other one. Zhang et al., "SIEVE is Simpler than LRU" (NSDI 2024).
struct SIEVEPolicy: CachePolicy {
  private var lists: KeyLists
  private var visited: [Bool]
  private var hand: Int?

  init(_ setup: PolicySetup) {
    lists = KeyLists(keyCount: setup.keyCount, lists: 1)
    visited = [Bool](repeating: false, count: setup.keyCount)
  }

  mutating func hit(_ key: Int) { visited[key] = true }

  mutating func insert(_ key: Int) {
    visited[key] = false
    lists.prepend(key, to: 0)
  }

  mutating func evict() -> Int {
    var key = hand ?? lists.last(0)!
    while visited[key] {
      visited[key] = false
      key = lists.newer(key) ?? lists.last(0)!
    }
    hand = lists.newer(key)
    lists.remove(key, from: 0)
    return key
  }
}

/// What was asked for the fewest times since it came in, exactly; of these, what was not asked for the longest. Counts
/// above 4,095 are one.
struct LFUPolicy: CachePolicy {
  private var lists: KeyLists
  private var counts: [UInt16]
  private var least = 0
  private static let maxCount = 4095

  init(_ setup: PolicySetup) {
    lists = KeyLists(keyCount: setup.keyCount, lists: Self.maxCount + 1)
    counts = [UInt16](repeating: 0, count: setup.keyCount)
  }

  mutating func hit(_ key: Int) {
    let count = Int(counts[key])
    lists.remove(key, from: count)
    let more = min(count + 1, Self.maxCount)
    counts[key] = UInt16(more)
    lists.prepend(key, to: more)
  }

  mutating func insert(_ key: Int) {
    counts[key] = 0
    least = 0
    lists.prepend(key, to: 0)
  }

  mutating func evict() -> Int {
    while lists.count(least) == 0 { least += 1 }
    return lists.removeLast(least)!
  }
}
