/// Scores between two bounds, neither of which is NaN.
struct ScoreRange {
  var lower: Double
  var isLowerExclusive = false
  var upper: Double
  var isUpperExclusive = false

  /// Whether no score at all is inside.
  var isEmpty: Bool { lower > upper || lower == upper && (isLowerExclusive || isUpperExclusive) }
}

/// An end of a range in the order of bytes.
@safe enum LexBound {
  /// Before every member.
  case least
  /// After every member.
  case greatest
  case at(ByteView, isExclusive: Bool)
}

/// Members between two others in the order of bytes.
@safe struct LexRange {
  let lower: LexBound
  let upper: LexBound

  /// Whether no member at all is inside.
  var isEmpty: Bool {
    switch (lower, upper) {
    case (.least, .least), (.greatest, _): return true
    case (_, .least): return true
    case (.least, _), (_, .greatest): return false
    case (.at(let a, let isLowerExclusive), .at(let b, let isUpperExclusive)):
      let order = a.packedCompare(b)
      return order > 0 || order == 0 && (isLowerExclusive || isUpperExclusive)
    }
  }

  func isAboveLower(_ member: PackedElement) -> Bool {
    switch lower {
    case .least: return true
    case .greatest: return false
    case .at(let bound, let isExclusive):
      let order = member.compare(bound)
      return isExclusive ? order > 0 : order >= 0
    }
  }

  func isBelowUpper(_ member: PackedElement) -> Bool {
    switch upper {
    case .least: return false
    case .greatest: return true
    case .at(let bound, let isExclusive):
      let order = member.compare(bound)
      return isExclusive ? order < 0 : order <= 0
    }
  }
}

extension SortedSetValue {
  /// The ranks of the members with scores in `range`. Complexity: O(log n), O(count) in the packed form.
  func ranks(_ range: ScoreRange) -> Range<Int> {
    guard !range.isEmpty else { return 0..<0 }
    let first: Int
    let end: Int
    switch self {
    case .packed(let set):
      first = set.lowerBound(score: range.lower, isExclusive: range.isLowerExclusive).rank
      end = set.lowerBound(score: range.upper, isExclusive: !range.isUpperExclusive).rank
    case .large(let root):
      let tree = unsafe root.tree.pointee
      first = range.isLowerExclusive ? tree.countUpTo(range.lower) : tree.countBelow(range.lower)
      end = range.isUpperExclusive ? tree.countBelow(range.upper) : tree.countUpTo(range.upper)
    }
    return first..<max(first, end)
  }

  /// The ranks of the members in `range`, as far as all have the same score. Complexity: as above.
  ///
  /// Where scores differ, the packed form finds what Redis finds, who looks from the end where the range begins for the
  /// first member inside it, and takes what follows until the first one outside.
  func ranks(_ range: LexRange, isReversed: Bool = false) -> Range<Int> {
    guard !range.isEmpty, count > 0 else { return 0..<0 }
    switch self {
    case .packed(let set): return isReversed ? Self.ranksBackwards(range, set) : Self.ranks(range, set)
    case .large(let root):
      let first = Self.bound(range.lower, root, isUpper: false)
      return first..<max(first, Self.bound(range.upper, root, isUpper: true))
    }
  }

  private static func bound(_ bound: LexBound, _ root: SortedSetRoot, isUpper: Bool) -> Int {
    switch bound {
    case .least: return 0
    case .greatest: return root.count
    case .at(let member, let isExclusive):
      let tree = unsafe root.tree.pointee
      let place = tree.rank(tree[0].score, member)
      return place.isFound && isExclusive != isUpper ? place.rank + 1 : place.rank
    }
  }

  private static func ranks(_ range: LexRange, _ set: PackedSortedSet) -> Range<Int> {
    guard let last = set.pair(before: set.end), range.isAboveLower(last.member), let start = set.pair(at: set.start),
      range.isBelowUpper(start.member)
    else { return 0..<0 }
    var rank = 0
    var first = -1
    for pair in set {
      if first < 0 && range.isAboveLower(pair.member) { first = rank }
      if first >= 0 && !range.isBelowUpper(pair.member) { break }
      rank += 1
    }
    return first < 0 ? 0..<0 : first..<rank
  }

  private static func ranksBackwards(_ range: LexRange, _ set: PackedSortedSet) -> Range<Int> {
    guard let last = set.pair(before: set.end), range.isAboveLower(last.member), let start = set.pair(at: set.start),
      range.isBelowUpper(start.member)
    else { return 0..<0 }
    var rank = set.count
    var end = -1
    var offset = set.end
    while let pair = set.pair(before: offset) {
      if end < 0 && range.isBelowUpper(pair.member) { end = rank }
      if end >= 0 && !range.isAboveLower(pair.member) { break }
      offset = pair.offset
      rank -= 1
    }
    return end < 0 ? 0..<0 : rank..<end
  }
}
