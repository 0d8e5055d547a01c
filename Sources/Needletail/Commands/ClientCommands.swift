// CLIENT: what connections are there, ending them, and how this one is served.

enum ClientCommand: UInt8, Sendable, CaseIterable {
  case container, list, info, kill, noTouch, noEvict, reply, setName, getName, id, setInfo, pause, unpause, unblock
  case tracking, trackingInfo, caching, getRedirection, help
}

extension Engine {
  mutating func run(_ command: ClientCommand, _ request: Request) {
    switch command {
    case .container: rejectUnknownSubcommand(request)
    case .list: clientListCommand(request)
    case .info: clientInfoCommand(request)
    case .kill: clientKillCommand(request)
    case .noTouch: setMode(.noTouch, request)
    case .noEvict: setMode(.noEvict, request)
    case .reply: clientReplyCommand(request)
    case .setName: clientSetNameCommand(request)
    case .getName: clientGetNameCommand(request)
    case .id: clientIdCommand(request)
    case .setInfo: clientSetInfoCommand(request)
    case .pause: clientPauseCommand(request)
    case .unpause: clientUnpauseCommand()
    case .unblock: clientUnblockCommand(request)
    case .tracking: clientTrackingCommand(request)
    case .trackingInfo: clientTrackingInfoCommand()
    case .caching: clientCachingCommand()
    case .getRedirection: reply.integer(-1)
    case .help: clientHelpCommand()
    }
  }
}

// MARK: - Who is there

extension Engine {
  /// CLIENT LIST [filter ...]
  mutating func clientListCommand(_ request: Request) {
    guard request.count > 2 else { return replyList(clients.all, request) }
    // ID alone answers in the order asked for, a client as often as it is named.
    if let ids = listedIDs(request) {
      let byID = Dictionary(uniqueKeysWithValues: clients.all.map { ($0.state.id, $0) })
      return replyList(ids.compactMap { byID[$0] }, request)
    }
    var parser = ClientFilterParser(request, index: 2, isForKill: false, databaseCount: keyspace.databaseCount)
    do throws(ClientFilterError) {
      let filter = try parser.filter()
      replyList(clients.all.filter { matches($0, filter, request) }, request)
    } catch {
      reply.error(error.text)
    }
  }

  /// The numbers in `CLIENT LIST ID id [id ...]`; nil when that is not all that is asked.
  private func listedIDs(_ request: Request) -> [Int]? {
    guard request.count > 3, request[2].equalsIgnoringCase("id") else { return nil }
    var ids: [Int] = []
    for index in 3..<request.count {
      guard let id = request[index].integer else { return nil }
      ids.append(id)
    }
    return ids
  }

  mutating func clientInfoCommand(_ request: Request) {
    replyList([request.client], request)
  }

  /// One line for each client. Those that CLIENT KILL has ended in this batch are gone already.
  private mutating func replyList(_ clients: [Client], _ request: Request) {
    reply.countWritten()
    var text = ClientText()
    for client in clients where !client.state.closesAtOnce { appendClient(client, request, to: &text) }
    unsafe text.bytes.withUnsafeBytes { buffer in
      reply.verbatim(unsafe buffer.baseAddress.map { unsafe ByteView($0, count: buffer.count) } ?? .empty)
    }
  }
}

// MARK: - Ending connections

extension Engine {
  /// CLIENT KILL (address | filter value [filter value ...])
  mutating func clientKillCommand(_ request: Request) {
    if request.count == 3 {
      let filter = ClientFilter(address: request[2].array)
      return kill(filter, request) > 0 ? reply.ok() : reply.error("ERR No such client")
    }
    var parser = ClientFilterParser(request, index: 2, isForKill: true, databaseCount: keyspace.databaseCount)
    do throws(ClientFilterError) {
      let filter = try parser.filter()
      reply.integer(kill(filter, request))
    } catch {
      reply.error(error.text)
    }
  }

  /// Ends the clients that the filter selects: others without a further word, this one after its answer.
  /// - Returns: how many.
  private mutating func kill(_ filter: ClientFilter, _ request: Request) -> Int {
    var count = 0
    for client in clients.all where !client.state.closesAtOnce && matches(client, filter, request) {
      count += 1
      if client == request.client {
        client.state.closesAfterReply = true
      } else {
        client.state.closesAtOnce = true
        killedClients.append(client)
      }
    }
    return count
  }
}

// MARK: - How this one is served

extension Engine {
  /// CLIENT NO-TOUCH (ON | OFF), CLIENT NO-EVICT (ON | OFF)
  private mutating func setMode(_ mode: ClientModes, _ request: Request) {
    if request[2].equalsIgnoringCase("on") {
      request.client.state.modes.insert(mode)
    } else if request[2].equalsIgnoringCase("off") {
      request.client.state.modes.remove(mode)
    } else {
      return reply.syntaxError()
    }
    reply.ok()
  }

  /// CLIENT REPLY (ON | OFF | SKIP)
  mutating func clientReplyCommand(_ request: Request) {
    let mode = request[2]
    if mode.equalsIgnoringCase("on") {
      request.client.state.modes.remove(.repliesOff)
      reply.resume()
      reply.ok()
    } else if mode.equalsIgnoringCase("off") {
      request.client.state.modes.insert(.repliesOff)
    } else if mode.equalsIgnoringCase("skip") {
      if !request.client.state.modes.contains(.repliesOff) { request.client.state.modes.insert(.skipsNextReply) }
    } else {
      reply.syntaxError()
    }
  }

  mutating func clientSetNameCommand(_ request: Request) {
    guard isPlain(request[2]) else { return rejectClientName() }
    request.client.state.name = request[2].array
    reply.ok()
  }

  mutating func clientGetNameCommand(_ request: Request) {
    let name = request.client.state.name
    if name.isEmpty { reply.null() } else { reply.bulk(name) }
  }

  mutating func clientIdCommand(_ request: Request) { reply.integer(request.client.state.id) }

  /// CLIENT SETINFO (LIB-NAME name | LIB-VER version)
  mutating func clientSetInfoCommand(_ request: Request) {
    let attribute = request[2]
    let isName = attribute.equalsIgnoringCase("lib-name")
    guard isName || attribute.equalsIgnoringCase("lib-ver") else {
      return reply.error { text in
        text.append("ERR Unrecognized option '")
        text.append(attribute)
        text.append("'")
      }
    }
    guard isPlain(request[3]) else {
      return reply.error { text in
        text.append("ERR ")
        text.append(attribute)
        text.append(" cannot contain spaces, newlines or special characters.")
      }
    }
    if isName {
      request.client.state.libName = request[3].array
    } else {
      request.client.state.libVersion = request[3].array
    }
    reply.ok()
  }

  mutating func clientHelpCommand() {
    reply.help(
      "CLIENT",
      [
        "CACHING (YES|NO)", "    For connections that track keys: none does, so this is an error.",
        "GETNAME", "    Return this connection's name.",
        "GETREDIR", "    Return the connection that is told of tracked keys: -1, none.",
        "ID", "    Return this connection's number.",
        "INFO", "    Tell about this connection, as LIST does.",
        "KILL <address>", "    Close the connection from <address>.",
        "KILL <filter> <value> [<filter> <value> ...]", "    Close the connections that all filters select:",
        "    * ID <id> [<id> ...], ADDR <ip:port>, LADDR <ip:port>, IP <ip>, USER <name>, NAME <name>,",
        "      TYPE (NORMAL|MASTER|REPLICA|PUBSUB), FLAGS <flags>, DB <index>, LIB-NAME <name>,",
        "      LIB-VER <version>, CAPA <capabilities>; with NOT- in front, all others.",
        "    * MAXAGE <seconds>, IDLE <seconds>: connected, or idle, for so long at least.",
        "    * SKIPME (YES|NO): whether this connection is left out; YES unless given.",
        "LIST [<filter> <value> ...]", "    Tell about all connections, or those that all filters select, as for KILL.",
        "NO-EVICT (ON|OFF)", "    Choose whether this connection may be closed to free memory.",
        "NO-TOUCH (ON|OFF)", "    Choose whether this connection's commands leave idle times and use counts alone.",
        "PAUSE <milliseconds> [WRITE|ALL]", "    Let clients' requests wait, all of them or those that may change data.",
        "REPLY (ON|OFF|SKIP)", "    Choose whether this connection is answered; SKIP is about the next command.",
        "SETINFO <option> <value>", "    Tell which library this client uses. Options are:",
        "    * LIB-NAME: the library's name.", "    * LIB-VER: its version.",
        "SETNAME <name>", "    Give this connection a name; an empty one takes it away.",
        "TRACKING (ON|OFF) ...", "    Choose whether keys are tracked for this connection: not possible yet.",
        "TRACKINGINFO", "    Tell how keys are tracked for this connection.",
        "UNBLOCK <id> [TIMEOUT|ERROR]", "    End a command that waits: none does yet.",
        "UNPAUSE", "    End a pause; requests that waited are run.",
      ])
  }

  mutating func rejectClientName() {
    reply.error("ERR Client names cannot contain spaces, newlines or special characters.")
  }

  /// Visible ASCII only, up to a zero byte: what CLIENT LIST shows of it cannot break its lines. (Redis looks no
  /// further either.)
  func isPlain(_ text: ByteView) -> Bool {
    for index in 0..<text.count {
      if text[index] == 0 { return true }
      if text[index] < 0x21 || text[index] > 0x7e { return false }
    }
    return true
  }
}
