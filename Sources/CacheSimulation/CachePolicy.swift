/// Chooses whose turn it is to leave a cache. `Simulation` knows which keys are in the cache and how full it is, and tells
/// the policy; a policy keeps what it needs of that for its choice.
protocol CachePolicy {
  /// A key that is in the cache was asked for.
  mutating func hit(_ key: Int)
  /// A key came in. A miss makes room first, as a server at its limit does.
  mutating func insert(_ key: Int)
  /// Chooses a key of the cache, which is not empty, and forgets that it is there.
  mutating func evict() -> Int
  /// A key that is larger than the cache was asked for: nothing comes of it but that time goes on.
  mutating func pass(_ key: Int)
}

extension CachePolicy {
  mutating func pass(_ key: Int) {}
}

/// The keys of a cache in no order, for drawing them by chance.
struct ResidentKeys {
  private var keys: [UInt32] = []
  private var places: [UInt32]

  init(keyCount: Int) { places = [UInt32](repeating: 0, count: keyCount) }

  var count: Int { keys.count }

  @inline(__always)
  mutating func insert(_ key: Int) {
    places[key] = UInt32(keys.count)
    keys.append(UInt32(key))
  }

  @inline(__always)
  mutating func remove(_ key: Int) {
    let last = keys.removeLast()
    let place = Int(places[key])
    if Int(last) != key {
      keys[place] = last
      places[Int(last)] = UInt32(place)
    }
  }

  @inline(__always)
  func drawn(_ random: inout Random) -> Int { Int(keys[random.below(keys.count)]) }
}

/// Doubly linked lists of keys, each key in at most one of them. The first is the newest.
struct KeyLists {
  private var next: [UInt32]
  private var previous: [UInt32]
  private var counts: [Int]
  private let keyCount: Int

  init(keyCount: Int, lists: Int) {
    self.keyCount = keyCount
    // A list's head follows the keys and is its own neighbour while the list is empty.
    next = (0..<UInt32(keyCount + lists)).map { $0 }
    previous = next
    counts = [Int](repeating: 0, count: lists)
  }

  @inline(__always) func count(_ list: Int) -> Int { counts[list] }

  @inline(__always)
  mutating func prepend(_ key: Int, to list: Int) {
    let head = keyCount + list
    let first = next[head]
    next[key] = first
    previous[key] = UInt32(head)
    previous[Int(first)] = UInt32(key)
    next[head] = UInt32(key)
    counts[list] += 1
  }

  @inline(__always)
  mutating func remove(_ key: Int, from list: Int) {
    next[Int(previous[key])] = next[key]
    previous[Int(next[key])] = previous[key]
    counts[list] -= 1
  }

  @inline(__always)
  mutating func moveToFront(_ key: Int, of list: Int) {
    remove(key, from: list)
    prepend(key, to: list)
  }

  /// The oldest key of a list; nil when it is empty.
  @inline(__always)
  func last(_ list: Int) -> Int? {
    let last = Int(previous[keyCount + list])
    return last < keyCount ? last : nil
  }

  /// The key that came just after this one; nil for the newest.
  @inline(__always)
  func newer(_ key: Int) -> Int? {
    let before = Int(previous[key])
    return before < keyCount ? before : nil
  }

  @inline(__always)
  mutating func removeLast(_ list: Int) -> Int? {
    guard let last = last(list) else { return nil }
    remove(last, from: list)
    return last
  }
}
