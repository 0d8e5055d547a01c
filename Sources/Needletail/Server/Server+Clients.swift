import CSystem
import Glibc

/// Connections come and go.
extension Server {
  /// Taking connections from one listener is given this long in a turn: a crowd of them must not hold up the clients
  /// that are there already. The listener stays readable.
  private static var acceptMicroseconds: Int { 500 }

  mutating func accept(_ descriptor: CInt) {
    guard let listener = engine.network.listener(descriptor) else { return }
    let deadline = cs_cycles() + engine.clock.cycles(microseconds: Self.acceptMicroseconds)
    repeat {
      let accepted = cs_accept4(descriptor, nil, nil)
      if accepted >= 0 {
        admit(accepted, listener)
        continue
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EAGAIN: return
      case EMFILE, ENFILE: return refuseForLackOfDescriptors(descriptor)
      case let code:
        warn(SystemError(code: code, call: "accept"))
        return engine.network.pauseAccepting()
      }
    } while cs_cycles() < deadline
  }

  private mutating func admit(_ descriptor: CInt, _ listener: Listener) {
    engine.statistics.connectionsReceived += 1
    if engine.clients.count >= engine.settings.maxClients {
      return refuse(descriptor, "-ERR max number of clients reached\r\n")
    }
    let client = engine.clients.add(descriptor: descriptor)
    client.state.isLocal = client.state.connection.isLocal
    if engine.settings.protectedMode && engine.settings.password.isEmpty && !client.state.isLocal {
      engine.clients.remove(descriptor: descriptor)
      refuse(descriptor, """
        -DENIED \(Version.productName) is running in protected mode because protected mode is enabled and no password \
        is set for the default user. Connections from other machines are refused: set a password with requirepass, or \
        switch protected mode off with 'CONFIG SET protected-mode no' from this machine.\r\n
        """)
      client.state.connection.abandon()
      return client.free()
    }
    if case .tcp = listener.kind {
      client.state.connection.configure(keepaliveSeconds: engine.settings.tcpKeepaliveSeconds)
    }
    client.state.isAuthenticated = engine.settings.password.isEmpty
    client.state.connectedSeconds = engine.keyspace.nowSeconds
    client.state.lastInteractionSeconds = engine.keyspace.nowSeconds
    do throws(SystemError) {
      try engine.network.poller.add(client.state.connection.token)
    } catch {
      close(client)
    }
  }

  private mutating func refuse(_ descriptor: CInt, _ text: String) {
    engine.statistics.connectionsRejected += 1
    var text = text
    text.withUTF8 { utf8 in _ = unsafe send(descriptor, utf8.baseAddress!, utf8.count, CInt(MSG_NOSIGNAL)) }
    Glibc.close(descriptor)
  }

  /// Without a free descriptor the waiting connection can't even be refused, and would wake the loop again at once:
  /// the spare one makes room for that.
  private mutating func refuseForLackOfDescriptors(_ listener: CInt) {
    warn(SystemError(code: EMFILE, call: "accept"))
    openSpareDescriptor()
    // Not even the spare one: nobody is accepted until the next housekeeping, or the loop would spin.
    guard spareDescriptor >= 0 else { return engine.network.pauseAccepting() }
    Glibc.close(spareDescriptor)
    spareDescriptor = -1
    let accepted = cs_accept4(listener, nil, nil)
    if accepted >= 0 { refuse(accepted, "-ERR max number of clients reached\r\n") }
    openSpareDescriptor()
  }

  /// Also when it was lost because somebody else took the last descriptor: housekeeping tries again.
  mutating func openSpareDescriptor() {
    guard spareDescriptor < 0 else { return }
    spareDescriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
  }

  /// Once a second at most.
  private mutating func warn(_ error: SystemError) {
    let now = Int(engine.keyspace.nowSeconds)
    guard now != lastDescriptorWarningSeconds else { return }
    lastDescriptorWarningSeconds = now
    engine.logger.warning("Error accepting a client connection: \(error.text)")
  }

  /// Closes the socket now; the client is freed at the end of the turn, since the batch may still name it.
  mutating func close(_ client: Client) {
    guard !client.state.connection.isClosed else { return }
    if client.state.connection.holds.contains(.pause) { engine.pause.removeOne() }
    engine.clientMemory.remove(client)
    engine.clients.remove(descriptor: client.state.connection.token.descriptor)
    client.state.connection.close()
    engine.stopMonitoring(client)
    closedClients.append(client)
  }

  mutating func freeClosedClients() {
    guard !closedClients.isEmpty else { return }
    resumeList.removeAll { $0.state.connection.isClosed }
    for client in closedClients {
      engine.endTransaction(client)
      unsafe client.state.output.chain.removeAll { unit in engine.keyspace.unpin(unsafe StringUnit(raw: unit)) }
      client.free()
    }
    closedClients.removeAll(keepingCapacity: true)
  }

  /// Housekeeping looks at a part of the clients, at all of them once a second.
  mutating func lookAfterClients() {
    let total = engine.clients.descriptorLimit
    guard total > 0 else { return }
    let part = max(50, total / max(1, engine.settings.hz))
    for _ in 0..<min(part, total) {
      cronPosition = cronPosition + 1 < total ? cronPosition + 1 : 0
      if let client = engine.clients.client(CInt(cronPosition)) { lookAfter(client) }
    }
  }

  /// `timeout`, the output limits, and room that a request takes which has stopped coming.
  private mutating func lookAfter(_ client: Client) {
    let now = Int(engine.keyspace.nowSeconds)
    let idleSeconds = now - Int(client.state.lastInteractionSeconds)
    engine.statistics.recentBuffers.note(input: client.state.connection.inputHeapByteCount,
      output: client.state.output.byteCount, now)
    // One whose requests wait for the end of a pause, or for a turn to run in, is not idle, nor one that is there to
    // listen.
    let isWaiting = !client.state.connection.holds.isDisjoint(with: .queueing)
      || client.state.modes.contains(.monitors)
    if engine.settings.clientTimeoutSeconds > 0 && !isWaiting && idleSeconds > engine.settings.clientTimeoutSeconds {
      engine.logger.verbose("Closing idle client")
      return close(client)
    }
    if evictIfSmall(client) { return }
    // Time has passed, and the limits may have changed.
    let mayExceed = client.state.output.byteCount > 0 || client.state.softLimitSinceSeconds != 0
    if mayExceed && exceedsOutputLimit(client) { return close(client) }
    client.state.connection.shrink(idleSeconds: idleSeconds)
    engine.clientMemory.update(client)
  }
}
