// MONITOR: every command that the server runs, told to whoever asked.

extension ObservingCommand {
  static let monitorRow = CommandSpec(
    id: .observing(.monitor), name: "monitor", arity: 1, flags: [.admin, .noscript, .loading, .stale, .endsBatch],
    categories: [.admin, .slow, .dangerous],
    docs: CommandDocs(
      summary: "Sends every command that the server runs to this connection from now on.",
      since: "1.0.0", group: "server", complexity: ""))
}

/// Clients that see every command, and the lines that they have not been sent yet: of one batch at most.
struct Monitors {
  /// Of a longer argument only its beginning is shown: a line would hold a copy, four times as long at worst, of
  /// everything that the server is given.
  fileprivate static let argumentMaxBytes = 1 << 20
  /// A line whose arguments have become as long ends with the number of those that it does not show.
  fileprivate static let lineMaxBytes = 4 << 20

  /// `start`: lines before it are not for this client, which was not there yet.
  private(set) var clients: [(client: Client, start: Int)] = []
  fileprivate(set) var lines: [UInt8] = []

  var isEmpty: Bool { clients.isEmpty }
  var hasLines: Bool { !lines.isEmpty }

  mutating func add(_ client: Client) { clients.append((client, lines.count)) }

  mutating func remove(_ client: Client) { clients.removeAll { $0.client == client } }

  /// Hands over the lines that a client has not got, if it monitors.
  func takeLines(for client: Client, _ body: (_ lines: [UInt8], _ start: Int) -> Void) {
    if let own = clients.first(where: { $0.client == client }) { body(lines, own.start) }
  }

  /// Everybody has got all lines.
  mutating func removeLines() {
    // What one long request took is not kept.
    lines.removeAll(keepingCapacity: lines.count < 64 << 10)
    for index in clients.indices { clients[index].start = 0 }
  }
}

extension Engine {
  mutating func monitorCommand(_ request: Request) {
    if isExecutingTransaction(request.client) {
      return reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client")
    }
    // It is one already; Redis does not answer that.
    if request.client.state.modes.contains(.monitors) { return }
    request.client.state.modes.insert(.monitors)
    monitors.add(request.client)
    // Monitors see values whole, so nobody may let go of them before they are told.
    keyspace.adoptsArguments = false
    updateWatch()
    reply.ok()
  }

  mutating func stopMonitoring(_ client: Client) {
    guard client.state.modes.contains(.monitors) else { return }
    client.state.modes.remove(.monitors)
    monitors.remove(client)
    keyspace.adoptsArguments = monitors.isEmpty
    updateWatch()
  }

  /// Adds a line for a command that has run:
  ///
  ///     +1339518083.107412 [0 127.0.0.1:60866] "set" "key" "value"
  mutating func feedMonitors(_ info: CommandInfo, _ request: Request) {
    guard info.flags.isDisjoint(with: [.admin, .skipMonitor]), !isLoading else { return }
    let now = WallClock.microseconds
    let fraction = String(now % 1_000_000)
    let zeros = String(repeating: "0", count: 6 - fraction.count)
    let address = request.client.state.connection.peerAddress(unixPath: settings.unixSocketPath)
    monitors.lines += Array("+\(now / 1_000_000).\(zeros)\(fraction) [\(request.client.database) ".utf8)
    if address.isUnix { monitors.lines += Array("unix:".utf8) }
    monitors.lines += address.isUnix ? Array(settings.unixSocketPath.utf8) : address.text
    monitors.lines.append(UInt8(ascii: "]"))
    monitors.appendArguments(request, SecretArguments(info.id, request))
    monitors.lines += [13, 10]
  }
}

extension Monitors {
  fileprivate mutating func appendArguments(_ request: Request, _ secrets: SecretArguments) {
    let start = lines.count
    for index in 0..<request.count {
      if lines.count - start >= Self.lineMaxBytes {
        lines += Array(" ... (\(request.count - index) more arguments)".utf8)
        return
      }
      lines.append(UInt8(ascii: " "))
      if secrets.contain(index) { lines += Array("\"(redacted)\"".utf8) } else { append(request[index]) }
    }
  }

  private mutating func append(_ argument: ByteView) {
    let shown = min(argument.count, Self.argumentMaxBytes)
    SettingText.appendQuoted(argument[0..<shown], to: &lines)
    if shown < argument.count { lines += Array("... (\(argument.count - shown) more bytes)".utf8) }
  }
}
