import CSystem

// A request's way to its handler: which command it is, whether it may run, what is counted.

extension Engine {
  mutating func execute(_ request: Request) { execute(commands.lookup(request[0]), request) }

  /// Checks a request in Redis's order, runs it and answers it.
  ///
  /// - Parameter command: what `commands.lookup` found for the request's name, a container still unresolved; the batch
  ///   has looked it up already, to prefetch the keys.
  mutating func execute(_ command: CommandIndex?, _ request: Request) {
    guard let command else { return rejectUnknownCommand(request) }
    var index = command
    var info = commands.info(index)
    if info.isContainer && request.count > 1 {
      guard let subcommand = commands.lookup(request[1], in: index) else { return rejectUnknownSubcommand(request) }
      index = subcommand
      info = commands.info(index)
    }
    guard info.accepts(argumentCount: request.count) else { return rejectArgumentCount(index) }
    if info.flags.contains(.protected), !settings.debugCommand.isAllowed(toLocalClient: request.client.state.isLocal) {
      return rejectProtected(index)
    }
    if !request.client.state.isAuthenticated && !info.flags.contains(.noAuth) && !settings.password.isEmpty {
      return rejectUnauthenticated(index)
    }
    call(index, info, request)
  }

  @inline(__always)
  private mutating func call(_ index: CommandIndex, _ info: CommandInfo, _ request: Request) {
    let errorsBefore = reply.errors.total
    let dirtyBefore = keyspace.effects.dirty
    run(info.id, request)
    if keyspace.effects.isObserved {
      // A read can change the keyspace too, by meeting an expired key; the key's removal was then told already.
      if info.flags.contains(.write) && keyspace.effects.dirty != dirtyBefore { propagate(request) }
      reproduction = nil
    }
    statistics.commandsProcessed &+= 1
    let isFailure = reply.errors.total > errorsBefore
    let now = cs_cycles()
    let cycles = now &- commandStartCycles
    commandStartCycles = now
    commands.updateCounters(index) { counters in
      counters.calls &+= 1
      counters.cycles &+= cycles
      if isFailure { counters.failedCalls &+= 1 }
    }
  }

  private mutating func run(_ id: CommandID, _ request: Request) {
    switch id {
    case .string(let command): run(command, request)
    case .key(let command): run(command, request)
    case .connection(let command): run(command, request)
    case .server(let command): run(command, request)
    }
  }
}

extension CommandInfo {
  /// `count` includes the command's name.
  @inline(__always)
  func accepts(argumentCount count: Int) -> Bool {
    arity >= 0 ? count == Int(arity) : count >= -Int(arity)
  }
}

// MARK: - Refusals

extension Engine {
  /// How much of a client's bytes such an error repeats.
  private static let echoedBytesMax = 128

  @inline(never)
  private mutating func rejectUnknownCommand(_ request: Request) {
    let name = request[0]
    if name.equalsIgnoringCase("post") || name.equalsIgnoringCase("host:") {
      // A browser was tricked into talking to us: HTTP's lines would come through as commands one by one, its body
      // among them. Redis drops such a connection without a word, and so do we.
      request.client.state.closesAtOnce = true
      return
    }
    reply.error { text in
      text.append("ERR unknown command '")
      text.append(name, limit: Self.echoedBytesMax)
      text.append("', with args beginning with: ")
      let start = text.count
      var index = 1
      while index < request.count && text.count - start < Self.echoedBytesMax {
        let rest = Self.echoedBytesMax - (text.count - start)
        text.append("'")
        text.append(request[index], limit: rest)
        text.append("' ")
        index += 1
      }
    }
  }

  @inline(never)
  mutating func rejectUnknownSubcommand(_ request: Request) {
    let container = commands.lookup(request[0]).map { commands.fullName($0).uppercased() } ?? request[0].string
    reply.error { text in
      text.append("ERR unknown subcommand '")
      text.append(request[1], limit: Self.echoedBytesMax)
      text.append("'. Try ")
      text.append(container)
      text.append(" HELP.")
    }
  }

  @inline(never)
  private mutating func rejectArgumentCount(_ index: CommandIndex) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    let name = commands.fullName(index)
    reply.error { text in
      text.append("ERR wrong number of arguments for '")
      text.append(name)
      text.append("' command")
    }
  }

  @inline(never)
  private mutating func rejectProtected(_ index: CommandIndex) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    reply.error("""
      ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local \
      connection, otherwise you need to set this option in the configuration file, and then restart the server.
      """)
  }

  @inline(never)
  private mutating func rejectUnauthenticated(_ index: CommandIndex) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    reply.error("NOAUTH Authentication required.")
  }
}
