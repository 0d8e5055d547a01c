import CLZF
import Glibc

/// Where a writer's full buffers go.
protocol RDBSink: ~Copyable {
  mutating func write(_ bytes: ByteView) throws(SystemError)
}

/// For a writer whose buffer holds everything: nothing is ever handed on.
struct NoSink: RDBSink {
  mutating func write(_ bytes: ByteView) { preconditionFailure("the buffer was to hold everything") }
}

/// What a writer does with strings and how it ends.
struct RDBWriterOptions {
  var compresses = true
  var computesChecksum = true
  /// What is told of the use of keys.
  var usage = Usage.none
  /// Reads idle times and frequencies out of entries, as of the moment the writing began.
  var clock = AccessClock()

  enum Usage { case none, idle, frequency }

  var features: RDBFeatures { usage == .none ? [] : .usage }
}

/// Encodes a snapshot into a fixed buffer and hands full buffers to its sink.
///
/// It reads entries and never writes them, holds no reference to the keyspace and, once it is made, takes nothing from
/// the heap, so a thread beside the loop may use it. It needs 512 KiB of stack for compressing.
///
/// A failed sink is remembered, what follows is thrown away: the caller looks at `failure` when it suits it, at the
/// latest before it trusts the result.
@safe struct RDBWriter<Sink: RDBSink & ~Copyable>: ~Copyable {
  static var bufferBytes: Int { 256 << 10 }
  /// The longest header in front of bytes.
  private static var stringHeaderMaxBytes: Int { 11 }

  var sink: Sink
  let options: RDBWriterOptions
  private let buffer: UnsafeMutableRawPointer
  private let capacity: Int
  private let isMapped: Bool
  private var count = 0
  private var checksum: UInt64 = 0
  private(set) var failure: SystemError?
  private var scratch = ScratchPages()

  /// - Parameter buffer: `capacity` bytes at least 1 KiB, which the writer owns from now on.
  init(_ sink: consuming Sink, _ options: RDBWriterOptions, buffer: UnsafeMutableRawPointer, capacity: Int) {
    precondition(capacity >= 1024)
    self.sink = sink
    self.options = options
    unsafe self.buffer = buffer
    self.capacity = capacity
    isMapped = false
  }

  /// With a buffer straight from the system: it is no part of `used_memory`, so no key is evicted for a save.
  init(_ sink: consuming Sink, _ options: RDBWriterOptions) {
    self.sink = sink
    self.options = options
    capacity = Self.bufferBytes
    let region = unsafe mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if let region = unsafe region, unsafe region != MAP_FAILED {
      unsafe buffer = region
      isMapped = true
    } else {
      unsafe buffer = Heap.allocate(capacity)
      isMapped = false
    }
  }

  deinit {
    if isMapped { unsafe munmap(buffer, capacity) } else { unsafe Heap.free(buffer, capacity) }
  }

  /// What is in the buffer. Valid until the next change.
  var bufferedBytes: ByteView { unsafe ByteView(buffer, count: count) }

  // MARK: Records

  /// The file's first bytes and what is told of its making.
  /// - Parameter fields: names and values of auxiliary fields.
  mutating func header(_ features: RDBFeatures, _ fields: [(name: String, value: String)]) {
    let digits = String(10_000 + features.version).dropFirst()
    text(RDBFormat.magic)
    for digit in digits.utf8 { put(digit) }
    for field in fields {
      put(RDBOpcode.aux)
      string(field.name)
      string(field.value)
    }
  }

  /// What follows belongs to that database, which has so many keys: whoever loads it can make room beforehand.
  mutating func database(_ number: Int, keyCount: Int, expiresCount: Int) {
    put(RDBOpcode.select)
    length(UInt64(number))
    put(RDBOpcode.resize)
    length(UInt64(keyCount))
    length(UInt64(expiresCount))
  }

  /// A key with all that belongs to it. Complexity: O(size of the value).
  @inline(__always)
  mutating func entry(_ entry: Entry) {
    if let expiry = entry.expiry {
      reserve(9)
      put(RDBOpcode.expiryMilliseconds)
      fixed(expiry)
    }
    switch options.usage {
    case .none: break
    case .idle:
      put(RDBOpcode.idle)
      length(UInt64(options.clock.idleSeconds(entry)))
    case .frequency:
      put(RDBOpcode.frequency)
      put(UInt8(clamping: options.clock.frequency(entry)))
    }
    type(entry)
    string(entry.key)
    value(entry)
  }

  /// Collections are written in their plain types, which every version can load.
  mutating func type(_ entry: Entry) {
    switch entry.type {
    case .string: put(RDBType.string)
    case .list: put(RDBType.list)
    case .set: put(RDBType.set)
    case .sortedSet: put(RDBType.sortedSet)
    case .hash: put(RDBType.hash)
    case .stream: preconditionFailure("not built")
    }
  }

  /// The value alone, as it follows its type; of a large collection only the count: its parts follow one by one.
  @inline(__always)
  mutating func value(_ entry: Entry) {
    if let integer = entry.integer {
      self.integer(integer)
    } else if let bytes = entry.stringBytes {
      string(bytes)
    } else {
      collection(entry)
    }
  }

  private mutating func collection(_ entry: Entry) {
    if entry.encoding == .root { return length(UInt64(entry.length)) }
    switch entry.type {
    case .list: listValue(entry)
    case .set: setValue(entry)
    case .sortedSet: sortedSetValue(entry)
    case .hash: hashValue(entry)
    case .string, .stream: preconditionFailure("no collection")
    }
  }

  /// A part of the large collection whose entry was written last.
  mutating func part(_ part: CollectionPart) {
    switch part {
    case .field(let field):
      string(field.field)
      string(field.value)
    case .member(let member):
      string(member.bytes)
    case .leaf(let leaf):
      elements(leaf.list)
    case .scored(let member):
      string(member.member)
      score(member.score)
    }
  }

  /// An element of a packed collection, as a string.
  mutating func element(_ element: PackedElement) {
    switch element {
    case .bytes(let bytes): string(bytes)
    case .integer(let value): integer(value)
    case .double: preconditionFailure("a score is no string")
    }
  }

  /// A key with its whole value, for writers that do not walk a view. Complexity: O(size of the value).
  mutating func wholeEntry(_ entry: Entry) {
    self.entry(entry)
    parts(entry)
  }

  private mutating func parts(_ entry: Entry) {
    guard let root = unsafe entry.root else { return }
    unsafe CollectionRoots.forEachPart(entry.type, root) { part($0) }
  }

  /// The value with all its parts.
  mutating func wholeValue(_ entry: Entry) {
    value(entry)
    parts(entry)
  }

  /// The end of the file, with its checksum, and the last buffer.
  mutating func end() {
    put(RDBOpcode.end)
    flush()
    fixed(Int(bitPattern: options.computesChecksum ? UInt(checksum) : 0))
    flush()
  }

  /// The end of a DUMP payload, all of which must be in the buffer.
  mutating func dumpFooter(_ features: RDBFeatures) {
    reserve(RDBFormat.footerBytes)
    put(UInt8(features.version & 0xff))
    put(UInt8(features.version >> 8))
    fixed(Int(bitPattern: UInt(CRC64.updating(0, bufferedBytes))))
  }

  // MARK: Parts

  mutating func length(_ value: UInt64) {
    reserve(9)
    if value < 1 << 6 {
      put(UInt8(value))
    } else if value < 1 << 14 {
      put(UInt8(value >> 8) | 0x40)
      put(UInt8(truncatingIfNeeded: value))
    } else if value < 1 << 32 {
      put(RDBLength.bits32)
      unsafe (buffer + count).storeBytes(of: UInt32(value).bigEndian, as: UInt32.self)
      count += 4
    } else {
      put(RDBLength.bits64)
      unsafe (buffer + count).storeBytes(of: value.bigEndian, as: UInt64.self)
      count += 8
    }
  }

  /// Bytes in the shortest form: as an integer where they spell one, compressed where that makes them shorter.
  mutating func string(_ bytes: ByteView) {
    if bytes.count <= RDBFormat.integerMaxDigits, let integer = bytes.integer, Int32(exactly: integer) != nil {
      return self.integer(integer)
    }
    if options.compresses && bytes.count >= RDBFormat.compressionMinBytes && compressed(bytes) { return }
    length(UInt64(bytes.count))
    raw(bytes)
  }

  private mutating func string(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      guard let base = utf8.baseAddress else { return length(0) }
      string(unsafe ByteView(UnsafeRawPointer(base), count: utf8.count))
    }
  }

  private mutating func text(_ literal: StaticString) { raw(ByteView(literal)) }

  mutating func integer(_ value: Int) {
    reserve(24)
    if let small = Int8(exactly: value) {
      put(RDBStringForm.integer8)
      put(UInt8(bitPattern: small))
    } else if let medium = Int16(exactly: value) {
      put(RDBStringForm.integer16)
      unsafe (buffer + count).storeBytes(of: medium.littleEndian, as: Int16.self)
      count += 2
    } else if let large = Int32(exactly: value) {
      put(RDBStringForm.integer32)
      unsafe (buffer + count).storeBytes(of: large.littleEndian, as: Int32.self)
      count += 4
    } else {
      // 20 digits at most, so the length takes one byte.
      let digits = unsafe writeDecimal(value, to: buffer + count + 1)
      put(UInt8(digits))
      count += digits
    }
  }

  /// - Returns: false when compressing gains nothing; then nothing has been written.
  private mutating func compressed(_ bytes: ByteView) -> Bool {
    guard let limit = UInt32(exactly: bytes.count - 4) else { return false }
    let header = Self.stringHeaderMaxBytes
    if header + bytes.count > capacity { return compressedAside(bytes, limit) }
    reserve(header + bytes.count)
    let place = unsafe buffer + count + header
    let size = Int(unsafe lzf_compress(bytes.base, UInt32(bytes.count), place, limit))
    guard size > 0 else { return false }
    compressionHeader(size, bytes.count)
    unsafe (buffer + count).copyMemory(from: place, byteCount: size)
    count += size
    return true
  }

  /// For a string that is too long for the buffer.
  private mutating func compressedAside(_ bytes: ByteView, _ limit: UInt32) -> Bool {
    var pages = ScratchPages()
    swap(&pages, &scratch)
    let isDone = unsafe pages.withBytes(bytes.count) { place in
      guard let place = unsafe place else { return false }
      let size = Int(unsafe lzf_compress(bytes.base, UInt32(bytes.count), place, limit))
      guard size > 0 else { return false }
      compressionHeader(size, bytes.count)
      raw(unsafe ByteView(place, count: size))
      return true
    }
    swap(&pages, &scratch)
    return isDone
  }

  private mutating func compressionHeader(_ size: Int, _ count: Int) {
    put(RDBStringForm.compressed)
    length(UInt64(size))
    length(UInt64(count))
  }

  // MARK: Bytes

  @inline(__always)
  private mutating func reserve(_ wanted: Int) {
    if capacity &- count < wanted { flush() }
  }

  @inline(__always)
  private mutating func put(_ byte: UInt8) {
    reserve(1)
    unsafe buffer.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  /// A sorted set's score.
  mutating func score(_ value: Double) { fixed(Int(bitPattern: UInt(value.bitPattern))) }

  private mutating func fixed(_ value: Int) {
    reserve(8)
    unsafe (buffer + count).storeBytes(of: value.littleEndian, as: Int.self)
    count += 8
  }

  /// Bytes that are as long as the buffer or longer go to the sink from where they lie.
  @inline(__always)
  private mutating func raw(_ bytes: ByteView) {
    reserve(bytes.count)
    if bytes.count > capacity { return handOn(bytes) }
    unsafe bytes.copy(to: buffer + count)
    count &+= bytes.count
  }

  @inline(never)
  private mutating func flush() {
    handOn(bufferedBytes)
    count = 0
  }

  private mutating func handOn(_ bytes: ByteView) {
    guard failure == nil else { return }
    if options.computesChecksum { checksum = CRC64.updating(checksum, bytes) }
    do throws(SystemError) {
      try sink.write(bytes)
    } catch {
      failure = error
    }
  }
}
