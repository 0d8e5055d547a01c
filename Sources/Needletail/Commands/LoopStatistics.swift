/// What a turn of the event loop spends its time on.
enum LoopStep: Int, CaseIterable {
  case command, expiry, accept, read, write, cron

  var name: StaticString {
    switch self {
    case .command: "command"
    case .expiry: "expiry"
    case .accept: "accept"
    case .read: "read"
    case .write: "write"
    case .cron: "cron"
    }
  }
}

/// Counters of the loop and the network; INFO shows them, CONFIG RESETSTAT clears them.
struct LoopStatistics {
  /// A step longer than this is an overrun.
  static let stepLimitMicroseconds = 2000

  var connectionsReceived = 0
  var connectionsRejected = 0
  var inputBytes = 0
  var outputBytes = 0
  var reads = 0
  var writes = 0
  var queryBufferDisconnections = 0
  var outputBufferDisconnections = 0
  var turns = 0
  /// Time in turns, without waiting.
  var turnCycles: UInt64 = 0
  var commandCycles: UInt64 = 0
  var turnMaxMicroseconds = 0
  /// Each step's longest, in the loop thread's own time: what other threads of the machine took is taken off.
  var stepMaxMicroseconds = InlineArray<6, Int>(repeating: 0)
  var stepOverruns = InlineArray<6, Int>(repeating: 0)
  /// The command of the longest command step.
  var longestCommand: CommandIndex?

  mutating func count(_ step: LoopStep, microseconds: Int) {
    stepMaxMicroseconds[step.rawValue] = max(stepMaxMicroseconds[step.rawValue], microseconds)
    if microseconds > Self.stepLimitMicroseconds { stepOverruns[step.rawValue] += 1 }
  }
}
