import Testing
@testable import Needletail

@Suite struct ClientCommandTests {
  let server = TestServer()

  /// The lines of a listing, each as its fields in order.
  private func lines(_ reply: Reply) throws -> [[(name: String, value: String)]] {
    let text = try #require(reply.text)
    return text.split(separator: "\n").map { line in
      line.split(separator: " ").map { field in
        let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), String(parts[1]))
      }
    }
  }

  private func ids(_ reply: Reply) throws -> [Int] { try lines(reply).map { Int($0[0].value)! } }

  private func info(_ client: TestClient) throws -> [String: String] {
    let fields = try lines(client.run("client", "info"))[0]
    return Dictionary(uniqueKeysWithValues: fields.map { ($0.name, $0.value) })
  }

  // MARK: LIST and INFO

  @Test func fieldsInRedisOrder() throws {
    let fields = try lines(server.run("client", "info"))
    #expect(fields.count == 1)
    #expect(
      fields[0].map(\.name) == [
        "id", "addr", "laddr", "fd", "name", "age", "idle", "flags", "db", "sub", "psub", "ssub", "multi", "watch", "qbuf",
        "qbuf-free", "argv-mem", "multi-mem", "rbs", "rbp", "obl", "oll", "omem", "tot-mem", "events", "cmd", "user",
        "redir", "resp", "lib-name", "lib-ver", "io-thread", "tot-net-in", "tot-net-out", "tot-cmds",
      ])
    #expect(server.run("client", "info").text?.hasSuffix("\n") == true)
  }

  @Test func valuesAreTrue() throws {
    let client = server.connect(isRESP3: true)
    client.run("select", "3")
    client.run("client", "setname", "joe")
    client.run("client", "setinfo", "lib-name", "lib")
    client.run("client", "setinfo", "lib-ver", "1.2")
    server.advance(milliseconds: 5000)
    let fields = try info(client)
    #expect(fields["id"] == "2" && fields["addr"] == "?:0" && fields["db"] == "3" && fields["name"] == "joe")
    #expect(fields["age"] == "5" && fields["idle"] == "5" && fields["flags"] == "N" && fields["resp"] == "3")
    #expect(fields["lib-name"] == "lib" && fields["lib-ver"] == "1.2" && fields["cmd"] == "client|info")
    #expect(fields["argv-mem"] == "10" && fields["tot-cmds"] == "4" && fields["user"] == "default")
    #expect(fields["multi"] == "-1" && fields["watch"] == "0" && fields["events"] == "r")
    #expect(Int(fields["tot-mem"]!)! >= 128)
    guard case .verbatim(format: "txt", _) = client.run("client", "list") else { Issue.record("no text"); return }
  }

  /// A command that there is not, or that lacks arguments, is no command that ran.
  @Test func lastCommandAndItsCount() throws {
    let client = server.connect()
    func shown() throws -> [String?] {
      let line = try lines(server.run("client", "list", "id", "2"))[0]
      return ["cmd", "tot-cmds"].map { name in line.first { $0.name == name }?.value }
    }
    #expect(try shown() == ["NULL", "0"])
    client.run("ping")
    #expect(try shown() == ["ping", "1"])
    client.run("get")
    #expect(try shown() == ["get", "1"])
    client.run("nosuch")
    #expect(try shown() == ["NULL", "1"])
    client.run("config", "get", "port")
    #expect(try shown() == ["config|get", "2"])
    client.run("client", "nosuch")
    #expect(try shown() == ["NULL", "2"])
  }

  @Test func listSelects() throws {
    let second = server.connect()
    let third = server.connect()
    #expect(try ids(server.run("client", "list")) == [1, 2, 3])
    #expect(try ids(server.run("client", "list", "TYPE", "Normal")) == [1, 2, 3])
    for other in ["replica", "slave", "master", "primary", "pubsub"] {
      #expect(server.run("client", "list", "type", other) == "")
      #expect(try ids(server.run("client", "list", "not-type", other)) == [1, 2, 3])
    }
    #expect(try ids(server.run("client", "list", "id", "3", "99", "0", "-5", "1", "3")) == [3, 1, 3])
    second.run("client", "setname", "two")
    third.run("select", "7")
    third.run("client", "setinfo", "lib-name", "lib")
    third.run("client", "setinfo", "lib-ver", "9")
    third.run("client", "no-touch", "on")
    let expected: [(String, [Int])] = [
      ("name two", [2]), ("not-name two", [1, 3]), ("db 7", [3]), ("not-db 7", [1, 2]), ("lib-name lib", [3]),
      ("not-lib-name lib", [1, 2]), ("lib-ver 9", [3]), ("not-lib-ver 9", [1, 2]), ("flags T", [3]), ("flags N", [1, 2]),
      ("not-flags T", [1, 2]), ("flags TN", []), ("user default", [1, 2, 3]), ("not-user default", []),
      ("addr ?:0", [1, 2, 3]), ("not-addr ?:0", []), ("laddr ?:0", [1, 2, 3]), ("ip ?", [1, 2, 3]), ("ip 1.2.3.4", []),
      ("not-ip 1.2.3.4", [1, 2, 3]), ("capa r", []), ("not-capa r", [1, 2, 3]), ("skipme yes", [2, 3]),
      ("skipme no", [1, 2, 3]), ("id 1 2 skipme yes", [2]), ("not-id 1 2", [3]), ("id 2 3 not-id 2", [3]),
      ("name two name one", []), ("name one name two", [2]), ("id 1 id 2", [2]), ("name two db 0 type normal", [2]),
      ("maxage 1", []), ("idle 1", []),
    ]
    for (filter, selected) in expected {
      #expect(try ids(server.send("client list " + filter)) == selected, "\(filter)")
    }
    server.advance(milliseconds: 3000)
    #expect(try ids(server.send("client list maxage 3")) == [1, 2, 3])
    #expect(try ids(server.send("client list maxage 4")) == [])
    #expect(try ids(server.send("client list idle 3")) == [1, 2, 3])
    #expect(try ids(server.send("client list idle 4")) == [])
  }

  // MARK: KILL

  @Test(arguments: [
    ("list", "syntax error", ["type", "foo", "foo bar", "type normal x", "skipme maybe", "not-idle 3",
      "not-maxage 3", "not-skipme yes", "name", "not- x"]),
    ("kill", "syntax error", ["foo bar", "id 5 type", "id 5 x", "skipme maybe", "skipme yes name", "not-idle 3"]),
    ("list", "Invalid client ID", ["id x", "id 3 3 x", "id 10000000000000000000"]),
    ("kill", "client-id should be greater than 0", ["id x", "id 0", "id -1", "not-id 0", "id 1 0"]),
  ])
  func filtersRefused(_ command: String, _ error: String, _ filters: [String]) {
    for filter in filters {
      #expect(server.send("client \(command) \(filter)") == .error("ERR \(error)"), "\(command) \(filter)")
    }
  }

  @Test(arguments: ["list", "kill"])
  func valuesRefused(_ command: String) {
    for (filter, error) in [
      ("type foo", "Unknown client type 'foo'"), ("user foo", "No such user 'foo'"), ("maxage 0", "maxage should be greater than 0"),
      ("maxage -1", "maxage should be greater than 0"), ("maxage x", "maxage is not an integer or out of range"),
      ("idle 0", "idle should be greater than 0"), ("idle x", "idle is not an integer or out of range"),
      ("db 16", "DB index is out of range"), ("db -1", "DB index is out of range"),
      ("db x", "value is not an integer or out of range"), ("flags !", "Unknown flags found in the provided filter: !"),
      ("capa x", "Unknown capa found in the provided filter: x"),
    ] {
      #expect(server.send("client \(command) \(filter)") == .error("ERR \(error)"), "\(filter)")
    }
  }

  @Test func killEndsOthersAtOnceAndItselfAfterItsAnswer() {
    let second = server.connect()
    let third = server.connect()
    #expect(server.send("client kill id 99") == 0)
    #expect(server.send("client kill id 1") == 0)  // SKIPME is yes
    #expect(!server.client.closesAfterReply)
    #expect(server.send("client kill id 2") == 1)
    #expect(second.closesAtOnce && !third.closesAtOnce)
    // It is gone already, although the loop closes it only later.
    #expect(server.send("client kill id 2") == 0)
    #expect(server.send("client list id 2") == "")
    #expect(server.send("client kill type normal skipme no") == 2)
    #expect(third.closesAtOnce && server.client.closesAfterReply && !server.client.closesAtOnce)
    let killed = server.withEngine { $0.killedClients.map { $0.state.id } }
    #expect(killed == [2, 3])
  }

  @Test func killByAddressAlone() {
    let second = server.connect()
    #expect(server.send("client kill 1.2.3.4:5") == .error("ERR No such client"))
    #expect(server.send("client kill id") == .error("ERR No such client"))
    #expect(server.send("client kill ?:0") == .ok)
    #expect(second.closesAtOnce && server.client.closesAfterReply)
  }

  // MARK: REPLY

  /// Requests in turn, `/` between them, and all that is answered.
  @Test(arguments: [
    ("client reply on", "+OK\r\n"),
    ("client reply off/ping/client reply on/ping", "+OK\r\n+PONG\r\n"),
    ("client reply skip/ping/ping", "+PONG\r\n"),
    ("client reply skip/client reply skip/ping/ping", "+PONG\r\n"),
    ("client reply skip/client reply on/ping", "+OK\r\n+PONG\r\n"),
    ("client reply skip/client reply off/ping/client reply on/ping", "+OK\r\n+PONG\r\n"),
    ("client reply off/client reply skip/ping/client reply on/ping", "+OK\r\n+PONG\r\n"),
    ("client reply off/client reply foo/client reply/nosuch/client reply on", "+OK\r\n"),
    ("client reply skip/client reply foo/ping", "+PONG\r\n"),
    ("client reply skip/nosuch/ping", "+PONG\r\n"),
    ("client reply off/reset/ping", "+RESET\r\n+PONG\r\n"),
    ("client reply skip/reset/ping", "+PONG\r\n"),
    ("client reply off/hello 3/client reply on/get nosuch", "+OK\r\n_\r\n"),
    ("client reply off/command docs/client reply on", "+OK\r\n"),
    ("client reply foo", "-ERR syntax error\r\n"),
  ])
  func replies(_ script: String, _ expected: String) {
    var bytes: [UInt8] = []
    for request in script.split(separator: "/") {
      bytes += server.client.runRaw(request.split(separator: " ").map { Array($0.utf8) })
    }
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }

  @Test func unansweredCommandsRunAllTheSame() {
    let value = [UInt8](repeating: 7, count: 200_000)
    _ = server.client.runRaw(["client", "reply", "off"].map { Array($0.utf8) })
    #expect(server.client.runRaw([Array("set".utf8), Array("k".utf8), value]) == [])
    for _ in 0..<3 {
      #expect(server.client.runRaw(["get", "k"].map { Array($0.utf8) }) == [])
      #expect(server.client.runRaw([Array("echo".utf8), value]) == [])
    }
    #expect(server.run("client", "reply", "on") == .ok)
    #expect(server.run("get", "k") == .bytes(value))
    // Nothing was pinned for a reply that nobody got.
    #expect(server.run("client", "reply", "on") == .ok)
  }

  // MARK: NO-TOUCH and NO-EVICT

  @Test func modes() throws {
    #expect(server.run("client", "no-touch", "On") == .ok)
    #expect(server.run("client", "no-evict", "on") == .ok)
    #expect(try info(server.client)["flags"] == "eT")
    #expect(server.run("client", "no-touch", "x") == .syntaxError)
    #expect(server.run("client", "no-touch", "off") == .ok)
    #expect(try info(server.client)["flags"] == "e")
    #expect(server.run("reset") == .simple("RESET"))
    #expect(try info(server.client)["flags"] == "N")
  }

  @Test func untouchedKeysStayIdle() {
    server.send("set k 1")
    server.send("client no-touch on")
    server.advance(milliseconds: 3000)
    for request in ["get k", "mget k", "strlen k", "getex k persist", "incr k", "append k 1", "expire k 1000", "setrange k 0 5",
      "exists k", "set k 2", "getset k 3"]
    {
      server.send(request)
      #expect(server.send("object idletime k") == 3, "\(request)")
    }
    // A key of its own making is as new as any.
    server.send("set new 1")
    #expect(server.send("object idletime new") == 0)
    let other = server.connect()
    other.send("get k")
    #expect(server.send("object idletime k") == 0)
    server.advance(milliseconds: 2000)
    #expect(server.send("touch k") == 1)
    #expect(server.send("object idletime k") == 0)
    server.advance(milliseconds: 2000)
    server.send("client no-touch off")
    server.send("get k")
    #expect(server.send("object idletime k") == 0)
  }

  @Test func untouchedKeysKeepTheirUseCounts() {
    server.send("config set maxmemory-policy allkeys-lfu lfu-log-factor 0")
    server.send("set k 1")
    server.send("client no-touch on")
    let before = server.send("object freq k")
    for _ in 0..<50 { server.send("get k") }
    #expect(server.send("object freq k") == before)
    server.send("touch k")
    #expect(server.send("object freq k").integerValue! > before.integerValue!)
    // The policy may change meanwhile.
    server.send("config set maxmemory-policy allkeys-lru")
    server.send("client no-touch off")
    server.advance(milliseconds: 1000)
    server.send("get k")
    #expect(server.send("object idletime k") == 0)
  }

  @Test func aNonUTF8SettingNameComesBackAsItWas() {
    let name: [UInt8] = [0x6d, 0xff, 0xfe, 13, 10, 0x78]
    let reply = server.client.runRaw([Array("config".utf8), Array("set".utf8), name, [0x31]])
    #expect(
      reply == Array("-ERR Unknown option or number of arguments for CONFIG SET - 'm".utf8) + [0xff, 0xfe, 32, 32, 0x78]
        + Array("'\r\n".utf8))
  }
}
