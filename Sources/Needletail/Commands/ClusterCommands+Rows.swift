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
        CommandSpec(
          id: .cluster(.disabled), name: "addslots", arity: -3, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Gives slots to this node.",
            since: "3.0.0", group: "cluster", complexity: "O(N)",
            arguments: [ArgumentSpec(name: "slot", kind: .integer, isMultiple: true)])),
        CommandSpec(
          id: .cluster(.disabled), name: "addslotsrange", arity: -4, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Gives ranges of slots to this node.",
            since: "7.0.0", group: "cluster", complexity: "O(N)",
            arguments: [
              ArgumentSpec(
                name: "range", kind: .block, isMultiple: true,
                arguments: [.integer("start-slot"), .integer("end-slot")]),
            ])),
        CommandSpec(
          id: .cluster(.disabled), name: "bumpepoch", arity: 2, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous], tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Raises the node's epoch.",
            since: "3.0.0", group: "cluster", complexity: "O(1)")),
        CommandSpec(
          id: .cluster(.disabled), name: "count-failure-reports", arity: 3, flags: [.admin, .stale],
          categories: [.admin, .slow, .dangerous], tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns how many nodes hold one to be down.",
            since: "3.0.0", group: "cluster", complexity: "O(N)",
            arguments: [.string("node-id")])),
        CommandSpec(
          id: .cluster(.disabled), name: "countkeysinslot", arity: 3, flags: [.stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Returns how many keys a slot has.",
            since: "3.0.0", group: "cluster", complexity: "O(1)",
            arguments: [.integer("slot")])),
        CommandSpec(
          id: .cluster(.disabled), name: "delslots", arity: -3, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Takes slots away from this node.",
            since: "3.0.0", group: "cluster", complexity: "O(N)",
            arguments: [ArgumentSpec(name: "slot", kind: .integer, isMultiple: true)])),
        CommandSpec(
          id: .cluster(.disabled), name: "delslotsrange", arity: -4, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Takes ranges of slots away from this node.",
            since: "7.0.0", group: "cluster", complexity: "O(N)",
            arguments: [
              ArgumentSpec(
                name: "range", kind: .block, isMultiple: true,
                arguments: [.integer("start-slot"), .integer("end-slot")]),
            ])),
        CommandSpec(
          id: .cluster(.disabled), name: "failover", arity: -2, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Makes a replica take the place of its primary.",
            since: "3.0.0", group: "cluster", complexity: "O(1)",
            arguments: [
              ArgumentSpec(
                name: "options", kind: .oneOf, isOptional: true,
                arguments: [.token("force", "FORCE"), .token("takeover", "TAKEOVER")]),
            ])),
        CommandSpec(
          id: .cluster(.disabled), name: "flushslots", arity: 2, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Takes all slots away from this node.",
            since: "3.0.0", group: "cluster", complexity: "O(1)")),
        CommandSpec(
          id: .cluster(.disabled), name: "forget", arity: 3, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Removes a node from those that this one knows.",
            since: "3.0.0", group: "cluster", complexity: "O(1)",
            arguments: [.string("node-id")])),
        CommandSpec(
          id: .cluster(.disabled), name: "getkeysinslot", arity: 4, flags: [.stale], categories: [.slow],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns keys of a slot.",
            since: "3.0.0", group: "cluster", complexity: "O(N)",
            arguments: [.integer("slot"), .integer("count")])),
        CommandSpec(
          id: .cluster(.disabled), name: "help", arity: 2, flags: [.loading, .stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Lists the subcommands.",
            since: "5.0.0", group: "cluster", complexity: "O(1)")),
        CommandSpec(
          id: .cluster(.disabled), name: "info", arity: 2, flags: [.stale], categories: [.slow],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns the state of the cluster.",
            since: "3.0.0", group: "cluster", complexity: "O(1)")),
        CommandSpec(
          id: .cluster(.disabled), name: "keyslot", arity: 3, flags: [.stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Returns which slot a key belongs to.",
            since: "3.0.0", group: "cluster", complexity: "O(N)",
            arguments: [.string("key")])),
        CommandSpec(
          id: .cluster(.disabled), name: "links", arity: 2, flags: [.stale], categories: [.slow],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns the connections between nodes.",
            since: "7.0.0", group: "cluster", complexity: "O(N)")),
        CommandSpec(
          id: .cluster(.disabled), name: "meet", arity: -4, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Makes two nodes know each other.",
            since: "3.0.0", group: "cluster", complexity: "O(1)", history: [("4.0.0", "+cluster_bus_port")],
            arguments: [
              .string("ip"),
              .integer("port"),
              ArgumentSpec(name: "cluster-bus-port", kind: .integer, since: "4.0.0", isOptional: true),
            ])),
        CommandSpec(
          id: .cluster(.disabled), name: "myid", arity: 2, flags: [.stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Returns this node's name.",
            since: "3.0.0", group: "cluster", complexity: "O(1)")),
        CommandSpec(
          id: .cluster(.disabled), name: "myshardid", arity: 2, flags: [.stale], categories: [.slow],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns the name of this node's shard.",
            since: "7.2.0", group: "cluster", complexity: "O(1)")),
        CommandSpec(
          id: .cluster(.disabled), name: "nodes", arity: 2, flags: [.stale], categories: [.slow],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns which nodes there are.",
            since: "3.0.0", group: "cluster", complexity: "O(N)")),
        CommandSpec(
          id: .cluster(.disabled), name: "replicas", arity: 3, flags: [.admin, .stale],
          categories: [.admin, .slow, .dangerous], tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns a primary's replicas.",
            since: "5.0.0", group: "cluster", complexity: "O(N)",
            arguments: [.string("node-id")])),
        CommandSpec(
          id: .cluster(.disabled), name: "replicate", arity: 3, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Makes this node a replica of another.",
            since: "3.0.0", group: "cluster", complexity: "O(1)",
            arguments: [.string("node-id")])),
        CommandSpec(
          id: .cluster(.disabled), name: "reset", arity: -2, flags: [.admin, .noscript, .stale],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Makes the node a new one.",
            since: "3.0.0", group: "cluster", complexity: "O(N)",
            arguments: [
              ArgumentSpec(
                name: "reset-type", kind: .oneOf, isOptional: true,
                arguments: [.token("hard", "HARD"), .token("soft", "SOFT")]),
            ])),
        CommandSpec(
          id: .cluster(.disabled), name: "saveconfig", arity: 2, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Writes the node's file.",
            since: "3.0.0", group: "cluster", complexity: "O(1)")),
        CommandSpec(
          id: .cluster(.disabled), name: "set-config-epoch", arity: 3, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Sets a new node's epoch.",
            since: "3.0.0", group: "cluster", complexity: "O(1)",
            arguments: [.integer("config-epoch")])),
        CommandSpec(
          id: .cluster(.disabled), name: "setslot", arity: -4, flags: [.admin, .stale, .noAsyncLoading],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Says to which node a slot belongs or moves.",
            since: "3.0.0", group: "cluster", complexity: "O(1)",
            arguments: [
              .integer("slot"),
              .choice("subcommand", [
                ArgumentSpec(name: "importing", kind: .string, token: "IMPORTING", displayText: "node-id"),
                ArgumentSpec(name: "migrating", kind: .string, token: "MIGRATING", displayText: "node-id"),
                ArgumentSpec(name: "node", kind: .string, token: "NODE", displayText: "node-id"),
                .token("stable", "STABLE"),
              ]),
            ])),
        CommandSpec(
          id: .cluster(.disabled), name: "shards", arity: 2, flags: [.loading, .stale], categories: [.slow],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns which nodes serve which slots.",
            since: "7.0.0", group: "cluster", complexity: "O(N)")),
        CommandSpec(
          id: .cluster(.disabled), name: "slaves", arity: 3, flags: [.admin, .stale],
          categories: [.admin, .slow, .dangerous], tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "The older name of CLUSTER REPLICAS.",
            since: "3.0.0", group: "cluster", complexity: "O(N)", flags: ["deprecated"], deprecatedSince: "5.0.0",
            replacedBy: "CLUSTER REPLICAS",
            arguments: [.string("node-id")])),
        CommandSpec(
          id: .cluster(.disabled), name: "slot-stats", arity: -4, flags: [.loading, .stale], categories: [.slow],
          tips: ["nondeterministic_output", "request_policy:all_shards"],
          docs: CommandDocs(
            summary: "Returns how slots are used.",
            since: "8.2.0", group: "cluster", complexity: "O(N); O(N*log(N))",
            arguments: [
              .choice("filter", [
                ArgumentSpec(
                  name: "slotsrange", kind: .block, token: "SLOTSRANGE",
                  arguments: [.integer("start-slot"), .integer("end-slot")]),
                ArgumentSpec(
                  name: "orderby", kind: .block, token: "ORDERBY",
                  arguments: [
                    .string("metric"),
                    ArgumentSpec(name: "limit", kind: .integer, token: "LIMIT", isOptional: true),
                    ArgumentSpec(
                      name: "order", kind: .oneOf, isOptional: true,
                      arguments: [.token("asc", "ASC"), .token("desc", "DESC")]),
                  ]),
              ]),
            ])),
        CommandSpec(
          id: .cluster(.disabled), name: "slots", arity: 2, flags: [.loading, .stale], categories: [.slow],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Returns which nodes serve which slots, as older clients read it.",
            since: "3.0.0", group: "cluster", complexity: "O(N)", flags: ["deprecated"], deprecatedSince: "7.0.0",
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
}
