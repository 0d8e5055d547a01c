import Glibc

/// Borrowed bytes: an argument of the request being executed, the key or value of an entry.
///
/// A view owns nothing and says nothing about how long its bytes live: a view of an argument is valid until the
/// command that received it returns, a view into an entry until the next change to that key. Never store one.
@safe struct ByteView {
  /// Never read when `count` is 0.
  let base: UnsafeRawPointer
  let count: Int

  @inline(__always)
  init(_ base: UnsafeRawPointer, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  /// The bytes of a literal. They live as long as the program.
  @inline(__always)
  init(_ literal: StaticString) {
    unsafe self.init(UnsafeRawPointer(literal.utf8Start), count: literal.utf8CodeUnitCount)
  }

  static var empty: ByteView { ByteView("") }

  @inline(__always) var isEmpty: Bool { count == 0 }

  /// Complexity: O(1). Traps outside `0 ..< count`.
  @inline(__always)
  subscript(index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return unsafe base.load(fromByteOffset: index, as: UInt8.self)
  }

  /// The part from `range.lowerBound` up to `range.upperBound`. Traps when it is not inside the view.
  @inline(__always)
  subscript(range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe ByteView(base + range.lowerBound, count: range.count)
  }

  @inline(__always)
  static func == (a: ByteView, b: ByteView) -> Bool {
    unsafe a.count == b.count && (a.count == 0 || memcmp(a.base, b.base, a.count) == 0)
  }

  /// As `==`, for bytes that are mostly told apart by their last eight, as numbered keys are. False for empty ones.
  @inline(__always)
  func isSame(_ other: ByteView) -> Bool {
    guard count == other.count else { return false }
    if count >= 8 {
      let end = count &- 8
      guard unsafe base.loadUnaligned(fromByteOffset: end, as: UInt64.self)
        == other.base.loadUnaligned(fromByteOffset: end, as: UInt64.self)
      else { return false }
      return unsafe memcmp(base, other.base, end) == 0
    }
    for i in 0..<count where self[i] != other[i] { return false }
    return count > 0
  }

  /// ASCII-case-insensitive comparison with a lower-case literal. Complexity: O(n).
  func equalsIgnoringCase(_ lowercase: StaticString) -> Bool {
    guard count == lowercase.utf8CodeUnitCount else { return false }
    let other = ByteView(lowercase)
    for i in 0..<count where asciiLowercased(self[i]) != other[i] { return false }
    return true
  }

  /// Copies all bytes to `destination`, which has room for `count`.
  @inline(__always)
  func copy(to destination: UnsafeMutableRawPointer) {
    unsafe destination.copyMemory(from: base, byteCount: count)
  }

  /// For log lines, tests and other code off the request path. Invalid UTF-8 is repaired.
  var string: String { unsafe String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self) }

  /// A copy of the bytes, for code off the request path.
  var array: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: count)) }
}

@inline(__always)
func asciiLowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 0x20 : byte }
