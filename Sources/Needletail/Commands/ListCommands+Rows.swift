/// The rows of the list commands.
extension ListCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .list(.lindex), name: "lindex", arity: 3, flags: [.readonly], categories: [.read, .list, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the element at an index of a list.",
        since: "1.0.0", group: "list", complexity: "O(N); O(1)",
        arguments: [.key(), .integer("index")])),
    CommandSpec(
      id: .list(.linsert), name: "linsert", arity: 5, flags: [.write, .denyoom], categories: [.write, .list, .slow],
      keySpecs: [.key(1, "RW", "insert")],
      docs: CommandDocs(
        summary: "Puts an element before or behind another one of a list.",
        since: "2.2.0", group: "list", complexity: "O(N); O(1)",
        arguments: [
          .key(), .choice("where", [.token("before", "BEFORE"), .token("after", "AFTER")]), .string("pivot"),
          .string("element"),
        ])),
    CommandSpec(
      id: .list(.llen), name: "llen", arity: 2, flags: [.readonly, .fast], categories: [.read, .list, .fast],
      keySpecs: [.key(1, "RO")],
      docs: CommandDocs(
        summary: "Counts the elements of a list.",
        since: "1.0.0", group: "list", complexity: "O(1)",
        arguments: [.key()])),
    CommandSpec(
      id: .list(.lmove), name: "lmove", arity: 5, flags: [.write, .denyoom], categories: [.write, .list, .slow],
      keySpecs: [.key(1, "RW", "access", "delete"), .key(2, "RW", "insert")],
      docs: CommandDocs(
        summary: "Takes an element off an end of a list and puts it on an end of another, or of the same.",
        since: "6.2.0", group: "list", complexity: "O(1)",
        arguments: [.key("source"), .key("destination", spec: 1), .leftOrRight("wherefrom"), .leftOrRight("whereto")])),
    CommandSpec(
      id: .list(.lmovem), name: "lmovem", arity: -5, flags: [.write, .denyoom], categories: [.write, .list, .slow],
      keySpecs: [.key(1, "RW", "access", "delete"), .key(2, "RW", "insert")],
      docs: CommandDocs(
        summary: "Takes elements off an end of a list and puts them on an end of another, or of the same.",
        since: "8.10.0", group: "list", complexity: "O(N)",
        arguments: [
          .key("source"), .key("destination", spec: 1), .leftOrRight("wherefrom"), .leftOrRight("whereto"), .howMany,
        ])),
    CommandSpec(
      id: .list(.lmpop), name: "lmpop", arity: -4, flags: [.write], categories: [.write, .list, .slow],
      keySpecs: [.numberedKeys(at: 1, "RW", "access", "delete")],
      docs: CommandDocs(
        summary: "Takes elements off an end of the first of several lists that has any.",
        since: "7.0.0", group: "list", complexity: "O(N+M)",
        arguments: [.integer("numkeys"), .keys(), .leftOrRight("where"), .option("count", .integer, "COUNT")])),
    CommandSpec(
      id: .list(.lpop), name: "lpop", arity: -2, flags: [.write, .fast], categories: [.write, .list, .fast],
      keySpecs: [.key(1, "RW", "access", "delete")],
      docs: CommandDocs(
        summary: "Takes elements off the left end of a list.",
        since: "1.0.0", group: "list", complexity: "O(N)",
        history: [("6.2.0", "+count")],
        arguments: [.key(), .optionalCount(since: "6.2.0")])),
    CommandSpec(
      id: .list(.lpos), name: "lpos", arity: -3, flags: [.readonly], categories: [.read, .list, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Tells where in a list an element is.",
        since: "6.0.6", group: "list", complexity: "O(N)",
        arguments: [
          .key(), .string("element"), .option("rank", .integer, "RANK"), .option("num-matches", .integer, "COUNT"),
          .option("len", .integer, "MAXLEN"),
        ])),
    CommandSpec(
      id: .list(.lpush), name: "lpush", arity: -3, flags: [.write, .denyoom, .fast], categories: [.write, .list, .fast],
      keySpecs: [.key(1, "RW", "insert")],
      docs: CommandDocs(
        summary: "Puts elements on the left end of a list; a missing key starts empty.",
        since: "1.0.0", group: "list", complexity: "O(1); O(N)",
        history: [("2.4.0", "element may repeat")],
        arguments: [.key(), .string("element", isMultiple: true)])),
    CommandSpec(
      id: .list(.lpushx), name: "lpushx", arity: -3, flags: [.write, .denyoom, .fast],
      categories: [.write, .list, .fast],
      keySpecs: [.key(1, "RW", "insert")],
      docs: CommandDocs(
        summary: "Puts elements on the left end of a list if the key exists.",
        since: "2.2.0", group: "list", complexity: "O(1); O(N)",
        history: [("4.0.0", "element may repeat")],
        arguments: [.key(), .string("element", isMultiple: true)])),
    CommandSpec(
      id: .list(.lrange), name: "lrange", arity: 4, flags: [.readonly], categories: [.read, .list, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the part of a list between two indexes.",
        since: "1.0.0", group: "list", complexity: "O(S+N)",
        arguments: [.key(), .integer("start"), .integer("stop")])),
    CommandSpec(
      id: .list(.lrem), name: "lrem", arity: 4, flags: [.write], categories: [.write, .list, .slow],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Removes elements that equal the given one from a list.",
        since: "1.0.0", group: "list", complexity: "O(N+M)",
        arguments: [.key(), .integer("count"), .string("element")])),
    CommandSpec(
      id: .list(.lset), name: "lset", arity: 4, flags: [.write, .denyoom], categories: [.write, .list, .slow],
      keySpecs: [.key(1, "RW", "update")],
      docs: CommandDocs(
        summary: "Writes the element at an index of a list.",
        since: "1.0.0", group: "list", complexity: "O(N); O(1)",
        arguments: [.key(), .integer("index"), .string("element")])),
    CommandSpec(
      id: .list(.ltrim), name: "ltrim", arity: 4, flags: [.write], categories: [.write, .list, .slow],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Keeps the part of a list between two indexes and removes the rest.",
        since: "1.0.0", group: "list", complexity: "O(N)",
        arguments: [.key(), .integer("start"), .integer("stop")])),
    CommandSpec(
      id: .list(.rpop), name: "rpop", arity: -2, flags: [.write, .fast], categories: [.write, .list, .fast],
      keySpecs: [.key(1, "RW", "access", "delete")],
      docs: CommandDocs(
        summary: "Takes elements off the right end of a list.",
        since: "1.0.0", group: "list", complexity: "O(N)",
        history: [("6.2.0", "+count")],
        arguments: [.key(), .optionalCount(since: "6.2.0")])),
    CommandSpec(
      id: .list(.rpoplpush), name: "rpoplpush", arity: 3, flags: [.write, .denyoom], categories: [.write, .list, .slow],
      keySpecs: [.key(1, "RW", "access", "delete"), .key(2, "RW", "insert")],
      docs: CommandDocs(
        summary: "Takes an element off the right end of a list and puts it on the left end of another, or of the same.",
        since: "1.2.0", group: "list", complexity: "O(1)", flags: ["deprecated"], deprecatedSince: "6.2.0",
        replacedBy: "LMOVE, RIGHT, LEFT",
        arguments: [.key("source"), .key("destination", spec: 1)])),
    CommandSpec(
      id: .list(.rpush), name: "rpush", arity: -3, flags: [.write, .denyoom, .fast], categories: [.write, .list, .fast],
      keySpecs: [.key(1, "RW", "insert")],
      docs: CommandDocs(
        summary: "Puts elements on the right end of a list; a missing key starts empty.",
        since: "1.0.0", group: "list", complexity: "O(1); O(N)",
        history: [("2.4.0", "element may repeat")],
        arguments: [.key(), .string("element", isMultiple: true)])),
    CommandSpec(
      id: .list(.rpushx), name: "rpushx", arity: -3, flags: [.write, .denyoom, .fast],
      categories: [.write, .list, .fast],
      keySpecs: [.key(1, "RW", "insert")],
      docs: CommandDocs(
        summary: "Puts elements on the right end of a list if the key exists.",
        since: "2.2.0", group: "list", complexity: "O(1); O(N)",
        history: [("4.0.0", "element may repeat")],
        arguments: [.key(), .string("element", isMultiple: true)])),
  ]
}
