/// The rows of the sorted set commands.
extension SortedSetCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .sortedSet(.zadd), name: "zadd", arity: -4, flags: [.write, .denyoom, .fast],
      categories: [.write, .sortedset, .fast],
      keySpecs: [.key(1, "RW", "update")],
      docs: CommandDocs(
        summary: "Puts members with scores into a sorted set or gives them other scores; a missing key starts empty.",
        since: "1.2.0", group: "sorted-set", complexity: "O(log(N))",
        history: [("2.4.0", "element may repeat"), ("3.0.2", "+XX, +NX, +CH, +INCR"), ("6.2.0", "+GT, +LT")],
        arguments: [
          .key(), .choice("condition", since: "3.0.2", isOptional: true, [.token("nx", "NX"), .token("xx", "XX")]),
          .choice("comparison", since: "6.2.0", isOptional: true, [.token("gt", "GT"), .token("lt", "LT")]),
          .option("change", "CH", since: "3.0.2"), .option("increment", "INCR", since: "3.0.2"),
          .block("data", isMultiple: true, [.double("score"), .string("member")]),
        ])),
    CommandSpec(
      id: .sortedSet(.zcard), name: "zcard", arity: 2, flags: [.readonly, .fast],
      categories: [.read, .sortedset, .fast],
      keySpecs: [.key(1, "RO")],
      docs: CommandDocs(
        summary: "Counts the members of a sorted set.",
        since: "1.2.0", group: "sorted-set", complexity: "O(1)",
        arguments: [.key()])),
    CommandSpec(
      id: .sortedSet(.zcount), name: "zcount", arity: 4, flags: [.readonly, .fast],
      categories: [.read, .sortedset, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Counts the members with a score between two bounds.",
        since: "2.0.0", group: "sorted-set", complexity: "O(log(N))",
        arguments: [.key(), .double("min"), .double("max")])),
    CommandSpec(
      id: .sortedSet(.zdiff), name: "zdiff", arity: -3, flags: [.readonly], categories: [.read, .sortedset, .slow],
      keySpecs: [.numberedKeys(at: 1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the members of a sorted set that none of the others has.",
        since: "6.2.0", group: "sorted-set", complexity: "O(L + (N-K)log(N))",
        arguments: [.integer("numkeys"), .keys(), .option("withscores", "WITHSCORES")])),
    CommandSpec(
      id: .sortedSet(.zdiffstore), name: "zdiffstore", arity: -4, flags: [.write, .denyoom],
      categories: [.write, .sortedset, .slow],
      keySpecs: [.key(1, "OW", "update"), .numberedKeys(at: 2, "RO", "access")],
      docs: CommandDocs(
        summary: "Writes the members of a sorted set that none of the others has to a key.",
        since: "6.2.0", group: "sorted-set", complexity: "O(L + (N-K)log(N))",
        arguments: [.key("destination"), .integer("numkeys"), .keys(spec: 1)])),
    CommandSpec(
      id: .sortedSet(.zincrby), name: "zincrby", arity: 4, flags: [.write, .denyoom, .fast],
      categories: [.write, .sortedset, .fast],
      keySpecs: [.key(1, "RW", "access", "update")],
      docs: CommandDocs(
        summary: "Adds a number to a member's score; a missing member starts at 0.",
        since: "1.2.0", group: "sorted-set", complexity: "O(log(N))",
        arguments: [.key(), .integer("increment"), .string("member")])),
    CommandSpec(
      id: .sortedSet(.zinter), name: "zinter", arity: -3, flags: [.readonly], categories: [.read, .sortedset, .slow],
      keySpecs: [.numberedKeys(at: 1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the members that all sorted sets have, with their scores joined.",
        since: "6.2.0", group: "sorted-set", complexity: "O(N*K)+O(M*log(M))",
        history: [("8.8.0", "+COUNT aggregate")],
        arguments: [.integer("numkeys"), .keys(), .weights, .aggregate, .option("withscores", "WITHSCORES")])),
    CommandSpec(
      id: .sortedSet(.zintercard), name: "zintercard", arity: -3, flags: [.readonly],
      categories: [.read, .sortedset, .slow],
      keySpecs: [.numberedKeys(at: 1, "RO", "access")],
      docs: CommandDocs(
        summary: "Counts the members that all sorted sets have.",
        since: "7.0.0", group: "sorted-set", complexity: "O(N*K)",
        arguments: [.integer("numkeys"), .keys(), .option("limit", .integer, "LIMIT")])),
    CommandSpec(
      id: .sortedSet(.zinterstore), name: "zinterstore", arity: -4, flags: [.write, .denyoom],
      categories: [.write, .sortedset, .slow],
      keySpecs: [.key(1, "OW", "update"), .numberedKeys(at: 2, "RO", "access")],
      docs: CommandDocs(
        summary: "Writes the members that all sorted sets have to a key, with their scores joined.",
        since: "2.0.0", group: "sorted-set", complexity: "O(N*K)+O(M*log(M))",
        history: [("8.8.0", "+COUNT aggregate")],
        arguments: [.key("destination"), .integer("numkeys"), .keys(spec: 1), .weights, .aggregate])),
    CommandSpec(
      id: .sortedSet(.zlexcount), name: "zlexcount", arity: 4, flags: [.readonly, .fast],
      categories: [.read, .sortedset, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Counts the members between two others in the order of their bytes.",
        since: "2.8.9", group: "sorted-set", complexity: "O(log(N))",
        arguments: [.key(), .string("min"), .string("max")])),
    CommandSpec(
      id: .sortedSet(.zmpop), name: "zmpop", arity: -4, flags: [.write], categories: [.write, .sortedset, .slow],
      keySpecs: [.numberedKeys(at: 1, "RW", "access", "delete")],
      docs: CommandDocs(
        summary: "Takes the members with the lowest or highest scores out of the first sorted set with any.",
        since: "7.0.0", group: "sorted-set", complexity: "O(K)+O(M*log(N))",
        arguments: [.integer("numkeys"), .keys(), .minOrMax("where"), .option("count", .integer, "COUNT")])),
    CommandSpec(
      id: .sortedSet(.zmscore), name: "zmscore", arity: -3, flags: [.readonly, .fast],
      categories: [.read, .sortedset, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the scores of several members.",
        since: "6.2.0", group: "sorted-set", complexity: "O(N)",
        arguments: [.key(), .string("member", isMultiple: true)])),
    CommandSpec(
      id: .sortedSet(.zpopmax), name: "zpopmax", arity: -2, flags: [.write, .fast],
      categories: [.write, .sortedset, .fast],
      keySpecs: [.key(1, "RW", "access", "delete")],
      docs: CommandDocs(
        summary: "Takes the members with the highest scores out of a sorted set.",
        since: "5.0.0", group: "sorted-set", complexity: "O(log(N)*M)",
        arguments: [.key(), .optionalCount()])),
    CommandSpec(
      id: .sortedSet(.zpopmin), name: "zpopmin", arity: -2, flags: [.write, .fast],
      categories: [.write, .sortedset, .fast],
      keySpecs: [.key(1, "RW", "access", "delete")],
      docs: CommandDocs(
        summary: "Takes the members with the lowest scores out of a sorted set.",
        since: "5.0.0", group: "sorted-set", complexity: "O(log(N)*M)",
        arguments: [.key(), .optionalCount()])),
    CommandSpec(
      id: .sortedSet(.zrandmember), name: "zrandmember", arity: -2, flags: [.readonly],
      categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Reads members of a sorted set, drawn at random.",
        since: "6.2.0", group: "sorted-set", complexity: "O(N)",
        arguments: [.key(), .countedDraw(.option("withscores", "WITHSCORES"))])),
    CommandSpec(
      id: .sortedSet(.zrange), name: "zrange", arity: -4, flags: [.readonly], categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads members of a sorted set by their ranks, scores or bytes.",
        since: "1.2.0", group: "sorted-set", complexity: "O(log(N)+M)",
        history: [("6.2.0", "+REV, +BYSCORE, +BYLEX, +LIMIT")],
        arguments: [
          .key(), .string("start"), .string("stop"), .sortBy(since: "6.2.0"), .option("rev", "REV", since: "6.2.0"),
          .limit(since: "6.2.0"), .option("withscores", "WITHSCORES"),
        ])),
    CommandSpec(
      id: .sortedSet(.zrangebylex), name: "zrangebylex", arity: -4, flags: [.readonly],
      categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the members between two others in the order of their bytes.",
        since: "2.8.9", group: "sorted-set", complexity: "O(log(N)+M); O(log(N))", flags: ["deprecated"],
        deprecatedSince: "6.2.0", replacedBy: "ZRANGE, BYLEX",
        arguments: [.key(), .string("min"), .string("max"), .limit()])),
    CommandSpec(
      id: .sortedSet(.zrangebyscore), name: "zrangebyscore", arity: -4, flags: [.readonly],
      categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the members with a score between two bounds.",
        since: "1.0.5", group: "sorted-set", complexity: "O(log(N)+M); O(log(N))", flags: ["deprecated"],
        deprecatedSince: "6.2.0", replacedBy: "ZRANGE, BYSCORE",
        history: [("2.0.0", "+WITHSCORES")],
        arguments: [
          .key(), .double("min"), .double("max"), .option("withscores", "WITHSCORES", since: "2.0.0"), .limit(),
        ])),
    CommandSpec(
      id: .sortedSet(.zrangestore), name: "zrangestore", arity: -5, flags: [.write, .denyoom],
      categories: [.write, .sortedset, .slow],
      keySpecs: [.key(1, "OW", "update"), .key(2, "RO", "access")],
      docs: CommandDocs(
        summary: "Writes members of a sorted set, found by their ranks, scores or bytes, to a key.",
        since: "6.2.0", group: "sorted-set", complexity: "O(log(N)+M)",
        arguments: [
          .key("dst"), .key("src", spec: 1), .string("min"), .string("max"), .sortBy(), .option("rev", "REV"), .limit(),
        ])),
    CommandSpec(
      id: .sortedSet(.zrank), name: "zrank", arity: -3, flags: [.readonly, .fast],
      categories: [.read, .sortedset, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Tells a member's rank from the lowest score up.",
        since: "2.0.0", group: "sorted-set", complexity: "O(log(N))",
        history: [("7.2.0", "+WITHSCORE")],
        arguments: [.key(), .string("member"), .option("withscore", "WITHSCORE")])),
    CommandSpec(
      id: .sortedSet(.zrem), name: "zrem", arity: -3, flags: [.write, .fast], categories: [.write, .sortedset, .fast],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Removes members from a sorted set.",
        since: "1.2.0", group: "sorted-set", complexity: "O(M*log(N))",
        history: [("2.4.0", "element may repeat")],
        arguments: [.key(), .string("member", isMultiple: true)])),
    CommandSpec(
      id: .sortedSet(.zremrangebylex), name: "zremrangebylex", arity: 4, flags: [.write],
      categories: [.write, .sortedset, .slow],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Removes the members between two others in the order of their bytes.",
        since: "2.8.9", group: "sorted-set", complexity: "O(log(N)+M)",
        arguments: [.key(), .string("min"), .string("max")])),
    CommandSpec(
      id: .sortedSet(.zremrangebyrank), name: "zremrangebyrank", arity: 4, flags: [.write],
      categories: [.write, .sortedset, .slow],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Removes the members between two ranks.",
        since: "2.0.0", group: "sorted-set", complexity: "O(log(N)+M)",
        arguments: [.key(), .integer("start"), .integer("stop")])),
    CommandSpec(
      id: .sortedSet(.zremrangebyscore), name: "zremrangebyscore", arity: 4, flags: [.write],
      categories: [.write, .sortedset, .slow],
      keySpecs: [.key(1, "RW", "delete")],
      docs: CommandDocs(
        summary: "Removes the members with a score between two bounds.",
        since: "1.2.0", group: "sorted-set", complexity: "O(log(N)+M)",
        arguments: [.key(), .double("min"), .double("max")])),
    CommandSpec(
      id: .sortedSet(.zrevrange), name: "zrevrange", arity: -4, flags: [.readonly],
      categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads members of a sorted set by their ranks from the highest score down.",
        since: "1.2.0", group: "sorted-set", complexity: "O(log(N)+M)", flags: ["deprecated"], deprecatedSince: "6.2.0",
        replacedBy: "ZRANGE, REV",
        arguments: [.key(), .integer("start"), .integer("stop"), .option("withscores", "WITHSCORES")])),
    CommandSpec(
      id: .sortedSet(.zrevrangebylex), name: "zrevrangebylex", arity: -4, flags: [.readonly],
      categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the members between two others in the order of their bytes, backwards.",
        since: "2.8.9", group: "sorted-set", complexity: "O(log(N)+M); O(log(N))", flags: ["deprecated"],
        deprecatedSince: "6.2.0", replacedBy: "ZRANGE, REV, BYLEX",
        arguments: [.key(), .string("max"), .string("min"), .limit()])),
    CommandSpec(
      id: .sortedSet(.zrevrangebyscore), name: "zrevrangebyscore", arity: -4, flags: [.readonly],
      categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the members with a score between two bounds, from the highest down.",
        since: "2.2.0", group: "sorted-set", complexity: "O(log(N)+M); O(log(N))", flags: ["deprecated"],
        deprecatedSince: "6.2.0", replacedBy: "ZRANGE, REV, BYSCORE",
        history: [("2.1.6", "exclusive min/max")],
        arguments: [.key(), .double("max"), .double("min"), .option("withscores", "WITHSCORES"), .limit()])),
    CommandSpec(
      id: .sortedSet(.zrevrank), name: "zrevrank", arity: -3, flags: [.readonly, .fast],
      categories: [.read, .sortedset, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Tells a member's rank from the highest score down.",
        since: "2.0.0", group: "sorted-set", complexity: "O(log(N))",
        history: [("7.2.0", "+WITHSCORE")],
        arguments: [.key(), .string("member"), .option("withscore", "WITHSCORE")])),
    CommandSpec(
      id: .sortedSet(.zscan), name: "zscan", arity: -3, flags: [.readonly], categories: [.read, .sortedset, .slow],
      keySpecs: [.key(1, "RO", "access")], tips: ["nondeterministic_output"],
      docs: CommandDocs(
        summary: "Walks through the members of a sorted set, a few at a time.",
        since: "2.8.0", group: "sorted-set", complexity: "O(1); O(N)",
        arguments: [
          .key(), .integer("cursor"), .option("pattern", .pattern, "MATCH"), .option("count", .integer, "COUNT"),
          .option("noscores", "NOSCORES"),
        ])),
    CommandSpec(
      id: .sortedSet(.zscore), name: "zscore", arity: 3, flags: [.readonly, .fast],
      categories: [.read, .sortedset, .fast],
      keySpecs: [.key(1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads a member's score.",
        since: "1.2.0", group: "sorted-set", complexity: "O(1)",
        arguments: [.key(), .string("member")])),
    CommandSpec(
      id: .sortedSet(.zunion), name: "zunion", arity: -3, flags: [.readonly], categories: [.read, .sortedset, .slow],
      keySpecs: [.numberedKeys(at: 1, "RO", "access")],
      docs: CommandDocs(
        summary: "Reads the members that any of the sorted sets has, with their scores joined.",
        since: "6.2.0", group: "sorted-set", complexity: "O(N)+O(M*log(M))",
        history: [("8.8.0", "+COUNT aggregate")],
        arguments: [.integer("numkeys"), .keys(), .weights, .aggregate, .option("withscores", "WITHSCORES")])),
    CommandSpec(
      id: .sortedSet(.zunionstore), name: "zunionstore", arity: -4, flags: [.write, .denyoom],
      categories: [.write, .sortedset, .slow],
      keySpecs: [.key(1, "OW", "update"), .numberedKeys(at: 2, "RO", "access")],
      docs: CommandDocs(
        summary: "Writes the members that any of the sorted sets has to a key, with their scores joined.",
        since: "2.0.0", group: "sorted-set", complexity: "O(N)+O(M log(M))",
        history: [("8.8.0", "+COUNT aggregate")],
        arguments: [.key("destination"), .integer("numkeys"), .keys(spec: 1), .weights, .aggregate])),
  ]
}
