// Commands about the server as a whole. CONFIG, COMMAND and INFO have files of their own.

enum ServerCommand: UInt8, Sendable, CaseIterable {
  case time, dbsize, flushdb, flushall, swapdb, shutdown
  case config, configGet, configSet, configResetStat, configRewrite, configHelp
  case command, commandCount, commandInfo, commandDocs, commandList, commandGetKeys, commandGetKeysAndFlags, commandHelp
  case info
  case memory, memoryDoctor, memoryMallocStats, memoryPurge, memoryStats, memoryUsage, memoryHelp
  case debug, lolwut
}

extension ServerCommand {
  static let rows: [CommandSpec] = basicRows + configRows + commandRows + infoRows + memoryRows + debugRows
    + lolwutRows

  private static let basicRows: [CommandSpec] = [
    CommandSpec(
      id: .server(.time), name: "time", arity: 1, flags: [.loading, .stale, .fast],
      categories: [.fast],
      tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Returns the time of day: seconds since 1970 and the microseconds of the current second.",
        since: "2.6.0", group: "server", complexity: "O(1)")),
    CommandSpec(
      id: .server(.dbsize), name: "dbsize", arity: 1, flags: [.readonly, .fast],
      categories: [.keyspace, .read, .fast],
      tips: ["request_policy:all_shards", "response_policy:agg_sum"],
      docs: CommandDocs(
        summary: "Returns how many keys the database has.",
        since: "1.0.0", group: "server", complexity: "O(1)")),
    CommandSpec(
      id: .server(.flushdb), name: "flushdb", arity: -1, flags: [.write],
      categories: [.keyspace, .write, .slow, .dangerous],
      tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
      docs: CommandDocs(
        summary: "Removes all keys of the database.",
        since: "1.0.0", group: "server", complexity: "O(N)",
        history: [("4.0.0", "+ASYNC"), ("6.2.0", "+SYNC")],
        arguments: [
          ArgumentSpec(name: "flush-type", kind: .oneOf, isOptional: true,
            arguments: [
              ArgumentSpec(name: "async", kind: .pureToken, token: "ASYNC", since: "4.0.0"),
              ArgumentSpec(name: "sync", kind: .pureToken, token: "SYNC", since: "6.2.0"),
            ]),
        ])),
    CommandSpec(
      id: .server(.flushall), name: "flushall", arity: -1, flags: [.write],
      categories: [.keyspace, .write, .slow, .dangerous],
      tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
      docs: CommandDocs(
        summary: "Removes all keys of all databases.",
        since: "1.0.0", group: "server", complexity: "O(N)",
        history: [("4.0.0", "+ASYNC"), ("6.2.0", "+SYNC")],
        arguments: [
          ArgumentSpec(name: "flush-type", kind: .oneOf, isOptional: true,
            arguments: [
              ArgumentSpec(name: "async", kind: .pureToken, token: "ASYNC", since: "4.0.0"),
              ArgumentSpec(name: "sync", kind: .pureToken, token: "SYNC", since: "6.2.0"),
            ]),
        ])),
    CommandSpec(
      id: .server(.swapdb), name: "swapdb", arity: 3, flags: [.write, .fast],
      categories: [.keyspace, .write, .fast, .dangerous],
      docs: CommandDocs(
        summary: "Exchanges the contents of two databases.",
        since: "4.0.0", group: "server", complexity: "O(N)",
        arguments: [
          ArgumentSpec(name: "index1", kind: .integer), ArgumentSpec(name: "index2", kind: .integer),
        ])),
    CommandSpec(
      id: .server(.shutdown), name: "shutdown", arity: -1,
      flags: [.admin, .noscript, .loading, .stale, .noMulti, .allowBusy, .endsBatch],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Ends the server.",
        since: "1.0.0", group: "server", complexity: "O(N); O(1)",
        history: [("7.0.0", "+NOW, +FORCE, +ABORT")],
        arguments: [
          ArgumentSpec(name: "save-selector", kind: .oneOf, isOptional: true,
            arguments: [
              ArgumentSpec(name: "nosave", kind: .pureToken, token: "NOSAVE"),
              ArgumentSpec(name: "save", kind: .pureToken, token: "SAVE"),
            ]),
          ArgumentSpec(name: "now", kind: .pureToken, token: "NOW", since: "7.0.0", isOptional: true),
          ArgumentSpec(name: "force", kind: .pureToken, token: "FORCE", since: "7.0.0", isOptional: true),
          ArgumentSpec(name: "abort", kind: .pureToken, token: "ABORT", since: "7.0.0", isOptional: true),
        ])),
  ]
}

extension Engine {
  mutating func run(_ command: ServerCommand, _ request: Request) {
    switch command {
    case .time: timeCommand()
    case .dbsize: dbsizeCommand(request)
    case .flushdb: flushdbCommand(request)
    case .flushall: flushallCommand(request)
    case .swapdb: swapdbCommand(request)
    case .shutdown: shutdownCommand(request)
    case .config: rejectUnknownSubcommand(request)
    case .configGet: configGetCommand(request)
    case .configSet: configSetCommand(request)
    case .configResetStat: configResetStatCommand()
    case .configRewrite: configRewriteCommand()
    case .configHelp: configHelpCommand()
    case .command: commandCommand()
    case .commandCount: commandCountCommand()
    case .commandInfo: commandInfoCommand(request)
    case .commandDocs: commandDocsCommand(request)
    case .commandList: commandListCommand(request)
    case .commandGetKeys: commandGetKeysCommand(request, withFlags: false)
    case .commandGetKeysAndFlags: commandGetKeysCommand(request, withFlags: true)
    case .commandHelp: commandHelpCommand()
    case .info: infoCommand(request)
    case .memory: rejectUnknownSubcommand(request)
    case .memoryDoctor: memoryDoctorCommand()
    case .memoryMallocStats: reply.verbatim(AllocatorFacts.statistics)
    case .memoryPurge: memoryPurgeCommand()
    case .memoryStats: memoryStatsCommand()
    case .memoryUsage: memoryUsageCommand(request)
    case .memoryHelp: memoryHelpCommand()
    case .debug: debugCommand(request)
    case .lolwut: lolwutCommand(request)
    }
  }

  mutating func timeCommand() {
    let now = WallClock.microseconds
    reply.array(2)
    reply.bulk(integer: now / 1_000_000)
    reply.bulk(integer: now % 1_000_000)
  }

  mutating func dbsizeCommand(_ request: Request) { reply.integer(keyspace.count(database: request.client.database)) }

  // MARK: Flushing

  mutating func flushdbCommand(_ request: Request) {
    guard acceptsFlushOptions(request) else { return }
    keyspace.effects.count(keyspace.flush(database: request.client.database))
    reply.ok()
  }

  mutating func flushallCommand(_ request: Request) {
    guard acceptsFlushOptions(request) else { return }
    // What it writes is gone.
    cancelBackgroundSave()
    var removed = 0
    for database in 0..<keyspace.databaseCount { removed += keyspace.flush(database: database) }
    // One change more, so that even an empty keyspace's flush is one.
    keyspace.effects.count(removed + 1)
    // As in Redis an empty file takes the place of the old one if there are save points, only that nobody waits for it.
    if !settings.savePoints.isEmpty { scheduleBackgroundSave(request.client) }
    reply.ok()
  }

  /// SYNC and ASYNC come to the same here: unlinking takes microseconds and freeing always happens in the background.
  private mutating func acceptsFlushOptions(_ request: Request) -> Bool {
    let isValid = request.count == 1
      || request.count == 2 && (request[1].equalsIgnoringCase("sync") || request[1].equalsIgnoringCase("async"))
    if !isValid { reply.syntaxError() }
    return isValid
  }

  // MARK: Shutdown

  /// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] | SHUTDOWN ABORT
  ///
  /// Nothing is answered when it succeeds: the connection just ends.
  mutating func shutdownCommand(_ request: Request) {
    var wanted = ShutdownRequest()
    var saves = false
    var savesNot = false
    var aborts = false
    for index in 1..<request.count {
      let option = request[index]
      if option.equalsIgnoringCase("nosave") {
        savesNot = true
      } else if option.equalsIgnoringCase("save") {
        saves = true
      } else if option.equalsIgnoringCase("now") {
        wanted.isNow = true
      } else if option.equalsIgnoringCase("force") {
        wanted.isForced = true
      } else if option.equalsIgnoringCase("abort") {
        aborts = true
      } else {
        return reply.syntaxError()
      }
    }
    let hasOptions = saves || savesNot || wanted != ShutdownRequest()
    guard !(aborts && hasOptions), !(saves && savesNot) else { return reply.syntaxError() }

    if aborts {
      guard shutdownRequest != nil else { return reply.error("ERR No shutdown in progress.") }
      shutdownRequest = nil
      return reply.ok()
    }
    guard saveForShutdown(asked: saves ? true : savesNot ? false : nil) || wanted.isForced else {
      return reply.error("ERR Errors trying to SHUTDOWN. Check logs.")
    }
    shutdownRequest = wanted
  }
}
