/// A member of a large set: one allocation, one unit.
///
///     | tag 1 | length 1, 3 or 9 | member |
///
/// 16 bytes fit jemalloc's class of 32.
@safe struct SetMember: CollectionElement {
  private static let mask: UInt8 = 255

  let raw: UnsafeMutableRawPointer

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// Nil without memory.
  @inline(__always)
  static func make(_ member: ByteView, tag: UInt8) -> SetMember? {
    let length = PackedLength(member.count, mask: mask)
    guard let block = unsafe Heap.tryAllocate(byteCount(length)) else { return nil }
    unsafe block.storeBytes(of: tag, as: UInt8.self)
    unsafe length.write(member, to: block + 1, mask: mask)
    return unsafe SetMember(raw: block)
  }

  private var length: PackedLength { @inline(__always) get { unsafe PackedLength(at: raw + 1, mask: Self.mask) } }

  /// A dead unit is linked through its first 16 bytes, so none is smaller.
  @inline(__always)
  private static func byteCount(_ length: PackedLength) -> Int { max(1 + length.width + length.count, 16) }

  var bytes: ByteView {
    @inline(__always) get {
      let length = self.length
      return unsafe ByteView(raw + 1 + length.width, count: length.count)
    }
  }

  var byteCount: Int { @inline(__always) get { Self.byteCount(length) } }

  @inline(__always) func hash(_ seed: HashSeed) -> UInt64 { sipHash13(bytes, seed) }
  @inline(__always) func hasKey(_ key: ByteView) -> Bool { bytes == key }

  static var freeFunction: BackgroundFreer.Function {
    { root, _, tag, limbo in unsafe TableRoot<SetMember>.free(root, tag: tag, Limbo(raw: limbo)) }
  }
}
