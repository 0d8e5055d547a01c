/// A field of a large hash with its value: one allocation, one unit.
///
///     | tag 1 | flag 1 bit, field's length 7 bits, or 3 or 9 bytes | field | value's length 1, 3 or 9 | value |
///
/// 15 + 15 bytes make 33 and take jemalloc's class of 48. The flag is kept for a field's deadline; it is never set.
/// Numbers are stored as the text they are: up to four digits their text is no longer than a number would be, and
/// classes 16 bytes apart leave nothing to be saved for most of the others.
@safe struct HashField: CollectionElement {
  private static let fieldMask: UInt8 = 0x7f
  private static let valueMask: UInt8 = 0xff

  let raw: UnsafeMutableRawPointer

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// Nil without memory.
  @inline(__always)
  static func make(_ field: ByteView, _ value: ByteView, tag: UInt8) -> HashField? {
    let lengths = (PackedLength(field.count, mask: fieldMask), PackedLength(value.count, mask: valueMask))
    guard let block = unsafe Heap.tryAllocate(byteCount(lengths.0, lengths.1)) else { return nil }
    unsafe block.storeBytes(of: tag, as: UInt8.self)
    unsafe lengths.0.write(field, to: block + 1, mask: fieldMask)
    unsafe lengths.1.write(value, to: block + valueOffset(lengths.0), mask: valueMask)
    return unsafe HashField(raw: block)
  }

  private var fieldLength: PackedLength {
    @inline(__always) get { unsafe PackedLength(at: raw + 1, mask: Self.fieldMask) }
  }

  /// Where the value's length is.
  @inline(__always)
  private static func valueOffset(_ field: PackedLength) -> Int { 1 + field.width + field.count }

  /// A dead unit is linked through its first 16 bytes, so none is smaller.
  @inline(__always)
  private static func byteCount(_ field: PackedLength, _ value: PackedLength) -> Int {
    max(valueOffset(field) + value.width + value.count, 16)
  }

  var field: ByteView {
    @inline(__always) get {
      let length = fieldLength
      return unsafe ByteView(raw + 1 + length.width, count: length.count)
    }
  }

  var value: ByteView {
    @inline(__always) get {
      let place = unsafe raw + Self.valueOffset(fieldLength)
      let length = unsafe PackedLength(at: place, mask: Self.valueMask)
      return unsafe ByteView(place + length.width, count: length.count)
    }
  }

  var byteCount: Int {
    @inline(__always) get {
      let length = fieldLength
      return unsafe Self.byteCount(length, PackedLength(at: raw + Self.valueOffset(length), mask: Self.valueMask))
    }
  }

  /// Overwrites the value, which must not lie in the unit itself. The unit must not belong to a view.
  /// - Returns: false, with nothing changed, when the unit would have to be of another size class.
  fileprivate func setValue(_ value: ByteView) -> Bool {
    let lengths = (fieldLength, PackedLength(value.count, mask: Self.valueMask))
    guard Heap.goodSize(Self.byteCount(lengths.0, lengths.1)) == Heap.goodSize(byteCount) else { return false }
    unsafe lengths.1.write(value, to: raw + Self.valueOffset(lengths.0), mask: Self.valueMask)
    return true
  }

  @inline(__always) func hash(_ seed: HashSeed) -> UInt64 { sipHash13(field, seed) }
  @inline(__always) func hasKey(_ key: ByteView) -> Bool { field == key }

  static var freeFunction: BackgroundFreer.Function {
    { root, _, tag, limbo in unsafe TableRoot<HashField>.free(root, tag: tag, Limbo(raw: limbo)) }
  }
}

extension SegmentedTable where Element == HashField {
  /// Gives the field at `position` another value, where it lies when it can stay there. The value must not lie in a
  /// unit of this table. Complexity: O(value).
  /// - Returns: false, with nothing changed, without memory.
  mutating func setValue(_ value: ByteView, at position: Position, _ context: inout TableContext) -> Bool {
    let old = element(at: position)
    if unsafe !context.units.belongsToView(old.raw) && old.setValue(value) { return true }
    guard let new = HashField.make(old.field, value, tag: context.units.currentTag) else { return false }
    replace(at: position, with: new, &context)
    unsafe context.units.retireValue(old.raw, old.byteCount, tag: context.units.currentTag)
    return true
  }
}
