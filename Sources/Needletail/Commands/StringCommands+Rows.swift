/// The rows of the string commands.
extension StringCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .string(.append), name: "append", arity: 3, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [KeySpec(flags: ["RW", "insert"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Adds bytes at the end of a string; a missing key starts empty.",
        since: "2.0.0", group: "string", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
        ])),
    CommandSpec(
      id: .string(.decr), name: "decr", arity: 2, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Subtracts one from an integer; a missing key counts as 0.",
        since: "1.0.0", group: "string", complexity: "O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .string(.decrby), name: "decrby", arity: 3, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Subtracts a number from an integer; a missing key counts as 0.",
        since: "1.0.0", group: "string", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "decrement", kind: .integer),
        ])),
    CommandSpec(
      id: .string(.delex), name: "delex", arity: -2, flags: [.write, .fast], categories: [.write, .string, .fast],
      keySpecs: [KeySpec(flags: ["RW", "delete"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Deletes a key if its string, or that string's digest, is or is not the given one.",
        since: "8.4.0", group: "string", complexity: "O(1); O(N)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0),
          ArgumentSpec(name: "condition", kind: .oneOf, isOptional: true, arguments: ArgumentSpec.comparisons()),
        ])),
    CommandSpec(
      id: .string(.delifeq), name: "delifeq", arity: 3, flags: [.write], categories: [.write, .string, .slow],
      keySpecs: [
        KeySpec(flags: ["RM", "access", "delete"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Deletes a key if its string is the given one.",
        since: "9.0.0", group: "string", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
        ])),
    CommandSpec(
      id: .string(.digest), name: "digest", arity: 2, flags: [.readonly, .fast], categories: [.read, .string, .fast],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Computes a string's XXH3 digest.",
        since: "8.4.0", group: "string", complexity: "O(N)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .string(.get), name: "get", arity: 2, flags: [.readonly, .fast], categories: [.read, .string, .fast],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Reads a string.",
        since: "1.0.0", group: "string", complexity: "O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .string(.getdel), name: "getdel", arity: 2, flags: [.write, .fast], categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "delete"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Reads a string and deletes its key.",
        since: "6.2.0", group: "string", complexity: "O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .string(.getex), name: "getex", arity: -2, flags: [.write, .fast], categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Reads a string and sets or removes its key's expiry.",
        since: "6.2.0", group: "string", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), .expiration(.token("persist", "PERSIST")),
        ])),
    CommandSpec(
      id: .string(.getrange), name: "getrange", arity: 4, flags: [.readonly], categories: [.read, .string, .slow],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Reads the part of a string between two offsets.",
        since: "2.4.0", group: "string", complexity: "O(N); O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "start", kind: .integer),
          ArgumentSpec(name: "end", kind: .integer),
        ])),
    CommandSpec(
      id: .string(.getset), name: "getset", arity: 3, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Writes a string and answers what was there before.",
        since: "1.0.0", group: "string", complexity: "O(1)", flags: ["deprecated"], deprecatedSince: "6.2.0",
        replacedBy: "SET, GET",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
        ])),
    CommandSpec(
      id: .string(.incr), name: "incr", arity: 2, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Adds one to an integer; a missing key counts as 0.",
        since: "1.0.0", group: "string", complexity: "O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .string(.incrby), name: "incrby", arity: 3, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Adds a number to an integer; a missing key counts as 0.",
        since: "1.0.0", group: "string", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "increment", kind: .integer),
        ])),
    CommandSpec(
      id: .string(.incrbyfloat), name: "incrbyfloat", arity: 3, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Adds a decimal number to a number; a missing key counts as 0.",
        since: "2.6.0", group: "string", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "increment", kind: .double),
        ])),
    CommandSpec(
      id: .string(.increx), name: "increx", arity: -2, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [
        KeySpec(flags: ["RW", "access", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Adds to a number within bounds and sets or removes its key's expiry; a missing key counts as 0.",
        since: "8.8.0", group: "string", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0),
          ArgumentSpec(
            name: "increment", kind: .oneOf, isOptional: true,
            arguments: [
              ArgumentSpec(name: "float", kind: .double, token: "BYFLOAT"),
              ArgumentSpec(name: "integer", kind: .integer, token: "BYINT"),
            ]),
          ArgumentSpec(name: "saturate", kind: .pureToken, token: "SATURATE", isOptional: true),
          ArgumentSpec(name: "lowerbound", kind: .string, token: "LBOUND", isOptional: true),
          ArgumentSpec(name: "upperbound", kind: .string, token: "UBOUND", isOptional: true),
          .expiration(.token("persist", "PERSIST")),
          ArgumentSpec(name: "enx", kind: .pureToken, token: "ENX", isOptional: true),
          ArgumentSpec(name: "condition", kind: .oneOf, isOptional: true,
            arguments: [.token("nx", "NX"), .token("xx", "XX")]),
        ])),
    CommandSpec(
      id: .string(.lcs), name: "lcs", arity: -3, flags: [.readonly], categories: [.read, .string, .slow],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 1, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Finds the longest subsequence that two strings share.",
        since: "7.0.0", group: "string", complexity: "O(N*M)",
        arguments: [
          ArgumentSpec(name: "key1", kind: .key, keySpecIndex: 0),
          ArgumentSpec(name: "key2", kind: .key, keySpecIndex: 0),
          ArgumentSpec(name: "len", kind: .pureToken, token: "LEN", isOptional: true),
          ArgumentSpec(name: "idx", kind: .pureToken, token: "IDX", isOptional: true),
          ArgumentSpec(name: "min-match-len", kind: .integer, token: "MINMATCHLEN", isOptional: true),
          ArgumentSpec(name: "withmatchlen", kind: .pureToken, token: "WITHMATCHLEN", isOptional: true),
        ])),
    CommandSpec(
      id: .string(.mget), name: "mget", arity: -2, flags: [.readonly, .fast], categories: [.read, .string, .fast],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: -1, step: 1, limit: 0))],
      tips: ["request_policy:multi_shard"],
      docs: CommandDocs(
        summary: "Reads the strings of several keys.",
        since: "1.0.0", group: "string", complexity: "O(N)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0, isMultiple: true)])),
    CommandSpec(
      id: .string(.mset), name: "mset", arity: -3, flags: [.write, .denyoom], categories: [.write, .string, .slow],
      keySpecs: [KeySpec(flags: ["OW", "update"], begin: .index(1), find: .range(lastKey: -1, step: 2, limit: 0))],
      tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
      docs: CommandDocs(
        summary: "Writes several strings, all at once.",
        since: "1.0.1", group: "string", complexity: "O(N)",
        arguments: [
          ArgumentSpec(
            name: "data", kind: .block, isMultiple: true,
            arguments: [
              ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
            ]),
        ])),
    CommandSpec(
      id: .string(.msetex), name: "msetex", arity: -4, flags: [.write, .denyoom], categories: [.write, .string, .slow],
      keySpecs: [
        KeySpec(flags: ["OW", "update"], begin: .index(1), find: .keyNumber(index: 0, firstKey: 1, step: 2)),
      ],
      docs: CommandDocs(
        summary: "Writes several strings, all at once, that expire at the same time.",
        since: "8.4.0", group: "string", complexity: "O(N)",
        arguments: [
          ArgumentSpec(name: "numkeys", kind: .integer),
          ArgumentSpec(
            name: "data", kind: .block, isMultiple: true,
            arguments: [
              ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
            ]),
          ArgumentSpec(
            name: "condition", kind: .oneOf, isOptional: true, arguments: [.token("nx", "NX"), .token("xx", "XX")]),
          .expiration(.token("keepttl", "KEEPTTL")),
        ])),
    CommandSpec(
      id: .string(.msetnx), name: "msetnx", arity: -3, flags: [.write, .denyoom], categories: [.write, .string, .slow],
      keySpecs: [KeySpec(flags: ["OW", "insert"], begin: .index(1), find: .range(lastKey: -1, step: 2, limit: 0))],
      docs: CommandDocs(
        summary: "Writes several strings, all or, when any key exists, none.",
        since: "1.0.1", group: "string", complexity: "O(N)",
        arguments: [
          ArgumentSpec(
            name: "data", kind: .block, isMultiple: true,
            arguments: [
              ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
            ]),
        ])),
    CommandSpec(
      id: .string(.psetex), name: "psetex", arity: 4, flags: [.write, .denyoom], categories: [.write, .string, .slow],
      keySpecs: [KeySpec(flags: ["OW", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Writes a string that expires after some milliseconds.",
        since: "2.6.0", group: "string", complexity: "O(1)", flags: ["deprecated"], deprecatedSince: "2.6.12",
        replacedBy: "SET, PX",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "milliseconds", kind: .integer),
          ArgumentSpec(name: "value", kind: .string),
        ])),
    CommandSpec(
      id: .string(.set), name: "set", arity: -3, flags: [.write, .denyoom], categories: [.write, .string, .slow],
      keySpecs: [
        KeySpec(
          flags: ["RW", "access", "update", "variable_flags"],
          begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Writes a string, whatever the key held; options make it conditional and let it expire.",
        since: "1.0.0", group: "string", complexity: "O(1)",
        history: [
          ("2.6.12", "+EX, +PX, +NX, +XX"), ("6.0.0", "+KEEPTTL"), ("6.2.0", "+GET, +EXAT, +PXAT"),
          ("7.0.0", "NX with GET allowed"), ("8.4.0", "+IFEQ, +IFNE, +IFDEQ, +IFDNE"),
        ],
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
          ArgumentSpec(
            name: "condition", kind: .oneOf, since: "2.6.12", isOptional: true,
            arguments: [.token("nx", "NX"), .token("xx", "XX")] + ArgumentSpec.comparisons(since: "8.4.0")),
          ArgumentSpec(name: "get", kind: .pureToken, token: "GET", since: "6.2.0", isOptional: true),
          .expiration(.token("keepttl", "KEEPTTL", since: "6.0.0"), relativeSince: "2.6.12", absoluteSince: "6.2.0"),
        ])),
    CommandSpec(
      id: .string(.setex), name: "setex", arity: 4, flags: [.write, .denyoom], categories: [.write, .string, .slow],
      keySpecs: [KeySpec(flags: ["OW", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Writes a string that expires after some seconds.",
        since: "2.0.0", group: "string", complexity: "O(1)", flags: ["deprecated"], deprecatedSince: "2.6.12",
        replacedBy: "SET, EX",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "seconds", kind: .integer),
          ArgumentSpec(name: "value", kind: .string),
        ])),
    CommandSpec(
      id: .string(.setnx), name: "setnx", arity: 3, flags: [.write, .denyoom, .fast],
      categories: [.write, .string, .fast],
      keySpecs: [KeySpec(flags: ["OW", "insert"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Writes a string if the key does not exist.",
        since: "1.0.0", group: "string", complexity: "O(1)", flags: ["deprecated"], deprecatedSince: "2.6.12",
        replacedBy: "SET, NX",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "value", kind: .string),
        ])),
    CommandSpec(
      id: .string(.setrange), name: "setrange", arity: 4, flags: [.write, .denyoom],
      categories: [.write, .string, .slow],
      keySpecs: [KeySpec(flags: ["RW", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Overwrites a string from an offset on, filling any gap with zeros.",
        since: "2.2.0", group: "string", complexity: "O(1); O(M)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "offset", kind: .integer),
          ArgumentSpec(name: "value", kind: .string),
        ])),
    CommandSpec(
      id: .string(.strlen), name: "strlen", arity: 2, flags: [.readonly, .fast], categories: [.read, .string, .fast],
      keySpecs: [KeySpec(flags: ["RO"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Tells how many bytes a string has.",
        since: "2.2.0", group: "string", complexity: "O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
    CommandSpec(
      id: .string(.substr), name: "substr", arity: 4, flags: [.readonly], categories: [.read, .string, .slow],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Reads the part of a string between two offsets.",
        since: "1.0.0", group: "string", complexity: "O(N); O(1)", flags: ["deprecated"], deprecatedSince: "2.0.0",
        replacedBy: "GETRANGE",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), ArgumentSpec(name: "start", kind: .integer),
          ArgumentSpec(name: "end", kind: .integer),
        ])),
  ]
}
