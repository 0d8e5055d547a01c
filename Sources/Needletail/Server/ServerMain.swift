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
  do throws(SystemError) {
    var server = try Server(settings: settings, logger: logger)
    server.engine.configurationFile = configurationFile
    guard server.listen() else { return 1 }
    if !settings.pidFile.isEmpty { writePidFile(settings.pidFile, logger) }
    server.run()
    return 0
  } catch {
    logger.warning("Can't start: \(error.call): \(error.text)")
    return 1
  }
}

/// Every client needs a descriptor, and the server a few itself; without them `maxclients` is lowered, as Redis does.
private func raiseDescriptorLimit(_ settings: inout Settings, _ logger: Logger) {
  let reserved = 32
  let wanted = rlim_t(settings.maxClients + reserved)
  var limit = rlimit()
  guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < wanted else { return }
  var raised = rlimit(rlim_cur: wanted, rlim_max: max(wanted, limit.rlim_max))
  if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { return }
  raised = rlimit(rlim_cur: min(wanted, limit.rlim_max), rlim_max: limit.rlim_max)
  if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0, raised.rlim_cur == wanted { return }
  let possible = max(1, Int(clamping: min(wanted, limit.rlim_max)) - reserved)
  guard possible < settings.maxClients else { return }
  logger.warning("""
    maxclients has been reduced from \(settings.maxClients) to \(possible): the file descriptor limit is \
    \(limit.rlim_max). Raise it with 'ulimit -n' to serve more.
    """)
  settings.maxClients = possible
}

private func writePidFile(_ path: String, _ logger: Logger) {
  guard let file = unsafe fopen(path, "w") else { return logger.warning("Failed to write PID file") }
  unsafe fputs("\(getpid())\n", file)
  unsafe fclose(file)
}
