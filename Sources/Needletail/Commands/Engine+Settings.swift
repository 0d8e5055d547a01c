import Glibc

/// What settings do outside the keyspace, at the start and when CONFIG SET changes them.
extension Engine {
  /// Carries out what changed settings ask for.
  /// - Returns: what could not be done; the caller then puts the old settings back.
  mutating func applySettings(_ names: [String], old: Settings) -> SettingFailure? {
    for name in names {
      switch name {
      case "port", "bind":
        do throws(ListenFailure) {
          try network.listen(at: listenAddresses)
        } catch {
          logger.warning("Could not listen at \(error.host):\(error.port): \(error.error.text)")
          return SettingFailure(name: name, reason: name == "bind" ? "Failed to bind to specified addresses."
            : "Unable to listen on this port. Check server logs.")
        }
      case "dir":
        if unsafe chdir(settings.directory) != 0 {
          return SettingFailure(name: name, reason: unsafe String(cString: strerror(errno)))
        }
      case "maxclients":
        if !Self.raiseDescriptorLimit(forClients: settings.maxClients) {
          return SettingFailure(name: name, reason: "The operating system is not able to handle the specified number "
            + "of clients, try with \(Self.possibleClients)")
        }
      case "loglevel":
        logger.setLevel(settings.logLevel)
      case "crash-log-enabled", "watchdog-period":
        applyCrashSettings()
      case "maxmemory-policy", "lfu-log-factor", "lfu-decay-time":
        applyAccessClock()
      case let name where SettingSpec.collectionNames.contains(name):
        keyspace.limits = settings.collections
      default:
        break
      }
    }
    updateWatch()
    return nil
  }

  var listenAddresses: Network.Addresses {
    Network.Addresses(hosts: settings.bindAddresses, port: settings.port, backlog: settings.tcpBacklog)
  }

  mutating func applyAccessClock() {
    keyspace.clock.isLFU = settings.evictionPolicy.keepsUseCounter
    keyspace.clock.logFactor = settings.lfuLogFactor
    keyspace.clock.decayMinutes = settings.lfuDecayMinutes
  }

  /// Descriptors that the server needs beside its clients'.
  static var reservedDescriptors: Int { 32 }

  /// - Returns: false when the system does not allow a descriptor for each of `count` clients.
  static func raiseDescriptorLimit(forClients count: Int) -> Bool {
    let wanted = rlim_t(count + reservedDescriptors)
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return false }
    if limit.rlim_cur >= wanted { return true }
    // Root may raise the hard limit too.
    var raised = rlimit(rlim_cur: wanted, rlim_max: max(wanted, limit.rlim_max))
    if unsafe setrlimit(resource, &raised) == 0 { return true }
    raised = rlimit(rlim_cur: min(wanted, limit.rlim_max), rlim_max: limit.rlim_max)
    return unsafe setrlimit(resource, &raised) == 0 && raised.rlim_cur == wanted
  }

  /// As many clients as the present limit on descriptors allows.
  static var possibleClients: Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1 }
    return max(1, Int(clamping: limit.rlim_cur) - reservedDescriptors)
  }
}
