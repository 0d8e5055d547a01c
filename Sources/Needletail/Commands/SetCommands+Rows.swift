/// The rows of the set commands.
extension SetCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .set(.sadd), name: "sadd", arity: -3, flags: [.write, .denyoom, .fast], categories: [.write, .set, .fast],
      keySpecs: [.key(1, "RW", "insert")],
      docs: CommandDocs(
        summary: "Puts members into a set; a missing key starts empty.",
        since: "1.0.0", group: "set", complexity: "O(1); O(N)",
        history: [("2.4.0", "member may repeat")],
        arguments: [.key(), .string("member", isMultiple: true)])),
    CommandSpec(
      id: .set(.scard), name: "scard", arity: 2, flags: [.readonly, .fast], categories: [.read, .set, .fast],
      keySpecs: [.key(1, "RO")],
      docs: CommandDocs(
        summary: "Counts the members of a set.",
        since: "1.0.0", group: "set", complexity: "O(1)",
        arguments: [.key()])),
    CommandSpec(
      id: .set(.sdiff), name: "sdiff", arity: -2, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.keys(from: 1, "RO", "access")], tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Reads the members of a set that none of the others has.",
        since: "1.0.0", group: "set", complexity: "O(N)",
        arguments: [.keys()])),
    CommandSpec(
      id: .set(.sdiffcard), name: "sdiffcard", arity: -3, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.numberedKeys(at: 1, "RO", "access")],
      docs: CommandDocs(
        summary: "Counts the members of a set that none of the others has.",
        since: "8.10.0", group: "set", complexity: "O(N)",
        arguments: [.integer("numkeys"), .keys(), .option("limit", .integer, "LIMIT")])),
    CommandSpec(
      id: .set(.sdiffstore), name: "sdiffstore", arity: -3, flags: [.write, .denyoom],
      categories: [.write, .set, .slow],
      keySpecs: [.key(1, "OW", "update"), .keys(from: 2, "RO", "access")],
      docs: CommandDocs(
        summary: "Writes the members of a set that none of the others has to a key.",
        since: "1.0.0", group: "set", complexity: "O(N)",
        arguments: [.key("destination"), .keys(spec: 1)])),
    CommandSpec(
      id: .set(.sinter), name: "sinter", arity: -2, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.keys(from: 1, "RO", "access")], tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Reads the members that all sets have.",
        since: "1.0.0", group: "set", complexity: "O(N*M)",
        arguments: [.keys()])),
    CommandSpec(
      id: .set(.sintercard), name: "sintercard", arity: -3, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.numberedKeys(at: 1, "RO", "access")],
      docs: CommandDocs(
        summary: "Counts the members that all sets have.",
        since: "7.0.0", group: "set", complexity: "O(N*M)",
        arguments: [.integer("numkeys"), .keys(), .option("limit", .integer, "LIMIT")])),
    CommandSpec(
      id: .set(.sinterstore), name: "sinterstore", arity: -3, flags: [.write, .denyoom],
      categories: [.write, .set, .slow],
      keySpecs: [.key(1, "OW", "update"), .keys(from: 2, "RO", "access")],
      docs: CommandDocs(
        summary: "Writes the members that all sets have to a key.",
        since: "1.0.0", group: "set", complexity: "O(N*M)",
        arguments: [.key("destination"), .keys(spec: 1)])),
    CommandSpec(
      id: .set(.sismember), name: "sismember", arity: 3, flags: [.readonly, .fast], categories: [.read, .set, .fast],
      keySpecs: [.key(1, "RO")],
      docs: CommandDocs(
        summary: "Tells whether a set has a member.",
        since: "1.0.0", group: "set", complexity: "O(1)",
        arguments: [.key(), .string("member")])),
    CommandSpec(
      id: .set(.smembers), name: "smembers", arity: 2, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Reads all members of a set.",
        since: "1.0.0", group: "set", complexity: "O(N)",
        arguments: [.key()])),
    CommandSpec(
      id: .set(.smismember), name: "smismember", arity: -3, flags: [.readonly, .fast], categories: [.read, .set, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Tells which of several members a set has.",
        since: "6.2.0", group: "set", complexity: "O(N)",
        arguments: [.key(), .string("member", isMultiple: true)])),
    CommandSpec(
      id: .set(.smove), name: "smove", arity: 4, flags: [.write, .fast], categories: [.write, .set, .fast],
      keySpecs: [.key(1, "RW", "access", "delete"), .key(2, "RW", "insert")],
      docs: CommandDocs(
        summary: "Takes a member out of a set and puts it into another.",
        since: "1.0.0", group: "set", complexity: "O(1)",
        arguments: [.key("source"), .key("destination", spec: 1), .string("member")])),
    CommandSpec(
      id: .set(.spop), name: "spop", arity: -2, flags: [.write, .fast], categories: [.write, .set, .fast],
      keySpecs: [.key(1, "RW", "access", "delete")], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Takes members out of a set, drawn at random.",
        since: "1.0.0", group: "set", complexity: "O(1); O(N)",
        history: [("3.2.0", "+count")],
        arguments: [.key(), .optionalCount(since: "3.2.0")])),
    CommandSpec(
      id: .set(.srandmember), name: "srandmember", arity: -2, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Reads members of a set, drawn at random.",
        since: "1.0.0", group: "set", complexity: "O(1); O(N)",
        history: [("2.6.0", "+count")],
        arguments: [.key(), .optionalCount(since: "2.6.0")])),
    CommandSpec(
      id: .set(.srem), name: "srem", arity: -3, flags: [.write, .fast], categories: [.write, .set, .fast],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Removes members from a set.",
        since: "1.0.0", group: "set", complexity: "O(N)",
        history: [("2.4.0", "member may repeat")],
        arguments: [.key(), .string("member", isMultiple: true)])),
    CommandSpec(
      id: .set(.sscan), name: "sscan", arity: -3, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Walks through the members of a set, a few at a time.",
        since: "2.8.0", group: "set", complexity: "O(1); O(N)",
        arguments: [
          .key(), .integer("cursor"), .option("pattern", .pattern, "MATCH"), .option("count", .integer, "COUNT"),
        ])),
    CommandSpec(
      id: .set(.sunion), name: "sunion", arity: -2, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.keys(from: 1, "RO", "access")], tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Reads the members that any of the sets has.",
        since: "1.0.0", group: "set", complexity: "O(N)",
        arguments: [.keys()])),
    CommandSpec(
      id: .set(.sunioncard), name: "sunioncard", arity: -3, flags: [.readonly], categories: [.read, .set, .slow],
      keySpecs: [.numberedKeys(at: 1, "RO", "access")],
      docs: CommandDocs(
        summary: "Counts the members that any of the sets has.",
        since: "8.10.0", group: "set", complexity: "O(N)",
        arguments: [.integer("numkeys"), .keys(), .option("approx", "APPROX"), .option("limit", .integer, "LIMIT")])),
    CommandSpec(
      id: .set(.sunionstore), name: "sunionstore", arity: -3, flags: [.write, .denyoom],
      categories: [.write, .set, .slow],
      keySpecs: [.key(1, "OW", "update"), .keys(from: 2, "RO", "access")],
      docs: CommandDocs(
        summary: "Writes the members that any of the sets has to a key.",
        since: "1.0.0", group: "set", complexity: "O(N)",
        arguments: [.key("destination"), .keys(spec: 1)])),
  ]
}
