import Testing

@testable import Needletail

/// What is answered about replication, clusters, modules and users by a server that has none of them.
@Suite struct StandaloneTests {
  let server = TestServer()

  private static let disabled = Reply.error("ERR This instance has cluster support disabled")
  private static let noReplication = Reply.error("ERR This server does not replicate")

  // MARK: Replication

  @Test func role() { #expect(server.run("ROLE") == ["master", 0, []]) }

  @Test func replicaof() {
    #expect(server.run("REPLICAOF", "no", "One") == .ok)
    #expect(server.run("slaveof", "NO", "ONE") == .ok)
    for port in ["-1", "65536", "x", ""] {
      #expect(server.run("REPLICAOF", "no", port) == .error("ERR Invalid master port"))
    }
    for port in ["0", "65535"] { #expect(server.run("REPLICAOF", "one", port) == Self.noReplication) }
    for request in [["REPLCONF", "listening-port", "1"], ["REPLCONF"], ["PSYNC", "?", "-1"], ["SYNC"]] {
      #expect(server.run(request.map { Array($0.utf8) }) == Self.noReplication)
    }
    #expect(server.run("ROLE")[0] == "master")
  }

  @Test func failover() {
    let none = Reply.error("ERR FAILOVER requires connected replicas.")
    #expect(server.run("FAILOVER") == none)
    #expect(server.run("FAILOVER", "to", "host", "1", "force", "timeout", "1") == none)
    #expect(server.run("FAILOVER", "abort") == .error("ERR No failover in progress."))
    #expect(server.run("FAILOVER", "TIMEOUT", "0") == .error("ERR FAILOVER timeout must be greater than 0"))
    #expect(server.run("FAILOVER", "TIMEOUT", "x") == .notAnInteger)
    #expect(server.run("FAILOVER", "TO", "host", "x") == .notAnInteger)
    for words in [["TO", "host"], ["TIMEOUT"], ["x"], ["ABORT", "TIMEOUT", "5"], ["FORCE", "FORCE"]] {
      #expect(server.run((["FAILOVER"] + words).map { Array($0.utf8) }) == .syntaxError)
    }
  }

  @Test func wait() {
    #expect(server.run("WAIT", "0", "0") == 0)
    #expect(server.run("WAIT", "-1", "1") == 0)
    // Nobody is going to acknowledge anything: there is nothing to wait for.
    #expect(server.run("WAIT", "5", "0") == 0)
    #expect(server.run("WAIT", "x", "x") == .notAnInteger)
    let now = server.withEngine { $0.keyspace.nowMilliseconds }
    #expect(server.run("WAIT", "0", "\(Int.max - now)") == 0)
    #expect(server.run("WAIT", "0", "\(Int.max - now + 1)") == .error("ERR timeout is out of range"))
    #expect(server.run("WAIT", "0", "-1") == .error("ERR timeout is negative"))
    #expect(server.run("WAIT", "0", "1.5") == .error("ERR timeout is not an integer or out of range"))
  }

  @Test func waitaof() {
    #expect(server.run("WAITAOF", "0", "0", "0") == [0, 0])
    #expect(server.run("WAITAOF", "0", "1", "0") == [0, 0])
    let local = Reply.error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    #expect(server.run("WAITAOF", "1", "0", "0") == local)
    for number in ["-1", "2"] {
      let range = Reply.error("ERR value is out of range, value must between 0 and 1")
      #expect(server.run("WAITAOF", number, "x", "x") == range)
    }
    #expect(server.run("WAITAOF", "x", "-1", "0") == .notAnInteger)
    for number in ["-1", "x"] {
      #expect(server.run("WAITAOF", "1", number, "x") == .error("ERR value is out of range, must be positive"))
    }
    #expect(server.run("WAITAOF", "1", "0", "-1") == .error("ERR timeout is negative"))
  }

  // MARK: Cluster and modules

  @Test func cluster() {
    for request in [["READONLY"], ["READWRITE"], ["ASKING"], ["CLUSTER", "INFO"], ["CLUSTER", "help"],
      ["CLUSTER", "SETSLOT", "1", "STABLE"], ["CLUSTER", "KEYSLOT", "k"]]
    {
      #expect(server.run(request.map { Array($0.utf8) }) == Self.disabled)
    }
    #expect(server.run("CLUSTER", "nosuch") == .error("ERR unknown subcommand 'nosuch'. Try CLUSTER HELP."))
    #expect(server.run("CLUSTER", "KEYSLOT")
      == .error("ERR wrong number of arguments for 'cluster|keyslot' command"))
  }

  @Test func modules() {
    #expect(server.run("MODULE", "LIST") == [])
    #expect(server.run("MODULE", "HELP").elements?.isEmpty == false)
    var settings = Settings()
    settings.moduleCommand = .yes
    let allowing = TestServer(settings)
    for request in [["LOAD", "x"], ["LOADEX", "x"], ["UNLOAD", "x"]] {
      let words = (["MODULE"] + request).map { Array($0.utf8) }
      #expect(allowing.run(words) == .error("ERR Error loading the extension: this server has no modules."))
      guard case .error(let text) = server.run(words) else { Issue.record("\(request) is allowed"); continue }
      #expect(text.hasPrefix("ERR MODULE command not allowed. If the enable-module-command option"))
    }
  }

  @Test func keysForOtherServers() {
    server.run("SET", "k", "v")
    let reply = server.run("MIGRATE", "127.0.0.1", "1", "k", "0", "100")
    #expect(reply == .error("ERR MIGRATE is not supported. Use DUMP here and RESTORE on the other server."))
    #expect(server.run("GET", "k") == "v")
    func migrate(_ arguments: String...) -> Reply {
      server.run((["MIGRATE", "127.0.0.1", "1"] + arguments).map { Array($0.utf8) })
    }
    #expect(migrate("", "0", "100", "KEYS", "no", "k") == reply)
    // Nothing to send.
    #expect(migrate("no", "0", "100", "COPY", "REPLACE", "AUTH", "password") == .simple("NOKEY"))
    #expect(migrate("", "99999", "1", "AUTH2", "user", "password", "KEYS", "no", "nor") == .simple("NOKEY"))
    #expect(migrate("", "0", "100", "KEYS") == .simple("NOKEY"))
    for options in [["x"], ["AUTH"], ["AUTH2", "user"]] {
      #expect(server.run((["MIGRATE", "h", "1", "no", "x", "100"] + options).map { Array($0.utf8) }) == .syntaxError)
    }
    #expect(migrate("no", "x", "100") == .error("ERR value is not an integer or out of range"))
    #expect(migrate("no", "0", "x") == .error("ERR value is not an integer or out of range"))
    #expect(
      migrate("k", "0", "100", "KEYS", "no")
        == .error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"))
    guard case .bytes(let payload) = server.run("DUMP", "k") else { return #expect(Bool(false), "no payload") }
    let restore = ["RESTORE-ASKING", "copy", "0"].map { Array($0.utf8) } + [payload]
    #expect(server.run(restore) == .ok)
    #expect(server.run("GET", "copy") == "v")
    #expect(server.run(restore) == .error("BUSYKEY Target key name already exists."))
  }

  // MARK: Users

  @Test func users() throws {
    #expect(server.run("ACL", "WHOAMI") == "default")
    #expect(server.run("ACL", "USERS") == ["default"])
    #expect(server.run("ACL", "SETUSER", "x") == .error("ERR unknown subcommand 'SETUSER'. Try ACL HELP."))
    let categories = try #require(server.run("ACL", "CAT").elements)
    #expect(categories.first == "keyspace" && categories.last == "scripting" && categories.count == 21)
    #expect(server.run("ACL", "CAT", "nosuch") == .error("ERR Unknown category 'nosuch'"))
    let strings = try #require(server.run("ACL", "CAT", "STRING").elements)
    #expect(strings.contains("append") && !strings.contains("lpush"))
    // Names of subcommands are whole.
    #expect(server.run("ACL", "CAT", "dangerous").elements?.contains("config|set") == true)
  }

  @Test func passwords() throws {
    for (bits, digits) in [("1", 1), ("4", 1), ("5", 2), ("4096", 1024)] {
      let text = try #require(server.run("ACL", "GENPASS", bits).text)
      #expect(text.count == digits && text.allSatisfy(\.isHexDigit))
    }
    #expect(server.run("ACL", "GENPASS").text?.count == 64)
    #expect(server.run("ACL", "GENPASS") != server.run("ACL", "GENPASS"))
    for bits in ["0", "4097", "-1"] {
      #expect(server.run("ACL", "GENPASS", bits) == .error("""
        ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096
        """))
    }
    #expect(server.run("ACL", "GENPASS", "x") == .notAnInteger)
  }

  // MARK: LOLWUT

  @Test func lolwut() throws {
    let client = server.connect(isRESP3: true)
    for _ in 0..<50 {
      guard case .verbatim("txt", let text) = client.run("LOLWUT") else { return #expect(Bool(false), "no text") }
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count == 17 && lines.allSatisfy { $0.utf8.count <= 80 })
      #expect(lines[15].hasSuffix("Redis ver. \(Version.redis)"))
      #expect(text.contains("v"))
    }
    #expect(server.run("LOLWUT", "VERSION", "x") == .notAnInteger)
    #expect(server.run("LOLWUT", "VERSION", "5", "1", "2").text != nil)
    #expect(server.run("LOLWUT", "VERSION", "5", "1", "2", "x") == .notAnInteger)
    #expect(server.run("LOLWUT", "VERSION", "6", "1", "2", "x").text != nil)
    #expect(server.run("LOLWUT", "VERSION", "6", "1", "x") == .notAnInteger)
    #expect(server.run("LOLWUT", "VERSION", "8", "x").text != nil)
    #expect(server.run("LOLWUT", "VERSION").text != nil)
  }
}
