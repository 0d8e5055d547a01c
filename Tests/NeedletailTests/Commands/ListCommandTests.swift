import Testing

@testable import Needletail

@Suite struct ListCommandTests {
  let server: TestServer

  init() {
    var settings = Settings()
    settings.debugCommand = .yes
    server = TestServer(settings)
  }

  private func range(_ key: String) -> Reply { server.run("LRANGE", key, "0", "-1") }
  private func encoding(_ key: String) -> String? { server.run("OBJECT", "ENCODING", key).text }

  /// Elements in each leaf of a large list.
  private func leafCounts(_ key: String) -> [Int] {
    server.withEngine { engine in
      withView(Array(key.utf8)) { name in
        var counts: [Int] = []
        guard let root = unsafe engine.keyspace.find(Key(name, engine.keyspace.seed), in: 0).entry?.root else { return [] }
        unsafe ListRoot(raw: root).forEachLeaf { counts.append($0.count) }
        return counts
      }
    }
  }

  /// At the threshold and above it an element has a node of its own, wherever it goes in; below it shares one.
  @Test func thresholdOfPlainNodes() {
    server.run("CONFIG", "SET", "list-max-listpack-size", "4")
    func threshold(_ size: String) { #expect(server.run("DEBUG", "QUICKLIST-PACKED-THRESHOLD", size) == .ok) }
    threshold("10b")
    server.run("RPUSH", "l", "1", "2", "3", "4", "5", "123456789", "1234567890", "12345678901", "6")
    #expect(leafCounts("l") == [4, 2, 1, 1, 1])
    server.run("LPUSH", "l", "1234567890", "0")
    #expect(leafCounts("l") == [1, 1, 4, 2, 1, 1, 1])
    server.run("LINSERT", "l", "BEFORE", "3", "abcdefghijk")
    #expect(leafCounts("l") == [1, 1, 2, 1, 2, 2, 1, 1, 1])
    server.run("LSET", "l", "3", "abcdefghi")
    server.run("LSET", "l", "6", "abcdefghij")
    #expect(leafCounts("l") == [1, 1, 2, 1, 1, 1, 2, 1, 1, 1])
    let elements: Reply = [
      "0", "1234567890", "1", "abcdefghi", "abcdefghijk", "3", "abcdefghij", "5", "123456789", "1234567890",
      "12345678901", "6",
    ]
    #expect(range("l") == elements)
    // A setting of the same kind leaves the threshold alone.
    server.run("CONFIG", "SET", "list-max-listpack-size", "5")
    server.run("RPUSH", "l", "1234567890")
    server.run("RPOP", "l")
    #expect(leafCounts("l") == [1, 1, 2, 1, 1, 1, 2, 1, 1, 1])
    threshold("0")
    server.run("RPUSH", "l", "1234567890")
    #expect(leafCounts("l") == [1, 1, 2, 1, 1, 1, 2, 1, 1, 2])
    threshold("4293918720")
    for size in ["4293918721", "4gb", "-1", "x"] {
      #expect(
        server.run("DEBUG", "QUICKLIST-PACKED-THRESHOLD", size)
          == .error("ERR argument must be a memory value bigger than 1 and smaller than 4gb"))
    }
  }

  @Test func pushesAtEitherEnd() {
    #expect(server.run("RPUSH", "l", "a", "b", "12") == 3)
    #expect(server.run("LPUSH", "l", "c", "d") == 5)
    #expect(range("l") == ["d", "c", "a", "b", "12"])
    #expect(server.run("LLEN", "l") == 5)
    #expect(server.run("LPUSHX", "l", "x") == 6)
    #expect(server.run("RPUSHX", "no", "x") == 0)
    #expect(server.run("EXISTS", "no") == 0)
    #expect(server.run("LLEN", "no") == 0)
  }

  @Test func pops() {
    server.run("RPUSH", "l", "a", "b", "c", "d", "e")
    #expect(server.run("LPOP", "l") == "a")
    #expect(server.run("RPOP", "l") == "e")
    #expect(server.run("RPOP", "l", "2") == ["d", "c"])
    #expect(server.run("LPOP", "l", "0") == [])
    #expect(server.run("LPOP", "l", "9") == ["b"])
    #expect(server.run("EXISTS", "l") == 0)
    #expect(server.run("LPOP", "l") == .null)
    #expect(server.run("LPOP", "l", "2") == .nullArray)
    #expect(server.run("LPOP", "l", "x") == .error("ERR value is out of range, must be positive"))
    #expect(server.run("RPOP", "l", "1", "2") == .error("ERR wrong number of arguments for 'rpop' command"))
  }

  @Test func readsByIndex() {
    server.run("RPUSH", "l", "a", "b", "c", "d")
    #expect(server.run("LINDEX", "l", "-1") == "d")
    #expect(server.run("LINDEX", "l", "4") == .null)
    #expect(server.run("LINDEX", "l", "x") == .notAnInteger)
    #expect(server.run("LINDEX", "no", "x") == .null)
    #expect(server.run("LRANGE", "l", "1", "2") == ["b", "c"])
    #expect(server.run("LRANGE", "l", "-100", "100") == ["a", "b", "c", "d"])
    #expect(server.run("LRANGE", "l", "3", "1") == [])
    #expect(server.run("LRANGE", "l", "9223372036854775807", "-9223372036854775808") == [])
    #expect(server.run("LSET", "l", "-1", "z") == .ok)
    #expect(server.run("LSET", "l", "4", "z") == .error("ERR index out of range"))
    #expect(server.run("LSET", "no", "x", "z") == .error("ERR no such key"))
    #expect(range("l") == ["a", "b", "c", "z"])
  }

  @Test func insertsAndRemoves() {
    server.run("RPUSH", "l", "a", "b", "a", "c", "a")
    #expect(server.run("LINSERT", "l", "before", "b", "x") == 6)
    #expect(server.run("LINSERT", "l", "AFTER", "c", "y") == 7)
    #expect(server.run("LINSERT", "l", "after", "nosuch", "y") == -1)
    #expect(server.run("LINSERT", "l", "beside", "b", "y") == .syntaxError)
    #expect(server.run("LREM", "l", "-2", "a") == 2)
    #expect(range("l") == ["a", "x", "b", "c", "y"])
    #expect(server.run("LREM", "l", "0", "a") == 1)
    #expect(server.run("LTRIM", "l", "1", "-2") == .ok)
    #expect(range("l") == ["b", "c"])
    #expect(server.run("LTRIM", "l", "5", "9") == .ok)
    #expect(server.run("EXISTS", "l") == 0)
  }

  @Test func findsPositions() {
    server.run("RPUSH", "l", "a", "b", "c", "b", "b")
    #expect(server.run("LPOS", "l", "b") == 1)
    #expect(server.run("LPOS", "l", "b", "RANK", "-1") == 4)
    #expect(server.run("LPOS", "l", "b", "COUNT", "0") == [1, 3, 4])
    #expect(server.run("LPOS", "l", "b", "RANK", "2", "COUNT", "1") == [3])
    #expect(server.run("LPOS", "l", "b", "COUNT", "0", "MAXLEN", "2") == [1])
    #expect(server.run("LPOS", "l", "x") == .null)
    #expect(server.run("LPOS", "l", "x", "COUNT", "3") == [])
    #expect(server.run("LPOS", "l", "b", "COUNT", "-1") == .error("ERR COUNT can't be negative"))
    #expect(server.run("LPOS", "l", "b", "RANK", "0").isError)
    #expect(server.run("LPOS", "l", "b", "RANK", "-9223372036854775808").isError)
  }

  @Test func moves() {
    server.run("RPUSH", "a", "1", "2", "3")
    #expect(server.run("LMOVE", "a", "b", "LEFT", "RIGHT") == "1")
    #expect(server.run("RPOPLPUSH", "a", "b") == "3")
    #expect(range("b") == ["3", "1"])
    #expect(server.run("LMOVE", "b", "b", "RIGHT", "LEFT") == "1")
    #expect(range("b") == ["1", "3"])
    #expect(server.run("LMOVE", "a", "b", "LEFT", "LEFT") == "2")
    #expect(server.run("EXISTS", "a") == 0)
    #expect(server.run("LMOVE", "a", "b", "LEFT", "LEFT") == .null)
    #expect(server.run("LMOVE", "a", "b", "LEFT", "UP") == .syntaxError)
    server.run("SET", "s", "x")
    #expect(server.run("LMOVE", "b", "s", "LEFT", "LEFT") == .wrongType)
    #expect(range("b") == ["2", "1", "3"])
  }

  @Test(arguments: [
    ("LEFT", "LEFT", "OBO", ["2", "1"], ["3", "4"], ["2", "1", "x"]),
    ("LEFT", "LEFT", "BULK", ["1", "2"], ["3", "4"], ["1", "2", "x"]),
    ("LEFT", "RIGHT", "OBO", ["1", "2"], ["3", "4"], ["x", "1", "2"]),
    ("RIGHT", "RIGHT", "OBO", ["4", "3"], ["1", "2"], ["x", "4", "3"]),
    ("RIGHT", "LEFT", "BULK", ["3", "4"], ["1", "2"], ["3", "4", "x"]),
  ] as [(String, String, String, [String], [String], [String])])
  func movesMany(_ from: String, _ to: String, _ order: String, _ reply: [String], _ source: [String],
    _ target: [String]) {
    server.run("RPUSH", "a", "1", "2", "3", "4")
    server.run("RPUSH", "b", "x")
    #expect(server.run("LMOVEM", "a", "b", from, to, "COUNT", "2", order) == .array(reply.map { .bulk($0) }))
    #expect(range("a") == .array(source.map { .bulk($0) }))
    #expect(range("b") == .array(target.map { .bulk($0) }))
  }

  @Test func movesManyWithin() {
    server.run("RPUSH", "a", "1", "2", "3", "4")
    #expect(server.run("LMOVEM", "a", "a", "LEFT", "RIGHT", "COUNT", "2", "BULK") == ["1", "2"])
    #expect(range("a") == ["3", "4", "1", "2"])
    #expect(server.run("LMOVEM", "a", "a", "LEFT", "LEFT", "COUNT", "9", "OBO") == ["2", "1", "4", "3"])
    #expect(range("a") == ["2", "1", "4", "3"])
    #expect(server.run("LMOVEM", "a", "b", "LEFT", "LEFT", "EXACTLY", "5", "OBO") == .nullArray)
    #expect(server.run("LMOVEM", "a", "b", "LEFT", "LEFT") == ["2"])
    #expect(server.run("LMOVEM", "a", "b", "LEFT", "LEFT", "COUNT", "5") == .syntaxError)
  }

  @Test func popsFromTheFirstThatHasAny() {
    server.run("RPUSH", "b", "1", "2", "3")
    #expect(server.run("LMPOP", "2", "a", "b", "RIGHT", "COUNT", "2") == ["b", ["3", "2"]])
    #expect(server.run("LMPOP", "1", "a", "LEFT") == .nullArray)
    #expect(server.run("LMPOP", "0", "a", "LEFT") == .error("ERR numkeys should be greater than 0"))
    #expect(server.run("LMPOP", "9223372036854775807", "a", "LEFT") == .syntaxError)
    #expect(server.run("LMPOP", "1", "b", "LEFT", "COUNT", "0") == .error("ERR count should be greater than 0"))
    #expect(server.run("LMPOP", "1", "b", "LEFT") == ["b", ["1"]])
    #expect(server.run("EXISTS", "b") == 0)
  }

  @Test func otherTypesAreRefused() {
    server.run("SET", "s", "x")
    for command in [
      ["LPUSH", "s", "a"], ["LPUSHX", "s", "a"], ["LPOP", "s"], ["LPOP", "s", "1"], ["LLEN", "s"], ["LINDEX", "s", "0"],
      ["LRANGE", "s", "0", "1"], ["LSET", "s", "0", "a"], ["LREM", "s", "0", "a"], ["LTRIM", "s", "0", "1"],
      ["LPOS", "s", "a"], ["LINSERT", "s", "before", "a", "b"], ["LMOVE", "s", "l", "LEFT", "LEFT"],
      ["LMPOP", "1", "s", "LEFT"], ["LMOVEM", "s", "l", "LEFT", "LEFT"],
    ] {
      #expect(server.run(command.map { Array($0.utf8) }) == .wrongType, "\(command)")
    }
  }

  @Test func becomesAQuicklistBeyondTheLimitAndAListpackAtHalfOfIt() {
    server.run("CONFIG", "SET", "list-max-listpack-size", "8")
    for count in 1...9 {
      server.run("RPUSH", "l", "a")
      #expect(encoding("l") == (count <= 8 ? "listpack" : "quicklist"))
    }
    // From the end: the second node goes first, and only a single one becomes a listpack.
    for count in [8, 7, 6, 5, 4] {
      server.run("RPOP", "l")
      #expect(encoding("l") == (count > 4 ? "quicklist" : "listpack"))
    }
    server.run("CONFIG", "SET", "list-max-listpack-size", "-2")
    server.run("DEL", "l")
    // 79 elements of 103 bytes and a header of 7 are below 8 KiB; what comes is counted without its overhead.
    for count in 1...80 {
      server.run("RPUSH", "l", String(repeating: "x", count: 100))
      #expect(encoding("l") == (count <= 79 ? "listpack" : "quicklist"), "\(count)")
    }
  }

  @Test func longElementsAreAloneInTheirNodes() {
    server.run("RPUSH", "l", "a", "b", "c")
    let long = String(repeating: "y", count: 9000)
    #expect(server.run("LSET", "l", "9", long) == .error("ERR index out of range"))
    #expect(encoding("l") == "quicklist")
    #expect(server.run("LSET", "l", "1", long) == .ok)
    #expect(range("l") == ["a", .bulk(long), "c"])
    #expect(server.run("LSET", "l", "1", "b") == .ok)
    #expect(range("l") == ["a", "b", "c"])
    // Its nodes are not joined again, as in Redis.
    #expect(encoding("l") == "quicklist")
  }

  @Test func aLargeListIsDumpedRestoredCopiedAndCounted() {
    for index in 0..<3000 { server.run("RPUSH", "l", "element:\(index)") }
    #expect(encoding("l") == "quicklist")
    #expect(server.run("LINDEX", "l", "1500") == "element:1500")
    guard case .bytes(let payload) = server.run("DUMP", "l") else {
      Issue.record("no payload")
      return
    }
    #expect(server.run([Array("RESTORE".utf8), Array("r".utf8), Array("0".utf8), payload]) == .ok)
    #expect(server.run("COPY", "l", "c") == 1)
    let digest = server.run("DEBUG", "DIGEST-VALUE", "l")
    #expect(server.run("DEBUG", "DIGEST-VALUE", "r") == digest)
    #expect(server.run("DEBUG", "DIGEST-VALUE", "c") == digest)
    #expect(server.run("RENAME", "c", "d") == .ok)
    #expect(server.run("LLEN", "d") == 3000)
    let bytes = server.run("MEMORY", "USAGE", "l").integerValue ?? 0
    // 11 to 14 bytes an element, in leaves of 8 KiB.
    #expect(bytes > 3000 * 13 && bytes < 3000 * 20, "\(bytes)")
    #expect(server.run("LTRIM", "l", "1000", "1999") == .ok)
    #expect(server.run("LINDEX", "l", "0") == "element:1000")
    #expect(server.run("LLEN", "l") == 1000)
  }

  @Test func changesAreToldAndReproduced() {
    func run(_ arguments: String...) { server.run(arguments.map { Array($0.utf8) }) }
    func dirty() -> Int { server.withEngine { $0.keyspace.effects.dirty } }
    run("RPUSH", "l", "a", "b", "a", "c")
    #expect(dirty() == 4)
    run("LREM", "l", "0", "a")
    #expect(dirty() == 6)
    run("LTRIM", "l", "0", "-1")
    #expect(dirty() == 6)
    run("LMOVE", "l", "m", "LEFT", "LEFT")
    #expect(dirty() == 7)
    run("LPOP", "l", "5")
    #expect(dirty() == 8)
  }
}
