/// Makes a hash of fields that come one by one: packed until the settings forbid it.
@safe struct HashBuilder: ~Copyable {
  private let limits: CollectionLimits
  /// Of no use once there is a root.
  private var packed: BlobBuilder
  private var root: TableRoot<HashField>?
  private(set) var count = 0

  init(_ limits: CollectionLimits, _ context: inout TableContext) {
    self.limits = limits
    packed = BlobBuilder(headerBytes: PackedMap.emptyByteCount, tag: context.units.currentTag)
    root = nil
    unsafe Packed.writeEmpty(to: packed.data)
  }

  /// Adds a field.
  /// - Returns: false, with nothing changed, when it is there already.
  mutating func add(_ field: PackedElement, _ value: PackedElement, _ context: inout TableContext)
    throws(OutOfMemory) -> Bool
  {
    if root == nil {
      if count < limits.hashEntries && field.count <= limits.hashBytes && value.count <= limits.hashBytes {
        let pair = (EncodedElement(field), EncodedElement(value))
        let map = PackedMap(packed.bytes)
        guard map.find(pair.0) == nil else { return false }
        let splice = map.appending(pair.0, pair.1)
        unsafe packed.splice(splice) { unsafe PackedMap.fill($0, splice, pair.0, pair.1) }
        count += 1
        return true
      }
      root = try Keyspace.table(of: PackedMap(packed.bytes), &context)
    }
    guard let root else { preconditionFailure("neither packed nor large") }
    let table = unsafe root.table
    let isNew = try field.withBytes { (field) throws(OutOfMemory) -> Bool in
      let hash = unsafe table.pointee.hash(field, context)
      guard unsafe table.pointee.find(field, hash: hash) == nil else { return false }
      try value.withBytes { (value) throws(OutOfMemory) in
        try Keyspace.add(field, value, to: root, hash: hash, &context)
      }
      return true
    }
    if isNew { count += 1 }
    return isNew
  }

  /// The hash; nil without fields.
  consuming func finish() -> BuiltValue? {
    if let root { return unsafe BuiltValue(.hash, root: root.raw) }
    return count == 0 ? nil : BuiltValue(.hash, packed: packed.finish())
  }

  /// Frees what has been made.
  consuming func discard(_ units: borrowing Units) { root?.drop(units) }
}
