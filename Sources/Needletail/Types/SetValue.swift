/// A set to be read: small ones are sorted integers (`PackedIntegers`) or packed strings (`PackedSet`), large ones
/// tables of `SetMember`s. Valid until the key changes.
@safe struct SetValue {
  enum Form {
    case integers(PackedIntegers)
    case packed(PackedSet)
    case large(TableRoot<SetMember>)
  }

  let form: Form

  @inline(__always)
  init(_ entry: Entry) {
    if let blob = entry.blob {
      form = entry.encoding.isIntegers ? .integers(PackedIntegers(blob)) : .packed(PackedSet(blob))
    } else {
      form = .large(unsafe TableRoot(raw: entry.child))
    }
  }

  init(_ form: Form) { self.form = form }

  /// A set that is in no database yet.
  init(_ value: BuiltValue) {
    switch value.encoding {
    case .root: form = .large(unsafe TableRoot(raw: value.child))
    case .blobIntegers: form = .integers(PackedIntegers(unsafe BlobUnit(raw: value.child).bytes))
    default: form = .packed(PackedSet(unsafe BlobUnit(raw: value.child).bytes))
    }
  }

  /// Members. Complexity: O(1).
  var count: Int {
    @inline(__always) get {
      switch form {
      case .integers(let set): set.count
      case .packed(let set): set.count
      case .large(let root): unsafe root.table.pointee.count
      }
    }
  }

  /// - Parameter seed: the keyspace's.
  /// Complexity: O(1), O(log count) among integers, O(count) when packed.
  @inline(__always)
  func contains(_ member: ByteView, _ seed: HashSeed) -> Bool {
    switch form {
    case .integers(let set):
      guard let value = member.integer else { return false }
      return set.contains(value)
    case .packed(let set):
      return set.find(EncodedElement(member)) != nil
    case .large(let root):
      let table = unsafe root.table
      return unsafe table.pointee.find(member, hash: table.pointee.hash(member, seed)) != nil
    }
  }

  /// Calls `body` with every member. One of a large set is told as its bytes, also when they spell an integer.
  /// Complexity: O(n).
  @inline(__always)
  func forEach(_ body: (PackedElement) -> Void) {
    switch form {
    case .integers(let set):
      for value in set { body(.integer(value)) }
    case .packed(let set):
      for member in set { body(member.element) }
    case .large(let root):
      unsafe root.table.pointee.forEach { body(.bytes($0.bytes)) }
    }
  }

  /// Collects members of a large set from `cursor` on, about `wanted` of them.
  /// - Returns: the next cursor, 0 at the end; nil when the set is a small one: it is returned whole.
  func scan(cursor: UInt64, wanted: Int, _ body: (SetMember) -> Void) -> UInt64? {
    guard case .large(let root) = form else { return nil }
    return unsafe root.table.pointee.scan(cursor: cursor, wanted: wanted, body)
  }
}

// MARK: - Chance

extension SetValue {
  /// Where a member is. Valid until the set changes.
  enum Place {
    case integer(index: Int)
    case packed(PackedSet.Member)
    case large(SegmentedTable<SetMember>.Position)
  }

  /// One member drawn uniformly. There is one. Complexity: O(1) expected, O(count) when packed.
  @inline(__always)
  func random(_ generator: inout FastRandom) -> (place: Place, element: PackedElement) {
    switch form {
    case .integers(let set):
      let index = Int.random(in: 0..<set.count, using: &generator)
      return (.integer(index: index), .integer(set[index]))
    case .packed(let set):
      let member = set.member(at: Int.random(in: 0..<set.count, using: &generator))
      return (.packed(member), member.element)
    case .large(let root):
      let position = unsafe root.table.pointee.randomPosition(&generator)!
      return (.large(position), .bytes(unsafe root.table.pointee.element(at: position).bytes))
    }
  }

  /// Calls `body` with `wanted` different members, or all when there are no more: every choice is as likely as another.
  func forEachRandom(_ wanted: Int, _ generator: inout FastRandom, _ body: (PackedElement) -> Void) {
    if case .large(let root) = form {
      return unsafe root.table.pointee.forEachRandom(wanted, &generator) { body(.bytes($0.bytes)) }
    }
    // One pass, each taken with the probability that the rest asks for (Knuth, algorithm 3.4.2 S).
    var draw = Draw(wanted: wanted, of: count, generator)
    forEach { if draw.takesNext() { body($0) } }
    generator = draw.generator
  }

  /// Which members of a set are drawn, told one after the other in the order of a walk. A copy of it tells the same
  /// again. Source: Knuth, "The Art of Computer Programming", volume 2, algorithm 3.4.2 S.
  struct Draw {
    private var wanted: Int
    private var left: Int
    private(set) var generator: FastRandom

    init(wanted: Int, of count: Int, _ generator: FastRandom) {
      self.wanted = wanted
      left = count
      self.generator = generator
    }

    mutating func takesNext() -> Bool {
      precondition(left > 0)
      let isTaken = wanted >= left || Int.random(in: 0..<left, using: &generator) < wanted
      left -= 1
      if isTaken { wanted -= 1 }
      return isTaken
    }
  }
}

extension SegmentedTable {
  /// The hash of `key` in this table. Complexity: O(key).
  @inline(__always)
  func hash(_ key: ByteView, _ seed: HashSeed) -> UInt64 { sipHash13(key, self.seed(seed)) }
}
