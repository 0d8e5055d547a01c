/// CLIENT PAUSE: until its end, or CLIENT UNPAUSE, requests of some kinds wait.
///
/// A request that has to wait goes into its client's queue of held requests with those that the batch has behind it;
/// nothing more of the client is parsed until they have run. Meanwhile no key expires, so that the data stay as they
/// are.
struct ClientPause {
  private(set) var isActive = false
  /// Reads wait too.
  private(set) var isOfAll = false
  private(set) var endMilliseconds = 0
  /// Clients with requests that wait, and how many they are.
  private(set) var clientCount = 0
  /// They, in the order in which they began to wait and are served afterwards; and some that have been closed since.
  private(set) var tokens: [PollToken] = []
  /// It has ended since the loop looked last: the clients' requests are to be run.
  var hasEnded = false

  /// A pause within another never makes that shorter or milder.
  mutating func begin(until end: Int, ofAll: Bool) {
    endMilliseconds = isActive ? max(endMilliseconds, end) : end
    isOfAll = isOfAll || ofAll
    isActive = true
  }

  /// Most of the tokens are of clients that have been closed.
  var hasManyGone: Bool { tokens.count > 2 * clientCount + 100 }

  mutating func keepOnly(_ tokens: [PollToken]) { self.tokens = tokens }

  /// A client begins to wait.
  mutating func add(_ token: PollToken) {
    tokens.append(token)
    clientCount += 1
  }

  /// A client that waits has been closed.
  mutating func removeOne() { clientCount -= 1 }

  /// Nobody waits any more.
  /// - Returns: those who did, in order, and some that have been closed.
  mutating func takeAll() -> [PollToken] {
    defer { (tokens, clientCount) = ([], 0) }
    return tokens
  }

  mutating func end() {
    guard isActive else { return }
    isActive = false
    isOfAll = false
    hasEnded = true
  }
}

extension Engine {
  /// The loop calls this every turn: ends a pause whose time is over.
  mutating func endPauseWhenDue() {
    if pause.isActive && keyspace.nowMilliseconds >= pause.endMilliseconds { endPause() }
  }

  private mutating func endPause() {
    pause.end()
    keyspace.keepsExpired = false
  }

  /// While clients are paused: whether the request has to wait for the end of that.
  @inline(never)
  mutating func mustWait(_ info: CommandInfo, _ request: Request) -> Bool {
    // What is refused in a transaction is refused at once.
    if request.client.state.isQueueing && info.flags.contains(.noMulti) { return false }
    if pause.isOfAll || mayChangeData(info, request.client) { return true }
    keyspace.keepsExpired = info.flags.contains(.readonly)
    return false
  }

  private func mayChangeData(_ info: CommandInfo, _ client: Client) -> Bool {
    !flagsToRun(info, client).isDisjoint(with: [.write, .mayReplicate])
  }

  /// The request, and what its client has sent after it, waits for the end of the pause.
  mutating func hold(_ command: CommandIndex?, _ request: Request) {
    if !request.client.state.connection.holds.contains(.pause) {
      request.client.state.connection.holds.insert(.pause)
      if pause.hasManyGone { pause.keepOnly(pause.tokens.filter { clients.client($0) != nil }) }
      pause.add(request.client.state.connection.token)
    }
    request.client.state.hold(request, command, takingFrom: &keyspace.largeArguments)
  }

  // MARK: Commands

  /// CLIENT PAUSE timeout [WRITE | ALL]
  mutating func clientPauseCommand(_ request: Request) {
    guard request.count <= 4 else { return rejectSubcommandArguments(request, of: "CLIENT") }
    var isOfAll = true
    if request.count == 4 {
      isOfAll = request[3].equalsIgnoringCase("all")
      guard isOfAll || request[3].equalsIgnoringCase("write") else {
        return reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL")
      }
    }
    guard let end = timeoutEnd(request[2]) else { return }
    if end > keyspace.nowMilliseconds { pause.begin(until: end, ofAll: isOfAll) }
    reply.ok()
  }

  mutating func clientUnpauseCommand() {
    endPause()
    reply.ok()
  }

  /// CLIENT UNBLOCK id [TIMEOUT | ERROR]: no client waits in a command, and CLIENT PAUSE is not to be got around.
  mutating func clientUnblockCommand(_ request: Request) {
    guard request.count <= 4 else { return rejectSubcommandArguments(request, of: "CLIENT") }
    if request.count == 4 {
      guard request[3].equalsIgnoringCase("timeout") || request[3].equalsIgnoringCase("error") else {
        return reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
      }
    }
    guard request[2].integer != nil else { return reply.error("ERR value is not an integer or out of range") }
    reply.integer(0)
  }
}
