/// Makes a set of members that come one by one, in the form that a key would have gotten by adding them: integers or
/// packed until the settings forbid it.
@safe struct SetBuilder: ~Copyable {
  private let limits: CollectionLimits
  private let tag: UInt8
  /// Holds integers, while it holds anything.
  private var isIntegers: Bool
  /// Too many integers are packed, if that is allowed, before they get a table.
  private let packsManyIntegers: Bool
  /// Of no use once there is a root.
  private var blob: BlobBuilder
  private var root: TableRoot<SetMember>?

  /// - Parameters:
  ///   - startsWithIntegers: false: a set of integers only is packed as well.
  ///   - packsManyIntegers: integers beyond their limit are packed where that is allowed.
  ///   - isHashtable: whatever is added.
  init(_ limits: CollectionLimits, startsWithIntegers: Bool = true, packsManyIntegers: Bool = false,
    isHashtable: Bool = false,
    _ context: borrowing TableContext)
  {
    self.limits = limits
    self.packsManyIntegers = packsManyIntegers
    tag = context.units.currentTag
    isIntegers = startsWithIntegers && !isHashtable
    blob = BlobBuilder(headerBytes: isIntegers ? PackedIntegers.headerBytes : PackedSet.emptyByteCount, tag: tag)
    if isHashtable {
      unsafe PackedSet.writeEmptyHashtable(to: blob.data)
    } else if startsWithIntegers {
      unsafe PackedIntegers.writeEmpty(to: blob.data)
    } else {
      unsafe Packed.writeEmpty(to: blob.data)
    }
  }

  /// What has been added so far. Valid until more is.
  var value: SetValue {
    if let root { return SetValue(.large(root)) }
    return SetValue(isIntegers ? .integers(PackedIntegers(blob.bytes)) : .packed(PackedSet(blob.bytes)))
  }

  var count: Int { value.count }

  /// Adds a member.
  /// - Returns: false, with nothing changed, when it is there already.
  mutating func add(_ member: PackedElement, _ context: inout TableContext) throws(OutOfMemory) -> Bool {
    if let root { return try addToTable(root, member, &context) }
    if isIntegers {
      let set = PackedIntegers(blob.bytes)
      if let value = member.integer {
        let (index, isPresent) = set.search(value)
        if isPresent { return false }
        if set.count < limits.setIntegersMax {
          insert(value, at: index)
          return true
        }
        try leaveIntegers(packed: packsManyIntegers && limits.canPackStrings(set, and: 0), &context)
      } else {
        try leaveIntegers(packed: limits.canPackStrings(set, and: member.count), &context)
      }
      return try add(member, &context)
    }
    let encoded = EncodedElement(member: member)
    let set = PackedSet(blob.bytes)
    if set.find(encoded) != nil { return false }
    let isPacked = set.isHashtable ? set.allows(encoded)
      : set.count < limits.setEntries && member.count <= limits.setBytes
        && blob.bytes.count + member.count <= CollectionLimits.setPackedMaxBytes
    if isPacked {
      blob.append(member: encoded)
      return true
    }
    try becomeHashtable(&context, adding: 1, byteCount: member.count)
    return try add(member, &context)
  }

  private mutating func insert(_ value: Int, at index: Int) {
    let set = PackedIntegers(blob.bytes)
    if set.mustWiden(for: value) {
      let wider = BlobBuilder(headerBytes: set.widenedByteCount(for: value), tag: tag)
      unsafe set.writeWidened(adding: value, to: wider.data)
      blob = wider
    } else {
      let splice = set.inserting(value, at: index)
      unsafe blob.splice(splice) { unsafe PackedIntegers.fill($0, splice, value) }
    }
  }

  private func addToTable(_ root: TableRoot<SetMember>, _ member: PackedElement, _ context: inout TableContext)
    throws(OutOfMemory) -> Bool
  {
    try member.withBytes { (bytes) throws(OutOfMemory) -> Bool in
      let table = unsafe root.table
      let hash = unsafe table.pointee.hash(bytes, context)
      guard unsafe table.pointee.find(bytes, hash: hash) == nil else { return false }
      guard let element = SetMember.make(bytes, tag: tag) else { throw OutOfMemory() }
      unsafe table.pointee.insert(element, hash: hash, &context)
      return true
    }
  }

  private mutating func leaveIntegers(packed: Bool, _ context: inout TableContext) throws(OutOfMemory) {
    guard packed else { return try becomeHashtable(&context, adding: 0, byteCount: 0) }
    blob = PackedSet.builder(of: PackedIntegers(blob.bytes), tag: tag)
    isIntegers = false
  }

  /// What is told as a hashtable: packed if it can be with what is to be added, and is not so already.
  private mutating func becomeHashtable(_ context: inout TableContext, adding count: Int, byteCount: Int)
    throws(OutOfMemory)
  {
    let isHashtable = !isIntegers && PackedSet(blob.bytes).isHashtable
    if !isHashtable, let packed = value.packedHashtable(adding: count, byteCount, tag: tag) {
      blob = packed
    } else {
      root = try Keyspace.table(of: value, &context)
    }
    isIntegers = false
  }

  /// Takes the form that the whole of `other` would have, although this is a part of it: what Redis makes by taking
  /// members out keeps its form.
  mutating func takeForm(of other: SetValue, _ context: inout TableContext) throws(OutOfMemory) {
    guard root == nil && count > 0 && (isIntegers || !PackedSet(blob.bytes).isHashtable) else { return }
    if case .integers = other.form {
      if other.count > limits.setIntegersMax { try becomeHashtable(&context, adding: 0, byteCount: 0) }
      return
    }
    if other.count > max(limits.setIntegers, limits.setEntries) {
      return try becomeHashtable(&context, adding: 0, byteCount: 0)
    }
    var isIntegersOnly = true
    var longest = 0
    other.forEach { member in
      if isIntegersOnly && member.integer == nil { isIntegersOnly = false }
      longest = max(longest, member.count)
    }
    if isIntegersOnly && other.count <= limits.setIntegersMax { return }
    if isIntegersOnly || other.count > limits.setEntries || longest > limits.setBytes {
      try becomeHashtable(&context, adding: 0, byteCount: 0)
    } else if isIntegers {
      try leaveIntegers(packed: true, &context)
    }
  }

  /// The set; nil without members.
  consuming func finish() -> BuiltValue? {
    if let root { return unsafe BuiltValue(.set, root: root.raw) }
    let isIntegers = self.isIntegers
    return count == 0 ? nil : BuiltValue(.set, packed: blob.finish(), isIntegers: isIntegers)
  }

  /// Frees what has been made.
  consuming func discard(_ units: borrowing Units) { root?.drop(units) }
}

extension EncodedElement {
  /// A member of any set: one of a large set is bytes, also when they spell an integer.
  @inline(__always)
  init(member: PackedElement) {
    switch member {
    case .bytes(let bytes): self.init(bytes)
    case .integer(let value): self.init(value)
    case .double: preconditionFailure("a set has no scores")
    }
  }
}
