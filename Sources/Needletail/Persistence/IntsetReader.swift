/// Reads an intset, in which Redis keeps small sets of integers.
///
///     intset: bytes of an integer (2, 4, 8) 4 | count 4 | integer ...          (all little-endian)
///
/// The integers ascend, which is checked here because it is the form's own rule: so there are no duplicates.
@safe struct IntsetReader: BlobReader {
  static let form = BlobError.Form.intset

  private static let headerBytes = 8

  private let blob: ByteView
  private let integerBytes: Int
  let count: Int
  private(set) var position = Self.headerBytes
  private var previous = Int.min

  var statedCount: Int? { count }

  init(_ blob: ByteView) throws(BlobError) {
    self.blob = blob
    guard blob.count >= Self.headerBytes else { throw BlobError(form: .intset, fault: .size, offset: 0) }
    integerBytes = Int(blob.fixed(UInt32.self, at: 0))
    count = Int(blob.fixed(UInt32.self, at: 4))
    guard integerBytes == 2 || integerBytes == 4 || integerBytes == 8 else {
      throw BlobError(form: .intset, fault: .encoding, offset: 0)
    }
    guard Self.headerBytes + count * integerBytes == blob.count else {
      throw BlobError(form: .intset, fault: .size, offset: 4)
    }
  }

  @inline(__always)
  mutating func next() throws(BlobError) -> PackedElement? {
    guard position < blob.count else { return nil }
    let value = switch integerBytes {
    case 2: Int(blob.fixed(Int16.self, at: position))
    case 4: Int(blob.fixed(Int32.self, at: position))
    default: blob.fixed(Int.self, at: position)
    }
    guard value > previous || position == Self.headerBytes else {
      throw BlobError(form: .intset, fault: .order, offset: position)
    }
    previous = value
    position += integerBytes
    return .integer(value)
  }
}
