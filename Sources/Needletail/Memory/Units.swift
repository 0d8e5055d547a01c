import CSystem

/// The freeze tags of units and the rules for letting one go (DESIGN.md §5).
///
/// A unit is one allocation of the keyspace. Byte 0 is its tag: while it differs from `currentTag`, the unit belongs
/// to a frozen view, and the loop neither writes nor frees it. It is the only byte of a unit that two threads write.
struct Units: ~Copyable {
  /// The tag of a unit that the loop has let go while a view still holds it. Never a `currentTag`.
  static let deadTag: UInt8 = 0

  /// New units are born with it.
  private(set) var currentTag: UInt8 = 1
  /// Bytes of units let go that a view still holds.
  private(set) var limboByteCount = 0
  let freer: BackgroundFreer

  init(freer: BackgroundFreer) { self.freer = freer }

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
    if unsafe !Self.dispose(unit, byteCount, currentTag: tag) { limboByteCount += byteCount }
  }

  /// Frees the unit, unless a view holds it: then the view's walker will hand it to the freer.
  ///
  /// A drop carries the `currentTag` of its moment, so that what was unlinked before a freeze is not mistaken for a
  /// part of its view. Safe on any thread.
  /// - Returns: true when the unit was freed.
  @inline(__always)
  static func dispose(_ unit: UnsafeMutableRawPointer, _ byteCount: Int, currentTag: UInt8) -> Bool {
    let tag = unsafe cs_load_acquire_u8(unit)
    if tag != currentTag, unsafe cs_compare_exchange_u8(unit, tag, deadTag) { return false }
    unsafe Heap.free(unit, byteCount)
    return true
  }

  /// Starts a view: every unit alive now belongs to it until its walker releases it.
  ///
  /// Only when no view is open: then all live units carry `currentTag`, and two values that take turns suffice.
  mutating func freeze() { currentTag = currentTag == 1 ? 2 : 1 }

  /// The walker's side: the unit may be changed in place again.
  /// - Returns: false when the loop has let the unit go meanwhile; it is the caller's to free.
  static func release(_ unit: UnsafeMutableRawPointer, currentTag: UInt8) -> Bool {
    unsafe cs_exchange_u8(unit, currentTag) != deadTag
  }
}
