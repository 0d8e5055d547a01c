// MEMORY: what keys take, and the server as a whole.

extension ServerCommand {
  static let memoryRows: [CommandSpec] = [
    CommandSpec(
      id: .server(.memory), name: "memory", arity: -2, flags: [],
      categories: [.slow],
      docs: CommandDocs(
        summary: "Holds the commands about memory.",
        since: "4.0.0", group: "server", complexity: "by subcommand"),
      subcommands: [
        memoryReport(.memoryDoctor, "doctor", summary: "Returns a report on memory, for people.", complexity: "O(1)"),
        CommandSpec(
          id: .server(.memoryHelp), name: "help", arity: 2, flags: [.loading, .stale],
          categories: [.slow],
          docs: CommandDocs(
            summary: "Lists the subcommands.",
            since: "4.0.0", group: "server", complexity: "O(1)")),
        memoryReport(.memoryMallocStats, "malloc-stats", summary: "Returns the allocator's own statistics.",
          complexity: "by allocated memory"),
        CommandSpec(
          id: .server(.memoryPurge), name: "purge", arity: 2, flags: [],
          categories: [.slow], tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
          docs: CommandDocs(
            summary: "Gives free memory back to the system.",
            since: "4.0.0", group: "server", complexity: "by allocated memory")),
        memoryReport(.memoryStats, "stats", summary: "Returns what memory is used for.", complexity: "O(1)"),
        CommandSpec(
          id: .server(.memoryUsage), name: "usage", arity: -3, flags: [.readonly],
          categories: [.read, .slow],
          keySpecs: [KeySpec(flags: ["RO"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0))],
          docs: CommandDocs(
            summary: "Returns how many bytes a key takes.",
            since: "4.0.0", group: "server", complexity: "O(N)",
            arguments: [
              ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0),
              ArgumentSpec(name: "count", kind: .integer, token: "SAMPLES", isOptional: true),
            ])),
      ])
  ]
}

extension ServerCommand {
  private static func memoryReport(_ id: ServerCommand, _ name: StaticString, summary: StaticString,
    complexity: StaticString) -> CommandSpec
  {
    CommandSpec(
      id: .server(id), name: name, arity: 2, flags: [], categories: [.slow],
      tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
      docs: CommandDocs(summary: summary, since: "4.0.0", group: "server", complexity: complexity))
  }
}

extension Engine {
  /// MEMORY USAGE key [SAMPLES count]
  ///
  /// Redis looks at `count` elements of a collection and guesses the rest; here nothing needs to be guessed.
  mutating func memoryUsageCommand(_ request: Request) {
    var index = 3
    while index < request.count {
      guard request[index].equalsIgnoringCase("samples"), index + 1 < request.count else { return reply.syntaxError() }
      guard let samples = request[index + 1].integer else { return reply.notAnInteger() }
      guard samples >= 0 else { return reply.syntaxError() }
      index += 2
    }
    // Neither a use of the key nor a hit or miss.
    let found = keyspace.find(request.key(2, keyspace.seed), in: request.client.database)
    if found.entry == nil { reply.null() } else { reply.integer(keyspace.usedBytes(found)) }
  }

  mutating func memoryHelpCommand() {
    reply.help(
      "MEMORY",
      [
        "DOCTOR", "    Return a report on memory, for people.",
        "MALLOC-STATS", "    Return the allocator's own statistics.",
        "PURGE", "    Give memory that is free back to the system.",
        "STATS", "    Return what memory is used for.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return the bytes that <key> takes: its entry, what its value has of its own and",
        "    its share of the table. SAMPLES changes nothing: nothing is guessed.",
      ])
  }
}
