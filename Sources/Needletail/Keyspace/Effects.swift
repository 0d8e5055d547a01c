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

/// The one point through which every write passes. Without an observer it costs an addition and a test.
struct Effects: ~Copyable {
  /// Changes since the start.
  private(set) var dirty = 0
  /// Set while anybody listens.
  private(set) var isObserved = false
  var observer: (any EffectObserver)? { didSet { isObserved = observer != nil } }

  @inline(__always)
  mutating func report(_ eventClass: EventClass, _ event: StaticString, _ key: ByteView, database: Int,
    lengthBefore: Int, lengthAfter: Int)
  {
    dirty += 1
    if isObserved {
      tell(Effect(eventClass: eventClass, event: event, database: database, key: key.array, lengthBefore: lengthBefore,
        lengthAfter: lengthAfter))
    }
  }

  @inline(never)
  private func tell(_ effect: Effect) { observer?.keyChanged(effect) }

  /// Hands the command that reproduces the changes to the observer.
  func reproduce(_ arguments: [[UInt8]], database: Int) { observer?.commandRan(arguments, database: database) }

  /// Changes that no key's event tells of (FLUSHALL).
  mutating func count(_ changes: Int) { dirty += changes }
}
