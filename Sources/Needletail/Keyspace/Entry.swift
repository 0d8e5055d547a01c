import CSystem

/// What kind of value a key holds. Raw values are stored in entries.
enum ValueType: UInt8, CaseIterable {
  case string = 0
  case list, set, sortedSet, hash, stream

  /// As TYPE answers it.
  var name: StaticString {
    switch self {
    case .string: "string"
    case .list: "list"
    case .set: "set"
    case .sortedSet: "zset"
    case .hash: "hash"
    case .stream: "stream"
    }
  }
}

/// How a value is stored. Raw values are stored in entries.
enum ValueEncoding: UInt8 {
  /// A string: 8 bytes, a signed integer.
  case integer = 0
  /// A string: a length byte and the bytes.
  case inline8
  /// A string: two length bytes and the bytes.
  case inline16
  /// A string: a pointer to a `StringUnit`.
  case external
  /// A collection's packed form: two length bytes and the blob.
  case packed
  /// As `packed`: a set's sorted integers.
  case packedIntegers
  /// A packed form that does not lie in the entry: a pointer to a `BlobUnit`.
  case blob
  /// As `blob`: a set's sorted integers.
  case blobIntegers
  /// A large collection: a pointer to its root unit.
  case root

  /// The value is a unit, or units, of its own, and the entry holds a pointer of 8 bytes.
  @inline(__always)
  var isPointer: Bool {
    switch self {
    case .external, .blob, .blobIntegers, .root: true
    case .integer, .inline8, .inline16, .packed, .packedIntegers: false
    }
  }

  /// A set whose packed form holds sorted integers.
  @inline(__always)
  var isIntegers: Bool { self == .packedIntegers || self == .blobIntegers }

  /// A collection's packed form of `byteCount` bytes.
  static func packed(byteCount: Int, isIntegers: Bool) -> ValueEncoding {
    byteCount <= Entry.inlineMaxBytes ? isIntegers ? .packedIntegers : .packed : isIntegers ? .blobIntegers : .blob
  }
}

/// A key with its value: one allocation, one unit (DESIGN.md §5).
///
///     | tag 1 | type 4 bits, encoding 4 bits | flags 4 bits, key length 12 bits | clock 4 |
///     | expiry 0, 6 or 8 | long key's length 0 or 4 | key | value |
///
/// Little-endian, nothing aligned but the clock. The expiry is in milliseconds since 1970: 6 bytes reach 2^48 (the year
/// 10889), a flag selects 8 beyond. A key of 4,095 bytes or more has 4,095 in the header and its length in 4 bytes of
/// its own. An entry's size is a function of its contents, so it goes back to the allocator with its size:
/// 8 + key 16 + length 1 + value 16 = 41 fits jemalloc's class of 48, and with an expiry 47 still does.
@safe struct Entry {
  let raw: UnsafeMutableRawPointer

  static let headerBytes = 8
  static let longKeyMark = 0xfff
  /// Strings and packed collections up to this length lie in the entry itself.
  static let inlineMaxBytes = 1024

  /// True when Redis 8.2 would hold key, expiry and string in one object of 64 bytes: OBJECT ENCODING then says
  /// `embstr`. How ours lies in memory has nothing to do with it; clients and tests look at the word.
  @inline(__always)
  static func isEmbedded(keyCount: Int, stringCount: Int, hasExpiry: Bool) -> Bool {
    keyCount + stringCount <= (hasExpiry ? 33 : 41)
  }
  /// True when such an object, made without an expiry, stays whole when it gets one: with a key from 32 bytes on, whose
  /// length takes two bytes more, it can be larger than 64 bytes, and the next size of block has room for an expiry.
  @inline(__always)
  static func staysEmbedded(keyCount: Int, stringCount: Int) -> Bool {
    isEmbedded(keyCount: keyCount, stringCount: stringCount, hasExpiry: true)
      || keyCount >= 32 && keyCount + stringCount >= 40
        && isEmbedded(keyCount: keyCount, stringCount: stringCount, hasExpiry: false)
  }

  private static let expiryFlag: UInt16 = 0x8000
  private static let wideExpiryFlag: UInt16 = 0x4000
  private static let rawFlag: UInt16 = 0x2000

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  // MARK: Header

  @inline(__always)
  private var word: UInt16 { unsafe raw.load(fromByteOffset: 2, as: UInt16.self) }

  var type: ValueType {
    @inline(__always) get { ValueType(rawValue: unsafe raw.load(fromByteOffset: 1, as: UInt8.self) & 15)! }
  }

  var encoding: ValueEncoding {
    @inline(__always) get { ValueEncoding(rawValue: unsafe raw.load(fromByteOffset: 1, as: UInt8.self) >> 4)! }
  }

  /// The access clock or the LFU counter. One aligned 32-bit store: the snapshot's thread may read it meanwhile.
  var clock: UInt32 {
    @inline(__always) get { unsafe cs_load_relaxed_u32(raw + 4) }
    @inline(__always) nonmutating set { unsafe cs_store_relaxed_u32(raw + 4, newValue) }
  }

  /// `raw` to OBJECT ENCODING: too long for Redis to embed it when it was written, or made by APPEND or SETRANGE.
  var isMarkedRaw: Bool { word & Self.rawFlag != 0 }

  /// The entry is a new one, of which nobody else knows.
  func markRaw() { unsafe raw.storeBytes(of: word | Self.rawFlag, toByteOffset: 2, as: UInt16.self) }

  @inline(__always) var hasExpiry: Bool { word & Self.expiryFlag != 0 }

  /// Milliseconds since 1970, nil without one.
  var expiry: Int? {
    @inline(__always) get {
      let word = self.word
      guard word & Self.expiryFlag != 0 else { return nil }
      if word & Self.wideExpiryFlag != 0 { return unsafe raw.loadUnaligned(fromByteOffset: 8, as: Int.self) }
      let low = unsafe raw.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
      let high = unsafe raw.loadUnaligned(fromByteOffset: 12, as: UInt16.self)
      return Int(high) << 32 | Int(low)
    }
  }

  @inline(__always)
  private static func expiryBytes(_ word: UInt16) -> Int {
    word & expiryFlag == 0 ? 0 : word & wideExpiryFlag == 0 ? 6 : 8
  }

  var key: ByteView {
    @inline(__always) get {
      let word = self.word
      let offset = Self.headerBytes + Self.expiryBytes(word)
      let count = Int(word) & Self.longKeyMark
      if count < Self.longKeyMark { return unsafe ByteView(raw + offset, count: count) }
      let long = Int(unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      return unsafe ByteView(raw + offset + 4, count: long)
    }
  }

  /// Where the value starts.
  @inline(__always)
  private var valueOffset: Int {
    let word = self.word
    let offset = Self.headerBytes + Self.expiryBytes(word)
    let count = Int(word) & Self.longKeyMark
    if count < Self.longKeyMark { return offset + count }
    return offset + 4 + Int(unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  // MARK: Strings

  /// The value of an integer-encoded string; nil in other encodings, whatever their bytes.
  var integer: Int? {
    @inline(__always) get {
      guard encoding == .integer else { return nil }
      return unsafe raw.loadUnaligned(fromByteOffset: valueOffset, as: Int.self)
    }
  }

  /// Overwrites the value of an integer-encoded string. The unit must not belong to a view.
  @inline(__always)
  func storeInteger(_ value: Int) {
    precondition(encoding == .integer)
    unsafe raw.storeBytes(of: value, toByteOffset: valueOffset, as: Int.self)
  }

  var stringUnit: StringUnit? {
    @inline(__always) get {
      guard encoding == .external else { return nil }
      return unsafe StringUnit(raw: child)
    }
  }

  /// The bytes of a string that is not integer-encoded; nil if it is, or no string.
  var stringBytes: ByteView? {
    @inline(__always) get {
      let offset = valueOffset
      switch encoding {
      case .integer:
        return nil
      case .inline8:
        let count = Int(unsafe raw.load(fromByteOffset: offset, as: UInt8.self))
        return unsafe ByteView(raw + offset + 1, count: count)
      case .inline16:
        let count = Int(unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
        return unsafe ByteView(raw + offset + 2, count: count)
      case .external:
        return stringUnit!.bytes
      case .packed, .packedIntegers, .blob, .blobIntegers, .root:
        return nil
      }
    }
  }

  /// Calls `body` with the string's bytes, an integer's written out. Complexity: O(1).
  @inline(__always)
  func withString<R>(_ body: (ByteView) -> R) -> R {
    if let bytes = stringBytes { return body(bytes) }
    let value = integer!
    return unsafe withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { digits in
      let count = unsafe writeDecimal(value, to: digits.baseAddress!)
      return body(unsafe ByteView(UnsafeRawPointer(digits.baseAddress!), count: count))
    }
  }

  /// The string's length in bytes, an integer's in digits.
  var stringCount: Int {
    if let bytes = stringBytes { return bytes.count }
    let value = integer!
    return decimalDigitCount(value.magnitude) + (value < 0 ? 1 : 0)
  }

  // MARK: Collections

  /// The unit that the entry's pointer names. Only for encodings that have one.
  var child: UnsafeMutableRawPointer {
    @inline(__always) get {
      precondition(encoding.isPointer)
      return unsafe UnsafeMutableRawPointer(bitPattern: raw.loadUnaligned(fromByteOffset: valueOffset, as: UInt.self))!
    }
  }

  /// Overwrites the pointer. The entry must not belong to a view.
  func storeChild(_ child: UnsafeMutableRawPointer) {
    precondition(encoding.isPointer)
    unsafe raw.storeBytes(of: UInt(bitPattern: child), toByteOffset: valueOffset, as: UInt.self)
  }

  /// A collection's packed form; nil when it has none.
  var blob: ByteView? {
    @inline(__always) get {
      switch encoding {
      case .packed, .packedIntegers:
        let offset = valueOffset
        return unsafe ByteView(raw + offset + 2, count: Int(raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
      case .blob, .blobIntegers:
        return unsafe BlobUnit(raw: child).bytes
      case .integer, .inline8, .inline16, .external, .root:
        return nil
      }
    }
  }

  var blobUnit: BlobUnit? {
    @inline(__always) get {
      guard encoding == .blob || encoding == .blobIntegers else { return nil }
      return unsafe BlobUnit(raw: child)
    }
  }

  /// A packed form in the entry changes its length. The unit must not belong to a view.
  func storePackedCount(_ count: Int) {
    precondition(encoding == .packed || encoding == .packedIntegers)
    unsafe raw.storeBytes(of: UInt16(count), toByteOffset: valueOffset, as: UInt16.self)
  }

  /// A large collection's root unit; nil for other encodings.
  var root: UnsafeMutableRawPointer? {
    @inline(__always) get { unsafe encoding == .root ? child : nil }
  }

  /// As OBJECT ENCODING answers it.
  var encodingName: StaticString {
    switch encoding {
    case .integer: "int"
    case .inline8, .inline16, .external: isMarkedRaw ? "raw" : "embstr"
    case .packed, .blob: type == .set && PackedSet(blob!).isHashtable ? "hashtable" : "listpack"
    case .packedIntegers, .blobIntegers: "intset"
    case .root:
      switch type {
      case .list: unsafe ListRoot(raw: child).isQuicklist ? "quicklist" : "listpack"
      case .set, .hash: "hashtable"
      case .sortedSet: "skiplist"
      case .string, .stream: preconditionFailure("has no root")
      }
    }
  }

  // MARK: Sizes

  /// The bytes of the entry's own allocation that are in use; `Heap.free` takes it as the size.
  var byteCount: Int {
    @inline(__always) get {
      let offset = valueOffset
      switch encoding {
      case .integer, .external, .blob, .blobIntegers, .root: return offset + 8
      case .packed, .packedIntegers:
        return offset + 2 + Int(unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      case .inline8: return offset + 1 + Int(unsafe raw.load(fromByteOffset: offset, as: UInt8.self))
      case .inline16: return offset + 2 + Int(unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      }
    }
  }

  // MARK: Expiry

  @inline(__always)
  fileprivate static func expiryWidth(_ expiry: Int?) -> Int {
    guard let expiry else { return 0 }
    return expiry >= 0 && expiry < 1 << 48 ? 6 : 8
  }

  /// The bytes the entry would take with `expiry`.
  func byteCount(withExpiry expiry: Int?) -> Int { byteCount - Self.expiryBytes(word) + Self.expiryWidth(expiry) }

  /// Writes a copy of the entry with another expiry at `block`, which may be the entry itself. Byte 0 is left alone.
  func copyTail(to block: UnsafeMutableRawPointer, expiry: Int?) {
    var word = self.word
    let typeAndEncoding = unsafe raw.load(fromByteOffset: 1, as: UInt8.self)
    let clock = self.clock
    let from = Self.headerBytes + Self.expiryBytes(word)
    let count = byteCount - from
    let width = Self.expiryWidth(expiry)
    let hadExpiry = hasExpiry
    let keyCount = key.count
    let isString = type == .string && encoding != .integer
    let stringCount = isString ? self.stringCount : 0
    // Overlapping is fine: this is memmove, and the header is written after it.
    unsafe (block + Self.headerBytes + width).copyMemory(from: raw + from, byteCount: count)
    word &= ~(Self.expiryFlag | Self.wideExpiryFlag)
    if let expiry {
      if isString && !hadExpiry && !Self.staysEmbedded(keyCount: keyCount, stringCount: stringCount) {
        word |= Self.rawFlag
      }
      word |= width == 6 ? Self.expiryFlag : Self.expiryFlag | Self.wideExpiryFlag
      if width == 6 {
        unsafe block.storeBytes(of: UInt32(truncatingIfNeeded: expiry), toByteOffset: 8, as: UInt32.self)
        unsafe block.storeBytes(of: UInt16(truncatingIfNeeded: expiry >> 32), toByteOffset: 12, as: UInt16.self)
      } else {
        unsafe block.storeBytes(of: expiry, toByteOffset: 8, as: Int.self)
      }
    }
    unsafe block.storeBytes(of: typeAndEncoding, toByteOffset: 1, as: UInt8.self)
    unsafe block.storeBytes(of: word, toByteOffset: 2, as: UInt16.self)
    unsafe cs_store_relaxed_u32(block + 4, clock)
  }

  // MARK: Making

  /// What an entry shall hold, and how many bytes that takes.
  struct Shape {
    let key: ByteView
    let expiry: Int?
    let encoding: ValueEncoding
    /// Bytes of an inline string or packed form; 0 in other encodings.
    let inlineCount: Int
    var isMarkedRaw = false

    @inline(__always)
    init(key: ByteView, expiry: Int?, encoding: ValueEncoding, inlineCount: Int = 0, isMarkedRaw: Bool = false) {
      self.key = key
      self.expiry = expiry
      self.encoding = encoding
      self.inlineCount = inlineCount
      self.isMarkedRaw = isMarkedRaw
    }

    /// The shape of a string of `count` bytes that is not an integer.
    @inline(__always)
    init(key: ByteView, expiry: Int?, stringCount count: Int, isMarkedRaw: Bool = false) {
      let encoding: ValueEncoding = count <= 255 ? .inline8 : count <= Entry.inlineMaxBytes ? .inline16 : .external
      self.init(key: key, expiry: expiry, encoding: encoding, inlineCount: encoding == .external ? 0 : count,
        isMarkedRaw: isMarkedRaw)
    }

    @inline(__always)
    fileprivate var expiryBytes: Int { Entry.expiryWidth(expiry) }

    @inline(__always)
    var byteCount: Int {
      let prefix = Entry.headerBytes + expiryBytes + (key.count >= Entry.longKeyMark ? 4 : 0) + key.count
      switch encoding {
      case .integer, .external, .blob, .blobIntegers, .root: return prefix + 8
      case .inline8: return prefix + 1 + inlineCount
      case .inline16, .packed, .packedIntegers: return prefix + 2 + inlineCount
      }
    }
  }

  /// Fills `block` (at least `shape.byteCount` bytes) with everything but the value's bytes. The key may lie in the
  /// block itself only at its final place.
  /// - Returns: where the value goes: 8 bytes of integer or pointer, or `inlineCount` bytes.
  @inline(__always)
  static func write(_ shape: Shape, type: ValueType, tag: UInt8, clock: UInt32,
    at block: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer
  {
    unsafe block.storeBytes(of: tag, as: UInt8.self)
    return unsafe writeTail(shape, type: type, clock: clock, at: block)
  }

  /// As `write`, leaving byte 0 alone: for an entry that is already published.
  @inline(__always)
  static func writeTail(_ shape: Shape, type: ValueType, clock: UInt32,
    at block: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer
  {
    unsafe block.storeBytes(of: type.rawValue | shape.encoding.rawValue << 4, toByteOffset: 1, as: UInt8.self)
    var word: UInt16 = shape.isMarkedRaw ? rawFlag : 0
    var offset = headerBytes
    if let expiry = shape.expiry {
      word |= expiryFlag
      if shape.expiryBytes == 6 {
        unsafe block.storeBytes(of: UInt32(truncatingIfNeeded: expiry), toByteOffset: 8, as: UInt32.self)
        unsafe block.storeBytes(of: UInt16(truncatingIfNeeded: expiry >> 32), toByteOffset: 12, as: UInt16.self)
        offset += 6
      } else {
        word |= wideExpiryFlag
        unsafe block.storeBytes(of: expiry, toByteOffset: 8, as: Int.self)
        offset += 8
      }
    }
    if shape.key.count < longKeyMark {
      word |= UInt16(truncatingIfNeeded: shape.key.count)
    } else {
      word |= UInt16(longKeyMark)
      unsafe block.storeBytes(of: UInt32(shape.key.count), toByteOffset: offset, as: UInt32.self)
      offset += 4
    }
    unsafe block.storeBytes(of: word, toByteOffset: 2, as: UInt16.self)
    unsafe cs_store_relaxed_u32(block + 4, clock)
    unsafe (block + offset).copyMemory(from: shape.key.base, byteCount: shape.key.count)
    offset += shape.key.count
    switch shape.encoding {
    case .integer, .external, .blob, .blobIntegers, .root:
      break
    case .inline8:
      unsafe block.storeBytes(of: UInt8(shape.inlineCount), toByteOffset: offset, as: UInt8.self)
      offset += 1
    case .inline16, .packed, .packedIntegers:
      unsafe block.storeBytes(of: UInt16(shape.inlineCount), toByteOffset: offset, as: UInt16.self)
      offset += 2
    }
    return unsafe block + offset
  }
}
