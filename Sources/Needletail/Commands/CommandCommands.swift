// COMMAND: the command table, told to clients.

extension ServerCommand {
  static let commandRows: [CommandSpec] = [
    CommandSpec(
      id: .server(.command), name: "command", arity: -1, flags: [.loading, .stale],
      categories: [.slow, .connection],
      tips: ["nondeterministic_output_order"],
      docs: CommandDocs(
        summary: "Returns what the server knows about all its commands.",
        since: "2.8.13", group: "server", complexity: "O(N)"),
      subcommands: [
        CommandSpec(
          id: .server(.commandCount), name: "count", arity: 2, flags: [.loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Returns how many commands there are.",
            since: "2.8.13", group: "server", complexity: "O(1)")),
        CommandSpec(
          id: .server(.commandInfo), name: "info", arity: -2, flags: [.loading, .stale],
          categories: [.slow, .connection],
          tips: ["nondeterministic_output_order"],
          docs: CommandDocs(
            summary: "Returns what the server knows about the given commands.",
            since: "2.8.13", group: "server", complexity: "O(N)",
            history: [("7.0.0", "without arguments: all commands")],
            arguments: [
              ArgumentSpec(name: "command-name", kind: .string, isOptional: true, isMultiple: true),
            ])),
        CommandSpec(
          id: .server(.commandDocs), name: "docs", arity: -2, flags: [.loading, .stale],
          categories: [.slow, .connection],
          tips: ["nondeterministic_output_order"],
          docs: CommandDocs(
            summary: "Returns descriptions of the given commands and of their arguments.",
            since: "7.0.0", group: "server", complexity: "O(N)",
            arguments: [
              ArgumentSpec(name: "command-name", kind: .string, isOptional: true, isMultiple: true),
            ])),
        CommandSpec(
          id: .server(.commandList), name: "list", arity: -2, flags: [.loading, .stale],
          categories: [.slow, .connection],
          tips: ["nondeterministic_output_order"],
          docs: CommandDocs(
            summary: "Returns the names of commands.",
            since: "7.0.0", group: "server", complexity: "O(N)",
            arguments: [
              ArgumentSpec(name: "filterby", kind: .oneOf, token: "FILTERBY", isOptional: true,
                arguments: [
                  ArgumentSpec(name: "module-name", kind: .string, token: "MODULE"),
                  ArgumentSpec(name: "category", kind: .string, token: "ACLCAT"),
                  ArgumentSpec(name: "pattern", kind: .pattern, token: "PATTERN"),
                ]),
            ])),
        CommandSpec(
          id: .server(.commandGetKeys), name: "getkeys", arity: -3, flags: [.loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Returns which arguments of a request are keys.",
            since: "2.8.13", group: "server", complexity: "O(N)",
            arguments: [
              ArgumentSpec(name: "command", kind: .string),
              ArgumentSpec(name: "arg", kind: .string, isOptional: true, isMultiple: true),
            ])),
        CommandSpec(
          id: .server(.commandGetKeysAndFlags), name: "getkeysandflags", arity: -3, flags: [.loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Returns which arguments of a request are keys, and what the command does with them.",
            since: "7.0.0", group: "server", complexity: "O(N)",
            arguments: [
              ArgumentSpec(name: "command", kind: .string),
              ArgumentSpec(name: "arg", kind: .string, isOptional: true, isMultiple: true),
            ])),
        CommandSpec(
          id: .server(.commandHelp), name: "help", arity: 2, flags: [.loading, .stale],
          categories: [.slow, .connection],
          docs: CommandDocs(
            summary: "Lists the subcommands.",
            since: "5.0.0", group: "server", complexity: "O(1)")),
      ]),
  ]
}

extension Engine {
  mutating func commandCommand() { replyCommandInfos(commands.topLevelIndices) }

  mutating func commandCountCommand() { reply.integer(commands.topLevelIndices.count) }

  /// COMMAND INFO [name ...]
  mutating func commandInfoCommand(_ request: Request) {
    guard request.count > 2 else { return commandCommand() }
    reply.array(request.count - 2)
    for index in 2..<request.count {
      if let command = commands.lookup(fullName: request[index]) { replyCommandInfo(command) } else { reply.null() }
    }
  }

  /// COMMAND DOCS [name ...]
  mutating func commandDocsCommand(_ request: Request) {
    let indices =
      request.count > 2
      ? (2..<request.count).compactMap { commands.lookup(fullName: request[$0]) } : commands.topLevelIndices
    reply.map(indices.count)
    for index in indices {
      reply.bulk(commands.fullName(index))
      replyCommandDocs(index)
    }
  }

  /// COMMAND LIST [FILTERBY (MODULE name | ACLCAT category | PATTERN pattern)]
  mutating func commandListCommand(_ request: Request) {
    var indices: [CommandIndex]
    switch request.count {
    case 2:
      indices = commands.usableIndices
    case 5 where request[2].equalsIgnoringCase("filterby"):
      let argument = request[4]
      if request[3].equalsIgnoringCase("module") {
        indices = []
      } else if request[3].equalsIgnoringCase("aclcat") {
        let category = ACLCategories.named(argument)
        indices = category.map { category in
          commands.usableIndices.filter { commands.row($0).categories.contains(category) }
        } ?? []
      } else if request[3].equalsIgnoringCase("pattern") {
        indices = commands.usableIndices.filter { argument.isGlob(matching: commands.fullName($0)) }
      } else {
        return reply.syntaxError()
      }
    default:
      return reply.syntaxError()
    }
    reply.array(indices.count)
    for index in indices { reply.bulk(commands.fullName(index)) }
  }

  mutating func commandHelpCommand() {
    reply.help(
      "COMMAND",
      [
        "(no subcommand)", "    Return what the server knows about all commands.",
        "COUNT", "    Return how many commands there are.",
        "DOCS [<command-name> ...]", "    Return descriptions of the given commands, or of all.",
        "GETKEYS <full-command>", "    Return which arguments of a request are keys.",
        "GETKEYSANDFLAGS <full-command>", "    Return the same, and what the command does with each key.",
        "INFO [<command-name> ...]", "    Return what the server knows about the given commands, or about all.",
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]", "    Return the names of commands.",
      ])
  }
}

extension CommandTable {
  /// A command by name, a subcommand as `container|name`.
  func lookup(fullName name: ByteView) -> CommandIndex? {
    guard let separator = (0..<name.count).first(where: { name[$0] == UInt8(ascii: "|") }) else { return lookup(name) }
    return lookup(name[0..<separator]).flatMap { lookup(name[separator + 1..<name.count], in: $0) }
  }
}

extension ByteView {
  /// Case counts for nothing.
  fileprivate func isGlob(matching name: String) -> Bool {
    let pattern = array
    return unsafe pattern.withUnsafeBytes { pattern in
      unsafe Array(name.utf8).withUnsafeBytes { unsafe GlobPattern(pattern, ignoringCase: true).matches($0) }
    }
  }
}

// MARK: - COMMAND INFO

extension Engine {
  private mutating func replyCommandInfos(_ indices: [CommandIndex]) {
    reply.array(indices.count)
    for index in indices { replyCommandInfo(index) }
  }

  /// Ten elements: name, arity, flags, legacy range (3), categories, tips, key specs, subcommands.
  private mutating func replyCommandInfo(_ index: CommandIndex) {
    let row = commands.row(index)
    let info = commands.info(index)
    reply.array(10)
    reply.bulk(commands.fullName(index))
    reply.integer(row.arity)
    replyNames(info.flags.names)
    reply.integer(Int(info.firstKey))
    reply.integer(Int(info.lastKey))
    reply.integer(Int(info.step))
    let categories = row.categories.names
    reply.set(categories.count)
    for name in categories { reply.simple(name) }
    reply.set(row.tips.count)
    for tip in row.tips { reply.bulk(tip) }
    reply.set(row.keySpecs.count)
    for spec in row.keySpecs { replyKeySpec(spec) }
    let subcommands = commands.subcommandIndices(index)
    // Redis's way: an array of subcommands, but an empty set when there are none.
    if subcommands.isEmpty { reply.set(0) } else { replyCommandInfos(subcommands) }
  }

  private mutating func replyNames(_ names: [StaticString]) {
    reply.set(names.count)
    for name in names { reply.simple(name) }
  }

  private mutating func replyKeySpec(_ spec: KeySpec) {
    reply.map(spec.notes == nil ? 3 : 4)
    if let notes = spec.notes {
      reply.bulk("notes")
      reply.bulk(notes)
    }
    reply.bulk("flags")
    replyNames(spec.flags)
    reply.bulk("begin_search")
    switch spec.begin {
    case .index(let index):
      replySearch("index", [("index", index)])
    case .keyword(let keyword, let start):
      replySearch("keyword", count: 2) { reply in
        reply.bulk("keyword")
        reply.bulk(keyword)
        reply.bulk("startfrom")
        reply.integer(start)
      }
    case .unknown:
      replySearch("unknown", [])
    }
    reply.bulk("find_keys")
    switch spec.find {
    case .range(let last, let step, let limit):
      replySearch("range", [("lastkey", last), ("keystep", step), ("limit", limit)])
    case .keyNumber(let index, let first, let step):
      replySearch("keynum", [("keynumidx", index), ("firstkey", first), ("keystep", step)])
    case .unknown:
      replySearch("unknown", [])
    }
  }

  private mutating func replySearch(_ type: StaticString, _ fields: [(StaticString, Int)]) {
    replySearch(type, count: fields.count) { reply in
      for (name, value) in fields {
        reply.bulk(name)
        reply.integer(value)
      }
    }
  }

  private mutating func replySearch(_ type: StaticString, count: Int, _ fields: (inout ReplyWriter) -> Void) {
    reply.map(2)
    reply.bulk("type")
    reply.bulk(type)
    reply.bulk("spec")
    reply.map(count)
    fields(&reply)
  }
}

// MARK: - COMMAND DOCS

extension Engine {
  private mutating func replyCommandDocs(_ index: CommandIndex) {
    let row = commands.row(index)
    let docs = row.docs
    let subcommands = commands.subcommandIndices(index)
    let hasComplexity = docs.complexity.utf8CodeUnitCount > 0
    let count =
      3 + (hasComplexity ? 1 : 0) + (docs.flags.isEmpty ? 0 : 1)
      + (docs.deprecatedSince == nil ? 0 : 1) + (docs.replacedBy == nil ? 0 : 1)
      + (docs.history.isEmpty ? 0 : 1) + (docs.arguments.isEmpty ? 0 : 1) + (subcommands.isEmpty ? 0 : 1)
    reply.map(count)
    replyField("summary", docs.summary)
    replyField("since", docs.since)
    replyField("group", docs.group)
    if hasComplexity { replyField("complexity", docs.complexity) }
    if !docs.flags.isEmpty {
      reply.bulk("doc_flags")
      replyNames(docs.flags)
    }
    if let version = docs.deprecatedSince { replyField("deprecated_since", version) }
    if let replacement = docs.replacedBy { replyField("replaced_by", replacement) }
    if !docs.history.isEmpty {
      reply.bulk("history")
      reply.set(docs.history.count)
      for (version, change) in docs.history {
        reply.array(2)
        reply.bulk(version)
        reply.bulk(change)
      }
    }
    if !docs.arguments.isEmpty {
      reply.bulk("arguments")
      replyArguments(docs.arguments)
    }
    if !subcommands.isEmpty {
      reply.bulk("subcommands")
      reply.map(subcommands.count)
      for subcommand in subcommands {
        reply.bulk(commands.fullName(subcommand))
        replyCommandDocs(subcommand)
      }
    }
  }

  private mutating func replyField(_ name: StaticString, _ value: StaticString) {
    reply.bulk(name)
    reply.bulk(value)
  }

  private mutating func replyArguments(_ arguments: [ArgumentSpec]) {
    reply.array(arguments.count)
    for argument in arguments { replyArgument(argument) }
  }

  private mutating func replyArgument(_ argument: ArgumentSpec) {
    let flags = argument.flagNames
    let displayText = argument.kind.hasParts ? nil : argument.displayText ?? argument.name
    let count =
      2 + (displayText == nil ? 0 : 1) + (argument.keySpecIndex == nil ? 0 : 1) + (argument.token == nil ? 0 : 1)
      + (argument.since == nil ? 0 : 1) + (argument.deprecatedSince == nil ? 0 : 1) + (flags.isEmpty ? 0 : 1)
      + (argument.arguments.isEmpty ? 0 : 1)
    reply.map(count)
    replyField("name", argument.name)
    replyField("type", argument.kind.name)
    if let displayText { replyField("display_text", displayText) }
    if let index = argument.keySpecIndex {
      reply.bulk("key_spec_index")
      reply.integer(index)
    }
    if let token = argument.token { replyField("token", token) }
    if let version = argument.since { replyField("since", version) }
    if let version = argument.deprecatedSince { replyField("deprecated_since", version) }
    if !flags.isEmpty {
      reply.bulk("flags")
      replyNames(flags)
    }
    if !argument.arguments.isEmpty {
      reply.bulk("arguments")
      replyArguments(argument.arguments)
    }
  }
}

extension ArgumentSpec {
  fileprivate var flagNames: [StaticString] {
    var names: [StaticString] = []
    if isOptional { names.append("optional") }
    if isMultiple { names.append("multiple") }
    if hasMultipleToken { names.append("multiple_token") }
    return names
  }
}

extension ArgumentSpec.Kind {
  /// Its parts are shown, not itself.
  fileprivate var hasParts: Bool { self == .oneOf || self == .block }

  fileprivate var name: StaticString {
    switch self {
    case .string: "string"
    case .integer: "integer"
    case .double: "double"
    case .key: "key"
    case .pattern: "pattern"
    case .unixTime: "unix-time"
    case .pureToken: "pure-token"
    case .oneOf: "oneof"
    case .block: "block"
    }
  }
}

extension CommandFlags {
  /// In Redis's order.
  private static let namesByBit: [StaticString] = [
    "write", "readonly", "denyoom", "module", "admin", "pubsub", "noscript", "blocking", "loading", "stale",
    "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "may_replicate", "no_async_loading", "no_multi",
    "movablekeys", "allow_busy",
  ]

  var names: [StaticString] {
    Self.namesByBit.indices.filter { rawValue & 1 << $0 != 0 }.map { Self.namesByBit[$0] }
  }
}

extension ACLCategories {
  /// In Redis's order.
  private static let namesByBit: [StaticString] = [
    "@keyspace", "@read", "@write", "@set", "@sortedset", "@list", "@hash", "@string", "@bitmap", "@hyperloglog",
    "@geo", "@stream", "@pubsub", "@admin", "@fast", "@slow", "@blocking", "@dangerous", "@connection", "@transaction",
    "@scripting",
  ]

  var names: [StaticString] {
    Self.namesByBit.indices.filter { rawValue & 1 << $0 != 0 }.map { Self.namesByBit[$0] }
  }

  static let all = ACLCategories(rawValue: 1 << UInt32(namesByBit.count) - 1)

  /// The category called `name`, without the `@`, in any case.
  static func named(_ name: ByteView) -> ACLCategories? {
    let wanted = "@" + name.string.lowercased()
    return namesByBit.firstIndex { "\($0)" == wanted }.map { ACLCategories(rawValue: 1 << UInt32($0)) }
  }
}
