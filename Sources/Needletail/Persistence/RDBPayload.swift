/// What DUMP returns and RESTORE takes: `type value | version 2 | checksum 8`.
struct RDBPayload {
  private let body: ByteView

  /// Nil when version or checksum are not right.
  init?(_ payload: ByteView) {
    guard payload.count >= RDBFormat.footerBytes else { return nil }
    let bodyCount = payload.count - RDBFormat.footerBytes
    let version = Int(payload[bodyCount]) | Int(payload[bodyCount + 1]) << 8
    guard RDBFormat.isReadable(version) else { return nil }
    var checksum: UInt64 = 0
    for index in 0..<8 { checksum |= UInt64(payload[bodyCount + 2 + index]) << UInt64(8 * index) }
    guard checksum == CRC64.updating(0, payload[0..<bodyCount + 2]) else { return nil }
    body = payload[0..<bodyCount]
  }

  /// A string out of a payload: where it lies in it, or in a block of its own.
  @safe struct Value: ~Copyable {
    let bytes: ByteView
    private let block: UnsafeMutableRawPointer?
    private let blockBytes: Int

    init(inPlace bytes: ByteView) {
      self.bytes = bytes
      unsafe block = nil
      blockBytes = 0
    }

    init(_ block: UnsafeMutableRawPointer, byteCount: Int, count: Int) {
      bytes = unsafe ByteView(block, count: count)
      unsafe self.block = block
      blockBytes = byteCount
    }

    deinit {
      if let block = unsafe block { unsafe Heap.free(block, blockBytes) }
    }
  }

  /// The type of a payload that holds a collection.
  var collectionType: ValueType? { body.isEmpty ? nil : RDBType.collection(body[0]) }

  /// The collection that a payload holds, if it has elements. Complexity: O(n).
  func collection(_ options: RDBDecoderOptions) throws(RDBError) -> BuiltValue? {
    guard let type = collectionType else { return nil }
    var decoder = RDBDecoder(RDBReader(body[1..<body.count]), options)
    return try decoder.collectionValue(type, body[0])
  }

  /// The payload's value when it is a string. Complexity: O(n).
  func string() throws(RDBError) -> Value {
    var reader = RDBReader(body)
    let type = try reader.byte()
    guard type == RDBType.string else { throw RDBError(fault: .unknownType(type), offset: 0) }
    let header = try reader.stringHeader()
    let count: Int
    switch header {
    case .plain(let plainCount): return Value(inPlace: try reader.view(plainCount))
    case .integer: count = 20
    case .compressed(_, let expanded): count = expanded
    }
    let size = Heap.goodSize(count)
    guard let block = unsafe Heap.tryAllocate(size) else {
      throw RDBError(fault: .outOfMemory(UInt64(count)), offset: 0)
    }
    do throws(RDBError) {
      let length = unsafe try reader.string(header, to: block)
      return unsafe Value(block, byteCount: size, count: length)
    } catch {
      unsafe Heap.free(block, size)
      throw error
    }
  }
}

extension RDBWriter {
  /// All of a DUMP payload, for a writer whose buffer holds it.
  mutating func dump(_ entry: Entry) {
    type(entry)
    wholeValue(entry)
    var features: RDBFeatures = entry.length >= 1 << 32 ? .longLengths : []
    if entry.type == .sortedSet { features.insert(.binaryScores) }
    dumpFooter(features)
  }
}
