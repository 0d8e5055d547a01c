extension Keyspace {
  /// The bytes that the key takes, as the allocator counts them; 0 without a key.
  ///
  /// These are its entry, what its value has beside that, and its share of the table: what the segment it lies in takes
  /// with that segment's words in the directory, divided among the segment's keys, and what the segment's deadlines
  /// take, divided among those that have one. So all keys together account for the whole of their database. Complexity:
  /// O(1).
  func usedBytes(_ found: Found) -> Int {
    guard let entry = found.entry else { return 0 }
    let share = unsafe databases[found.database].table.byteShare(at: found.position, hasDeadline: entry.hasExpiry)
    return Heap.goodSize(entry.byteCount) + entry.childBytes + share
  }
}
