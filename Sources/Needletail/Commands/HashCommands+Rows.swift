/// The rows of the hash commands.
extension HashCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .hash(.hdel), name: "hdel", arity: -3, flags: [.write, .fast], categories: [.write, .hash, .fast],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Removes fields from a hash.",
        since: "2.0.0", group: "hash", complexity: "O(N)",
        history: [("2.4.0", "field may repeat")],
        arguments: [.key(), .string("field", isMultiple: true)])),
    CommandSpec(
      id: .hash(.hexists), name: "hexists", arity: 3, flags: [.readonly, .fast], categories: [.read, .hash, .fast],
      keySpecs: [.key(1, "RO")],
      docs: CommandDocs(
        summary: "Tells whether a hash has a field.",
        since: "2.0.0", group: "hash", complexity: "O(1)",
        arguments: [.key(), .string("field")])),
    CommandSpec(
      id: .hash(.hget), name: "hget", arity: 3, flags: [.readonly, .fast], categories: [.read, .hash, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads a field of a hash.",
        since: "2.0.0", group: "hash", complexity: "O(1)",
        arguments: [.key(), .string("field")])),
    CommandSpec(
      id: .hash(.hgetall), name: "hgetall", arity: 2, flags: [.readonly], categories: [.read, .hash, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Reads all fields of a hash, with their names.",
        since: "2.0.0", group: "hash", complexity: "O(N)",
        arguments: [.key()])),
    CommandSpec(
      id: .hash(.hgetdel), name: "hgetdel", arity: -5, flags: [.write, .fast], categories: [.write, .hash, .fast],
      keySpecs: [.key(1, "RW", "access", "delete")],
      docs: CommandDocs(
        summary: "Reads fields of a hash and removes them.",
        since: "8.0.0", group: "hash", complexity: "O(N)",
        arguments: [
          .key(), .block("fields", token: "FIELDS", [.integer("numfields"), .string("field", isMultiple: true)]),
        ])),
    CommandSpec(
      id: .hash(.hincrby), name: "hincrby", arity: 4, flags: [.write, .denyoom, .fast],
      categories: [.write, .hash, .fast],
      keySpecs: [.key(1, "RW", "access", "update")],
      docs: CommandDocs(
        summary: "Adds a number to the integer in a field; a missing field counts as 0.",
        since: "2.0.0", group: "hash", complexity: "O(1)",
        arguments: [.key(), .string("field"), .integer("increment")])),
    CommandSpec(
      id: .hash(.hincrbyfloat), name: "hincrbyfloat", arity: 4, flags: [.write, .denyoom, .fast],
      categories: [.write, .hash, .fast],
      keySpecs: [.key(1, "RW", "access", "update")],
      docs: CommandDocs(
        summary: "Adds a decimal number to the number in a field; a missing field counts as 0.",
        since: "2.6.0", group: "hash", complexity: "O(1)",
        arguments: [.key(), .string("field"), .double("increment")])),
    CommandSpec(
      id: .hash(.hkeys), name: "hkeys", arity: 2, flags: [.readonly], categories: [.read, .hash, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Reads the names of all fields of a hash.",
        since: "2.0.0", group: "hash", complexity: "O(N)",
        arguments: [.key()])),
    CommandSpec(
      id: .hash(.hlen), name: "hlen", arity: 2, flags: [.readonly, .fast], categories: [.read, .hash, .fast],
      keySpecs: [.key(1, "RO")],
      docs: CommandDocs(
        summary: "Counts the fields of a hash.",
        since: "2.0.0", group: "hash", complexity: "O(1)",
        arguments: [.key()])),
    CommandSpec(
      id: .hash(.hmget), name: "hmget", arity: -3, flags: [.readonly, .fast], categories: [.read, .hash, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads several fields of a hash.",
        since: "2.0.0", group: "hash", complexity: "O(N)",
        arguments: [.key(), .string("field", isMultiple: true)])),
    CommandSpec(
      id: .hash(.hmset), name: "hmset", arity: -4, flags: [.write, .denyoom, .fast], categories: [.write, .hash, .fast],
      keySpecs: [.key(1, "RW", "update")],
      docs: CommandDocs(
        summary: "Writes fields of a hash; a missing key starts empty.",
        since: "2.0.0", group: "hash", complexity: "O(N)", flags: ["deprecated"], deprecatedSince: "4.0.0",
        replacedBy: "HSET",
        arguments: [.key(), .block("data", isMultiple: true, [.string("field"), .string("value")])])),
    CommandSpec(
      id: .hash(.hrandfield), name: "hrandfield", arity: -2, flags: [.readonly], categories: [.read, .hash, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Reads the names of fields of a hash, drawn at random.",
        since: "6.2.0", group: "hash", complexity: "O(N)",
        arguments: [.key(), .countedDraw(.option("withvalues", "WITHVALUES"))])),
    CommandSpec(
      id: .hash(.hscan), name: "hscan", arity: -3, flags: [.readonly], categories: [.read, .hash, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Walks through the fields of a hash, a few at a time.",
        since: "2.8.0", group: "hash", complexity: "O(1); O(N)",
        arguments: [
          .key(), .integer("cursor"), .option("pattern", .pattern, "MATCH"), .option("count", .integer, "COUNT"),
          .option("novalues", "NOVALUES"),
        ])),
    CommandSpec(
      id: .hash(.hset), name: "hset", arity: -4, flags: [.write, .denyoom, .fast], categories: [.write, .hash, .fast],
      keySpecs: [.key(1, "RW", "update")],
      docs: CommandDocs(
        summary: "Writes fields of a hash and counts the new ones; a missing key starts empty.",
        since: "2.0.0", group: "hash", complexity: "O(1); O(N)",
        history: [("4.0.0", "field/value may repeat")],
        arguments: [.key(), .block("data", isMultiple: true, [.string("field"), .string("value")])])),
    CommandSpec(
      id: .hash(.hsetnx), name: "hsetnx", arity: 4, flags: [.write, .denyoom, .fast],
      categories: [.write, .hash, .fast],
      keySpecs: [.key(1, "RW", "insert")],
      docs: CommandDocs(
        summary: "Writes a field of a hash unless it exists.",
        since: "2.0.0", group: "hash", complexity: "O(1)",
        arguments: [.key(), .string("field"), .string("value")])),
    CommandSpec(
      id: .hash(.hstrlen), name: "hstrlen", arity: 3, flags: [.readonly, .fast], categories: [.read, .hash, .fast],
      keySpecs: [.key(1, "RO")],
      docs: CommandDocs(
        summary: "Tells how many bytes are in a field of a hash.",
        since: "3.2.0", group: "hash", complexity: "O(1)",
        arguments: [.key(), .string("field")])),
    CommandSpec(
      id: .hash(.hvals), name: "hvals", arity: 2, flags: [.readonly], categories: [.read, .hash, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Reads all fields of a hash, without their names.",
        since: "2.0.0", group: "hash", complexity: "O(N)",
        arguments: [.key()])),
  ]
}
