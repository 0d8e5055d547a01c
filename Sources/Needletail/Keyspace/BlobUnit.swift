/// A packed collection too long to lie in its entry: one allocation, one unit.
///
///     | tag 1 | unused 3 | count 4 | capacity 4 | unused 4 | bytes |
@safe struct BlobUnit {
  let raw: UnsafeMutableRawPointer

  static let headerBytes = 16
  /// A packed form is never longer: its lengths have 32 bits.
  static let maxBytes = Int(UInt32.max) - (1 << 20)

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// Allocates a unit with room for `capacity` bytes at least, of which `count` are said to be filled in.
  static func make(count: Int, capacity: Int, tag: UInt8) -> BlobUnit {
    precondition(count <= capacity && capacity <= maxBytes)
    let size = Heap.goodSize(headerBytes + capacity)
    let block = unsafe Heap.allocate(size)
    unsafe block.storeBytes(of: UInt64(tag), as: UInt64.self)
    unsafe block.storeBytes(of: UInt32(count), toByteOffset: 4, as: UInt32.self)
    unsafe block.storeBytes(of: UInt32(size - headerBytes), toByteOffset: 8, as: UInt32.self)
    return unsafe BlobUnit(raw: block)
  }

  var data: UnsafeMutableRawPointer { @inline(__always) get { unsafe raw + Self.headerBytes } }

  /// How many bytes are filled in.
  var count: Int {
    @inline(__always) get { Int(unsafe raw.load(fromByteOffset: 4, as: UInt32.self)) }
    nonmutating set {
      precondition(newValue >= 0 && newValue <= capacity)
      unsafe raw.storeBytes(of: UInt32(newValue), toByteOffset: 4, as: UInt32.self)
    }
  }

  var capacity: Int { @inline(__always) get { Int(unsafe raw.load(fromByteOffset: 8, as: UInt32.self)) } }

  var bytes: ByteView { @inline(__always) get { unsafe ByteView(data, count: count) } }

  /// Size of the allocation.
  var byteCount: Int { Self.headerBytes + capacity }
}
