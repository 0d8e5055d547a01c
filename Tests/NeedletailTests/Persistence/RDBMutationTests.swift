import Foundation
import Testing
@testable import Needletail

/// Snapshot files and DUMP payloads that somebody has tampered with: whatever they say, nothing may happen but an error
/// or other contents. The address sanitizer watches; the long form makes two million of them.
@Suite struct RDBMutationTests {
  private let count = isLongRun ? 1_000_000 : 2_000

  /// Whole files, decoded and inserted as the loader does it.
  @Test func files() {
    var random = SeededGenerator.fresh()
    let server = TestServer()
    let originals = Self.originals()
    var outcomes = (loaded: 0, refused: 0)
    for number in 0..<count {
      let bytes = Self.mutated(originals[random.below(originals.count)], &random)
      let isLoaded = withView(bytes) { view in server.withEngine { Self.load(view, &$0) } }
      if isLoaded { outcomes.loaded += 1 } else { outcomes.refused += 1 }
      server.withEngine { Self.readAndForget(&$0, reads: number % 10 == 0) }
    }
    // Both happen, or the test would show nothing.
    #expect(outcomes.loaded > count / 100 && outcomes.refused > count / 100, "\(outcomes)")
  }

  /// Through the loading thread, from a real file.
  @Test func filesOnDisk() throws {
    var random = SeededGenerator.fresh()
    let directory = NSTemporaryDirectory() + "needletail-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var settings = Settings()
    settings.dbFilename = directory + "/dump.rdb"
    settings.rdbChecksum = false
    let server = TestServer(settings)
    let originals = Self.originals()
    for _ in 0..<count / 50 {
      try Data(Self.mutated(originals[random.below(originals.count)], &random))
        .write(to: URL(fileURLWithPath: settings.dbFilename))
      server.withEngine { engine in
        _ = engine.loadSnapshot()
        Self.readAndForget(&engine, reads: true)
      }
    }
  }

  /// Payloads with the right checksum, so that what they hold is looked at.
  @Test func payloads() {
    var random = SeededGenerator.fresh()
    let server = TestServer()
    func payload() -> [UInt8] {
      guard case .bytes(let payload) = server.run("DUMP", "k") else { return [] }
      return Array(payload.dropLast(8))
    }
    let strings = Self.values.map { value in
      server.run([Array("SET".utf8), Array("k".utf8), value])
      return payload()
    }
    let hashes = (1...4).map { size in
      server.run("DEL", "k")
      server.run(Self.makeHash("k", size))
      return payload()
    }
    let originals = strings + hashes
    var outcomes = (restored: 0, refused: 0)
    for _ in 0..<count {
      var bytes = Self.mutated(originals[random.below(originals.count)], &random)
      var sum = withView(bytes) { CRC64.updating(0, $0) }
      for _ in 0..<8 {
        bytes.append(UInt8(truncatingIfNeeded: sum))
        sum >>= 8
      }
      let reply = server.run([Array("RESTORE".utf8), Array("k".utf8), [48], bytes, Array("REPLACE".utf8)])
      if reply == .ok {
        outcomes.restored += 1
        // Of whichever type it has become.
        if server.run("EXISTS", "k") == 1, server.withEngine({ engine in engine.keyspace.digest() != Digest() }) {
          continue
        }
        Issue.record("seed \(random.seed): restored, and not there")
      } else {
        outcomes.refused += 1
      }
    }
    #expect(outcomes.restored > count / 100 && outcomes.refused > count / 100, "\(outcomes)")
  }

  // MARK: What is tampered with

  private static let values: [[UInt8]] = [
    [], Array("a".utf8), Array("12".utf8), Array("-129".utf8), Array("70000".utf8), Array("12345678901".utf8),
    bytes(63), bytes(64),
    [UInt8](repeating: 120, count: 300), Array(repeating: Array("abcdefgh1234".utf8), count: 30).flatMap { $0 },
    bytes(400),
  ]

  /// The request for a hash of a few fields; the largest one is not packed.
  private static func makeHash(_ key: String, _ size: Int) -> [[UInt8]] {
    let pairs = values.prefix(3 * size).enumerated().flatMap { [Array("f\($0.offset)".utf8), $0.element] }
    return [Array("HSET".utf8), Array(key.utf8)] + pairs
  }

  /// Files with several databases, expiries, idle times and frequencies.
  private static func originals() -> [[UInt8]] {
    [EvictionPolicy.noEviction, .allKeysLRU, .allKeysLFU].map { policy in
      var settings = Settings()
      settings.evictionPolicy = policy
      let server = TestServer(settings)
      for (number, value) in values.enumerated() {
        server.run("SELECT", "\(number % 3)")
        server.run([Array("SET".utf8), Array("key:\(number)".utf8), value])
        if number % 2 == 0 { server.run("PEXPIREAT", "key:\(number)", "\(2_000_000_000_000 + number << 33)") }
      }
      for size in 1...4 { server.run(makeHash("hash:\(size)", size)) }
      return server.withEngine { engine in
        let options = engine.snapshotOptions
        var writer = RDBWriter(Collected(), options)
        writer.header(engine.snapshotFeatures(options), engine.snapshotFields)
        for database in 0..<3 {
          writer.database(database, keyCount: engine.keyspace.count(database: database),
            expiresCount: engine.keyspace.expiresCount(database: database))
          engine.keyspace.forEachEntry(database: database) { writer.wholeEntry($0) }
        }
        writer.end()
        return writer.sink.bytes
      }
    }
  }

  /// - Parameter reads: whatever got in.
  private static func readAndForget(_ engine: inout Engine, reads: Bool) {
    if reads { _ = engine.keyspace.digest() }
    for database in 0..<engine.keyspace.databaseCount where engine.keyspace.count(database: database) > 0 {
      engine.keyspace.flush(database: database)
    }
  }

  private struct Collected: RDBSink {
    var bytes: [UInt8] = []
    mutating func write(_ view: ByteView) { bytes += view.array }
  }

  /// One to eight changes: bits, bytes that mean something, parts that are doubled, moved or missing.
  static func mutated(_ original: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    let telling: [UInt8] = [
      0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0x82, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xf4, 0xf5, 0xf8, 0xf9, 0xfa, 0xfb,
        0xfc,
      0xfd, 0xfe, 0xff,
    ]
    var bytes = original
    for _ in 0...random.below(8) {
      guard !bytes.isEmpty else { return bytes }
      // The first bytes say what it is; most attempts leave that be.
      let first = bytes.count > 20 && random.chance(95) ? 9 : 0
      let place = first + random.below(bytes.count - first)
      let length = min(random.below(12), bytes.count - place)
      switch random.below(8) {
      case 0: bytes[place] ^= 1 << UInt8(random.below(8))
      case 1: bytes[place] = UInt8(random.below(256))
      case 2, 3: bytes[place] = telling[random.below(telling.count)]
      case 4: bytes.insert(telling[random.below(telling.count)], at: place)
      case 5: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
      case 6: bytes.removeSubrange(place..<place + length)
      default: if random.chance(20) { bytes.removeSubrange(place...) } else { bytes[place] &+= 1 }
      }
    }
    return bytes
  }

  /// - Returns: false when it was refused; what came before the fault is in the keyspace then.
  private static func load(_ bytes: ByteView, _ engine: inout Engine) -> Bool {
    let options = RDBDecoderOptions(seed: engine.keyspace.seed, tag: engine.keyspace.context.units.currentTag,
      clock: engine.keyspace.clock, limits: engine.keyspace.limits, freer: engine.keyspace.context.units.freer,
      nowMilliseconds: engine.keyspace.nowMilliseconds, databaseCount: engine.keyspace.databaseCount,
      verifiesChecksum: false)
    var decoder = RDBDecoder(RDBReader(bytes), options)
    var database = 0
    do {
      try decoder.header()
      while true {
        switch try decoder.next() {
        case .database(let number): database = number
        case .entry(let entry):
          guard engine.keyspace.insert(entry, database: database) else {
            entry.free(tag: options.tag, options.freer.limbo)
            return false
          }
        case .end: return true
        case .auxiliary, .sizes, .expiredKey: break
        }
      }
    } catch {
      return false
    }
  }
}
