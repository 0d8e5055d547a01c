extension ClientCommand {
  private static let onOrOff = ArgumentSpec(name: "enabled", kind: .oneOf,
    arguments: [
      ArgumentSpec(name: "on", kind: .pureToken, token: "ON"),
      ArgumentSpec(name: "off", kind: .pureToken, token: "OFF"),
    ])

  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .client(.container), name: "client", arity: -2, flags: [.endsBatch],
      categories: [.slow],
      docs: CommandDocs(
        summary: "Holds the commands about client connections.",
        since: "2.4.0", group: "connection", complexity: "by subcommand"),
      subcommands: [
        CommandSpec(
          id: .client(.setName), name: "setname", arity: 3, flags: [.noscript, .loading, .stale],
          categories: [.slow, .connection],
          tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
          docs: CommandDocs(
            summary: "Gives the connection a name.",
            since: "2.6.9", group: "connection", complexity: "O(1)",
            arguments: [
              ArgumentSpec(name: "connection-name", kind: .string),
            ])),
        CommandSpec(
          id: .client(.getName), name: "getname", arity: 2, flags: [.noscript, .loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Returns the name of the connection.",
            since: "2.6.9", group: "connection", complexity: "O(1)")),
        CommandSpec(
          id: .client(.id), name: "id", arity: 2, flags: [.noscript, .loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Returns the number of the connection, which is never used twice.",
            since: "5.0.0", group: "connection", complexity: "O(1)")),
        CommandSpec(
          id: .client(.setInfo), name: "setinfo", arity: 4, flags: [.noscript, .loading, .stale],
          categories: [.slow, .connection],
          tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
          docs: CommandDocs(
            summary: "Tells which library the client uses.",
            since: "7.2.0", group: "connection", complexity: "O(1)",
            arguments: [
              ArgumentSpec(name: "attr", kind: .oneOf,
                arguments: [
                  ArgumentSpec(name: "libname", kind: .string, token: "LIB-NAME"),
                  ArgumentSpec(name: "libver", kind: .string, token: "LIB-VER"),
                ]),
            ])),
        CommandSpec(
          id: .client(.list), name: "list", arity: -2, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous, .connection],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Lists the connections, or those that a filter selects.",
            since: "2.4.0", group: "connection", complexity: "O(N)",
            history: [
              ("2.8.12", "reply: +id"), ("5.0.0", "+TYPE"), ("6.0.0", "reply: +user"),
              ("6.2.0", "reply: +argv-mem, +tot-mem, +laddr, +redir; +ID"),
              ("7.0.0", "reply: +resp, +multi-mem, +rbs, +rbp"), ("7.0.3", "reply: +ssub"),
              ("7.2.0", "reply: +lib-name, +lib-ver"), ("7.4.0", "reply: +watch"), ("8.0.0", "reply: +io-thread"),
            ],
            arguments: [
              ArgumentSpec(name: "client-type", kind: .oneOf, token: "TYPE", since: "5.0.0", isOptional: true,
                arguments: [
                  ArgumentSpec(name: "normal", kind: .pureToken, token: "NORMAL"),
                  ArgumentSpec(name: "master", kind: .pureToken, token: "MASTER"),
                  ArgumentSpec(name: "replica", kind: .pureToken, token: "REPLICA"),
                  ArgumentSpec(name: "pubsub", kind: .pureToken, token: "PUBSUB"),
                ]),
              ArgumentSpec(name: "client-id", kind: .integer, token: "ID", since: "6.2.0", isOptional: true,
                isMultiple: true),
            ])),
        CommandSpec(
          id: .client(.info), name: "info", arity: 2, flags: [.noscript, .loading, .stale],
          categories: [.slow, .connection],
          tips: ["nondeterministic_output"],
          docs: CommandDocs(
            summary: "Tells about this connection.",
            since: "6.2.0", group: "connection", complexity: "O(1)")),
        CommandSpec(
          id: .client(.kill), name: "kill", arity: -3, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous, .connection],
          docs: CommandDocs(
            summary: "Closes connections.",
            since: "2.4.0", group: "connection", complexity: "O(N)",
            history: [
              ("2.8.12", "+filter form (name value)"), ("2.8.12", "+ID"), ("3.2.0", "+TYPE master"),
              ("5.0.0", "+TYPE replica (slave kept as alias)"), ("6.2.0", "+LADDR"), ("7.4.0", "+MAXAGE"),
            ],
            arguments: [
              ArgumentSpec(name: "filter", kind: .oneOf,
                arguments: [
                  ArgumentSpec(name: "old-format", kind: .string, displayText: "ip:port", deprecatedSince: "2.8.12"),
                  ArgumentSpec(name: "new-format", kind: .oneOf, isMultiple: true,
                    arguments: [
                      ArgumentSpec(name: "client-id", kind: .integer, token: "ID", since: "2.8.12", isOptional: true),
                      ArgumentSpec(name: "client-type", kind: .oneOf, token: "TYPE", since: "2.8.12", isOptional: true,
                        arguments: [
                          ArgumentSpec(name: "normal", kind: .pureToken, token: "NORMAL"),
                          ArgumentSpec(name: "master", kind: .pureToken, token: "MASTER", since: "3.2.0"),
                          ArgumentSpec(name: "slave", kind: .pureToken, token: "SLAVE"),
                          ArgumentSpec(name: "replica", kind: .pureToken, token: "REPLICA", since: "5.0.0"),
                          ArgumentSpec(name: "pubsub", kind: .pureToken, token: "PUBSUB"),
                        ]),
                      ArgumentSpec(name: "username", kind: .string, token: "USER", isOptional: true),
                      ArgumentSpec(name: "addr", kind: .string, token: "ADDR", displayText: "ip:port",
                        isOptional: true),
                      ArgumentSpec(name: "laddr", kind: .string, token: "LADDR", displayText: "ip:port", since: "6.2.0",
                        isOptional: true),
                      ArgumentSpec(name: "skipme", kind: .oneOf, token: "SKIPME", isOptional: true,
                        arguments: [
                          ArgumentSpec(name: "yes", kind: .pureToken, token: "YES"),
                          ArgumentSpec(name: "no", kind: .pureToken, token: "NO"),
                        ]),
                      ArgumentSpec(name: "maxage", kind: .integer, token: "MAXAGE", since: "7.4.0", isOptional: true),
                    ]),
                ]),
            ])),
        CommandSpec(
          id: .client(.noTouch), name: "no-touch", arity: 3, flags: [.noscript, .loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Chooses whether commands of this connection count as uses of their keys.",
            since: "7.2.0", group: "connection", complexity: "O(1)",
            arguments: [onOrOff])),
        CommandSpec(
          id: .client(.noEvict), name: "no-evict", arity: 3, flags: [.admin, .noscript, .loading, .stale],
          categories: [.admin, .slow, .dangerous, .connection],
          docs: CommandDocs(
            summary: "Chooses whether this connection may be closed to free memory.",
            since: "7.0.0", group: "connection", complexity: "O(1)",
            arguments: [onOrOff])),
        CommandSpec(
          id: .client(.reply), name: "reply", arity: 3, flags: [.noscript, .loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Chooses whether commands of this connection are answered.",
            since: "3.2.0", group: "connection", complexity: "O(1)",
            arguments: [
              ArgumentSpec(name: "action", kind: .oneOf,
                arguments: [
                  ArgumentSpec(name: "on", kind: .pureToken, token: "ON"),
                  ArgumentSpec(name: "off", kind: .pureToken, token: "OFF"),
                  ArgumentSpec(name: "skip", kind: .pureToken, token: "SKIP"),
                ]),
            ])),
        CommandSpec(
          id: .client(.help), name: "help", arity: 2, flags: [.loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Lists the subcommands.",
            since: "5.0.0", group: "connection", complexity: "O(1)")),
      ] + pausingRows + trackingRows),
  ]
}
