/// W-TinyLFU: a window of one key in a hundred, in LRU order; what leaves it takes the place of the main part's next
/// victim only if a sketch of all recent requests has seen it more often. The main part is a segmented LRU, four fifths
/// of it for keys that were asked for again. Einziger, Friedman and Manes, "TinyLFU" (ACM ToS 2017).
struct TinyLFUPolicy: CachePolicy {
  private static let window = 0
  private static let probation = 1
  private static let protected = 2

  private var lists: KeyLists
  private var places: [UInt8]
  private var sketch: FrequencySketch
  private var count = 0

  init(_ setup: PolicySetup) {
    lists = KeyLists(keyCount: setup.keyCount, lists: 3)
    places = [UInt8](repeating: 0, count: setup.keyCount)
    sketch = FrequencySketch(capacity: setup.expectedCount)
  }

  mutating func hit(_ key: Int) {
    sketch.count(key)
    let place = Int(places[key])
    guard place == Self.probation else { return lists.moveToFront(key, of: place) }
    move(key, to: Self.protected)
    let main = count - lists.count(Self.window)
    if lists.count(Self.protected) * 5 > main * 4, let oldest = lists.last(Self.protected) {
      move(oldest, to: Self.probation)
    }
  }

  mutating func insert(_ key: Int) {
    sketch.count(key)
    count += 1
    places[key] = UInt8(Self.window)
    lists.prepend(key, to: Self.window)
    // The window's overflow goes to the main part, which has room: what was evicted made it.
    while lists.count(Self.window) > max(1, count / 100) { move(lists.last(Self.window)!, to: Self.probation) }
  }

  /// Called before a key comes in, so that the window's oldest is about to leave it.
  mutating func evict() -> Int {
    let victim = lists.last(Self.probation) ?? lists.last(Self.protected)
    var evicted = victim ?? lists.last(Self.window)!
    if lists.count(Self.window) >= max(1, count / 100), let candidate = lists.last(Self.window), let victim {
      if sketch.estimate(candidate) > sketch.estimate(victim) {
        move(candidate, to: Self.probation)
      } else {
        evicted = candidate
      }
    }
    count -= 1
    lists.remove(evicted, from: Int(places[evicted]))
    return evicted
  }

  private mutating func move(_ key: Int, to place: Int) {
    lists.remove(key, from: Int(places[key]))
    places[key] = UInt8(place)
    lists.prepend(key, to: place)
  }
}

/// A count-min sketch of four rows of counters up to 15, halved after ten requests for each key of the cache. Only the
/// least counters of a key are raised.
struct FrequencySketch {
  private var rows: [UInt8]
  private let mask: Int
  private let resetAfter: Int
  private var counted = 0

  init(capacity: Int) {
    var width = 16
    while width < 4 * capacity { width *= 2 }
    mask = width - 1
    rows = [UInt8](repeating: 0, count: 4 * width)
    resetAfter = 10 * max(1, capacity)
  }

  private func place(_ key: Int, _ row: Int) -> Int {
    let hash = Random.mixed(UInt64(key) &+ UInt64(row + 1) &* 0x9e37_79b9_7f4a_7c15)
    return row * (mask + 1) + Int(truncatingIfNeeded: hash) & mask
  }

  func estimate(_ key: Int) -> UInt8 {
    var least = UInt8.max
    for row in 0..<4 { least = min(least, rows[place(key, row)]) }
    return least
  }

  mutating func count(_ key: Int) {
    let least = estimate(key)
    if least < 15 {
      for row in 0..<4 where rows[place(key, row)] == least { rows[place(key, row)] = least + 1 }
    }
    counted += 1
    guard counted >= resetAfter else { return }
    for index in rows.indices { rows[index] /= 2 }
    counted /= 2
  }
}
