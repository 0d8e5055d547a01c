/// The best candidates for eviction that draws have met and not evicted yet: a few good draws serve many evictions.
/// Source: Redis's documentation, "Key eviction", on approximated LRU.
///
/// Between commands a candidate may change, move or go. It is named by where its entry was and by its hash: the table
/// finds it by both or not at all, and its score is asked for again before it goes.
struct EvictionPool {
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
  /// The best last.
  private var candidates = InlineArray<16, Candidate>(repeating: Candidate(score: 0, hash: 0, address: 0, table: 0))

  /// What a candidate's score must exceed to find a place.
  @inline(__always)
  var threshold: UInt64? { count < Self.capacity ? nil : candidates[0].score }

  /// False for an entry that would find no place, or has one.
  @inline(__always)
  func wants(_ address: UInt, score: UInt64) -> Bool {
    if let threshold, score <= threshold { return false }
    for index in 0..<count where candidates[index].address == address { return false }
    return true
  }

  /// Complexity: O(capacity).
  mutating func insert(_ candidate: Candidate) {
    var place = count
    if count < Self.capacity {
      while place > 0 && candidates[place - 1].score > candidate.score {
        candidates[place] = candidates[place - 1]
        place -= 1
      }
      count += 1
    } else {
      // The worst goes.
      place = 0
      while place + 1 < count && candidates[place + 1].score < candidate.score {
        candidates[place] = candidates[place + 1]
        place += 1
      }
    }
    candidates[place] = candidate
  }

  mutating func removeBest() -> Candidate? {
    guard count > 0 else { return nil }
    count -= 1
    return candidates[count]
  }

  mutating func removeAll() { count = 0 }
}
