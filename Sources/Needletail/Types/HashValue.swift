/// A hash to be read: small ones are packed (`PackedMap`), large ones tables of `HashField`s. Valid until the key
/// changes.
@safe struct HashValue {
  private enum Form {
    case packed(PackedMap)
    case large(TableRoot<HashField>)
  }

  private let form: Form

  @inline(__always)
  init(_ entry: Entry) {
    if let blob = entry.blob {
      form = .packed(PackedMap(blob))
    } else {
      form = .large(unsafe TableRoot(raw: entry.child))
    }
  }

  /// Fields. Complexity: O(1).
  var count: Int {
    switch form {
    case .packed(let map): map.count
    case .large(let root): unsafe root.table.pointee.count
    }
  }

  /// The field's value; nil without such a field. Complexity: O(1), O(count) when packed.
  @inline(__always)
  func value(of field: ByteView, _ context: borrowing TableContext) -> PackedElement? {
    switch form {
    case .packed(let map):
      return map.find(EncodedElement(field))?.value
    case .large(let root):
      let table = unsafe root.table
      guard let hit = unsafe table.pointee.find(field, hash: table.pointee.hash(field, context)) else { return nil }
      return .bytes(hit.element.value)
    }
  }

  /// Calls `body` with every field and its value. Complexity: O(n).
  @inline(__always)
  func forEach(_ body: (_ field: PackedElement, _ value: PackedElement) -> Void) {
    switch form {
    case .packed(let map):
      for pair in map { body(pair.field, pair.value) }
    case .large(let root):
      unsafe root.table.pointee.forEach { body(.bytes($0.field), .bytes($0.value)) }
    }
  }

  /// One field drawn uniformly. There is one. Complexity: O(1) expected, O(count) when packed.
  func random(_ generator: inout FastRandom) -> (field: PackedElement, value: PackedElement) {
    switch form {
    case .packed(let map):
      let pair = map.pair(at: Int.random(in: 0..<map.count, using: &generator))
      return (pair.field, pair.value)
    case .large(let root):
      let element = unsafe root.table.pointee.random(&generator)!
      return (.bytes(element.field), .bytes(element.value))
    }
  }

  /// Calls `body` with `wanted` different fields, or all when there are no more: every choice is as likely as another.
  func forEachRandom(_ wanted: Int, _ generator: inout FastRandom,
    _ body: (_ field: PackedElement, _ value: PackedElement) -> Void)
  {
    switch form {
    case .packed(let map):
      // One pass, each taken with the probability that the rest asks for (Knuth, algorithm 3.4.2 S).
      var wanted = wanted
      var left = map.count
      for pair in map {
        if wanted >= left || Int.random(in: 0..<left, using: &generator) < wanted {
          body(pair.field, pair.value)
          wanted -= 1
        }
        left -= 1
      }
    case .large(let root):
      unsafe root.table.pointee.forEachRandom(wanted, &generator) { body(.bytes($0.field), .bytes($0.value)) }
    }
  }

  /// Collects fields of a large hash from `cursor` on, about `wanted` of them.
  /// - Returns: the next cursor, 0 at the end; nil when the hash is packed: it is returned whole.
  func scan(cursor: UInt64, wanted: Int, _ body: (HashField) -> Void) -> UInt64? {
    guard case .large(let root) = form else { return nil }
    return unsafe root.table.pointee.scan(cursor: cursor, wanted: wanted, body)
  }
}

// MARK: - Changing

extension Keyspace {
  /// Gives the field a value. The key holds a hash, or nothing yet. Nothing has changed after an error.
  ///
  /// Complexity: O(1), O(count) when packed. The one that is too much for the packed form moves all fields, of which
  /// there are as many as the settings allow.
  /// - Returns: true when the field is new.
  @inline(__always)
  mutating func setField(_ found: inout Found, _ field: ByteView, _ value: ByteView) throws(OutOfMemory) -> Bool {
    if let blob = found.entry?.blob {
      if isPackable(field) && isPackable(value) {
        let pair = (EncodedElement(field), EncodedElement(value))
        let map = PackedMap(blob)
        let present = map.find(pair.0)
        if map.count + (present == nil ? 1 : 0) <= limits.hashEntries {
          let splice = present.map { map.replacing($0, pair.1) } ?? map.appending(pair.0, pair.1)
          unsafe self.splice(&found, splice) { unsafe PackedMap.fill($0, splice, pair.0, pair.1) }
          return present == nil
        }
      }
      try unpackHash(&found)
    } else if found.entry == nil {
      return try makeHash(&found, field, value)
    }
    return try setLargeField(&found, field, value)
  }

  @inline(__always)
  private func isPackable(_ string: ByteView) -> Bool { string.count <= limits.hashBytes }

  private mutating func makeHash(_ found: inout Found, _ field: ByteView, _ value: ByteView) throws(OutOfMemory)
    -> Bool
  {
    guard limits.hashEntries > 0 && isPackable(field) && isPackable(value) else {
      let root = TableRoot<HashField>.make(&context)
      do throws(OutOfMemory) {
        try Self.add(field, value, to: root, &context)
      } catch {
        root.drop(context.units)
        throw error
      }
      unsafe putRoot(&found, .hash, root.raw)
      return true
    }
    let pair = (EncodedElement(field), EncodedElement(value))
    let byteCount = PackedMap.emptyByteCount + pair.0.byteCount + pair.1.byteCount
    unsafe putPacked(&found, .hash, byteCount: byteCount) { place in
      unsafe Packed.writeEmpty(to: place)
      let splice = PackedMap(unsafe ByteView(place, count: PackedMap.emptyByteCount)).appending(pair.0, pair.1)
      let gap = unsafe splice.apply(to: place, byteCount: PackedMap.emptyByteCount, capacity: byteCount)
      unsafe PackedMap.fill(gap, splice, pair.0, pair.1)
    }
    return true
  }

  private mutating func setLargeField(_ found: inout Found, _ field: ByteView, _ value: ByteView)
    throws(OutOfMemory) -> Bool
  {
    let root = writableTable(&found, HashField.self)
    let table = unsafe root.table
    let hash = unsafe table.pointee.hash(field, context)
    if let hit = unsafe table.pointee.find(field, hash: hash) {
      guard unsafe table.pointee.setValue(value, at: hit.position, &context) else { throw OutOfMemory() }
      return false
    }
    try Self.add(field, value, to: root, hash: hash, &context)
    return true
  }

  /// Adds a field that the hash does not have.
  @inline(__always)
  static func add(_ field: ByteView, _ value: ByteView, to root: TableRoot<HashField>, hash: UInt64,
    _ context: inout TableContext) throws(OutOfMemory)
  {
    guard let element = HashField.make(field, value, tag: context.units.currentTag) else { throw OutOfMemory() }
    unsafe root.table.pointee.insert(element, hash: hash, &context)
  }

  /// As above, of a field that has not been hashed yet.
  static func add(_ field: ByteView, _ value: ByteView, to root: TableRoot<HashField>, _ context: inout TableContext)
    throws(OutOfMemory)
  {
    try add(field, value, to: root, hash: unsafe root.table.pointee.hash(field, context), &context)
  }

  /// Makes room for so many fields that are about to come: more than may be packed are not packed to begin with.
  mutating func expectFields(_ found: inout Found, _ count: Int) throws(OutOfMemory) {
    guard count > limits.hashEntries, found.entry?.blob != nil else { return }
    try unpackHash(&found)
  }

  /// Makes a table of a packed hash. Complexity: O(n).
  private mutating func unpackHash(_ found: inout Found) throws(OutOfMemory) {
    guard let blob = found.entry?.blob else { return }
    let root = try Self.table(of: PackedMap(blob), &context)
    unsafe putRoot(&found, .hash, root.raw)
  }

  static func table(of map: PackedMap, _ context: inout TableContext) throws(OutOfMemory) -> TableRoot<HashField> {
    let root = TableRoot<HashField>.make(&context)
    do throws(OutOfMemory) {
      for pair in map {
        try pair.field.withBytes { (field) throws(OutOfMemory) in
          try pair.value.withBytes { (value) throws(OutOfMemory) in try add(field, value, to: root, &context) }
        }
      }
    } catch {
      root.drop(context.units)
      throw error
    }
    return root
  }

  /// Takes the field out. A hash without fields is the caller's to remove.
  /// - Returns: false when there is none such. Complexity: O(1), O(count) when packed.
  mutating func removeField(_ found: inout Found, _ field: ByteView) -> Bool {
    guard let entry = found.entry else { return false }
    if let blob = entry.blob {
      let map = PackedMap(blob)
      guard let pair = map.find(EncodedElement(field)) else { return false }
      unsafe splice(&found, map.removing(pair)) { _ in }
      return true
    }
    // Looked for first: a view's root is not copied for nothing.
    let readable = unsafe TableRoot<HashField>(raw: entry.child).table
    guard let hit = unsafe readable.pointee.find(field, hash: readable.pointee.hash(field, context)) else {
      return false
    }
    let table = unsafe writableTable(&found, HashField.self).table
    unsafe table.pointee.drop(at: hit.position, &context)
    return true
  }
}
