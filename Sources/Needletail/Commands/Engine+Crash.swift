import CSystem
import Glibc

// What a crash report and the watchdog (Sources/CSystem/crash.c) say of the engine, and the settings that turn them on.

extension Engine {
  /// Redis watches at this pace at least, whatever is asked for.
  private static var watchdogLeastMilliseconds: Int { 200 }

  /// Takes effect once the server has prepared for reports: the loop does that before its first turn.
  func applyCrashSettings() {
    guard facts.preparedCrashReport else { return }
    cs_crash_report(settings.crashLog)
    guard settings.watchdogPeriodMilliseconds > 0 else { return cs_watchdog(0, 0) }
    let milliseconds = max(settings.watchdogPeriodMilliseconds, Self.watchdogLeastMilliseconds)
    cs_watchdog(CInt(clamping: milliseconds), clock.cycles(microseconds: milliseconds * 1000))
  }

  /// DEBUG SEGFAULT, PANIC and ASSERT, of a server: an engine within a test's process does not end it.
  /// - Returns: false for anything else.
  func debugCrashing(_ request: Request) -> Bool {
    guard facts.preparedCrashReport && request.count == 2 else { return false }
    if request[1].equalsIgnoringCase("segfault") {
      cs_crash_now()
    } else if request[1].equalsIgnoringCase("panic") {
      logger.warning("DEBUG PANIC was called")
      abort()
    } else if request[1].equalsIgnoringCase("assert") {
      logger.warning("=== ASSERTION FAILED === DEBUG ASSERT was called")
      fatalError("DEBUG ASSERT")
    }
    return false
  }

  /// INFO and a line for each client. Allocates.
  mutating func crashText() -> [UInt8] {
    var text = ClientText()
    for client in clients.all { appendClient(client, to: &text) }
    return Array(info(["everything"]).utf8) + Array("\r\n# Clients\r\n".utf8) + text.bytes
  }
}

extension RequestBatch {
  /// Arguments that a report shows.
  private static var shownArguments: Int { 16 }

  /// Writes the request that is being executed to a descriptor. Runs in a signal handler: allocates nothing.
  /// - Returns: false when none is.
  func describeExecuting(to descriptor: CInt, _ commands: borrowing CommandTable) -> Bool {
    guard 0..<count ~= executing else { return false }
    let item = self[executing]
    let request = self.request(item)
    // Whoever reads the log must not learn a password, whatever the command is called here.
    let isSecret = item.command.map { commands.info($0).id.mayHoldSecrets } ?? true
    for index in 0..<min(request.count, isSecret ? 1 : Self.shownArguments) {
      unsafe cs_crash_write(descriptor, index == 0 ? "\"" : " \"", index == 0 ? 1 : 2)
      // The command may have freed a large one.
      if request[index].count >= RequestParser.largeArgumentBytes {
        unsafe cs_crash_write(descriptor, "(large)", 7)
      } else {
        unsafe cs_crash_write_escaped(descriptor, request[index].base, request[index].count)
      }
      unsafe cs_crash_write(descriptor, "\"", 1)
    }
    if request.count > (isSecret ? 1 : Self.shownArguments) { unsafe cs_crash_write(descriptor, " ...", 4) }
    unsafe cs_crash_write(descriptor, "\n", 1)
    return true
  }
}
