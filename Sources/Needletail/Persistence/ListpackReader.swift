/// Reads a listpack, in which Redis keeps small collections and the nodes of lists since version 7 (lists of streams
/// since 5).
///
///     listpack: total size 4 | count 2 | element ... | 0xff          (fixed numbers are little-endian)
///     element:  code and data | back length
///
///     code | 0vvvvvvv |                    an integer, 0 to 127
///          | 10llllll | bytes |            a string
///          | 110vvvvv vvvvvvvv |           a signed integer of 13 bits
///          | 1110llll llllllll | bytes |   a string
///          | 0xf0 | length 4 | bytes |     a string
///          | 0xf1 ... 0xf4 |               a signed integer of 2, 3, 4 or 8 bytes
///
/// The count 0xffff stands for "unknown". The back length is the size of code and data in groups of 7 bits, the highest
/// first; all bytes but the first have their high bit set, so that it can be read from its end.
@safe struct ListpackReader: BlobReader {
  static let form = BlobError.Form.listpack

  private static let headerBytes = 6
  private static let terminator: UInt8 = 0xff
  private static let unknownCount = 0xffff
  /// One for the code, one for the back length.
  private static let elementMinBytes = 2

  private let blob: ByteView
  /// Where the terminator stands.
  private let end: Int
  let statedCount: Int?
  private(set) var position = Self.headerBytes
  private var found = 0

  init(_ blob: ByteView) throws(BlobError) {
    self.blob = blob
    end = blob.count - 1
    guard end >= Self.headerBytes, Int(blob.fixed(UInt32.self, at: 0)) == blob.count else {
      throw BlobError(form: .listpack, fault: .size, offset: 0)
    }
    guard blob[end] == Self.terminator else { throw BlobError(form: .listpack, fault: .terminator, offset: end) }
    let count = Int(blob.fixed(UInt16.self, at: 4))
    statedCount = count == Self.unknownCount ? nil : count
    guard count == Self.unknownCount || count <= (end - Self.headerBytes) / Self.elementMinBytes else {
      throw BlobError(form: .listpack, fault: .count, offset: 4)
    }
  }

  @inline(__always)
  mutating func next() throws(BlobError) -> PackedElement? {
    guard position < end else {
      if let statedCount, statedCount != found { throw BlobError(form: .listpack, fault: .count, offset: 4) }
      return nil
    }
    let code = blob[position]
    let element: PackedElement
    let size: Int
    switch code {
    case ..<0x80:
      element = .integer(Int(code))
      size = 1
    case ..<0xc0:
      size = 1 + Int(code & 0x3f)
      element = try string(headerBytes: 1, size)
    default:
      (element, size) = try long(code)
    }
    try passBackLength(size)
    found += 1
    return element
  }

  @inline(never)
  private func long(_ code: UInt8) throws(BlobError) -> (PackedElement, size: Int) {
    switch code {
    case ..<0xe0:
      let bits = UInt16(code & 0x1f) << 8 | UInt16(try number(UInt8.self))
      // Moved to the top and back, which brings the sign along.
      return (.integer(Int(Int16(bitPattern: bits << 3) >> 3)), 2)
    case ..<0xf0:
      let size = 2 + (Int(code & 0x0f) << 8 | Int(try number(UInt8.self)))
      return (try string(headerBytes: 2, size), size)
    case 0xf0:
      let size = 5 + Int(try number(UInt32.self))
      return (try string(headerBytes: 5, size), size)
    case 0xf1: return (.integer(Int(try number(Int16.self))), 3)
    case 0xf2: return (.integer(blob.signed24(at: try data(3))), 4)
    case 0xf3: return (.integer(Int(try number(Int32.self))), 5)
    case 0xf4: return (.integer(try number(Int.self)), 9)
    default: throw BlobError(form: .listpack, fault: .encoding, offset: position)
    }
  }

  /// Where the element's bytes behind its code begin, of which there must be `count`.
  @inline(__always)
  private func data(_ count: Int) throws(BlobError) -> Int {
    guard count < end - position else { throw BlobError(form: .listpack, fault: .cut, offset: position) }
    return position + 1
  }

  @inline(__always)
  private func number<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(BlobError) -> T {
    blob.fixed(type, at: try data(MemoryLayout<T>.size))
  }

  /// The string in the element of `size` bytes.
  @inline(__always)
  private func string(headerBytes: Int, _ size: Int) throws(BlobError) -> PackedElement {
    guard size <= end - position else { throw BlobError(form: .listpack, fault: .cut, offset: position) }
    return PackedElement(blob[position + headerBytes..<position + size])
  }

  /// Goes on to the next element, behind this one's code and data of `size` bytes.
  @inline(__always)
  private mutating func passBackLength(_ size: Int) throws(BlobError) {
    let place = position + size
    if size < 0x80 && place < end && blob[place] == UInt8(truncatingIfNeeded: size) {
      position = place + 1
    } else {
      try passLongBackLength(size)
    }
  }

  @inline(never)
  private mutating func passLongBackLength(_ size: Int) throws(BlobError) {
    let place = position + size
    var width = (70 - size.leadingZeroBitCount) / 7
    // Servers write the largest number of each width with one byte more, which then is 0.
    if size + 1 == 1 << (7 * width) && place < end && blob[place] == 0 { width += 1 }
    guard width <= end - place else { throw BlobError(form: .listpack, fault: .cut, offset: position) }
    for index in 0..<width {
      let group = UInt8(truncatingIfNeeded: size >> (7 * (width - 1 - index))) & 0x7f
      guard blob[place + index] == group | (index == 0 ? 0 : 0x80) else {
        throw BlobError(form: .listpack, fault: .backLength, offset: place)
      }
    }
    position = place + width
  }
}

extension ByteView {
  /// A signed little-endian integer of three bytes. Traps outside.
  @inline(__always)
  func signed24(at offset: Int) -> Int {
    Int(fixed(Int8.self, at: offset + 2)) << 16 | Int(fixed(UInt16.self, at: offset))
  }
}
