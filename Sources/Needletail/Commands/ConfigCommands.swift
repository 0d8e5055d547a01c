// CONFIG: settings at run time. Settings themselves are declared in Configuration.

extension ServerCommand {
  static let configRows: [CommandSpec] = [
    CommandSpec(
      id: .server(.config), name: "config", arity: -2, flags: [],
      categories: [.slow],
      docs: CommandDocs(
        summary: "Holds the commands about settings.",
        since: "2.0.0", group: "server", complexity: "by subcommand"),
      subcommands: [
        CommandSpec(
          id: .server(.configGet), name: "get", arity: -3, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Returns the settings whose names match the patterns.",
            since: "2.0.0", group: "server", complexity: "O(N)",
            history: [("7.0.0", "pattern may repeat")],
            arguments: [
              ArgumentSpec(name: "parameter", kind: .string, isMultiple: true),
            ])),
        CommandSpec(
          id: .server(.configSet), name: "set", arity: -4, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous],
          tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
          docs: CommandDocs(
            summary: "Changes settings, all of them or none.",
            since: "2.0.0", group: "server", complexity: "O(N)",
            history: [("7.0.0", "parameter/value may repeat")],
            arguments: [
              ArgumentSpec(name: "data", kind: .block, isMultiple: true,
                arguments: [
                  ArgumentSpec(name: "parameter", kind: .string),
                  ArgumentSpec(name: "value", kind: .string),
                ]),
            ])),
        CommandSpec(
          id: .server(.configResetStat), name: "resetstat", arity: 2, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous],
          tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
          docs: CommandDocs(
            summary: "Sets the counters that INFO shows to zero.",
            since: "2.0.0", group: "server", complexity: "O(1)")),
        CommandSpec(
          id: .server(.configRewrite), name: "rewrite", arity: 2, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous],
          tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
          docs: CommandDocs(
            summary: "Writes the settings in use to the configuration file.",
            since: "2.8.0", group: "server", complexity: "O(1)")),
        CommandSpec(
          id: .server(.configHelp), name: "help", arity: 2, flags: [.loading, .stale],
          categories: [.slow],
          docs: CommandDocs(
            summary: "Lists the subcommands.",
            since: "5.0.0", group: "server", complexity: "O(1)")),
      ]),
  ]
}

extension Engine {
  /// CONFIG GET pattern [pattern ...]
  mutating func configGetCommand(_ request: Request) {
    let pairs = settings.matching((2..<request.count).map { request[$0].array })
    reply.map(pairs.count)
    for (name, value) in pairs {
      reply.bulk(name)
      reply.bulk(value)
    }
  }

  /// CONFIG SET name value [name value ...]
  mutating func configSetCommand(_ request: Request) {
    guard request.count.isMultiple(of: 2) else { return reply.syntaxError() }
    let pairs: [Settings.Pair] = stride(from: 2, to: request.count, by: 2).map {
      (request[$0].array, request[$0 + 1].array)
    }
    let old = settings
    do throws(SettingError) {
      let names = try settings.apply(
        pairs, fromLocalClient: request.client.state.isLocal, isLoading: isLoading)
      if let failure = applySettings(names, old: old) {
        throw .failed(name: Array(failure.name.utf8), reason: failure.reason)
      }
      reply.ok()
    } catch {
      reply.error(error.message)
    }
  }

  mutating func configResetStatCommand() {
    // Refused passwords stay on record, as in Redis.
    let authenticationFailures = statistics.authenticationFailures
    statistics = Statistics()
    statistics.authenticationFailures = authenticationFailures
    defragmenter.resetStatistics(keyspace.nowMilliseconds)
    statistics.freedCountBefore = keyspace.context.units.freer.progress.freed
    keyspace.expiryStatistics = ExpiryStatistics()
    keyspace.evictedKeys = 0
    reply.resetErrorCounts()
    commands.resetCounters()
    reply.ok()
  }

  /// CONFIG REWRITE
  ///
  /// - Parameter writesAll: DEBUG CONFIG-REWRITE-FORCE-ALL: settings with their defaults too.
  mutating func configRewriteCommand(writesAll: Bool = false) {
    let path = facts.configurationFile
    guard !path.isEmpty else { return reply.error("ERR The server is running without a config file") }
    do throws(SystemFailure) {
      let rewrite = ConfigurationRewrite(try contents(ofFile: path, orMissing: []), settings, writesAll: writesAll)
      let directory = facts.startDirectory
      let text = try rewrite.text { Self.settings(of: $0, path: path, startDirectory: directory) }
      // A password can be that long.
      guard text.count <= ConfigurationLoader.fileMaxBytes else {
        throw SystemFailure(reason: "it would be too long to be read again")
      }
      try replaceFile(path, with: text)
      logger.notice("The configuration file has been rewritten.")
      reply.ok()
    } catch {
      logger.warning("The configuration file could not be rewritten: \(error.reason)")
      reply.error("ERR Rewriting config file: \(error.reason)")
    }
  }

  /// What a server that starts in a directory makes of a configuration file; nil when it would not start.
  private static func settings(of text: [UInt8], path: String, startDirectory: String) -> Settings? {
    var loader = ConfigurationLoader(commandNames: CommandTable.allNames)
    loader.settings.directory = startDirectory
    do throws(ConfigurationError) {
      try loader.readText(text, ofFile: path)
      try loader.judgeUser()
      return loader.settings
    } catch {
      return nil
    }
  }

  mutating func configHelpCommand() {
    reply.help(
      "CONFIG",
      [
        "GET <pattern> [<pattern> ...]", "    Return the settings whose names match, with their values.",
        "SET <setting> <value> [<setting> <value> ...]", "    Change settings, all of them or none.",
        "RESETSTAT", "    Set the counters that INFO shows to zero.",
        "REWRITE", "    Write the settings in use to the configuration file.",
      ])
  }
}
