/// Packed collections: flat blobs in the entry, or in a unit of their own (DESIGN.md §4). What a blob means is the
/// business of `Structures`; here is only where it lies, and that nothing of a view is written.
extension Keyspace {
  /// A blob comes back into the entry when it is this much shorter than the limit, lest it go back and forth.
  private static var returnMaxBytes: Int { Entry.inlineMaxBytes / 2 }

  /// Gives the key a packed collection of `byteCount` bytes, whatever was there, and has `fill` write it. The expiry
  /// stays when there is one; `fill` must not read the old value.
  mutating func putPacked(_ found: inout Found, _ type: ValueType, byteCount: Int, isIntegers: Bool = false,
    _ fill: (UnsafeMutableRawPointer) -> Void)
  {
    let encoding = ValueEncoding.packed(byteCount: byteCount, isIntegers: isIntegers)
    let shape = Entry.Shape(key: found.key.bytes, expiry: found.entry?.expiry, encoding: encoding,
      inlineCount: encoding.isPointer ? 0 : byteCount)
    guard encoding.isPointer else { return unsafe put(&found, type: type, shape, fill) }
    let unit = BlobUnit.make(count: byteCount, capacity: byteCount, tag: context.units.currentTag)
    unsafe fill(unit.data)
    unsafe put(&found, type: type, shape) { unsafe $0.storeBytes(of: UInt(bitPattern: unit.raw), as: UInt.self) }
  }

  /// Changes the key's packed collection; `fill` writes what is inserted, and must not read the old value.
  /// Complexity: O(bytes behind the change), O(bytes) when it moves or belongs to a view.
  @inline(__always)
  mutating func splice(_ found: inout Found, _ splice: PackedSplice, _ fill: (UnsafeMutableRawPointer) -> Void) {
    guard let entry = found.entry, let blob = entry.blob else { preconditionFailure("no packed collection") }
    let byteCount = blob.count + splice.byteCountDelta
    if let unit = entry.blobUnit {
      if byteCount > Self.returnMaxBytes && byteCount <= unit.capacity, unsafe !context.units.belongsToView(unit.raw) {
        unsafe fill(splice.apply(to: unit.data, byteCount: unit.count, capacity: unit.capacity))
        unit.count = byteCount
        return
      }
    } else if byteCount <= Entry.inlineMaxBytes {
      // The usual change, of a value by one as long, asks the allocator nothing.
      let delta = splice.byteCountDelta
      if delta == 0 || Heap.goodSize(entry.byteCount) == Heap.goodSize(entry.byteCount + delta),
        unsafe !context.units.belongsToView(entry.raw)
      {
        let place = unsafe UnsafeMutableRawPointer(mutating: blob.base)
        unsafe fill(splice.apply(to: place, byteCount: blob.count, capacity: max(blob.count, byteCount)))
        entry.storePackedCount(byteCount)
        return
      }
    }
    unsafe moveBlob(&found, entry, blob, splice, byteCount: byteCount, fill)
  }

  /// The changed blob goes elsewhere: to a larger or smaller place, or away from one that a view holds.
  @inline(never)
  private mutating func moveBlob(_ found: inout Found, _ entry: Entry, _ blob: ByteView, _ splice: PackedSplice,
    byteCount: Int, _ fill: (UnsafeMutableRawPointer) -> Void)
  {
    let isIntegers = entry.encoding.isIntegers
    let oldUnit = entry.blobUnit
    // Between the two limits a blob stays where it is.
    let isInEntry = byteCount <= (oldUnit == nil ? Entry.inlineMaxBytes : Self.returnMaxBytes)
    if !isInEntry {
      let unit = BlobUnit.make(count: byteCount, capacity: byteCount, tag: context.units.currentTag)
      unsafe fill(splice.apply(from: blob, to: unit.data, capacity: unit.capacity))
      if let oldUnit {
        unsafe setChild(&found, unit.raw)
        return unsafe context.units.retire(oldUnit.raw, oldUnit.byteCount)
      }
      let encoding = isIntegers ? ValueEncoding.blobIntegers : .blob
      return unsafe replaceEntry(&found, entry, encoding, inlineCount: 0) {
        unsafe $0.storeBytes(of: UInt(bitPattern: unit.raw), as: UInt.self)
      }
    }
    unsafe replaceEntry(&found, entry, isIntegers ? .packedIntegers : .packed, inlineCount: byteCount) {
      unsafe fill(splice.apply(from: blob, to: $0, capacity: byteCount))
    }
    if let oldUnit { unsafe context.units.retire(oldUnit.raw, oldUnit.byteCount) }
  }

  /// Puts an entry of the same key, type, expiry and clock in the place of the found one, whose own allocation goes.
  /// The deadline, which the table keeps, stays.
  mutating func replaceEntry(_ found: inout Found, _ entry: Entry, _ encoding: ValueEncoding, inlineCount: Int,
    _ fill: (UnsafeMutableRawPointer) -> Void)
  {
    let shape = Entry.Shape(key: entry.key, expiry: entry.expiry, encoding: encoding, inlineCount: inlineCount)
    let block = unsafe allocateEntry(shape.byteCount)
    unsafe fill(Entry.write(shape, type: entry.type, tag: context.units.currentTag, clock: entry.clock, at: block))
    replaceUnit(&found, with: unsafe Entry(raw: block))
  }

  /// Makes the found entry point to another child; the old child is the caller's to let go.
  mutating func setChild(_ found: inout Found, _ child: UnsafeMutableRawPointer) {
    guard let entry = found.entry else { preconditionFailure("no key") }
    guard unsafe context.units.belongsToView(entry.raw) else { return unsafe entry.storeChild(child) }
    unsafe replaceEntry(&found, entry, entry.encoding, inlineCount: 0) {
      unsafe $0.storeBytes(of: UInt(bitPattern: child), as: UInt.self)
    }
  }
}
