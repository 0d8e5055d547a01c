/// An element about to be put into a list, with how long Redis would find it: how lists are cut into nodes and when
/// they are called a listpack follows Redis's own sizes. It borrows a string's bytes.
@safe struct ListElement {
  let encoded: EncodedElement
  /// Bytes of the string, an integer written out.
  let stringCount: Int

  @inline(__always)
  init(_ string: ByteView) {
    encoded = EncodedElement(string)
    stringCount = string.count
  }

  init(_ element: PackedElement) {
    encoded = EncodedElement(element)
    stringCount = element.count
  }

  /// What the element takes in a list.
  @inline(__always) var byteCount: Int { PackedList.itemByteCount(encoded) }

  /// What it would take more in a listpack; below 0: less. Complexity: O(1).
  @inline(__always)
  var difference: Int { encoded.code <= Listpack.maxEqualCode ? 0 : longDifference }

  private var longDifference: Int {
    let isInteger = encoded.code > PackedCode.maxShortString && encoded.code <= PackedCode.integer64
    let theirs = isInteger
      ? Listpack.byteCount(Int(truncatingIfNeeded: Int64(bitPattern: encoded.number)))
      : Listpack.byteCount(stringCount: stringCount)
    return theirs - byteCount
  }

  /// - Returns: where the element ends, its back length included.
  @inline(__always) @discardableResult
  func write(to place: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    unsafe BackLength.write(encoded.byteCount, to: encoded.write(to: place))
    return unsafe place + byteCount
  }
}

/// Sizes of Redis's packed form of lists, which `ListpackReader` draws.
enum Listpack {
  /// Of the header and the end.
  static let emptyByteCount = 7

  /// Strings with codes up to this take the same here and there: 63 bytes.
  static let maxEqualCode: UInt8 = 63

  static func byteCount(stringCount count: Int) -> Int {
    let size = count + (count < 64 ? 1 : count < 4096 ? 2 : 5)
    return size + backLengthByteCount(size)
  }

  private static func backLengthByteCount(_ size: Int) -> Int {
    switch size {
    case ...127: 1
    case ..<16_383: 2
    case ..<2_097_151: 3
    case ..<268_435_455: 4
    default: 5
    }
  }

  static func byteCount(_ value: Int) -> Int {
    switch value {
    case 0...127: 2
    case -4096...4095: 3
    case -0x8000...0x7fff: 4
    case -0x80_0000...0x7f_ffff: 5
    case -0x8000_0000...0x7fff_ffff: 6
    default: 10
    }
  }
}

extension PackedList.Item {
  var byteCount: Int { @inline(__always) get { end - offset } }

  /// As `ListElement.difference`.
  @inline(__always)
  var difference: Int { blob[offset] <= Listpack.maxEqualCode ? 0 : longDifference }

  private var longDifference: Int {
    let theirs = switch element {
    case .bytes(let bytes): Listpack.byteCount(stringCount: bytes.count)
    case .integer(let value): Listpack.byteCount(value)
    case .double: preconditionFailure("a list has no scores")
    }
    return theirs - byteCount
  }
}

/// What `list-max-listpack-size` allows: elements of a node when it is positive, bytes when it is -1 to -5 (4, 8, 16,
/// 32 or 64 KiB, in Redis's own packed form).
struct ListNodeLimit {
  /// Bytes of a node where elements are counted, and the longest element that shares a node.
  private static let safeBytes = 8192
  /// What Redis adds to an element that is about to come, whatever it is.
  private static let estimatedOverhead = 8

  let bytes: Int
  let count: Int
  private let countsElements: Bool
  /// An element of so many bytes has a node of its own.
  private let plainBytes: Int

  /// - Parameter plainBytes: as `CollectionLimits.listPlainBytes`.
  @inline(__always)
  init(_ setting: Int, plainBytes: Int) {
    countsElements = setting >= 0
    bytes = countsElements ? Self.safeBytes : 4096 << min(-1 - setting, 4)
    count = countsElements ? max(setting, 1) : Int(UInt32.max)
    self.plainBytes = min(plainBytes, bytes &+ 1)
  }

  @inline(__always)
  init(_ limits: CollectionLimits) { self.init(limits.listSize, plainBytes: limits.listPlainBytes) }

  /// The setting as a list remembers it from its beginning as a large one on.
  static func remembered(_ setting: Int) -> Int { min(max(setting, -5), 32_767) }

  @inline(__always)
  func isExceeded(byteCount: Int, count: Int) -> Bool { byteCount > bytes || count > self.count }

  /// Too long to share a node with others.
  @inline(__always)
  func isLarge(stringCount: Int) -> Bool { stringCount >= plainBytes }

  /// Whether the element may be added to the leaf.
  @inline(__always)
  func allows(_ element: ListElement, in leaf: ListLeaf) -> Bool {
    !isLarge(stringCount: element.stringCount) && !isExceeded(
      byteCount: leaf.listpackByteCount + element.stringCount + Self.estimatedOverhead, count: leaf.count + 1)
      && !isShortAndPlain(leaf)
  }

  func allowsJoining(_ a: ListLeaf, _ b: ListLeaf) -> Bool {
    !isExceeded(byteCount: a.listpackByteCount + b.listpackByteCount - Listpack.emptyByteCount,
      count: a.count + b.count) && !isShortAndPlain(a) && !isShortAndPlain(b)
  }

  /// Whether the leaf's only element may not share it although there is room. (One that is longer than a node has no
  /// room left anyway.)
  @inline(__always)
  private func isShortAndPlain(_ leaf: ListLeaf) -> Bool { plainBytes <= bytes && leaf.isPlain(self) }

  /// Whether a list with this only leaf may be a listpack.
  /// - Parameter isShrinking: it has become smaller, and must be half as large, lest it go back and forth.
  func allowsListpack(_ leaf: ListLeaf, isShrinking: Bool) -> Bool {
    let divisor = isShrinking ? 2 : 1
    return (countsElements || leaf.listpackByteCount <= bytes / divisor) && leaf.count <= count / divisor
  }

  /// The most that a leaf's block is made larger than its elements need; counted elements may have any size.
  @inline(__always)
  var blockByteCount: Int { countsElements ? Int.max : bytes }
}
