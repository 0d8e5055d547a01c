import CSystem
import Glibc

/// Replies to bytes on the wire.
extension Server {
  /// A client with more than this waiting, which its socket does not take, has its requests held back until it reads;
  /// more where the output limits allow more.
  private static var pauseBytes: Int { 1 << 20 }
  /// Sending takes this long in a turn at most, but for replies that fit the arena.
  private static var writingMicroseconds: Int { 2000 }
  /// A client gets this much in a turn at most.
  private static var writeMaxBytes: Int { 4 << 20 }
  /// One that has not authenticated may have this much waiting: what Redis has room for in such a client's own buffer.
  private static var unauthenticatedMaxBytes: Int { 16 << 10 }

  @inline(__always)
  mutating func addToWriteList(_ client: Client) {
    guard !client.state.isOnWriteList else { return }
    client.state.isOnWriteList = true
    writeList.append(client)
  }

  /// Writes what every client of the turn has waiting, as far as there is time. The arena is empty afterwards.
  mutating func writeReplies() {
    guard !writeList.isEmpty else { return }
    let deadline = cs_cycles() + engine.clock.cycles(microseconds: Self.writingMicroseconds)
    var hasTime = true
    for i in writeList.indices {
      let client = writeList[i]
      client.state.isOnWriteList = false
      if client.state.connection.isClosed { continue }
      if exceedsOutputLimit(client) {
        close(client)
      } else if hasTime || client.state.output.chain.isEmpty {
        // What fits the arena never takes long, and is not worth a look at the clock each time.
        let isLong = !client.state.output.chain.isEmpty
        write(client, deadline)
        if isLong || i % 64 == 63 { hasTime = cs_cycles() < deadline }
      } else {
        // The poller tells in the next turn that the socket takes more.
        settle(client)
      }
    }
    writeList.removeAll(keepingCapacity: true)
    engine.reply.resetArena()
  }

  /// Sends as much as the socket takes, and there is time for; the rest leaves the arena and waits for it.
  mutating func write(_ client: Client, _ deadline: UInt64) {
    var sent = 0
    while client.state.output.byteCount > 0 && sent < Self.writeMaxBytes {
      if sent > 0 && cs_cycles() > deadline { break }
      do throws(SystemError) {
        guard case .bytes(let count) = try send(client) else { break }
        sent += count
        engine.statistics.writes += 1
        engine.statistics.outputBytes += count
        client.state.outputBytes += count
        // One that takes its time over a long reply is not idle.
        client.state.lastInteractionSeconds = engine.keyspace.nowSeconds
        consume(client, count)
      } catch {
        engine.logger.verbose("Writing to client: \(error.text)")
        return close(client)
      }
    }
    settle(client)
  }

  @inline(__always)
  private func send(_ client: Client) throws(SystemError) -> IOOutcome {
    let arena = engine.reply.arenaBytes(start: client.state.output.arenaStart, count: client.state.output.arenaCount)
    if client.state.output.chain.isEmpty { return try client.state.connection.send(arena) }
    return try unsafe client.state.connection.send(arena, client.output.pointee.chain)
  }

  private mutating func consume(_ client: Client, _ count: Int) {
    let fromArena = min(count, client.state.output.arenaCount)
    client.state.output.arenaStart += fromArena
    client.state.output.arenaCount -= fromArena
    if !client.state.output.chain.isEmpty { dropChain(client, count - fromArena) }
  }

  private mutating func dropChain(_ client: Client, _ count: Int) {
    unsafe client.state.output.chain.consume(count) { unit in engine.keyspace.unpin(unsafe StringUnit(raw: unit)) }
  }

  /// After writing: what could not be sent is kept, the socket watched, the client paused, resumed or closed.
  private mutating func settle(_ client: Client) {
    let rest = client.state.output.arenaCount
    if rest > 0 {
      client.state.output.chain.prepend(engine.reply.arenaBytes(start: client.state.output.arenaStart, count: rest))
      client.state.output.arenaCount = 0
    }
    let waiting = client.state.output.byteCount
    if waiting == 0 && client.state.closesAfterReply { return close(client) }
    let threshold = pauseThreshold
    if waiting > threshold {
      client.state.connection.holds.insert(.replies)
    } else if client.state.connection.holds.contains(.replies) && waiting <= threshold / 2 {
      client.state.connection.holds.remove(.replies)
      startReadingAgain(client)
      resumeNextTurn(client)
    }
    let waits = waiting > 0
    if waits != client.state.connection.waitsToWrite {
      client.state.connection.waitsToWrite = waits
      updateInterest(client)
    }
    engine.clientMemory.update(client)
  }

  private var pauseThreshold: Int {
    let limit = engine.settings.outputBufferLimits.normal
    return max(Self.pauseBytes, limit.hardBytes, limit.softBytes)
  }

  func updateInterest(_ client: Client) {
    engine.network.poller.change(client.state.connection.token, reads: !client.state.connection.stopsReading,
      writes: client.state.connection.waitsToWrite)
  }

  /// `client-output-buffer-limit`: at once above the hard limit, after some seconds above the soft one.
  mutating func exceedsOutputLimit(_ client: Client) -> Bool {
    let limit = engine.settings.outputBufferLimits.normal
    let waiting = client.state.output.byteCount
    let isOverHard = limit.hardBytes > 0 && waiting > limit.hardBytes
    var isOverSoft = limit.softBytes > 0 && waiting > limit.softBytes
    if isOverSoft {
      let now = engine.keyspace.nowSeconds
      if client.state.softLimitSinceSeconds == 0 { client.state.softLimitSinceSeconds = now }
      isOverSoft = Int(now) - Int(client.state.softLimitSinceSeconds) > limit.softSeconds
    } else {
      client.state.softLimitSinceSeconds = 0
    }
    // Nobody needs much of an answer to be told that it has to authenticate first.
    let isOverUnauthenticated = !client.state.isAuthenticated && waiting > Self.unauthenticatedMaxBytes
    guard isOverHard || isOverSoft || isOverUnauthenticated else { return false }
    engine.statistics.outputBufferDisconnections += 1
    engine.logger.warning("Client id=\(client.state.id) closed for overcoming of output buffer limits.")
    return true
  }
}
