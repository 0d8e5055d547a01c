/// The rows of the commands on keys of any type.
extension KeyCommand {
  static let rows: [CommandSpec] = basicRows + expiryRows + movingRows + sortingRows

  private static let basicRows: [CommandSpec] = [
    CommandSpec(
      id: .key(.del), name: "del", arity: -2, flags: [.write], categories: [.keyspace, .write, .slow],
      keySpecs: [KeySpec(flags: ["RM", "delete"], begin: .index(1), find: .range(lastKey: -1, step: 1, limit: 0))],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
      docs: CommandDocs(
        summary: "Deletes keys.",
        since: "1.0.0", group: "generic", complexity: "O(N); O(M); O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0, isMultiple: true)])),
    CommandSpec(
      id: .key(.exists), name: "exists", arity: -2, flags: [.readonly, .fast], categories: [.keyspace, .read, .fast],
      keySpecs: [KeySpec(flags: ["RO"], begin: .index(1), find: .range(lastKey: -1, step: 1, limit: 0))],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
      docs: CommandDocs(
        summary: "Counts how many of the named keys exist; one named twice counts twice.",
        since: "1.0.0", group: "generic", complexity: "O(N)",
        history: [("3.0.3", "key may repeat")],
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0, isMultiple: true)])),
    CommandSpec(
      id: .key(.keys), name: "keys", arity: 2, flags: [.readonly], categories: [.keyspace, .read, .slow, .dangerous],
      tips: ["request_policy:all_shards", "nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Lists the keys that match a pattern.",
        since: "1.0.0", group: "generic", complexity: "O(N)",
        arguments: [ArgumentSpec(name: "pattern", kind: .pattern)])),
    CommandSpec(
      id: .key(.object), name: "object", arity: -2, flags: [], categories: [.slow],
      docs: CommandDocs(
        summary: "Tells how the server keeps a value.",
        since: "2.2.3", group: "generic", complexity: "by subcommand"),
      subcommands: [
        CommandSpec(
          id: .key(.objectEncoding), name: "encoding", arity: 3, flags: [.readonly],
          categories: [.keyspace, .read, .slow],
          keySpecs: [KeySpec(flags: ["RO"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0))],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Names the internal form of a value.",
            since: "2.2.3", group: "generic", complexity: "O(1)",
            arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
        CommandSpec(
          id: .key(.objectFreq), name: "freq", arity: 3, flags: [.readonly], categories: [.keyspace, .read, .slow],
          keySpecs: [KeySpec(flags: ["RO"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0))],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Reads a key's logarithmic counter of uses.",
            since: "4.0.0", group: "generic", complexity: "O(1)",
            arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
        CommandSpec(
          id: .key(.objectHelp), name: "help", arity: 2, flags: [.loading, .stale], categories: [.keyspace, .slow],
          docs: CommandDocs(
            summary: "Explains the subcommands.",
            since: "6.2.0", group: "generic", complexity: "O(1)")),
        CommandSpec(
          id: .key(.objectIdletime), name: "idletime", arity: 3, flags: [.readonly],
          categories: [.keyspace, .read, .slow],
          keySpecs: [KeySpec(flags: ["RO"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0))],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Tells for how many seconds a key has not been used.",
            since: "2.2.3", group: "generic", complexity: "O(1)",
            arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
        CommandSpec(
          id: .key(.objectRefcount), name: "refcount", arity: 3, flags: [.readonly],
          categories: [.keyspace, .read, .slow],
          keySpecs: [KeySpec(flags: ["RO"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0))],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Tells how many references to a value there are.",
            since: "2.2.3", group: "generic", complexity: "O(1)",
            arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
      ]),
    CommandSpec(
      id: .key(.randomkey), name: "randomkey", arity: 1, flags: [.readonly], categories: [.keyspace, .read, .slow],
      tips: ["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
      docs: CommandDocs(
        summary: "Names some key of the database, drawn at random.",
        since: "1.0.0", group: "generic", complexity: "O(1)")),
    CommandSpec(
      id: .key(.scan), name: "scan", arity: -2, flags: [.readonly], categories: [.keyspace, .read, .slow],
      tips: ["nondeterministic_output", "request_policy:special", "response_policy:special"],
      docs: CommandDocs(
        summary: "Walks through the keys of a database, a few at a time.",
        since: "2.8.0", group: "generic", complexity: "O(1); O(N)",
        history: [("6.0.0", "+TYPE")],
        arguments: [
          ArgumentSpec(name: "cursor", kind: .integer),
          ArgumentSpec(name: "pattern", kind: .pattern, token: "MATCH", isOptional: true),
          ArgumentSpec(name: "count", kind: .integer, token: "COUNT", isOptional: true),
          ArgumentSpec(name: "type", kind: .string, token: "TYPE", since: "6.0.0", isOptional: true),
        ])),
    CommandSpec(
      id: .key(.touch), name: "touch", arity: -2, flags: [.readonly, .fast], categories: [.keyspace, .read, .fast],
      keySpecs: [KeySpec(flags: ["RO"], begin: .index(1), find: .range(lastKey: -1, step: 1, limit: 0))],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
      docs: CommandDocs(
        summary: "Marks keys as used just now and counts those that exist.",
        since: "3.2.1", group: "generic", complexity: "O(N)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0, isMultiple: true)])),
    CommandSpec(
      id: .key(.type), name: "type", arity: 2, flags: [.readonly, .fast], categories: [.keyspace, .read, .fast],
      keySpecs: [KeySpec(flags: ["RO"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Tells what type of value a key holds.",
        since: "1.0.0", group: "generic", complexity: "O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .key(.unlink), name: "unlink", arity: -2, flags: [.write, .fast], categories: [.keyspace, .write, .fast],
      keySpecs: [KeySpec(flags: ["RM", "delete"], begin: .index(1), find: .range(lastKey: -1, step: 1, limit: 0))],
      tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
      docs: CommandDocs(
        summary: "Deletes keys, freeing their memory in the background.",
        since: "4.0.0", group: "generic", complexity: "O(1); O(N)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0, isMultiple: true)])),
  ]
}
