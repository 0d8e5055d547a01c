/// Makes a sorted set beside the keyspace from members in any order: packed until it passes a threshold, then large.
@safe struct SortedSetBuilder: ~Copyable {
  private var packed: BlobBuilder?
  private var large: MemberCollector?
  private let maxEntries: Int
  private let maxMemberBytes: Int

  /// - Parameter judgesLengths: false for values that come packed: however long their members, they stay so.
  init(_ limits: CollectionLimits, judgesLengths: Bool = true, _ context: borrowing TableContext) {
    maxEntries = limits.sortedSetEntries
    maxMemberBytes = judgesLengths ? limits.sortedSetBytes : Keyspace.packedSortedSetMaxBytes
    let builder = BlobBuilder(headerBytes: PackedSortedSet.emptyByteCount, tag: context.units.currentTag)
    unsafe Packed.writeEmpty(to: builder.data)
    packed = consume builder
    large = nil
  }

  /// Adds a member. Complexity: O(1) in the large form, O(count) in the packed one.
  mutating func add(_ member: PackedElement, _ score: Double, _ context: inout TableContext) -> MemberCollector.Outcome {
    if large == nil {
      if fits(member) { return addPacked(member, score) ? .added : .duplicate }
      guard unpack(&context) else { return .outOfMemory }
    }
    return member.withBytes { large!.add($0, score, &context) }
  }

  private func fits(_ member: PackedElement) -> Bool {
    let set = PackedSortedSet(packed!.bytes)
    return set.count < maxEntries && member.count <= maxMemberBytes
      && set.end + member.count + 24 <= Keyspace.packedSortedSetMaxBytes
  }

  private mutating func addPacked(_ member: PackedElement, _ score: Double) -> Bool {
    let score = score == 0 ? 0 : score
    let encoded = EncodedElement(member)
    let encodedScore = EncodedElement(score: score)
    let set = PackedSortedSet(packed!.bytes)
    if set.find(encoded) != nil { return false }
    let offset = member.withBytes { set.place($0, score).offset }
    unsafe packed!.splice(set.inserting(encoded, encodedScore, at: offset)) {
      unsafe PackedSortedSet.fill($0, encoded, encodedScore)
    }
    return true
  }

  /// - Returns: false when memory ran out.
  private mutating func unpack(_ context: inout TableContext) -> Bool {
    var collector = MemberCollector(&context)
    for pair in PackedSortedSet(packed!.bytes) {
      let score = pair.score
      guard pair.member.withBytes({ collector.add($0, score, &context) }) == .added else {
        collector.discard(context.units)
        return false
      }
    }
    packed = nil
    large = consume collector
    return true
  }

  /// The value; nil without members.
  consuming func finish(_ context: inout TableContext) -> BuiltValue? {
    if large != nil { return unsafe BuiltValue(.sortedSet, root: large!.finish(&context).raw) }
    if PackedSortedSet(packed!.bytes).count == 0 { return nil }
    return BuiltValue(.sortedSet, packed: packed.take()!.finish())
  }

  /// Throws everything away.
  consuming func discard(_ units: borrowing Units) {
    if large != nil { large!.discard(units) }
  }
}
