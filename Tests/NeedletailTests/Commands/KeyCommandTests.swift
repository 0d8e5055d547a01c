import Testing
@testable import Needletail

@Suite struct KeyCommandTests {
  let server = TestServer()

  @Test func deleting() {
    for command in ["DEL", "UNLINK"] {
      server.expect([
        ("MSET a 1 b 2 c 3", .ok), ("\(command) a none b a", 2), ("EXISTS a b c", 1), ("\(command) none", 0),
        ("\(command) c", 1), (command, .wrongArity(command.lowercased())),
      ])
    }
  }

  @Test func expiredKeysAreNotThere() {
    server.expect([("SET k v PX 5", .ok), ("SET stays v", .ok)])
    server.advance(milliseconds: 6)
    for request in ["DEL k", "EXISTS k", "TOUCH k", "PERSIST k", "EXPIRE k 100"] {
      server.expect([("SET k v PXAT 1", .ok), (request, 0)])
    }
    server.expect([("SET k v PXAT 1", .ok), ("TYPE k", .simple("none")), ("SET k v PXAT 1", .ok), ("TTL k", -2),
      ("SET k v PXAT 1", .ok), ("OBJECT ENCODING k", .null), ("SET k v PXAT 1", .ok), ("KEYS *", ["stays"]),
      ("KEYS k", []), ("SET k v PXAT 1", .ok), ("SCAN 0", ["0", ["stays"]]), ("RANDOMKEY", "stays")])
  }

  @Test func existsTypeTouch() {
    server.expect([
      ("EXISTS k", 0), ("TYPE k", .simple("none")), ("TOUCH k", 0), ("SET k v", .ok), ("EXISTS k", 1),
      ("EXISTS k k n", 2),
      ("TYPE k", .simple("string")), ("TOUCH k n k", 2), ("EXISTS", .wrongArity("exists")),
      ("TYPE", .wrongArity("type")),
      ("TOUCH", .wrongArity("touch")),
    ])
  }

  // MARK: Finding

  @Test func keys() {
    server.expect([("KEYS *", []), ("MSET one 1 two 2 three 3", .ok)])
    func names(_ pattern: String) -> [String] { server.run("KEYS", pattern).elements!.map { $0.text! }.sorted() }
    #expect(names("*") == ["one", "three", "two"])
    #expect(names("t*") == ["three", "two"])
    #expect(names("t?o") == ["two"])
    #expect(names("[ot][nw]?") == ["one", "two"])
    #expect(names("two") == ["two"])
    #expect(names("t\\wo") == ["two"])
    #expect(names("x*") == [])
    #expect(names("") == [])
    server.run([Array("SET".utf8), [], Array("v".utf8)])
    #expect(names("") == [""])
    #expect(names("*") == ["", "one", "three", "two"])
    server.expect([("KEYS", .wrongArity("keys")), ("KEYS a b", .wrongArity("keys"))])
  }

  @Test func randomkey() {
    server.expect([
      ("RANDOMKEY", .null), ("SET k v", .ok), ("RANDOMKEY", "k"), ("RANDOMKEY x", .wrongArity("randomkey")),
    ])
    #expect(server.connect(isRESP3: true).run("RANDOMKEY") == "k")
    for i in 0..<20 { server.run("SET", "key:\(i)", "v") }
    var seen: Set<String> = []
    for _ in 0..<2000 { seen.insert(server.run("RANDOMKEY").text!) }
    #expect(seen.count == 21)
  }

  @Test(arguments: [1, 7, 10, 1000, Int.max]) func scan(_ count: Int) {
    var names: Set<String> = []
    for i in 0..<2000 {
      names.insert("key:\(i)")
      server.run("SET", "key:\(i)", "v")
    }
    func walk(_ options: String...) -> Set<String> {
      var seen: Set<String> = []
      var cursor = "0"
      repeat {
        let reply = server.run((["SCAN", cursor] + options).map { Array($0.utf8) })
        cursor = reply[0]!.text!
        for name in reply[1]!.elements! { seen.insert(name.text!) }
      } while cursor != "0"
      return seen
    }
    #expect(walk("COUNT", "\(count)") == names)
    #expect(walk("COUNT", "\(count)", "MATCH", "key:1??") == names.filter { $0.hasPrefix("key:1") && $0.count == 7 })
    #expect(walk("MATCH", "*", "TYPE", "STRING", "COUNT", "\(count)") == names)
    #expect(walk("TYPE", "list", "COUNT", "\(count)") == [])
    #expect(walk("TYPE", "nonsense", "COUNT", "\(count)") == [])
  }

  @Test func scanOptions() {
    let badCursor = Reply.error("ERR invalid cursor")
    let empty: Reply = ["0", []]
    server.expect([
      ("SCAN abc", badCursor), ("SCAN ''", badCursor), ("SCAN -1", badCursor), ("SCAN 1x", badCursor),
      ("SCAN +", badCursor),
      ("SCAN 18446744073709551616", badCursor), ("SCAN 18446744073709551615", empty), ("SCAN +5", empty),
      ("SCAN -05", empty), ("SCAN 007", empty), ("SCAN x FOO", badCursor), ("SCAN 0 COUNT", .syntaxError),
      ("SCAN 0 COUNT 0", .syntaxError), ("SCAN 0 COUNT -1", .syntaxError), ("SCAN 0 COUNT x", .notAnInteger),
      ("SCAN 0 COUNT 9223372036854775808", .notAnInteger), ("SCAN 0 MATCH", .syntaxError),
      ("SCAN 0 TYPE", .syntaxError),
      ("SCAN 0 FOO", .syntaxError), ("SCAN 0 count 5 match * type string", empty),
      ("SCAN 0 COUNT 5 COUNT 0", .syntaxError),
      ("SCAN 0 NOVALUES", .error("ERR NOVALUES option can only be used in HSCAN")), ("SCAN", .wrongArity("scan")),
    ])
  }

  // MARK: OBJECT

  @Test func object() {
    server.expect([
      ("OBJECT ENCODING k", .null), ("OBJECT REFCOUNT k", .null), ("OBJECT IDLETIME k", .null),
      ("OBJECT FREQ k", .null),
      ("SET k v", .ok), ("OBJECT encoding k", "embstr"), ("OBJECT REFCOUNT k", 1), ("OBJECT IDLETIME k", 0),
      ("OBJECT ENCODING", .wrongArity("object|encoding")), ("OBJECT ENCODING k k", .wrongArity("object|encoding")),
      ("OBJECT HELP x", .wrongArity("object|help")), ("OBJECT", .wrongArity("object")),
      ("OBJECT FOO k", .error("ERR unknown subcommand 'FOO'. Try OBJECT HELP.")),
    ])
    let help = server.run("OBJECT", "HELP")
    #expect(help[0] == .simple("OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"))
    let client = server.connect(isRESP3: true)
    client.expect([("OBJECT ENCODING none", .null)])
  }

  @Test func idleTime() {
    server.run("SET", "k", "v")
    server.advance(milliseconds: 5000)
    // Asking about a key is no use of it.
    server.expect([
      ("EXISTS k", 1), ("TYPE k", .simple("string")), ("TTL k", -1), ("OBJECT IDLETIME k", 5), ("TOUCH k", 1),
      ("OBJECT IDLETIME k", 0),
    ])
    for request in [
      "GET k", "STRLEN k", "MGET k", "GETRANGE k 0 0", "EXPIRE k 100", "PERSIST k", "GETEX k", "APPEND k x",
      "SETNX k v",
    ] {
      server.advance(milliseconds: 3000)
      server.send(request)
      #expect(server.run("OBJECT", "IDLETIME", "k") == 0, "\(request)")
    }
    guard case .error(let text) = server.run("OBJECT", "FREQ", "k") else { return #expect(Bool(false)) }
    #expect(text.hasPrefix("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note"))
  }

  @Test func frequency() {
    server.withEngine { $0.keyspace.clock.meaning = .useCount }
    server.run("SET", "k", "v")
    #expect(server.run("OBJECT", "FREQ", "k") == 5)
    for _ in 0..<1000 { server.run("GET", "k") }
    let frequency = server.run("OBJECT", "FREQ", "k").integerValue!
    #expect(frequency > 8 && frequency < 60)
    server.advance(milliseconds: 3 * 60_000)
    #expect(server.run("OBJECT", "FREQ", "k") == .integer(frequency - 3))
    guard case .error(let text) = server.run("OBJECT", "IDLETIME", "k") else { return #expect(Bool(false)) }
    #expect(text.hasPrefix("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note"))
  }
}
