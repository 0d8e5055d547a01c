/// Some members of a set, which are looked up in other sets together: with all their buckets on the way to the cache,
/// and then all their elements, the time to wait for one is shared by all.
@safe struct MemberBatch: ~Copyable {
  static let capacity = 32

  /// In memory of their own: an inline array is copied whole at many a use.
  private let members: UnsafeMutablePointer<PackedElement>
  private(set) var count = 0

  init() { unsafe members = .allocate(capacity: Self.capacity) }
  deinit { unsafe members.deallocate() }

  subscript(index: Int) -> PackedElement {
    @inline(__always) get {
      precondition(index >= 0 && index < count)
      return unsafe members[index]
    }
  }

  var isFull: Bool { count == Self.capacity }

  @inline(__always)
  mutating func append(_ member: PackedElement) {
    precondition(count < Self.capacity)
    unsafe (members + count).initialize(to: member)
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
      guard try body(self[rest.trailingZeroBitCount]) else { return false }
      rest &= rest &- 1
    }
    return true
  }
}

extension SetValue {
  /// Which of the members that `wanted` has bits for are in the set. Complexity: that of `contains` for each.
  func present(_ batch: borrowing MemberBatch, among wanted: UInt32, _ seed: HashSeed) -> UInt32 {
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
      found = Self.present(batch, in: set, among: wanted)
    case .large(let root):
      found = Self.present(batch, in: root, among: wanted, seed)
    }
    return found
  }

  /// One pass over a packed set: of each of its members a few bits say which of the wanted ones it may be.
  private static func present(_ batch: borrowing MemberBatch, in set: PackedSet, among wanted: UInt32) -> UInt32 {
    unsafe withUnsafeTemporaryAllocation(of: PackedProbe.self, capacity: MemberBatch.capacity) { probes in
      var candidates = InlineArray<64, UInt32>(repeating: 0)
      var rest = wanted
      while rest != 0 {
        let index = rest.trailingZeroBitCount
        let probe = PackedProbe(EncodedElement(member: batch[index]))
        unsafe probes.initializeElement(at: index, to: probe)
        candidates[probe.sketch] |= 1 << UInt32(index)
        rest &= rest &- 1
      }
      var found: UInt32 = 0
      for member in set {
        var possible = candidates[PackedProbe.sketch(set.blob, from: member.offset, to: member.end)] & ~found
        if possible == 0 { continue }
        repeat {
          let index = possible.trailingZeroBitCount
          let place = member.offset
          if unsafe probes[index].code == set.blob[place] && probes[index].matches(set.blob, at: place) {
            found |= 1 << UInt32(index)
          }
          possible &= possible &- 1
        } while possible != 0
        if found == wanted { break }
      }
      return found
    }
  }

  private static func present(_ batch: borrowing MemberBatch, in root: TableRoot<SetMember>, among wanted: UInt32,
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
  func forEachBatch<E: Error>(_ body: (borrowing MemberBatch) throws(E) -> Bool) throws(E) -> Bool {
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
