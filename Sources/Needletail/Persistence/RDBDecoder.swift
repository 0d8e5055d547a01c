import CSystem
import Glibc

/// What a snapshot file says before, between and behind its keys.
enum RDBRecord {
  case auxiliary(name: [UInt8], value: [UInt8])
  case database(Int)
  /// How many keys the database has, as whoever wrote the file says.
  case sizes(keys: UInt64, expires: UInt64)
  case entry(DecodedEntry)
  /// A key whose time has come: it was passed over.
  case expiredKey
  case end
}

/// A key with its value as an entry of the keyspace that is in no table yet; whoever gets it owns it.
@safe struct DecodedEntry {
  let entry: Entry
  let hash: UInt64
  /// Milliseconds since 1970.
  let expiry: Int?
  /// Where in the file it begins.
  let offset: Int

  @inline(__always)
  func prefetch() { unsafe cs_prefetch(entry.raw) }

  /// Frees an entry that will be in no table; `tag` is the one it was born with.
  func free(tag: UInt8, _ limbo: Limbo) { entry.free(tag: tag, limbo) }
}

/// What decoding needs to know of the keyspace that the entries are for.
struct RDBDecoderOptions {
  let seed: HashSeed
  /// The tag units are born with: no view is opened while a file is being loaded.
  let tag: UInt8
  let clock: AccessClock
  let limits: CollectionLimits
  let freer: BackgroundFreer
  /// Keys that expire before this are passed over, in milliseconds since 1970; nil: none.
  var nowMilliseconds: Int?
  var databaseCount: Int
  var verifiesChecksum = true
}

/// Makes entries of a snapshot file, one after the other. It knows no keyspace, so a thread beside the loop can run it.
@safe struct RDBDecoder: ~Copyable {
  var reader: RDBReader
  let options: RDBDecoderOptions
  /// What the tables of large collections are made with: no view is opened meanwhile, and nothing has a deadline.
  var context: TableContext
  private(set) var version = 0
  /// The record's key: values are read while it is needed.
  private var keyBuffer: UnsafeMutableRawPointer
  private var keyCapacity = 512
  private static let keyKeptBytes = 64 << 10

  init(_ reader: consuming RDBReader, _ options: RDBDecoderOptions) {
    self.reader = reader
    self.options = options
    context = TableContext(units: Units(freer: options.freer, currentTag: options.tag),
      wheel: TimingWheel(baseMilliseconds: 0), seed: options.seed, salts: .random(in: 0...UInt64.max))
    unsafe keyBuffer = Heap.allocate(512)
  }

  deinit { unsafe Heap.free(keyBuffer, keyCapacity) }

  /// The file's first bytes. To be called once, first.
  mutating func header() throws(RDBError) {
    let place = unsafe try reader.take(RDBFormat.headerBytes)
    let bytes = unsafe ByteView(place, count: RDBFormat.headerBytes)
    let digits: ByteView
    let isValkeys = bytes[0..<6] == ByteView(RDBFormat.valkeyMagic)
    if bytes[0..<5] == ByteView(RDBFormat.magic) {
      digits = bytes[5..<9]
    } else if isValkeys {
      digits = bytes[6..<9]
    } else {
      throw RDBError(fault: .notASnapshot, offset: 0)
    }
    for index in 0..<digits.count {
      let digit = digits[index] &- 48
      guard digit <= 9 else { throw RDBError(fault: .notASnapshot, offset: 0) }
      version = version * 10 + Int(digit)
    }
    guard RDBFormat.isReadable(version), isValkeys == (version == RDBFormat.valkeyVersion) else {
      throw RDBError(fault: .version(version), offset: 0)
    }
  }

  /// The next record. After `end` nothing may be asked for.
  mutating func next() throws(RDBError) -> RDBRecord {
    let start = reader.offset
    var expiry: Int?
    var idleSeconds: Int?
    var frequency: Int?
    while true {
      let place = reader.offset
      let opcode = try reader.byte()
      switch opcode {
      case RDBType.string:
        let clock = options.clock.restored(idleSeconds: idleSeconds, frequency: frequency)
        return try entry(expiry, clock, start)
      case RDBOpcode.expiryMilliseconds:
        expiry = Int(Int64(bitPattern: try reader.fixed64()))
      case RDBOpcode.expirySeconds:
        expiry = Int(Int32(bitPattern: try reader.fixed32())) * 1000
      case RDBOpcode.idle:
        idleSeconds = Int(clamping: try reader.length())
      case RDBOpcode.frequency:
        frequency = Int(try reader.byte())
      case RDBOpcode.select:
        let number = try reader.length()
        guard number < UInt64(options.databaseCount) else { throw RDBError(fault: .database(number), offset: place) }
        return .database(Int(number))
      case RDBOpcode.resize:
        return .sizes(keys: try reader.length(), expires: try reader.length())
      case RDBOpcode.slotInfo:
        for _ in 0..<3 { _ = try reader.length() }
      case RDBOpcode.aux:
        return .auxiliary(name: try smallString(), value: try smallString())
      case RDBOpcode.end:
        try verifyChecksum()
        return .end
      default:
        guard let type = RDBType.collection(opcode) else { throw RDBError(fault: Self.fault(opcode), offset: place) }
        let clock = options.clock.restored(idleSeconds: idleSeconds, frequency: frequency)
        return try collection(type, opcode, expiry, clock, start)
      }
    }
  }

  static func fault(_ opcode: UInt8) -> RDBError.Fault {
    switch opcode {
    case RDBOpcode.function, RDBOpcode.oldFunction: return .notBuilt("a function library")
    case RDBOpcode.moduleAux: return .notBuilt("a module's data")
    default: break
    }
    guard let name = RDBType.name(opcode) else { return .unknownType(opcode) }
    return .notBuilt("a \(name) (type \(opcode))")
  }

  private mutating func verifyChecksum() throws(RDBError) {
    guard version >= RDBFormat.checksumVersion else { return }
    let found = reader.checksum()
    let place = reader.offset
    let expected = try reader.fixed64()
    // Zero: written by a server that was told to take none.
    guard options.verifiesChecksum && expected != 0 && expected != found else { return }
    throw RDBError(fault: .checksum(expected: expected, found: found), offset: place)
  }

  /// An auxiliary field's name or value: any length, few bytes in practice.
  private mutating func smallString() throws(RDBError) -> [UInt8] {
    let header = try reader.stringHeader()
    let count = Self.count(header)
    guard count <= Self.keyKeptBytes else {
      try reader.skip(header)
      return []
    }
    try makeKeyRoom(count)
    let length = unsafe try reader.string(header, to: keyBuffer)
    return unsafe ByteView(keyBuffer, count: length).array
  }

  /// Bytes that a string needs room for.
  private static func count(_ header: RDBReader.StringHeader) -> Int {
    switch header {
    case .plain(let count), .compressed(_, let count): count
    case .integer: 20
    }
  }

  private mutating func makeKeyRoom(_ count: Int) throws(RDBError) {
    let wanted = max(count, 512)
    if wanted <= keyCapacity && (keyCapacity <= Self.keyKeptBytes || wanted > Self.keyKeptBytes) { return }
    let size = Heap.goodSize(wanted)
    guard let block = unsafe Heap.tryAllocate(size) else {
      throw RDBError(fault: .outOfMemory(UInt64(count)), offset: reader.offset)
    }
    unsafe Heap.free(keyBuffer, keyCapacity)
    unsafe keyBuffer = block
    keyCapacity = size
  }

  // MARK: Entries

  /// Reads the record's key, which stays in its buffer while the value is read.
  private mutating func key() throws(RDBError) -> ByteView {
    let keyOffset = reader.offset
    let header = try reader.stringHeader()
    guard Self.count(header) <= RDBFormat.keyMaxBytes else {
      throw RDBError(fault: .tooLong(UInt64(Self.count(header))), offset: keyOffset)
    }
    try makeKeyRoom(Self.count(header))
    let count = unsafe try reader.string(header, to: keyBuffer)
    return unsafe ByteView(keyBuffer, count: count)
  }

  private func isExpired(_ expiry: Int?) -> Bool {
    guard let expiry, let now = options.nowMilliseconds else { return false }
    return expiry < now
  }

  private mutating func collection(_ type: ValueType, _ opcode: UInt8, _ expiry: Int?, _ clock: UInt32, _ start: Int)
    throws(RDBError) -> RDBRecord
  {
    let key = try key()
    // One without elements, which a faulty server may have written, is passed over as well.
    guard let value = try collectionValue(type, opcode) else { return .expiredKey }
    if isExpired(expiry) {
      value.free(tag: options.tag, options.freer.limbo)
      return .expiredKey
    }
    guard let entry = value.makeEntry(key: key, expiry: expiry, clock: clock, tag: options.tag) else {
      value.free(tag: options.tag, options.freer.limbo)
      throw RDBError(fault: .outOfMemory(UInt64(key.count)), offset: start)
    }
    return .entry(DecodedEntry(entry: entry, hash: sipHash13(key, options.seed), expiry: expiry, offset: start))
  }

  /// The value that follows its type. Nil: it has no elements.
  mutating func collectionValue(_ type: ValueType, _ opcode: UInt8) throws(RDBError) -> BuiltValue? {
    switch type {
    case .list: try listValue(opcode)
    case .set: try setValue(opcode)
    case .sortedSet: try sortedSetValue(opcode)
    case .hash: try hashValue(opcode)
    case .string, .stream: preconditionFailure("no collection")
    }
  }

  private mutating func entry(_ expiry: Int?, _ clock: UInt32, _ start: Int) throws(RDBError) -> RDBRecord {
    let key = try key()
    let header = try reader.stringHeader()
    if isExpired(expiry) {
      try reader.skip(header)
      return .expiredKey
    }
    let entry = try value(header, key, expiry, clock)
    return .entry(DecodedEntry(entry: entry, hash: sipHash13(key, options.seed), expiry: expiry, offset: start))
  }

  private mutating func value(_ header: RDBReader.StringHeader, _ key: ByteView, _ expiry: Int?, _ clock: UInt32)
    throws(RDBError) -> Entry
  {
    let count = Self.count(header)
    if case .integer(let value) = header { return try integer(value, key, expiry, clock) }
    if count <= 20 { return try shortString(header, key, expiry, clock) }
    let shape = Entry.Shape(key: key, expiry: expiry, stringCount: count,
      isMarkedRaw: !Entry.isEmbedded(keyCount: key.count, stringCount: count, hasExpiry: expiry != nil))
    if shape.encoding == .external { return try externalString(header, count, shape, clock) }
    let block = unsafe try allocate(shape.byteCount)
    let place = unsafe Entry.write(shape, type: .string, tag: options.tag, clock: clock, at: block)
    do throws(RDBError) {
      _ = unsafe try reader.string(header, to: place)
    } catch {
      unsafe Heap.free(block, shape.byteCount)
      throw error
    }
    return unsafe Entry(raw: block)
  }

  private func integer(_ value: Int, _ key: ByteView, _ expiry: Int?, _ clock: UInt32) throws(RDBError) -> Entry {
    let shape = Entry.Shape(key: key, expiry: expiry, encoding: .integer)
    let block = unsafe try allocate(shape.byteCount)
    let place = unsafe Entry.write(shape, type: .string, tag: options.tag, clock: clock, at: block)
    unsafe place.storeBytes(of: value, as: Int.self)
    return unsafe Entry(raw: block)
  }

  /// A string that may spell an integer, as those beyond 32 bits do: it is kept as one.
  private mutating func shortString(_ header: RDBReader.StringHeader, _ key: ByteView, _ expiry: Int?, _ clock: UInt32)
    throws(RDBError) -> Entry
  {
    var bytes = InlineArray<24, UInt8>(repeating: 0)
    var failure: RDBError?
    var count = 0
    let integer: Int? = unsafe withUnsafeMutableBytes(of: &bytes) { buffer in
      do throws(RDBError) {
        count = unsafe try reader.string(header, to: buffer.baseAddress!)
      } catch {
        failure = error
      }
      return unsafe ByteView(buffer.baseAddress!, count: count).integer
    }
    if let failure { throw failure }
    if let integer { return try self.integer(integer, key, expiry, clock) }
    let shape = Entry.Shape(key: key, expiry: expiry, stringCount: count,
      isMarkedRaw: !Entry.isEmbedded(keyCount: key.count, stringCount: count, hasExpiry: expiry != nil))
    let block = unsafe try allocate(shape.byteCount)
    let place = unsafe Entry.write(shape, type: .string, tag: options.tag, clock: clock, at: block)
    unsafe withUnsafeBytes(of: &bytes) { unsafe place.copyMemory(from: $0.baseAddress!, byteCount: count) }
    return unsafe Entry(raw: block)
  }

  private mutating func externalString(_ header: RDBReader.StringHeader, _ count: Int, _ shape: Entry.Shape,
    _ clock: UInt32) throws(RDBError) -> Entry
  {
    guard let unit = StringUnit.make(capacity: count, tag: options.tag) else {
      throw RDBError(fault: .outOfMemory(UInt64(count)), offset: reader.offset)
    }
    do throws(RDBError) {
      unit.count = unsafe try reader.string(header, to: unit.data)
      let block = unsafe try allocate(shape.byteCount)
      let place = unsafe Entry.write(shape, type: .string, tag: options.tag, clock: clock, at: block)
      unsafe place.storeBytes(of: UInt(bitPattern: unit.raw), as: UInt.self)
      return unsafe Entry(raw: block)
    } catch {
      unsafe Heap.free(unit.raw, unit.byteCount)
      throw error
    }
  }

  /// A key of megabytes is the only entry that can fail.
  private func allocate(_ byteCount: Int) throws(RDBError) -> UnsafeMutableRawPointer {
    guard let block = unsafe Heap.tryAllocate(byteCount) else {
      throw RDBError(fault: .outOfMemory(UInt64(byteCount)), offset: reader.offset)
    }
    return unsafe block
  }
}
