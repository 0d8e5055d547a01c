import CSystem

/// What all clients together are held to: pauses, and the memory they may take.
extension Server {
  /// Ends a pause whose time is over. Clients whose requests waited for it are served from the next turn on.
  /// Complexity: O(clients that waited), once a pause.
  mutating func resumePausedClients() {
    engine.endPauseWhenDue()
    guard engine.pause.hasEnded else { return }
    engine.pause.hasEnded = false
    for token in engine.pause.takeAll() {
      guard let client = engine.clients.client(token), client.state.connection.holds.contains(.pause) else { continue }
      client.state.connection.holds.remove(.pause)
      client.state.connection.holds.insert(.turn)
      startReadingAgain(client)
      resumeNextTurn(client)
    }
  }

  /// A client whose requests, or replies, had filled what may wait of them.
  mutating func startReadingAgain(_ client: Client) {
    let hasSaidAll = client.state.closesAfterReply || client.state.connection.hasEnded
    guard client.state.connection.stopsReading, !hasSaidAll else { return }
    client.state.connection.stopsReading = false
    updateInterest(client)
  }

  /// `maxmemory-clients`: disconnects clients until the rest takes no more than that, the largest first by size class;
  /// no more in a turn than half a millisecond has room for.
  mutating func evictClients() {
    guard let limit = engine.clientMemoryLimit, engine.clientMemoryBytes > limit else { return }
    let end = cs_cycles() + engine.clock.cycles(microseconds: 500)
    while engine.clientMemoryBytes > limit, let client = engine.clientMemory.largest {
      evict(client)
      if cs_cycles() > end { return }
    }
  }

  /// Housekeeping: one that is too small for a class goes when there is no other way.
  /// - Returns: whether it has.
  mutating func evictIfSmall(_ client: Client) -> Bool {
    guard let limit = engine.clientMemoryLimit, engine.clientMemoryBytes > limit, engine.clientMemory.largest == nil,
      !client.state.modes.contains(.noEvict)
    else { return false }
    evict(client)
    return true
  }

  private mutating func evict(_ client: Client) {
    var line = ClientText()
    engine.appendClient(client, to: &line)
    engine.logger.notice("Evicting client: \(String(decoding: line.bytes.dropLast(), as: UTF8.self))")
    engine.statistics.evictedClients += 1
    close(client)
  }
}
