/// A change of a packed collection, told apart from where the collection lies: at `offset`, some bytes give way to
/// others. The owner of the blob applies it in place or while copying the blob elsewhere, and has the collection's
/// `fill` write what is inserted:
///
///     let splice = map.setting(field, value)
///     let gap = unsafe splice.apply(to: blob, byteCount: byteCount, capacity: capacity)   // or apply(from:to:)
///     unsafe PackedMap.fill(gap, splice, field, value)
///
/// Every blob begins with the number of its elements (32 bits; pairs count as one), which is patched here. What is
/// filled in must not lie in the blob that is changed in place.
@safe struct PackedSplice {
  let offset: Int
  let removedByteCount: Int
  let insertedByteCount: Int
  let countDelta: Int
  /// Where a list's first element lies from now on; 0 in the other forms.
  var start: UInt16 = 0

  /// Nothing changes.
  static var nothing: PackedSplice { PackedSplice(offset: 0, removedByteCount: 0, insertedByteCount: 0, countDelta: 0) }

  /// What the blob's size changes by.
  var byteCountDelta: Int {
    @inline(__always) get { insertedByteCount - removedByteCount }
  }

  /// Changes the blob where it is: moves what is behind the change.
  /// - Parameter capacity: the bytes there is room for; the changed blob must fit.
  /// - Returns: where the inserted bytes go. Complexity: O(bytes behind the change).
  @inline(__always)
  func apply(to blob: UnsafeMutableRawPointer, byteCount: Int, capacity: Int) -> UnsafeMutableRawPointer {
    precondition(offset >= 0 && removedByteCount >= 0 && removedByteCount <= byteCount - offset)
    precondition(insertedByteCount >= 0 && insertedByteCount <= capacity - (byteCount - removedByteCount))
    let gap = unsafe blob + offset
    let tailCount = byteCount - offset - removedByteCount
    if tailCount != 0 && insertedByteCount != removedByteCount {
      unsafe (gap + insertedByteCount).copyMemory(from: gap + removedByteCount, byteCount: tailCount)
    }
    unsafe patch(blob)
    return unsafe gap
  }

  /// Writes the changed blob to `blob`, which has room for `capacity` bytes, and leaves the old one alone.
  /// - Returns: where the inserted bytes go. Complexity: O(bytes).
  @inline(__always)
  func apply(from old: ByteView, to blob: UnsafeMutableRawPointer, capacity: Int) -> UnsafeMutableRawPointer {
    precondition(offset >= 0 && removedByteCount >= 0 && removedByteCount <= old.count - offset)
    precondition(insertedByteCount >= 0 && insertedByteCount <= capacity - (old.count - removedByteCount))
    unsafe old[0..<offset].copy(to: blob)
    let gap = unsafe blob + offset
    unsafe old[offset + removedByteCount..<old.count].copy(to: gap + insertedByteCount)
    unsafe patch(blob)
    return unsafe gap
  }

  @inline(__always)
  private func patch(_ blob: UnsafeMutableRawPointer) {
    if countDelta != 0 {
      let count = Int(unsafe blob.loadUnaligned(as: UInt32.self)) + countDelta
      unsafe blob.storeBytes(of: UInt32(count), as: UInt32.self)
    }
    if start != 0 { unsafe blob.storeBytes(of: start, toByteOffset: Packed.countBytes, as: UInt16.self) }
  }
}

/// What all packed forms share.
enum Packed {
  /// Every blob begins with its count.
  static let countBytes = 4

  @inline(__always)
  static func count(_ blob: ByteView) -> Int { Int(blob.fixed(UInt32.self, at: 0) & ~mark) }

  /// The highest bit of the count is no part of it: a form may say something with it, and no splice changes it.
  static let mark: UInt32 = 1 << 31

  /// Writes the blob of a map, set or sorted set without elements: `countBytes` bytes.
  @inline(__always)
  static func writeEmpty(to blob: UnsafeMutableRawPointer) { unsafe blob.storeBytes(of: 0, as: UInt32.self) }
}
