/// Some members of a set, which are looked up in other sets together: with all their buckets on the way to the cache,
/// and then all their elements, the time to wait for one is shared by all.
@safe struct MemberBatch {
  static let capacity = 32

  private var members = InlineArray<32, PackedElement>(repeating: .integer(0))
  private(set) var count = 0

  subscript(index: Int) -> PackedElement {
    @inline(__always) get { members[index] }
  }

  var isFull: Bool { count == Self.capacity }

  @inline(__always)
  mutating func append(_ member: PackedElement) {
    members[count] = member
    count += 1
  }

  mutating func removeAll() { count = 0 }

  /// A bit for each member.
  var all: UInt32 { count == Self.capacity ? ~0 : 1 << UInt32(count) - 1 }

  /// Calls `body` with the members whose bits are set, until it answers false.
  /// - Returns: false when it did.
  @inline(__always)
  func forEach<E: Error>(_ chosen: UInt32, _ body: (PackedElement) throws(E) -> Bool) throws(E) -> Bool {
    var rest = chosen
    while rest != 0 {
      guard try body(members[rest.trailingZeroBitCount]) else { return false }
      rest &= rest &- 1
    }
    return true
  }
}

extension SetValue {
  /// Which of the members that `wanted` has bits for are in the set. Complexity: that of `contains` for each.
  func present(_ batch: MemberBatch, among wanted: UInt32, _ seed: HashSeed) -> UInt32 {
    var found: UInt32 = 0
    var rest = wanted
    switch form {
    case .integers(let set):
      while rest != 0 {
        let index = rest.trailingZeroBitCount
        if let value = batch[index].integer, set.contains(value) { found |= 1 << UInt32(index) }
        rest &= rest &- 1
      }
    case .packed(let set):
      while rest != 0 {
        let index = rest.trailingZeroBitCount
        if set.find(EncodedElement(member: batch[index])) != nil { found |= 1 << UInt32(index) }
        rest &= rest &- 1
      }
    case .large(let root):
      found = Self.present(batch, in: root, among: wanted, seed)
    }
    return found
  }

  private static func present(_ batch: MemberBatch, in root: TableRoot<SetMember>, among wanted: UInt32,
    _ seed: HashSeed)
    -> UInt32
  {
    let table = unsafe root.table
    let seed = unsafe table.pointee.seed(seed)
    var hashes = InlineArray<32, UInt64>(repeating: 0)
    var rest = wanted
    while rest != 0 {
      let index = rest.trailingZeroBitCount
      let hash = batch[index].withBytes { sipHash13($0, seed) }
      hashes[index] = hash
      unsafe table.pointee.prefetchBucket(hash)
      rest &= rest &- 1
    }
    rest = wanted
    while rest != 0 {
      unsafe table.pointee.prefetchElement(hashes[rest.trailingZeroBitCount])
      rest &= rest &- 1
    }
    var found: UInt32 = 0
    rest = wanted
    while rest != 0 {
      let index = rest.trailingZeroBitCount
      let isPresent = batch[index].withBytes { unsafe table.pointee.find($0, hash: hashes[index]) != nil }
      if isPresent { found |= 1 << UInt32(index) }
      rest &= rest &- 1
    }
    return found
  }

  /// Calls `body` with all members, a batch at a time, until it answers false. The set must not change meanwhile.
  /// - Returns: false when it did. Complexity: O(n).
  func forEachBatch<E: Error>(_ body: (MemberBatch) throws(E) -> Bool) throws(E) -> Bool {
    var batch = MemberBatch()
    switch form {
    case .integers(let set):
      for value in set {
        batch.append(.integer(value))
        if batch.isFull {
          guard try body(batch) else { return false }
          batch.removeAll()
        }
      }
    case .packed(let set):
      for member in set {
        batch.append(member.element)
        if batch.isFull {
          guard try body(batch) else { return false }
          batch.removeAll()
        }
      }
    case .large(let root):
      var members = UnitList()
      var cursor: UInt64 = 0
      repeat {
        members.removeAll()
        cursor = unsafe root.table.pointee.scan(cursor: cursor, wanted: 2 * MemberBatch.capacity) {
          unsafe PrefetchRing.prefetch($0.raw)
          unsafe members.append($0.raw)
        }
        for index in 0..<members.count {
          batch.append(.bytes(unsafe SetMember(raw: members[index]).bytes))
          if batch.isFull {
            guard try body(batch) else { return false }
            batch.removeAll()
          }
        }
      } while cursor != 0
    }
    return batch.count == 0 ? true : try body(batch)
  }
}
