import Foundation
import Testing
@testable import Needletail

/// Payloads of collections, in every form that servers have given them, that somebody has tampered with: RESTORE
/// refuses them or makes a key that is sound, of which every command can be asked. The address sanitizer watches; the
/// long form makes five million of them.
@Suite struct RestoreMutationTests {
  @Test func payloads() {
    let count = isLongRun ? 5_000_000 : 6_000
    var random = SeededGenerator.fresh()
    let server = TestServer()
    let originals = Self.originals(server)
    var restored: [ValueType: Int] = [:]
    var refused = 0
    for number in 0..<count {
      let original = originals[random.below(originals.count)]
      let payload = Self.sealed(RDBMutationTests.mutated(original, &random))
      let reply = server.run([Array("RESTORE".utf8), Array("k".utf8), [48], payload, Array("REPLACE".utf8)])
      guard reply == .ok else {
        refused += 1
        if reply != .error("ERR Bad data format") && reply != .error("ERR DUMP payload version or checksum are wrong") {
          Issue.record("seed \(random.seed), number \(number): \(reply)")
        }
        continue
      }
      if let fault = Self.check(server, &random, &restored) {
        Issue.record("seed \(random.seed), number \(number): \(fault)")
      }
    }
    for type in [ValueType.list, .set, .hash, .sortedSet] {
      #expect(restored[type, default: 0] > count / 200, "\(restored)")
    }
    #expect(refused > count / 10, "\(refused)")
    if isLongRun { print("RESTORE: \(count) payloads, \(refused) refused, restored \(restored)") }
  }

  /// Looks at all of the key, and changes it at both ends.
  private static func check(_ server: TestServer, _ random: inout SeededGenerator, _ restored: inout [ValueType: Int])
    -> String?
  {
    let facts = server.withEngine { engine -> (type: ValueType, length: Int)? in
      _ = engine.keyspace.digest()
      var facts: (type: ValueType, length: Int)?
      engine.keyspace.forEachEntry(database: 0) { facts = ($0.type, $0.length) }
      return facts
    }
    guard let (type, length) = facts else { return "restored, and not there" }
    restored[type, default: 0] += 1
    func run(_ requests: [String]) { for request in requests { server.send(request) } }
    let elements: Reply
    let width: Int
    switch type {
    case .list: (elements, width) = (server.send("LRANGE k 0 -1"), 1)
    case .set: (elements, width) = (server.send("SMEMBERS k"), 1)
    case .hash: (elements, width) = (server.send("HGETALL k"), 2)
    case .sortedSet: (elements, width) = (server.send("ZRANGE k 0 -1 WITHSCORES"), 2)
    case .string, .stream: return nil
    }
    guard elements.elements?.count == length * width, length > 0 else {
      return "\(length) elements, \(elements.elements?.count ?? -1) told"
    }
    // What is read is right; that changes of it are, is seen often enough by some.
    guard random.below(4) == 0 else { return nil }
    let change = random.below(3)
    switch type {
    case .list:
      run([["LPUSH k new", "RPUSH k 17"], ["LPOP k", "RPOP k"],
        ["LSET k -1 other", "LINSERT k BEFORE other 300", "LREM k 0 300"]][change])
    case .set: run([["SADD k new 17 -70000"], ["SPOP k"], ["SREM k a 1", "SINTERSTORE k2 k k", "DEL k2"]][change])
    case .hash: run([["HSET k new 17 1 x"], ["HDEL k a 1", "HRANDFIELD k"], ["HINCRBY k n 5", "HSCAN k 0"]][change])
    default:
      run([["ZADD k 17 new 1e300 1"], ["ZPOPMIN k", "ZPOPMAX k"],
        ["ZINCRBY k 2 a", "ZREMRANGEBYRANK k 0 0", "ZRANGEBYSCORE k -inf 5"]][change])
    }
    run(["OBJECT ENCODING k", "COPY k k2 REPLACE", "DEL k2"])
    let digests = server.withEngine { $0.keyspace.digest() }
    server.send("DUMP k")
    return digests == Digest() && server.send("EXISTS k") == 1 ? "there, and without a digest" : nil
  }

  private static func sealed(_ body: [UInt8]) -> [UInt8] {
    let sum = withView(body) { CRC64.updating(0, $0) }
    return body + (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
  }

  // MARK: What is tampered with

  /// Bodies with their version behind them: Redis's, our own, and forms that only old servers wrote. Long ones would
  /// cost most of the time and are not more telling.
  private static func originals(_ server: TestServer) -> [[UInt8]] {
    let theirs = CollectionPayload.all.map { $0.body + [12, 0] }
    let ours = [
      "RPUSH v 1 two 3 four", "RPUSH v a", "SADD v 1 2 70000", "SADD v a b 3", "HSET v f v g 12",
      "ZADD v 1 a 2.5 b inf c",
    ].map { line in
      server.send("DEL v")
      server.send(line)
      guard case .bytes(let payload) = server.send("DUMP v") else { preconditionFailure("no payload") }
      return Array(payload.dropLast(8))
    }
    server.send("DEL v")
    func string(_ bytes: [UInt8]) -> [UInt8] {
      bytes.count < 64 ? [UInt8(bytes.count)] + bytes : [0x40 | UInt8(bytes.count >> 8), UInt8(bytes.count & 255)]
        + bytes
    }
    let texts = ["a", "field", "value of it", "12x"].map { Blobs.ziplistCode(Array($0.utf8)) }
    let numbers = [7, -3, 300, 70_000].map { Blobs.ziplistCode($0) }
    let ziplist = string(Blobs.ziplist(texts + numbers))
    let scored = string(Blobs.ziplist([texts[0], numbers[1], texts[1], numbers[0], texts[2], numbers[2]]))
    let zipmap = string(Blobs.zipmap([(Array("f".utf8), Array("v".utf8), []),
      (Array("gg".utf8), Array("ww".utf8), [0, 0])]))
    let old: [[UInt8]] = [
      [RDBType.listZiplist] + ziplist, [RDBType.hashZiplist] + ziplist, [RDBType.sortedSetZiplist] + scored,
      [RDBType.hashZipmap] + zipmap, [RDBType.listOfZiplists, 2] + ziplist + ziplist,
      [RDBType.setIntset] + string(Blobs.intset([-5, 3, 70_000], integerBytes: 4)),
      [RDBType.sortedSetWithText, 3, 1, 97, 3] + Array("1.5".utf8) + [1, 98, 254, 1, 99, 255],
    ].map { $0 + [9, 0] }
    return (theirs + ours + old).filter { $0.count < 700 }
  }
}
