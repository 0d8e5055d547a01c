// What an operator looks at a running server with: SLOWLOG, COMMANDLOG, LATENCY, MONITOR, HOTKEYS.

enum ObservingCommand: UInt8, Sendable, CaseIterable {
  case slowlog, slowlogGet, slowlogLen, slowlogReset, slowlogHelp
  case commandlog, commandlogGet, commandlogLen, commandlogReset, commandlogHelp
  case latency, latencyDoctor, latencyGraph, latencyHelp, latencyHistogram, latencyHistory, latencyLatest, latencyReset
  case hotkeys, hotkeysGet, hotkeysHelp, hotkeysReset, hotkeysStart, hotkeysStop
  case monitor
}

extension ObservingCommand {
  static let rows: [CommandSpec] = [slowlogRow, commandlogRow, latencyRow, hotkeysRow, monitorRow]
}

extension Engine {
  mutating func run(_ command: ObservingCommand, _ request: Request) {
    switch command {
    case .slowlog, .commandlog, .latency, .hotkeys: rejectUnknownSubcommand(request)
    case .slowlogGet: slowlogGetCommand(request)
    case .slowlogLen: reply.integer(commandLogs[.slow].count)
    case .slowlogReset:
      commandLogs[.slow].removeAll()
      reply.ok()
    case .slowlogHelp: slowlogHelpCommand()
    case .commandlogGet: commandlogGetCommand(request)
    case .commandlogLen: commandlogLenCommand(request)
    case .commandlogReset: commandlogResetCommand(request)
    case .commandlogHelp: commandlogHelpCommand()
    case .latencyDoctor: latencyDoctorCommand()
    case .latencyGraph: latencyGraphCommand(request)
    case .latencyHelp: latencyHelpCommand()
    case .latencyHistogram: latencyHistogramCommand(request)
    case .latencyHistory: latencyHistoryCommand(request)
    case .latencyLatest: latencyLatestCommand()
    case .latencyReset: latencyResetCommand(request)
    case .hotkeysGet: hotkeysGetCommand()
    case .hotkeysHelp: hotkeysHelpCommand()
    case .hotkeysReset: hotkeysResetCommand()
    case .hotkeysStart: hotkeysStartCommand(request)
    case .hotkeysStop: hotkeysStopCommand()
    case .monitor: monitorCommand(request)
    }
  }
}
