import CLZF
import Glibc

/// Takes a snapshot file or a DUMP payload apart: numbers, lengths and strings, and nothing of what they mean.
///
/// A file is read through a window that is refilled; long strings go straight to where they belong. Every length is
/// checked against the bytes that are left before anything is allocated for it, so no input can make it take more
/// memory than about ninety times its own size (what a compressed string can grow to), nor read beyond its end.
@safe struct RDBReader: ~Copyable {
  static let windowBytes = 1 << 20

  private let window: UnsafeMutableRawPointer
  /// The window's size; 0: it is a payload that somebody else owns.
  private let capacity: Int
  private let descriptor: CInt
  /// Of all that can be read.
  private let byteCount: Int
  /// The file's offset of the window's first byte.
  private var windowOffset = 0
  private var position = 0
  private var end: Int
  private let computesChecksum: Bool
  private var checksumSoFar: UInt64 = 0
  /// Up to this place of the window the checksum has been taken.
  private var checksumPosition = 0
  private var scratch = ScratchPages()
  /// For the strings of values (RDBReader+Values.swift), two of which may be needed at the same time.
  var firstBuffer = StringBuffer()
  var secondBuffer = StringBuffer()

  /// - Parameters:
  ///   - descriptor: a regular file at its start; it stays the caller's.
  ///   - byteCount: the file's size.
  init(descriptor: CInt, byteCount: Int, computesChecksum: Bool, windowBytes: Int = Self.windowBytes) {
    precondition(windowBytes >= 512)
    self.descriptor = descriptor
    self.byteCount = byteCount
    self.computesChecksum = computesChecksum
    capacity = windowBytes
    unsafe window = Heap.allocate(windowBytes)
    end = 0
  }

  /// Reads `payload`, which must outlive the reader.
  init(_ payload: ByteView) {
    descriptor = -1
    byteCount = payload.count
    computesChecksum = false
    capacity = 0
    unsafe window = UnsafeMutableRawPointer(mutating: payload.base)
    end = payload.count
  }

  deinit {
    if capacity > 0 { unsafe Heap.free(window, capacity) }
  }

  /// Of the next byte.
  var offset: Int { windowOffset + position }
  var remainingBytes: Int { byteCount - offset }
  /// Whether what `take` returned stays valid when more is read.
  var isWindowFixed: Bool { capacity == 0 }
  /// How many bytes `take` can be asked for without moving more than it is worth.
  var contiguousBytes: Int { max(end &- position, capacity / 2) }

  // MARK: Numbers

  mutating func byte() throws(RDBError) -> UInt8 {
    let place = unsafe try take(1)
    return unsafe place.load(as: UInt8.self)
  }

  mutating func fixed32() throws(RDBError) -> UInt32 {
    let place = unsafe try take(4)
    return UInt32(littleEndian: unsafe place.loadUnaligned(as: UInt32.self))
  }

  mutating func fixed64() throws(RDBError) -> UInt64 {
    let place = unsafe try take(8)
    return UInt64(littleEndian: unsafe place.loadUnaligned(as: UInt64.self))
  }

  /// A length of whatever size, which the caller must judge.
  mutating func length() throws(RDBError) -> UInt64 {
    let start = offset
    let first = try byte()
    return try length(first, start)
  }

  private mutating func length(_ first: UInt8, _ start: Int) throws(RDBError) -> UInt64 {
    if first < 0x40 { return UInt64(first) }
    if first < 0x80 { return UInt64(first & 0x3f) << 8 | UInt64(try byte()) }
    switch first {
    case RDBLength.bits32: return UInt64(try fixed32().byteSwapped)
    case RDBLength.bits64: return try fixed64().byteSwapped
    default: throw RDBError(fault: .length(first), offset: start)
    }
  }

  // MARK: Strings

  /// A string whose bytes come next.
  enum StringHeader: Equatable {
    case plain(count: Int)
    case integer(Int)
    case compressed(size: Int, count: Int)
  }

  /// Reads how the next string is stored. Its lengths have been checked against what is left.
  mutating func stringHeader() throws(RDBError) -> StringHeader {
    let start = offset
    let first = try byte()
    if first < 0xc0 { return .plain(count: try checked(try length(first, start), start)) }
    switch first {
    case RDBStringForm.integer8:
      return .integer(Int(Int8(bitPattern: try byte())))
    case RDBStringForm.integer16:
      let low = try byte()
      return .integer(Int(Int16(bitPattern: UInt16(low) | UInt16(try byte()) << 8)))
    case RDBStringForm.integer32:
      return .integer(Int(Int32(bitPattern: try fixed32())))
    case RDBStringForm.compressed:
      let wantedSize = try length()
      let wantedCount = try length()
      let size = try checked(wantedSize, start)
      // Both have 32 bits in the library.
      guard size > 0 && size <= UInt32.max && wantedCount > 0 && wantedCount <= UInt64(UInt32.max) else {
        throw RDBError(fault: .compression, offset: start)
      }
      guard Int(wantedCount) <= size * RDBFormat.expansionMax else {
        throw RDBError(fault: .compression, offset: start)
      }
      return .compressed(size: size, count: Int(wantedCount))
    default:
      throw RDBError(fault: .stringForm(first), offset: start)
    }
  }

  private func checked(_ length: UInt64, _ start: Int) throws(RDBError) -> Int {
    guard length <= UInt64(remainingBytes) else { throw RDBError(fault: .tooLong(length), offset: start) }
    return Int(length)
  }

  /// Copies the string whose header was just read to `place`, which has room for its `count` bytes (an integer's 20).
  /// - Returns: how many bytes it has. Complexity: O(n).
  mutating func string(_ header: StringHeader, to place: UnsafeMutableRawPointer) throws(RDBError) -> Int {
    switch header {
    case .plain(let count):
      unsafe try read(count, to: place)
      return count
    case .integer(let value):
      return unsafe writeDecimal(value, to: place)
    case .compressed(let size, let count):
      unsafe try decompress(size, to: place, count)
      return count
    }
  }

  /// Passes over the string whose header was just read. A compressed one is not looked into.
  mutating func skip(_ header: StringHeader) throws(RDBError) {
    var rest = switch header {
    case .plain(let count): count
    case .integer: 0
    case .compressed(let size, _): size
    }
    while rest > 0 {
      let step = min(rest, max(1, end - position))
      _ = unsafe try take(step)
      rest -= step
    }
  }

  /// The bytes of a plain string of a payload, where they lie. Only for readers of memory.
  mutating func view(_ count: Int) throws(RDBError) -> ByteView {
    precondition(capacity == 0)
    return unsafe ByteView(try take(count), count: count)
  }

  private mutating func decompress(_ size: Int, to place: UnsafeMutableRawPointer, _ count: Int) throws(RDBError) {
    let start = offset
    let result: Int
    if capacity == 0 || size <= capacity {
      let from = unsafe try take(size)
      result = Int(unsafe lzf_decompress(from, UInt32(size), place, UInt32(count)))
    } else {
      result = unsafe try decompressAside(size, to: place, count)
    }
    guard result == count else { throw RDBError(fault: .compression, offset: start) }
  }

  /// For a compressed string that is longer than the window.
  private mutating func decompressAside(_ size: Int, to place: UnsafeMutableRawPointer, _ count: Int)
    throws(RDBError) -> Int
  {
    var pages = ScratchPages()
    swap(&pages, &scratch)
    var failure: RDBError?
    let result = unsafe pages.withBytes(size) { bytes in
      guard let bytes = unsafe bytes else {
        failure = RDBError(fault: .outOfMemory(UInt64(size)), offset: offset)
        return 0
      }
      do throws(RDBError) {
        unsafe try read(size, to: bytes)
      } catch {
        failure = error
        return 0
      }
      return Int(unsafe lzf_decompress(bytes, UInt32(size), place, UInt32(count)))
    }
    swap(&pages, &scratch)
    if let failure { throw failure }
    return result
  }

  // MARK: Bytes

  /// The next `count` bytes in one piece, valid until the next call; at most a window's worth.
  @inline(__always)
  mutating func take(_ count: Int) throws(RDBError) -> UnsafeRawPointer {
    if end &- position < count { try refill(count) }
    let place = unsafe UnsafeRawPointer(window + position)
    position &+= count
    return unsafe place
  }

  private mutating func read(_ count: Int, to place: UnsafeMutableRawPointer) throws(RDBError) {
    let present = min(count, end - position)
    unsafe place.copyMemory(from: window + position, byteCount: present)
    position += present
    let rest = count - present
    guard rest > 0 else { return }
    if rest <= capacity / 2 {
      let from = unsafe try take(rest)
      unsafe (place + present).copyMemory(from: from, byteCount: rest)
    } else {
      unsafe try readDirectly(rest, to: place + present)
    }
  }

  /// The window is used up: reads what follows it to where it belongs.
  private mutating func readDirectly(_ count: Int, to place: UnsafeMutableRawPointer) throws(RDBError) {
    precondition(position == end)
    guard capacity > 0 else { throw RDBError(fault: .cut, offset: offset) }
    updateChecksum()
    windowOffset += end
    position = 0
    end = 0
    checksumPosition = 0
    var filled = 0
    while filled < count {
      let got = unsafe try readOnce(place + filled, count - filled)
      filled += got
      windowOffset += got
      if got == 0 { throw RDBError(fault: .cut, offset: offset) }
    }
    if computesChecksum { checksumSoFar = CRC64.updating(checksumSoFar, unsafe ByteView(place, count: count)) }
  }

  @inline(never)
  private mutating func refill(_ count: Int) throws(RDBError) {
    guard capacity > 0 else { throw RDBError(fault: .cut, offset: offset) }
    precondition(count <= capacity)
    updateChecksum()
    let kept = end - position
    unsafe window.copyMemory(from: window + position, byteCount: kept)
    windowOffset += position
    position = 0
    end = kept
    checksumPosition = 0
    while end < count {
      let got = unsafe try readOnce(window + end, capacity - end)
      if got == 0 { throw RDBError(fault: .cut, offset: offset) }
      end += got
    }
  }

  /// - Returns: 0 at the end of the file.
  private func readOnce(_ place: UnsafeMutableRawPointer, _ count: Int) throws(RDBError) -> Int {
    while true {
      let got = unsafe Glibc.read(descriptor, place, count)
      if got >= 0 { return got }
      if errno != EINTR {
        throw RDBError(fault: .reading(unsafe String(cString: strerror(errno))), offset: offset)
      }
    }
  }

  // MARK: Checksum

  private mutating func updateChecksum() {
    guard computesChecksum else { return }
    let fresh = unsafe ByteView(window + checksumPosition, count: position - checksumPosition)
    checksumSoFar = CRC64.updating(checksumSoFar, fresh)
    checksumPosition = position
  }

  /// Of all bytes taken so far.
  mutating func checksum() -> UInt64 {
    updateChecksum()
    return checksumSoFar
  }
}
