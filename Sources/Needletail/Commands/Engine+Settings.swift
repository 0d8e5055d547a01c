import Glibc

/// What settings do outside the keyspace, at the start and when CONFIG SET changes them.
extension Engine {
  /// Carries out what changed settings ask for, or nothing of it.
  /// - Returns: what could not be done; `old` is in force again then.
  mutating func applySettings(_ names: [String], old: Settings) -> SettingFailure? {
    defer { updateWatch() }
    for (index, name) in names.enumerated() {
      guard let failure = applySetting(name) else { continue }
      settings = old
      // What can be undone is: the way back was open a moment ago.
      for name in names[...index] { _ = applySetting(name) }
      return failure
    }
    return nil
  }

  private mutating func applySetting(_ name: String) -> SettingFailure? {
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
    case "log-format", "log-timestamp-format":
      logger.setFormat(settings.logFormat, settings.logTimestampFormat)
    case "proc-title-template":
      if settings.setsProcessTitle { ProcessTitle.set(settings, configurationFile: facts.configurationFile) }
    case "oom-score-adj", "oom-score-adj-values":
      guard adjustOutOfMemoryScore() else {
        return SettingFailure(name: name, reason: "Failed to set current oom_score_adj. Check server logs.")
      }
    case "crash-log-enabled", "watchdog-period":
      applyCrashSettings()
    case "maxmemory":
      changeMemoryLimit()
    case "maxmemory-policy":
      applyEvictionPolicy()
    case "maxmemory-eviction-tenacity":
      applyEvictionTenacity()
    case "lfu-log-factor", "lfu-decay-time":
      applyAccessClock()
    case let name where name == "activedefrag" || name.hasPrefix("active-defrag-"):
      if !applyDefragmentation() {
        return SettingFailure(name: name, reason: "Active defragmentation cannot be enabled: this build's allocator does "
          + "not tell what is fragmented")
      }
    case let name where SettingSpec.collectionNames.contains(name):
      applyCollectionLimits()
    default:
      break
    }
    return nil
  }

  var listenAddresses: Network.Addresses {
    Network.Addresses(hosts: settings.bindAddresses, port: settings.port, backlog: settings.tcpBacklog)
  }

  mutating func applyCollectionLimits() {
    keyspace.limits = settings.collections
    keyspace.limits.listPlainBytes = debugging.listPlainBytes
  }

  /// Tells the kernel how readily to end this process.
  /// - Returns: false when it does not take it; the reason is logged.
  mutating func adjustOutOfMemoryScore() -> Bool {
    do throws(SystemFailure) {
      try outOfMemoryScore.apply(settings.outOfMemoryScore, value: settings.outOfMemoryScoreValues[0])
      return true
    } catch {
      logger.warning("Unable to write oom_score_adj: \(error.reason)")
      return false
    }
  }

  mutating func applyAccessClock() {
    keyspace.clock.meaning = settings.evictionPolicy.clockMeaning
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
