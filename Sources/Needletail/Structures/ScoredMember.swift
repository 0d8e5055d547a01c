import Glibc

/// A member of a sorted set with its score, a unit:
///
///     | tag 1 | length 1 | score 8 | long length 0 or 4 | bytes |
///
/// Nothing is aligned. A length of 255 or more has 255 in its byte and four bytes of its own. With 16 bytes of member
/// it takes 26, which fits jemalloc's class of 32, as do 22; no member at all still takes the 16 that a unit must have.
@safe struct ScoredMember {
  let raw: UnsafeMutableRawPointer

  private static let longMark = 255
  private static let scoreOffset = 2
  private static let bytesOffset = 10

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// Nil when there is no memory for a member of more than 64 KiB.
  static func tryMake(_ member: ByteView, score: Double, tag: UInt8) -> ScoredMember? {
    let byteCount = byteCount(forMember: member.count)
    guard byteCount > Heap.fallibleThresholdBytes else { return make(member, score: score, tag: tag) }
    guard let block = unsafe Heap.tryAllocate(byteCount) else { return nil }
    return unsafe fill(block, member, score, tag)
  }

  /// Ends the process without memory.
  @inline(__always)
  static func make(_ member: ByteView, score: Double, tag: UInt8) -> ScoredMember {
    unsafe fill(Heap.allocate(byteCount(forMember: member.count)), member, score, tag)
  }

  @inline(__always)
  private static func fill(_ block: UnsafeMutableRawPointer, _ member: ByteView, _ score: Double, _ tag: UInt8)
    -> ScoredMember
  {
    unsafe block.storeBytes(of: tag, as: UInt8.self)
    unsafe block.storeBytes(of: UInt8(min(member.count, longMark)), toByteOffset: 1, as: UInt8.self)
    unsafe block.storeBytes(of: score, toByteOffset: scoreOffset, as: Double.self)
    var offset = bytesOffset
    if member.count >= longMark {
      unsafe block.storeBytes(of: UInt32(member.count), toByteOffset: offset, as: UInt32.self)
      offset += 4
    }
    unsafe member.copy(to: block + offset)
    return unsafe ScoredMember(raw: block)
  }

  @inline(__always)
  private static func byteCount(forMember count: Int) -> Int {
    bytesOffset &+ count &+ (count >= longMark ? 4 : 0)
  }

  /// Of the allocation.
  @inline(__always) var byteCount: Int { Self.byteCount(forMember: count) }

  /// Of the member.
  @inline(__always)
  var count: Int {
    let short = unsafe Int(raw.load(fromByteOffset: 1, as: UInt8.self))
    if short < Self.longMark { return short }
    return unsafe Int(raw.loadUnaligned(fromByteOffset: Self.bytesOffset, as: UInt32.self))
  }

  @inline(__always)
  var member: ByteView {
    let short = unsafe Int(raw.load(fromByteOffset: 1, as: UInt8.self))
    if short < Self.longMark { return unsafe ByteView(raw + Self.bytesOffset, count: short) }
    return unsafe ByteView(raw + Self.bytesOffset + 4, count: count)
  }

  /// Setting it: the unit must not belong to a view.
  @inline(__always)
  var score: Double {
    get { unsafe raw.loadUnaligned(fromByteOffset: Self.scoreOffset, as: Double.self) }
    nonmutating set { unsafe raw.storeBytes(of: newValue, toByteOffset: Self.scoreOffset, as: Double.self) }
  }

  // MARK: Order

  /// The score, then the member's first eight bytes: what is less by this is less in the order of sorted sets, and what
  /// is equal must be compared by its members.
  @inline(__always) var key: UInt128 { Self.key(score, member) }

  @inline(__always)
  static func key(_ score: Double, _ member: ByteView) -> UInt128 {
    UInt128(orderedBits(score)) << 64 | UInt128(prefix(member))
  }

  /// The least key that a score can have.
  static func leastKey(_ score: Double) -> UInt128 { UInt128(orderedBits(score)) << 64 }
  /// The least key of all scores above this one.
  static func leastKey(above score: Double) -> UInt128 { UInt128(orderedBits(score) + 1) << 64 }

  /// A number that orders as scores do, infinities included. Both zeros are one. NaN is nobody's score.
  @inline(__always)
  private static func orderedBits(_ score: Double) -> UInt64 {
    let bits = (score + 0.0).bitPattern
    return bits ^ (UInt64(bitPattern: Int64(bitPattern: bits) >> 63) | 1 << 63)
  }

  @inline(__always)
  private static func prefix(_ member: ByteView) -> UInt64 {
    if member.count >= 8 { return unsafe UInt64(bigEndian: member.base.loadUnaligned(as: UInt64.self)) }
    var word: UInt64 = 0
    for index in 0..<member.count { word |= UInt64(member[index]) &<< UInt64(56 &- index &* 8) }
    return word
  }

  /// Whether `a` comes before `b` by their bytes.
  static func isLess(_ a: ByteView, _ b: ByteView) -> Bool {
    let common = min(a.count, b.count)
    let order = common == 0 ? 0 : unsafe memcmp(a.base, b.base, common)
    return order == 0 ? a.count < b.count : order < 0
  }
}

/// Looks for a member with its score.
@safe struct MemberProbe: TreeProbe {
  let key: UInt128
  let member: ByteView
  /// The unit looked for, when it is known: it is recognised without being read.
  let raw: UInt

  @inline(__always)
  init(_ score: Double, _ member: ByteView) {
    key = ScoredMember.key(score, member)
    self.member = member
    raw = 0
  }

  @inline(__always)
  init(_ member: ScoredMember) {
    key = member.key
    self.member = member.member
    raw = unsafe UInt(bitPattern: member.raw)
  }

  /// The probe's place relative to an element's: below it, on it or above it.
  @inline(__always)
  func comparison(_ element: UnsafeMutableRawPointer) -> Comparison {
    if UInt(bitPattern: element) == raw { return .equal }
    let element = unsafe ScoredMember(raw: element)
    let other = element.key
    if key != other { return key < other ? .below : .above }
    let otherMember = element.member
    if ScoredMember.isLess(member, otherMember) { return .below }
    return member == otherMember ? .equal : .above
  }

  enum Comparison { case below, equal, above }

  func isBefore(firstOf leaf: UnsafeMutableRawPointer) -> Bool {
    unsafe comparison(MemberLeaf(leaf).element(0)) == .below
  }
}
