/// An error reply while it is put together: in a borrowed buffer, and in a block of its own when it gets longer, since
/// Redis repeats some arguments whole.
@safe struct ErrorText: ~Copyable {
  static let capacity = 1024

  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private var ownsBase = false
  private(set) var count = 0

  /// - Parameter buffer: borrowed; it must outlive this value.
  init(_ buffer: UnsafeMutableRawBufferPointer) {
    unsafe base = buffer.baseAddress!
    capacity = buffer.count
  }

  deinit {
    if ownsBase { unsafe Heap.free(base, capacity) }
  }

  var bytes: ByteView { unsafe ByteView(UnsafeRawPointer(base), count: count) }

  mutating func append(_ literal: StaticString) { append(raw: ByteView(literal)) }

  mutating func append(_ text: String) { for byte in text.utf8 { append(byte: byte) } }

  /// At most `limit` of a client's bytes, up to the first zero byte: Redis formats errors with `%s`.
  mutating func append(_ bytes: ByteView, limit: Int = .max) {
    let count = min(bytes.count, limit)
    for i in 0..<count {
      if bytes[i] == 0 { return }
      append(byte: bytes[i])
    }
  }

  private mutating func append(raw bytes: ByteView) {
    for i in 0..<bytes.count { append(byte: bytes[i]) }
  }

  mutating func append(byte: UInt8) {
    if count == capacity { grow() }
    unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  private mutating func grow() {
    let larger = unsafe Heap.allocate(capacity * 2)
    unsafe larger.copyMemory(from: base, byteCount: count)
    if ownsBase { unsafe Heap.free(base, capacity) }
    unsafe base = larger
    capacity *= 2
    ownsBase = true
  }
}

/// How often each error code (`ERR`, `WRONGTYPE`) was answered.
struct ErrorCounts {
  /// Scripts can answer with codes of their own making, so their number is limited: as in Redis, one more ends the
  /// counting by codes, which then says `ERRORSTATS_DISABLED`, until the statistics are reset.
  static let codesMax = 128
  static let codeBytesMax = 64

  struct Entry {
    let code: [UInt8]
    var count: Int
  }

  private(set) var total = 0
  /// In order of first appearance.
  private(set) var entries: [Entry] = []
  private var isDisabled = false

  /// In the order in which INFO shows them.
  var entriesByCode: [Entry] { entries.sorted { $0.code.lexicographicallyPrecedes($1.code) } }

  /// Counts an error reply; its code is what stands before the first blank.
  /// Complexity: O(codes seen); allocates only for a new code.
  mutating func count(_ text: ByteView) {
    total += 1
    if isDisabled { return }
    var length = 0
    while length < text.count && length < Self.codeBytesMax && text[length] > 32 { length += 1 }
    // Without a blank behind it, it is no code.
    let hasCode = length > 0 && length < text.count && text[length] == 32
    let code = hasCode ? text[0..<length] : ByteView("ERR" as StaticString)
    for index in entries.indices where isEqual(entries[index].code, code) {
      entries[index].count += 1
      return
    }
    guard entries.count < Self.codesMax else {
      isDisabled = true
      entries = [Entry(code: Array("ERRORSTATS_DISABLED".utf8), count: 1)]
      return
    }
    entries.append(Entry(code: code.array, count: 1))
  }

  private func isEqual(_ code: [UInt8], _ bytes: ByteView) -> Bool {
    guard code.count == bytes.count else { return false }
    for index in code.indices where code[index] != bytes[index] { return false }
    return true
  }
}
