import CSystem
import Glibc

/// Reads the command line, starts the server and serves until it is told to end. Never returns.
public func serverMain() -> Never {
  let settings: Settings
  let configurationFile: String
  do throws(ConfigurationError) {
    switch try Launch.parse(Launch.processArguments, commandNames: CommandTable.allNames) {
    case .serve(let parsed, configurationFile: let file):
      settings = parsed
      configurationFile = file
    case .showVersion:
      print("\(Version.productName) server v=\(Version.number) redis_version=\(Version.redis)")
      exit(0)
    case .showHelp:
      print(Settings.usage)
      exit(0)
    case .showSampleConfiguration:
      print(Settings.sampleFile, terminator: "")
      exit(0)
    }
  } catch {
    printError(error.report)
    exit(1)
  }
  SignalWatcher.blockSignals()
  exit(serve(settings, configurationFile))
}

private func printError(_ text: String) {
  var line = text + "\n"
  line.withUTF8 { utf8 in _ = unsafe write(STDERR_FILENO, utf8.baseAddress!, utf8.count) }
}

private func serve(_ settings: Settings, _ configurationFile: String) -> CInt {
  var settings = settings
  let startDirectory = Launch.workingDirectory
  if unsafe chdir(settings.directory) != 0 {
    printError("Can't chdir to '\(settings.directory)': \(unsafe String(cString: strerror(errno)))")
    return 1
  }
  // By its name, so that CONFIG SET can be undone.
  settings.directory = Launch.workingDirectory
  let (manager, warning) = ServiceManager.found(settings.supervision)
  let isDaemon = settings.daemonize && manager == .none
  if isDaemon && cs_daemonize() != 0 {
    printError("Can't go into the background: \(unsafe String(cString: strerror(errno)))")
    return 1
  }
  if settings.setsProcessTitle { cs_claim_process_title() }
  let logger = Logger(settings)
  if let warning { logger.warning(warning) }
  manager.announceStart(logger)
  logger.notice("\(Version.productName) \(Version.number) (as Redis \(Version.redis)) is starting, pid=\(getpid())")
  for name in settings.namesWithoutEffect { logger.warning("The setting '\(name)' is accepted but has no effect yet") }
  raiseDescriptorLimit(&settings, logger)
  Heap.releasePagesInBackground(hugePages: settings.hugePages)
  if settings.hugePages && !Heap.useHugePages() { logger.warning("Huge pages are not available") }
  if settings.disablesHugePages && !settings.hugePages { cs_disable_huge_pages() }
  if isDaemon && settings.pidFile.isEmpty { settings.pidFile = "/var/run/redis.pid" }
  do throws(SystemError) {
    var server = try Server(settings: settings, logger: logger)
    server.engine.facts.configurationFile = configurationFile
    server.engine.facts.startDirectory = startDirectory
    server.engine.facts.serviceManager = manager
    #if PLANTED_FAULTS
    server.engine.attachTestInstruments()
    #endif
    guard server.listen() else { return 1 }
    _ = server.engine.adjustOutOfMemoryScore()
    if !settings.pidFile.isEmpty { writePidFile(settings.pidFile, logger) }
    if settings.setsProcessTitle { ProcessTitle.set(settings, configurationFile: configurationFile) }
    server.engine.removeAbandonedFiles()
    guard server.startLoading() else { return 1 }
    server.run()
  } catch {
    logger.warning("Can't start: \(error.call): \(error.text)")
    return 1
  }
}

/// Every client needs a descriptor, and the server a few itself; without them `maxclients` is lowered, as Redis does.
private func raiseDescriptorLimit(_ settings: inout Settings, _ logger: Logger) {
  if Engine.raiseDescriptorLimit(forClients: settings.maxClients) { return }
  let possible = Engine.possibleClients
  logger.warning("""
    maxclients has been reduced from \(settings.maxClients) to \(possible): the limit on open files is too low. Raise \
    it with 'ulimit -n' to serve more.
    """)
  settings.maxClients = possible
}

extension Server {
  /// Opens every listener the settings ask for.
  /// - Returns: false when one that is not optional failed; the reason is logged.
  mutating func listen() -> Bool {
    let settings = engine.settings
    if (settings.port == 0 || settings.bindAddresses.allSatisfy(\.isEmpty)) && settings.unixSocketPath.isEmpty {
      engine.logger.warning("Configured to not listen anywhere, exiting.")
      return false
    }
    do throws(ListenFailure) {
      try engine.network.listen(at: engine.listenAddresses)
    } catch {
      engine.logger.warning("Could not create server TCP listening socket \(error.host):\(error.port): "
        + "\(error.error.call): \(error.error.text)")
      return false
    }
    guard !settings.unixSocketPath.isEmpty else { return true }
    do throws(SystemError) {
      try engine.network.listen(atPath: settings.unixSocketPath, permissions: settings.unixSocketPermissions,
        backlog: settings.tcpBacklog)
      return true
    } catch {
      engine.logger.warning("Failed opening Unix socket: \(error.call): \(error.text)")
      return false
    }
  }
}

private func writePidFile(_ path: String, _ logger: Logger) {
  guard let file = unsafe fopen(path, "w") else {
    return logger.warning("Failed to write PID file: \(SettingText.errorText(errno))")
  }
  unsafe fputs("\(getpid())\n", file)
  unsafe fclose(file)
}
