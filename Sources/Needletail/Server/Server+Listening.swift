import Glibc

extension Server {
  /// Opens every listener the settings ask for.
  /// - Returns: false when one that is not optional failed; the reason is logged.
  mutating func listen() -> Bool {
    var opened: [Listener] = []
    if engine.settings.port > 0 {
      guard let sockets = openTCP(engine.settings) else { return false }
      opened += sockets
    }
    if !engine.settings.unixSocketPath.isEmpty {
      do throws(SystemError) {
        opened.append(try Listener.unix(path: engine.settings.unixSocketPath,
          permissions: engine.settings.unixSocketPermissions, backlog: engine.settings.tcpBacklog))
      } catch {
        engine.logger.warning("Failed opening Unix socket: \(error.call): \(error.text)")
        return false
      }
    }
    for listener in opened { try? poller.add(PollToken(.listener, descriptor: listener.descriptor)) }
    listeners = opened
    if engine.settings.port > 0 { engine.logger.notice("Ready to accept connections tcp") }
    if !engine.settings.unixSocketPath.isEmpty { engine.logger.notice("Ready to accept connections unix") }
    return true
  }

  /// Listens at the TCP addresses; an address with a leading `-` may be missing on this machine.
  private func openTCP(_ settings: Settings) -> [Listener]? {
    var opened: [Listener] = []
    for address in settings.bindAddresses where !address.isEmpty {
      let isOptional = address.hasPrefix("-")
      let host = isOptional ? String(address.dropFirst()) : address
      do throws(SystemError) {
        opened.append(try Listener.tcp(address: host, port: settings.port, backlog: settings.tcpBacklog))
      } catch {
        let isUnavailable = [EADDRNOTAVAIL, EAFNOSUPPORT, EPROTONOSUPPORT, ENOPROTOOPT].contains(error.code)
        if isOptional && isUnavailable { continue }
        engine.logger.warning("Could not create server TCP listening socket \(host):\(settings.port): \(error.call): \(error.text)")
        for listener in opened { listener.stop() }
        return nil
      }
    }
    return opened
  }

  /// CONFIG SET of `port` or `bind`: opens the new sockets before the old ones go.
  /// - Returns: false when that failed; nothing has changed then.
  mutating func listenAnew(_ settings: Settings) -> Bool {
    let old = listeners.filter { if case .tcp = $0.kind { true } else { false } }
    for listener in old {
      poller.remove(PollToken(.listener, descriptor: listener.descriptor))
      listener.stop()
    }
    listeners.removeAll { if case .tcp = $0.kind { true } else { false } }
    let opened = settings.port > 0 ? openTCP(settings) : []
    for listener in opened ?? openTCP(engine.settings) ?? [] {
      try? poller.add(PollToken(.listener, descriptor: listener.descriptor))
      listeners.append(listener)
    }
    return opened != nil
  }
}
