/// Makes a sorted set beside the keyspace from members in any order: packed until it passes a threshold, then large.
@safe struct SortedSetBuilder: ~Copyable {
  /// Of no use once there is a large form.
  private var packed: BlobBuilder
  private var large: UnsafeMutablePointer<MemberCollector>?
  private let maxEntries: Int
  private let maxMemberBytes: Int

  /// - Parameter judgesLengths: false for values that come packed: however long their members, they stay so.
  init(_ limits: CollectionLimits, judgesLengths: Bool = true, _ context: borrowing TableContext) {
    maxEntries = limits.sortedSetEntries
    maxMemberBytes = judgesLengths ? limits.sortedSetBytes : Keyspace.packedSortedSetMaxBytes
    packed = BlobBuilder(headerBytes: PackedSortedSet.emptyByteCount, tag: context.units.currentTag)
    unsafe large = nil
    unsafe Packed.writeEmpty(to: packed.data)
  }

  /// Adds a member. Complexity: O(1) in the large form, O(count) in the packed one.
  mutating func add(_ member: PackedElement, _ score: Double, _ context: inout TableContext)
    -> MemberCollector.Outcome
  {
    if unsafe large == nil {
      if fits(member) { return addPacked(member, score) ? .added : .duplicate }
      guard unpack(&context) else { return .outOfMemory }
    }
    guard let large = unsafe large else { preconditionFailure("neither packed nor large") }
    return member.withBytes { unsafe large.pointee.add($0, score, &context) }
  }

  private func fits(_ member: PackedElement) -> Bool {
    let set = PackedSortedSet(packed.bytes)
    return set.count < maxEntries && member.count <= maxMemberBytes
      && set.end + member.count + 24 <= Keyspace.packedSortedSetMaxBytes
  }

  private mutating func addPacked(_ member: PackedElement, _ score: Double) -> Bool {
    let score = score == 0 ? 0 : score
    let encoded = EncodedElement(member)
    let encodedScore = EncodedElement(score: score)
    let set = PackedSortedSet(packed.bytes)
    if set.find(encoded) != nil { return false }
    let offset = member.withBytes { set.place($0, score).offset }
    unsafe packed.splice(set.inserting(encoded, encodedScore, at: offset)) {
      unsafe PackedSortedSet.fill($0, encoded, encodedScore)
    }
    return true
  }

  /// Goes on in the large form.
  /// - Returns: false when memory ran out.
  mutating func unpack(_ context: inout TableContext) -> Bool {
    let collector = UnsafeMutablePointer<MemberCollector>.allocate(capacity: 1)
    unsafe collector.initialize(to: MemberCollector(&context))
    unsafe large = collector
    for pair in PackedSortedSet(packed.bytes) {
      let score = pair.score
      let outcome = pair.member.withBytes { unsafe collector.pointee.add($0, score, &context) }
      guard outcome == .added else { return false }
    }
    return true
  }

  /// The value; nil without members.
  consuming func finish(_ context: inout TableContext) -> BuiltValue? {
    if let large = unsafe large {
      let root = unsafe large.pointee.finish(&context)
      unsafe Self.free(large)
      return unsafe BuiltValue(.sortedSet, root: root.raw)
    }
    if PackedSortedSet(packed.bytes).count == 0 { return nil }
    return BuiltValue(.sortedSet, packed: packed.finish())
  }

  /// Throws everything away.
  consuming func discard(_ units: borrowing Units) {
    guard let large = unsafe large else { return }
    unsafe large.pointee.discard(units)
    unsafe Self.free(large)
  }

  private static func free(_ collector: UnsafeMutablePointer<MemberCollector>) {
    unsafe collector.deinitialize(count: 1)
    unsafe collector.deallocate()
  }
}
