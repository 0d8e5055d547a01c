import Testing

@testable import Needletail

@Suite struct EntryTests {
  static let expiries: [Int?] = [nil, 0, 1, 1_700_000_000_000, 1 << 48 - 1, 1 << 48, -1, Int.min, Int.max]
  static let keyCounts = [0, 1, 16, 4094, 4095, 4096, 70_000]

  private func width(_ expiry: Int?) -> Int { expiry.map { $0 >= 0 && $0 < 1 << 48 ? 6 : 8 } ?? 0 }

  @Test func headersAndSizes() {
    #expect(Entry.headerBytes == 8 && StringUnit.headerBytes == 24)
    func byteCount(_ key: Int, _ value: Int, _ expiry: Int?) -> Int {
      withView([UInt8](repeating: 1, count: key)) { Entry.Shape(key: $0, expiry: expiry, stringCount: value).byteCount }
    }
    // What DESIGN.md promises.
    #expect(byteCount(16, 16, nil) == 41 && Heap.goodSize(41) == 48)
    #expect(byteCount(16, 16, 1_700_000_000_000) == 47 && Heap.goodSize(47) == 48)
    #expect(byteCount(16, 16, 1 << 48) == 49)
    #expect(byteCount(16, 255, nil) == 8 + 16 + 1 + 255 && byteCount(16, 256, nil) == 8 + 16 + 2 + 256)
    #expect(byteCount(16, 1024, nil) == 8 + 16 + 2 + 1024 && byteCount(16, 1025, nil) == 8 + 16 + 8)
    #expect(byteCount(4094, 0, nil) == 8 + 4094 + 1 && byteCount(4095, 0, nil) == 8 + 4 + 4095 + 1)
    #expect(byteCount(0, 0, nil) == 9)
    let integer = withView([UInt8](repeating: 1, count: 16)) {
      Entry.Shape(key: $0, expiry: nil, encoding: .integer).byteCount
    }
    #expect(integer == 32)
  }

  /// Writes an entry with a value whose bytes are `fill`.
  private func make(_ key: [UInt8], _ expiry: Int?, _ encoding: ValueEncoding, _ count: Int, room: Int = 0) -> Entry {
    withView(key) { key in
      let shape = Entry.Shape(key: key, expiry: expiry, encoding: encoding, inlineCount: count,
        isMarkedRaw: count % 2 == 1)
      let block = unsafe Heap.allocate(max(shape.byteCount, room))
      let place = unsafe Entry.write(shape, type: .string, tag: 2, clock: 0xdead_beef, at: block)
      let valueCount = encoding == .integer || encoding == .external ? 8 : count
      #expect(unsafe place - block + valueCount == shape.byteCount)
      for i in 0..<valueCount {
        unsafe place.storeBytes(of: UInt8(truncatingIfNeeded: i + 1), toByteOffset: i, as: UInt8.self)
      }
      let entry = unsafe Entry(raw: block)
      if encoding == .external { unsafe entry.storeChild(UnsafeMutableRawPointer(bitPattern: Self.unitAddress)!) }
      return entry
    }
  }

  /// The string unit that entries with the external encoding point to, by address.
  private static let unitAddress: UInt = {
    let unit = StringUnit.make(capacity: 3000, tag: 2)!
    unit.count = 3000
    return unsafe UInt(bitPattern: unit.raw)
  }()

  private func matches(_ entry: Entry, _ key: [UInt8], _ expiry: Int?, _ encoding: ValueEncoding, _ count: Int)
    -> Bool
  {
    guard entry.key.array == key, entry.expiry == expiry, entry.hasExpiry == (expiry != nil),
      entry.encoding == encoding,
      entry.type == .string, entry.clock == 0xdead_beef, unsafe entry.raw.load(as: UInt8.self) == 2
    else { return false }
    let prefix = 8 + width(expiry) + (key.count >= 4095 ? 4 : 0) + key.count
    switch encoding {
    case .integer: return entry.integer == 0x0807_0605_0403_0201 && entry.byteCount == prefix + 8
    case .external:
      return entry.byteCount == prefix + 8
        && entry.stringUnit.map { unsafe UInt(bitPattern: $0.raw) } == Self.unitAddress
    case .inline8, .inline16:
      return entry.stringBytes?.array == (0..<count).map { UInt8(truncatingIfNeeded: $0 + 1) } && entry.integer == nil
        && entry.byteCount == prefix + (encoding == .inline8 ? 1 : 2) + count
    case .packed, .packedIntegers, .blob, .blobIntegers, .root: return false
    }
  }

  static let values: [(ValueEncoding, Int)] = [
    (.integer, 0), (.external, 0), (.inline8, 0), (.inline8, 255), (.inline16, 256), (.inline16, 1024),
  ]

  @Test(arguments: keyCounts)
  func everyPartIsReadBack(keyCount: Int) {
    let key = (0..<keyCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for expiry in Self.expiries {
      for (encoding, count) in Self.values {
        let entry = make(key, expiry, encoding, count)
        #expect(matches(entry, key, expiry, encoding, count),
          "expiry \(String(describing: expiry)), \(encoding) \(count)")
        unsafe Heap.free(entry.raw, entry.byteCount)
      }
    }
  }

  /// To another expiry, elsewhere and in place, where key and value overlap what they were.
  @Test(arguments: keyCounts)
  func expiryChangesLeaveTheRestAlone(keyCount: Int) {
    let key = (0..<keyCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for old in Self.expiries {
      for new in Self.expiries {
        for (encoding, count) in Self.values {
          let room = keyCount + 2048
          let entry = make(key, old, encoding, count, room: room)
          #expect(entry.byteCount(withExpiry: new) == entry.byteCount - width(old) + width(new))
          let size = entry.byteCount(withExpiry: new)
          let block = unsafe Heap.allocate(size)
          unsafe block.storeBytes(of: 2, as: UInt8.self)
          unsafe entry.copyTail(to: block, expiry: new)
          let copy = unsafe Entry(raw: block)
          #expect(matches(copy, key, new, encoding, count) && matches(entry, key, old, encoding, count))
          unsafe entry.copyTail(to: entry.raw, expiry: new)
          #expect(matches(entry, key, new, encoding, count), "\(String(describing: old)) to \(String(describing: new))")
          unsafe Heap.free(block, size)
          unsafe Heap.free(entry.raw, room)
        }
      }
    }
  }

  @Test func integersAreWrittenOut() {
    for value in [0, 7, -7, Int.max, Int.min] {
      let entry = make([1, 2, 3], nil, .integer, 0)
      entry.storeInteger(value)
      #expect(entry.integer == value && entry.withString { $0.array } == Array(String(value).utf8))
      #expect(entry.stringCount == String(value).utf8.count && entry.encodingName.description == "int")
      unsafe Heap.free(entry.raw, entry.byteCount)
    }
  }

  @Test func clocksOfAccess() {
    var clock = AccessClock()
    clock.update(milliseconds: 5_000_063)
    #expect(clock.initial == 80_001)
    let entry = make([1], nil, .inline8, 3)
    clock.touch(entry)
    #expect(entry.clock == 80_001 && clock.idleSeconds(entry) == 0)
    clock.update(milliseconds: 5_009_062)
    #expect(clock.idleSeconds(entry) == 8)
    clock.update(milliseconds: 5_009_063)
    #expect(clock.idleSeconds(entry) == 9)
    clock.update(milliseconds: 4_000_000)
    #expect(clock.idleSeconds(entry) == 0)

    clock.meaning = .useCount
    clock.update(milliseconds: 60_000 * 1000)
    entry.clock = clock.initial
    #expect(clock.frequency(entry) == 5)
    for _ in 0..<100_000 { clock.touch(entry) }
    let high = clock.frequency(entry)
    #expect(high > 60 && high < 255)
    clock.update(milliseconds: 60_000 * 1010)
    #expect(clock.frequency(entry) == high - 10)
    // The minutes of the clock go round after 45 days.
    clock.update(milliseconds: 60_000 * (1000 + 65_536 + 3))
    #expect(clock.frequency(entry) == high - 3)
    clock.update(milliseconds: 60_000 * 3000)
    #expect(clock.frequency(entry) == 0)
    clock.decayMinutes = 0
    #expect(clock.frequency(entry) == high)
    unsafe Heap.free(entry.raw, entry.byteCount)
  }
}
