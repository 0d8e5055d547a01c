/// When a member gets the score that it is given, and what that score is.
struct ScoreRules: OptionSet {
  let rawValue: UInt8
  /// Members that are there stay as they are.
  static let onlyNew = ScoreRules(rawValue: 1)
  /// Members that are not there stay away.
  static let onlyPresent = ScoreRules(rawValue: 2)
  /// Scores of members that are there only grow.
  static let onlyGreater = ScoreRules(rawValue: 4)
  static let onlyLess = ScoreRules(rawValue: 8)
  /// What is given is added to the score.
  static let increments = ScoreRules(rawValue: 16)

  /// What becomes of a member that is there.
  @inline(__always)
  func change(of old: Double, _ given: Double) -> ScoreChange {
    if contains(.onlyNew) { return ScoreChange(kind: .refused, score: old) }
    let score = contains(.increments) ? old + given : given
    if score.isNaN { return ScoreChange(kind: .notANumber, score: old) }
    if contains(.onlyLess) && score >= old || contains(.onlyGreater) && score <= old {
      return ScoreChange(kind: .refused, score: old)
    }
    return ScoreChange(kind: score == old ? .same : .updated, score: score)
  }
}

/// What giving a member a score came to.
struct ScoreChange {
  enum Kind: UInt8 { case added, updated, same, refused, notANumber }
  let kind: Kind
  /// The member's score from now on.
  let score: Double
}

extension Keyspace {
  /// Packed sorted sets are never longer, whatever the settings allow: they are changed by moving what is behind.
  static var packedSortedSetMaxBytes: Int { 1 << 20 }

  /// What a pair takes at most beside the member's bytes.
  private static var pairHeadMaxBytes: Int { 24 }

  // MARK: Adding

  /// Redis decides from a command's number of pairs, repeated ones included, and from the length of its first member
  /// how the set is kept: to be called before a command sets scores, which will all be set unless memory runs out. A
  /// key that was not there may be an empty set then.
  mutating func prepareSortedSet(_ found: inout Found, pairCount: Int, firstMember: ByteView) throws(OutOfMemory) {
    guard let entry = found.entry else {
      if pairCount > limits.sortedSetEntries || firstMember.count > limits.sortedSetBytes {
        unsafe putRoot(&found, .sortedSet, SortedSetRoot.make(&context).raw)
        hasHeldSortedSets = true
      }
      return
    }
    if pairCount > limits.sortedSetEntries, let blob = entry.blob { try unpack(&found, PackedSortedSet(blob)) }
  }

  /// Gives a member a score, as the rules will have it. Creates the key. Complexity: O(log n), O(count) when packed.
  @inline(__always)
  mutating func setScore(_ found: inout Found, _ member: ByteView, _ given: Double, _ rules: ScoreRules)
    throws(OutOfMemory) -> ScoreChange
  {
    if let entry = found.entry, unsafe entry.root != nil { return try setLargeScore(&found, member, given, rules) }
    return try setPackedScore(&found, member, given, rules)
  }

  private mutating func setLargeScore(_ found: inout Found, _ member: ByteView, _ given: Double, _ rules: ScoreRules)
    throws(OutOfMemory) -> ScoreChange
  {
    let old = unsafe SortedSetRoot(raw: found.entry!.child)
    let hash = old.hash(member, context)
    if let hit = unsafe old.index.pointee.find(member, hash: hash) {
      let change = rules.change(of: hit.element.score, given)
      guard change.kind == .updated else { return change }
      let root = writableSortedSet(&found)
      let changed = try unsafe root.tree.pointee.setScore(hit.element, change.score, &context.units)
      if unsafe changed.raw != hit.element.raw {
        unsafe root.index.pointee.replace(at: hit.position, with: changed, &context)
      }
      return change
    }
    if rules.contains(.onlyPresent) { return ScoreChange(kind: .refused, score: 0) }
    guard let unit = ScoredMember.tryMake(member, score: given, tag: context.units.currentTag) else {
      throw OutOfMemory()
    }
    let root = writableSortedSet(&found)
    unsafe root.tree.pointee.insert(unit, &context.units)
    unsafe root.index.pointee.insert(unit, hash: hash, &context)
    return ScoreChange(kind: .added, score: given)
  }

  private mutating func setPackedScore(_ found: inout Found, _ member: ByteView, _ given: Double, _ rules: ScoreRules)
    throws(OutOfMemory) -> ScoreChange
  {
    let blob = found.entry?.blob
    let isLong = SortedSetValue.isTooLong(member)
    if let blob, !isLong {
      let set = PackedSortedSet(blob)
      let encoded = EncodedElement(member)
      if let hit = set.find(encoded) {
        let change = rules.change(of: hit.pair.score, given)
        if change.kind == .updated { replacePackedScore(&found, set, hit.pair, member, Self.packedScore(change.score)) }
        return change
      }
    }
    if rules.contains(.onlyPresent) { return ScoreChange(kind: .refused, score: 0) }
    let byteCount = (blob?.count ?? 0) + member.count + Self.pairHeadMaxBytes
    let isFull = (blob.map { Packed.count($0) } ?? 0) >= limits.sortedSetEntries || member.count > limits.sortedSetBytes
      || byteCount > Self.packedSortedSetMaxBytes
    if isFull || isLong {
      if let blob {
        try unpack(&found, PackedSortedSet(blob))
      } else {
        unsafe putRoot(&found, .sortedSet, SortedSetRoot.make(&context).raw)
        hasHeldSortedSets = true
      }
      return try setLargeScore(&found, member, given, rules)
    }
    addPacked(&found, member, Self.packedScore(given))
    return ScoreChange(kind: .added, score: given)
  }

  /// Packed sets know no negative zero, as Redis's do not.
  private static func packedScore(_ score: Double) -> Double { score == 0 ? 0 : score }

  /// A member that is not there.
  private mutating func addPacked(_ found: inout Found, _ member: ByteView, _ score: Double) {
    let encoded = EncodedElement(member)
    let encodedScore = EncodedElement(score: score)
    guard let blob = found.entry?.blob else {
      let size = encoded.byteCount + encodedScore.byteCount
      hasHeldSortedSets = true
      return unsafe putPacked(&found, .sortedSet,
        byteCount: PackedSortedSet.emptyByteCount + size + BackLength.byteCount(size)
      ) { place in
        unsafe place.storeBytes(of: 1, as: UInt32.self)
        unsafe PackedSortedSet.fill(place + PackedSortedSet.emptyByteCount, encoded, encodedScore)
      }
    }
    let set = PackedSortedSet(blob)
    unsafe splice(&found, set.inserting(encoded, encodedScore, at: set.place(member, score).offset)) {
      unsafe PackedSortedSet.fill($0, encoded, encodedScore)
    }
  }

  private mutating func replacePackedScore(_ found: inout Found, _ set: PackedSortedSet, _ pair: PackedSortedSet.Pair,
    _ member: ByteView, _ score: Double)
  {
    guard let change = set.replacingScore(pair, score) else {
      unsafe splice(&found, set.removing(pair)) { _ in }
      return addPacked(&found, member, score)
    }
    let memberByteCount = pair.scoreOffset - pair.offset
    unsafe splice(&found, change) { unsafe PackedSortedSet.fillScore($0, memberByteCount: memberByteCount, score) }
  }

  /// Gives a packed set its large form: what SORT does to one in Redis, and OBJECT ENCODING shows it.
  mutating func unpackSortedSet(_ found: inout Found) throws(OutOfMemory) {
    if let blob = found.entry?.blob { try unpack(&found, PackedSortedSet(blob)) }
  }

  /// Gives a packed set its large form. Complexity: O(count), which its limits bound.
  private mutating func unpack(_ found: inout Found, _ set: PackedSortedSet) throws(OutOfMemory) {
    var collector = MemberCollector(&context)
    for pair in set {
      let score = pair.score
      let isAdded = pair.member.withBytes { collector.add($0, score, &context) }
      guard isAdded == .added else {
        collector.discard(context.units)
        throw OutOfMemory()
      }
    }
    unsafe putRoot(&found, .sortedSet, collector.finish(&context).raw)
  }

  // MARK: Removing

  /// Takes a member out; the last one leaves an empty set, which the caller removes.
  /// - Returns: false when it is not there. Complexity: O(log n), O(count) when packed.
  mutating func removeMember(_ found: inout Found, _ member: ByteView) -> Bool {
    guard let entry = found.entry else { return false }
    switch SortedSetValue(entry) {
    case .packed(let set):
      guard !SortedSetValue.isTooLong(member), let hit = set.find(EncodedElement(member)) else { return false }
      unsafe splice(&found, set.removing(hit.pair)) { _ in }
    case .large(let old):
      let hash = old.hash(member, context)
      guard let hit = unsafe old.index.pointee.find(member, hash: hash) else { return false }
      let root = writableSortedSet(&found)
      unsafe root.index.pointee.remove(at: hit.position, &context)
      unsafe root.tree.pointee.remove(hit.element, &context.units)
      unsafe context.units.retireValue(hit.element.raw, hit.element.byteCount, tag: context.units.currentTag)
    }
    return true
  }

  /// Takes the members of some ranks out, not all of them.
  /// Complexity: O(log n) for each, O(count) in all when packed.
  mutating func removeRanks(_ found: inout Found, _ ranks: Range<Int>) {
    guard let entry = found.entry, !ranks.isEmpty else { return }
    switch SortedSetValue(entry) {
    case .packed(let set):
      precondition(ranks.upperBound <= set.count)
      let first = set.pair(atRank: ranks.lowerBound).offset
      let end = set.pair(atRank: ranks.upperBound - 1).end
      unsafe splice(&found, set.removing(from: first, to: end, count: ranks.count)) { _ in }
    case .large:
      let root = writableSortedSet(&found)
      if ranks.count == 1 { return removeOne(root, ranks.lowerBound) }
      var cursor = unsafe root.tree.pointee.cursor(atRank: ranks.lowerBound)
      for _ in 0..<ranks.count {
        guard let member = cursor.next() else { preconditionFailure("ranks beyond the set") }
        removeFromIndex(root, member)
      }
      unsafe root.tree.pointee.removeRange(ranks, &context.units)
    }
  }

  private mutating func removeOne(_ root: SortedSetRoot, _ rank: Int) {
    let member = unsafe root.tree.pointee.remove(atRank: rank, &context.units)
    removeFromIndex(root, member)
    unsafe context.units.retireValue(member.raw, member.byteCount, tag: context.units.currentTag)
  }

  private mutating func removeFromIndex(_ root: SortedSetRoot, _ member: ScoredMember) {
    let hash = root.hash(member.member, context)
    guard let position = unsafe root.index.pointee.position(of: member, hash: hash) else {
      preconditionFailure("a member that its index does not know")
    }
    unsafe root.index.pointee.remove(at: position, &context)
  }
}
