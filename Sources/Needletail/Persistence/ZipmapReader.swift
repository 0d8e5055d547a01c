/// Reads a zipmap, in which Redis before version 2.6 kept small hashes. Fields and values take turns.
///
///     zipmap: count of pairs 1 | pair ... | 0xff
///     pair:   length | field | length | unused count 1 | value | unused bytes
///     length: | 0 ... 253 | or | 254 | 4 bytes, little-endian |
///
/// The count 254 stands for "unknown". A value that was replaced by a shorter one left unused bytes behind it, which
/// may hold anything.
@safe struct ZipmapReader: BlobReader {
  static let form = BlobError.Form.zipmap

  private static let terminator: UInt8 = 0xff
  private static let unknownCount: UInt8 = 254
  private static let wideLength: UInt8 = 254
  /// Two lengths and the unused count.
  private static let pairMinBytes = 3

  private let blob: ByteView
  /// Where the terminator stands.
  private let end: Int
  /// Twice the pairs: fields and values are elements.
  let statedCount: Int?
  private(set) var position = 1
  private var found = 0

  init(_ blob: ByteView) throws(BlobError) {
    self.blob = blob
    end = blob.count - 1
    guard end >= 1 else { throw BlobError(form: .zipmap, fault: .size, offset: 0) }
    guard blob[end] == Self.terminator else { throw BlobError(form: .zipmap, fault: .terminator, offset: end) }
    let pairCount = blob[0]
    statedCount = pairCount == Self.unknownCount ? nil : 2 * Int(pairCount)
    guard pairCount == Self.unknownCount || Int(pairCount) <= (end - 1) / Self.pairMinBytes else {
      throw BlobError(form: .zipmap, fault: .count, offset: 0)
    }
  }

  @inline(__always)
  mutating func next() throws(BlobError) -> PackedElement? {
    let isValue = found & 1 == 1
    guard position < end else {
      if isValue { throw cut }
      if let statedCount, statedCount != found { throw BlobError(form: .zipmap, fault: .count, offset: 0) }
      return nil
    }
    var count = Int(blob[position])
    var place = position + 1
    if count >= Int(Self.wideLength) {
      guard count == Int(Self.wideLength) else { throw BlobError(form: .zipmap, fault: .encoding, offset: position) }
      guard end - place >= 4 else { throw cut }
      count = Int(blob.fixed(UInt32.self, at: place))
      place += 4
    }
    var unusedCount = 0
    if isValue {
      guard place < end else { throw cut }
      unusedCount = Int(blob[place])
      place += 1
    }
    guard count + unusedCount <= end - place else { throw cut }
    position = place + count + unusedCount
    found += 1
    return PackedElement(blob[place..<place + count])
  }

  private var cut: BlobError { BlobError(form: .zipmap, fault: .cut, offset: position) }
}
