/// One row of the command table: everything the server knows about a command, said once.
///
/// `COMMAND`, `COMMAND DOCS`, key extraction, prefetching and arity errors are all read from it. Rows are read at
/// start and by introspection only; what execution needs is copied into `CommandTable`'s compact form.
struct CommandSpec: Sendable {
  let id: CommandID
  /// Lower case; a subcommand's own part only (`get`, not `config|get`).
  let name: StaticString
  /// Counts the command's name (and its container's); negative: "at least".
  let arity: Int
  let flags: CommandFlags
  let categories: ACLCategories
  var keySpecs: [KeySpec] = []
  var tips: [StaticString] = []
  let docs: CommandDocs
  var subcommands: [CommandSpec] = []
}

/// Redis's command flags, in the order in which `COMMAND INFO` lists them, and our own after them.
struct CommandFlags: OptionSet, Sendable {
  let rawValue: UInt32
  static let write = CommandFlags(rawValue: 1 << 0)
  static let readonly = CommandFlags(rawValue: 1 << 1)
  static let denyoom = CommandFlags(rawValue: 1 << 2)
  static let module = CommandFlags(rawValue: 1 << 3)
  static let admin = CommandFlags(rawValue: 1 << 4)
  static let pubsub = CommandFlags(rawValue: 1 << 5)
  static let noscript = CommandFlags(rawValue: 1 << 6)
  static let blocking = CommandFlags(rawValue: 1 << 7)
  static let loading = CommandFlags(rawValue: 1 << 8)
  static let stale = CommandFlags(rawValue: 1 << 9)
  static let skipMonitor = CommandFlags(rawValue: 1 << 10)
  static let skipSlowlog = CommandFlags(rawValue: 1 << 11)
  static let asking = CommandFlags(rawValue: 1 << 12)
  static let fast = CommandFlags(rawValue: 1 << 13)
  static let noAuth = CommandFlags(rawValue: 1 << 14)
  static let mayReplicate = CommandFlags(rawValue: 1 << 15)
  static let noAsyncLoading = CommandFlags(rawValue: 1 << 16)
  static let noMulti = CommandFlags(rawValue: 1 << 17)
  static let movablekeys = CommandFlags(rawValue: 1 << 18)
  static let allowBusy = CommandFlags(rawValue: 1 << 19)
  /// Ours, not shown: a setting says who may run the command.
  static let protected = CommandFlags(rawValue: 1 << 30)
  /// Ours, not shown: the command changes how its connection reads, or may take long, so a batch ends with it.
  static let endsBatch = CommandFlags(rawValue: 1 << 31)
}

/// Redis's ACL categories, in Redis's order.
struct ACLCategories: OptionSet, Sendable {
  let rawValue: UInt32
  static let keyspace = ACLCategories(rawValue: 1 << 0)
  static let read = ACLCategories(rawValue: 1 << 1)
  static let write = ACLCategories(rawValue: 1 << 2)
  static let set = ACLCategories(rawValue: 1 << 3)
  static let sortedset = ACLCategories(rawValue: 1 << 4)
  static let list = ACLCategories(rawValue: 1 << 5)
  static let hash = ACLCategories(rawValue: 1 << 6)
  static let string = ACLCategories(rawValue: 1 << 7)
  static let bitmap = ACLCategories(rawValue: 1 << 8)
  static let hyperloglog = ACLCategories(rawValue: 1 << 9)
  static let geo = ACLCategories(rawValue: 1 << 10)
  static let stream = ACLCategories(rawValue: 1 << 11)
  static let pubsub = ACLCategories(rawValue: 1 << 12)
  static let admin = ACLCategories(rawValue: 1 << 13)
  static let fast = ACLCategories(rawValue: 1 << 14)
  static let slow = ACLCategories(rawValue: 1 << 15)
  static let blocking = ACLCategories(rawValue: 1 << 16)
  static let dangerous = ACLCategories(rawValue: 1 << 17)
  static let connection = ACLCategories(rawValue: 1 << 18)
  static let transaction = ACLCategories(rawValue: 1 << 19)
  static let scripting = ACLCategories(rawValue: 1 << 20)
}

/// Where a command's keys are and what it does with them.
struct KeySpec: Sendable {
  enum BeginSearch: Sendable {
    case index(Int)
    case keyword(StaticString, startFrom: Int)
    case unknown
  }
  enum FindKeys: Sendable {
    case range(lastKey: Int, step: Int, limit: Int)
    case keyNumber(index: Int, firstKey: Int, step: Int)
    case unknown
  }
  /// As Redis prints them: RO, RW, OW, RM, access, update, insert, delete, not_key, incomplete, variable_flags.
  let flags: [StaticString]
  let begin: BeginSearch
  let find: FindKeys
  var notes: StaticString? = nil
}

/// What `COMMAND DOCS` tells.
struct CommandDocs: Sendable {
  let summary: StaticString
  let since: StaticString
  let group: StaticString
  /// Empty: none is told.
  let complexity: StaticString
  var flags: [StaticString] = []
  var deprecatedSince: StaticString? = nil
  var replacedBy: StaticString? = nil
  var history: [(version: StaticString, change: StaticString)] = []
  var arguments: [ArgumentSpec] = []
}

/// One argument of a command's grammar, as `COMMAND DOCS` prints it.
struct ArgumentSpec: Sendable {
  enum Kind: Sendable {
    case string, integer, double, key, pattern, unixTime, pureToken, oneOf, block
  }
  let name: StaticString
  let kind: Kind
  var token: StaticString? = nil
  var displayText: StaticString? = nil
  var keySpecIndex: Int? = nil
  var since: StaticString? = nil
  var deprecatedSince: StaticString? = nil
  var isOptional = false
  var isMultiple = false
  var hasMultipleToken = false
  var arguments: [ArgumentSpec] = []
}

/// What several commands have.
extension ArgumentSpec {
  /// An option that is one word.
  static func token(_ name: StaticString, _ token: StaticString, since: StaticString? = nil) -> ArgumentSpec {
    ArgumentSpec(name: name, kind: .pureToken, token: token, since: since)
  }

  /// EX, PX, EXAT, PXAT or `last`.
  static func expiration(
    _ last: ArgumentSpec, relativeSince: StaticString? = nil, absoluteSince: StaticString? = nil
  ) -> ArgumentSpec {
    ArgumentSpec(
      name: "expiration", kind: .oneOf, isOptional: true,
      arguments: [
        ArgumentSpec(name: "seconds", kind: .integer, token: "EX", since: relativeSince),
        ArgumentSpec(name: "milliseconds", kind: .integer, token: "PX", since: relativeSince),
        ArgumentSpec(name: "unix-time-seconds", kind: .unixTime, token: "EXAT", since: absoluteSince),
        ArgumentSpec(name: "unix-time-milliseconds", kind: .unixTime, token: "PXAT", since: absoluteSince),
        last,
      ])
  }

  /// IFEQ, IFNE, IFDEQ and IFDNE.
  static func comparisons(since: StaticString? = nil) -> [ArgumentSpec] {
    [
      ArgumentSpec(name: "ifeq-value", kind: .string, token: "IFEQ", since: since),
      ArgumentSpec(name: "ifne-value", kind: .string, token: "IFNE", since: since),
      ArgumentSpec(name: "ifdeq-digest", kind: .string, token: "IFDEQ", since: since),
      ArgumentSpec(name: "ifdne-digest", kind: .string, token: "IFDNE", since: since),
    ]
  }

  /// NX, XX, GT or LT of EXPIRE and its kin.
  static var expiryCondition: ArgumentSpec {
    ArgumentSpec(
      name: "condition", kind: .oneOf, since: "7.0.0", isOptional: true,
      arguments: [.token("nx", "NX"), .token("xx", "XX"), .token("gt", "GT"), .token("lt", "LT")])
  }
}
