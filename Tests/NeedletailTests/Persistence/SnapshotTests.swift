import Foundation
import Testing
@testable import Needletail

/// Whole snapshots: an engine's keyspace to a file and back through the loading thread.
@Suite struct SnapshotTests {
  private let directory: String

  init() {
    directory = NSTemporaryDirectory() + "needletail-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  private func makeServer(_ change: (inout Settings) -> Void = { _ in }) -> TestServer {
    var settings = Settings()
    settings.dbFilename = directory + "/dump.rdb"
    change(&settings)
    return TestServer(settings)
  }

  private enum Outcome: Equatable { case loaded, none, failed(RDBError) }

  private func load(_ server: TestServer) throws -> Outcome {
    try server.withEngine { engine in
      guard let loader = try engine.openSnapshot() else { return .none }
      defer { engine.endLoading(loader) }
      while true {
        switch loader.waitForNext() {
        case .batch(let batch):
          defer { loader.recycle(batch) }
          do throws(RDBError) {
            try engine.insert(batch)
          } catch {
            return .failed(error)
          }
        case .wait: continue
        case .finished: return .loaded
        case .failed(let error): return .failed(error)
        }
      }
    }
  }

  private func fill(_ server: TestServer, count: Int) {
    for number in 0..<count {
      server.run("SET", "key:\(number)", String(repeating: "v\(number)", count: number % 40), "PX", "\(1000 + number)")
    }
    server.run("SELECT", "9")
    for number in 0..<count { server.run("SET", "\(number)", "\(number * number)") }
    server.run("SET", "large", String(repeating: "0123456789abcdef", count: 10_000))
    server.run("SELECT", "0")
  }

  @Test func thereAndBack() throws {
    let count = 4000
    let first = makeServer()
    fill(first, count: count)
    #expect(first.run("SAVE") == .ok)
    let second = makeServer()
    #expect(try load(second) == .loaded)
    for server in [first, second] { #expect(server.run("DBSIZE") == .integer(count)) }
    for number in stride(from: 0, to: count, by: 7) {
      #expect(second.run("GET", "key:\(number)") == first.run("GET", "key:\(number)"))
      #expect(second.run("PTTL", "key:\(number)") == .integer(1000 + number))
      #expect(second.run("OBJECT", "ENCODING", "key:\(number)") == first.run("OBJECT", "ENCODING", "key:\(number)"))
    }
    first.run("SELECT", "9")
    second.run("SELECT", "9")
    #expect(second.run("DBSIZE") == .integer(count + 1))
    #expect(second.run("GET", "large") == first.run("GET", "large"))
    for number in stride(from: 0, to: count, by: 7) {
      #expect(second.run("GET", "\(number)") == .bulk("\(number * number)"))
    }
    // The expiry index knows them.
    second.advance(milliseconds: 10_000)
    second.withEngine { engine in while engine.keyspace.expireStep() {} }
    second.run("SELECT", "0")
    #expect(second.run("DBSIZE") == 0)
  }

  /// Hashes packed in the entry, in a unit of their own, and large; more batches than one.
  @Test func hashesThereAndBack() throws {
    func make() -> TestServer { makeServer { $0.debugCommand = .yes } }
    let first = make()
    func set(_ key: String, _ count: Int, _ value: String) {
      first.run((["HSET", key] + (0..<count).flatMap { ["f\($0)", "\(value)\($0)"] }).map { Array($0.utf8) })
    }
    for number in 0..<3000 { set("small:\(number)", 1 + number % 9, number % 2 == 0 ? "v" : "") }
    for count in [100, 511, 512, 513, 5_000] { set("many:\(count)", count, "value of ") }
    set("long", 3, String(repeating: "x", count: 70_000))
    set("kept", 300, "x")
    for number in 1..<300 { first.run("HDEL", "kept", "f\(number)") }
    first.run("PEXPIRE", "many:512", "5000")
    let digest = first.run("DEBUG", "DIGEST")
    #expect(first.run("SAVE") == .ok)
    let second = make()
    #expect(try load(second) == .loaded)
    #expect(second.run("DEBUG", "DIGEST") == digest)
    #expect(second.run("PTTL", "many:512") == 5000)
    for (key, encoding) in [
      ("small:0", "listpack"), ("many:100", "listpack"), ("many:512", "listpack"), ("many:513", "hashtable"),
      ("long", "hashtable"),
    ] as [(String, Reply)] {
      #expect(second.run("OBJECT", "ENCODING", key) == encoding, "\(key)")
      #expect(second.run("HLEN", key) == first.run("HLEN", key))
    }
    // By the settings of the server that loads.
    let third = makeServer {
      $0.debugCommand = .yes
      $0.collections.hashEntries = 0
    }
    #expect(try load(third) == .loaded)
    #expect(third.run("DEBUG", "DIGEST") == digest)
    #expect(third.run("OBJECT", "ENCODING", "small:0") == "hashtable")
    // Loaded by the other thread, changed and removed by this one.
    for server in [second, third] {
      server.expect([
        ("HSET many:5000 f1 new", 0), ("HDEL many:5000 f2", 1), ("HLEN many:5000", 4999), ("HSET small:0 g 1", 1),
        ("DEL many:5000 many:513 long", 3), ("HGET small:0 f0", "v0"), ("DEBUG RELOAD", .ok), ("HGET small:0 g", "1"),
      ])
    }
  }

  @Test func noFile() throws {
    let server = makeServer()
    #expect(try load(server) == .none)
    let isLoading = server.withEngine { $0.isLoading }
    #expect(!isLoading)
  }

  @Test func expiredKeysArePassedOver() throws {
    let first = makeServer()
    fill(first, count: 1000)
    first.run("SAVE")
    let second = makeServer()
    second.advance(milliseconds: 1501)
    #expect(try load(second) == .loaded)
    #expect(second.run("DBSIZE") == 499)
    let state = second.withEngine { $0.persistence }
    #expect(state.lastLoadKeysExpired == 501)
    #expect(state.lastLoadKeysLoaded == 499 + 1001)
    #expect(state.loading == nil)
  }

  @Test func damageInTheMiddle() throws {
    let first = makeServer()
    fill(first, count: 3000)
    first.run("SAVE")
    let path = directory + "/dump.rdb"
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let place = bytes.count / 2
    bytes[place] ^= 0xff
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    guard case .failed(let error) = try load(makeServer()) else {
      Issue.record("damage went unnoticed")
      return
    }
    #expect(error.offset <= bytes.count)
  }

  @Test func aKeyTwice() throws {
    let key: [UInt8] = [0, 1, 97, 1, 98]
    let bytes = Array("REDIS0009".utf8) + [RDBOpcode.select, 0] + key + key + [RDBOpcode.end]
      + [UInt8](repeating: 0, count: 8)
    try Data(bytes).write(to: URL(fileURLWithPath: directory + "/dump.rdb"))
    #expect(try load(makeServer()) == .failed(RDBError(fault: .duplicateKey, offset: 16)))
  }

  /// The queue is full and the thread waits when the loop has had enough.
  @Test func calledOff() throws {
    let first = makeServer()
    fill(first, count: 10_000)
    first.run("SAVE")
    let second = makeServer()
    try second.withEngine { engine in
      let loader = try #require(try engine.openSnapshot())
      if case .batch(let batch) = loader.waitForNext() {
        try engine.insert(batch)
        loader.recycle(batch)
      }
      let isLoading = engine.isLoading
      #expect(isLoading)
      engine.endLoading(loader)
      let stillLoading = engine.isLoading
      #expect(!stillLoading)
    }
  }

  @Test func aHintThatIsWrong() throws {
    let key: [UInt8] = [0, 1, 97, 1, 98]
    let hints: [[UInt8]] = [[0, 0], [0x80, 255, 255, 255, 255, 0], [0x81] + [UInt8](repeating: 255, count: 8) + [0]]
    for hint in hints {
      let bytes = Array("REDIS0009".utf8) + [RDBOpcode.select, 0, RDBOpcode.resize] + hint + key + [RDBOpcode.end]
        + [UInt8](repeating: 0, count: 8)
      try Data(bytes).write(to: URL(fileURLWithPath: directory + "/dump.rdb"))
      let server = makeServer()
      #expect(try load(server) == .loaded)
      #expect(server.run("DBSIZE") == 1)
    }
  }

  @Test func versionByFeatures() throws {
    func version(_ policy: EvictionPolicy) throws -> String {
      let server = makeServer { $0.evictionPolicy = policy }
      server.run("SET", "k", "v")
      server.run("SAVE")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: directory + "/dump.rdb"))
      return String(decoding: bytes.prefix(9), as: UTF8.self)
    }
    #expect(try version(.noEviction) == "REDIS0007")
    #expect(try version(.volatileTTL) == "REDIS0007")
    #expect(try version(.allKeysLRU) == "REDIS0009")
    #expect(try version(.volatileLFU) == "REDIS0009")
  }

  @Test func failureLeavesTheOldFile() throws {
    let server = makeServer()
    server.run("SET", "k", "v")
    #expect(server.run("SAVE") == .ok)
    let path = directory + "/dump.rdb"
    let old = try Data(contentsOf: URL(fileURLWithPath: path))
    server.run("SET", "k", "w")
    let changes = server.withEngine { $0.keyspace.effects.dirty - $0.persistence.dirtyAtSave }
    #expect(changes == 1)
    server.withEngine { $0.settings.dbFilename = directory + "/missing/dump.rdb" }
    #expect(server.run("SAVE") == .error("ERR"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == old)
    let changesLeft = server.withEngine { $0.keyspace.effects.dirty - $0.persistence.dirtyAtSave }
    #expect(changesLeft == 1)
  }

  @Test func debugReload() throws {
    let server = makeServer { $0.debugCommand = .yes }
    fill(server, count: 2000)
    let digest = server.run("DEBUG", "DIGEST")
    #expect(server.run("DEBUG", "RELOAD") == .ok)
    #expect(server.run("DEBUG", "DIGEST") == digest)
    #expect(server.run("PTTL", "key:7") == 1007)
    server.run("SET", "new", "1")
    #expect(server.run("DEBUG", "RELOAD", "nosave") == .ok)
    #expect(server.run("DEBUG", "DIGEST") == digest)
    #expect(
      server.run("DEBUG", "RELOAD", "x")
        == .error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."))
    try FileManager.default.removeItem(atPath: directory + "/dump.rdb")
    #expect(
      server.run("DEBUG", "RELOAD", "NOSAVE") == .error("ERR Error trying to load the RDB dump, check server logs."))
    #expect(server.run("DBSIZE") == 0)
    let isLoading = server.withEngine { $0.isLoading }
    #expect(!isLoading)
  }
}
