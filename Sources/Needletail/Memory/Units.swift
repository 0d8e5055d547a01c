import CSystem

/// The freeze tags of units and the rules for letting one go (DESIGN.md §5).
///
/// A unit is one allocation of the keyspace. Byte 0 is its tag: while it differs from `currentTag`, the unit belongs
/// to a frozen view, and the loop neither writes nor frees it. It is the only byte of a unit that two threads write.
struct Units: ~Copyable {
  /// The tag of a unit that the loop has let go while a view still holds it. Never a `currentTag`.
  static let deadTag: UInt8 = 0

  /// New units are born with it.
  private(set) var currentTag: UInt8
  /// A view is open: some units may belong to it.
  private(set) var isFrozen = false
  let freer: BackgroundFreer

  /// - Parameter currentTag: that of the keyspace, for units that are made beside it and then given to it.
  init(freer: BackgroundFreer, currentTag: UInt8 = 1) {
    self.freer = freer
    self.currentTag = currentTag
  }

  /// Units let go that a view still holds.
  var limbo: Limbo { freer.limbo }

  /// True while the unit must be copied instead of changed. Acquire: what the walker did to the unit before it
  /// released it happens before our write.
  @inline(__always)
  func belongsToView(_ unit: UnsafeMutableRawPointer) -> Bool { unsafe cs_load_acquire_u8(unit) != currentTag }

  /// Lets go of one allocation that has been replaced by a copy. Its children live on in the copy.
  @inline(__always)
  mutating func retire(_ unit: UnsafeMutableRawPointer, _ byteCount: Int) {
    unsafe retire(unit, byteCount, tag: currentTag)
  }

  /// As above, of one that was unlinked when `currentTag` was `tag`.
  @inline(__always)
  mutating func retire(_ unit: UnsafeMutableRawPointer, _ byteCount: Int, tag: UInt8) {
    unsafe Self.dispose(unit, byteCount, currentTag: tag, limbo)
  }

  /// Values from this size on are freed by the background thread.
  static let backgroundFreeBytes = 64 << 10

  /// Lets go of a unit that may be as large as a user wants, and has no children.
  mutating func retireValue(_ unit: UnsafeMutableRawPointer, _ byteCount: Int, tag: UInt8) {
    guard byteCount >= Self.backgroundFreeBytes else { return unsafe retire(unit, byteCount, tag: tag) }
    unsafe freer.enqueue({ block, byteCount, tag, limbo in
      unsafe Units.dispose(block, byteCount, currentTag: tag, Limbo(raw: limbo))
    }, unit, byteCount, tag: tag)
  }

  /// Frees the unit, unless a view holds it: then the view's walker will hand it to the freer.
  ///
  /// A drop carries the `currentTag` of its moment, so that what was unlinked before a freeze is not mistaken for a
  /// part of its view. Safe on any thread.
  @inline(__always)
  static func dispose(_ unit: UnsafeMutableRawPointer, _ byteCount: Int, currentTag: UInt8, _ limbo: Limbo) {
    let tag = unsafe cs_load_acquire_u8(unit)
    if tag == currentTag { return unsafe Heap.free(unit, byteCount) }
    // Counted first: the walker may take it off again at once.
    limbo.add(byteCount)
    if unsafe cs_compare_exchange_u8(unit, tag, deadTag) { return }
    limbo.subtract(byteCount)
    unsafe Heap.free(unit, byteCount)
  }

  /// Starts a view: every unit alive now belongs to it until its walker releases it.
  ///
  /// Only when no view is open: then all live units carry `currentTag`, and two values that take turns suffice.
  mutating func freeze() {
    precondition(!isFrozen)
    isFrozen = true
    currentTag = currentTag == 1 ? 2 : 1
  }

  /// The view's walker has visited everything: all live units carry `currentTag` again.
  mutating func thaw() {
    precondition(isFrozen)
    isFrozen = false
  }

  /// The walker's side: the unit may be changed in place again.
  /// - Returns: false when the loop has let the unit go meanwhile; it is the caller's to free.
  @inline(__always)
  static func release(_ unit: UnsafeMutableRawPointer, currentTag: UInt8) -> Bool {
    unsafe cs_exchange_u8(unit, currentTag) != deadTag
  }
}

/// Bytes of units that the loop has let go while a view holds them: a counter, no list. Safe on any thread.
@safe struct Limbo {
  private let counter: UnsafeMutablePointer<UInt64>

  /// Lives as long as the process.
  init() {
    unsafe counter = .allocate(capacity: 1)
    unsafe counter.initialize(to: 0)
  }

  /// The same counter again, from what `raw` gave.
  init(raw: UnsafeMutableRawPointer) { unsafe counter = raw.assumingMemoryBound(to: UInt64.self) }

  var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(counter) }

  var byteCount: Int { Int(truncatingIfNeeded: unsafe cs_load_acquire_u64(counter)) }

  func add(_ bytes: Int) { unsafe _ = cs_fetch_add_u64(counter, UInt64(bytes)) }

  func subtract(_ bytes: Int) { unsafe _ = cs_fetch_add_u64(counter, 0 &- UInt64(bytes)) }
}

/// Units that a walker got back dead, linked through their own first bytes: the walker neither allocates nor frees.
@safe struct DeadUnits {
  /// What a dead unit's bytes become. Every unit has room for it.
  @safe struct Link {
    var next: UnsafeMutablePointer<Link>?
    let byteCount: Int
  }

  private(set) var first: UnsafeMutablePointer<Link>?
  private(set) var last: UnsafeMutablePointer<Link>?
  private(set) var count = 0

  init() {
    unsafe first = nil
    unsafe last = nil
  }

  var isEmpty: Bool { count == 0 }

  /// - Parameter byteCount: the size asked for; its class has at least 16 bytes.
  mutating func append(_ unit: UnsafeMutableRawPointer, _ byteCount: Int) {
    let link = unsafe unit.bindMemory(to: Link.self, capacity: 1)
    unsafe link.initialize(to: Link(next: first, byteCount: byteCount))
    unsafe first = link
    if count == 0 { unsafe last = link }
    count += 1
  }
}
