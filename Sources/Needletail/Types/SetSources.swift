/// The sets that a command combines, and what it makes of them.
///
/// Members are looked up in batches (`MemberBatch`). Nothing of the sources may change meanwhile; what is made of them
/// is made beside them, so the destination may be one of them.
@safe struct SetSources: ~Copyable {
  /// The entries, without those of keys that are not there.
  private var entries = UnitList()
  private(set) var hasMissing = false
  /// The first key is not there.
  private(set) var lacksFirst = false
  /// A later key is the first one again.
  private(set) var repeatsFirst = false

  /// Sets that are there.
  var count: Int { entries.count }

  subscript(index: Int) -> SetValue { SetValue(unsafe Entry(raw: entries[index])) }

  mutating func append(_ entry: Entry) {
    if count > 0 && !lacksFirst, unsafe entries[0] == entry.raw { repeatsFirst = true }
    unsafe entries.append(entry.raw)
  }

  /// A key that is not there: a set without members.
  mutating func appendMissing() {
    if count == 0 && !hasMissing { lacksFirst = true }
    hasMissing = true
  }

  mutating func sortAscending() {
    unsafe entries.sort(from: 0) { unsafe SetValue(Entry(raw: $0)).count < SetValue(Entry(raw: $1)).count }
  }

  /// - Parameter first: those before it stay where they are.
  mutating func sortDescending(from first: Int = 0) {
    unsafe entries.sort(from: first) { unsafe SetValue(Entry(raw: $0)).count > SetValue(Entry(raw: $1)).count }
  }
}

// MARK: - Intersection

extension SetSources {
  /// Calls `body` with every member that all sets have, until it answers false. They are in ascending order.
  /// Complexity: O(smallest set * sets).
  func forEachCommon(_ seed: HashSeed, _ body: (PackedElement) throws(OutOfMemory) -> Bool) throws(OutOfMemory) {
    guard count > 0 && !hasMissing else { return }
    _ = try self[0].forEachBatch { (batch) throws(OutOfMemory) -> Bool in
      var alive = batch.all
      for index in 1..<max(count, 1) {
        if alive == 0 { break }
        if unsafe entries[index] == entries[0] { continue }
        alive = self[index].present(batch, among: alive, seed)
      }
      return try batch.forEach(alive, body)
    }
  }
}

// MARK: - Difference

extension SetSources {
  /// Nothing can be left of the first set.
  var hasNoDifference: Bool { lacksFirst || repeatsFirst || count == 0 }

  /// Whether looking every member of the first set up in all others takes longer than going through all of them.
  var isFirstLarge: Bool {
    var total = 0
    for index in 0..<count { total += self[index].count }
    return self[0].count * count / 2 > total
  }

  /// The members of the first set that another one has; nil: none. Complexity: O(members of all others).
  func membersToLeaveOut(_ limits: CollectionLimits, _ context: inout TableContext) throws(OutOfMemory) -> BuiltValue? {
    var builder = SetBuilder(limits, context)
    let seed = context.seed
    let first = self[0]
    do throws(OutOfMemory) {
      for index in 1..<max(count, 1) where builder.count < first.count {
        _ = try self[index].forEachBatch { (batch) throws(OutOfMemory) -> Bool in
          let shared = first.present(batch, among: batch.all, seed)
          return try batch.forEach(shared) { (member) throws(OutOfMemory) -> Bool in
            _ = try builder.add(member, &context)
            return true
          }
        }
      }
    } catch {
      builder.discard(context.units)
      throw error
    }
    return builder.finish()
  }

  /// Calls `body` with every member of the first set that no other one has, until it answers false.
  /// - Parameter leftOut: those that others have, when they have been gathered.
  func forEachDifferent(_ seed: HashSeed, without leftOut: BuiltValue?,
    _ body: (PackedElement) throws(OutOfMemory) -> Bool) throws(OutOfMemory)
  {
    let leftOut = leftOut.map { SetValue($0) }
    _ = try self[0].forEachBatch { (batch) throws(OutOfMemory) -> Bool in
      var alive = batch.all
      if let leftOut {
        alive &= ~leftOut.present(batch, among: alive, seed)
      } else {
        for index in 1..<max(count, 1) {
          if alive == 0 { break }
          alive &= ~self[index].present(batch, among: alive, seed)
        }
      }
      return try batch.forEach(alive, body)
    }
  }
}

// MARK: - Union

extension SetSources {
  /// Of two sets: calls `body` with every member of the second that the first does not have, until it answers false.
  func forEachOnlyInSecond(_ seed: HashSeed, _ body: (PackedElement) -> Bool) {
    precondition(count == 2)
    let first = self[0]
    _ = self[1].forEachBatch { batch in
      batch.forEach(batch.all & ~first.present(batch, among: batch.all, seed), body)
    }
  }

  /// The members that the first set does not have, `limit` of them at most; nil: none. Members of the first are not
  /// copied. Complexity: O(members of all but the first).
  func membersBeyondFirst(_ limits: CollectionLimits, limit: Int = Int.max, _ context: inout TableContext)
    throws(OutOfMemory) -> BuiltValue?
  {
    var builder = SetBuilder(limits, context)
    let seed = context.seed
    let first = self[0]
    do throws(OutOfMemory) {
      for index in 1..<max(count, 1) where builder.count < limit {
        _ = try self[index].forEachBatch { (batch) throws(OutOfMemory) -> Bool in
          let new = batch.all & ~first.present(batch, among: batch.all, seed)
          return try batch.forEach(new) { (member) throws(OutOfMemory) -> Bool in
            _ = try builder.add(member, &context)
            return builder.count < limit
          }
        }
      }
    } catch {
      builder.discard(context.units)
      throw error
    }
    return builder.finish()
  }

  /// Adds every member to `builder`, set by set. Complexity: O(members).
  func addAll(to builder: inout SetBuilder, _ context: inout TableContext) throws(OutOfMemory) {
    for index in 0..<count {
      _ = try self[index].forEachBatch { (batch) throws(OutOfMemory) -> Bool in
        try batch.forEach(batch.all) { (member) throws(OutOfMemory) -> Bool in
          _ = try builder.add(member, &context)
          return true
        }
      }
    }
  }
}

extension BuiltValue {
  /// Lets go of a set that served its purpose: a large one in the background.
  consuming func drop(_ units: borrowing Units) {
    if encoding == .root { return unsafe CollectionRoots.drop(type, child, units) }
    free(tag: units.currentTag, units.limbo)
  }
}
