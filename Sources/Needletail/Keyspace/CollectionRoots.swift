/// Large collections, whatever their type: what the keyspace asks of a root unit without knowing what hangs below it.
/// Another type finds its place here and in `ViewWalker`: how it is freed, sized, copied, counted, digested and frozen.
enum CollectionRoots {
  /// Elements: members, fields (pairs count as one). Complexity: O(1).
  static func count(_ type: ValueType, _ root: UnsafeMutableRawPointer) -> Int {
    switch type {
    case .hash: unsafe TableRoot<HashField>(raw: root).table.pointee.count
    case .set: unsafe TableRoot<SetMember>(raw: root).table.pointee.count
    case .list: unsafe ListRoot(raw: root).count
    case .sortedSet: unsafe SortedSetRoot(raw: root).count
    case .string, .stream: noRoot(type)
    }
  }

  /// Everything that it owns, itself included, in the allocator's classes. Complexity: O(1).
  static func usedBytes(_ type: ValueType, _ root: UnsafeMutableRawPointer) -> Int {
    switch type {
    case .hash: unsafe TableRoot<HashField>(raw: root).totalByteCount
    case .set: unsafe TableRoot<SetMember>(raw: root).totalByteCount
    case .list: unsafe ListRoot(raw: root).totalByteCount
    case .sortedSet: unsafe SortedSetRoot(raw: root).totalByteCount
    case .string, .stream: noRoot(type)
    }
  }

  /// Lets go of a whole collection that its entry no longer names: a large one in the background. Complexity: O(1), or
  /// O(n) for a small one.
  static func drop(_ type: ValueType, _ root: UnsafeMutableRawPointer, _ units: borrowing Units) {
    switch type {
    case .hash: unsafe TableRoot<HashField>(raw: root).drop(units)
    case .set: unsafe TableRoot<SetMember>(raw: root).drop(units)
    case .list: unsafe ListRoot(raw: root).drop(units)
    case .sortedSet: unsafe SortedSetRoot(raw: root).drop(units)
    case .string, .stream: noRoot(type)
    }
  }

  /// Frees a whole collection that was unlinked when `currentTag` was `tag`, but for what a view holds. On any thread.
  /// Complexity: O(n).
  static func free(_ type: ValueType, _ root: UnsafeMutableRawPointer, tag: UInt8, _ limbo: Limbo) {
    switch type {
    case .hash: unsafe TableRoot<HashField>.free(root, tag: tag, limbo)
    case .set: unsafe TableRoot<SetMember>.free(root, tag: tag, limbo)
    case .list: unsafe ListRoot.free(root, tag: tag, limbo)
    case .sortedSet: unsafe SortedSetRoot.free(root, tag: tag, limbo)
    case .string, .stream: noRoot(type)
    }
  }

  /// A copy of everything. Complexity: O(n).
  static func copy(_ type: ValueType, _ root: UnsafeMutableRawPointer, _ context: inout TableContext)
    throws(OutOfMemory) -> UnsafeMutableRawPointer
  {
    switch type {
    case .hash: unsafe try TableRoot<HashField>(raw: root).deepCopy(&context).raw
    case .set: unsafe try TableRoot<SetMember>(raw: root).deepCopy(&context).raw
    case .list: unsafe try ListRoot(raw: root).deepCopy(&context.units).raw
    case .sortedSet: unsafe try SortedSetRoot(raw: root).deepCopy(&context).raw
    case .string, .stream: noRoot(type)
    }
  }

  /// Calls `body` with every part, in the order of the walk over a view. Complexity: O(n).
  static func forEachPart(_ type: ValueType, _ root: UnsafeMutableRawPointer, _ body: (CollectionPart) -> Void) {
    switch type {
    case .hash: unsafe TableRoot<HashField>(raw: root).table.pointee.forEach { body(.field($0)) }
    case .set: unsafe TableRoot<SetMember>(raw: root).table.pointee.forEach { body(.member($0)) }
    case .list: unsafe ListRoot(raw: root).forEachLeaf { body(.leaf($0)) }
    case .sortedSet: unsafe SortedSetRoot(raw: root).forEach { body(.scored($0)) }
    case .string, .stream: noRoot(type)
    }
  }

  static func noRoot(_ type: ValueType) -> Never { preconditionFailure("no \(type.name) has a root") }
}

extension Entry {
  /// The value's length as effects tell it: bytes of a string, elements of a collection. Complexity: O(1).
  @inline(__always)
  var length: Int {
    if type == .string { return stringCount }
    if let blob { return Packed.count(blob) }
    return unsafe CollectionRoots.count(type, child)
  }

  /// What the value takes beside the entry. Complexity: O(1).
  var childBytes: Int {
    if let unit = stringUnit { return Heap.goodSize(unit.byteCount) }
    if let unit = blobUnit { return Heap.goodSize(unit.byteCount) }
    return unsafe root.map { unsafe CollectionRoots.usedBytes(type, $0) } ?? 0
  }
}

extension Found {
  /// The value's length; -1 without a key.
  @inline(__always)
  var length: Int { entry?.length ?? -1 }
}

extension Keyspace {
  /// Gives the key a large collection, whatever was there. The expiry stays when there is one.
  mutating func putRoot(_ found: inout Found, _ type: ValueType, _ root: UnsafeMutableRawPointer) {
    let shape = Entry.Shape(key: found.key.bytes, expiry: found.entry?.expiry, encoding: .root)
    unsafe put(&found, type: type, shape) { unsafe $0.storeBytes(of: UInt(bitPattern: root), as: UInt.self) }
  }

  /// The root of the key's large hash or set, to be written. Complexity: O(size of the entry) when a view holds it.
  @inline(__always)
  mutating func writableTable<Element: TableElement>(_ found: inout Found, _: Element.Type) -> TableRoot<Element> {
    guard let entry = found.entry, let raw = unsafe entry.root else { preconditionFailure("no root") }
    let root = unsafe TableRoot<Element>(raw: raw)
    guard unsafe context.units.belongsToView(raw) else { return root }
    let writable = root.writable(&context)
    unsafe setChild(&found, writable.raw)
    return writable
  }
}
