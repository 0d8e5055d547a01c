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
