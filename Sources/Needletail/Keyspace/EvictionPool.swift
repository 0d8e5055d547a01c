/// The best candidates for eviction that draws have met and not evicted yet: a few good draws serve many evictions.
/// Source: Redis's documentation, "Key eviction", on approximated LRU.
///
/// Between commands a candidate may change, move or go. It is named by where its entry was and by its hash: the table
/// finds it by both or not at all, and its score is asked for again before it goes.
@safe struct EvictionPool: ~Copyable {
  struct Candidate {
    var score: UInt64
    var hash: UInt64
    /// The entry's address: never followed before the table has found it.
    var address: UInt
    /// The table's id.
    var table: Int32
  }

  static let capacity = 16

  private(set) var count = 0
  /// The best last. Not an inline array, which the compiler copies to read an element of.
  private let candidates = UnsafeMutablePointer<Candidate>.allocate(capacity: capacity)

  deinit { unsafe candidates.deallocate() }

  /// What a candidate's score must exceed to find a place.
  @inline(__always)
  var threshold: UInt64? { unsafe count < Self.capacity ? nil : candidates[0].score }

  /// False for an entry that would find no place, or has one.
  @inline(__always)
  func wants(_ address: UInt, score: UInt64) -> Bool {
    if let threshold, score <= threshold { return false }
    for index in 0..<count where unsafe candidates[index].address == address { return false }
    return true
  }

  /// Complexity: O(capacity).
  mutating func insert(_ candidate: Candidate) {
    var place = count
    if count < Self.capacity {
      while unsafe place > 0 && candidates[place - 1].score > candidate.score {
        unsafe candidates[place] = candidates[place - 1]
        place -= 1
      }
      count += 1
    } else {
      // The worst goes.
      place = 0
      while unsafe place + 1 < count && candidates[place + 1].score < candidate.score {
        unsafe candidates[place] = candidates[place + 1]
        place += 1
      }
    }
    unsafe (candidates + place).initialize(to: candidate)
  }

  mutating func removeBest() -> Candidate? {
    guard count > 0 else { return nil }
    count -= 1
    return unsafe candidates[count]
  }

  mutating func removeAll() { count = 0 }
}
