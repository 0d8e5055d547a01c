/// Three logs of remarkable commands: SLOWLOG and COMMANDLOG show them.
struct CommandLogs {
  enum Kind: Int, CaseIterable { case slow, largeRequest, largeReply }

  private var logs = [CommandLog](repeating: CommandLog(), count: Kind.allCases.count)

  subscript(kind: Kind) -> CommandLog {
    get { logs[kind.rawValue] }
    _modify { yield &logs[kind.rawValue] }
  }
}

/// The newest entries, at most as many as a setting says.
struct CommandLog {
  struct Entry {
    let id: Int
    let unixSeconds: Int
    /// Microseconds, or bytes.
    let amount: Int
    let arguments: [[UInt8]]
    let address: [UInt8]
    let clientName: [UInt8]
  }

  /// Oldest first, from `first` on; the places before it are free.
  private var entries: [Entry?] = []
  private var first = 0
  private var nextID = 0

  var count: Int { entries.count - first }

  /// The id of the entry that `add` makes next.
  var id: Int { nextID }

  /// Complexity: O(1) amortized, but for what a lower `limit` throws out.
  mutating func add(_ entry: Entry, limit: Int) {
    precondition(entry.id == nextID)
    nextID += 1
    entries.append(entry)
    while count > limit {
      entries[first] = nil
      first += 1
    }
    if first > 64 && first * 2 > entries.count {
      entries.removeFirst(first)
      first = 0
    }
  }

  mutating func removeAll() {
    entries.removeAll()
    first = 0
  }

  /// The newest `limit` entries, newest first.
  func newest(_ limit: Int) -> some Sequence<Entry> {
    entries[max(first, entries.count - min(limit, count))...].reversed().lazy.compactMap { $0 }
  }
}

extension Engine {
  /// Logs the command that has just run if `amount` is at or, for bytes, above the limit; negative: nothing is.
  mutating func log(_ kind: CommandLogs.Kind, _ amount: Int, _ limit: Int, _ info: CommandInfo, _ request: Request) {
    guard limit >= 0, kind == .slow ? amount >= limit : amount > limit else { return }
    let client = request.client
    let address = client.state.connection.peerAddress(unixPath: settings.unixSocketPath)
    let entry = CommandLog.Entry(id: commandLogs[kind].id, unixSeconds: Int(keyspace.nowSeconds), amount: amount,
      arguments: loggedArguments(info, request), address: address.text, clientName: client.state.name)
    commandLogs[kind].add(entry, limit: logLength(kind))
  }

  private mutating func logLength(_ kind: CommandLogs.Kind) -> Int {
    switch kind {
    case .slow: settings.slowlogMaxLength
    case .largeRequest: settings.largeRequestLogMaxLength
    case .largeReply: settings.largeReplyLogMaxLength
    }
  }

  /// The arguments as logs show them: not too many, none too long, no secrets.
  private mutating func loggedArguments(_ info: CommandInfo, _ request: Request) -> [[UInt8]] {
    let limit = settings.slowlogEntryMaxArguments
    let shown = request.count <= limit ? request.count : limit - 1
    let secrets = SecretArguments(info.id, request)
    var arguments: [[UInt8]] = []
    for index in 0..<shown {
      arguments.append(secrets.contain(index) ? SecretArguments.substitute : loggedArgument(index, request))
    }
    if shown < request.count { arguments.append(Array("... (\(request.count - shown) more arguments)".utf8)) }
    return arguments
  }

  private mutating func loggedArgument(_ index: Int, _ request: Request) -> [UInt8] {
    let count = request[index].count
    let limit = settings.slowlogEntryMaxStringBytes
    guard count > limit else { return watch.keptStarts.start(of: index, in: request) ?? request[index].array }
    let start = watch.keptStarts.start(of: index, in: request) ?? request[index][0..<limit].array
    return start + Array("... (\(count - limit) more bytes)".utf8)
  }
}

/// Which arguments of a request nobody but its client shall see: passwords.
struct SecretArguments {
  static let substitute = Array("(redacted)".utf8)

  /// Ascending.
  private var indices: [Int] = []

  init(_ id: CommandID, _ request: Request) {
    switch id {
    case .connection(.auth):
      indices = Array(1..<max(1, request.count))
    case .connection(.hello):
      // HELLO [protover [AUTH user password] [SETNAME name]]
      var index = 2
      while index < request.count {
        if request[index].equalsIgnoringCase("auth") {
          indices += [index + 1, index + 2]
          index += 3
        } else {
          index += request[index].equalsIgnoringCase("setname") ? 2 : 1
        }
      }
    case .server(.configSet):
      for index in stride(from: 2, to: request.count, by: 2) where Self.isSecret(setting: request[index]) {
        indices.append(index + 1)
      }
    case .key(.migrate):
      indices = MigrateOptions(KeyScan(request: request, start: 0)).secrets
    default: break
    }
  }

  /// Complexity: O(log n).
  func contain(_ index: Int) -> Bool {
    var range = 0..<indices.count
    while let middle = range.isEmpty ? nil : (range.lowerBound + range.upperBound) / 2 {
      if indices[middle] == index { return true }
      range = indices[middle] < index ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return false
  }

  private static func isSecret(setting name: ByteView) -> Bool { SettingSpec.named(name.array)?.isSecret == true }
}

extension CommandID {
  /// A request of it may hold what `SecretArguments` finds, or of a container, what its subcommands' may.
  var mayHoldSecrets: Bool {
    switch self {
    case .connection(.auth), .connection(.hello), .server(.config), .server(.configSet), .acl, .key(.migrate): true
    default: false
    }
  }
}
