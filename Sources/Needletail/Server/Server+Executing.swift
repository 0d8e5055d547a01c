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
  private func prefetchElements() {
    var hints = InlineArray<32, ElementHint?>(repeating: nil)
    for i in 0..<batch.count where batch[i].elementIndex > 0 {
      let request = batch.request(batch[i])
      let key = request.key(request.hashedIndex, engine.keyspace.seed)
      hints[i] = engine.keyspace.prefetchElementBucket(request[batch[i].elementIndex], of: key, in: request.client.database)
    }
    for i in 0..<batch.count { hints[i]?.prefetchElement() }
  }

  @inline(never)
  private mutating func countLongCommand(_ command: CommandIndex?, _ cycles: UInt64) {
    let microseconds = engine.clock.ownMicroseconds(cycles)
    if microseconds > engine.statistics.loop.stepMaxMicroseconds[LoopStep.command.rawValue] { engine.statistics.loop.longestCommand = command }
    engine.statistics.loop.count(.command, microseconds: microseconds)
  }

  /// Those that CLIENT KILL ended: a batch ends with it, so none of their requests has run since.
  @inline(__always)
  private mutating func closeKilledClients() {
    guard !engine.killedClients.isEmpty else { return }
    for client in engine.killedClients { close(client) }
    engine.killedClients.removeAll()
  }

  /// Sends monitors what the batch's commands were.
  @inline(never)
  private mutating func tellMonitors() {
    for (client, start) in engine.monitors.clients {
      unsafe engine.reply.begin(client.output, isRESP3: client.state.isRESP3)
      engine.reply.monitorLines(engine.monitors.lines, from: start)
      engine.reply.end()
      addToWriteList(client)
    }
    engine.monitors.removeLines()
  }

  @inline(never)
  private mutating func writeEarly(_ client: Client) {
    if exceedsOutputLimit(client) { return close(client) }
    write(client)
  }
}
