extension Keyspace {
  /// What a database's table takes, with its directory and its deadlines. Complexity: O(1).
  func tableByteCount(database: Int) -> Int { unsafe databases[database].table.byteCount }

  /// What keys with a deadline have left on average, in milliseconds: of all of them in a small database, of some drawn
  /// at random in a large one; 0 when none was met. Complexity: O(1).
  mutating func averageTimeLeft(database: Int) -> Int {
    let (exactMax, sampleCount) = (256, 32)
    guard expiresCount(database: database) > 0 else { return 0 }
    let now = nowMilliseconds
    var sum = 0.0
    var count = 0
    func note(_ entry: Entry) {
      guard let expiry = entry.expiry, expiry > now else { return }
      sum += Double(expiry - now)
      count += 1
    }
    if self.count(database: database) <= exactMax {
      forEachEntry(database: database) { note($0) }
    } else {
      for _ in 0..<sampleCount { if let entry = unsafe databases[database].table.random(&random) { note(entry) } }
    }
    return count > 0 ? Int(sum / Double(count)) : 0
  }

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
