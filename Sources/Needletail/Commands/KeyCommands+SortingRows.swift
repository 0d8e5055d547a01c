/// The rows of SORT and of its form that only reads.
extension KeyCommand {
  static let sortingRows: [CommandSpec] = [
    CommandSpec(
      id: .key(.sort), name: "sort", arity: -2, flags: [.write, .denyoom],
      categories: [.write, .set, .sortedset, .list, .slow, .dangerous],
      keySpecs: [.key(1, "RO", "access"), .unknown("RO", "access"), .unknown("OW", "update")],
      docs: CommandDocs(
        summary: "Reads the elements of a list, set or sorted set in order, or writes them to a list.",
        since: "1.0.0", group: "generic", complexity: "O(N+M*log(M)); O(N)",
        arguments: sortingArguments + [
          ArgumentSpec(name: "destination", kind: .key, token: "STORE", keySpecIndex: 2, isOptional: true)
        ])),
    CommandSpec(
      id: .key(.sortReadonly), name: "sort_ro", arity: -2, flags: [.readonly],
      categories: [.read, .set, .sortedset, .list, .slow, .dangerous],
      keySpecs: [.key(1, "RO", "access"), .unknown("RO", "access")],
      docs: CommandDocs(
        summary: "Reads the elements of a list, set or sorted set in order.",
        since: "7.0.0", group: "generic", complexity: "O(N+M*log(M)); O(N)",
        arguments: sortingArguments)),
  ]

  private static let sortingArguments: [ArgumentSpec] = [
    .key(),
    ArgumentSpec(
      name: "by-pattern", kind: .pattern, token: "BY", displayText: "pattern", keySpecIndex: 1, isOptional: true),
    .limit(),
    ArgumentSpec(
      name: "get-pattern", kind: .pattern, token: "GET", displayText: "pattern", keySpecIndex: 1, isOptional: true,
      isMultiple: true, hasMultipleToken: true),
    .choice("order", isOptional: true, [.token("asc", "ASC"), .token("desc", "DESC")]),
    .option("sorting", "ALPHA"),
  ]
}
