// Policies of several queues and a memory of what was evicted. With `shards` above 1 each key's hash says which queues it
// is in, as if a segment of the server's table kept its own: then one of the segments is drawn, by the keys it has, and
// evicts one of its keys.

/// Which keys were evicted lately: the last so many of each shard.
private struct Ghosts {
  private var queues: [[UInt32]]
  /// Where the oldest of a queue is.
  private var heads: [Int]
  /// How often a key is in a queue.
  private var times: [UInt8]

  init(keyCount: Int, shards: Int) {
    queues = [[UInt32]](repeating: [], count: shards)
    heads = [Int](repeating: 0, count: shards)
    times = [UInt8](repeating: 0, count: keyCount)
  }

  func contains(_ key: Int) -> Bool { times[key] > 0 }

  mutating func insert(_ key: Int, shard: Int, room: Int) {
    if times[key] == .max { return }
    queues[shard].append(UInt32(key))
    times[key] += 1
    while queues[shard].count - heads[shard] > room {
      times[Int(queues[shard][heads[shard]])] -= 1
      heads[shard] += 1
    }
    if heads[shard] > 64, heads[shard] * 2 > queues[shard].count {
      queues[shard].removeFirst(heads[shard])
      heads[shard] = 0
    }
  }
}

/// Chooses the shard of a key, and one by chance.
private struct Shards {
  let count: Int
  private var resident: ResidentKeys
  private var random: Random

  init(_ setup: PolicySetup, count: Int) {
    self.count = count
    resident = ResidentKeys(keyCount: count > 1 ? setup.keyCount : 0)
    random = Random(seed: setup.seed)
  }

  @inline(__always)
  func shard(_ key: Int) -> Int {
    count == 1 ? 0 : Int((Random.mixed(UInt64(key) &+ 0x9e37) >> 32) % UInt64(count))
  }

  mutating func insert(_ key: Int) { if count > 1 { resident.insert(key) } }
  mutating func remove(_ key: Int) { if count > 1 { resident.remove(key) } }
  mutating func drawn() -> Int { count == 1 ? 0 : shard(resident.drawn(&random)) }
}

/// S3-FIFO: a small queue for what is new, a tenth of the cache, and a main one for what was asked for at least twice
/// while it was in the small one, or returned soon after it was evicted. Yang et al., "FIFO Queues are All You Need for
/// Cache Eviction" (SOSP 2023).
struct S3FIFOPolicy: CachePolicy {
  private var lists: KeyLists
  private var frequency: [UInt8]
  private var inMain: [Bool]
  private var ghosts: Ghosts
  private var shards: Shards

  init(_ setup: PolicySetup, shards count: Int = 1) {
    lists = KeyLists(keyCount: setup.keyCount, lists: 2 * count)
    frequency = [UInt8](repeating: 0, count: setup.keyCount)
    inMain = [Bool](repeating: false, count: setup.keyCount)
    ghosts = Ghosts(keyCount: setup.keyCount, shards: count)
    shards = Shards(setup, count: count)
  }

  mutating func hit(_ key: Int) { frequency[key] = min(frequency[key] + 1, 3) }

  mutating func insert(_ key: Int) {
    let shard = shards.shard(key)
    frequency[key] = 0
    inMain[key] = ghosts.contains(key)
    lists.prepend(key, to: inMain[key] ? 2 * shard + 1 : 2 * shard)
    shards.insert(key)
  }

  mutating func evict() -> Int {
    let shard = shards.drawn()
    let small = 2 * shard
    let main = small + 1
    let count = lists.count(small) + lists.count(main)
    while true {
      let key: Int
      if lists.count(small) * 10 >= count || lists.count(main) == 0, let oldest = lists.removeLast(small) {
        guard frequency[oldest] < 2 else {
          frequency[oldest] = 0
          inMain[oldest] = true
          lists.prepend(oldest, to: main)
          continue
        }
        ghosts.insert(oldest, shard: shard, room: count * 9 / 10)
        key = oldest
      } else {
        let oldest = lists.removeLast(main)!
        if frequency[oldest] > 0 {
          frequency[oldest] -= 1
          lists.prepend(oldest, to: main)
          continue
        }
        key = oldest
      }
      shards.remove(key)
      return key
    }
  }
}

/// 2Q: what is new is in a queue, a quarter of the cache, in which uses do not count; what comes back after it left that
/// (half as many are remembered as there are keys) goes to an LRU list. Johnson and Shasha, "2Q: A Low Overhead High
/// Performance Buffer Management Replacement Algorithm" (VLDB 1994).
struct TwoQueuePolicy: CachePolicy {
  private var lists: KeyLists
  private var inMain: [Bool]
  private var ghosts: Ghosts
  private var shards: Shards

  init(_ setup: PolicySetup, shards count: Int = 1) {
    lists = KeyLists(keyCount: setup.keyCount, lists: 2 * count)
    inMain = [Bool](repeating: false, count: setup.keyCount)
    ghosts = Ghosts(keyCount: setup.keyCount, shards: count)
    shards = Shards(setup, count: count)
  }

  mutating func hit(_ key: Int) {
    if inMain[key] { lists.moveToFront(key, of: 2 * shards.shard(key) + 1) }
  }

  mutating func insert(_ key: Int) {
    let shard = shards.shard(key)
    inMain[key] = ghosts.contains(key)
    lists.prepend(key, to: inMain[key] ? 2 * shard + 1 : 2 * shard)
    shards.insert(key)
  }

  mutating func evict() -> Int {
    let shard = shards.drawn()
    let small = 2 * shard
    let main = small + 1
    let count = lists.count(small) + lists.count(main)
    let key: Int
    if lists.count(small) * 4 >= count || lists.count(main) == 0 {
      key = lists.removeLast(small)!
      ghosts.insert(key, shard: shard, room: max(1, count / 2))
    } else {
      key = lists.removeLast(main)!
    }
    shards.remove(key)
    return key
  }
}
