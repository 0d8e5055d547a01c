extension PackedSortedSet {
  /// Adds a pair at the offset that `place` answered. Complexity: O(1).
  @inline(__always)
  func inserting(_ member: EncodedElement, _ score: EncodedElement, at offset: Int) -> PackedSplice {
    precondition(offset >= start && offset <= end)
    let size = member.byteCount + score.byteCount
    return PackedSplice(offset: offset, removedByteCount: 0, insertedByteCount: size + BackLength.byteCount(size),
      countDelta: 1)
  }

  /// Writes the pair that `inserting` makes room for.
  @inline(__always)
  static func fill(_ gap: UnsafeMutableRawPointer, _ member: EncodedElement, _ score: EncodedElement) {
    unsafe BackLength.write(member.byteCount + score.byteCount, to: score.write(to: member.write(to: gap)))
  }

  /// Complexity: O(1).
  @inline(__always)
  func removing(_ pair: Pair) -> PackedSplice { removing(from: pair.offset, to: pair.end, count: 1) }

  /// Removes the `count` pairs between two places. Complexity: O(1).
  @inline(__always)
  func removing(from: Int, to: Int, count: Int) -> PackedSplice {
    precondition(from >= start && from <= to && to <= end)
    return PackedSplice(offset: from, removedByteCount: to - from, insertedByteCount: 0, countDelta: -count)
  }

  /// Gives a pair another score when it stays between the same neighbours. Nil when it does not: then the pair is
  /// removed, and inserted where it belongs. Complexity: O(member's length).
  func replacingScore(_ pair: Pair, _ score: Double) -> PackedSplice? {
    if let previous = self.pair(before: pair.offset) {
      let other = previous.score
      if other > score || other == score && Self.compare(previous, pair) > 0 { return nil }
    }
    if let next = self.pair(at: pair.end) {
      let other = next.score
      if other < score || other == score && Self.compare(next, pair) < 0 { return nil }
    }
    let size = pair.scoreOffset - pair.offset + EncodedElement(score: score).byteCount
    return PackedSplice(offset: pair.scoreOffset, removedByteCount: pair.end - pair.scoreOffset,
      insertedByteCount: pair.offset + size - pair.scoreOffset + BackLength.byteCount(size), countDelta: 0)
  }

  private static func compare(_ a: Pair, _ b: Pair) -> Int { b.member.withBytes { a.member.compare($0) } }

  /// Writes what `replacingScore` inserts.
  /// - Parameter memberByteCount: `pair.scoreOffset - pair.offset`, from before the change.
  static func fillScore(_ gap: UnsafeMutableRawPointer, memberByteCount: Int, _ score: Double) {
    let encoded = EncodedElement(score: score)
    unsafe BackLength.write(memberByteCount + encoded.byteCount, to: encoded.write(to: gap))
  }
}
