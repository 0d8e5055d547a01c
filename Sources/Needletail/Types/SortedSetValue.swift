/// A sorted set as commands read it, in whichever form it is kept. Valid until the keyspace changes.
///
/// Ranks count from the lowest score up; members with the same score are in the order of their bytes.
@safe enum SortedSetValue {
  case packed(PackedSortedSet)
  case large(SortedSetRoot)

  /// Of an entry that holds a sorted set.
  @inline(__always)
  init(_ entry: Entry) {
    if let blob = entry.blob {
      self = .packed(PackedSortedSet(blob))
    } else {
      self = .large(unsafe SortedSetRoot(raw: entry.child))
    }
  }

  /// Members. Complexity: O(1).
  var count: Int {
    @inline(__always) get {
      switch self {
      case .packed(let set): set.count
      case .large(let root): root.count
      }
    }
  }

  /// A member's score; nil when it is not there. Complexity: O(1), O(count) in the packed form.
  @inline(__always)
  func score(_ member: ByteView, _ context: borrowing TableContext) -> Double? {
    switch self {
    case .packed(let set): Self.isTooLong(member) ? nil : set.find(EncodedElement(member))?.pair.score
    case .large(let root): root.find(member, context)?.score
    }
  }

  /// A member's rank and score; nil when it is not there. Complexity: O(log n), O(count) in the packed form.
  @inline(__always)
  func rank(_ member: ByteView, _ context: borrowing TableContext) -> (rank: Int, score: Double)? {
    switch self {
    case .packed(let set):
      guard !Self.isTooLong(member), let found = set.find(EncodedElement(member)) else { return nil }
      return (found.rank, found.pair.score)
    case .large(let root):
      guard let found = root.find(member, context) else { return nil }
      return unsafe (root.tree.pointee.rank(of: found), found.score)
    }
  }

  /// No packed form holds such a member.
  @inline(__always)
  static func isTooLong(_ member: ByteView) -> Bool { member.count > Keyspace.packedSortedSetMaxBytes }

  /// Calls `body` with the members of some ranks, inside 0 ..< count, in their order or against it.
  /// Complexity: O(log n + range); O(count) in the packed form.
  @inline(__always)
  func forEach(_ ranks: Range<Int>, isReversed: Bool = false, _ body: (ByteView, Double) -> Void) {
    guard !ranks.isEmpty else { return }
    switch self {
    case .packed(let set):
      var pair = set.pair(atRank: isReversed ? ranks.upperBound - 1 : ranks.lowerBound)
      var left = ranks.count
      while true {
        let score = pair.score
        pair.member.withBytes { body($0, score) }
        left -= 1
        guard left > 0, let next = isReversed ? set.pair(before: pair.offset) : set.pair(at: pair.end) else { return }
        pair = next
      }
    case .large(let root):
      var cursor = unsafe root.tree.pointee.cursor(atRank: isReversed ? ranks.upperBound : ranks.lowerBound)
      for _ in 0..<ranks.count {
        guard let member = isReversed ? cursor.previous() : cursor.next() else { return }
        body(member.member, member.score)
      }
    }
  }

  /// Calls `body` with `wanted` different members, or all when there are no more, every choice being as likely as
  /// another. Complexity: O(wanted) for few of a large set, O(count) otherwise.
  func forEachRandom(_ wanted: Int, _ generator: inout some RandomNumberGenerator, _ body: (ByteView, Double) -> Void) {
    switch self {
    case .packed(let set):
      var wanted = wanted
      var left = set.count
      for pair in set {
        if Int.random(in: 0..<left, using: &generator) < wanted {
          let score = pair.score
          pair.member.withBytes { body($0, score) }
          wanted -= 1
        }
        left -= 1
      }
    case .large(let root):
      unsafe root.index.pointee.forEachRandom(wanted, &generator) { body($0.member, $0.score) }
    }
  }

  /// Calls `body` with a member drawn uniformly. The set is not empty. Complexity: O(1) expected, O(count) packed.
  func withRandom(_ generator: inout some RandomNumberGenerator, _ body: (ByteView, Double) -> Void) {
    switch self {
    case .packed(let set):
      let pair = set.pair(atRank: Int.random(in: 0..<set.count, using: &generator))
      let score = pair.score
      pair.member.withBytes { body($0, score) }
    case .large(let root):
      guard let member = unsafe root.index.pointee.random(&generator) else { return }
      body(member.member, member.score)
    }
  }
}
