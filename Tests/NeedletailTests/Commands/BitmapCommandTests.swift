import Testing
@testable import Needletail

/// Commands on bits beside arrays of bits, whatever form the string has. (What single commands answer is compared with
/// Redis in Integration.)
@Suite struct BitmapCommandTests {
  private static let keys = ["a", "b", "c"]

  /// Random commands and a naive model. Now and then the keyspace is frozen: what the view holds is copied first, which
  /// debug builds check at the thaw.
  @Test func besideAModel() {
    var random = SeededGenerator.fresh()
    var settings = Settings()
    settings.debugCommand = .yes
    let server = TestServer(settings)
    var model: [String: [UInt8]] = [:]
    for step in 0..<(isLongRun ? 60_000 : 4_000) {
      let key = Self.keys[random.below(3)]
      let value = model[key] ?? []
      // Within an entry, a unit of its own, far behind the end.
      let limit = [100, 800, 9_000, 200_000][random.below(4)]
      switch random.below(9) {
      case 0:
        let number = random.below(100_000)
        model[key] = random.chance(50) ? Array("\(number)".utf8) : bytes(random.below(limit / 8), from: UInt8(number % 200))
        #expect(server.run([Array("SET".utf8), Array(key.utf8), model[key]!]) == .ok)
      case 1, 2, 3:
        let (place, bit) = (random.below(limit), random.below(2))
        var new = value
        if new.count <= place / 8 { new += Array(repeating: 0, count: place / 8 + 1 - new.count) }
        let mask: UInt8 = 128 >> UInt8(place % 8)
        let old = new[place / 8] & mask == 0 ? 0 : 1
        new[place / 8] = bit == 1 ? new[place / 8] | mask : new[place / 8] & ~mask
        model[key] = new
        #expect(server.run("SETBIT", key, "\(place)", "\(bit)") == .integer(old))
        #expect(server.run("GETBIT", key, "\(place)") == .integer(bit))
      case 4:
        #expect(server.run("BITCOUNT", key) == .integer(value.reduce(0) { $0 + $1.nonzeroBitCount }))
      case 5:
        let place = random.below(limit)
        let old = place / 8 < value.count ? value[place / 8] >> UInt8(7 - place % 8) & 1 : 0
        #expect(server.run("BITFIELD_RO", key, "GET", "u1", "\(place)") == [.integer(Int(old))])
      case 6:
        let place = random.below(limit / 16) * 2
        let number = random.below(65_536)
        var new = value
        if new.count < place + 2 { new += Array(repeating: 0, count: place + 2 - new.count) }
        let old = Int(new[place]) << 8 | Int(new[place + 1])
        (new[place], new[place + 1]) = (UInt8(number >> 8), UInt8(number & 255))
        model[key] = new
        #expect(server.run("BITFIELD", key, "SET", "u16", "\(place * 8)", "\(number)") == [.integer(old)])
      case 7:
        let operation = BitOperation.allCases[random.below(BitOperation.allCases.count)]
        let sources = operation == .not ? [key] : [key, Self.keys[random.below(3)], Self.keys[random.below(3)]]
        let target = Self.keys[random.below(3)]
        let result = operation.combined(sources.map { model[$0] ?? [] })
        model[target] = result.isEmpty ? nil : result
        let request = (["BITOP", "\(operation)", target] + sources).map { Array($0.utf8) }
        #expect(server.run(request) == .integer(result.count))
      default:
        server.run("DEBUG", random.chance(60) ? "FREEZE" : "FREEZE-CANCEL")
        server.run("DEBUG", "FREEZE-STEP", "2")
      }
      let present: Reply = model[key].map { .bytes($0) } ?? .null
      if server.run("GET", key) != present {
        Issue.record("seed \(random.seed): step \(step)")
        return
      }
    }
  }

  @Test func limits() {
    let server = StringRangeTests.limited(to: 1 << 20)
    let tooFar = Reply.error("ERR bit offset is not an integer or out of range")
    server.expect([
      ("SETBIT k 8388606 1", 0), ("SETBIT k 8388607 1", 0), ("SETBIT k 8388608 1", tooFar), ("STRLEN k", 1_048_576),
      ("GETBIT k 8388607", 1), ("GETBIT k 8388608", tooFar), ("BITPOS k 1", 8_388_606), ("BITCOUNT k", 2),
      ("BITFIELD k GET u8 8388608", tooFar), ("BITFIELD k GET u8 #1048576", tooFar), ("BITFIELD k GET u8 #1048575", [3]),
    ])
    // Whatever the setting allows, strings end at 2^47 bytes.
    let endless = StringRangeTests.limited(to: Int.max)
    let bitCount = 1 << 50
    for offset in [Int.max, Int.max - 1, bitCount + 1, bitCount] {
      endless.expect([
        ("SETBIT k \(offset) 1", tooFar), ("GETBIT k \(offset)", tooFar), ("BITFIELD k GET i64 \(offset)", tooFar),
        ("BITFIELD k SET i64 \(offset) 1", tooFar), ("BITFIELD k SET i64 #\(offset) 1", tooFar),
      ])
    }
    endless.expect([("GETBIT k \(bitCount - 1)", 0), ("BITFIELD k GET i64 \(bitCount - 1)", [0]), ("EXISTS k", 0)])
  }

  /// Redis keeps no integer of a string whose bits were touched.
  @Test func encodings() {
    let server = TestServer()
    server.expect([
      ("SET n 12345", .ok), ("GETBIT n 2", 1), ("BITCOUNT n", 17), ("OBJECT ENCODING n", "int"), ("SETBIT n 7 0", 1),
      ("GET n", "02345"), ("OBJECT ENCODING n", "raw"), ("SET e v EX 100", .ok), ("SETBIT e 7 1", 0), ("GET e", "w"),
      ("TTL e", 100), ("BITOP NOT e e", 1), ("TTL e", -1), ("SET i 1", .ok), ("BITOP AND j i i", 1),
      ("OBJECT ENCODING j", "raw"), ("GET j", "1"),
    ])
  }

  /// What COMMAND GETKEYSANDFLAGS tells of BITFIELD depends on its subcommands.
  @Test func fieldsThatAreOnlyRead() {
    let server = TestServer()
    func flags(_ words: String...) -> [String]? {
      let request = (["COMMAND", "GETKEYSANDFLAGS", "BITFIELD", "k"] + words).map { Array($0.utf8) }
      return server.run(request)[0]?[1]?.elements?.compactMap(\.text)
    }
    #expect(flags() == ["RO", "access"])
    #expect(flags("GET", "u8", "0", "get", "u8", "8") == ["RO", "access"])
    #expect(flags("GET", "u8", "0", "SET", "u8", "8", "1") == ["RW", "access", "update"])
    #expect(flags("OVERFLOW", "SAT", "GET", "u8", "0") == ["RO", "access"])
    #expect(flags("nosuch") == ["RW", "access", "update"])
  }
}
