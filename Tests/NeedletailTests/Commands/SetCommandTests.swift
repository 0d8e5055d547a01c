import Testing

@testable import Needletail

extension Reply {
  /// The members of a reply whose order does not matter.
  fileprivate var sortedMembers: [String] { (elements ?? []).map { $0.text ?? "\($0)" }.sorted() }
}

@Suite struct SetCommandTests {
  private let server: TestServer

  init() {
    var settings = Settings()
    settings.debugCommand = .yes
    server = TestServer(settings)
  }

  private func run(_ line: String) -> Reply { server.run(line.split(separator: " ").map { Array($0.utf8) }) }
  private func encoding(_ key: String) -> String { run("OBJECT ENCODING \(key)").text ?? "" }
  private func add(_ key: String, _ members: some Sequence<String>) {
    for member in members { #expect(run("SADD \(key) \(member)") == 1) }
  }
  private func numbers(_ range: Range<Int>) -> [String] { range.map(String.init) }
  private func names(_ range: Range<Int>) -> [String] { range.map { "m\($0)" } }

  @Test func adding() {
    #expect(run("SADD s a b a") == 2)
    #expect(run("SADD s a") == 0)
    #expect(run("SCARD s") == 2)
    #expect(run("SISMEMBER s a") == 1)
    #expect(run("SISMEMBER s c") == 0)
    #expect(run("SMISMEMBER s c a b") == [0, 1, 1])
    #expect(run("SMEMBERS s") == ["a", "b"])
    #expect(run("SREM s c") == 0)
    #expect(run("SREM s a x b z") == 2)
    #expect(run("EXISTS s") == 0)
    #expect(run("SREM s a") == 0)
    #expect(server.connect(isRESP3: true).run("SMEMBERS", "s") == .set([]))
  }

  @Test func wrongTypesAndMissingKeys() {
    _ = run("SET str x")
    for line in [
      "SADD str a", "SREM str a", "SCARD str", "SISMEMBER str a", "SMISMEMBER str a", "SMEMBERS str", "SPOP str",
      "SPOP str 0", "SRANDMEMBER str", "SRANDMEMBER str 0", "SSCAN str 0", "SINTER str", "SINTER no str",
      "SDIFF no str",
      "SUNION no str", "SINTERSTORE d no str", "SDIFFSTORE d no str", "SUNIONSTORE d str", "SINTERCARD 2 no str",
      "SDIFFCARD 1 str", "SUNIONCARD 2 no str",
    ] {
      #expect(run(line) == .wrongType, "\(line)")
    }
    for (line, expected) in [
      ("SCARD no", 0), ("SREM no a", 0), ("SISMEMBER no a", 0), ("SMISMEMBER no a b", [0, 0]), ("SMEMBERS no", []),
      ("SPOP no", .null), ("SPOP no 3", []), ("SRANDMEMBER no", .null), ("SRANDMEMBER no 3", []),
      ("SSCAN no 5", ["0", []]), ("SINTER no", []), ("SDIFF no", []), ("SUNION no", []), ("SMOVE no str a", 0),
      ("SINTERCARD 1 no", 0), ("SDIFFCARD 1 no", 0), ("SUNIONCARD 1 no", 0), ("SUNIONSTORE str no", 0),
      ("EXISTS str", 0),
    ] as [(String, Reply)] {
      #expect(run(line) == expected, "\(line)")
    }
  }

  @Test func badArguments() {
    for (line, error) in [
      ("SPOP k x", "value is out of range, must be positive"), ("SPOP k -1", "value is out of range, must be positive"),
      ("SPOP k 9223372036854775808", "value is out of range, must be positive"), ("SPOP k 1 2", "syntax error"),
      ("SRANDMEMBER k x", "value is not an integer or out of range"), ("SRANDMEMBER k 1 2", "syntax error"),
      (
        "SRANDMEMBER k -9223372036854775808",
        "value is out of range, value must between -9223372036854775807 and 9223372036854775807"
      ),
      ("SINTERCARD 0 k", "numkeys should be greater than 0"), ("SINTERCARD x k", "numkeys should be greater than 0"),
      ("SINTERCARD 2 k", "Number of keys can't be greater than number of args"),
      ("SINTERCARD 1 k LIMIT", "syntax error"), ("SINTERCARD 1 k LIMIT -1", "LIMIT can't be negative"),
      ("SINTERCARD 1 k LIMIT x", "LIMIT can't be negative"), ("SINTERCARD 1 k APPROX", "syntax error"),
      ("SSCAN k x", "invalid cursor"), ("SDIFFCARD 1 k foo", "syntax error"),
    ] {
      #expect(run(line) == .error("ERR \(error)"), "\(line)")
    }
    _ = run("SADD s a")
    #expect(run("SSCAN s 0 COUNT 0") == .syntaxError)
    #expect(run("SSCAN s 0 NOVALUES") == .error("ERR NOVALUES option can only be used in HSCAN"))
  }

  // MARK: Forms

  @Test func formsByWhatIsAdded() {
    add("i", numbers(0..<512))
    #expect(encoding("i") == "intset")
    add("i", ["512"])
    #expect(encoding("i") == "hashtable")
    add("p", names(0..<128))
    #expect(encoding("p") == "listpack")
    add("p", ["one-more"])
    #expect(encoding("p") == "hashtable")
    add("short", [String(repeating: "x", count: 64)])
    #expect(encoding("short") == "listpack")
    add("short", [String(repeating: "x", count: 65)])
    #expect(encoding("short") == "hashtable")
    add("mixed", numbers(0..<127) + ["x"])
    #expect(encoding("mixed") == "listpack")
    add("many", numbers(0..<128) + ["x"])
    #expect(encoding("many") == "hashtable")
    #expect(run("SREM mixed x") == 1)
    #expect(encoding("mixed") == "listpack")
    #expect(run("SUNIONSTORE copy mixed") == 127)
    #expect(encoding("copy") == "intset")
  }

  @Test func formsByTheNumberOfArguments() {
    let same = Array(repeating: "m", count: 129).joined(separator: " ")
    #expect(run("SADD a \(same)") == 1)
    #expect(encoding("a") == "hashtable")
    #expect(run("SADD b \(numbers(0..<200).joined(separator: " "))") == 200)
    #expect(encoding("b") == "intset")
    #expect(run("SADD c 1") == 1)
    #expect(run("SADD c \(Array(repeating: "1", count: 513).joined(separator: " "))") == 0)
    #expect(encoding("c") == "hashtable")
    #expect(run("SADD d x") == 1)
    #expect(run("SADD d \(Array(repeating: "x", count: 128).joined(separator: " "))") == 0)
    #expect(encoding("d") == "listpack")
  }

  @Test func integersOfEveryWidth() {
    for member in ["5", "-1", "300", "-40000", "70000", "-3000000000", "9223372036854775807", "-9223372036854775808"] {
      #expect(run("SADD i \(member)") == 1)
    }
    #expect(encoding("i") == "intset")
    #expect(run("SMEMBERS i") == [
      "-9223372036854775808", "-3000000000", "-40000", "-1", "5", "300", "70000", "9223372036854775807",
    ])
    #expect(run("SADD i 007 +1 9223372036854775808") == 3)
    #expect(encoding("i") == "listpack")
    #expect(run("SMISMEMBER i 7 007 1 +1 5 -1") == [0, 1, 0, 1, 1, 1])
  }

  // MARK: Algebra

  /// The same answers in every form, and into a source itself.
  @Test(arguments: [0, 3, 1000])
  func algebra(entries: Int) {
    for setting in ["set-max-intset-entries", "set-max-listpack-entries"] {
      _ = run("CONFIG SET \(setting) \(entries)")
    }
    for members in [numbers, names] {
      _ = run("FLUSHALL")
      add("a", members(0..<200))
      add("b", members(100..<300))
      add("c", members(150..<160))
      #expect(run("SINTER a b c").sortedMembers == members(150..<160).sorted())
      #expect(run("SINTER a no") == [])
      #expect(run("SINTERCARD 2 a b") == 100)
      #expect(run("SINTERCARD 2 a b LIMIT 7") == 7)
      #expect(run("SINTERCARD 2 a b LIMIT 0") == 100)
      #expect(run("SINTERCARD 2 a a LIMIT 1000") == 200)
      #expect(run("SDIFF a b").sortedMembers == members(0..<100).sorted())
      #expect(run("SDIFF a b c no").sortedMembers == members(0..<100).sorted())
      #expect(run("SDIFF a c c no c c").sortedMembers == (members(0..<150) + members(160..<200)).sorted())
      #expect(run("SDIFF a b a") == [])
      #expect(run("SDIFF no a") == [])
      #expect(run("SDIFFCARD 2 a b") == 100)
      #expect(run("SDIFFCARD 4 a c c c") == 190)
      #expect(run("SDIFFCARD 2 a b LIMIT 9") == 9)
      #expect(run("SDIFFCARD 2 a a") == 0)
      #expect(run("SUNION a b c").sortedMembers == members(0..<300).sorted())
      #expect(run("SUNION c no a").sortedMembers == members(0..<200).sorted())
      #expect(run("SUNION no") == [])
      #expect(run("SUNIONCARD 3 a b c") == 300)
      #expect(run("SUNIONCARD 3 a b c LIMIT 250") == 250)
      #expect(run("SUNIONCARD 3 a b c LIMIT 9 APPROX") == 9)
      #expect(run("SUNIONCARD 2 no c") == 10)
      #expect(run("SINTERSTORE d a b") == 100)
      #expect(run("SMEMBERS d").sortedMembers == members(100..<200).sorted())
      #expect(run("SDIFFSTORE a a c c c c") == 190)
      #expect(run("SUNIONSTORE a a c") == 200)
      #expect(run("SMEMBERS a").sortedMembers == members(0..<200).sorted())
      #expect(run("SINTERSTORE a a no") == 0)
      #expect(run("EXISTS a") == 0)
    }
  }

  @Test func repliesInRESP3() {
    let client = server.connect(isRESP3: true)
    add("a", ["x"])
    add("b", ["x", "y"])
    #expect(client.run("SINTER", "a", "b") == .set(["x"]))
    #expect(client.run("SDIFF", "b", "a") == .set(["y"]))
    #expect(client.run("SUNION", "a", "no") == .set(["x"]))
    #expect(client.run("SINTER", "a", "no") == .set([]))
    #expect(client.run("SRANDMEMBER", "a", "5") == ["x"])
    #expect(client.run("SPOP", "a", "5") == .set(["x"]))
    #expect(client.run("SPOP", "a") == .null)
  }

  /// What results are packed as, by the way Redis makes them.
  @Test func formsOfResults() {
    add("a", names(0..<200))
    add("some", names(100..<190))
    add("few", names(190..<200))
    add("left", names(100..<140))
    add("right", names(140..<180))
    #expect(run("SDIFFSTORE d a some few") == 100)
    #expect(encoding("d") == "listpack")
    #expect(run("SDIFFSTORE d a left right") == 120)
    #expect(encoding("d") == "hashtable")
    add("i", numbers(0..<300))
    #expect(run("SUNIONSTORE d i") == 300)
    #expect(encoding("d") == "intset")
    add("i", ["x"])
    #expect(run("SREM i x") == 1)
    #expect(run("SINTERSTORE d i i") == 300)
    #expect(encoding("d") == "intset")
    #expect(run("SUNIONSTORE d i few") == 310)
    #expect(encoding("d") == "hashtable")
  }

  // MARK: Moving

  @Test func moving() {
    add("a", ["x", "y"])
    add("b", ["1"])
    _ = run("SET str v")
    #expect(run("SMOVE a b z") == 0)
    #expect(run("SMOVE a str z") == .wrongType)
    #expect(run("SMOVE a a x") == 1)
    #expect(run("SMOVE a a z") == 0)
    #expect(run("SMOVE a b x") == 1)
    #expect(run("SMEMBERS b").sortedMembers == ["1", "x"])
    add("b", ["y"])
    #expect(run("SMOVE a b y") == 1)
    #expect(run("EXISTS a") == 0)
    #expect(run("SCARD b") == 3)
    #expect(run("SMOVE b new 1") == 1)
    #expect(encoding("new") == "intset")
  }

  @Test func movingWithExpiredKeysAbout() {
    add("a", names(0..<300))
    add("b", ["x"])
    #expect(run("PEXPIRE b 10") == 1)
    server.advance(milliseconds: 20)
    #expect(run("SMOVE a b m5") == 1)
    #expect(run("SMEMBERS b") == ["m5"])
    #expect(run("SCARD a") == 299)
  }

  /// SINTERCARD ends as soon as it has counted up to its limit.
  @Test func countingEndsAtTheLimit() {
    for key in ["a", "b"] { for start in stride(from: 0, to: 60_000, by: 500) { add(key, names(start..<start + 500)) } }
    func time(_ request: String) -> Duration {
      (0..<5).map { _ in ContinuousClock().measure { _ = run(request) } }.min()!
    }
    #expect(run("SINTERCARD 2 a b LIMIT 59999") == 59_999)
    #expect(run("SINTERCARD 2 a b") == 60_000)
    #expect(time("SINTERCARD 2 a b LIMIT 10") * 50 < time("SINTERCARD 2 a b"))
  }

  // MARK: Chance

  /// Every member is drawn about as often, in every form.
  @Test(arguments: [(false, 20), (true, 20), (true, 150)])
  func drawing(names: Bool, count: Int) {
    let members = names ? self.names(0..<count) : numbers(0..<count)
    add("s", members)
    var seen: [String: Int] = [:]
    let rounds = 200 * count
    for _ in 0..<rounds { seen[run("SRANDMEMBER s").text!, default: 0] += 1 }
    #expect(Set(seen.keys) == Set(members))
    // 200 each on average, with a standard deviation of 14.
    #expect(seen.values.allSatisfy { 100..<300 ~= $0 })
    seen = [:]
    for _ in 0..<400 { for member in run("SRANDMEMBER s \(count / 2)").sortedMembers { seen[member, default: 0] += 1 } }
    #expect(seen.values.allSatisfy { 120..<280 ~= $0 } && seen.count == count)
    #expect(run("SRANDMEMBER s -\(3 * count)").elements?.count == 3 * count)
    #expect(Set(run("SRANDMEMBER s \(3 * count)").sortedMembers) == Set(members))
  }

  @Test(arguments: [(false, 200), (true, 100), (true, 200)])
  func popping(names: Bool, count: Int) {
    for taken in [1, 2, count / 2, count * 5 / 6, count - 1, count, count + 1] {
      _ = run("DEL s")
      let members = names ? self.names(0..<count) : numbers(0..<count)
      add("s", members)
      #expect(run("EXPIRE s 100") == 1)
      let popped = run("SPOP s \(taken)").sortedMembers
      #expect(popped.count == min(taken, count) && Set(popped).count == popped.count)
      #expect((run("SMEMBERS s").sortedMembers + popped).sorted() == members.sorted())
      if taken < count { #expect(run("TTL s") == 100) } else { #expect(run("EXISTS s") == 0) }
    }
    _ = run("SADD s x")
    #expect(run("SPOP s") == "x")
    #expect(run("EXISTS s") == 0)
    #expect(run("SPOP s 0") == [])
  }

  /// A hashtable of few members is packed, which nobody sees but in the memory it takes.
  @Test func packedHashtables() {
    func isPacked() -> Bool {
      server.withEngine { engine in
        withView(Array("s".utf8)) { engine.keyspace.find(Key($0, engine.keyspace.seed), in: 0).entry?.blob != nil }
      }
    }
    for (count, packed) in [(129, true), (255, true), (256, true), (257, false)] {
      _ = run("DEL s")
      for name in names(0..<count) { _ = run("SADD s \(name)") }
      #expect(encoding("s") == "hashtable")
      #expect(isPacked() == packed, "\(count)")
      #expect(run("SMEMBERS s").sortedMembers == names(0..<count).sorted())
      for name in names(0..<count) { #expect(run("SISMEMBER s \(name)") == 1) }
      #expect(run("SISMEMBER s no-such") == 0)
      // It stays one, however few are left.
      for name in names(3..<count) { #expect(run("SREM s \(name)") == 1) }
      #expect(encoding("s") == "hashtable" && run("SCARD s") == 3)
    }
    // Of one member: as long as a listpack allows, longer, and as long as all together may be.
    for (length, form, packed) in [(64, "listpack", true), (65, "hashtable", true), (8187, "hashtable", true), (8188, "hashtable", false)] {
      _ = run("DEL s")
      _ = run("SADD s " + String(repeating: "x", count: length))
      #expect(encoding("s") == form && isPacked() == packed, "\(length)")
    }
    // At once, and from integers.
    _ = run("DEL s")
    add("s", names(0..<200))
    #expect(isPacked() && encoding("s") == "hashtable" && run("SCARD s") == 200)
    _ = run("CONFIG SET set-max-intset-entries 10")
    for (count, packed) in [(11, true), (256, true), (257, false)] {
      _ = run("DEL s")
      for number in numbers(0..<count) { _ = run("SADD s \(number)") }
      #expect(encoding("s") == "hashtable" && isPacked() == packed, "\(count)")
      #expect(run("SMEMBERS s").sortedMembers == numbers(0..<count).sorted())
    }
  }

  /// A large set of which little is left is packed again.
  @Test func formsAfterPopping() {
    for (count, taken, form) in [(200, 166, "hashtable"), (200, 167, "listpack"), (600, 499, "hashtable"),
      (600, 500, "listpack")] {
      _ = run("DEL s")
      add("s", names(0..<count))
      #expect(run("SPOP s \(taken)").elements?.count == taken)
      #expect(encoding("s") == form, "\(taken) of \(count)")
    }
    _ = run("DEL s")
    add("s", numbers(0..<200))
    #expect(run("SPOP s 190").elements?.count == 190)
    #expect(encoding("s") == "intset")
  }

  // MARK: Scanning

  @Test(arguments: [5, 100, 1000])
  func scanning(count: Int) {
    add("s", names(0..<count))
    var cursor = "0"
    var seen: Set<String> = []
    repeat {
      let reply = run("SSCAN s \(cursor) COUNT 7")
      seen.formUnion(reply[1]!.sortedMembers)
      cursor = reply[0]!.text!
    } while cursor != "0"
    #expect(seen == Set(names(0..<count)))
    #expect(run("SSCAN s 0 COUNT 100000 MATCH m1*")[1]!.sortedMembers == names(0..<count).filter { $0.hasPrefix("m1") }.sorted())
  }

  // MARK: Effects

  @Test func whatReproducesThem() {
    final class Recorder: EffectObserver {
      var told: [String] = []
      func keyChanged(_ effect: Effect) { told.append("\(effect.event) \(effect.lengthBefore)>\(effect.lengthAfter)") }
      func commandRan(_ arguments: [[UInt8]], database: Int) {
        told.append(arguments.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " "))
      }
    }
    let recorder = Recorder()
    server.withEngine { $0.keyspace.effects.observer = recorder }
    var dirty = server.withEngine { $0.keyspace.effects.dirty }
    for (line, expected, changes) in [
      ("SADD s a b", ["sadd -1>2", "SADD s a b"], 2), ("SADD s a", [], 0),
      ("SREM s a x", ["srem 2>1", "SREM s a x"], 1),
      ("SPOP s", ["spop 1>0", "del 0>-1", "SREM s b"], 1), ("SADD s a", ["sadd -1>1", "SADD s a"], 1),
      ("SPOP s 5", ["spop 1>0", "del 0>-1", "DEL s"], 1), ("SADD s a", ["sadd -1>1", "SADD s a"], 1),
      ("SMOVE s t a", ["srem 1>0", "del 0>-1", "sadd -1>1", "SMOVE s t a"], 2),
      ("SUNIONSTORE u t", ["sunionstore -1>1", "SUNIONSTORE u t"], 1),
      ("SINTERSTORE u t no", ["del 1>-1", "SINTERSTORE u t no"], 1), ("SDIFFSTORE u t t", [], 0), ("SPOP t 0", [], 0),
      ("SRANDMEMBER t", [], 0),
    ] {
      _ = run(line)
      #expect(recorder.told == expected, "\(line)")
      let now = server.withEngine { $0.keyspace.effects.dirty }
      #expect(now - dirty == changes, "\(line)")
      dirty = now
      recorder.told = []
    }
    for count in [40, 300] {
      _ = run("DEL s")
      add("s", names(0..<count))
      recorder.told = []
      let popped = run("SPOP s 20").elements!.map { $0.text! }
      #expect(recorder.told == ["spop \(count)>\(count - 20)", "SREM s " + popped.joined(separator: " ")])
    }
    server.withEngine { $0.keyspace.effects.observer = nil }
  }

  // MARK: Whole values

  @Test(arguments: [0, 4, 1000])
  func dumpedCopiedAndDigested(entries: Int) {
    for setting in ["set-max-intset-entries", "set-max-listpack-entries"] {
      _ = run("CONFIG SET \(setting) \(entries)")
    }
    for members in [numbers(0..<3), numbers(0..<300), names(0..<3), names(0..<300), ["1", "x", "\u{fc}"]] {
      _ = run("FLUSHALL")
      add("s", members)
      guard case .bytes(let payload) = run("DUMP s") else {
        Issue.record("no payload")
        return
      }
      #expect(server.run([Array("RESTORE".utf8), Array("r".utf8), [48], payload]) == .ok)
      #expect(run("SMEMBERS r").sortedMembers == members.sorted())
      #expect(run("COPY s c") == 1)
      let digests = run("DEBUG DIGEST-VALUE s r c").elements!
      #expect(digests[0] == digests[1] && digests[0] == digests[2])
      #expect(run("RENAME c d") == .ok)
      #expect(run("MOVE d 1") == 1)
      #expect(run("SCARD s").integerValue == members.count)
      #expect(run("MEMORY USAGE s").integerValue! > members.count)
    }
    #expect(run("FLUSHALL") == .ok)
  }
}
