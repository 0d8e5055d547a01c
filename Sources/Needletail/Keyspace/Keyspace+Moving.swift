/// Values that change their key or database. What is a unit of its own moves; it is not copied.
extension Keyspace {
  /// Gives the value of `source` the key of `target`, in `target`'s database, with its expiry. What `target` held goes,
  /// and so does `source`. The keys differ. Complexity: O(size of the entry).
  mutating func rename(_ source: inout Found, to target: inout Found) {
    // Looking the one up may have removed another, expired one.
    refresh(&source)
    guard let old = detach(&source) else { preconditionFailure("no key to rename") }
    refresh(&target)
    unsafe putValue(of: old, child: old.encoding.isPointer ? old.child : nil, &target)
    // Its value lives on: only the entry's own allocation goes.
    unsafe context.units.retire(old.raw, old.byteCount)
  }

  /// Makes `target` a copy of `source`, with its expiry; what `target` held goes. Complexity: O(size of the value).
  mutating func copy(_ source: Entry, to target: inout Found) throws(OutOfMemory) {
    unsafe putValue(of: source, child: try copyChild(of: source), &target)
  }

  /// Takes the key out of `source`'s database into `target`'s, which has none of that name. Complexity: O(1).
  mutating func move(_ source: inout Found, to target: inout Found) {
    precondition(source.database != target.database)
    // The entry stays as it is, whether a view holds it or not: the view finds it in the segment it had.
    guard let entry = detach(&source) else { preconditionFailure("no key to move") }
    attach(entry, &target)
    entry.clock = clock.initial
  }

  /// A copy of what the entry's pointer names; nil when it has none.
  private mutating func copyChild(of entry: Entry) throws(OutOfMemory) -> UnsafeMutableRawPointer? {
    if let unit = entry.stringUnit { return unsafe try copyUnit(unit.bytes).raw }
    if let unit = entry.blobUnit {
      let bytes = unit.bytes
      let copy = BlobUnit.make(count: bytes.count, capacity: bytes.count, tag: context.units.currentTag)
      unsafe bytes.copy(to: copy.data)
      return unsafe copy.raw
    }
    guard let root = unsafe entry.root else { return nil }
    return unsafe try CollectionRoots.copy(entry.type, root, &context)
  }

  /// - Parameter child: what the key's pointer shall name, if its encoding has one.
  private mutating func putValue(of entry: Entry, child: UnsafeMutableRawPointer?, _ target: inout Found) {
    unsafe put(&target, type: entry.type, entry.shape(key: target.key.bytes)) { place in
      if let child = unsafe child {
        unsafe place.storeBytes(of: UInt(bitPattern: child), as: UInt.self)
      } else {
        unsafe entry.copyValue(to: place)
      }
    }
    target.entry?.clock = clock.initial
  }
}

extension Entry {
  /// The shape of an entry with the same value and expiry and another key.
  fileprivate func shape(key: ByteView) -> Shape {
    guard type == .string else {
      return Shape(key: key, expiry: expiry, encoding: encoding, inlineCount: encoding.isPointer ? 0 : blob?.count ?? 0)
    }
    guard let bytes = stringBytes else { return Shape(key: key, expiry: expiry, encoding: .integer) }
    let isRaw = isMarkedRaw
      || !Self.isEmbedded(keyCount: key.count, stringCount: bytes.count, hasExpiry: hasExpiry)
    return Shape(key: key, expiry: expiry, encoding: encoding, inlineCount: encoding == .external ? 0 : bytes.count,
      isMarkedRaw: isRaw)
  }

  /// Copies a value that lies in the entry itself.
  fileprivate func copyValue(to place: UnsafeMutableRawPointer) {
    if let integer {
      unsafe place.storeBytes(of: integer, as: Int.self)
    } else if let bytes = stringBytes ?? blob {
      precondition(!encoding.isPointer)
      unsafe bytes.copy(to: place)
    }
  }
}
