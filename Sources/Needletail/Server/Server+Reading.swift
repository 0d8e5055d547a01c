import CSystem
import Glibc

/// Bytes to requests.
extension Server {
  /// A rest of a request up to this size is put in front of the next read and parsed anew, which keeps the common case
  /// in the shared buffer; a longer one is kept with its parse state.
  private static var reparseMaxBytes: Int { 16 << 10 }

  /// Clients with bytes that earlier turns had no time for, in turn: one that has had its share waits behind those that
  /// have not.
  mutating func resumeClients() {
    guard !resumeList.isEmpty else { return }
    // Whoever has to come again is added behind.
    let count = resumeList.count
    var served = 0
    while served < count && (served == 0 || cs_cycles() <= turnDeadline) {
      resume(resumeList[served])
      served += 1
    }
    resumeList.removeSubrange(0..<served)
  }

  private mutating func resume(_ client: Client) {
    client.state.isOnResumeList = false
    let waits = !client.state.connection.holds.isDisjoint(with: [.replies, .pause])
    if client.state.connection.isClosed || waits { return }
    // What a client has sent while it waited comes before the requests of those that began to wait later.
    if !client.state.connection.holds.contains(.turn) || runHeld(client) { parseWaiting(client) }
    if !client.state.connection.isClosed { engine.clientMemory.update(client) }
  }

  private mutating func parseWaiting(_ client: Client) {
    if client.state.connection.hasPending {
      parsePending(client)
      finishIfEnded(client)
    } else {
      parseKept(client)
    }
  }

  /// Parses what a turn had no time for. Nothing is read before that is done: a client that sends faster than its
  /// commands run must not fill the memory.
  private mutating func parseKept(_ client: Client) {
    let kept = client.state.connection.leftoverCount
    if kept > 0 && !client.state.closesAfterReply {
      guard makeRoom(client, kept) else { return }
      let start = unsafe readBuffer + readUsed
      _ = unsafe client.state.connection.takeLeftover(to: start)
      unsafe parse(client, start, kept)
    }
    finishIfEnded(client)
  }

  mutating func resumeNextTurn(_ client: Client) {
    guard !client.state.isOnResumeList else { return }
    client.state.isOnResumeList = true
    resumeList.append(client)
  }

  /// Reads the connection once and parses what has come.
  mutating func read(_ client: Client) {
    if client.state.connection.isClosed || client.state.closesAfterReply { return discardInput(client) }
    if client.state.connection.isPaused { return readWhilePaused(client) }
    if client.state.connection.hasPending { return readPending(client) }
    let kept = client.state.connection.leftoverCount
    guard makeRoom(client, kept + Self.readBytes) else { return }
    let start = unsafe readBuffer + readUsed
    let room = min(Self.readBufferBytes - readUsed - kept, Self.readBytes)
    let received = unsafe receive(client, start + kept, room)
    switch received {
    case .closed:
      return
    case .nothing, .ended:
      if kept > 0 {
        _ = unsafe client.state.connection.takeLeftover(to: unsafe start)
        unsafe parse(client, unsafe start, kept)
      }
      finishIfEnded(client)
    case .bytes(let count):
      _ = unsafe client.state.connection.takeLeftover(to: unsafe start)
      unsafe parse(client, unsafe start, kept + count)
    }
  }

  /// Makes room for `count` bytes in the shared buffer. What a connection keeps is less than two reads, so that it
  /// always fits beside one.
  /// - Returns: false when the client is gone: this may execute the batch.
  @inline(__always)
  private mutating func makeRoom(_ client: Client, _ count: Int) -> Bool {
    if batch.count == 0 { readUsed = 0 }
    if Self.readBufferBytes - readUsed >= count { return true }
    precondition(count <= Self.readBufferBytes)
    executeBatch()
    readUsed = 0
    return !client.state.connection.isClosed
  }

  private enum Received { case bytes(Int), nothing, ended, closed }

  /// Receives once; errors close the client.
  private mutating func receive(_ client: Client, _ place: UnsafeMutableRawPointer, _ room: Int) -> Received {
    if client.state.connection.hasEnded { return .ended }
    do throws(SystemError) {
      switch unsafe try client.state.connection.receive(place, room) {
      case .wouldBlock:
        return .nothing
      case .bytes(0):
        client.state.connection.hasEnded = true
        client.state.connection.stopsReading = true
        updateInterest(client)
        return .ended
      case .bytes(let count):
        engine.statistics.reads += 1
        engine.statistics.inputBytes += count
        client.state.inputBytes += count
        client.state.lastInteractionSeconds = engine.keyspace.nowSeconds
        return .bytes(count)
      }
    } catch {
      engine.logger.verbose("Reading from client: \(error.text)")
      close(client)
      return .closed
    }
  }

  /// Closes a client whose peer sends no more, once all that it asked for is answered and the answers are sent.
  mutating func finishIfEnded(_ client: Client) {
    guard client.state.connection.hasEnded, !client.state.isOnResumeList else { return }
    executeBatch()
    if client.state.connection.isClosed || client.state.closesAfterReply { return }
    // It goes on when the peer has taken what waits, or its requests may run again.
    let waits = client.state.connection.isPaused
      && (client.state.connection.keepsInput || !client.state.connection.holds.isDisjoint(with: .queueing))
    if waits { return }
    if client.state.output.byteCount == 0 { return close(client) }
    client.state.closesAfterReply = true
  }

  /// A client that is being closed may go on sending; nobody listens.
  private mutating func discardInput(_ client: Client) {
    guard !client.state.connection.isClosed, !client.state.connection.stopsReading else { return }
    client.state.connection.stopsReading = true
    updateInterest(client)
  }

  // MARK: Shared buffer

  /// Parses `bytes[0 ..< end]` into the batch. What is left over of an incomplete request moves to the connection.
  @inline(__always)
  private mutating func parse(_ client: Client, _ bytes: UnsafeMutableRawPointer, _ end: Int) {
    readUsed += end
    var limits = limits(client)
    var parser = RequestParser()
    while true {
      let start = parser.position
      let first = batch.arguments.count
      do throws(ProtocolError) {
        switch unsafe try parser.next(bytes, end: end, limits, into: &batch.arguments) {
        case .nothing:
          continue
        case .incomplete:
          return unsafe keepRest(client, ByteView(bytes + start, count: end - start), parser, start, first)
        case .complete:
          break
        }
      } catch {
        batch.arguments.truncate(first)
        return fail(client, error)
      }
      unsafe enqueue(client, arguments: nil, first: first, count: batch.arguments.count - first)
      if batch.count > 0 { continue }
      // A batch has been executed: it may have changed how this client reads, or closed it.
      if client.state.connection.isClosed || client.state.closesAfterReply { return }
      limits = self.limits(client)
      if parser.position < end && mustStop(client) {
        return keepForLater(client, unsafe ByteView(bytes + parser.position, count: end - parser.position))
      }
    }
  }

  /// True when the client's further requests have to wait: the turn is over, or it has too much to read first.
  private func mustStop(_ client: Client) -> Bool {
    client.state.connection.isPaused || cs_cycles() > turnDeadline
  }

  private mutating func keepForLater(_ client: Client, _ bytes: ByteView) {
    client.state.connection.keep(bytes)
    if !client.state.connection.isPaused { resumeNextTurn(client) }
  }

  private mutating func keepRest(_ client: Client, _ rest: ByteView, _ parser: RequestParser, _ start: Int,
    _ firstArgument: Int)
  {
    if rest.count <= Self.reparseMaxBytes && parser.awaitedLargeArgument == nil {
      client.state.connection.keep(rest)
    } else {
      var relative = parser
      relative.didRemove(start)
      client.state.connection.setPending(PendingRequest(rest: rest, parser: relative, parsed: batch.arguments,
        from: firstArgument))
    }
    batch.arguments.truncate(firstArgument)
  }

  private func limits(_ client: Client) -> RequestParser.Limits {
    RequestParser.Limits(bulkMaxBytes: engine.settings.stringMaxBytes, isAuthenticated: client.state.isAuthenticated)
  }

  /// Adds a parsed request to the batch, starts fetching its key's bucket, and executes the batch when it is time.
  @inline(__always)
  private mutating func enqueue(_ client: Client, arguments: UnsafePointer<ByteView>?, first: Int, count: Int) {
    let base = unsafe arguments ?? UnsafePointer(batch.arguments.base + first)
    let command = engine.commands.lookup(unsafe base[0])
    var hash: UInt64 = 0
    var hashedIndex = -1
    var elementIndex = 0
    var endsBatch = false
    if let command {
      let info = engine.commands.info(command)
      endsBatch = info.flags.contains(.endsBatch)
      let key = Int(info.firstKey)
      if key > 0 && key < count {
        hashedIndex = key
        let bytes = unsafe base[key]
        if bytes.isSame(batch.lastKey) {
          hash = batch.lastHash
        } else {
          hash = sipHash13(bytes, engine.keyspace.seed)
          engine.keyspace.prefetchBucket(hash, database: client.database)
          batch.remember(bytes, hash)
        }
        if info.elementIndex < count { elementIndex = Int(info.elementIndex) }
      }
    }
    unsafe batch.append(RequestBatch.Item(client: client, arguments: arguments, first: first, count: count,
      command: command, hash: hash, hashedIndex: hashedIndex, elementIndex: elementIndex))
    if batch.isFull || endsBatch { executeBatch() }
  }

  /// Answers bytes that are no request, and ends the connection.
  private mutating func fail(_ client: Client, _ error: ProtocolError) {
    executeBatch()
    guard !client.state.connection.isClosed, !client.state.closesAfterReply else { return }
    engine.logger.verbose("Protocol error (\(error.text)) from client: id=\(client.state.id)")
    if client.state.modes.isDisjoint(with: [.repliesOff, .skipsNextReply]) {
      unsafe engine.reply.begin(client.output, isRESP3: client.state.isRESP3)
      engine.reply.protocolError(error)
      engine.reply.end()
    }
    client.state.closesAfterReply = true
    client.state.connection.dropPending()
    addToWriteList(client)
  }

  // MARK: Requests in part

  private mutating func readPending(_ client: Client) {
    guard let (place, room) = unsafe client.state.connection.pending.room(minimum: Self.readBytes / 4) else {
      engine.logger.warning("Out of memory for an argument: closing client id=\(client.state.id)")
      return close(client)
    }
    guard case .bytes(let count) = unsafe receive(client, place, room) else { return finishIfEnded(client) }
    client.state.connection.pending.received(count)
    parsePending(client)
  }

  /// Executes what the pending bytes hold. Requests run one at a time: their arguments lie in the connection.
  private mutating func parsePending(_ client: Client) {
    while true {
      let outcome: RequestParser.Outcome
      do throws(ProtocolError) {
        outcome = try client.state.connection.pending.next(limits(client))
      } catch {
        return fail(client, error)
      }
      switch outcome {
      case .nothing:
        continue
      case .incomplete:
        return settlePending(client)
      case .complete:
        runPending(client)
        if client.state.connection.isClosed { return }
        if client.state.closesAfterReply { return client.state.connection.dropPending() }
        if mustStop(client) {
          client.state.connection.pending.compact()
          if !client.state.connection.isPaused { resumeNextTurn(client) }
          return
        }
      }
    }
  }

  private mutating func runPending(_ client: Client) {
    executeBatch()
    if client.state.connection.isClosed || client.state.closesAfterReply { return }
    let pending = unsafe client.state.connection.pendingPointer
    unsafe swap(&engine.keyspace.largeArguments, &pending.pointee.largeArguments)
    let base = unsafe UnsafePointer(pending.pointee.arguments.base)
    unsafe enqueue(client, arguments: base, first: 0, count: pending.pointee.arguments.count)
    executeBatch()
    if client.state.connection.isClosed { return engine.keyspace.largeArguments.removeAll() }
    unsafe swap(&engine.keyspace.largeArguments, &pending.pointee.largeArguments)
    unsafe pending.pointee.finishRequest()
  }

  /// Nothing whole is left: gives the buffer back, or moves a small rest to where the shared buffer takes it up.
  private mutating func settlePending(_ client: Client) {
    let pending = unsafe client.state.connection.pendingPointer
    if unsafe pending.pointee.isDrained { return client.state.connection.dropPending() }
    if let rest = unsafe pending.pointee.unstartedRest(limit: Self.reparseMaxBytes) {
      client.state.connection.keep(rest)
      return client.state.connection.dropPending()
    }
    unsafe pending.pointee.compact()
    if unsafe pending.pointee.byteCount > engine.settings.queryBufferMaxBytes {
      engine.statistics.queryBufferDisconnections += 1
      engine.logger.warning("Closing client that reached max query buffer length: id=\(client.state.id)")
      close(client)
    }
  }

  // MARK: Paused clients

  /// The client has not taken its replies, or clients are paused: its requests are kept, up to the query buffer's
  /// limit, and not run. A client that sends everything before it reads anything thus gets through, and one that never
  /// reads costs what it sent.
  private mutating func readWhilePaused(_ client: Client) {
    movePendingForPause(client)
    // That may have executed the batch, and a request in it have ended this client.
    if client.state.connection.isClosed { return }
    guard let (place, room) = unsafe client.state.connection.pending.room(minimum: Self.readBytes) else {
      return close(client)
    }
    guard case .bytes(let count) = unsafe receive(client, place, room) else { return }
    client.state.connection.pending.received(count)
    if client.state.connection.pending.byteCount > engine.settings.queryBufferMaxBytes {
      client.state.connection.stopsReading = true
      updateInterest(client)
    }
  }

  private mutating func movePendingForPause(_ client: Client) {
    guard !client.state.connection.hasPending else { return }
    executeBatch()
    if client.state.connection.isClosed { return }
    let kept = client.state.connection.leftoverCount
    let block = unsafe Heap.allocate(max(kept, 8))
    _ = unsafe client.state.connection.takeLeftover(to: unsafe block)
    client.state.connection.setPending(PendingRequest(rest: unsafe ByteView(block, count: kept)))
    unsafe Heap.free(block, max(kept, 8))
  }
}
