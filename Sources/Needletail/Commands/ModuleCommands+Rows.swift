extension ModuleCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .module(.container), name: "module", arity: -2, flags: [], categories: [.slow],
      docs: CommandDocs(
        summary: "Holds the commands about modules.",
        since: "4.0.0", group: "server", complexity: "by subcommand"),
      subcommands: [
        CommandSpec(
          id: .module(.help), name: "help", arity: 2, flags: [.loading, .stale], categories: [.slow],
          docs: CommandDocs(
            summary: "Lists the subcommands.",
            since: "5.0.0", group: "server", complexity: "O(1)")),
        CommandSpec(
          id: .module(.list), name: "list", arity: 2, flags: [.admin, .noscript],
          categories: [.admin, .slow, .dangerous], tips: ["nondeterministic_output_order"],
          docs: CommandDocs(
            summary: "Returns which modules are loaded: none.",
            since: "4.0.0", group: "server", complexity: "O(N)")),
        CommandSpec(
          id: .module(.load), name: "load", arity: -3, flags: [.admin, .noscript, .noAsyncLoading, .protected],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Loads a module, which this server does not.",
            since: "4.0.0", group: "server", complexity: "O(1)",
            arguments: [
              .string("path"),
              ArgumentSpec(name: "arg", kind: .string, isOptional: true, isMultiple: true),
            ])),
        CommandSpec(
          id: .module(.load), name: "loadex", arity: -3, flags: [.admin, .noscript, .noAsyncLoading, .protected],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Loads a module with settings, which this server does not.",
            since: "7.0.0", group: "server", complexity: "O(1)",
            arguments: [
              .string("path"),
              ArgumentSpec(
                name: "configs", kind: .block, token: "CONFIG", isOptional: true, isMultiple: true,
                hasMultipleToken: true,
                arguments: [.string("name"), .string("value")]),
              ArgumentSpec(name: "args", kind: .string, token: "ARGS", isOptional: true, isMultiple: true),
            ])),
        CommandSpec(
          id: .module(.load), name: "unload", arity: 3, flags: [.admin, .noscript, .noAsyncLoading, .protected],
          categories: [.admin, .slow, .dangerous],
          docs: CommandDocs(
            summary: "Unloads a module: there is none.",
            since: "4.0.0", group: "server", complexity: "O(1)",
            arguments: [.string("name")])),
      ]),
  ]
}
