import CSystem

/// Requests to replies.
extension Server {
  /// A client with more than this waiting is written to before the turn's end.
  private static var earlyWriteBytes: Int { 256 << 10 }

  /// Executes the batch: fetches the entries that its keys may name, then runs each request in order.
  mutating func executeBatch() {
    guard batch.count > 0 else { return }
    // Nothing runs after SHUTDOWN, which ended a batch.
    guard engine.shutdownRequest == nil else { return batch.removeAll() }
    engine.keyspace.setTime(LoopClock.realtimeMilliseconds)
    var previous: UInt64 = 0
    for i in 0..<batch.count where batch[i].hashedIndex > 0 && batch[i].hash != previous {
      previous = batch[i].hash
      engine.keyspace.prefetchEntry(previous, database: batch[i].client.database)
    }
    if batch.elementCount > 1 { prefetchElements() }
    let start = cs_cycles()
    engine.commandStartCycles = start
    var last = start
    let limit = engine.clock.cycles(microseconds: 200)
    var current: Client?
    for i in 0..<batch.count {
      let item = batch[i]
      if item.client.state.connection.isClosed || item.client.state.closesAfterReply { continue }
      if item.client.state.connection.isPaused && holdIfBehind(item) { continue }
      if current == nil || !(current! == item.client) {
        if current != nil { engine.reply.end() }
        unsafe engine.reply.begin(item.client.output, isRESP3: item.client.state.isRESP3)
        addToWriteList(item.client)
        current = item.client
      }
      batch.executing = i
      engine.execute(item.command, batch.request(item))
      let now = engine.commandStartCycles
      if now &- last > limit { countLongCommand(item.command, now &- last) }
      last = now
      if item.client.state.closesAtOnce {
        engine.reply.end()
        current = nil
        close(item.client)
      } else if engine.reply.waitingByteCount > Self.earlyWriteBytes {
        engine.reply.end()
        current = nil
        writeEarly(item.client)
        last = cs_cycles()
        engine.commandStartCycles = last
      }
    }
    batch.executing = -1
    engine.reply.end()
    if engine.monitors.hasLines { tellMonitors() }
    closeKilledClients()
    turnCommandCycles += last - start
    engine.statistics.loop.commandCycles += last - start
    batch.removeAll()
  }

  /// Fetches the elements that requests name in large collections, as the keys were before: all buckets, then all
  /// elements.
  @inline(never)
  private mutating func prefetchElements() {
    var hints = InlineArray<32, ElementHint?>(repeating: nil)
    for i in 0..<batch.count where batch[i].elementIndex > 0 {
      let request = batch.request(batch[i])
      let key = request.key(request.hashedIndex, engine.keyspace.seed)
      hints[i] = engine.keyspace.prefetchElementBucket(request[batch[i].elementIndex], of: key,
        in: request.client.database)
    }
    for i in 0..<batch.count { hints[i]?.prefetchElement() }
  }

  @inline(never)
  private mutating func countLongCommand(_ command: CommandIndex?, _ cycles: UInt64) {
    let microseconds = engine.clock.ownMicroseconds(cycles)
    if microseconds > engine.statistics.loop.stepMaxMicroseconds[LoopStep.command.rawValue] {
      engine.statistics.loop.longestCommand = command
    }
    engine.statistics.loop.count(.command, microseconds: microseconds)
  }

  /// Those that CLIENT KILL ended: a batch ends with it, so none of their requests has run since.
  @inline(__always)
  private mutating func closeKilledClients() {
    guard !engine.killedClients.isEmpty else { return }
    for client in engine.killedClients { close(client) }
    engine.killedClients.removeAll()
  }

  /// A request of a client that has others waiting has to wait behind them.
  /// - Returns: false when it only has to take its replies, which no request waits for that has been parsed already.
  @inline(never)
  private mutating func holdIfBehind(_ item: RequestBatch.Item) -> Bool {
    guard !item.client.state.connection.holds.isDisjoint(with: .queueing) else { return false }
    item.client.state.hold(batch.request(item), item.command, takingFrom: &engine.keyspace.largeArguments)
    return true
  }

  /// Runs what was held back of a client: little more than a batch at most. If it has to wait again meanwhile, the rest
  /// is held back once more.
  /// - Returns: whether more has come that is to be parsed.
  mutating func runHeld(_ client: Client) -> Bool {
    executeBatch()
    client.state.connection.holds.remove(.turn)
    guard !client.state.connection.isClosed, let queue = unsafe client.state.takeHeldRequests()
    else { return false }
    unsafe queue.pointee.exchangeLargeArguments(with: &engine.keyspace.largeArguments)
    var position = 0
    for _ in 0..<(unsafe queue.pointee.count) {
      if batch.isFull { executeBatch() }
      position = unsafe queue.pointee.read(at: position, for: client, into: &batch)
    }
    executeBatch()
    unsafe queue.pointee.exchangeLargeArguments(with: &engine.keyspace.largeArguments)
    unsafe ClientState.freeHeld(queue)
    if client.state.connection.isClosed { return false }
    if client.state.connection.keepsInput && !client.state.connection.isPaused { return true }
    finishIfEnded(client)
    return false
  }

  /// Sends monitors what the batch's commands were.
  @inline(never)
  private mutating func tellMonitors() {
    for (client, start) in engine.monitors.clients {
      unsafe engine.reply.begin(client.output, isRESP3: client.state.isRESP3)
      engine.reply.monitorLines(engine.monitors.lines, from: start)
      let waiting = engine.reply.waitingByteCount
      engine.reply.end()
      addToWriteList(client)
      // Not more than a batch's lines wait unseen by the client's limits.
      if waiting > Self.earlyWriteBytes { writeEarly(client) }
    }
    engine.monitors.removeLines()
  }

  @inline(never)
  private mutating func writeEarly(_ client: Client) {
    if exceedsOutputLimit(client) { return close(client) }
    // What is not sent now can be sent when everybody's turn to be written to comes.
    if cs_cycles() < turnDeadline { write(client, turnDeadline) }
  }
}
