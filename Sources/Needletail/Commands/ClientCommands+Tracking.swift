// CLIENT TRACKING and its kin, as a client meets them that has nothing tracked: keys cannot be tracked yet.

extension Engine {
  /// CLIENT TRACKING (ON | OFF) [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]
  mutating func clientTrackingCommand(_ request: Request) {
    var index = 3
    while index < request.count {
      let option = request[index]
      let hasValue = option.equalsIgnoringCase("redirect") || option.equalsIgnoringCase("prefix")
      let isAlone = option.equalsIgnoringCase("bcast") || option.equalsIgnoringCase("optin")
        || option.equalsIgnoringCase("optout") || option.equalsIgnoringCase("noloop")
      guard isAlone || hasValue && index + 1 < request.count else { return reply.syntaxError() }
      index += hasValue ? 2 : 1
    }
    if request[2].equalsIgnoringCase("off") { return reply.ok() }
    guard request[2].equalsIgnoringCase("on") else { return reply.syntaxError() }
    reply.error("ERR CLIENT TRACKING is not possible yet")
  }

  mutating func clientTrackingInfoCommand() {
    reply.map(3)
    reply.bulk("flags")
    reply.set(1)
    reply.bulk("off")
    reply.bulk("redirect")
    reply.integer(-1)
    reply.bulk("prefixes")
    reply.array(0)
  }

  mutating func clientCachingCommand() {
    reply.error("""
      ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
      """)
  }
}

extension ClientCommand {
  static let trackingRows: [CommandSpec] = [
    CommandSpec(
      id: .client(.tracking), name: "tracking", arity: -3, flags: [.noscript, .loading, .stale],
      categories: [.slow, .connection],
      docs: CommandDocs(
        summary: "Chooses whether the connection is told when keys change that it has read.",
        since: "6.0.0", group: "connection", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "status", kind: .oneOf, arguments: [.token("on", "ON"), .token("off", "OFF")]),
          ArgumentSpec(name: "client-id", kind: .integer, token: "REDIRECT", isOptional: true),
          ArgumentSpec(name: "prefix", kind: .string, token: "PREFIX", isOptional: true, isMultiple: true,
            hasMultipleToken: true),
          ArgumentSpec(name: "bcast", kind: .pureToken, token: "BCAST", isOptional: true),
          ArgumentSpec(name: "optin", kind: .pureToken, token: "OPTIN", isOptional: true),
          ArgumentSpec(name: "optout", kind: .pureToken, token: "OPTOUT", isOptional: true),
          ArgumentSpec(name: "noloop", kind: .pureToken, token: "NOLOOP", isOptional: true),
        ])),
    CommandSpec(
      id: .client(.trackingInfo), name: "trackinginfo", arity: 2, flags: [.noscript, .loading, .stale],
      categories: [.slow, .connection],
      docs: CommandDocs(
        summary: "Tells how keys are tracked for the connection.",
        since: "6.2.0", group: "connection", complexity: "O(1)")),
    CommandSpec(
      id: .client(.caching), name: "caching", arity: 3, flags: [.noscript, .loading, .stale],
      categories: [.slow, .connection],
      docs: CommandDocs(
        summary: "Chooses whether the keys of the next request are tracked.",
        since: "6.0.0", group: "connection", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "mode", kind: .oneOf, arguments: [.token("yes", "YES"), .token("no", "NO")]),
        ])),
    CommandSpec(
      id: .client(.getRedirection), name: "getredir", arity: 2, flags: [.noscript, .loading, .stale],
      categories: [.slow, .connection],
      docs: CommandDocs(
        summary: "Returns which connection is told of changed keys in this one's place.",
        since: "6.0.0", group: "connection", complexity: "O(1)")),
  ]

  static let pausingRows: [CommandSpec] = [
    CommandSpec(
      id: .client(.pause), name: "pause", arity: -3, flags: [.admin, .noscript, .loading, .stale],
      categories: [.admin, .slow, .dangerous, .connection],
      docs: CommandDocs(
        summary: "Lets the requests of clients wait for a time.",
        since: "3.0.0", group: "connection", complexity: "O(1)",
        history: [("6.2.0", "+mode (WRITE, ALL)")],
        arguments: [
          ArgumentSpec(name: "timeout", kind: .integer),
          ArgumentSpec(name: "mode", kind: .oneOf, since: "6.2.0", isOptional: true,
            arguments: [.token("write", "WRITE"), .token("all", "ALL")]),
        ])),
    CommandSpec(
      id: .client(.unpause), name: "unpause", arity: 2, flags: [.admin, .noscript, .loading, .stale],
      categories: [.admin, .slow, .dangerous, .connection],
      docs: CommandDocs(
        summary: "Ends a pause of clients.",
        since: "6.2.0", group: "connection", complexity: "O(N)")),
    CommandSpec(
      id: .client(.unblock), name: "unblock", arity: -3, flags: [.admin, .noscript, .loading, .stale],
      categories: [.admin, .slow, .dangerous, .connection],
      docs: CommandDocs(
        summary: "Ends the command that another connection waits in.",
        since: "5.0.0", group: "connection", complexity: "O(log N)",
        arguments: [
          ArgumentSpec(name: "client-id", kind: .integer),
          ArgumentSpec(name: "unblock-type", kind: .oneOf, isOptional: true,
            arguments: [.token("timeout", "TIMEOUT"), .token("error", "ERROR")]),
        ])),
  ]
}
