import Testing
@testable import Needletail

/// Collects what the engine tells of its writes.
final class EffectRecorder: EffectObserver {
  var effects: [Effect] = []
  var commands: [(arguments: [[UInt8]], database: Int)] = []
  func keyChanged(_ effect: Effect) { effects.append(effect) }
  func commandRan(_ arguments: [[UInt8]], database: Int) { commands.append((arguments, database)) }

  /// "set k 0>1, expire k 1>1 | SET k v PXAT 5", and empties itself.
  func take() -> String {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    let told = effects.map { "\($0.event) \(text($0.key)) \($0.lengthBefore)>\($0.lengthAfter)" }
    let ran = commands.map { $0.arguments.map(text).joined(separator: " ") }
    effects = []
    commands = []
    return told.isEmpty && ran.isEmpty ? "" : told.joined(separator: ", ") + " | " + ran.joined(separator: ", ")
  }
}

@Suite struct EffectTests {
  static let start = 1_700_000_000_000

  /// Each request's events, with lengths before and after, and what reproduces it.
  @Test func whatIsTold() {
    let server = TestServer(nowMilliseconds: Self.start)
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    for (request, expected) in [
      ("SET k v", "set k -1>1 | SET k v"), ("SET k ww NX", ""), ("SET k ww XX", "set k 1>2 | SET k ww XX"),
      ("GET k", ""), ("SET k x GET", "set k 2>1 | SET k x"), ("SET k y KEEPTTL GET", "set k 1>1 | SET k y KEEPTTL"),
      ("SET k v EX 10", "set k 1>1, expire k 1>1 | SET k v PXAT 1700000010000"),
      ("SET k v PXAT 1700000010000", "set k 1>1, expire k 1>1 | SET k v PXAT 1700000010000"),
      ("SETEX k 20 abc", "set k 1>3, expire k 3>3 | SET k abc PXAT 1700000020000"),
      ("PSETEX k 20 abc", "set k 3>3, expire k 3>3 | SET k abc PXAT 1700000000020"),
      ("SETNX k v", ""), ("SETNX n 12", "set n -1>2 | SETNX n 12"), ("INCR n", "incrby n 2>2 | INCR n"),
      ("INCRBY n 100", "incrby n 2>3 | INCRBY n 100"), ("DECR n", "incrby n 3>3 | DECR n"),
      ("INCRBYFLOAT n 0.5", "incrbyfloat n 3>5 | SET n 112.5 KEEPTTL"), ("INCR n", ""),
      ("GETSET k ''", "set k 3>0 | SET k "), ("APPEND k abc", "append k 0>3 | APPEND k abc"),
      ("APPEND k ''", "append k 3>3 | APPEND k "), ("APPEND new x", "append new -1>1 | APPEND new x"),
      ("SETRANGE k 5 z", "setrange k 3>6 | SETRANGE k 5 z"), ("SETRANGE k 5 ''", ""), ("STRLEN k", ""),
      ("GETEX k", ""), ("GETEX k PERSIST", ""), ("GETEX k EX 5", "expire k 6>6 | PEXPIREAT k 1700000005000"),
      ("GETEX k PERSIST", "persist k 6>6 | PERSIST k"), ("GETEX k PXAT 1", "del k 6>-1 | DEL k"),
      ("GETDEL k", ""), ("GETDEL n", "del n 5>-1 | DEL n"),
      ("MSET a 1 b 22", "set a -1>1, set b -1>2 | MSET a 1 b 22"), ("MSETNX a 1 c 2", ""),
      ("MSETNX c 1 d 2", "set c -1>1, set d -1>1 | MSETNX c 1 d 2"), ("EXPIRE none 10", ""),
      ("EXPIRE a 10", "expire a 1>1 | PEXPIREAT a 1700000010000"), ("EXPIRE a 5 GT", ""),
      ("PEXPIRE a 5 LT", "expire a 1>1 | PEXPIREAT a 1700000000005"),
      ("EXPIREAT a 1700000007", "expire a 1>1 | PEXPIREAT a 1700000007000"), ("PERSIST a", "persist a 1>1 | PERSIST a"),
      ("PERSIST a", ""), ("EXPIRE a 0", "del a 1>-1 | DEL a"), ("PEXPIREAT b 1", "del b 2>-1 | DEL b"),
      ("DEL none", ""), ("DEL c none d", "del c 1>-1, del d 1>-1 | DEL c none d"),
      ("UNLINK new", "del new 1>-1 | UNLINK new"),
      ("TOUCH k", ""), ("KEYS *", ""), ("SCAN 0", ""),
      ("SET s a IFEQ x", ""), ("SET s a IFNE x", "set s -1>1 | SET s a"), ("SET s bb IFEQ a", "set s 1>2 | SET s bb"),
      ("SET s b IFNE x KEEPTTL", "set s 2>1 | SET s b KEEPTTL"),
      ("SET s b IFEQ b EX 5", "set s 1>1, expire s 1>1 | SET s b PXAT 1700000005000"), ("DIGEST s", ""),
      ("DELEX s IFEQ x", ""), ("DELEX s IFEQ b", "del s 1>-1 | DEL s"), ("DELEX s", ""),
      ("SET s b", "set s -1>1 | SET s b"), ("DELEX s", "del s 1>-1 | DEL s"),
      ("SET s b", "set s -1>1 | SET s b"), ("DELIFEQ s x", ""), ("DELIFEQ s b", "del s 1>-1 | DEL s"),
      ("MSETEX 1 m v XX", ""),
      ("MSETEX 2 m v n ww NX", "set m -1>1, set n -1>2 | MSET m v n ww"),
      ("MSETEX 1 m x KEEPTTL XX", "set m 1>1 | MSETEX 1 m x KEEPTTL"),
      ("MSETEX 2 m v n w EX 5",
        "set m 1>1, expire m 1>1, set n 2>1, expire n 1>1 | MSETEX 2 m v n w PXAT 1700000005000"),
      ("INCREX i", "incrby i -1>1 | SET i 1 KEEPTTL"), ("INCREX i BYINT 9 UBOUND 5", ""),
      ("INCREX i BYINT 99 UBOUND 10 SATURATE", "incrby i 1>2 | SET i 10 KEEPTTL"),
      ("INCREX i BYFLOAT 0.5", "incrbyfloat i 2>4 | SET i 10.5 KEEPTTL"),
      ("INCREX i BYFLOAT 0.5 EX 5", "incrbyfloat i 4>2, expire i 2>2 | SET i 11 PXAT 1700000005000"),
      ("INCREX i EX 9 ENX", "incrby i 2>2 | SET i 12 KEEPTTL"),
      ("INCREX i PERSIST", "incrby i 2>2, persist i 2>2 | SET i 13"),
      ("INCREX i PERSIST", "incrby i 2>2 | SET i 14 KEEPTTL"), ("INCREX i NX", ""),
      ("INCREX i PX 9 ENX", "incrby i 2>2, expire i 2>2 | SET i 15 PXAT 1700000000009"),
      ("INCREX i EXAT 1", "del i 2>-1 | DEL i"), ("INCREX i EXAT 1", ""),
      ("SETBIT v 9 0", "setbit v -1>2 | SETBIT v 9 0"), ("SETBIT v 9 0", ""), ("SETBIT v 9 1", "setbit v 2>2 | SETBIT v 9 1"),
      ("GETBIT v 9", ""), ("BITCOUNT v", ""), ("BITPOS v 1", ""), ("BITFIELD v GET u8 0", ""), ("BITFIELD v SET u8 0 0", ""),
      ("BITFIELD v SET u8 16 1 GET u8 0", "setbit v 2>3 | BITFIELD v SET u8 16 1 GET u8 0"),
      ("BITFIELD v OVERFLOW FAIL INCRBY u8 16 255", ""), ("BITFIELD_RO v GET u8 0", ""),
      ("BITOP NOT w v", "set w -1>3 | BITOP NOT w v"), ("BITOP AND w none", "del w 3>-1 | BITOP AND w none"),
      ("BITOP AND w none", ""), ("DEL v", "del v 3>-1 | DEL v"),
      ("SET r abc", "set r -1>3 | SET r abc"), ("RENAME none r", ""), ("RENAME r r", ""), ("RENAMENX r r", ""),
      ("RENAME r s", "rename_from r 3>-1, rename_to s -1>3 | RENAME r s"), ("SET r ab", "set r -1>2 | SET r ab"),
      ("RENAMENX r s", ""), ("RENAME r s", "rename_from r 2>-1, rename_to s 3>2 | RENAME r s"),
      ("RENAMENX s r", "rename_from s 2>-1, rename_to r -1>2 | RENAMENX s r"), ("COPY none s", ""),
      ("COPY r s", "copy_to s -1>2 | COPY r s"), ("COPY r s", ""), ("SET r abc", "set r 2>3 | SET r abc"),
      ("COPY r s REPLACE", "copy_to s 2>3 | COPY r s REPLACE"), ("COPY r r DB 3", "copy_to r -1>3 | COPY r r DB 3"),
      ("MOVE none 1", ""), ("MOVE r 3", ""), ("MOVE r 1", "move_from r 3>-1, move_to r -1>3 | MOVE r 1"),
      ("SWAPDB 0 1", " | SWAPDB 0 1"), ("SWAPDB 1 1", " | SWAPDB 1 1"), ("GET r", ""), ("MEMORY USAGE r", ""),
    ] {
      server.send(request)
      let told = recorder.take()
      #expect(told == expected, "\(request)")
    }
  }

  @Test(arguments: [128, 0]) func whatIsToldOfSortedSets(_ maxEntries: Int) {
    var settings = Settings()
    settings.collections.sortedSetEntries = maxEntries
    let server = TestServer(settings, nowMilliseconds: Self.start)
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    for (request, expected, changes) in [
      ("ZADD z 1 a", "zadd z -1>1 | ZADD z 1 a", 1), ("ZADD z 1 a", "", 0),
      ("ZADD z 2 a 3 b", "zadd z 1>2 | ZADD z 2 a 3 b", 2),
      ("ZADD z NX 5 a", "", 0), ("ZADD z INCR 1 c", "zincr z 2>3 | ZADD z INCR 1 c", 1), ("ZADD z x d", "", 0),
      ("ZADD none XX 1 a", "", 0), ("ZINCRBY z 1 c", "zincr z 3>3 | ZINCRBY z 1 c", 1), ("ZINCRBY z 0 c", "", 0),
      ("ZREM z none", "", 0), ("ZREM z a b", "zrem z 3>1 | ZREM z a b", 2),
      ("ZREM z c", "zrem z 1>0, del z 0>-1 | ZREM z c", 1),
      ("ZADD z 1 a 2 b 3 c 4 d 5 e", "zadd z -1>5 | ZADD z 1 a 2 b 3 c 4 d 5 e", 5),
      ("ZPOPMIN z", "zpopmin z 5>4 | ZPOPMIN z", 1), ("ZPOPMAX z 0", "", 0),
      ("ZMPOP 2 none z MAX COUNT 2", "zpopmax z 4>2 | ZPOPMAX z 2", 2),
      ("ZREMRANGEBYSCORE z 0 1", "", 0),
      ("ZREMRANGEBYSCORE z 0 2", "zremrangebyscore z 2>1 | ZREMRANGEBYSCORE z 0 2", 1),
      ("ZUNIONSTORE d 1 z WEIGHTS 2", "zunionstore d -1>1 | ZUNIONSTORE d 1 z WEIGHTS 2", 1),
      ("ZRANGESTORE d z 0 -1", "zrangestore d 1>1 | ZRANGESTORE d z 0 -1", 1),
      ("ZINTERSTORE d 2 z none", "del d 1>-1 | ZINTERSTORE d 2 z none", 1), ("ZDIFFSTORE d 1 none", "", 0),
      ("ZREMRANGEBYRANK z 0 -1", "zremrangebyrank z 1>0, del z 0>-1 | ZREMRANGEBYRANK z 0 -1", 1),
      ("ZRANGE z 0 -1", "", 0), ("ZADD z 1 a", "zadd z -1>1 | ZADD z 1 a", 1),
      ("ZREMRANGEBYLEX z - +", "zremrangebylex z 1>0, del z 0>-1 | ZREMRANGEBYLEX z - +", 1),
    ] {
      let before = server.withEngine { $0.keyspace.effects.dirty }
      server.send(request)
      let told = recorder.take()
      #expect(told == expected, "\(request)")
      let counted = server.withEngine { $0.keyspace.effects.dirty } - before
      #expect(counted == changes, "\(request)")
    }
  }

  @Test(arguments: HashForm.allCases) func whatIsToldOfHashes(_ form: HashForm) {
    let server = TestServer(form.settings, nowMilliseconds: Self.start)
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    for (request, expected, changes) in [
      ("HSET h a 1", "hset h -1>1 | HSET h a 1", 1), ("HSET h a 2 b 3", "hset h 1>2 | HSET h a 2 b 3", 2),
      ("HSETNX h a 1", "", 0), ("HSETNX h c 1", "hset h 2>3 | HSETNX h c 1", 1), ("HSET h a", "", 0),
      ("HMSET h a 1 a 2 d 4", "hset h 3>4 | HMSET h a 1 a 2 d 4", 3),
      ("HINCRBY h a 2", "hincrby h 4>4 | HINCRBY h a 2", 1), ("HINCRBY h a x", "", 0),
      ("HINCRBYFLOAT h a 0.5", "hincrbyfloat h 4>4 | HSET h a 4.5", 1), ("HINCRBY h a 1", "", 0),
      ("HDEL h none", "", 0), ("HDEL h a none d", "hdel h 4>2 | HDEL h a none d", 2), ("HDEL none a", "", 0),
      ("HGETDEL h FIELDS 1 none", "", 0), ("HGETDEL h FIELDS 2 b none", "hdel h 2>1 | HDEL h b none", 1),
      ("HGETDEL h FIELDS 1 c", "hdel h 1>0, del h 0>-1 | HDEL h c", 1), ("HSET h a 1", "hset h -1>1 | HSET h a 1", 1),
      ("HDEL h a", "hdel h 1>0, del h 0>-1 | HDEL h a", 1), ("HGET h a", "", 0), ("HGETALL h", "", 0),
      ("HSET h a 1 b 2", "hset h -1>2 | HSET h a 1 b 2", 2),
      ("RENAME h g", "rename_from h 2>-1, rename_to g -1>2 | RENAME h g", 1),
      ("COPY g h", "copy_to h -1>2 | COPY g h", 1), ("SET h x", "set h 2>1 | SET h x", 1),
      ("DEL g", "del g 2>-1 | DEL g", 1),
    ] {
      let before = server.withEngine { $0.keyspace.effects.dirty }
      server.send(request)
      let told = recorder.take()
      #expect(told == expected, "\(request)")
      let counted = server.withEngine { $0.keyspace.effects.dirty } - before
      #expect(counted == changes, "\(request)")
    }
  }

  /// Between MULTI and EXEC when anything changed, with nothing around when nothing did.
  @Test func aTransactionIsToldAsOne() {
    let server = TestServer(nowMilliseconds: Self.start)
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    for request in ["MULTI", "GET a", "SET a 1 EX 10", "SELECT 2", "INCR b"] { server.send(request) }
    #expect(recorder.take() == "")
    server.send("EXEC")
    #expect(recorder.commands.map(\.database) == [0, 0, 2, 2])
    #expect(recorder.take()
      == "set a -1>1, expire a 1>1, incrby b -1>1 | MULTI, SET a 1 PXAT 1700000010000, INCR b, EXEC")
    for request in ["MULTI", "GET a", "EXEC"] { server.send(request) }
    #expect(recorder.take() == "")
  }

  /// Relative times become absolute ones.
  @Test func restoring() {
    let server = TestServer(nowMilliseconds: Self.start)
    server.run("SET", "k", "abc")
    guard case .bytes(let payload) = server.run("DUMP", "k") else {
      Issue.record("no payload")
      return
    }
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    func told(_ key: String, _ ttl: String, _ options: String...) -> [String] {
      defer { _ = recorder.take() }
      server.run([Array("RESTORE".utf8), Array(key.utf8), Array(ttl.utf8), payload] + options.map { Array($0.utf8) })
      let events = recorder.effects.map { "\($0.event) \($0.lengthBefore)>\($0.lengthAfter)" }
      return events + recorder.commands.map { command in
        command.arguments.map { $0 == payload ? "P" : String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
      }
    }
    #expect(told("a", "0") == ["restore -1>3", "RESTORE a 0 P"])
    #expect(told("a", "0") == [])
    #expect(told("a", "5", "REPLACE") == ["restore 3>3", "RESTORE a 1700000000005 P REPLACE ABSTTL"])
    #expect(told("a", "1700000000009", "ABSTTL", "REPLACE") == ["restore 3>3",
      "RESTORE a 1700000000009 P ABSTTL REPLACE"])
    #expect(told("a", "5", "ABSTTL", "REPLACE") == ["del 3>-1", "DEL a"])
    #expect(told("a", "5", "ABSTTL") == [])
  }

  @Test func lazyFreeingShowsInWhatIsReproduced() {
    var settings = Settings()
    settings.lazyfreeExpire = true
    settings.lazyfreeUserDel = true
    let server = TestServer(settings, nowMilliseconds: Self.start)
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    for request in ["EXPIRE k 0", "GETEX k PXAT 1", "GETDEL k", "DELEX k IFEQ v", "DELIFEQ k v"] {
      server.run("SET", "k", "v")
      _ = recorder.take()
      server.send(request)
      #expect(recorder.take() == "del k 1>-1 | UNLINK k")
    }
  }

  @Test func anExpiredKeyIsTold() {
    let server = TestServer(nowMilliseconds: Self.start)
    let recorder = EffectRecorder()
    server.run("SET", "k", "abc", "PX", "5")
    server.withEngine { $0.keyspace.effects.observer = recorder }
    server.advance(milliseconds: 6)
    server.run("GET", "k")
    #expect(recorder.take() == "expired k 3>-1 | DEL k")
  }

  /// After a random run, the effects replayed into a second keyspace have made the same contents, and the lengths told
  /// follow from each other.
  @Test func replay() {
    var generator = SeededGenerator.fresh()
    let seed = generator.seed
    let server = TestServer(nowMilliseconds: Self.start)
    let copy = TestServer(nowMilliseconds: Self.start)
    let recorder = EffectRecorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    var lengths = [[[UInt8]: Int]](repeating: [:], count: Self.databases)
    for _ in 0..<(isLongRun ? 200_000 : 8_000) {
      if Int.random(in: 0..<20, using: &generator) == 0 {
        let step = Int.random(in: 1...400, using: &generator)
        server.advance(milliseconds: step)
        copy.advance(milliseconds: step)
      }
      let request = randomRequest(now: server.withEngine { $0.keyspace.nowMilliseconds }, &generator)
      _ = server.client.runRaw(request)
      for effect in recorder.effects {
        let before = lengths[effect.database][effect.key] ?? -1
        #expect(before == effect.lengthBefore, "seed \(seed): \(effect)")
        lengths[effect.database][effect.key] = effect.lengthAfter < 0 ? nil : effect.lengthAfter
      }
      for command in recorder.commands {
        copy.run("SELECT", "\(command.database)")
        copy.run(command.arguments)
        // What no key's event tells of.
        switch String(decoding: command.arguments[0], as: UTF8.self) {
        case "SWAPDB": lengths.swapAt(Int(command.arguments[1][0] - 48), Int(command.arguments[2][0] - 48))
        case "FLUSHDB": lengths[command.database] = [:]
        default: break
        }
      }
      _ = recorder.take()
    }
    for database in 0..<Self.databases {
      let contents = contents(of: server, database)
      #expect(contents == self.contents(of: copy, database), "seed \(seed)")
      for (key, value) in contents { #expect(lengths[database][key] == value.bytes.count, "seed \(seed)") }
    }
    let digests = [server, copy].map { $0.withEngine { $0.keyspace.digest() } }
    #expect(digests[0] == digests[1], "seed \(seed)")
    #expect(digests[0] != Digest())
  }

  private static let databases = 3

  private struct Value: Equatable {
    let bytes: [UInt8]
    let expiry: Int?
  }

  private func contents(of server: TestServer, _ database: Int) -> [[UInt8]: Value] {
    server.withEngine { engine in
      var contents: [[UInt8]: Value] = [:]
      _ = engine.keyspace.scan(database: database, cursor: 0, count: Int.max) { entry in
        contents[entry.key.array] = Value(bytes: entry.withString { $0.array }, expiry: entry.expiry)
      }
      return contents
    }
  }

  private func randomRequest(now: Int, _ generator: inout SeededGenerator) -> [[UInt8]] {
    func pick(_ texts: [String]) -> String { texts.randomElement(using: &generator)! }
    func key() -> String { "k\(Int.random(in: 0..<12, using: &generator))" }
    func number() -> String { pick(["1", "-7", "123456789", "x", "9223372036854775807", "0", "2.5"]) }
    func value() -> String {
      Int.random(in: 0..<2, using: &generator) == 0
        ? number() : String(repeating: "v", count: interestingStringCounts.randomElement(using: &generator)!)
    }
    func offset() -> String { "\([0, 1, 44, 300, 1023, 1100].randomElement(using: &generator)!)" }
    func milliseconds() -> String { "\(Int.random(in: -10...2000, using: &generator))" }
    func database() -> String { "\(Int.random(in: 0..<Self.databases, using: &generator))" }
    func at() -> String { "\(now + Int.random(in: -10...2000, using: &generator))" }
    let request: [String] = switch Int.random(in: 0..<38, using: &generator) {
    case 0: ["SET", key(), value()]
    case 1: ["SET", key(), value(), "PX", milliseconds()]
    case 2: ["SET", key(), value(), pick(["NX", "XX", "GET", "KEEPTTL"])]
    case 3: ["SET", key(), value(), "PXAT", at(), pick(["NX", "XX", "GET"])]
    case 4: ["GETSET", key(), value()]
    case 5: ["GETDEL", key()]
    case 6: ["GETEX", key(), "PX", milliseconds()]
    case 7: ["GETEX", key(), "PXAT", at()]
    case 8: ["GETEX", key(), "PERSIST"]
    case 9: ["SETNX", key(), value()]
    case 10: ["PSETEX", key(), milliseconds(), value()]
    case 11: ["APPEND", key(), value()]
    case 12: ["SETRANGE", key(), offset(), value()]
    case 13: [pick(["INCR", "DECR"]), key()]
    case 14: [pick(["INCRBY", "DECRBY"]), key(), number()]
    case 15: ["INCRBYFLOAT", key(), number()]
    case 16: ["MSET", key(), value(), key(), value()]
    case 17: ["MSETNX", key(), value(), key(), value()]
    case 18: [pick(["DEL", "UNLINK"]), key(), key()]
    case 19: ["PEXPIRE", key(), milliseconds(), pick(["NX", "XX", "GT", "LT"])]
    case 20: ["PEXPIRE", key(), milliseconds()]
    case 21: ["PEXPIREAT", key(), at()]
    case 22: ["PERSIST", key()]
    case 23: ["SET", key(), value(), pick(["IFEQ", "IFNE"]), number(), pick(["GET", "KEEPTTL"])]
    case 24: ["DELEX", key(), pick(["IFEQ", "IFNE"]), number()]
    case 25: ["MSETEX", "2", key(), value(), key(), value(), pick(["NX", "XX", "KEEPTTL"])]
    case 26: ["MSETEX", "2", key(), value(), key(), value(), "PX", milliseconds()]
    case 27: ["INCREX", key(), "BYINT", number(), "UBOUND", "1000000000", pick(["SATURATE", "PERSIST"])]
    case 28: ["INCREX", key(), "BYFLOAT", number(), "PXAT", at(), pick(["ENX", "SATURATE"])]
    case 29: ["RENAME", key(), key()]
    case 30: ["RENAMENX", key(), key()]
    case 31: ["COPY", key(), key(), "DB", database()]
    case 32: ["COPY", key(), key(), "REPLACE"]
    case 33: ["MOVE", key(), database()]
    case 34: Int.random(in: 0..<4, using: &generator) == 0 ? ["SWAPDB", database(), database()] : ["DBSIZE"]
    case 35: ["SELECT", database()]
    case 36: Int.random(in: 0..<40, using: &generator) == 0 ? ["FLUSHDB"] : ["RANDOMKEY"]
    default: [pick(["GET", "TTL", "EXISTS", "STRLEN"]), key()]
    }
    return request.map { Array($0.utf8) }
  }
}
