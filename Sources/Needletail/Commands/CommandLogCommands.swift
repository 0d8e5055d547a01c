// SLOWLOG, and COMMANDLOG as Valkey has it: what commands took much, of time or of the network.

extension ObservingCommand {
  private static func log(_ id: ObservingCommand, _ name: StaticString, arity: Int, since: StaticString,
    tips: [StaticString], docs: CommandDocs) -> CommandSpec
  {
    CommandSpec(id: .observing(id), name: name, arity: arity, flags: [.admin, .loading, .stale],
      categories: [.admin, .slow, .dangerous], tips: tips, docs: docs)
  }

  private static func help(_ id: ObservingCommand, since: StaticString) -> CommandSpec {
    CommandSpec(
      id: .observing(id), name: "help", arity: 2, flags: [.loading, .stale], categories: [.slow],
      docs: CommandDocs(summary: "Lists the subcommands.", since: since, group: "server", complexity: "O(1)"))
  }

  private static let getTips: [StaticString] = ["request_policy:all_nodes", "nondeterministic_output"]
  private static let lenTips: [StaticString] = [
    "request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output",
  ]
  private static let resetTips: [StaticString] = ["request_policy:all_nodes", "response_policy:all_succeeded"]

  static let slowlogRow = CommandSpec(
    id: .observing(.slowlog), name: "slowlog", arity: -2, flags: [], categories: [.slow],
    docs: CommandDocs(
      summary: "Holds the commands about the slow log.", since: "2.2.12", group: "server", complexity: "by subcommand"),
    subcommands: [
      log(.slowlogGet, "get", arity: -2, since: "2.2.12", tips: getTips,
        docs: CommandDocs(
          summary: "Returns the newest entries of the slow log.",
          since: "2.2.12", group: "server", complexity: "O(N)",
          history: [("4.0.0", "reply: +client address, +client name")],
          arguments: [.optionalCount()])),
      help(.slowlogHelp, since: "6.2.0"),
      log(.slowlogLen, "len", arity: 2, since: "2.2.12", tips: lenTips,
        docs: CommandDocs(
          summary: "Returns how many entries the slow log has.", since: "2.2.12", group: "server", complexity: "O(1)")),
      log(.slowlogReset, "reset", arity: 2, since: "2.2.12", tips: resetTips,
        docs: CommandDocs(
          summary: "Empties the slow log.", since: "2.2.12", group: "server", complexity: "O(N)")),
    ])

  private static let logKind = ArgumentSpec(
    name: "type", kind: .oneOf,
    arguments: [.token("slow", "SLOW"), .token("large-request", "LARGE-REQUEST"), .token("large-reply", "LARGE-REPLY")])

  static let commandlogRow = CommandSpec(
    id: .observing(.commandlog), name: "commandlog", arity: -2, flags: [], categories: [.slow],
    docs: CommandDocs(
      summary: "Holds the commands about the logs of remarkable commands.",
      since: "8.1.0", group: "server", complexity: "by subcommand"),
    subcommands: [
      log(.commandlogGet, "get", arity: -4, since: "8.1.0", tips: getTips,
        docs: CommandDocs(
          summary: "Returns the newest entries of a log.", since: "8.1.0", group: "server", complexity: "O(N)",
          arguments: [.integer("count"), logKind])),
      help(.commandlogHelp, since: "8.1.0"),
      log(.commandlogLen, "len", arity: 3, since: "8.1.0", tips: lenTips,
        docs: CommandDocs(
          summary: "Returns how many entries a log has.", since: "8.1.0", group: "server", complexity: "O(1)",
          arguments: [logKind])),
      log(.commandlogReset, "reset", arity: 3, since: "8.1.0", tips: resetTips,
        docs: CommandDocs(
          summary: "Empties a log.", since: "8.1.0", group: "server", complexity: "O(N)", arguments: [logKind])),
    ])
}

extension CommandLogs.Kind {
  init?(_ name: ByteView) {
    if name.equalsIgnoringCase("slow") {
      self = .slow
    } else if name.equalsIgnoringCase("large-request") {
      self = .largeRequest
    } else if name.equalsIgnoringCase("large-reply") {
      self = .largeReply
    } else {
      return nil
    }
  }
}

extension Engine {
  /// SLOWLOG GET [count]
  mutating func slowlogGetCommand(_ request: Request) {
    guard request.count <= 3 else { return rejectSubcommandArguments(request, of: "SLOWLOG") }
    guard request.count == 3 else { return replyLog(.slow, 10) }
    replyLog(.slow, request[2])
  }

  /// COMMANDLOG GET count type
  mutating func commandlogGetCommand(_ request: Request) {
    guard request.count == 4, let kind = CommandLogs.Kind(request[3]) else { return replyUnknownLog() }
    replyLog(kind, request[2])
  }

  /// COMMANDLOG LEN type
  mutating func commandlogLenCommand(_ request: Request) {
    guard let kind = CommandLogs.Kind(request[2]) else { return replyUnknownLog() }
    reply.integer(commandLogs[kind].count)
  }

  /// COMMANDLOG RESET type
  mutating func commandlogResetCommand(_ request: Request) {
    guard let kind = CommandLogs.Kind(request[2]) else { return replyUnknownLog() }
    commandLogs[kind].removeAll()
    reply.ok()
  }

  private mutating func replyUnknownLog() {
    reply.error("ERR type should be one of the following: slow, large-request, large-reply")
  }

  private mutating func replyLog(_ kind: CommandLogs.Kind, _ countText: ByteView) {
    guard let count = countText.integer, count >= -1 else {
      return reply.error("ERR count should be greater than or equal to -1")
    }
    replyLog(kind, count == -1 ? commandLogs[kind].count : count)
  }

  private mutating func replyLog(_ kind: CommandLogs.Kind, _ count: Int) {
    let log = commandLogs[kind]
    reply.array(min(count, log.count))
    for entry in log.newest(count) {
      reply.array(6)
      reply.integer(entry.id)
      reply.integer(entry.unixSeconds)
      reply.integer(entry.amount)
      reply.array(entry.arguments.count)
      for argument in entry.arguments { reply.bulk(argument) }
      reply.bulk(entry.address)
      reply.bulk(entry.clientName)
    }
  }

  mutating func slowlogHelpCommand() {
    reply.help(
      "SLOWLOG",
      [
        "GET [<count>]", "    Return the newest entries (10 by default, all for -1): id, time, microseconds,",
        "    arguments, the client's address and its name.",
        "LEN", "    Return how many entries there are.",
        "RESET", "    Forget all entries.",
      ])
  }

  mutating func commandlogHelpCommand() {
    reply.help(
      "COMMANDLOG",
      [
        "GET <count> <slow|large-request|large-reply>",
        "    Return the newest entries of a log (all for -1): id, time, microseconds or bytes, arguments,",
        "    the client's address and its name.",
        "LEN <slow|large-request|large-reply>", "    Return how many entries the log has.",
        "RESET <slow|large-request|large-reply>", "    Forget the log's entries.",
      ])
  }
}
