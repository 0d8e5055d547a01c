import Glibc

/// Reads the command line, starts the server and serves until it is told to end. Never returns.
public func serverMain() -> Never {
  let settings: Settings
  let configurationFile: String
  do throws(ConfigurationError) {
    switch try Launch.parse(Launch.processArguments) {
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
  if unsafe chdir(settings.directory) != 0 {
    printError("Can't chdir to '\(settings.directory)': \(unsafe String(cString: strerror(errno)))")
    return 1
  }
  let logger = Logger(path: settings.logFile, level: settings.logLevel)
  logger.notice("\(Version.productName) \(Version.number) (as Redis \(Version.redis)) is starting, pid=\(getpid())")
  for name in settings.namesWithoutEffect { logger.warning("The setting '\(name)' is accepted but has no effect yet") }
  raiseDescriptorLimit(&settings, logger)
  Heap.releasePagesInBackground(hugePages: settings.hugePages)
  if settings.hugePages && !Heap.useHugePages() { logger.warning("Huge pages are not available") }
  do throws(SystemError) {
    var server = try Server(settings: settings, logger: logger)
    server.engine.facts.configurationFile = configurationFile
    #if PLANTED_FAULTS
    server.engine.attachTestInstruments()
    #endif
    guard server.listen() else { return 1 }
    if !settings.pidFile.isEmpty { writePidFile(settings.pidFile, logger) }
    server.engine.tidySnapshotDirectory()
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
  guard let file = unsafe fopen(path, "w") else { return logger.warning("Failed to write PID file") }
  unsafe fputs("\(getpid())\n", file)
  unsafe fclose(file)
}
