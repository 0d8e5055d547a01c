/// What a turn of the event loop spends its time on.
enum LoopStep: Int, CaseIterable {
  case command, expiry, eviction, accept, cron, defragmentation

  var name: StaticString {
    switch self {
    case .command: "command"
    case .expiry: "expiry"
    case .eviction: "eviction"
    case .accept: "accept"
    case .cron: "cron"
    case .defragmentation: "defrag"
    }
  }
}

/// What the loop measures of itself; INFO shows it, CONFIG RESETSTAT clears it.
struct LoopStatistics {
  /// A step longer than this is an overrun.
  static let stepLimitMicroseconds = 2000

  var turns = 0
  /// Time in turns, without waiting.
  var turnCycles: UInt64 = 0
  /// The part of `turnCycles` that commands took.
  var commandCycles: UInt64 = 0
  /// The part that expiry took, and how often it had to stop because its time was up.
  var expiryCycles: UInt64 = 0
  var expiryCuts = 0
  /// The part that housekeeping took.
  var cronCycles: UInt64 = 0
  /// The most commands in a turn.
  var turnCommandsMax = 0
  /// The longest turn, in the loop thread's own time, as the steps below.
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
