/// Lines of `name=value` pairs, as CLIENT LIST shows clients. Bytes, since ten thousand clients are ten thousand lines.
struct ClientText {
  private(set) var bytes: [UInt8] = []

  mutating func begin(_ name: StaticString, _ value: Int) {
    append(name)
    append(value)
  }

  /// ` name=value`
  mutating func field(_ name: StaticString, _ value: Int) {
    bytes.append(UInt8(ascii: " "))
    begin(name, value)
  }

  mutating func field(_ name: StaticString, _ value: some Sequence<UInt8>) {
    bytes.append(UInt8(ascii: " "))
    append(name)
    bytes.append(contentsOf: value)
  }

  mutating func endLine() { bytes.append(UInt8(ascii: "\n")) }

  private mutating func append(_ literal: StaticString) {
    literal.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  private mutating func append(_ number: Int) {
    unsafe withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { digits in
      let count = unsafe writeDecimal(number, to: digits.baseAddress!)
      unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(digits)[..<count])
    }
  }
}

/// What kind of client: CLIENT LIST and KILL select by it.
enum ClientType {
  case normal, replica, pubsub, master

  /// - Parameter name: in any case; `slave` and `primary` are other names of two of them.
  init?(_ name: ByteView) {
    if name.equalsIgnoringCase("normal") {
      self = .normal
    } else if name.equalsIgnoringCase("replica") || name.equalsIgnoringCase("slave") {
      self = .replica
    } else if name.equalsIgnoringCase("pubsub") {
      self = .pubsub
    } else if name.equalsIgnoringCase("master") || name.equalsIgnoringCase("primary") {
      self = .master
    } else {
      return nil
    }
  }
}

extension ClientState {
  /// Commands queued since MULTI (-1: there was none) and keys watched.
  var transactionCounts: (queued: Int, watched: Int) {
    guard let transaction = unsafe transaction else { return (-1, 0) }
    let watched = unsafe transaction.pointee.watcher?.keys.count ?? 0
    return unsafe (isInTransaction ? transaction.pointee.queue.count : -1, watched)
  }

  /// Bytes of what is queued.
  var transactionByteCount: Int { unsafe transaction?.pointee.queue.byteCount ?? 0 }

  /// Bytes of what waits for the end of a pause.
  var heldRequestByteCount: Int { unsafe heldRequests?.pointee.byteCount ?? 0 }

  private var isInTransaction: Bool { unsafe isQueueing || transaction?.pointee.isExecuting == true }

  var type: ClientType { .normal }

  /// The flags of CLIENT LIST, a letter each, in Redis's order.
  func flags(isUnixSocket: Bool) -> [UInt8] {
    var flags: [UInt8] = []
    if modes.contains(.monitors) { flags.append(UInt8(ascii: "O")) }
    if isInTransaction { flags.append(UInt8(ascii: "x")) }
    if connection.holds.contains(.pause) { flags.append(UInt8(ascii: "b")) }
    if unsafe transaction?.pointee.watcher?.isTouched == true { flags.append(UInt8(ascii: "d")) }
    if closesAfterReply { flags.append(UInt8(ascii: "c")) }
    if isUnixSocket { flags.append(UInt8(ascii: "U")) }
    if modes.contains(.noEvict) { flags.append(UInt8(ascii: "e")) }
    if modes.contains(.noTouch) { flags.append(UInt8(ascii: "T")) }
    return flags.isEmpty ? [UInt8(ascii: "N")] : flags
  }
}

extension Engine {
  /// Appends a client's line: Redis's fields in Redis's order. What Redis's buffers are for and ours are not (`rbs`,
  /// `rbp`: every client's replies lie in one arena) is 0.
  mutating func appendClient(_ client: Client, _ request: Request? = nil, to text: inout ClientText) {
    let now = keyspace.nowSeconds
    let peer = client.state.connection.peerAddress(unixPath: settings.unixSocketPath)
    let local = client.state.connection.localAddress(unixPath: settings.unixSocketPath)
    let queue = client.state.output.chain.footprint
    let input = client.state.connection.inputFootprint
    let transaction = client.state.transactionCounts
    // A client's own arguments are those of the command that asks; nobody else's is running.
    let isOwn = request.map { $0.client == client } ?? false
    let arguments = isOwn ? request!.byteCount : input.argumentByteCount + client.state.heldRequestByteCount
    let received = isOwn ? request!.wireByteCount + input.byteCount : input.byteCount
    let arenaCount = client.state.output.arenaCount

    text.begin("id=", client.state.id)
    text.field("addr=", peer.text)
    text.field("laddr=", local.text)
    text.field("fd=", Int(client.state.connection.descriptor))
    text.field("name=", client.state.name.prefix { $0 != 0 })
    text.field("age=", seconds(since: client.state.connectedSeconds, now))
    text.field("idle=", seconds(since: client.state.lastInteractionSeconds, now))
    text.field("flags=", client.state.flags(isUnixSocket: peer.isUnix))
    text.field("db=", client.database)
    text.field("sub=", 0)
    text.field("psub=", 0)
    text.field("ssub=", 0)
    text.field("multi=", transaction.queued)
    text.field("watch=", transaction.watched)
    text.field("qbuf=", received)
    text.field("qbuf-free=", input.freeByteCount)
    text.field("argv-mem=", arguments)
    text.field("multi-mem=", client.state.transactionByteCount)
    text.field("rbs=", 0)
    text.field("rbp=", 0)
    text.field("obl=", arenaCount)
    text.field("oll=", queue.chunkCount)
    text.field("omem=", queue.byteCount)
    text.field("tot-mem=", ClientMemory.stateBytes + client.state.heldByteCount + arenaCount)
    text.field("events=", events(client))
    text.field("cmd=", (client.state.lastCommand.map { commands.fullName($0) } ?? "NULL").utf8)
    text.field("user=", "default".utf8)
    text.field("redir=", -1)
    text.field("resp=", client.state.isRESP3 ? 3 : 2)
    text.field("lib-name=", client.state.libName.prefix { $0 != 0 })
    text.field("lib-ver=", client.state.libVersion.prefix { $0 != 0 })
    text.field("io-thread=", 0)
    text.field("tot-net-in=", client.state.inputBytes)
    text.field("tot-net-out=", client.state.outputBytes)
    text.field("tot-cmds=", client.state.commandsProcessed)
    text.endLine()
  }

  /// What the poller watches the socket for.
  private func events(_ client: Client) -> [UInt8] {
    var events: [UInt8] = []
    if !client.state.connection.stopsReading { events.append(UInt8(ascii: "r")) }
    if client.state.connection.waitsToWrite { events.append(UInt8(ascii: "w")) }
    return events
  }

  /// The wall clock may have been set back meanwhile.
  func seconds(since start: UInt32, _ now: UInt32) -> Int { max(0, Int(now) - Int(start)) }
}
