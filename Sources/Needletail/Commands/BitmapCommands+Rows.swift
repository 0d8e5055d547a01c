extension BitmapCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .bitmap(.bitcount), name: "bitcount", arity: -2, flags: [.readonly], categories: [.read, .bitmap, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Counts the bits that are 1, in a string or in a part of it.",
        since: "2.6.0", group: "bitmap", complexity: "O(N)", history: [("7.0.0", "+BYTE|BIT")],
        arguments: [
          .key(),
          ArgumentSpec(
            name: "range", kind: .block, isOptional: true,
            arguments: [.integer("start"), .integer("end"), .bitUnit]),
        ])),
    CommandSpec(
      id: .bitmap(.bitfield), name: "bitfield", arity: -2, flags: [.write, .denyoom],
      categories: [.write, .bitmap, .slow],
      keySpecs: [.key(1, "RW", "access", "update", "variable_flags")],
      docs: CommandDocs(
        summary: "Reads, writes and adds to integers of any width in a string.",
        since: "3.2.0", group: "bitmap", complexity: "O(1)",
        arguments: [
          .key(),
          ArgumentSpec(
            name: "operation", kind: .oneOf, isOptional: true, isMultiple: true,
            arguments: [
              .block("get-block", token: "GET", [.string("encoding"), .integer("offset")]),
              .block(
                "write",
                [
                  ArgumentSpec(
                    name: "overflow-block", kind: .oneOf, token: "OVERFLOW", isOptional: true,
                    arguments: [.token("wrap", "WRAP"), .token("sat", "SAT"), .token("fail", "FAIL")]),
                  .choice(
                    "write-operation",
                    [
                      .block("set-block", token: "SET", [.string("encoding"), .integer("offset"), .integer("value")]),
                      .block(
                        "incrby-block", token: "INCRBY",
                        [.string("encoding"), .integer("offset"), .integer("increment")]),
                    ]),
                ]),
            ]),
        ])),
    CommandSpec(
      id: .bitmap(.bitfieldReadonly), name: "bitfield_ro", arity: -2, flags: [.readonly, .fast],
      categories: [.read, .bitmap, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads integers of any width in a string.",
        since: "6.0.0", group: "bitmap", complexity: "O(1)",
        arguments: [
          .key(),
          ArgumentSpec(
            name: "get-block", kind: .block, token: "GET", isOptional: true, isMultiple: true, hasMultipleToken: true,
            arguments: [.string("encoding"), .integer("offset")]),
        ])),
    CommandSpec(
      id: .bitmap(.bitop), name: "bitop", arity: -4, flags: [.write, .denyoom], categories: [.write, .bitmap, .slow],
      keySpecs: [.key(2, "OW", "update"), .keys(from: 3, "RO", "access")],
      docs: CommandDocs(
        summary: "Combines strings bit by bit and stores the result.",
        since: "2.6.0", group: "bitmap", complexity: "O(N)",
        arguments: [
          .choice(
            "operation",
            [
              .token("and", "AND"), .token("or", "OR"), .token("xor", "XOR"), .token("not", "NOT"),
              .token("diff", "DIFF"), .token("diff1", "DIFF1"), .token("andor", "ANDOR"), .token("one", "ONE"),
            ]),
          .key("destkey"), .keys(spec: 1),
        ])),
    CommandSpec(
      id: .bitmap(.bitpos), name: "bitpos", arity: -3, flags: [.readonly], categories: [.read, .bitmap, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Finds the first bit that is 1, or 0, in a string or in a part of it.",
        since: "2.8.7", group: "bitmap", complexity: "O(N)", history: [("7.0.0", "+BYTE|BIT")],
        arguments: [
          .key(), .integer("bit"),
          ArgumentSpec(
            name: "range", kind: .block, isOptional: true,
            arguments: [
              .integer("start"),
              ArgumentSpec(
                name: "end-unit-block", kind: .block, isOptional: true, arguments: [.integer("end"), .bitUnit]),
            ]),
        ])),
    CommandSpec(
      id: .bitmap(.getbit), name: "getbit", arity: 3, flags: [.readonly, .fast], categories: [.read, .bitmap, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Tells a bit of a string.",
        since: "2.2.0", group: "bitmap", complexity: "O(1)", arguments: [.key(), .integer("offset")])),
    CommandSpec(
      id: .bitmap(.setbit), name: "setbit", arity: 4, flags: [.write, .denyoom], categories: [.write, .bitmap, .slow],
      keySpecs: [.key(1, "RW", "access", "update")],
      docs: CommandDocs(
        summary: "Writes a bit of a string, which grows to it, and tells what it was.",
        since: "2.2.0", group: "bitmap", complexity: "O(1)",
        arguments: [.key(), .integer("offset"), .integer("value")])),
  ]
}

extension ArgumentSpec {
  /// BYTE or BIT.
  fileprivate static var bitUnit: ArgumentSpec {
    .choice("unit", since: "7.0.0", isOptional: true, [.token("byte", "BYTE"), .token("bit", "BIT")])
  }
}
