import CSystem
import Glibc

/// What the handlers of signals are given of the server. They run on the loop's thread, in the middle of a turn, and
/// only look.
extension Server {
  private static var crashReportMaxSeconds: CInt { 10 }

  /// Call on the loop's thread when the server has its final place in memory.
  mutating func prepareCrashReport() {
    let product = "\(Version.productName) \(Version.number) (as Redis \(Version.redis))"
    // The signal handlers outlive every scope there is.
    let name = unsafe strdup(product)!
    let path = engine.settings.logFile
    unsafe withUnsafeMutablePointer(to: &self) { server in
      let turnStart = unsafe withUnsafeMutablePointer(to: &server.pointee.turnStart) { unsafe UnsafePointer($0) }
      var plan = unsafe cs_crash_plan(
        product: name, context: UnsafeMutableRawPointer(server), turn_start: turnStart,
        describe_command: { context, descriptor in
          unsafe context.assumingMemoryBound(to: Server.self).pointee.describeCommand(to: descriptor)
        },
        describe_server: { context, descriptor in
          let text = unsafe context.assumingMemoryBound(to: Server.self).pointee.engine.crashText()
          unsafe text.withUnsafeBytes { unsafe cs_crash_write(descriptor, $0.baseAddress!, $0.count) }
        },
        report_seconds: Self.crashReportMaxSeconds)
      let error = unsafe cs_crash_prepare(&plan, path)
      if error != 0 {
        unsafe server.pointee.engine.logger.warning("No stack of its own for crash reports: error \(error)")
      }
    }
    engine.facts.preparedCrashReport = true
    engine.applyCrashSettings()
  }

  private func describeCommand(to descriptor: CInt) {
    if !batch.describeExecuting(to: descriptor, engine.commands) { unsafe cs_crash_write(descriptor, "none\n", 5) }
    _ = engine.queuedBatch.describeExecuting(to: descriptor, engine.commands)
  }
}
