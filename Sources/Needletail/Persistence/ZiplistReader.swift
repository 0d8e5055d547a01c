/// Reads a ziplist, in which Redis before version 7 kept small collections and, since 3.2, the nodes of lists.
///
///     ziplist: total size 4 | offset of the last element 4 | count 2 | element ... | 0xff
///     element: size of the element before | code | data              (fixed numbers are little-endian)
///
///     size before | 0 ... 253 |                     0 for the first element
///                 | 254 | 4 bytes |                 also of shorter ones: a field that was wide may stay so
///     code | 00llllll | bytes |                     a string
///          | 01llllll llllllll | bytes |            a string (the length is big-endian)
///          | 0x80 | length 4, big-endian | bytes |  a string
///          | 0xc0, 0xd0, 0xe0, 0xf0, 0xfe |         a signed integer of 2, 4, 8, 3, 1 bytes
///          | 0xf1 ... 0xfd |                        an integer, 0 to 12
///
/// The count 0xffff stands for "unknown".
@safe struct ZiplistReader: BlobReader {
  static let form = BlobError.Form.ziplist

  private static let headerBytes = 10
  private static let terminator: UInt8 = 0xff
  private static let wideSize: UInt8 = 254
  private static let unknownCount = 0xffff
  /// One for the size before, one for the code.
  private static let elementMinBytes = 2

  private let blob: ByteView
  /// Where the terminator stands.
  private let end: Int
  let statedCount: Int?
  private(set) var position = Self.headerBytes
  private var previousSize = 0
  private var found = 0

  init(_ blob: ByteView) throws(BlobError) {
    self.blob = blob
    end = blob.count - 1
    guard end >= Self.headerBytes, Int(blob.fixed(UInt32.self, at: 0)) == blob.count else {
      throw BlobError(form: .ziplist, fault: .size, offset: 0)
    }
    guard blob[end] == Self.terminator else { throw BlobError(form: .ziplist, fault: .terminator, offset: end) }
    let count = Int(blob.fixed(UInt16.self, at: 8))
    statedCount = count == Self.unknownCount ? nil : count
    guard count == Self.unknownCount || count <= (end - Self.headerBytes) / Self.elementMinBytes else {
      throw BlobError(form: .ziplist, fault: .count, offset: 8)
    }
  }

  @inline(__always)
  mutating func next() throws(BlobError) -> PackedElement? {
    guard position < end else {
      try checkHeader()
      return nil
    }
    let codePlace = try placeOfCode()
    let code = blob[codePlace]
    let dataPlace: Int
    let count: Int
    let element: PackedElement
    if code < 0xc0 {
      (dataPlace, count) = try string(codePlace, code)
      guard count <= end - dataPlace else { throw cut }
      element = PackedElement(blob[dataPlace..<dataPlace + count])
    } else {
      dataPlace = codePlace + 1
      (element, count) = try integer(dataPlace, code)
    }
    let next = dataPlace + count
    previousSize = next - position
    position = next
    found += 1
    return element
  }

  /// What the header says of the elements, all of which have been read.
  private func checkHeader() throws(BlobError) {
    if let statedCount, statedCount != found { throw BlobError(form: .ziplist, fault: .count, offset: 8) }
    guard Int(blob.fixed(UInt32.self, at: 4)) == position - previousSize else {
      throw BlobError(form: .ziplist, fault: .tail, offset: 4)
    }
  }

  private var cut: BlobError { BlobError(form: .ziplist, fault: .cut, offset: position) }

  /// Checks the size of the element before.
  @inline(__always)
  private func placeOfCode() throws(BlobError) -> Int {
    var size = Int(blob[position])
    var place = position + 1
    if size >= Int(Self.wideSize) {
      guard size == Int(Self.wideSize) else { throw BlobError(form: .ziplist, fault: .encoding, offset: position) }
      guard end - place > 4 else { throw cut }
      size = Int(blob.fixed(UInt32.self, at: place))
      place += 4
    }
    guard place < end else { throw cut }
    guard size == previousSize else { throw BlobError(form: .ziplist, fault: .backLength, offset: position) }
    return place
  }

  /// Where a string's bytes begin and how many there should be.
  @inline(__always)
  private func string(_ codePlace: Int, _ code: UInt8) throws(BlobError) -> (dataPlace: Int, count: Int) {
    if code < 0x40 { return (codePlace + 1, Int(code)) }
    if code < 0x80 {
      guard end - codePlace >= 2 else { throw cut }
      return (codePlace + 2, Int(code & 0x3f) << 8 | Int(blob[codePlace + 1]))
    }
    guard code == 0x80 else { throw BlobError(form: .ziplist, fault: .encoding, offset: codePlace) }
    guard end - codePlace >= 5 else { throw cut }
    return (codePlace + 5, Int(blob.fixed(UInt32.self, at: codePlace + 1).byteSwapped))
  }

  @inline(__always)
  private func integer(_ place: Int, _ code: UInt8) throws(BlobError) -> (PackedElement, byteCount: Int) {
    let byteCount: Int
    switch code {
    case 0xf1...0xfd: return (.integer(Int(code) - 0xf1), 0)
    case 0xfe: byteCount = 1
    case 0xc0: byteCount = 2
    case 0xf0: byteCount = 3
    case 0xd0: byteCount = 4
    case 0xe0: byteCount = 8
    default: throw BlobError(form: .ziplist, fault: .encoding, offset: place - 1)
    }
    guard byteCount <= end - place else { throw cut }
    let value = switch byteCount {
    case 1: Int(blob.fixed(Int8.self, at: place))
    case 2: Int(blob.fixed(Int16.self, at: place))
    case 3: blob.signed24(at: place)
    case 4: Int(blob.fixed(Int32.self, at: place))
    default: blob.fixed(Int.self, at: place)
    }
    return (.integer(value), byteCount)
  }
}
