/// The rows of the commands that give a key another name or database.
extension KeyCommand {
  static let movingRows: [CommandSpec] = [
    CommandSpec(
      id: .key(.copy), name: "copy", arity: -3, flags: [.write, .denyoom], categories: [.keyspace, .write, .slow],
      keySpecs: [
        KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
        KeySpec(flags: ["OW", "update"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Copies a key's value, with its expiry, to another key.",
        since: "6.2.0", group: "generic", complexity: "O(N); O(1)",
        arguments: [
          ArgumentSpec(name: "source", kind: .key, keySpecIndex: 0),
          ArgumentSpec(name: "destination", kind: .key, keySpecIndex: 1),
          ArgumentSpec(name: "destination-db", kind: .integer, token: "DB", isOptional: true),
          ArgumentSpec(name: "replace", kind: .pureToken, token: "REPLACE", isOptional: true),
        ])),
    CommandSpec(
      id: .key(.migrate), name: "migrate", arity: -6, flags: [.write],
      categories: [.keyspace, .write, .slow, .dangerous],
      keySpecs: [
        .key(3, "RW", "access", "delete"),
        KeySpec(
          flags: ["RW", "access", "delete", "incomplete"], begin: .keyword("KEYS", startFrom: -2),
          find: .range(lastKey: -1, step: 1, limit: 0)),
      ],
      tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Moves keys to another server, which this one does not do.",
        since: "2.6.0", group: "generic", complexity: "O(N)",
        history: [("3.0.0", "+COPY, +REPLACE"), ("3.0.6", "+KEYS"), ("4.0.7", "+AUTH"), ("6.0.0", "+AUTH2")],
        arguments: [
          .string("host"),
          .integer("port"),
          .choice("key-selector", [.key(), .token("empty-string", "")]),
          .integer("destination-db"),
          .integer("timeout"),
          ArgumentSpec(name: "copy", kind: .pureToken, token: "COPY", since: "3.0.0", isOptional: true),
          ArgumentSpec(name: "replace", kind: .pureToken, token: "REPLACE", since: "3.0.0", isOptional: true),
          ArgumentSpec(
            name: "authentication", kind: .oneOf, isOptional: true,
            arguments: [
              ArgumentSpec(name: "auth", kind: .string, token: "AUTH", displayText: "password", since: "4.0.7"),
              ArgumentSpec(
                name: "auth2", kind: .block, token: "AUTH2", since: "6.0.0",
                arguments: [.string("username"), .string("password")]),
            ]),
          ArgumentSpec(
            name: "keys", kind: .key, token: "KEYS", displayText: "key", keySpecIndex: 1, since: "3.0.6",
            isOptional: true, isMultiple: true),
        ])),
    CommandSpec(
      id: .key(.move), name: "move", arity: 3, flags: [.write, .fast], categories: [.keyspace, .write, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))
      ],
      docs: CommandDocs(
        summary: "Moves a key to another database.",
        since: "1.0.0", group: "generic", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "db", kind: .integer),
        ])),
    CommandSpec(
      id: .key(.rename), name: "rename", arity: 3, flags: [.write], categories: [.keyspace, .write, .slow],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "delete"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
        KeySpec(flags: ["OW", "update"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Gives a key another name, in place of a key that may have it.",
        since: "1.0.0", group: "generic", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0),
          ArgumentSpec(name: "newkey", kind: .key, keySpecIndex: 1),
        ])),
    CommandSpec(
      id: .key(.renamenx), name: "renamenx", arity: 3, flags: [.write, .fast], categories: [.keyspace, .write, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "delete"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
        KeySpec(flags: ["OW", "insert"], begin: .index(2), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Gives a key another name unless there is a key that has it.",
        since: "1.0.0", group: "generic", complexity: "O(1)",
        history: [("3.2.0", "same source and destination: no error")],
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0),
          ArgumentSpec(name: "newkey", kind: .key, keySpecIndex: 1),
        ])),
  ]
}
