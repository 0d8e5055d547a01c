import Glibc

/// The poller and the sockets that accept connections.
struct Network: ~Copyable {
  /// Where a server listens for TCP: `bind`, `port`, `tcp-backlog`.
  struct Addresses: Equatable {
    /// One with a leading `-` may be missing on this machine.
    var hosts: [String]
    var port: Int
    var backlog: Int
  }

  let poller: Poller
  private(set) var listeners: [Listener] = []
  private var addresses = Addresses(hosts: [], port: 0, backlog: 0)
  private var isAcceptingPaused = false

  init() throws(SystemError) { poller = try Poller() }

  func listener(_ descriptor: CInt) -> Listener? { listeners.first { $0.descriptor == descriptor } }

  /// Listens at `addresses` instead of where it listened for TCP before; port 0: nowhere.
  /// - Throws: the first failure, with its host. Nothing has changed then, unless the old addresses are gone too.
  mutating func listen(at addresses: Addresses) throws(ListenFailure) {
    let old = self.addresses
    if addresses == old { return }
    // The old sockets go first: the new addresses may be among them.
    closeListeners { if case .tcp = $0.kind { true } else { false } }
    self.addresses = Addresses(hosts: [], port: 0, backlog: 0)
    do throws(ListenFailure) {
      try open(addresses)
    } catch {
      try? open(old)
      throw error
    }
  }

  mutating func listen(atPath path: String, permissions: Int, backlog: Int) throws(SystemError) {
    add(try Listener.unix(path: path, permissions: permissions, backlog: backlog))
  }

  /// Connections wait until `resumeAccepting`: there is no descriptor for them now, and a listener with one waiting
  /// would wake the poller again at once.
  mutating func pauseAccepting() {
    guard !isAcceptingPaused else { return }
    isAcceptingPaused = true
    watchListeners(false)
  }

  mutating func resumeAccepting() {
    guard isAcceptingPaused else { return }
    isAcceptingPaused = false
    watchListeners(true)
  }

  private func watchListeners(_ isWatched: Bool) {
    for listener in listeners {
      poller.change(PollToken(.listener, descriptor: listener.descriptor), reads: isWatched, writes: false)
    }
  }

  mutating func closeAll() { closeListeners { _ in true } }

  /// As INFO shows them.
  var descriptions: [String] {
    var lines: [String] = []
    if addresses.port > 0 {
      let hosts = addresses.hosts.map { $0.hasPrefix("-") ? String($0.dropFirst()) : $0 }
      lines.append("name=tcp," + hosts.map { "bind=\($0)," }.joined() + "port=\(addresses.port)")
    }
    for listener in listeners {
      if case .unix(let path) = listener.kind { lines.append("name=unix,bind=\(path)") }
    }
    return lines
  }

  private mutating func open(_ addresses: Addresses) throws(ListenFailure) {
    var opened: [Listener] = []
    for host in addresses.hosts where addresses.port > 0 && !host.isEmpty {
      let isOptional = host.hasPrefix("-")
      let name = isOptional ? String(host.dropFirst()) : host
      do throws(SystemError) {
        opened.append(try Listener.tcp(address: name, port: addresses.port, backlog: addresses.backlog))
      } catch {
        if isOptional && [EADDRNOTAVAIL, EAFNOSUPPORT, EPROTONOSUPPORT, ENOPROTOOPT].contains(error.code) { continue }
        for listener in opened { listener.stop() }
        throw ListenFailure(host: name, port: addresses.port, error: error)
      }
    }
    for listener in opened { add(listener) }
    self.addresses = addresses
  }

  private mutating func add(_ listener: Listener) {
    listeners.append(listener)
    try? poller.add(PollToken(.listener, descriptor: listener.descriptor))
  }

  private mutating func closeListeners(_ isMeant: (Listener) -> Bool) {
    for listener in listeners where isMeant(listener) {
      poller.remove(PollToken(.listener, descriptor: listener.descriptor))
      listener.stop()
    }
    listeners.removeAll(where: isMeant)
  }
}

/// An address cannot be listened at.
struct ListenFailure: Error {
  let host: String
  let port: Int
  let error: SystemError
}
