/// Sets that change. A set's form depends on what was put into it, and OBJECT ENCODING tells it: integers until there
/// is another string or too many of them; a listpack until there are too many or one is too long; then a hashtable.
/// None of them comes back. A hashtable of few members is packed all the same.
extension Keyspace {
  /// Gives the key, which is not there, a set with one member. Nothing has changed after an error.
  /// - Parameter expected: so many are about to come, this one included: more than may be packed are not packed to
  /// begin
  ///   with.
  mutating func makeSet(_ found: inout Found, _ member: ByteView, expected: Int = 1) throws(OutOfMemory) {
    if expected <= limits.setIntegersMax, let value = member.integer {
      let byteCount = PackedIntegers.headerBytes + PackedIntegers.width(for: value)
      return unsafe putPacked(&found, .set, byteCount: byteCount, isIntegers: true) {
        unsafe PackedIntegers.writeOne(value, to: $0)
      }
    }
    let isListpack = expected <= limits.setEntries && member.count <= limits.setBytes
    guard isListpack || PackedSet.packsHashtable(count: expected, byteCount: member.count) else {
      let root = TableRoot<SetMember>.make(&context)
      do throws(OutOfMemory) {
        try Self.add(member, to: root, &context)
      } catch {
        root.drop(context.units)
        throw error
      }
      return unsafe putRoot(&found, .set, root.raw)
    }
    let encoded = EncodedElement(member)
    unsafe putPacked(&found, .set, byteCount: PackedSet.emptyByteCount + encoded.byteCount) { place in
      unsafe place.storeBytes(of: isListpack ? 1 : 1 | Packed.mark, as: UInt32.self)
      unsafe encoded.write(to: place + PackedSet.emptyByteCount)
    }
  }

  /// So many members are about to come to a set: more than a listpack may have make a hashtable of it, even if it has
  /// them already.
  @inline(__always)
  mutating func expectMembers(_ found: inout Found, _ count: Int) throws(OutOfMemory) {
    guard count > min(limits.setIntegers, limits.setEntries), let entry = found.entry, let blob = entry.blob
    else { return }
    let isIntegers = entry.encoding.isIntegers
    if !isIntegers && PackedSet(blob).isHashtable { return }
    if count > (isIntegers ? limits.setIntegersMax : limits.setEntries) {
      try becomeHashtable(&found, expecting: count, byteCount: 0)
    }
  }

  /// Adds a member to the set that the key holds. Nothing has changed after an error.
  ///
  /// Complexity: O(1), O(count) when packed. The one that is too much for the packed form moves all members, of which
  /// there are as many as the settings allow.
  /// - Returns: false when it is there already.
  @inline(__always)
  mutating func addSetMember(_ found: inout Found, _ member: ByteView) throws(OutOfMemory) -> Bool {
    guard let entry = found.entry else { preconditionFailure("no set") }
    guard let blob = entry.blob else { return try addToLarge(&found, member) }
    if entry.encoding.isIntegers { return try addToIntegers(&found, PackedIntegers(blob), member) }
    let set = PackedSet(blob)
    let encoded = EncodedElement(member)
    if set.find(encoded) != nil { return false }
    if set.isHashtable {
      guard set.allows(encoded) else {
        try unpackSet(&found)
        return try addToLarge(&found, member)
      }
    } else if set.count >= limits.setEntries || member.count > limits.setBytes
      || blob.count + member.count > CollectionLimits.setPackedMaxBytes
    {
      return try addToHashtable(&found, member)
    }
    unsafe splice(&found, set.appending(encoded)) { unsafe PackedSet.fill($0, encoded) }
    return true
  }

  /// The member that makes a hashtable of a smaller form.
  @inline(never)
  private mutating func addToHashtable(_ found: inout Found, _ member: ByteView) throws(OutOfMemory) -> Bool {
    try becomeHashtable(&found, expecting: 1, byteCount: member.count)
    return try addSetMember(&found, member)
  }

  private mutating func addToLarge(_ found: inout Found, _ member: ByteView) throws(OutOfMemory) -> Bool {
    guard let entry = found.entry else { preconditionFailure("no set") }
    // Looked for first: a view's root is not copied for nothing.
    let readable = unsafe TableRoot<SetMember>(raw: entry.child).table
    let hash = unsafe readable.pointee.hash(member, context)
    guard unsafe readable.pointee.find(member, hash: hash) == nil else { return false }
    guard let element = SetMember.make(member, tag: context.units.currentTag) else { throw OutOfMemory() }
    let table = unsafe writableTable(&found, SetMember.self).table
    unsafe table.pointee.insert(element, hash: hash, &context)
    return true
  }

  private mutating func addToIntegers(_ found: inout Found, _ set: PackedIntegers, _ member: ByteView)
    throws(OutOfMemory) -> Bool
  {
    guard let value = member.integer else { return try addTextToIntegers(&found, set, member) }
    let (index, isPresent) = set.search(value)
    if isPresent { return false }
    guard set.count < limits.setIntegersMax else { return try addToHashtable(&found, member) }
    if set.mustWiden(for: value) {
      let byteCount = set.widenedByteCount(for: value)
      let unit = BlobUnit.make(count: byteCount, capacity: byteCount, tag: context.units.currentTag)
      unsafe set.writeWidened(adding: value, to: unit.data)
      put(&found, BuiltValue(.set, packed: unit, isIntegers: true), expiry: found.entry?.expiry)
    } else {
      let splice = set.inserting(value, at: index)
      unsafe self.splice(&found, splice) { unsafe PackedIntegers.fill($0, splice, value) }
    }
    return true
  }

  /// The first member that is no integer.
  private mutating func addTextToIntegers(_ found: inout Found, _ set: PackedIntegers, _ member: ByteView)
    throws(OutOfMemory) -> Bool
  {
    guard limits.canPackStrings(set, and: member.count) else { return try addToHashtable(&found, member) }
    var packed = PackedSet.builder(of: set, tag: context.units.currentTag)
    packed.append(member: EncodedElement(member))
    let unit = packed.finish()
    put(&found, BuiltValue(.set, packed: unit), expiry: found.entry?.expiry)
    return true
  }

  /// Makes a hashtable of a set that is none, packed if it can be with so many members more. Complexity: O(n).
  private mutating func becomeHashtable(_ found: inout Found, expecting count: Int, byteCount: Int)
    throws(OutOfMemory)
  {
    guard let entry = found.entry else { preconditionFailure("no set") }
    guard let packed = SetValue(entry).packedHashtable(adding: count, byteCount, tag: context.units.currentTag) else {
      return try unpackSet(&found)
    }
    put(&found, BuiltValue(.set, packed: packed.finish()), expiry: entry.expiry)
  }

  /// Makes a table of a packed set. Complexity: O(n).
  private mutating func unpackSet(_ found: inout Found) throws(OutOfMemory) {
    guard let entry = found.entry, entry.blob != nil else { return }
    let root = try Self.table(of: SetValue(entry), &context)
    unsafe putRoot(&found, .set, root.raw)
  }

  /// A table of a small set's members.
  static func table(of set: SetValue, _ context: inout TableContext) throws(OutOfMemory) -> TableRoot<SetMember> {
    let root = TableRoot<SetMember>.make(&context)
    do throws(OutOfMemory) {
      switch set.form {
      case .integers(let set):
        for value in set { try add(.integer(value), to: root, &context) }
      case .packed(let set):
        for member in set { try add(member.element, to: root, &context) }
      case .large: preconditionFailure("it is a table")
      }
    } catch {
      root.drop(context.units)
      throw error
    }
    return root
  }

  private static func add(_ element: PackedElement, to root: TableRoot<SetMember>, _ context: inout TableContext)
    throws(OutOfMemory)
  {
    try element.withBytes { (bytes) throws(OutOfMemory) in try add(bytes, to: root, &context) }
  }

  /// A member that the table does not have.
  static func add(_ member: ByteView, to root: TableRoot<SetMember>, _ context: inout TableContext)
    throws(OutOfMemory)
  {
    guard let element = SetMember.make(member, tag: context.units.currentTag) else { throw OutOfMemory() }
    let table = unsafe root.table
    unsafe table.pointee.insert(element, hash: table.pointee.hash(member, context), &context)
  }

  // MARK: Removing

  /// Takes the member out. A set without members is the caller's to remove.
  /// - Returns: false when there is none such. Complexity: O(1), O(count) when packed.
  mutating func removeSetMember(_ found: inout Found, _ member: ByteView) -> Bool {
    guard let entry = found.entry else { return false }
    switch SetValue(entry).form {
    case .integers(let set):
      guard let value = member.integer else { return false }
      let (index, isPresent) = set.search(value)
      guard isPresent else { return false }
      removeSetMember(&found, at: .integer(index: index))
    case .packed(let set):
      guard let place = set.find(EncodedElement(member)) else { return false }
      removeSetMember(&found, at: .packed(place))
    case .large(let root):
      let table = unsafe root.table
      guard let hit = unsafe table.pointee.find(member, hash: table.pointee.hash(member, context)) else { return false }
      removeSetMember(&found, at: .large(hit.position))
    }
    return true
  }

  /// Takes the member at a place out. Complexity: O(1), O(bytes behind it) when packed.
  @inline(__always)
  mutating func removeSetMember(_ found: inout Found, at place: SetValue.Place) {
    switch place {
    case .integer(let index):
      guard let blob = found.entry?.blob else { preconditionFailure("no packed set") }
      unsafe splice(&found, PackedIntegers(blob).removing(at: index)) { _ in }
    case .packed(let member):
      guard let blob = found.entry?.blob else { preconditionFailure("no packed set") }
      unsafe splice(&found, PackedSet(blob).removing(member)) { _ in }
    case .large(let position):
      let table = unsafe writableTable(&found, SetMember.self).table
      unsafe table.pointee.drop(at: position, &context)
    }
  }

  /// Takes members of a large set out, by the addresses of their units. Complexity: O(1) each.
  mutating func removeSetMembers(_ found: inout Found, _ units: borrowing UnitList) {
    let table = unsafe writableTable(&found, SetMember.self).table
    for index in 0..<units.count {
      let member = unsafe SetMember(raw: units[index])
      let hash = unsafe table.pointee.hash(member.bytes, context)
      guard let position = unsafe table.pointee.position(of: member, hash: hash)
      else { preconditionFailure("no member") }
      unsafe table.pointee.drop(at: position, &context)
    }
  }
}

extension CollectionLimits {
  /// A packed set is never longer, whatever the settings say.
  static let setPackedMaxBytes = 1 << 30

  /// Members of a set of integers.
  var setIntegersMax: Int {
    @inline(__always) get { min(setIntegers, Self.setPackedMaxBytes / 8) }
  }

  /// Whether a set of integers can be a packed one, together with a string of `count` bytes.
  func canPackStrings(_ set: PackedIntegers, and count: Int) -> Bool {
    guard set.count < setEntries && count <= setBytes else { return false }
    // The longest is the first or the last one.
    return set.count == 0
      || PackedElement.integer(set[0]).count <= setBytes && PackedElement.integer(set[set.count - 1]).count <= setBytes
  }
}

extension PackedIntegers {
  /// Writes the set of one value: `headerBytes` and its width.
  static func writeOne(_ value: Int, to blob: UnsafeMutableRawPointer) {
    unsafe blob.storeBytes(of: 1, as: UInt32.self)
    let width = Self.width(for: value)
    unsafe blob.storeBytes(of: UInt8(width), toByteOffset: Packed.countBytes, as: UInt8.self)
    let splice = PackedSplice(offset: headerBytes, removedByteCount: 0, insertedByteCount: width, countDelta: 0)
    unsafe fill(blob + headerBytes, splice, value)
  }
}

extension SetValue {
  /// A packed hashtable of the same members; nil when there would be too many of them, or too large ones, with those
  /// that are to come. Complexity: O(n).
  func packedHashtable(adding count: Int, _ byteCount: Int, tag: UInt8) -> BlobBuilder? {
    guard count <= PackedSet.hashtableMaxCount else { return nil }
    let ownBytes: Int
    switch form {
    case .integers(let set): ownBytes = 9 * set.count
    case .packed(let set): ownBytes = set.blob.count
    case .large: return nil
    }
    guard PackedSet.packsHashtable(count: self.count + count, byteCount: ownBytes + byteCount) else { return nil }
    var packed = BlobBuilder(headerBytes: PackedSet.emptyByteCount, tag: tag)
    unsafe PackedSet.writeEmptyHashtable(to: packed.data)
    forEach { packed.append(member: EncodedElement(member: $0)) }
    return packed
  }
}

extension PackedSet {
  /// A packed set of the integers, to which more can be added.
  static func builder(of set: PackedIntegers, tag: UInt8) -> BlobBuilder {
    var packed = BlobBuilder(headerBytes: emptyByteCount, tag: tag)
    unsafe Packed.writeEmpty(to: packed.data)
    for value in set { packed.append(member: EncodedElement(value)) }
    return packed
  }
}

extension BlobBuilder {
  /// Adds a member that a packed set does not have.
  mutating func append(member: EncodedElement) {
    unsafe splice(PackedSet(bytes).appending(member)) { unsafe PackedSet.fill($0, member) }
  }
}
