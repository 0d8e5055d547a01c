/// What all clients together are held to: pauses, and the memory they may take.
extension Server {
  /// Ends a pause whose time is over. Clients whose requests waited for it are served from the next turn on.
  /// Complexity: O(clients), once a pause.
  mutating func resumePausedClients() {
    engine.endPauseWhenDue()
    guard engine.pause.hasEnded else { return }
    engine.pause.hasEnded = false
    guard engine.pause.clientCount > 0 else { return }
    for descriptor in 0..<engine.clients.descriptorLimit {
      guard let client = engine.clients.client(CInt(descriptor)),
        client.state.connection.holds.contains(.pause)
      else { continue }
      client.state.connection.holds.remove(.pause)
      client.state.connection.holds.insert(.turn)
      engine.pause.clientCount -= 1
      startReadingAgain(client)
      resumeNextTurn(client)
    }
  }

  /// Its requests may have filled what may wait of them.
  private mutating func startReadingAgain(_ client: Client) {
    let hasSaidAll = client.state.closesAfterReply || client.state.connection.hasEnded
    guard client.state.connection.stopsReading, !hasSaidAll else { return }
    client.state.connection.stopsReading = false
    updateInterest(client)
  }

  /// `maxmemory-clients`: disconnects clients until the rest takes no more than that, the largest first by size class.
  mutating func evictClients() {
    guard let limit = engine.clientMemoryLimit else { return }
    while engine.clientMemoryBytes > limit, let client = engine.clientMemory.largest { evict(client) }
  }

  /// Housekeeping: those that are too small for a class go when there is no other way. Complexity: O(n log n) with n
  /// clients, when the limit is exceeded.
  mutating func evictSmallClients() {
    guard let limit = engine.clientMemoryLimit, engine.clientMemoryBytes > limit else { return }
    evictClients()
    let bySize = engine.clients.all.filter { !$0.state.modes.contains(.noEvict) }
      .sorted { $0.state.heldByteCount > $1.state.heldByteCount }
    for client in bySize {
      if engine.clientMemoryBytes <= limit { return }
      evict(client)
    }
  }

  private mutating func evict(_ client: Client) {
    var line = ClientText()
    engine.appendClient(client, to: &line)
    engine.logger.notice("Evicting client: \(String(decoding: line.bytes.dropLast(), as: UTF8.self))")
    engine.statistics.evictedClients += 1
    close(client)
  }
}
