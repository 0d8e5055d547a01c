import Glibc

/// An element as a packed collection would store it (`PackedElement` has the picture), in parts and not yet written
/// anywhere: what a lookup compares with, and what an insertion writes. It borrows a string's bytes.
@safe struct EncodedElement {
  /// The whole element's size.
  let byteCount: Int
  let code: UInt8
  /// How many bytes of `number` follow the code: an integer, a double, or the length of a long string.
  let numberByteCount: UInt8
  let number: UInt64
  /// A string's bytes.
  let payload: ByteView

  @inline(__always)
  private init(code: UInt8, numberByteCount: Int, number: UInt64, payload: ByteView) {
    byteCount = 1 + numberByteCount + payload.count
    self.code = code
    self.numberByteCount = UInt8(truncatingIfNeeded: numberByteCount)
    self.number = number
    self.payload = payload
  }

  /// A string, which must not be longer than `PackedElement.maxByteCount`. Complexity: O(1).
  @inline(__always)
  init(_ string: ByteView) {
    if let value = string.integer {
      self.init(value)
    } else {
      self.init(bytes: string)
    }
  }

  /// A string that is no integer's.
  @inline(__always)
  private init(bytes: ByteView) {
    let count = bytes.count
    if count <= Int(PackedCode.maxShortString) {
      self.init(code: UInt8(truncatingIfNeeded: count), numberByteCount: 0, number: 0, payload: bytes)
    } else if count <= Int(UInt16.max) {
      self.init(code: PackedCode.string16, numberByteCount: 2, number: UInt64(count), payload: bytes)
    } else {
      precondition(count <= PackedElement.maxByteCount)
      self.init(code: PackedCode.string32, numberByteCount: 4, number: UInt64(count), payload: bytes)
    }
  }

  init(_ value: Int) {
    let code: UInt8
    let byteCount: Int
    if PackedCode.smallIntegers.contains(value) {
      code = PackedCode.small(value)
      byteCount = 0
    } else {
      // The bits a signed number needs: those of its magnitude (of ~value when negative) and the sign.
      switch 65 - (value < 0 ? ~value : value).leadingZeroBitCount {
      case ...8: (code, byteCount) = (PackedCode.integer8, 1)
      case ...16: (code, byteCount) = (PackedCode.integer16, 2)
      case ...24: (code, byteCount) = (PackedCode.integer24, 3)
      case ...32: (code, byteCount) = (PackedCode.integer32, 4)
      case ...48: (code, byteCount) = (PackedCode.integer48, 6)
      default: (code, byteCount) = (PackedCode.integer64, 8)
      }
    }
    self.init(code: code, numberByteCount: byteCount, number: UInt64(bitPattern: Int64(value)), payload: .empty)
  }

  /// A score. -0 stays what it is, NaN is none.
  init(score: Double) {
    precondition(!score.isNaN)
    if let value = Int(exactly: score), value.magnitude <= 1 << 53, value != 0 || score.sign == .plus {
      self.init(value)
    } else {
      self.init(code: PackedCode.double, numberByteCount: 8, number: score.bitPattern, payload: .empty)
    }
  }

  /// An element of another collection, whose bytes must live as long as this does.
  init(_ element: PackedElement) {
    switch element {
    case .bytes(let bytes): self.init(bytes: bytes)
    case .integer(let value): self.init(value)
    case .double(let value): self.init(score: value)
    }
  }

  /// Writes the element at `destination`, which has room for `byteCount`.
  /// - Returns: where it ends. Complexity: O(byteCount).
  @inline(__always) @discardableResult
  func write(to destination: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    unsafe destination.storeBytes(of: code, as: UInt8.self)
    if numberByteCount != 0 { unsafe writeNumber(to: destination + 1) }
    unsafe payload.copy(to: destination + 1 + Int(numberByteCount))
    return unsafe destination + byteCount
  }

  @inline(never)
  private func writeNumber(to destination: UnsafeMutableRawPointer) {
    var number = number.littleEndian
    unsafe destination.copyMemory(from: &number, byteCount: Int(numberByteCount))
  }
}

/// What a linear search compares elements with.
///
/// The last 8 bytes of the encoded element (the code among them when it is short) decide nearly always, with one load
/// and one comparison: names that are counted up differ at their end.
@safe struct PackedProbe {
  let code: UInt8
  let byteCount: Int
  private let tail: UInt64
  /// 1 bits where `tail` has bytes of the element.
  private let mask: UInt64
  /// The string's bytes that `tail` does not hold: those at its front.
  private let head: ByteView

  @inline(__always)
  init(_ element: EncodedElement) {
    code = element.code
    byteCount = element.byteCount
    let payload = element.payload
    if payload.count >= 8 {
      tail = unsafe payload.base.loadUnaligned(fromByteOffset: payload.count - 8, as: UInt64.self)
      mask = ~0
      head = payload[0..<payload.count - 8]
      return
    }
    head = .empty
    let bodyCount = element.byteCount - 1
    let body = payload.isEmpty ? element.number : Self.word(payload)
    if bodyCount == 8 {
      tail = body
      mask = ~0
    } else {
      // The code below the body, both pushed up to the word's last byte. Bits of a number above its bytes fall out.
      let shift = UInt64(truncatingIfNeeded: 8 &* (7 &- bodyCount))
      tail = (body &<< 8 | UInt64(code)) &<< shift
      mask = ~0 &<< shift
    }
  }

  /// Six bits of the element that tell it apart from most others: of its last bytes and its size.
  var sketch: Int {
    @inline(__always) get {
      Self.sketch(last: UInt8(truncatingIfNeeded: tail >> 56), byteCount, before: UInt8(truncatingIfNeeded: tail >> 48))
    }
  }

  /// The sketch of the element that a blob has there. It is not the blob's first byte.
  @inline(__always)
  static func sketch(_ blob: ByteView, from offset: Int, to end: Int) -> Int {
    sketch(last: blob[end &- 1], end &- offset, before: end &- offset > 1 ? blob[end &- 2] : 0)
  }

  @inline(__always)
  private static func sketch(last: UInt8, _ byteCount: Int, before: UInt8) -> Int {
    (Int(last) &+ byteCount &+ Int(before) &* 11) & 63
  }

  /// 1 to 7 bytes as a number.
  @inline(__always)
  private static func word(_ bytes: ByteView) -> UInt64 {
    let count = bytes.count
    if count >= 4 {
      let low = UInt64(bytes.fixed(UInt32.self, at: 0))
      return low | UInt64(bytes.fixed(UInt32.self, at: count - 4)) &<< UInt64(truncatingIfNeeded: 8 &* (count &- 4))
    }
    let middle = count >> 1
    return UInt64(bytes[0]) | UInt64(bytes[middle]) &<< UInt64(truncatingIfNeeded: 8 &* middle)
      | UInt64(bytes[count - 1]) &<< UInt64(truncatingIfNeeded: 8 &* (count &- 1))
  }

  /// Whether the element at `offset` of `blob`, whose code is known to be the probe's, is the same.
  @inline(__always)
  func matches(_ blob: ByteView, at offset: Int) -> Bool {
    if code >= PackedCode.string16 && blob.packedSize(at: offset) != byteCount { return false }
    let end = offset + byteCount
    precondition(end <= blob.count)
    if end < 8 { return matchesAtFront(blob, at: offset) }
    guard unsafe blob.base.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self) & mask == tail else { return false }
    return head.isEmpty || (unsafe memcmp(blob.base + end - 8 - head.count, head.base, head.count) == 0)
  }

  /// Passes over elements of the probe's code, from one on, that are not the same.
  /// - Returns: where one of another code is, or one that may be the same, or the blob's end.
  @inline(__always)
  func skipUnlike(_ blob: ByteView, from start: Int) -> Int {
    guard code <= PackedCode.maxShortString && byteCount > 8 else { return start }
    var offset = start
    let last = blob.count - byteCount
    // Proof: every element passed over lies inside, for `offset` is at most `last`; a code is a byte before the blob's
    // end.
    while offset <= last, unsafe blob.base.load(fromByteOffset: offset, as: UInt8.self) == code,
      unsafe blob.base.loadUnaligned(fromByteOffset: offset &+ byteCount &- 8, as: UInt64.self) != tail
    {
      offset &+= byteCount
    }
    return offset
  }

  /// The first element, which has fewer than 8 bytes before its end.
  @inline(never)
  private func matchesAtFront(_ blob: ByteView, at offset: Int) -> Bool {
    for index in 0..<byteCount
    where blob[offset + index] != UInt8(truncatingIfNeeded: tail >> UInt64(8 * (8 - byteCount + index))) {
      return false
    }
    return true
  }
}
