extension ACLCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .acl(.container), name: "acl", arity: -2, flags: [], categories: [.slow],
      docs: CommandDocs(
        summary: "Holds the commands about users and their rights.",
        since: "6.0.0", group: "server", complexity: "by subcommand"),
      subcommands: [
        CommandSpec(
          id: .acl(.cat), name: "cat", arity: -2, flags: [.noscript, .loading, .stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Returns the categories of commands, or the commands of one.",
            since: "6.0.0", group: "server", complexity: "O(1)",
            arguments: [ArgumentSpec(name: "category", kind: .string, isOptional: true)])),
        CommandSpec(
          id: .acl(.genpass), name: "genpass", arity: -2, flags: [.noscript, .loading, .stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Returns a random password in hexadecimal digits.",
            since: "6.0.0", group: "server", complexity: "O(1)",
            arguments: [ArgumentSpec(name: "bits", kind: .integer, isOptional: true)])),
        CommandSpec(
          id: .acl(.help), name: "help", arity: 2, flags: [.loading, .stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Lists the subcommands.",
            since: "6.0.0", group: "server", complexity: "O(1)")),
        CommandSpec(
          id: .acl(.users), name: "users", arity: 2, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Returns the names of all users: there is one.",
            since: "6.0.0", group: "server", complexity: "O(N)")),
        CommandSpec(
          id: .acl(.whoami), name: "whoami", arity: 2, flags: [.noscript, .loading, .stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Returns the name of the user that this connection is authenticated as.",
            since: "6.0.0", group: "server", complexity: "O(1)")),
      ]),
  ]
}
