/// Classes of keyspace events, as `notify-keyspace-events` groups them.
enum EventClass: UInt8 { case generic, string, list, set, hash, sortedSet, expired, evicted, stream, new }

/// What a write did to one key.
struct Effect {
  let eventClass: EventClass
  let event: StaticString
  let database: Int
  let key: [UInt8]
  /// Length of the value (bytes of a string, elements of a collection); -1: no such key.
  let lengthBefore: Int
  let lengthAfter: Int
}

/// Who wants to know of every write: the append-only file, replication, notifications, and the test that replays
/// effects into a second keyspace.
protocol EffectObserver: AnyObject {
  func keyChanged(_ effect: Effect)
  /// A command that reproduces what the last keys' changes did, to be run in `database`.
  func commandRan(_ arguments: [[UInt8]], database: Int)
}

/// The one point through which every write passes. While nobody listens it costs an addition and a test.
struct Effects: ~Copyable {
  /// Changes since the start.
  private(set) var dirty = 0
  /// Set while there is an observer or a watched key.
  private var hasListeners = false
  var observer: (any EffectObserver)? { didSet { updateListeners() } }
  private(set) var watchedKeys = WatchedKeys()
  private var transaction = Transaction.none

  /// Whether what reproduces the running EXEC's commands is bracketed yet.
  private enum Transaction { case none, begun, told }

  /// True while somebody wants to know what reproduces the changes.
  var isObserved: Bool { @inline(__always) get { hasListeners && observer != nil } }

  @inline(__always)
  mutating func report(_ eventClass: EventClass, _ event: StaticString, _ key: Key, database: Int,
    lengthBefore: Int, lengthAfter: Int)
  {
    dirty += 1
    if hasListeners { tell(eventClass, event, key, database, lengthBefore, lengthAfter) }
  }

  @inline(never)
  private func tell(_ eventClass: EventClass, _ event: StaticString, _ key: Key, _ database: Int, _ lengthBefore: Int,
    _ lengthAfter: Int)
  {
    watchedKeys.touch(key, database: database, isGone: lengthAfter < 0)
    observer?.keyChanged(Effect(eventClass: eventClass, event: event, database: database, key: key.bytes.array,
      lengthBefore: lengthBefore, lengthAfter: lengthAfter))
  }

  /// Hands the command that reproduces the changes to the observer.
  mutating func reproduce(_ arguments: [[UInt8]], database: Int) {
    guard let observer else { return }
    if transaction == .begun {
      transaction = .told
      observer.commandRan([Array("MULTI".utf8)], database: database)
    }
    observer.commandRan(arguments, database: database)
  }

  /// Changes that no key's event tells of (FLUSHALL).
  mutating func count(_ changes: Int) { dirty += changes }

  // MARK: Transactions

  /// What is reproduced from now on belongs together.
  mutating func beginTransaction() { transaction = .begun }

  mutating func endTransaction(database: Int) {
    if transaction == .told { observer?.commandRan([Array("EXEC".utf8)], database: database) }
    transaction = .none
  }

  mutating func watch(_ key: Key, database: Int, isExpired: Bool, by watcher: Watcher) {
    watchedKeys.watch(key, database: database, isExpired: isExpired, by: watcher)
    updateListeners()
  }

  mutating func unwatch(_ watcher: Watcher) {
    watchedKeys.unwatch(watcher)
    updateListeners()
  }

  private mutating func updateListeners() { hasListeners = observer != nil || !watchedKeys.isEmpty }
}
