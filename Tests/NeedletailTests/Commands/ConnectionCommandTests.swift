import Testing
@testable import Needletail

@Suite struct ConnectionCommandTests {
  let server = TestServer()

  static func locked(_ password: String = "sesame") -> TestServer {
    var settings = Settings()
    settings.password = Array(password.utf8)
    return TestServer(settings)
  }

  @Test func ping() {
    #expect(server.run("PING") == .simple("PONG"))
    #expect(server.run("ping", "hello") == "hello")
    #expect(server.run("ping", "a", "b") == .error("ERR wrong number of arguments for 'ping' command"))
  }

  @Test func echo() {
    #expect(server.run("echo", "") == "")
    let binary: [UInt8] = [0, 13, 10, 255]
    #expect(server.run([Array("echo".utf8), binary]) == .bytes(binary))
  }

  @Test func select() {
    #expect(server.run("select", "15") == .ok)
    #expect(server.client.database == 15)
    for bad in ["16", "-1", "2147483647"] {
      #expect(server.run("select", bad) == .error("ERR DB index is out of range"))
    }
    for bad in ["x", "", "01", "99999999999999999999"] { #expect(server.run("select", bad) == .notAnInteger) }
    #expect(
      server.run("select", "2147483648")
        == .error("ERR value is out of range, value must between -2147483648 and 2147483647"))
    #expect(server.client.database == 15)
  }

  @Test func quit() {
    #expect(server.run("quit", "now", "please") == .ok)
    #expect(server.client.closesAfterReply)
  }

  // MARK: HELLO

  @Test func helloTellsWhoWeAre() {
    let expected: [Reply] = [
      "server", "redis", "version", "8.2.3", "proto", 2, "id", 1, "mode", "standalone", "role", "master", "modules", [],
    ]
    #expect(server.run("hello") == .array(expected))
    var inRESP3 = expected
    inRESP3[5] = 3
    #expect(server.run("hello", "3") == .map(inRESP3))
    #expect(server.client.isRESP3)
    #expect(server.run("hello") == .map(inRESP3))
    #expect(server.run("hello", "2") == .array(expected))
  }

  @Test func helloRefuses() {
    for version in ["1", "4", "-3", "9223372036854775807"] {
      #expect(server.run("hello", version) == .error("NOPROTO unsupported protocol version"))
    }
    for version in ["x", "", "setname", "99999999999999999999"] {
      #expect(server.run("hello", version) == .error("ERR Protocol version is not an integer or out of range"))
    }
    #expect(server.run("hello", "3", "setname") == .error("ERR Syntax error in HELLO option 'setname'"))
    #expect(server.run("hello", "3", "AUTH", "a") == .error("ERR Syntax error in HELLO option 'AUTH'"))
    #expect(server.run("hello", "3", "setname", "x", "foo") == .error("ERR Syntax error in HELLO option 'foo'"))
    #expect(
      server.run("hello", "3", "setname", "a b")
        == .error("ERR Client names cannot contain spaces, newlines or special characters."))
    #expect(server.run("hello", "3", "setname", "x", "auth", "nobody", "y") == Self.wrongPassword)
    // None of them changed anything.
    #expect(!server.client.isRESP3)
    #expect(server.run("client", "getname") == .null)
  }

  @Test func helloAuthenticatesAndNames() {
    let server = Self.locked()
    let refusal = Reply.error(
      """
      NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
      <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
      """)
    #expect(server.run("hello") == refusal)
    #expect(server.run("hello", "3", "setname", "x") == refusal)
    #expect(server.run("hello", "4") == .error("NOPROTO unsupported protocol version"))
    #expect(server.run("hello", "3", "auth", "default", "wrong") == Self.wrongPassword)
    #expect(server.run("hello", "3", "auth", "default", "sesame", "setname", "joe")["proto"] == 3)
    #expect(server.run("client", "getname") == "joe")
  }

  // MARK: AUTH

  static let wrongPassword = Reply.error("WRONGPASS invalid username-password pair or user is disabled.")

  @Test func authWithoutPassword() {
    #expect(
      server.run("auth", "x")
        == .error(
          """
          ERR AUTH <password> called without any password configured for the default user. Are you sure your \
          configuration is correct?
          """))
    #expect(server.run("auth", "default", "anything") == .ok)
    #expect(server.run("auth", "someone", "x") == Self.wrongPassword)
    #expect(server.run("auth", "a", "b", "c") == .syntaxError)
  }

  @Test func authWithPassword() {
    let server = Self.locked()
    for wrong in ["", "s", "sesam", "sesamf", "sesamesesame", "Sesame", "sesame\0"] {
      #expect(server.run("auth", wrong) == Self.wrongPassword)
      #expect(server.run("auth", "default", wrong) == Self.wrongPassword)
    }
    #expect(server.run("auth", "DEFAULT", "sesame") == Self.wrongPassword)
    #expect(server.run("ping") == .error("NOAUTH Authentication required."))
    #expect(server.run("auth", "sesame") == .ok)
    #expect(server.run("ping") == .simple("PONG"))
    // A wrong password takes nothing away.
    #expect(server.run("auth", "wrong") == Self.wrongPassword)
    #expect(server.run("ping") == .simple("PONG"))
    #expect(server.run("reset") == .simple("RESET"))
    #expect(server.run("ping") == .error("NOAUTH Authentication required."))
    #expect(server.run("auth", "default", "sesame") == .ok)
  }

  /// As in Redis: who is connected stays in, and without a password nobody is a stranger.
  @Test func passwordThatChangesLater() {
    let other = server.connect()
    #expect(server.run("config", "set", "requirepass", "new") == .ok)
    #expect(other.run("ping") == .simple("PONG"))
    let late = server.connect()
    #expect(late.run("ping") == .error("NOAUTH Authentication required."))
    #expect(server.run("config", "set", "requirepass", "") == .ok)
    #expect(late.run("ping") == .simple("PONG"))
  }

  // MARK: RESET and CLIENT

  @Test func reset() {
    let client = server.connect(isRESP3: true)
    client.run("select", "3")
    client.run("client", "setname", "joe")
    #expect(client.runRaw([Array("reset".utf8)]) == Array("+RESET\r\n".utf8))
    #expect(client.runRaw([Array("client".utf8), Array("getname".utf8)]) == Array("$-1\r\n".utf8))
    #expect(client.database == 0)
  }

  @Test func clientNames() {
    #expect(server.run("client", "getname") == .null)
    #expect(server.run("client", "setname", "joe!~") == .ok)
    #expect(server.run("CLIENT", "GetName") == "joe!~")
    for bad in ["a b", "a\n", "\u{7f}", "é", "a b\0"] {
      #expect(
        server.run("client", "setname", bad)
          == .error("ERR Client names cannot contain spaces, newlines or special characters."))
    }
    #expect(server.run("client", "getname") == "joe!~")
    // As Redis: nobody looks beyond a zero byte.
    #expect(server.run("client", "setname", "a\0 b") == .ok)
    #expect(server.run("client", "getname") == "a\0 b")
    #expect(server.run("client", "setname", "") == .ok)
    #expect(server.run("client", "getname") == .null)
  }

  @Test func clientInformation() {
    #expect(server.run("client", "id") == 1)
    #expect(server.connect().run("client", "id") == 2)
    #expect(server.run("client", "setinfo", "lib-name", "redis-py") == .ok)
    #expect(server.run("client", "setinfo", "LIB-VER", "5.0") == .ok)
    #expect(server.client.libName == Array("redis-py".utf8))
    #expect(server.client.libVersion == Array("5.0".utf8))
    #expect(server.run("client", "setinfo", "foo", "bar") == .error("ERR Unrecognized option 'foo'"))
    #expect(
      server.run("client", "setinfo", "lib-name", "a b")
        == .error("ERR lib-name cannot contain spaces, newlines or special characters."))
    #expect(server.run("client", "setinfo", "lib-name", "") == .ok)
    #expect(server.client.libName == [])
    #expect(server.run("client", "help")[0]?.text?.hasPrefix("CLIENT <subcommand>") == true)
  }
}
