import CSystem

// A request's way to its handler: which command it is, whether it may run, what is counted.

extension Engine {
  mutating func execute(_ request: Request) { execute(commands.lookup(request[0]), request) }

  /// Checks a request in Redis's order, runs it and answers it.
  ///
  /// - Parameter command: what `commands.lookup` found for the request's name, a container still unresolved; the batch
  ///   has looked it up already, to prefetch the keys.
  @inline(__always)
  mutating func execute(_ command: CommandIndex?, _ request: Request) {
    if request.client.state.modes.isEmpty { dispatch(command, request) } else { executeInMode(command, request) }
  }

  /// A command of a client that gets no replies, or does not want to touch keys.
  @inline(never)
  private mutating func executeInMode(_ command: CommandIndex?, _ request: Request) {
    let modes = request.client.state.modes
    // CLIENT REPLY SKIP is about the command after it, this one: it may well be another SKIP.
    request.client.state.modes.remove(.skipsNextReply)
    let isUnanswered = !modes.isDisjoint(with: [.repliesOff, .skipsNextReply])
    // TOUCH exists to touch.
    keyspace.clock.isFrozen = modes.contains(.noTouch) && command.map { commands.info($0).id } != .key(.touch)
    if isUnanswered { reply.suspend() }
    dispatch(command, request)
    // One that waits comes again, and shall not be answered then either.
    if request.client.state.connection.holds.contains(.pause) { request.client.state.modes = modes }
    reply.resume()
    keyspace.clock.isFrozen = false
  }

  private mutating func dispatch(_ command: CommandIndex?, _ request: Request) {
    guard let command else { return rejectUnknownCommand(request) }
    var index = command
    var info = commands.info(index)
    if info.isContainer && request.count > 1 {
      guard let subcommand = commands.lookup(request[1], in: index) else {
        abortTransaction(request.client)
        return rejectUnknownSubcommand(request)
      }
      index = subcommand
      info = commands.info(index)
    }
    request.client.state.lastCommand = index
    guard info.accepts(argumentCount: request.count) else { return rejectArgumentCount(index, request.client) }
    if info.flags.contains(.protected) && !isAllowed(info, to: request.client) {
      return rejectProtected(index, request.client)
    }
    if !request.client.state.isAuthenticated && !info.flags.contains(.noAuth) && !settings.password.isEmpty {
      return rejectUnauthenticated(index, request.client)
    }
    if needsRoom, !makeRoom(), needsMemory(info, request.client) { return rejectWithoutMemory(index, request.client) }
    if isLoading && !info.flags.contains(.loading) { return rejectWhileLoading(index, request.client) }
    if persistence.hasBackgroundFailed && refusesWrites && changesData(info, request.client) {
      return rejectUnsaved(index, request.client)
    }
    if request.client.state.modes.contains(.monitors) && info.touchesKeyspace {
      return rejectMonitor(index, request.client)
    }
    if pause.isActive && mustWait(info, request) { return hold(command, request) }
    if request.client.state.isQueueing && !info.id.isImmediate { return queueIfAllowed(index, info, request) }
    call(index, info, request)
  }

  @inline(never)
  private mutating func queueIfAllowed(_ index: CommandIndex, _ info: CommandInfo, _ request: Request) {
    if info.flags.contains(.noMulti) { return rejectInTransaction(index, request.client) }
    queue(index, request)
  }

  /// Runs a request of a transaction, which was found to be in order when it was queued.
  mutating func executeQueued(_ item: RequestBatch.Item) {
    guard let index = item.command else { preconditionFailure("queued without a command") }
    let info = commands.info(index)
    if pause.isActive { keyspace.keepsExpired = info.flags.contains(.readonly) }
    call(index, info, queuedBatch.request(item))
  }

  @inline(__always)
  private mutating func call(_ index: CommandIndex, _ info: CommandInfo, _ request: Request) {
    let start = commandStartCycles
    watch.errorsCounted = reply.errors.total
    let dirtyBefore = keyspace.effects.dirty
    let writtenBefore = reply.writtenByteCount
    // Large arguments can become values, of which the command itself may let go again.
    let hasLarge = !keyspace.largeArguments.isEmpty
    if info.flags.contains(.write) && hasHugeArgument(request) && !reserveEntries(index, request) {
      commands.updateCounters(index) { $0.rejectedCalls += 1 }
      return replyOutOfMemory()
    }
    if hasLarge { watch.keptStarts.keep(of: request, settings.slowlogEntryMaxStringBytes) }
    #if PLANTED_FAULTS
    runWithFault(info.id, request)
    #else
    run(info.id, request)
    #endif
    if keyspace.effects.isObserved {
      // A read can change the keyspace too, by meeting an expired key; the key's removal was then told already.
      if info.flags.contains(.write) && keyspace.effects.dirty != dirtyBefore { propagate(request) }
      reproduction = nil
    }
    if !keyspace.entryReserve.isEmpty { keyspace.entryReserve.removeAll() }
    statistics.commandsProcessed &+= 1
    request.client.state.commandsProcessed &+= 1
    let isFailure = reply.errors.total > watch.errorsCounted
    watch.errorsCounted = reply.errors.total
    let now = cs_cycles()
    let cycles = now &- start
    commandStartCycles = now
    commands.updateCounters(index) { counters in
      counters.calls &+= 1
      counters.cycles &+= cycles
      if isFailure { counters.failedCalls &+= 1 }
      if watch.tracksLatency { counters.countLatency(nanoseconds: clock.nanoseconds(cycles)) }
    }
    let written = reply.writtenByteCount &- writtenBefore
    if cycles >= watch.cycles || written > watch.replyBytes || request.wireByteLimit > watch.requestBytes || hasLarge
      || watch.seesAll
    {
      observe(index, request, CommandCost(cycles: cycles, replyBytes: written))
    }
  }

  @inline(__always)
  private func hasHugeArgument(_ request: Request) -> Bool {
    for i in 1..<max(request.count, 1) where EntryReserve.isHuge(request[i]) { return true }
    return false
  }

  /// Makes sure of memory for entries of the request's huge keys, but those that it only takes away.
  /// - Returns: false when there is none.
  @inline(never)
  private mutating func reserveEntries(_ index: CommandIndex, _ request: Request) -> Bool {
    var isReserved = true
    _ = commands.row(index).forEachKey(KeyScan(request: request, start: 0)) { index, flags in
      guard isReserved, EntryReserve.isHuge(request[index]), flags.contains(where: KeySpec.isWriting) else { return }
      isReserved = keyspace.entryReserve.add(for: request[index])
    }
    if !isReserved { keyspace.entryReserve.removeAll() }
    return isReserved
  }

  mutating func run(_ id: CommandID, _ request: Request) {
    switch id {
    case .string(let command): run(command, request)
    case .bitmap(let command): run(command, request)
    case .list(let command): run(command, request)
    case .set(let command): run(command, request)
    case .hash(let command): run(command, request)
    case .sortedSet(let command): run(command, request)
    case .key(let command): run(command, request)
    case .connection(let command): run(command, request)
    case .client(let command): run(command, request)
    case .persistence(let command): run(command, request)
    case .server(let command): run(command, request)
    case .transaction(let command): run(command, request)
    case .observing(let command): run(command, request)
    case .replication(let command): run(command, request)
    case .cluster(let command): run(command, request)
    case .module(let command): run(command, request)
    case .acl(let command): run(command, request)
    }
  }
}

extension CommandID {
  /// Runs between MULTI and EXEC too instead of being queued.
  @inline(__always)
  fileprivate var isImmediate: Bool {
    switch self {
    case .transaction(let command): command != .unwatch
    case .connection(let command): command == .quit || command == .reset
    case .string, .bitmap, .list, .set, .hash, .sortedSet, .key, .client, .persistence, .server, .replication, .cluster,
      .module, .acl, .observing: false
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
    request.client.state.lastCommand = nil
    let name = request[0]
    if name.equalsIgnoringCase("post") || name.equalsIgnoringCase("host:") {
      // A browser was tricked into talking to us: HTTP's lines would come through as commands one by one, its body
      // among them. Redis drops such a connection without a word, and so do we.
      request.client.state.closesAtOnce = true
      return logAttack(request.client)
    }
    abortTransaction(request.client)
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

  private func logAttack(_ client: Client) {
    let address = String(decoding: client.state.connection.peerAddress(unixPath: settings.unixSocketPath).text, as: UTF8.self)
    logger.warning(
      """
      Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to \
      \(Version.productName). This is likely due to an attacker attempting to use Cross Protocol Scripting to \
      compromise your \(Version.productName) instance. Connection from \(address) aborted.
      """)
  }

  @inline(never)
  mutating func rejectUnknownSubcommand(_ request: Request) {
    request.client.state.lastCommand = nil
    let container = SettingText.lowercased(request[0].array).uppercased()
    reply.error { text in
      text.append("ERR unknown subcommand '")
      text.append(request[1], limit: Self.echoedBytesMax)
      text.append("'. Try ")
      text.append(container)
      text.append(" HELP.")
    }
  }

  /// What Redis answers where a subcommand has more arguments than it can use, or is none of `container`'s.
  mutating func rejectSubcommandArguments(_ request: Request, of container: StaticString) {
    reply.error { text in
      text.append("ERR unknown subcommand or wrong number of arguments for '")
      text.append(request[1], limit: Self.echoedBytesMax)
      text.append("'. Try ")
      text.append(container)
      text.append(" HELP.")
    }
  }

  @inline(never)
  private mutating func rejectArgumentCount(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    let name = commands.fullName(index)
    let isExec = endTransactionOfRefused(index, client)
    reply.error { text in
      text.append(isExec ? Self.execAborted : "ERR " as StaticString)
      text.append("wrong number of arguments for '")
      text.append(name)
      text.append("' command")
    }
  }

  @inline(never)
  private func isAllowed(_ info: CommandInfo, to client: Client) -> Bool {
    let setting = if case .module = info.id { settings.moduleCommand } else { settings.debugCommand }
    return setting.isAllowed(toLocalClient: client.state.isLocal)
  }

  @inline(never)
  private mutating func rejectProtected(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    abortTransaction(client)
    let name = if case .module = commands.info(index).id { "module" } else { "debug" }
    reply.error("""
      ERR \(name.uppercased()) command not allowed. If the enable-\(name)-command option is set to "local", you can run it from a local \
      connection, otherwise you need to set this option in the configuration file, and then restart the server.
      """)
  }

  @inline(never)
  private mutating func rejectUnauthenticated(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    if endTransactionOfRefused(index, client) {
      reply.error("\(Self.execAborted)NOAUTH Authentication required.")
    } else {
      reply.error("NOAUTH Authentication required.")
    }
  }

  private static var execAborted: StaticString { "EXECABORT Transaction discarded because of: " }

  /// A transaction is aborted by any request that is refused. A refused EXEC ends it, and forgets watched keys even
  /// outside of one.
  /// - Returns: whether it is an EXEC.
  private mutating func endTransactionOfRefused(_ index: CommandIndex, _ client: Client) -> Bool {
    guard commands.info(index).id == .transaction(.exec) else {
      abortTransaction(client)
      return false
    }
    endTransaction(client)
    return true
  }

  @inline(never)
  private mutating func rejectWithoutMemory(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    let isExec = endTransactionOfRefused(index, client)
    reply.error("\(isExec ? Self.execAborted : "")OOM command not allowed when used memory > 'maxmemory'.")
  }

  @inline(never)
  private mutating func rejectWhileLoading(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    abortTransaction(client)
    reply.error("LOADING Redis is loading the dataset in memory")
  }

  @inline(never)
  private mutating func rejectMonitor(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    abortTransaction(client)
    reply.error("ERR Replica can't interact with the keyspace")
  }

  /// A command's flags; of EXEC, those of all that it runs.
  func flagsToRun(_ info: CommandInfo, _ client: Client) -> CommandFlags {
    guard info.id == .transaction(.exec), client.state.isQueueing else { return info.flags }
    return unsafe client.state.transaction?.pointee.queuedFlags ?? []
  }

  /// PING is refused like a write, so that whoever watches over the server hears of it.
  private func changesData(_ info: CommandInfo, _ client: Client) -> Bool {
    switch info.id {
    case .connection(.ping): true
    default: flagsToRun(info, client).contains(.write)
    }
  }

  @inline(never)
  private mutating func rejectUnsaved(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    let prefix = endTransactionOfRefused(index, client) ? Self.execAborted : ""
    reply.error("""
      \(prefix)MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may \
      modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
      snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.
      """)
  }

  private mutating func rejectInTransaction(_ index: CommandIndex, _ client: Client) {
    commands.updateCounters(index) { $0.rejectedCalls += 1 }
    abortTransaction(client)
    reply.error("ERR Command not allowed inside a transaction")
  }
}
