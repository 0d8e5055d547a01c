extension ClusterCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .cluster(.disabled), name: "asking", arity: 1, flags: [.fast], categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Lets the next command use a slot that is being moved here.",
        since: "3.0.0", group: "cluster", complexity: "O(1)")),
    CommandSpec(
      id: .cluster(.container), name: "cluster", arity: -2, flags: [], categories: [.slow],
      docs: CommandDocs(
        summary: "Holds the commands about a cluster, which this server is no part of.",
        since: "3.0.0", group: "cluster", complexity: "by subcommand"),
      subcommands: [
        node("addslots", -3, .changing, docs("Gives slots to this node.", "3.0.0", "O(N)", arguments: [slots])),
        node("addslotsrange", -4, .changing,
          docs("Gives ranges of slots to this node.", "7.0.0", "O(N)", arguments: [ranges])),
        node("bumpepoch", 2, .changing, tips: unsettled, docs("Raises the node's epoch.", "3.0.0")),
        node("count-failure-reports", 3, [.admin, .stale], tips: unsettled,
          docs("Returns how many nodes hold one to be down.", "3.0.0", "O(N)", arguments: [.string("node-id")])),
        node("countkeysinslot", 3, [.stale],
          docs("Returns how many keys a slot has.", "3.0.0", arguments: [.integer("slot")])),
        node("delslots", -3, .changing, docs("Takes slots away from this node.", "3.0.0", "O(N)", arguments: [slots])),
        node("delslotsrange", -4, .changing,
          docs("Takes ranges of slots away from this node.", "7.0.0", "O(N)", arguments: [ranges])),
        node("failover", -2, .changing,
          docs("Makes a replica take the place of its primary.", "3.0.0",
            arguments: [option("options", "force", "FORCE", "takeover", "TAKEOVER")])),
        node("flushslots", 2, .changing, docs("Takes all slots away from this node.", "3.0.0")),
        node("forget", 3, .changing,
          docs("Removes a node from those that this one knows.", "3.0.0", arguments: [.string("node-id")])),
        node("getkeysinslot", 4, [.stale], tips: unsettled,
          docs("Returns keys of a slot.", "3.0.0", "O(N)", arguments: [.integer("slot"), .integer("count")])),
        node("help", 2, [.loading, .stale], docs("Lists the subcommands.", "5.0.0")),
        node("info", 2, [.stale], tips: unsettled, docs("Returns the state of the cluster.", "3.0.0")),
        node("keyslot", 3, [.stale],
          docs("Returns which slot a key belongs to.", "3.0.0", "O(N)", arguments: [.string("key")])),
        node("links", 2, [.stale], tips: unsettled, docs("Returns the connections between nodes.", "7.0.0", "O(N)")),
        node("meet", -4, .changing,
          CommandDocs(
            summary: "Makes two nodes know each other.", since: "3.0.0", group: "cluster",
            complexity: "O(1)", history: [("4.0.0", "+cluster_bus_port")],
            arguments: [
              .string("ip"), .integer("port"),
              ArgumentSpec(name: "cluster-bus-port", kind: .integer, since: "4.0.0", isOptional: true),
            ])),
        node("myid", 2, [.stale], docs("Returns this node's name.", "3.0.0")),
        node("myshardid", 2, [.stale], tips: unsettled, docs("Returns the name of this node's shard.", "7.2.0")),
        node("nodes", 2, [.stale], tips: unsettled, docs("Returns which nodes there are.", "3.0.0", "O(N)")),
        node("replicas", 3, [.admin, .stale], tips: unsettled,
          docs("Returns a primary's replicas.", "5.0.0", "O(N)", arguments: [.string("node-id")])),
        node("replicate", 3, .changing,
          docs("Makes this node a replica of another.", "3.0.0", arguments: [.string("node-id")])),
        node("reset", -2, [.admin, .noscript, .stale],
          docs("Makes the node a new one.", "3.0.0", "O(N)",
            arguments: [option("reset-type", "hard", "HARD", "soft", "SOFT")])),
        node("saveconfig", 2, .changing, docs("Writes the node's file.", "3.0.0")),
        node("set-config-epoch", 3, .changing,
          docs("Sets a new node's epoch.", "3.0.0", arguments: [.integer("config-epoch")])),
        node("setslot", -4, .changing,
          docs("Says to which node a slot belongs or moves.", "3.0.0", arguments: setslotArguments)),
        node("shards", 2, [.loading, .stale], tips: unsettled,
          docs("Returns which nodes serve which slots.", "7.0.0", "O(N)")),
        node("slaves", 3, [.admin, .stale], tips: unsettled,
          CommandDocs(
            summary: "The older name of CLUSTER REPLICAS.", since: "3.0.0", group: "cluster",
            complexity: "O(N)", flags: ["deprecated"], deprecatedSince: "5.0.0",
            replacedBy: "CLUSTER REPLICAS", arguments: [.string("node-id")])),
        node("slot-stats", -4, [.loading, .stale], tips: ["nondeterministic_output", "request_policy:all_shards"],
          docs("Returns how slots are used.", "8.2.0", "O(N); O(N*log(N))", arguments: slotStatsArguments)),
        node("slots", 2, [.loading, .stale], tips: unsettled,
          CommandDocs(
            summary: "Returns which nodes serve which slots, as older clients read it.", since: "3.0.0",
            group: "cluster",
            complexity: "O(N)", flags: ["deprecated"], deprecatedSince: "7.0.0",
            replacedBy: "CLUSTER SHARDS",
            history: [("4.0.0", "reply: +node id"), ("7.0.0", "reply: +network metadata")])),
      ]),
    CommandSpec(
      id: .cluster(.disabled), name: "readonly", arity: 1, flags: [.loading, .stale, .fast],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Lets this connection read from a cluster's replica.",
        since: "3.0.0", group: "cluster", complexity: "O(1)")),
    CommandSpec(
      id: .cluster(.disabled), name: "readwrite", arity: 1, flags: [.loading, .stale, .fast],
      categories: [.fast, .connection],
      docs: CommandDocs(
        summary: "Takes READONLY back.",
        since: "3.0.0", group: "cluster", complexity: "O(1)")),
  ]
  private static func node(_ name: StaticString, _ arity: Int, _ flags: CommandFlags, tips: [StaticString] = [],
    _ docs: CommandDocs) -> CommandSpec
  {
    CommandSpec(id: .cluster(.disabled), name: name, arity: arity, flags: flags,
      categories: flags.contains(.admin) ? [.admin, .slow, .dangerous] : [.slow], tips: tips, docs: docs)
  }

  private static func docs(_ summary: StaticString, _ since: StaticString, _ complexity: StaticString = "O(1)",
    arguments: [ArgumentSpec] = []) -> CommandDocs
  {
    CommandDocs(summary: summary, since: since, group: "cluster", complexity: complexity, arguments: arguments)
  }

  private static let unsettled: [StaticString] = ["nondeterministic_output"]
  private static let slots = ArgumentSpec(name: "slot", kind: .integer, isMultiple: true)
  private static let ranges = ArgumentSpec(name: "range", kind: .block, isMultiple: true,
    arguments: [.integer("start-slot"), .integer("end-slot")])

  private static func option(_ name: StaticString, _ first: StaticString, _ firstToken: StaticString,
    _ second: StaticString, _ secondToken: StaticString) -> ArgumentSpec
  {
    ArgumentSpec(name: name, kind: .oneOf, isOptional: true,
      arguments: [.token(first, firstToken), .token(second, secondToken)])
  }

  private static let setslotArguments: [ArgumentSpec] = [
    .integer("slot"),
    .choice("subcommand", [
      ArgumentSpec(name: "importing", kind: .string, token: "IMPORTING", displayText: "node-id"),
      ArgumentSpec(name: "migrating", kind: .string, token: "MIGRATING", displayText: "node-id"),
      ArgumentSpec(name: "node", kind: .string, token: "NODE", displayText: "node-id"),
      .token("stable", "STABLE"),
    ]),
  ]

  private static let slotStatsArguments: [ArgumentSpec] = [
    .choice("filter", [
      ArgumentSpec(name: "slotsrange", kind: .block, token: "SLOTSRANGE",
        arguments: [.integer("start-slot"), .integer("end-slot")]),
      ArgumentSpec(name: "orderby", kind: .block, token: "ORDERBY",
        arguments: [
          .string("metric"), ArgumentSpec(name: "limit", kind: .integer, token: "LIMIT", isOptional: true),
          option("order", "asc", "ASC", "desc", "DESC"),
        ]),
    ]),
  ]
}

extension CommandFlags {
  /// Those of what changes a node's part of its cluster.
  fileprivate static let changing: CommandFlags = [.admin, .stale, .noAsyncLoading]
}
