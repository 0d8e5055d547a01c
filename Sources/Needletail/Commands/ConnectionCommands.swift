import Glibc

// Commands about the client's own connection.

enum ConnectionCommand: UInt8, Sendable, CaseIterable {
  case ping, echo, select, quit, reset, hello, auth
}

extension ConnectionCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .connection(.ping), name: "ping", arity: -1, flags: [.fast],
      categories: [.fast, .connection],
      tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
      docs: CommandDocs(
        summary: "Tells that the server is there, or sends the message back.",
        since: "1.0.0", group: "connection", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "message", kind: .string, isOptional: true),
        ])),
    CommandSpec(
      id: .connection(.echo), name: "echo", arity: 2, flags: [.loading, .stale, .fast],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Sends the message back.",
        since: "1.0.0", group: "connection", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "message", kind: .string),
        ])),
    CommandSpec(
      id: .connection(.select), name: "select", arity: 2, flags: [.loading, .stale, .fast],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Chooses the database that the following commands of this connection use.",
        since: "1.0.0", group: "connection", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "index", kind: .integer),
        ])),
    CommandSpec(
      id: .connection(.quit), name: "quit", arity: -1,
      flags: [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy, .endsBatch],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Answers OK and ends the connection.",
        since: "1.0.0", group: "connection", complexity: "O(1)",
        flags: ["deprecated"], deprecatedSince: "7.2.0", replacedBy: "close connection")),
    CommandSpec(
      id: .connection(.reset), name: "reset", arity: 1,
      flags: [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy, .endsBatch],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Puts the connection into the state of a new one.",
        since: "6.2.0", group: "connection", complexity: "O(1)")),
    CommandSpec(
      id: .connection(.hello), name: "hello", arity: -1,
      flags: [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy, .endsBatch],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Chooses the protocol version, authenticates and names the connection; tells who the server is.",
        since: "6.0.0", group: "connection", complexity: "O(1)",
        history: [("6.2.0", "protover optional; without arguments: reports this connection")],
        arguments: [
          ArgumentSpec(name: "arguments", kind: .block, isOptional: true,
            arguments: [
              ArgumentSpec(name: "protover", kind: .integer),
              ArgumentSpec(name: "auth", kind: .block, token: "AUTH", isOptional: true,
                arguments: [
                  ArgumentSpec(name: "username", kind: .string),
                  ArgumentSpec(name: "password", kind: .string),
                ]),
              ArgumentSpec(name: "clientname", kind: .string, token: "SETNAME", isOptional: true),
            ]),
        ])),
    CommandSpec(
      id: .connection(.auth), name: "auth", arity: -2,
      flags: [.noscript, .loading, .stale, .fast, .noAuth, .allowBusy, .endsBatch],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Authenticates the connection.",
        since: "1.0.0", group: "connection", complexity: "O(N)",
        history: [("6.0.0", "+username")],
        arguments: [
          ArgumentSpec(name: "username", kind: .string, since: "6.0.0", isOptional: true),
          ArgumentSpec(name: "password", kind: .string),
        ])),
  ]
}

extension Engine {
  mutating func run(_ command: ConnectionCommand, _ request: Request) {
    switch command {
    case .ping: pingCommand(request)
    case .echo: echoCommand(request)
    case .select: selectCommand(request)
    case .quit: quitCommand(request)
    case .reset: resetCommand(request)
    case .hello: helloCommand(request)
    case .auth: authCommand(request)
    }
  }

  mutating func pingCommand(_ request: Request) {
    switch request.count {
    case 1: reply.simple("PONG")
    case 2: reply.bulk(request[1])
    default: reply.error("ERR wrong number of arguments for 'ping' command")
    }
  }

  mutating func echoCommand(_ request: Request) { reply.bulk(request[1]) }

  mutating func selectCommand(_ request: Request) {
    guard let index = databaseIndex(request[1]), isDatabase(index) else { return }
    request.client.state.database = index
    reply.ok()
  }

  mutating func quitCommand(_ request: Request) {
    request.client.state.closesAfterReply = true
    reply.ok()
  }

  /// Everything that a new connection has, but its number and what it told about its library.
  mutating func resetCommand(_ request: Request) {
    endTransaction(request.client)
    request.client.state.database = 0
    request.client.state.name = []
    // Its own answer is one of those that are given again.
    if request.client.state.modes.contains(.repliesOff) { reply.resume() }
    // It has seen all that came before.
    monitors.takeLines(for: request.client) { reply.monitorLines($0, from: $1) }
    stopMonitoring(request.client)
    request.client.state.modes = []
    request.client.state.isAuthenticated = settings.password.isEmpty
    setProtocol(request.client, isRESP3: false)
    reply.simple("RESET")
  }

  private mutating func setProtocol(_ client: Client, isRESP3: Bool) {
    client.state.isRESP3 = isRESP3
    reply.switchProtocol(isRESP3: isRESP3)
  }
}

// MARK: - Handshake

extension Engine {
  /// HELLO [protover [AUTH username password] [SETNAME clientname]]
  mutating func helloCommand(_ request: Request) {
    var isRESP3 = request.client.state.isRESP3
    if request.count > 1 {
      guard let version = request[1].integer else {
        return reply.error("ERR Protocol version is not an integer or out of range")
      }
      guard version == 2 || version == 3 else { return reply.error("NOPROTO unsupported protocol version") }
      isRESP3 = version == 3
    }

    // Nothing changes before all options are read: an error must leave the connection as it was.
    var credentials = 0
    var name = 0
    var index = 2
    while index < request.count {
      let option = request[index]
      let following = request.count - 1 - index
      if option.equalsIgnoringCase("auth") && following >= 2 {
        credentials = index + 1
        index += 3
      } else if option.equalsIgnoringCase("setname") && following >= 1 {
        name = index + 1
        guard isPlain(request[name]) else { return rejectClientName() }
        index += 2
      } else {
        return reply.error { text in
          text.append("ERR Syntax error in HELLO option '")
          text.append(option)
          text.append("'")
        }
      }
    }

    if credentials > 0 {
      guard authenticate(request.client, user: request[credentials], password: request[credentials + 1]) else { return }
    }
    guard request.client.state.isAuthenticated || settings.password.isEmpty else {
      return reply.error(
        """
        NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
        <pass> option can be used to authenticate the client and select the RESP protocol version at the same time
        """)
    }
    if name > 0 { request.client.state.name = request[name].array }
    setProtocol(request.client, isRESP3: isRESP3)

    reply.map(7)
    reply.bulk("server")
    reply.bulk("redis")  // Clients compare it.
    reply.bulk("version")
    reply.bulk(Version.redis)
    reply.bulk("proto")
    reply.integer(isRESP3 ? 3 : 2)
    reply.bulk("id")
    reply.integer(request.client.state.id)
    reply.bulk("mode")
    reply.bulk("standalone")
    reply.bulk("role")
    reply.bulk("master")
    reply.bulk("modules")
    reply.array(0)
  }

  /// AUTH [username] password
  mutating func authCommand(_ request: Request) {
    switch request.count {
    case 2:
      guard !settings.password.isEmpty else {
        return reply.error(
          """
          ERR AUTH <password> called without any password configured for the default user. Are you sure your \
          configuration is correct?
          """)
      }
      if authenticate(request.client, user: ByteView("default"), password: request[1]) { reply.ok() }
    case 3:
      if authenticate(request.client, user: request[1], password: request[2]) { reply.ok() }
    default:
      reply.syntaxError()
    }
  }

  /// Answers with an error unless the credentials are right.
  private mutating func authenticate(_ client: Client, user: ByteView, password: ByteView) -> Bool {
    let isRight = settings.password.isEmpty || isSame(password, settings.password)
    guard isRight && user == ByteView("default") else {
      statistics.authenticationFailures += 1
      reply.error("WRONGPASS invalid username-password pair or user is disabled.")
      return false
    }
    client.state.isAuthenticated = true
    return true
  }

  /// Takes a time that depends on the length of `given` alone, so that answers tell nothing about `secret`.
  private func isSame(_ given: ByteView, _ secret: [UInt8]) -> Bool {
    precondition(!secret.isEmpty)
    var difference = given.count ^ secret.count
    var secretIndex = 0
    for index in 0..<given.count {
      difference |= Int(given[index] ^ secret[secretIndex])
      secretIndex = secretIndex + 1 == secret.count ? 0 : secretIndex + 1
    }
    return difference == 0
  }
}
