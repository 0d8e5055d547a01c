import Glibc

@testable import Needletail

/// The way from bytes to replies as the server's loop has it (`Server+Reading`, `Server+Executing`), without sockets:
/// the same parser, the same storage for requests that came in part, batches over several connections, one engine. What
/// is written is checked and thrown away.
///
/// Each piece lies in an allocation of exactly its size, so that the address sanitizer sees a byte read too many.
@safe final class FuzzServer {
  private static let reparseMaxBytes = 16 << 10
  private static let firstDescriptor: CInt = 10_000

  private struct Connection {
    let client: Client
    /// A CLIENT REPLY may have been among its requests: nobody can say how many replies there are.
    var mayBeSilent = false
    /// A HELLO or RESET was among its requests, perhaps in a transaction: replies of both protocols are in order.
    var mayMixProtocols = false
    /// Replies that the batch owes it.
    var owed = 0
  }

  private let engine: UnsafeMutablePointer<Engine>
  private let freer: BackgroundFreer
  private var connections: [Connection] = []
  private var batch = RequestBatch()
  /// What the batch's requests lie in.
  private var pieces: [UnsafeMutableRawPointer] = unsafe []
  private var closed: [Client] = []
  private let usesArena: Bool
  /// Executed, and refused by the parser.
  private(set) var requestCount = 0
  private(set) var protocolErrorCount = 0
  /// Commands that were run without an error.
  private var met: Set<CommandIndex> = []

  init(_ settings: Settings, connectionCount: Int, usesArena: Bool, freer: BackgroundFreer) {
    unsafe engine = .allocate(capacity: 1)
    unsafe engine.initialize(to: try! Engine(settings: settings, seed: HashSeed(k0: 1, k1: 2),
      nowMilliseconds: 1_700_000_000_000, freer: freer))
    self.freer = freer
    self.usesArena = usesArena
    for number in 0..<connectionCount { connections.append(makeConnection(number)) }
  }

  deinit {
    batch.removeAll()
    for connection in connections { close(connection.client) }
    freeClosed()
    for unsafe piece in unsafe pieces { unsafe piece.deallocate() }
    unsafe engine.deinitialize(count: 1)
    unsafe engine.deallocate()
  }

  // MARK: Connections

  private func makeConnection(_ number: Int) -> Connection {
    let client = unsafe engine.pointee.clients.add(descriptor: Self.firstDescriptor + CInt(number))
    client.state.isLocal = true
    // Of clients that need a password, some have given it already.
    client.state.isAuthenticated = unsafe engine.pointee.settings.password.isEmpty || number % 3 != 0
    return Connection(client: client)
  }

  private func close(_ client: Client) {
    guard !client.state.connection.isClosed else { return }
    unsafe engine.pointee.clients.remove(descriptor: client.state.connection.descriptor)
    client.state.connection.abandon()
    closed.append(client)
  }

  /// Closed clients are freed when no batch names them; others come in their places.
  private func freeClosed() {
    for client in closed {
      unsafe engine.pointee.endTransaction(client)
      discardOutput(client)
      client.free()
    }
    closed = []
  }

  private func replaceClosed() {
    guard !closed.isEmpty else { return }
    for number in connections.indices where connections[number].client.state.connection.isClosed {
      connections[number] = makeConnection(number)
    }
    freeClosed()
  }

  /// Whether the client of that number (not its handle, which another one may have by now) is still there.
  private func isThere(_ id: Int, _ number: Int) -> Bool { connections[number].client.state.id == id }

  /// The client of a connection ends it.
  func disconnect(_ number: Int) {
    executeBatch()
    close(connections[number].client)
    replaceClosed()
  }

  // MARK: Reading

  /// A connection has received `piece`.
  func receive(_ number: Int, _ piece: ArraySlice<UInt8>) {
    let client = connections[number].client
    if client.state.connection.hasPending {
      let isStored = unsafe piece.withUnsafeBytes { buffer in
        unsafe client.state.connection.pending.append(ByteView(buffer.baseAddress!, count: buffer.count))
      }
      precondition(isStored)
      parsePending(number)
    } else {
      let kept = client.state.connection.leftoverCount
      let block = UnsafeMutableRawPointer.allocate(byteCount: kept + piece.count, alignment: 1)
      unsafe pieces.append(block)
      _ = unsafe client.state.connection.takeLeftover(to: block)
      unsafe piece.withUnsafeBytes { unsafe (block + kept).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      unsafe parse(number, block, kept + piece.count)
    }
  }

  private func parse(_ number: Int, _ bytes: UnsafeMutableRawPointer, _ end: Int) {
    let client = connections[number].client
    let id = client.state.id
    var parser = RequestParser()
    while true {
      let start = parser.position
      let first = batch.arguments.count
      do throws(ProtocolError) {
        switch unsafe try parser.next(bytes, end: end, limits(client), into: &batch.arguments) {
        case .nothing:
          continue
        case .incomplete:
          return unsafe keep(client, ByteView(bytes + start, count: end - start), parser, start, first)
        case .complete:
          break
        }
      } catch {
        batch.arguments.truncate(first)
        return fail(number, error)
      }
      unsafe enqueue(number, arguments: nil, first: first, count: batch.arguments.count - first)
      if !isThere(id, number) { return }
    }
  }

  private func keep(_ client: Client, _ rest: ByteView, _ parser: RequestParser, _ start: Int, _ first: Int) {
    if rest.count <= Self.reparseMaxBytes && parser.awaitedLargeArgument == nil {
      client.state.connection.keep(rest)
    } else {
      var relative = parser
      relative.didRemove(start)
      client.state.connection.setPending(
        PendingRequest(rest: rest, parser: relative, parsed: batch.arguments, from: first))
    }
    batch.arguments.truncate(first)
  }

  private func parsePending(_ number: Int) {
    let client = connections[number].client
    let id = client.state.id
    while true {
      let outcome: RequestParser.Outcome
      do throws(ProtocolError) {
        outcome = try client.state.connection.pending.next(limits(client))
      } catch {
        return fail(number, error)
      }
      switch outcome {
      case .nothing: continue
      case .incomplete: return settlePending(client)
      case .complete:
        runPending(number)
        if !isThere(id, number) { return }
      }
    }
  }

  private func runPending(_ number: Int) {
    let client = connections[number].client
    let id = client.state.id
    executeBatch()
    if !isThere(id, number) { return }
    let pending = unsafe client.state.connection.pendingPointer
    unsafe swap(&engine.pointee.keyspace.largeArguments, &pending.pointee.largeArguments)
    let base = unsafe UnsafePointer(pending.pointee.arguments.base)
    let count = unsafe pending.pointee.arguments.count
    unsafe enqueue(number, arguments: base, first: 0, count: count)
    executeBatch()
    if isThere(id, number) {
      unsafe swap(&engine.pointee.keyspace.largeArguments, &pending.pointee.largeArguments)
      unsafe pending.pointee.finishRequest()
    } else {
      unsafe engine.pointee.keyspace.largeArguments.removeAll()
    }
  }

  private func settlePending(_ client: Client) {
    let pending = unsafe client.state.connection.pendingPointer
    if unsafe pending.pointee.isDrained { return client.state.connection.dropPending() }
    if let rest = unsafe pending.pointee.unstartedRest(limit: Self.reparseMaxBytes) {
      client.state.connection.keep(rest)
      return client.state.connection.dropPending()
    }
    unsafe pending.pointee.compact()
    if unsafe pending.pointee.byteCount > engine.pointee.settings.queryBufferMaxBytes {
      executeBatch()
      close(client)
      replaceClosed()
    }
  }

  private func limits(_ client: Client) -> RequestParser.Limits {
    unsafe RequestParser.Limits(bulkMaxBytes: engine.pointee.settings.bulkLengthMaxBytes,
      isAuthenticated: client.state.isAuthenticated)
  }

  /// What the parser refuses is answered, and ends the connection.
  private func fail(_ number: Int, _ error: ProtocolError) {
    protocolErrorCount += 1
    let client = connections[number].client
    let id = client.state.id
    executeBatch()
    if !isThere(id, number) { return }
    unsafe engine.pointee.reply.begin(client.output, isRESP3: client.state.isRESP3, usesArena: usesArena)
    unsafe engine.pointee.reply.protocolError(error)
    unsafe engine.pointee.reply.end()
    connections[number].owed += 1
    checkOutputs()
    close(client)
    replaceClosed()
  }
}

// MARK: - Executing

extension FuzzServer {
  private func enqueue(_ number: Int, arguments: UnsafePointer<ByteView>?, first: Int, count: Int) {
    let base = unsafe arguments ?? UnsafePointer(batch.arguments.base + first)
    let command = unsafe engine.pointee.commands.lookup(base[0])
    var hash: UInt64 = 0
    var hashedIndex = -1
    var endsBatch = false
    if let command {
      let info = unsafe engine.pointee.commands.info(command)
      endsBatch = info.flags.contains(.endsBatch)
      let key = Int(info.firstKey)
      if key > 0 && key < count {
        hashedIndex = key
        hash = unsafe sipHash13(base[key], engine.pointee.keyspace.seed)
      }
    }
    unsafe batch.append(RequestBatch.Item(client: connections[number].client, arguments: arguments, first: first,
      count: count, command: command, hash: hash, hashedIndex: hashedIndex))
    if batch.isFull || endsBatch { executeBatch() }
  }

  /// Runs what was read since the last batch. Clients that ended are gone afterwards.
  func executeBatch() {
    guard batch.count > 0 else { return }
    for index in 0..<batch.count {
      let item = batch[index]
      guard let number = connections.firstIndex(where: { $0.client == item.client }),
        !item.client.state.connection.isClosed, !item.client.state.closesAfterReply
      else { continue }
      execute(batch.request(item), item.command, number)
      for client in unsafe engine.pointee.killedClients { close(client) }
      unsafe engine.pointee.killedClients.removeAll()
      if item.client.state.closesAtOnce { close(item.client) }
    }
    batch.removeAll()
    checkOutputs()
    for connection in connections where connection.client.state.closesAfterReply { close(connection.client) }
    // The last one may be in the middle of being parsed.
    for unsafe piece in unsafe pieces.dropLast() { unsafe piece.deallocate() }
    unsafe pieces.removeFirst(max(0, pieces.count - 1))
    replaceClosed()
  }

  private func execute(_ request: Request, _ command: CommandIndex?, _ number: Int) {
    requestCount += 1
    let client = request.client
    unsafe engine.pointee.reply.begin(client.output, isRESP3: client.state.isRESP3, usesArena: usesArena)
    let id = resolved(request, command)
    switch id {
    case .client(.reply): connections[number].mayBeSilent = true
    case .connection(.hello), .connection(.reset): connections[number].mayMixProtocols = true
    default: break
    }
    if let id, isLeftOut(id, request) {
      unsafe engine.pointee.reply.ok()
    } else {
      let errors = unsafe engine.pointee.reply.errors.total
      let wasQueueing = client.state.isQueueing
      unsafe engine.pointee.execute(command, request)
      let isQueued = wasQueueing && client.state.isQueueing
      if unsafe !isQueued && engine.pointee.reply.errors.total == errors, let index = client.state.lastCommand {
        met.insert(index)
      }
    }
    unsafe engine.pointee.reply.end()
    connections[number].owed += 1
  }

  private func resolved(_ request: Request, _ command: CommandIndex?) -> CommandID? {
    guard let command else { return nil }
    let info = unsafe engine.pointee.commands.info(command)
    if info.isContainer, request.count > 1,
      let subcommand = unsafe engine.pointee.commands.lookup(request[1], in: command)
    {
      return unsafe engine.pointee.commands.info(subcommand).id
    }
    return info.id
  }

  /// What would end the process, write files, sleep, change the test's own limits, or make the connection owe other
  /// replies than one a request: paused requests are run by the server, and a monitor is sent others' requests.
  private func isLeftOut(_ id: CommandID, _ request: Request) -> Bool {
    switch id {
    case .server(.shutdown), .persistence(.save), .client(.pause), .observing(.monitor): return true
    case .server(.debug):
      let harmful: [StaticString] = [
        "sleep", "reload", "config-rewrite-force-all", "segfault", "panic", "assert", "populate", "protocol",
      ]
      return request.count > 1 && harmful.contains { request[1].equalsIgnoringCase($0) }
    case .server(.configSet):
      let harmless: [StaticString] = ["lazyfree-lazy-user-del", "lfu-log-factor", "maxmemory-policy", "nosuch"]
      return request.count != 4 || !harmless.contains { request[2].equalsIgnoringCase($0) }
    default: return false
    }
  }
}

// MARK: - Replies

extension FuzzServer {
  /// Every reply must be whole and valid, and there must be as many as there were requests.
  private func checkOutputs() {
    for number in connections.indices {
      let connection = connections[number]
      let owed = connection.owed
      connections[number].owed = 0
      let client = connection.client
      if !connection.mayBeSilent && !client.state.closesAtOnce && !client.state.connection.isClosed {
        let allowed: RESPCheck.Allowed =
          connection.mayMixProtocols ? .both : client.state.isRESP3 ? .resp3 : .resp2
        let found = count(client, allowed)
        precondition(found == owed, "\(owed) requests, \(found) replies")
      }
      discardOutput(client)
    }
    unsafe engine.pointee.reply.resetArena()
  }

  private func count(_ client: Client, _ allowed: RESPCheck.Allowed) -> Int {
    var check = RESPCheck(allowed)
    let output = unsafe client.output
    if unsafe output.pointee.arenaCount > 0 {
      let (start, count) = unsafe (output.pointee.arenaStart, output.pointee.arenaCount)
      unsafe check.take(engine.pointee.reply.arenaBytes(start: start, count: count))
    }
    unsafe output.pointee.chain.forEach { chunk in
      check.take(chunk)
      return true
    }
    precondition(check.isBetweenReplies, "a reply ends too early")
    return check.replyCount
  }

  private func discardOutput(_ client: Client) {
    client.state.output.arenaCount = 0
    unsafe client.state.output.chain.removeAll { unsafe engine.pointee.keyspace.unpin(unsafe StringUnit(raw: $0)) }
  }

  /// Commands that no request has run without an error, but for those that are left out.
  var unmetCommands: [String] {
    unsafe engine.pointee.commands.indices.compactMap { index in
      let info = unsafe engine.pointee.commands.info(index)
      let name = unsafe engine.pointee.commands.fullName(index)
      return info.isContainer || met.contains(index) || Self.neverMet.contains(name) ? nil : name
    }
  }

  private static let neverMet: Set = ["shutdown", "save", "config|rewrite", "client|pause", "monitor"]

  // MARK: Time and memory

  func advance(milliseconds: Int) {
    let now = unsafe engine.pointee.keyspace.nowMilliseconds
    unsafe engine.pointee.keyspace.setTime(now + milliseconds)
    while unsafe engine.pointee.keyspace.expireStep() {}
  }

  /// Ends all connections, removes all keys and waits for the freeing thread: what is in use now is always in use.
  func empty() {
    for number in connections.indices { disconnect(number) }
    for unsafe piece in unsafe pieces { unsafe piece.deallocate() }
    unsafe pieces.removeAll()
    for database in unsafe 0..<engine.pointee.keyspace.databaseCount {
      _ = unsafe engine.pointee.keyspace.flush(database: database)
    }
    while freer.progress.pending > 0 { usleep(100) }
    precondition(unsafe engine.pointee.keyspace.digest() == Digest())
    precondition(unsafe engine.pointee.keyspace.pinCount == 0)
  }
}
