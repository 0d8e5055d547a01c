/// How long an item of a packed list or sorted set is, written behind it, so that it can be read from its end.
///
///     size up to 253:     | size |
///     size up to 65,535:  | size 2 | 254 |
///     longer:             | size 4 | 255 |
///
/// The last byte says which; the size is without the back length itself.
enum BackLength {
  /// The longest item whose back length is one byte.
  static let maxShort = 253

  /// What the back length of an item of `size` bytes takes.
  @inline(__always)
  static func byteCount(_ size: Int) -> Int {
    if size <= maxShort { return 1 }
    return longByteCount(size)
  }

  // Not inlined, so that the step to the next item is a branch guessed right and not a choice it must wait for.
  @inline(never)
  private static func longByteCount(_ size: Int) -> Int { size <= Int(UInt16.max) ? 3 : 5 }

  /// Complexity: O(1).
  @inline(__always)
  static func write(_ size: Int, to place: UnsafeMutableRawPointer) {
    if size <= maxShort { return unsafe place.storeBytes(of: UInt8(truncatingIfNeeded: size), as: UInt8.self) }
    unsafe writeLong(size, to: place)
  }

  @inline(never)
  private static func writeLong(_ size: Int, to place: UnsafeMutableRawPointer) {
    if size <= Int(UInt16.max) {
      unsafe place.storeBytes(of: UInt16(size), as: UInt16.self)
      unsafe place.storeBytes(of: 254, toByteOffset: 2, as: UInt8.self)
    } else {
      unsafe place.storeBytes(of: UInt32(size), as: UInt32.self)
      unsafe place.storeBytes(of: 255, toByteOffset: 4, as: UInt8.self)
    }
  }

  /// Where the item begins whose back length ends at `end`. Traps when that is not inside the blob. Complexity: O(1).
  @inline(__always)
  static func start(_ blob: ByteView, before end: Int) -> Int {
    let last = Int(blob[end - 1])
    let start = last <= maxShort ? end - 1 - last : longStart(blob, before: end)
    precondition(start >= Packed.countBytes)
    return start
  }

  @inline(never)
  private static func longStart(_ blob: ByteView, before end: Int) -> Int {
    blob[end - 1] == 254
      ? end - 3 - Int(blob.fixed(UInt16.self, at: end - 3)) : end - 5 - Int(blob.fixed(UInt32.self, at: end - 5))
  }
}
