/// A collection that is in no database yet: made by a snapshot's decoder, by RESTORE, or by a command that stores a
/// result. Whoever has it owns it. Its packed form lies in a unit of its own until it gets a key.
@safe struct BuiltValue {
  let type: ValueType
  /// `blob`, `blobIntegers` or `root`.
  let encoding: ValueEncoding
  /// A `BlobUnit`, or the root of a large collection.
  let child: UnsafeMutableRawPointer

  init(_ type: ValueType, packed unit: BlobUnit, isIntegers: Bool = false) {
    self.type = type
    encoding = isIntegers ? .blobIntegers : .blob
    unsafe child = unit.raw
  }

  init(_ type: ValueType, root: UnsafeMutableRawPointer) {
    self.type = type
    encoding = .root
    unsafe child = root
  }

  /// Elements. Complexity: O(1).
  var count: Int {
    encoding == .root ? unsafe CollectionRoots.count(type, child) : Packed.count(unsafe BlobUnit(raw: child).bytes)
  }

  /// The packed form that is short enough to lie in the entry.
  private var inlineBlob: BlobUnit? {
    guard encoding != .root else { return nil }
    let unit = unsafe BlobUnit(raw: child)
    return unit.count <= Entry.inlineMaxBytes ? unit : nil
  }

  fileprivate func shape(_ key: ByteView, _ expiry: Int?) -> Entry.Shape {
    guard let blob = inlineBlob else { return Entry.Shape(key: key, expiry: expiry, encoding: encoding) }
    return Entry.Shape(key: key, expiry: expiry,
      encoding: .packed(byteCount: blob.count, isIntegers: encoding.isIntegers), inlineCount: blob.count)
  }

  fileprivate func fill(_ place: UnsafeMutableRawPointer) {
    guard let blob = inlineBlob else { return unsafe place.storeBytes(of: UInt(bitPattern: child), as: UInt.self) }
    unsafe blob.bytes.copy(to: place)
    unsafe Heap.free(blob.raw, blob.byteCount)
  }

  /// An entry that is in no table, born with `tag`; the value is its own then. Nil without memory for the key.
  consuming func makeEntry(key: ByteView, expiry: Int?, clock: UInt32, tag: UInt8) -> Entry? {
    let shape = shape(key, expiry)
    guard let block = unsafe Heap.tryAllocate(shape.byteCount) else { return nil }
    unsafe fill(Entry.write(shape, type: type, tag: tag, clock: clock, at: block))
    return unsafe Entry(raw: block)
  }

  /// Frees a value that nobody wants. It was made while `currentTag` was `tag`.
  consuming func free(tag: UInt8, _ limbo: Limbo) {
    if encoding == .root { return unsafe CollectionRoots.free(type, child, tag: tag, limbo) }
    unsafe Heap.free(child, BlobUnit(raw: child).byteCount)
  }
}

extension Keyspace {
  /// Gives the key a value that was made for it, whatever was there.
  mutating func put(_ found: inout Found, _ value: consuming BuiltValue, expiry: Int?) {
    let type = value.type
    let shape = value.shape(found.key.bytes, expiry)
    if type == .sortedSet { hasHeldSortedSets = true }
    unsafe put(&found, type: type, shape) { unsafe value.fill($0) }
  }
}
