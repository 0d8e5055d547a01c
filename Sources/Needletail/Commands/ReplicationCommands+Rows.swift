extension ReplicationCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .replication(.failover), name: "failover", arity: -1, flags: [.admin, .noscript, .stale],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Hands the role of primary to a replica; there are none.",
        since: "6.2.0", group: "server", complexity: "O(1)",
        arguments: [
          ArgumentSpec(
            name: "target", kind: .block, token: "TO", isOptional: true,
            arguments: [.string("host"), .integer("port"), .option("force", "FORCE")]),
          .option("abort", "ABORT"),
          ArgumentSpec(name: "milliseconds", kind: .integer, token: "TIMEOUT", isOptional: true),
        ])),
    CommandSpec(
      id: .replication(.psync), name: "psync", arity: -3, flags: [.admin, .noscript, .noAsyncLoading, .noMulti],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Asks for the stream of changes from an offset on. Not served.",
        since: "2.8.0", group: "server", complexity: "",
        arguments: [.string("replicationid"), .integer("offset")])),
    CommandSpec(
      id: .replication(.replconf), name: "replconf", arity: -1,
      flags: [.admin, .noscript, .loading, .stale, .allowBusy], categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Tells what a replica can do, before PSYNC. Not served.",
        since: "3.0.0", group: "server", complexity: "O(1)", flags: ["syscmd"])),
    CommandSpec(
      id: .replication(.replicaof), name: "replicaof", arity: 3, flags: [.admin, .noscript, .stale, .noAsyncLoading],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Makes the server follow another one, which it cannot, or none.",
        since: "5.0.0", group: "server", complexity: "O(1)",
        arguments: [
          .choice("args", [
            .block("host-port", [.string("host"), .integer("port")]),
            .block("no-one", [.token("no", "NO"), .token("one", "ONE")]),
          ]),
        ])),
    CommandSpec(
      id: .replication(.role), name: "role", arity: 1, flags: [.noscript, .loading, .stale, .fast],
      categories: [.admin, .fast, .dangerous],
      docs: CommandDocs(
        summary: "Returns that the server is a primary, its offset and its replicas.",
        since: "2.8.12", group: "server", complexity: "O(1)")),
    CommandSpec(
      id: .replication(.slaveof), name: "slaveof", arity: 3, flags: [.admin, .noscript, .stale, .noAsyncLoading],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "The older name of REPLICAOF.",
        since: "1.0.0", group: "server", complexity: "O(1)", flags: ["deprecated"], deprecatedSince: "5.0.0",
        replacedBy: "REPLICAOF",
        arguments: [
          .choice("args", [
            .block("host-port", [.string("host"), .integer("port")]),
            .block("no-one", [.token("no", "NO"), .token("one", "ONE")]),
          ]),
        ])),
    CommandSpec(
      id: .replication(.sync), name: "sync", arity: 1, flags: [.admin, .noscript, .noAsyncLoading, .noMulti],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Asks for a snapshot and the stream of changes after it. Not served.",
        since: "1.0.0", group: "server", complexity: "")),
    CommandSpec(
      id: .replication(.wait), name: "wait", arity: 3, flags: [.blocking],
      categories: [.slow, .blocking, .connection], tips: ["request_policy:all_shards", "response_policy:agg_min"],
      docs: CommandDocs(
        summary: "Returns how many replicas have what this connection wrote: none.",
        since: "3.0.0", group: "generic", complexity: "O(1)",
        arguments: [.integer("numreplicas"), .integer("timeout")])),
    CommandSpec(
      id: .replication(.waitaof), name: "waitaof", arity: 4, flags: [.blocking],
      categories: [.slow, .blocking, .connection], tips: ["request_policy:all_shards", "response_policy:agg_min"],
      docs: CommandDocs(
        summary: "Returns how many append-only files, here and on replicas, have what this connection wrote.",
        since: "7.2.0", group: "generic", complexity: "O(1)",
        arguments: [.integer("numlocal"), .integer("numreplicas"), .integer("timeout")])),
  ]
}
