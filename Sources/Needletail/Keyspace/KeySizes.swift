/// How many keys of a database have what size: bytes of strings, elements of collections, by powers of two. INFO shows
/// it; whoever reports what a write did keeps it up to date.
///
///     size | 0 | 1 | 2-3 | 4-7 | 8-15 | ...  |  no key
///     bin  | 0 | 1 |  2  |  3  |  4   | ...  |  64
///
/// 65 bins for each type, 3 KB, made for the first key. What has no key is a bin like others, so that a key that comes
/// or goes is no special case.
@safe struct KeySizes: ~Copyable {
  static let binCount = 64
  private static let stride = binCount + 1
  private static let count = stride * ValueType.allCases.count

  private var counts: UnsafeMutablePointer<Int>?

  deinit { unsafe counts?.deallocate() }

  /// - Parameter length: -1: no key.
  @inline(__always)
  static func bin(_ length: Int) -> Int { 64 &- length.leadingZeroBitCount }

  /// The least size that counts in a bin.
  static func lowerBound(_ bin: Int) -> Int { bin == 0 ? 0 : 1 << (bin - 1) }

  /// A key has changed. Complexity: O(1).
  @inline(__always)
  mutating func change(_ oldType: ValueType, _ oldLength: Int, _ type: ValueType, _ length: Int) {
    let old = Int(oldType.rawValue) &* Self.stride &+ Self.bin(oldLength)
    let new = Int(type.rawValue) &* Self.stride &+ Self.bin(length)
    if old != new { move(old, new) }
  }

  private mutating func move(_ old: Int, _ new: Int) {
    if unsafe counts == nil {
      let made = UnsafeMutablePointer<Int>.allocate(capacity: Self.count)
      unsafe made.initialize(repeating: 0, count: Self.count)
      unsafe counts = made
    }
    unsafe counts.unsafelyUnwrapped[old] &-= 1
    unsafe counts.unsafelyUnwrapped[new] &+= 1
  }

  mutating func removeAll() { unsafe counts?.update(repeating: 0, count: Self.count) }

  /// The bins of a type that have any keys.
  func bins(_ type: ValueType) -> [(lowerBound: Int, count: Int)] {
    guard let counts = unsafe counts else { return [] }
    return (0..<Self.binCount).compactMap { bin in
      let count = unsafe counts[Int(type.rawValue) * Self.stride + bin]
      return count > 0 ? (Self.lowerBound(bin), count) : nil
    }
  }
}

extension Keyspace {
  /// Counts what a write did to a key; lengths are -1 without one.
  /// - Parameters:
  ///   - found: as it was found before.
  ///   - type: of what is there now; nil: what was found, or whatever the class of the event tells.
  @inline(__always)
  mutating func countSize(_ found: Found, _ eventClass: EventClass, lengthBefore: Int, lengthAfter: Int,
    type: ValueType? = nil)
  {
    let type = type ?? eventClass.valueType ?? found.heldType ?? .string
    unsafe (databases + found.database).pointee.sizes.change(found.heldType ?? type, lengthBefore, type, lengthAfter)
  }

  func sizes(database: Int, _ type: ValueType) -> [(lowerBound: Int, count: Int)] {
    precondition(database >= 0 && database < databaseCount)
    return unsafe databases[database].sizes.bins(type)
  }
}

extension EventClass {
  /// Of the keys that have such events; nil: keys of all types have.
  @inline(__always)
  fileprivate var valueType: ValueType? {
    switch self {
    case .string: .string
    case .list: .list
    case .set: .set
    case .hash: .hash
    case .sortedSet: .sortedSet
    case .stream: .stream
    case .generic, .expired, .evicted, .new: nil
    }
  }
}
