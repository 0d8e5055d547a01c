/// What a part of a table takes; `byteCount` is the whole.
extension SegmentedTable {
  /// What the element at `position` accounts for, so that all elements together account for everything: the segment and
  /// its words in the directories, divided among its elements, and its deadlines, divided among the elements that have
  /// one. Rounded up. Complexity: O(1).
  func byteShare(at position: Position, hasDeadline: Bool) -> Int {
    let word = unsafe directory![position.first]
    let wordCount = (unsafe deadlines == nil ? 1 : 2) << (globalDepth - Layout.depth(word))
    var share = Self.share(Layout.bucketCount(word) << Layout.bucketShift + wordCount * 8, Layout.count(word))
    if hasDeadline, let block = block(position.first) { share += Self.share(block.byteCount, block.count) }
    return share
  }

  private static func share(_ byteCount: Int, _ count: Int) -> Int { (byteCount + count - 1) / max(count, 1) }
}
