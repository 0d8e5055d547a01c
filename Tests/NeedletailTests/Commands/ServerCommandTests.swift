import Testing
@testable import Needletail

@Suite struct ServerCommandTests {
  let server = TestServer()

  private func add(_ keys: String..., to database: Int = 0) {
    server.withEngine { engine in
      for key in keys {
        withView(Array(key.utf8)) { key in
          var found = engine.keyspace.find(Key(key, engine.keyspace.seed), in: database)
          try! engine.keyspace.setString(&found, ByteView("value"), expiry: .clear)
        }
      }
    }
  }

  private var dirty: Int { server.withEngine { $0.keyspace.effects.dirty } }

  @Test func time() throws {
    let reply = try #require(server.run("time").elements)
    #expect(reply.count == 2)
    let seconds = try #require(reply[0].text.flatMap { Int($0) })
    let microseconds = try #require(reply[1].text.flatMap { Int($0) })
    #expect(abs(seconds - WallClock.microseconds / 1_000_000) <= 1)
    #expect(0..<1_000_000 ~= microseconds)
  }

  // MARK: Flushing

  @Test func flushdb() {
    add("a", "b")
    add("c", to: 1)
    #expect(server.run("dbsize") == 2)
    let before = dirty
    #expect(server.run("flushdb") == .ok)
    #expect(dirty == before + 2)
    #expect(server.run("dbsize") == 0)
    server.run("select", "1")
    #expect(server.run("dbsize") == 1)
    #expect(server.run("FLUSHDB", "async") == .ok)
    #expect(server.run("dbsize") == 0)
    #expect(server.run("flushdb", "sync") == .ok)
  }

  @Test func flushall() {
    add("a", "b")
    add("c", to: 15)
    let before = dirty
    #expect(server.run("flushall", "SYNC") == .ok)
    #expect(dirty == before + 4)
    #expect(server.run("dbsize") == 0)
    server.run("select", "15")
    #expect(server.run("dbsize") == 0)
  }

  @Test func flushRefuses() {
    add("a")
    for command in ["flushdb", "flushall"] {
      #expect(server.run(command, "foo") == .syntaxError)
      #expect(server.run(command, "sync", "async") == .syntaxError)
      #expect(server.run(command, "sync", "sync") == .syntaxError)
    }
    #expect(server.run("dbsize") == 1)
  }

  // MARK: SHUTDOWN

  /// The name of the snapshot file is a path that is no file's.
  private static func unsavable(savePoints: Bool) -> Settings {
    var settings = Settings()
    settings.dbFilename = "/nonexistent/dump.rdb"
    if savePoints { settings.savePoints = [SavePoint(seconds: 1, changes: 1)] }
    return settings
  }

  /// Of a server that can save nothing.
  private func shutdown(_ options: String..., savePoints: Bool = false) -> ShutdownRequest? {
    let server = TestServer(Self.unsavable(savePoints: savePoints))
    let reply = server.client.runRaw((["shutdown"] + options).map { Array($0.utf8) })
    #expect(reply == [])
    return server.withEngine { $0.shutdownRequest }
  }

  @Test func shutdownAsksTheLoop() {
    #expect(shutdown() == ShutdownRequest())
    #expect(shutdown("nosave") == ShutdownRequest())
    #expect(shutdown("NOSAVE", "NOW", "now") == ShutdownRequest(isNow: true))
    #expect(shutdown("force") == ShutdownRequest(isForced: true))
    // FORCE ends the server even if it could not save.
    #expect(shutdown("save", "force", "now") == ShutdownRequest(isNow: true, isForced: true))
    #expect(shutdown("force", savePoints: true) == ShutdownRequest(isForced: true))
    #expect(shutdown("nosave", savePoints: true) == ShutdownRequest())
  }

  @Test func shutdownRefuses() {
    let bad = [["foo"], ["save", "nosave"], ["abort", "now"], ["nosave", "abort"], ["now", "x"]]
    for options in bad { #expect(server.run((["shutdown"] + options).map { Array($0.utf8) }) == .syntaxError) }
    for server in [TestServer(Self.unsavable(savePoints: false)), TestServer(Self.unsavable(savePoints: true))] {
      #expect(server.run("shutdown", "save") == .error("ERR Errors trying to SHUTDOWN. Check logs."))
      let request = server.withEngine { $0.shutdownRequest }
      #expect(request == nil)
    }
    #expect(TestServer(Self.unsavable(savePoints: true)).run("shutdown").isError)
    #expect(server.run("shutdown", "abort") == .error("ERR No shutdown in progress."))
    let request = server.withEngine { $0.shutdownRequest }
    #expect(request == nil)
  }

  @Test func shutdownIsCalledOff() {
    _ = server.client.runRaw([Array("shutdown".utf8)])
    #expect(server.run("shutdown", "abort") == .ok)
    let request = server.withEngine { $0.shutdownRequest }
    #expect(request == nil)
  }

  // MARK: CONFIG

  @Test func configGet() {
    #expect(server.run("config", "get", "port") == ["port", "6379"])
    #expect(server.run("config", "get", "PORT", "port") == ["PORT", "6379"])
    #expect(server.run("config", "get", "nosuch") == [])
    #expect(server.connect(isRESP3: true).run("config", "get", "maxclients") == .map(["maxclients", "10000"]))
    #expect((server.run("config", "get", "*").elements?.count ?? 0) > 50)
  }

  @Test func configSet() {
    #expect(server.run("config", "set", "maxclients", "50", "timeout", "7") == .ok)
    #expect(server.run("config", "get", "timeout", "maxclients") == ["timeout", "7", "maxclients", "50"])
    #expect(server.run("config", "set", "timeout", "1", "maxclients") == .syntaxError)
    #expect(server.run("config", "set", "timeout", "x").isError)
    #expect(server.run("config", "set", "timeout", "1", "nosuch", "1").isError)
    #expect(
      server.run("config", "set", "nosuch", "1")
        == .error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"))
    #expect(server.run("config", "get", "timeout") == ["timeout", "7"])
  }

  /// What cannot be carried out takes the whole change back.
  @Test func configSetIsCarriedOutOrTakenBack() {
    #expect(server.run("config", "set", "timeout", "9", "maxclients", "4294967295").isError)
    #expect(server.run("config", "get", "timeout", "maxclients") == ["timeout", "0", "maxclients", "10000"])
    #expect(server.run("config", "set", "maxmemory-policy", "allkeys-lfu") == .ok)
    let isLFU = server.withEngine { $0.keyspace.clock.meaning == .useCount }
    #expect(isLFU)
  }

  @Test func protectedSettingsAreForLocalClients() {
    var settings = Settings()
    settings.protectedConfigs = .local
    let server = TestServer(settings)
    // Where the process is already: changing it would disturb tests that run beside this one.
    #expect(server.run("config", "set", "dir", ".").isError)
    server.client.handle.state.isLocal = true
    #expect(server.run("config", "set", "dir", ".") == .ok)
  }

  @Test func configRewriteAndHelp() {
    #expect(server.run("config", "rewrite") == .error("ERR The server is running without a config file"))
    let scratch = ScratchDirectory()
    let file = scratch.file("a.conf", "hz 20\n")
    server.withEngine { $0.facts.configurationFile = file }
    #expect(server.run("config", "rewrite") == .ok)
    #expect(scratch.text(of: file).hasPrefix("hz 10\n"))
    let tooLong = [UInt8](repeating: UInt8(ascii: "x"), count: ConfigurationLoader.fileMaxBytes)
    server.withEngine { $0.settings.password = tooLong }
    server.client.handle.state.isAuthenticated = true
    #expect(
      server.run("config", "rewrite") == .error("ERR Rewriting config file: it would be too long to be read again"))
    server.withEngine { $0.settings.password = [] }
    #expect(scratch.text(of: file).hasPrefix("hz 10\n"))
    server.withEngine { $0.facts.configurationFile = scratch.path }
    #expect(server.run("config", "rewrite") == .error("ERR Rewriting config file: Is a directory"))
    #expect(server.run("config", "help").elements?.last == .simple("    Print this help."))
  }
}

@Suite struct CommandCommandTests {
  let server = TestServer()

  @Test func countAndList() {
    let count = server.run("command", "count").integerValue ?? 0
    #expect(count >= 16)
    #expect(server.run("command").elements?.count == count)
    // The list has subcommands too.
    #expect(server.run("command", "list").elements?.count ?? 0 > count)
    #expect(server.run("command", "info").elements?.count == count)
    #expect(server.run("command", "docs").elements?.count == 2 * count)
  }

  @Test func listFiltered() {
    #expect(server.run("command", "list", "filterby", "module", "x") == [])
    #expect(server.run("command", "list", "FILTERBY", "aclcat", "nosuch") == [])
    #expect(server.run("command", "list", "filterby", "pattern", "nosuch*") == [])
    #expect(server.run("command", "list", "filterby", "pattern", "CONFIG|[gs]et") == ["config|get", "config|set"])
    let dangerous = server.run("command", "list", "filterby", "ACLCAT", "Dangerous").elements ?? []
    #expect(dangerous.contains("flushall") && dangerous.contains("config|set") && !dangerous.contains("ping"))
    let refused = [
      ["foo"], ["filterby"], ["filterby", "module"], ["filterby", "foo", "x"], ["filterby", "aclcat", "a", "b"],
    ]
    for bad in refused {
      #expect(server.run((["command", "list"] + bad).map { Array($0.utf8) }) == .syntaxError)
    }
  }

  @Test func infoOfUnknownCommands() {
    #expect(server.run("command", "info", "nosuch", "config|nosuch", "client|get|x") == [.null, .null, .null])
    #expect(server.run("command", "info", "CONFIG|GET")[0]?[0] == "config|get")
    #expect(server.run("command", "docs", "nosuch") == [])
  }

  @Test func infoInRESP2() {
    #expect(
      server.run("command", "info", "dbsize") == [
        [
          "dbsize", 1, [.simple("readonly"), .simple("fast")], 0, 0, 0,
          [.simple("@keyspace"), .simple("@read"), .simple("@fast")],
          ["request_policy:all_shards", "response_policy:agg_sum"], [], [],
        ]
      ])
  }

  @Test func keysOfRequestsWithoutKeys() {
    #expect(server.run("command", "getkeys", "nosuch", "x") == .error("ERR Invalid command specified"))
    #expect(server.run("command", "getkeys", "config", "nosuch") == .error("ERR Invalid command specified"))
    #expect(server.run("command", "getkeys", "ping") == .error("ERR The command has no key arguments"))
    #expect(server.run("command", "getkeys", "config", "get", "x") == .error("ERR The command has no key arguments"))
    #expect(server.run("command", "getkeysandflags", "config") == .error("ERR The command has no key arguments"))
  }
}

@Suite struct KeyExtractionTests {
  @Test func keysOfRealRequests() {
    let server = TestServer()
    func keys(_ request: String) -> Reply {
      server.run((["command", "getkeys"] + request.split(separator: " ").map(String.init)).map { Array($0.utf8) })
    }
    #expect(keys("get a") == ["a"])
    #expect(keys("MSET a 1 b 2") == ["a", "b"])
    #expect(keys("mset a 1 b") == ["a", "b"])
    #expect(keys("lcs a b LEN") == ["a", "b"])
    #expect(keys("msetex 2 a 1 b 2 NX") == ["a", "b"])
    #expect(keys("msetex 1 a 1 b 2") == ["a"])
    #expect(keys("increx a BYINT 5") == ["a"])
    for number in ["0", "-1", "3", "x", "9223372036854775807"] {
      #expect(keys("msetex \(number) a 1 b 2") == .error("ERR Invalid arguments specified for command"))
    }
    #expect(keys("object encoding a") == ["a"])
    #expect(keys("object") == .error("ERR The command has no key arguments"))
    #expect(keys("object nosuch a") == .error("ERR Invalid command specified"))
    #expect(keys("get") == .error("ERR Invalid number of arguments specified for command"))
    for options in [["get"], ["IFEQ", "x"], ["EX", "5", "ifdne", "x"]] {
      let withFlags = server.run((["command", "getkeysandflags", "set", "a", "1"] + options).map { Array($0.utf8) })
      #expect(withFlags == [["a", [.simple("RW"), .simple("access"), .simple("update")]]])
    }
    #expect(server.run("command", "getkeysandflags", "set", "a", "1", "NX") ==
      [["a", [.simple("OW"), .simple("update")]]])
  }

  @Test func numberedKeysOfRealRequests() {
    let server = TestServer()
    func keys(_ request: String) -> Reply {
      server.run((["command", "getkeys"] + request.split(separator: " ").map(String.init)).map { Array($0.utf8) })
    }
    for name in ["zunion", "zinter", "zdiff", "zintercard", "sintercard", "sunioncard", "sdiffcard", "lmpop", "zmpop"] {
      #expect(keys("\(name) 1 a b c") == ["a"])
      #expect(keys("\(name) 2 a b c") == ["a", "b"])
      #expect(keys("\(name) 3 a b c") == ["a", "b", "c"])
      for number in ["4", "0", "-1", "x", "2x", "02", "4294967298", "9223372036854775807"] {
        #expect(keys("\(name) \(number) a b c") == .error("ERR Invalid arguments specified for command"))
      }
    }
    for name in ["zunionstore", "zinterstore", "zdiffstore"] {
      #expect(keys("\(name) d 1 a b") == ["d", "a"])
      #expect(keys("\(name) d 2 a b") == ["d", "a", "b"])
      for number in ["3", "0", "x", "2x"] {
        #expect(keys("\(name) d \(number) a b") == .error("ERR Invalid arguments specified for command"))
      }
    }
    #expect(keys("sinterstore d a b") == ["d", "a", "b"])
    #expect(keys("lmovem a b left right exactly 2 obo") == ["a", "b"])
    #expect(keys("zrangestore d a 0 -1") == ["d", "a"])
  }

  @Test func keysOfSort() {
    let server = TestServer()
    func keys(_ request: String) -> Reply {
      server.run((["command", "getkeys"] + request.split(separator: " ").map(String.init)).map { Array($0.utf8) })
    }
    #expect(keys("sort a") == ["a"])
    #expect(keys("sort a store") == ["a"])
    #expect(keys("sort a by x* limit 0 5 get # get y* desc alpha STORE d") == ["a", "d"])
    #expect(keys("sort a store b store c") == ["a", "c"])
    // Where one option's value looks like another option.
    #expect(keys("sort a by store x") == ["a"])
    #expect(keys("sort a get store store x") == ["a", "x"])
    #expect(keys("sort a limit store 1 store x") == ["a", "x"])
    #expect(keys("sort a limit 0 store x") == ["a"])
    #expect(keys("sort a store limit store x") == ["a", "x"])
    #expect(keys("sort a store by store x") == ["a", "x"])
    #expect(keys("sort_ro a store b") == ["a"])
    #expect(server.run("command", "getkeysandflags", "sort", "a", "store", "b") == [
      ["a", [.simple("RO"), .simple("access")]], ["b", [.simple("OW"), .simple("update")]],
    ])
  }

  /// The keys that `specs` find in a request, or nil where it does not fit.
  private func keys(_ specs: [KeySpec], name: StaticString = "x", _ arguments: String...) -> [String]? {
    let server = TestServer()
    let row = CommandSpec(
      id: .connection(.ping), name: name, arity: -1, flags: [], categories: [], keySpecs: specs,
      docs: CommandDocs(summary: "", since: "", group: "", complexity: ""))
    let bytes = Array((["x"] + arguments).joined(separator: "").utf8) + [0]
    return unsafe bytes.withUnsafeBytes { buffer in
      var views: [ByteView] = []
      var offset = 0
      for argument in ["x"] + arguments {
        unsafe views.append(ByteView(buffer.baseAddress! + offset, count: argument.utf8.count))
        offset += argument.utf8.count
      }
      return unsafe views.withUnsafeBufferPointer { views in
        let request = unsafe Request(
          client: server.client.handle, arguments: views.baseAddress!, count: views.count, hash: 0, hashedIndex: -1)
        var found: [String] = []
        let isValid = row.forEachKey(KeyScan(request: request, start: 0)) { index, flags in
          found.append(([request[index].string] + flags.map { "\($0)" }).joined(separator: " "))
        }
        return isValid ? found : nil
      }
    }
  }

  private func range(_ first: Int, last: Int, step: Int = 1, limit: Int = 0, _ flags: [StaticString] = []) -> KeySpec {
    KeySpec(flags: flags, begin: .index(first), find: .range(lastKey: last, step: step, limit: limit))
  }

  @Test func ranges() {
    #expect(keys([range(1, last: 0)], "a", "b") == ["a"])
    #expect(keys([range(1, last: -1)], "a", "b", "c") == ["a", "b", "c"])
    #expect(keys([range(1, last: -1, step: 2)], "a", "b", "c", "d") == ["a", "c"])
    #expect(keys([range(1, last: -2)], "a", "b", "0") == ["a", "b"])
    #expect(keys([range(1, last: 0), range(2, last: 0)], "a", "b") == ["a", "b"])
    #expect(keys([range(1, last: 0)]) == nil)
    #expect(keys([range(1, last: -2)], "0") == nil)
    #expect(keys([range(1, last: 1)], "a") == nil)
    #expect(keys([range(1, last: 0, ["not_key"])], "a") == [])
    #expect(keys([range(1, last: 0, ["incomplete"])], "a") == nil)
  }

  @Test func countedKeys() {
    let spec = [KeySpec(flags: ["RO"], begin: .index(1), find: .keyNumber(index: 0, firstKey: 1, step: 1))]
    #expect(keys(spec, "2", "a", "b", "left") == ["a RO", "b RO"])
    for bad in ["3", "0", "-1", "x", "9223372036854775807", ""] { #expect(keys(spec, bad, "a", "b") == nil) }
    #expect(keys(spec) == nil)
  }

  @Test func keysBehindAKeyword() {
    func behind(_ keyword: StaticString, from start: Int, limit: Int) -> [KeySpec] {
      let find = KeySpec.FindKeys.range(lastKey: -1, step: 1, limit: limit)
      return [KeySpec(flags: [], begin: .keyword(keyword, startFrom: start), find: find)]
    }
    // XREAD ... STREAMS key [key ...] id [id ...]
    let streams = behind("STREAMS", from: 1, limit: 2)
    #expect(keys(streams, "COUNT", "1", "streams", "a", "b", "0", "0") == ["a", "b"])
    #expect(keys(streams, "COUNT", "1") == nil)
    // MIGRATE ... KEYS key [key ...], searched from the end
    let last = behind("KEYS", from: -2, limit: 0)
    #expect(keys(last, "keys", "1", "KEYS", "a", "b") == ["a", "b"])
    #expect(keys(last, "a") == nil)
    #expect(keys([KeySpec(flags: [], begin: .unknown, find: .unknown)], "a") == nil)
  }

  @Test func setReadsOnlyWithGet() {
    let spec = [range(1, last: 0, ["RW", "access", "update", "variable_flags"])]
    #expect(keys(spec, name: "set", "a", "b") == ["a OW update"])
    #expect(keys(spec, name: "set", "a", "b", "GeT") == ["a RW access update"])
    #expect(keys(spec, name: "set", "get", "get") == ["get OW update"])
  }
}
