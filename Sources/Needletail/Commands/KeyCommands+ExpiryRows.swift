/// The rows of the commands that set, tell and take away a key's expiry: two shapes and PERSIST.
extension KeyCommand {
  static let expiryRows: [CommandSpec] = [
    setting(.expire, "expire", since: "1.0.0", ArgumentSpec(name: "seconds", kind: .integer),
      summary: "Lets a key expire after some seconds."),
    setting(.expireat, "expireat", since: "1.2.0", ArgumentSpec(name: "unix-time-seconds", kind: .unixTime),
      summary: "Lets a key expire at a Unix time in seconds."),
    setting(.pexpire, "pexpire", since: "2.6.0", ArgumentSpec(name: "milliseconds", kind: .integer),
      summary: "Lets a key expire after some milliseconds."),
    setting(.pexpireat, "pexpireat", since: "2.6.0", ArgumentSpec(name: "unix-time-milliseconds", kind: .unixTime),
      summary: "Lets a key expire at a Unix time in milliseconds."),
    telling(.expiretime, "expiretime", since: "7.0.0",
      summary: "Tells at which Unix time in seconds a key expires."),
    telling(.pexpiretime, "pexpiretime", since: "7.0.0",
      summary: "Tells at which Unix time in milliseconds a key expires."),
    telling(.pttl, "pttl", since: "2.6.0", isRelative: true, summary: "Tells in how many milliseconds a key expires."),
    telling(.ttl, "ttl", since: "1.0.0", isRelative: true, summary: "Tells in how many seconds a key expires."),
    CommandSpec(
      id: .key(.persist), name: "persist", arity: 2, flags: [.write, .fast], categories: [.keyspace, .write, .fast],
      keySpecs: [KeySpec(flags: ["RW", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: "Takes a key's expiry away.",
        since: "2.2.0", group: "generic", complexity: "O(1)",
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)])),
  ]

  /// EXPIRE and its kin.
  private static func setting(
    _ command: KeyCommand, _ name: StaticString, since: StaticString, _ time: ArgumentSpec, summary: StaticString
  ) -> CommandSpec {
    CommandSpec(
      id: .key(command), name: name, arity: -3, flags: [.write, .fast], categories: [.keyspace, .write, .fast],
      keySpecs: [KeySpec(flags: ["RW", "update"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      docs: CommandDocs(
        summary: summary, since: since, group: "generic", complexity: "O(1)",
        history: [("7.0.0", "+NX, +XX, +GT, +LT")],
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0), time, .expiryCondition]))
  }

  /// TTL and its kin.
  /// - Parameter isRelative: the answer changes as time passes.
  private static func telling(
    _ command: KeyCommand, _ name: StaticString, since: StaticString, isRelative: Bool = false, summary: StaticString
  ) -> CommandSpec {
    CommandSpec(
      id: .key(command), name: name, arity: 2, flags: [.readonly, .fast], categories: [.keyspace, .read, .fast],
      keySpecs: [KeySpec(flags: ["RO", "access"], begin: .index(1), find: .range(lastKey: 0, step: 1, limit: 0))],
      tips: isRelative ? ["nondeterministic_output"] : [],
      docs: CommandDocs(
        summary: summary, since: since, group: "generic", complexity: "O(1)",
        history: isRelative ? [("2.8.0", "reply: -2 when key is missing")] : [],
        arguments: [ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0)]))
  }
}
