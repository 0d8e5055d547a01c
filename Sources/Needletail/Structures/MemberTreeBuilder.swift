/// Builds a `MemberTree` from members in their order: O(n), every leaf full but the last.
@safe struct MemberTreeBuilder: ~Copyable {
  private var builder: TreeBuilder<MemberLeaf>
  private let tag: UInt8
  private var leaf: MemberLeaf?
  private var memberBytes = 0

  /// - Parameter tag: the `currentTag`, which must not change before `finish`.
  init(tag: UInt8) {
    self.tag = tag
    builder = TreeBuilder(tag: tag)
  }

  /// - Returns: false, taking nothing, when the member does not come after the one before. Complexity: O(1).
  mutating func append(_ member: ScoredMember) -> Bool {
    var target = leaf ?? MemberLeaf.make(room: MemberLeaf.maxMembers, tag: tag)
    var count = target.count
    if count > 0 {
      guard unsafe MemberProbe(member).comparison(target.element(count - 1)) == .above else { return false }
    }
    if count == MemberLeaf.maxMembers {
      close(target)
      target = MemberLeaf.make(room: MemberLeaf.maxMembers, tag: tag)
      count = 0
    }
    // The hint is chosen when the leaf is full.
    unsafe target.insert(member.raw, 0, at: count)
    memberBytes += Heap.goodSize(member.byteCount)
    leaf = target
    return true
  }

  private mutating func close(_ full: MemberLeaf) {
    full.chooseHints()
    builder.append(full.summary(members: memberBytes, key: full[0].key))
    memberBytes = 0
  }

  /// The tree of all that was appended.
  mutating func finish(_ units: inout Units) -> MemberTree {
    if let last = leaf {
      let fitted = last.copy(0..<last.count, room: last.count, tag: tag)
      unsafe Heap.free(last.raw, last.byteCount)
      close(fitted)
    }
    leaf = nil
    return builder.finish(&units)
  }
}
