import Foundation
import Testing
@testable import Needletail

/// Collects what a writer hands on.
private struct Collected: RDBSink {
  var bytes: [UInt8] = []
  var roomBytes = Int.max

  mutating func write(_ more: ByteView) throws(SystemError) {
    if bytes.count + more.count > roomBytes { throw SystemError(code: ENOSPC, call: "write") }
    bytes += more.array
  }
}

/// What the writer makes of `body`, in a small buffer so that it is flushed often.
private func written(_ options: RDBWriterOptions = RDBWriterOptions(), capacity: Int = 1024,
  _ body: (inout RDBWriter<Collected>) -> Void) -> [UInt8]
{
  let buffer = unsafe Heap.allocate(capacity)
  var writer = unsafe RDBWriter(Collected(), options, buffer: buffer, capacity: capacity)
  body(&writer)
  #expect(writer.failure == nil)
  return writer.sink.bytes + writer.bufferedBytes.array
}

/// Strings of every form and at every border of lengths.
private let strings: [[UInt8]] = {
  var strings: [[UInt8]] = [[]]
  let numbers = [0, 1, -1, 127, 128, -128, -129, 32767, 32768, -32768, -32769, Int(Int32.max), Int(Int32.max) + 1,
    Int(Int32.min), Int(Int32.min) - 1, 12_345_678_901, Int.max, Int.min]
  strings += numbers.map { Array(String($0).utf8) }
  strings += ["-0", "007", "+1", "1 ", "99999999999999999999", "-", "a"].map { Array($0.utf8) }
  var generator = SeededGenerator(seed: 7)
  for count in [20, 21, 63, 64, 65, 255, 256, 1024, 1025, 16383, 16384, 16385, 70_000, 300_000, 1_200_000] {
    strings.append((0..<count).map { _ in UInt8(truncatingIfNeeded: generator.below(256)) })
    strings.append([UInt8](repeating: 120, count: count))
    strings.append((0..<count).map { UInt8(truncatingIfNeeded: $0 % 7 == 0 ? generator.below(3) : 97) })
  }
  return strings
}()

/// A file with its descriptor, which is gone when the block ends.
private func withFile<R>(_ bytes: [UInt8], _ body: (CInt) throws -> R) rethrows -> R {
  let file = unsafe tmpfile()!
  defer { unsafe fclose(file) }
  let descriptor = unsafe fileno(file)
  var rest = bytes[...]
  while !rest.isEmpty {
    rest = rest.dropFirst(unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) })
  }
  lseek(descriptor, 0, SEEK_SET)
  return try body(descriptor)
}

@Suite struct RDBCodecTests {
  @Test func checksumOfTheStandard() {
    #expect(withView(Array("123456789".utf8)) { CRC64.updating(0, $0) } == 0xe9c6_d914_c4b8_d9ca)
    // In pieces of whatever size it is the same.
    let bytes = (0..<100).map { UInt8($0) }
    let whole = withView(bytes) { CRC64.updating(0, $0) }
    for cut in bytes.indices {
      let first = withView(Array(bytes[..<cut])) { CRC64.updating(0, $0) }
      #expect(withView(Array(bytes[cut...])) { CRC64.updating(first, $0) } == whole)
    }
  }

  @Test func lengthForms() throws {
    let lengths: [(UInt64, [UInt8])] = [
      (0, [0]), (63, [63]), (64, [0x40, 64]), (16383, [0x7f, 0xff]), (16384, [0x80, 0, 0, 0x40, 0]),
      (1 << 32 - 1, [0x80, 0xff, 0xff, 0xff, 0xff]), (1 << 32, [0x81, 0, 0, 0, 1, 0, 0, 0, 0]),
      (.max, [0x81] + [UInt8](repeating: 0xff, count: 8)),
    ]
    for (length, form) in lengths {
      #expect(written { $0.length(length) } == form)
      let read = try withView(form) { view in
        var reader = RDBReader(view)
        return try reader.length()
      }
      #expect(read == length)
    }
    for first in UInt8(0x82)...0xff {
      #expect(throws: RDBError(fault: .length(first), offset: 0)) {
        try withView([first, 0, 0, 0, 0, 0, 0, 0, 0]) { view in
          var reader = RDBReader(view)
          _ = try reader.length()
        }
      }
    }
  }

  @Test func integerForms() {
    let forms: [(Int, [UInt8])] = [
      (0, [0xc0, 0]), (-1, [0xc0, 0xff]), (127, [0xc0, 0x7f]), (128, [0xc1, 0x80, 0]), (-129, [0xc1, 0x7f, 0xff]),
      (32768, [0xc2, 0, 0x80, 0, 0]), (Int(Int32.min), [0xc2, 0, 0, 0, 0x80]),
      (Int(Int32.max) + 1, [10] + Array("2147483648".utf8)), (Int.min, [20] + Array("-9223372036854775808".utf8)),
    ]
    for (value, form) in forms {
      #expect(written { $0.integer(value) } == form)
      #expect(written { writer in withView(Array(String(value).utf8)) { writer.string($0) } } == form)
    }
  }

  @Test(arguments: [true, false]) func stringsComeBack(compresses: Bool) throws {
    for string in strings {
      let bytes = written(RDBWriterOptions(compresses: compresses)) { writer in withView(string) { writer.string($0) } }
      if compresses && string.count > 200 && Set(string).count == 1 { #expect(bytes.count < string.count / 10) }
      #expect(try read(bytes, windowBytes: nil) == string)
      #expect(try read(bytes, windowBytes: 512) == string)
      #expect(try read(bytes, windowBytes: 1 << 20) == string)
    }
  }

  /// From memory, or from a file through a window of that size.
  private func read(_ bytes: [UInt8], windowBytes: Int?) throws -> [UInt8] {
    func take(_ reader: consuming RDBReader) throws -> [UInt8] {
      var reader = reader
      let header = try reader.stringHeader()
      let room = switch header {
      case .plain(let count), .compressed(_, let count): count
      case .integer: 20
      }
      var string = [UInt8](repeating: 0, count: room + 1)
      let count = try unsafe string.withUnsafeMutableBytes { try unsafe reader.string(header, to: $0.baseAddress!) }
      #expect(reader.remainingBytes == 0)
      if windowBytes != nil { #expect(reader.checksum() == withView(bytes) { CRC64.updating(0, $0) }) }
      return Array(string[..<count])
    }
    guard let windowBytes else { return try withView(bytes) { try take(RDBReader($0)) } }
    return try withFile(bytes) { descriptor in
      try take(RDBReader(descriptor: descriptor, byteCount: bytes.count, computesChecksum: true,
        windowBytes: windowBytes))
    }
  }

  @Test func hostileLengthsAllocateNothing() {
    let hostile: [[UInt8]] = [
      [0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x80, 0xff, 0xff, 0xff, 0xff], [5, 97], [0x40, 64],
      // Compressed: more bytes than are left; an expansion that no data can have; nothing at all.
      [0xc3, 0x40, 64, 10, 0], [0xc3, 1, 0x80, 0xff, 0xff, 0xff, 0xff, 0], [0xc3, 0, 0], [0xc3, 1, 0, 0],
      [0xc3, 2, 0x81, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0], [0xc4], [0xff],
    ]
    for bytes in hostile {
      #expect(throws: RDBError.self) {
        try withView(bytes) { view in
          var reader = RDBReader(view)
          _ = try reader.stringHeader()
        }
      }
    }
  }

  @Test func aFullDiskIsRemembered() {
    let buffer = unsafe Heap.allocate(1024)
    var writer = unsafe RDBWriter(Collected(roomBytes: 5000), RDBWriterOptions(), buffer: buffer, capacity: 1024)
    for _ in 0..<10_000 { writer.integer(100_000) }
    let code = writer.failure?.code
    #expect(code == ENOSPC)
    let count = writer.sink.bytes.count
    #expect(count <= 5000 && count > 3000)
  }
}
