/// What one client watches. Kept by the client, named by `WatchedKeys`.
final class Watcher {
  struct WatchedKey {
    let bytes: [UInt8]
    let hash: UInt64
    let database: Int
    /// Its time had come when it was watched, so that its removal is no change.
    var wasExpired: Bool
  }
  fileprivate(set) var keys: [WatchedKey] = []
  /// Bytes of the keys.
  fileprivate(set) var keyByteCount = 0
  /// A watched key was changed since.
  fileprivate(set) var isTouched = false

  /// Each key's bytes stand in an array of their own, and its watchers in another. Complexity: O(1).
  var heapByteCount: Int { keyByteCount + keys.count * (MemoryLayout<WatchedKey>.stride + 3 * 32) }

  init() {}
}

/// Optimistic locks: which clients watch which keys. A write to a watched key marks its watchers, whose EXEC then
/// fails.
struct WatchedKeys: ~Copyable {
  /// By the key's hash.
  private var watchers: [UInt64: [Watcher]] = [:]

  var isEmpty: Bool { watchers.isEmpty }

  /// Keys that anybody watches, those of one hash as one.
  var keyCount: Int { watchers.count }

  /// Clients that watch any.
  private(set) var watcherCount = 0

  /// Adds a key to what `watcher` watches; one that it watches already stays as it is. Complexity: O(its keys).
  mutating func watch(_ key: Key, database: Int, isExpired: Bool, by watcher: Watcher) {
    let isKnown = watcher.keys.contains { $0.matches(key, database) }
    if isKnown { return }
    let isFirst = !watcher.keys.contains { $0.hash == key.hash }
    if watcher.keys.isEmpty { watcherCount += 1 }
    watcher.keyByteCount += key.bytes.count
    watcher.keys.append(.init(bytes: key.bytes.array, hash: key.hash, database: database, wasExpired: isExpired))
    if isFirst { watchers[key.hash, default: []].append(watcher) }
  }

  /// Forgets all that `watcher` watches, and that it was touched. Complexity: O(its keys and their watchers).
  mutating func unwatch(_ watcher: Watcher) {
    for key in watcher.keys {
      watchers[key.hash]?.removeAll { $0 === watcher }
      if watchers[key.hash]?.isEmpty == true { watchers[key.hash] = nil }
    }
    if !watcher.keys.isEmpty { watcherCount -= 1 }
    watcher.keys = []
    watcher.keyByteCount = 0
    watcher.isTouched = false
  }

  /// The key was changed. Complexity: O(1) for one that nobody watches.
  /// - Parameter isGone: it was removed.
  func touch(_ key: Key, database: Int, isGone: Bool) {
    guard let found = watchers[key.hash] else { return }
    for watcher in found {
      guard let index = watcher.keys.firstIndex(where: { $0.matches(key, database) }) else { continue }
      if watcher.keys[index].wasExpired && isGone {
        watcher.keys[index].wasExpired = false
      } else {
        watcher.isTouched = true
      }
    }
  }

  /// All keys of a database may change at once. Complexity: O(watched keys).
  /// - Parameter change: what happens to a key there.
  func touchAll(database: Int, _ change: (Key) -> WholesaleChange) {
    for (_, found) in watchers {
      for watcher in found { watcher.touchAll(database: database, change) }
    }
  }

  enum WholesaleChange {
    case none, removed, changed
    /// An expired key has come, in the place of another or of none.
    case replacedByExpired, appearedExpired
  }
}

extension Watcher.WatchedKey {
  fileprivate func matches(_ key: Key, _ database: Int) -> Bool {
    hash == key.hash && self.database == database && withKey { $0.bytes == key.bytes }
  }

  /// The key as lookups take it.
  func withKey<Result>(_ body: (Key) -> Result) -> Result {
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return body(Key(bytes: .empty, hash: hash)) }
      return body(Key(bytes: unsafe ByteView(base, count: buffer.count), hash: hash))
    }
  }
}

extension Watcher {
  fileprivate func touchAll(database: Int, _ change: (Key) -> WatchedKeys.WholesaleChange) {
    for index in keys.indices where keys[index].database == database {
      switch keys[index].withKey(change) {
      case .none: break
      case .removed where keys[index].wasExpired: keys[index].wasExpired = false
      case .replacedByExpired where keys[index].wasExpired: break
      case .appearedExpired: keys[index].wasExpired = true
      case .removed, .replacedByExpired, .changed: isTouched = true
      }
    }
  }
}
