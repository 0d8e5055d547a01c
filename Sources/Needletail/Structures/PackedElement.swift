import Glibc

/// One element of a packed collection, as it is read: a string's bytes, an integer, or a score that is no integer.
///
/// How an element is stored (`PackedCode` is the first byte, numbers are little-endian):
///
///     | 0 ... 191 | that many bytes |                a string
///     | 192 ... 246 |                                an integer from -1 to 53
///     | 247 ... 252 | 1, 2, 3, 4, 6 or 8 bytes |     an integer
///     | 253 | 8 bytes |                              a double
///     | 254 | length 2 | bytes |                     a string
///     | 255 | length 4 | bytes |                     a string
///
/// The encoding is canonical, so that equal elements have equal bytes: a string that an integer prints as is stored as
/// one ("007", "-0" and "+1" are none), every number and length in its shortest form. A double is one only where the
/// element is a score, and only when no integer of 53 bits has its value.
@safe enum PackedElement {
  case bytes(ByteView)
  case integer(Int)
  case double(Double)

  /// The longest string that an element can hold. Whoever takes strings from clients refuses longer ones.
  static let maxByteCount = Int(UInt32.max) - 16

  /// Reads the element at `offset` of `blob`. Traps when it does not lie inside. Complexity: O(1).
  @inline(__always)
  static func read(_ blob: ByteView, at offset: Int) -> PackedElement {
    let code = blob[offset]
    if code <= PackedCode.maxShortString {
      let start = offset + 1
      return .bytes(blob[start..<start + Int(code)])
    }
    if code <= PackedCode.maxSmallInteger { return .integer(PackedCode.smallInteger(code)) }
    return readLong(blob, at: offset, code: code)
  }

  private static func readLong(_ blob: ByteView, at offset: Int, code: UInt8) -> PackedElement {
    let start = offset + 1
    switch code {
    case PackedCode.string16:
      let count = Int(blob.fixed(UInt16.self, at: start))
      return .bytes(blob[start + 2..<start + 2 + count])
    case PackedCode.string32:
      let count = Int(blob.fixed(UInt32.self, at: start))
      return .bytes(blob[start + 4..<start + 4 + count])
    case PackedCode.double: return .double(Double(bitPattern: blob.fixed(UInt64.self, at: start)))
    case PackedCode.integer8: return .integer(Int(blob.fixed(Int8.self, at: start)))
    case PackedCode.integer16: return .integer(Int(blob.fixed(Int16.self, at: start)))
    case PackedCode.integer24:
      return .integer(Int(blob.fixed(Int8.self, at: start + 2)) << 16 | Int(blob.fixed(UInt16.self, at: start)))
    case PackedCode.integer32: return .integer(Int(blob.fixed(Int32.self, at: start)))
    case PackedCode.integer48:
      return .integer(Int(blob.fixed(Int16.self, at: start + 4)) << 32 | Int(blob.fixed(UInt32.self, at: start)))
    default: return .integer(blob.fixed(Int.self, at: start))
    }
  }

  /// How many bytes a string has, an integer written out. Complexity: O(1).
  var count: Int {
    @inline(__always) get {
      switch self {
      case .bytes(let bytes): bytes.count
      case .integer(let value): decimalDigitCount(value.magnitude) + (value < 0 ? 1 : 0)
      case .double: preconditionFailure("a score is read as a number")
      }
    }
  }

  /// Calls `body` with the string's bytes, an integer's written out, which live until `body` returns.
  /// A double has none: how one is printed is not known here.
  @inline(__always)
  func withBytes<R, E: Error>(_ body: (ByteView) throws(E) -> R) throws(E) -> R {
    switch self {
    case .bytes(let bytes): return try body(bytes)
    case .integer(let value):
      var digits = InlineArray<24, UInt8>(repeating: 0)
      return try unsafe withUnsafeMutableBytes(of: &digits) { (digits) throws(E) -> R in
        let count = unsafe writeDecimal(value, to: digits.baseAddress!)
        return try body(unsafe ByteView(UnsafeRawPointer(digits.baseAddress!), count: count))
      }
    case .double: preconditionFailure("a score is read as a number")
    }
  }

  /// Whether the element is this string.
  @inline(__always)
  static func == (element: PackedElement, string: ByteView) -> Bool {
    switch element {
    case .bytes(let bytes): bytes == string
    case .integer(let value): string.integer == value
    case .double: false
    }
  }

  /// Below 0, 0 or above 0 as the element's bytes come before, are equal to or come after `string`.
  @inline(__always)
  func compare(_ string: ByteView) -> Int { withBytes { $0.packedCompare(string) } }

  /// The element as a score. A string is none.
  var score: Double {
    @inline(__always) get {
      switch self {
      case .integer(let value): Double(value)
      case .double(let value): value
      case .bytes: preconditionFailure("a score is a number")
      }
    }
  }
}

/// The first byte of an element.
enum PackedCode {
  static let maxShortString: UInt8 = 191
  static let maxSmallInteger: UInt8 = 246
  static let integer8: UInt8 = 247
  static let integer16: UInt8 = 248
  static let integer24: UInt8 = 249
  static let integer32: UInt8 = 250
  static let integer48: UInt8 = 251
  static let integer64: UInt8 = 252
  static let double: UInt8 = 253
  static let string16: UInt8 = 254
  static let string32: UInt8 = 255

  /// The integers that are stored in the code itself.
  static let smallIntegers = -1...53

  @inline(__always)
  static func smallInteger(_ code: UInt8) -> Int { Int(code) - 193 }

  @inline(__always)
  static func small(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: value + 193) }

  /// The whole element's size by its code; 0 where its length follows. A literal: it lies in the data section.
  static let sizes: InlineArray<256, UInt8> = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60,
    61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80,
    81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100,
    101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120,
    121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140,
    141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160,
    161, 162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 174, 175, 176, 177, 178, 179, 180,
    181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 192, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 7, 9, 9, 0, 0,
  ]
}

extension ByteView {
  /// A number of fixed size at `offset`, which need not be aligned. Traps outside.
  @inline(__always)
  func fixed<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  /// The size of the packed element at `offset`, its code included. Traps when its start does not lie inside.
  @inline(__always)
  func packedSize(at offset: Int) -> Int {
    let code = self[offset]
    // A branch that is guessed right costs less than a load: without it a search of strings takes a fifth to a third
    // more. For the rest, a table of 64 with its subtraction is slower than one of 256.
    if code <= PackedCode.maxShortString { return Int(code) &+ 1 }
    let size = Int(PackedCode.sizes[Int(code)])
    return size != 0 ? size : packedLongSize(at: offset)
  }

  @inline(never)
  private func packedLongSize(at offset: Int) -> Int {
    self[offset] == PackedCode.string16
      ? 3 + Int(fixed(UInt16.self, at: offset + 1)) : 5 + Int(fixed(UInt32.self, at: offset + 1))
  }

  /// Below 0, 0 or above 0 as these bytes come before, are equal to or come after the other ones.
  @inline(__always)
  func packedCompare(_ other: ByteView) -> Int {
    let common = Swift.min(count, other.count)
    let order = common == 0 ? 0 : Int(unsafe memcmp(base, other.base, common))
    return order != 0 ? order : count - other.count
  }
}
