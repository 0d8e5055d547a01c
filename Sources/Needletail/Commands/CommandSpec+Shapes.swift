// Key specs and arguments that many commands share, so that a row of the table says little more than what is its own.

extension KeySpec {
  /// One key, in a fixed place.
  static func key(_ index: Int, _ flags: StaticString...) -> KeySpec {
    KeySpec(flags: flags, begin: .index(index), find: .range(lastKey: 0, step: 1, limit: 0))
  }

  /// Every argument from `index` on.
  static func keys(from index: Int, _ flags: StaticString...) -> KeySpec {
    KeySpec(flags: flags, begin: .index(index), find: .range(lastKey: -1, step: 1, limit: 0))
  }

  /// The argument at `index` says how many keys there are behind it.
  static func numberedKeys(at index: Int, _ flags: StaticString...) -> KeySpec {
    KeySpec(flags: flags, begin: .index(index), find: .keyNumber(index: 0, firstKey: 1, step: 1))
  }

  /// Keys that depend on more than their place in the request.
  static func unknown(_ flags: StaticString...) -> KeySpec {
    KeySpec(flags: flags, begin: .unknown, find: .unknown)
  }
}

extension ArgumentSpec {
  /// - Parameter spec: which of the row's key specs finds it.
  static func key(_ name: StaticString = "key", spec: Int = 0) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .key, keySpecIndex: spec)
  }

  static func keys(spec: Int = 0) -> ArgumentSpec {
    ArgumentSpec(name: "key", kind: .key, keySpecIndex: spec, isMultiple: true)
  }

  static func string(_ name: StaticString, isMultiple: Bool = false) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .string, isMultiple: isMultiple)
  }

  static func integer(_ name: StaticString) -> ArgumentSpec { ArgumentSpec(name: name, kind: .integer) }

  static func double(_ name: StaticString) -> ArgumentSpec { ArgumentSpec(name: name, kind: .double) }

  /// An option that is one word and may be left out.
  static func option(_ name: StaticString, _ token: StaticString, since: StaticString? = nil) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .pureToken, token: token, since: since, isOptional: true)
  }

  /// A word with a value behind it, which may be left out.
  static func option(_ name: StaticString, _ kind: Kind, _ token: StaticString) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: kind, token: token, isOptional: true)
  }

  static func choice(
    _ name: StaticString, since: StaticString? = nil, isOptional: Bool = false, _ choices: [ArgumentSpec]
  ) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .oneOf, since: since, isOptional: isOptional, arguments: choices)
  }

  static func block(
    _ name: StaticString, token: StaticString? = nil, isMultiple: Bool = false, _ parts: [ArgumentSpec]
  ) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .block, token: token, isMultiple: isMultiple, arguments: parts)
  }

  /// The count of a command that works on one element without it.
  static func optionalCount(since: StaticString? = nil) -> ArgumentSpec {
    ArgumentSpec(name: "count", kind: .integer, since: since, isOptional: true)
  }

  /// How many to draw at random, and whether what belongs to them is wanted too.
  static func countedDraw(_ with: ArgumentSpec) -> ArgumentSpec {
    ArgumentSpec(name: "options", kind: .block, isOptional: true, arguments: [.integer("count"), with])
  }

  /// LIMIT offset count
  static func limit(since: StaticString? = nil) -> ArgumentSpec {
    ArgumentSpec(
      name: "limit", kind: .block, token: "LIMIT", since: since, isOptional: true,
      arguments: [.integer("offset"), .integer("count")])
  }

  static func leftOrRight(_ name: StaticString) -> ArgumentSpec {
    .choice(name, [.token("left", "LEFT"), .token("right", "RIGHT")])
  }

  static func minOrMax(_ name: StaticString) -> ArgumentSpec {
    .choice(name, [.token("min", "MIN"), .token("max", "MAX")])
  }

  /// What a range of a sorted set is about if not ranks.
  static func sortBy(since: StaticString? = nil) -> ArgumentSpec {
    .choice("sortby", since: since, isOptional: true, [.token("byscore", "BYSCORE"), .token("bylex", "BYLEX")])
  }

  /// WEIGHTS weight [weight ...]
  static var weights: ArgumentSpec {
    ArgumentSpec(name: "weight", kind: .integer, token: "WEIGHTS", isOptional: true, isMultiple: true)
  }

  /// AGGREGATE and how scores of the same member are joined.
  static var aggregate: ArgumentSpec {
    ArgumentSpec(
      name: "aggregate", kind: .oneOf, token: "AGGREGATE", isOptional: true,
      arguments: [.token("sum", "SUM"), .token("min", "MIN"), .token("max", "MAX"), .token("count", "COUNT")])
  }

  /// How many elements LMOVEM moves, and whether one by one or as they are.
  static var howMany: ArgumentSpec {
    ArgumentSpec(
      name: "how-many", kind: .block, isOptional: true,
      arguments: [
        .choice(
          "selector",
          [
            ArgumentSpec(name: "count", kind: .integer, token: "COUNT"),
            ArgumentSpec(name: "exactly", kind: .integer, token: "EXACTLY"),
          ]),
        .choice("ordering", [.token("obo", "OBO"), .token("bulk", "BULK")]),
      ])
  }
}
