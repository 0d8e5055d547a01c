import Glibc

extension Keyspace {
  /// Makes the key a string, as an integer where its bytes spell one. An older value of whatever type goes.
  @inline(__always)
  mutating func setString(_ found: inout Found, _ value: ByteView, expiry: ExpiryChange) throws(OutOfMemory) {
    let milliseconds = time(expiry, found)
    if let integer = value.integer {
      return putInteger(&found, integer, expiry: milliseconds)
    }
    let shape = Entry.Shape(key: found.key.bytes, expiry: milliseconds, stringCount: value.count,
      isMarkedRaw: !isEmbedded(found, value.count, expiry))
    if shape.encoding != .external {
      unsafe put(&found, shape) { unsafe value.copy(to: $0) }
      return
    }
    putUnit(&found, shape, try makeUnit(value))
  }

  /// As `setString`, for a value that `makeUnit` has made: nothing can fail any more.
  mutating func setString(_ found: inout Found, adopting unit: StringUnit, expiry: ExpiryChange) {
    let shape = Entry.Shape(key: found.key.bytes, expiry: time(expiry, found), encoding: .external,
      isMarkedRaw: true)
    putUnit(&found, shape, unit)
  }

  /// Makes the key a string of the unit's bytes whose encoding is raw, whatever they spell; an expiry goes. The unit is
  /// freed when the bytes are short enough for the entry.
  mutating func setRawString(_ found: inout Found, _ unit: StringUnit) {
    guard unit.count <= Entry.inlineMaxBytes else { return setString(&found, adopting: unit, expiry: .clear) }
    let shape = Entry.Shape(key: found.key.bytes, expiry: nil, stringCount: unit.count, isMarkedRaw: true)
    unsafe put(&found, shape) { unsafe unit.bytes.copy(to: $0) }
    unsafe Heap.free(unit.raw, unit.byteCount)
  }

  /// A unit with a copy of `value`, or the one that it was read into when it is a large argument.
  mutating func makeUnit(_ value: ByteView) throws(OutOfMemory) -> StringUnit {
    if let unit = adoptLargeArgument(value) { return unit }
    return try copyUnit(value)
  }

  /// A unit with a copy of `bytes`.
  func copyUnit(_ value: ByteView) throws(OutOfMemory) -> StringUnit {
    guard let unit = StringUnit.make(capacity: value.count, tag: context.units.currentTag) else { throw OutOfMemory() }
    unsafe value.copy(to: unit.data)
    unit.count = value.count
    return unit
  }

  /// Redis stores the value first, in the place of an object whose expiry goes only when none is to follow, and then
  /// sets the expiry.
  @inline(__always)
  func isEmbedded(_ found: Found, _ count: Int, _ change: ExpiryChange) -> Bool {
    let keyCount = found.key.bytes.count
    let hadExpiry = found.entry?.hasExpiry ?? false
    switch change {
    case .clear: return Entry.isEmbedded(keyCount: keyCount, stringCount: count, hasExpiry: false)
    case .at where !hadExpiry: return Entry.staysEmbedded(keyCount: keyCount, stringCount: count)
    case .keep, .at: return Entry.isEmbedded(keyCount: keyCount, stringCount: count, hasExpiry: hadExpiry)
    }
  }

  /// The expiry that a key has after `change`.
  @inline(__always)
  private func time(_ change: ExpiryChange, _ found: Found) -> Int? {
    switch change {
    case .keep: found.entry?.expiry
    case .clear: nil
    case .at(let time): time
    }
  }

  /// The unit that a large argument was read into, when `value` is one: it need not be copied.
  private mutating func adoptLargeArgument(_ value: ByteView) -> StringUnit? {
    guard adoptsArguments, value.count >= RequestParser.largeArgumentBytes, let argument = largeArguments.take(value)
    else { return nil }
    return unsafe StringUnit(adopting: argument.block, byteCount: argument.blockBytes, count: value.count,
      tag: context.units.currentTag)
  }

  /// Makes the key an integer-encoded string; keeps its expiry.
  @inline(__always)
  mutating func setInteger(_ found: inout Found, _ value: Int) {
    if let entry = found.entry, entry.type == .string, entry.encoding == .integer,
      unsafe !context.units.belongsToView(entry.raw)
    {
      return entry.storeInteger(value)
    }
    putInteger(&found, value, expiry: found.entry?.expiry)
  }

  /// Makes the string `count` bytes long, keeping what was there and zeroing what is new, and hands its bytes to `body`
  /// to be changed. Creates the key. Its encoding is raw, its expiry stays.
  ///
  /// Complexity: O(count) when the string is short, moves or belongs to a view, else O(added bytes).
  mutating func modifyString(_ found: inout Found, count: Int, _ body: (UnsafeMutableRawPointer) -> Void)
    throws(OutOfMemory)
  {
    let expiry = found.entry?.expiry
    if count <= Entry.inlineMaxBytes {
      // Built aside: the old bytes may lie where the new ones go.
      unsafe withUnsafeTemporaryAllocation(byteCount: Entry.inlineMaxBytes, alignment: 8) { buffer in
        let bytes = buffer.baseAddress!
        let kept = unsafe Self.copyString(found.entry, to: unsafe bytes, limit: count)
        unsafe memset(bytes + kept, 0, count - kept)
        unsafe body(bytes)
        let shape = Entry.Shape(key: found.key.bytes, expiry: expiry, stringCount: count, isMarkedRaw: true)
        unsafe put(&found, shape) { unsafe $0.copyMemory(from: bytes, byteCount: count) }
      }
      return
    }
    if let entry = found.entry, let unit = changeableUnit(entry) {
      let grown = try unit.withCapacity(count)
      if unsafe grown.raw != unit.raw { unsafe entry.storeChild(grown.raw) }
      let old = min(grown.count, count)
      grown.count = count
      unsafe memset(grown.data + old, 0, count - old)
      unsafe body(grown.data)
      return
    }
    let reserve = found.entry == nil ? 0 : StringUnit.reserve(count)
    guard let unit = StringUnit.make(capacity: count + reserve, tag: context.units.currentTag) else {
      throw OutOfMemory()
    }
    let kept = unsafe Self.copyString(found.entry, to: unsafe unit.data, limit: count)
    unsafe memset(unit.data + kept, 0, count - kept)
    unsafe body(unit.data)
    unit.count = count
    putUnit(&found, Entry.Shape(key: found.key.bytes, expiry: expiry, encoding: .external, isMarkedRaw: true), unit)
  }

  /// The key's unit, when it may be changed where it lies: no reply is sent from it and no view has it.
  private func changeableUnit(_ entry: Entry) -> StringUnit? {
    guard let unit = entry.stringUnit, unit.pins == 0, unsafe !context.units.belongsToView(unit.raw),
      unsafe !context.units.belongsToView(entry.raw)
    else { return nil }
    return unit
  }

  /// The unit in which a new value of `count` bytes may be written over the old one, so that no fresh memory is needed;
  /// the encoding stays raw. Nil when the key has no such unit, or has an expiry, which a new value ends.
  func stringToOverwrite(_ found: Found, count: Int) -> StringUnit? {
    guard count > Entry.inlineMaxBytes, let entry = found.entry, !entry.hasExpiry, let unit = changeableUnit(entry),
      // Not much larger than a unit made for it.
      count <= unit.capacity, count > unit.capacity / 2
    else { return nil }
    return unit
  }

  @inline(__always)
  private mutating func putInteger(_ found: inout Found, _ value: Int, expiry: Int?) {
    let shape = Entry.Shape(key: found.key.bytes, expiry: expiry, encoding: .integer)
    unsafe put(&found, shape) { unsafe $0.storeBytes(of: value, as: Int.self) }
  }

  private mutating func putUnit(_ found: inout Found, _ shape: Entry.Shape, _ unit: StringUnit) {
    unsafe put(&found, shape) { unsafe $0.storeBytes(of: UInt(bitPattern: unit.raw), as: UInt.self) }
  }

  private static func copyString(_ entry: Entry?, to destination: UnsafeMutableRawPointer, limit: Int) -> Int {
    guard let entry else { return 0 }
    return entry.withString { bytes in
      let kept = min(bytes.count, limit)
      unsafe bytes[0..<kept].copy(to: destination)
      return kept
    }
  }

  // MARK: Pinned replies

  /// A reply is going to be sent from the unit: until `unpin`, writes copy it and nobody frees it.
  mutating func pin(_ unit: StringUnit) {
    unit.pin()
    pinCount += 1
  }

  /// The reply has been sent, or will never be.
  mutating func unpin(_ unit: StringUnit) {
    pinCount -= 1
    if let tag = unit.unpin() { free(unit, tag: tag) }
  }
}
