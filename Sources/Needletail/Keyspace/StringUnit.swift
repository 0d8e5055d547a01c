import CSystem

/// A string too long to lie in its entry: one allocation, one unit.
///
///     | tag 1 | tag when it was let go 1 | unused 2 | pins 4 | count 8 | capacity 8 | bytes |
///
/// Replies may be sent from a unit's bytes while it lies in the keyspace and after it has left it, under whatever name
/// and in whatever database: `pins` counts them, and its highest bit says that the keyspace has let go. Who finds both
/// true, no pins and let go, frees the unit: the keyspace (or the thread that frees for it), or the last reply.
@safe struct StringUnit {
  let raw: UnsafeMutableRawPointer

  static let headerBytes = LargeArguments.headerBytes

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// Allocates a unit with room for `capacity` bytes, all of them uninitialised. Nil without memory.
  static func make(capacity: Int, tag: UInt8) -> StringUnit? {
    let size = Heap.goodSize(headerBytes + capacity)
    guard let block = unsafe Heap.tryAllocate(size) else { return nil }
    unsafe block.storeBytes(of: UInt64(tag), as: UInt64.self)
    unsafe block.storeBytes(of: 0, toByteOffset: 8, as: Int.self)
    unsafe block.storeBytes(of: size - headerBytes, toByteOffset: 16, as: Int.self)
    return unsafe StringUnit(raw: block)
  }

  /// Makes a unit of a block whose bytes behind the header are the string already.
  init(adopting block: UnsafeMutableRawPointer, byteCount: Int, count: Int, tag: UInt8) {
    unsafe raw = block
    unsafe block.storeBytes(of: UInt64(tag), as: UInt64.self)
    unsafe block.storeBytes(of: count, toByteOffset: 8, as: Int.self)
    unsafe block.storeBytes(of: byteCount - Self.headerBytes, toByteOffset: 16, as: Int.self)
  }

  var data: UnsafeMutableRawPointer { @inline(__always) get { unsafe raw + Self.headerBytes } }

  /// How many bytes of the string are filled in.
  var count: Int {
    @inline(__always) get { unsafe raw.load(fromByteOffset: 8, as: Int.self) }
    nonmutating set {
      precondition(newValue >= 0 && newValue <= capacity)
      unsafe raw.storeBytes(of: newValue, toByteOffset: 8, as: Int.self)
    }
  }

  var capacity: Int { @inline(__always) get { unsafe raw.load(fromByteOffset: 16, as: Int.self) } }

  private static let letGoBit: UInt32 = 1 << 31

  /// Replies that send these bytes from where they lie. While there are any, writes copy.
  var pins: Int { Int(unsafe cs_load_acquire_u32(raw + 4) & ~Self.letGoBit) }

  /// A reply is going to be sent from the unit. Only by the event loop, while the keyspace holds the unit.
  func pin() { _ = unsafe cs_fetch_add_u32(raw + 4, 1) }

  /// Such a reply has been sent, or will never be. Only by the event loop.
  /// - Returns: nil while somebody else holds the unit; otherwise it is the caller's to free, having left the keyspace
  ///   when `currentTag` was this.
  func unpin() -> UInt8? {
    let before = unsafe cs_fetch_sub_u32(raw + 4, 1)
    precondition(before & ~Self.letGoBit > 0)
    return before == Self.letGoBit | 1 ? unsafe raw.load(fromByteOffset: 1, as: UInt8.self) : nil
  }

  /// The unit leaves the keyspace when `currentTag` is `tag`. Once; on any thread.
  /// - Returns: true when it is the caller's to free; otherwise the last reply frees it.
  func letGo(tag: UInt8) -> Bool {
    // Nobody can pin what is out of reach.
    if pins == 0 { return true }
    unsafe raw.storeBytes(of: tag, toByteOffset: 1, as: UInt8.self)
    return unsafe cs_fetch_or_u32(raw + 4, Self.letGoBit) == 0
  }

  var bytes: ByteView { @inline(__always) get { unsafe ByteView(data, count: count) } }

  /// Room kept ready beyond `count` bytes for a string that grows: half as much again, at most a mebibyte.
  static func reserve(_ count: Int) -> Int { min(count / 2, 1 << 20) }

  /// The unit itself when it has room for `count` bytes, else a larger one with its bytes; the old one is gone then.
  func withCapacity(_ count: Int) throws(OutOfMemory) -> StringUnit {
    if count <= capacity { return self }
    let size = Heap.goodSize(Self.headerBytes + count + Self.reserve(count))
    guard let block = unsafe Heap.tryReallocate(raw, byteCount, size) else { throw OutOfMemory() }
    unsafe block.storeBytes(of: size - Self.headerBytes, toByteOffset: 16, as: Int.self)
    return unsafe StringUnit(raw: block)
  }

  /// Size of the allocation.
  var byteCount: Int { Self.headerBytes + capacity }
}
