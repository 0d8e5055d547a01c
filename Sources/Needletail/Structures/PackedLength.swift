/// A length in front of its bytes, in one byte when it is short. The byte may share its upper bits with flags: `mask`
/// are those it has.
///
///     0 ... mask - 2    the length itself
///     mask - 1          two bytes with it follow
///     mask              eight bytes with it follow
@safe struct PackedLength {
  let count: Int
  /// Bytes of the length, 1, 3 or 9.
  let width: Int

  @inline(__always)
  init(_ count: Int, mask: UInt8) {
    self.count = count
    width = count < Int(mask) - 1 ? 1 : count <= 0xffff ? 3 : 9
  }

  @inline(__always)
  init(at place: UnsafeRawPointer, mask: UInt8) {
    let byte = unsafe place.load(as: UInt8.self) & mask
    if byte < mask - 1 {
      count = Int(byte)
      width = 1
    } else if byte == mask - 1 {
      count = Int(unsafe place.loadUnaligned(fromByteOffset: 1, as: UInt16.self))
      width = 3
    } else {
      count = Int(truncatingIfNeeded: unsafe place.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
      width = 9
    }
  }

  /// Writes the length with the flags' bits cleared, and `bytes`, so many as it says, behind it.
  @inline(__always)
  func write(_ bytes: ByteView, to place: UnsafeMutableRawPointer, mask: UInt8) {
    precondition(bytes.count == count)
    switch width {
    case 1:
      unsafe place.storeBytes(of: UInt8(count), as: UInt8.self)
    case 3:
      unsafe place.storeBytes(of: mask - 1, as: UInt8.self)
      unsafe place.storeBytes(of: UInt16(count), toByteOffset: 1, as: UInt16.self)
    default:
      unsafe place.storeBytes(of: mask, as: UInt8.self)
      unsafe place.storeBytes(of: UInt64(count), toByteOffset: 1, as: UInt64.self)
    }
    unsafe bytes.copy(to: place + width)
  }
}
