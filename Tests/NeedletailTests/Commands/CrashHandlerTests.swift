import CSystem
import Foundation
import Glibc
import Testing
@testable import Needletail

/// Crashes that are harder to report than others, each in a process of its own. The ordinary ones are looked at from
/// outside (Integration/test_crash_report.py).
@Suite(.enabled(if: !isThreadSanitized, "its handlers come first")) struct CrashHandlerTests {
  /// What stands in the log after `body`, which is given its path.
  private func log(_ body: (String) async -> Void) async -> String {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("needletail-crash-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    await body(path)
    return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  @Test func aStackThatRanOut() async {
    let text = await log { path in
      await #expect(processExitsWith: .signal(SIGSEGV)) { [path = path as String] in
        unsafe prepare(path) { _, _ in }
        #expect(overflow(0) == 0)
      }
    }
    #expect(text.contains("crashed by signal: \(SIGSEGV) (SIGSEGV)"))
    #expect(text.contains("overflow"))
    #expect(text.contains("REPORT END"))
  }

  @Test func aCrashInsideTheReport() async {
    let text = await log { path in
      await #expect(processExitsWith: .signal(SIGABRT)) { [path = path as String] in
        unsafe prepare(path) { _, _ in cs_crash_now() }
        abort()
      }
    }
    #expect(text.contains("crashed by signal: \(SIGABRT) (SIGABRT)"))
    #expect(text.contains("(the report itself crashed by signal \(SIGSEGV) and ends here)"))
    #expect(!text.contains("REPORT END"))
  }

  @Test func aReportThatHangs() async {
    let text = await log { path in
      await #expect(processExitsWith: .signal(SIGABRT)) { [path = path as String] in
        unsafe prepare(path) { _, _ in while true { pause() } }
        abort()
      }
    }
    #expect(text.contains("(the report hangs and ends here)"))
    #expect(!text.contains("REPORT END"))
  }

  @Test func aThreadOfItsOwnIsNotAskedForTheLoopsCommand() async {
    let text = await log { path in
      await #expect(processExitsWith: .signal(SIGSEGV)) { [path = path as String] in
        unsafe prepare(path) { _, descriptor in unsafe cs_crash_write(descriptor, "loop", 4) }
        Thread.detachNewThread { cs_crash_now() }
        while true { pause() }
      }
    }
    #expect(text.contains("REPORT END"))
    #expect(!text.contains("COMMAND IN PROGRESS") && !text.contains("the event loop"))
  }

  @Test func noReport() async {
    let text = await log { path in
      await #expect(processExitsWith: .signal(SIGSEGV)) { [path = path as String] in
        unsafe prepare(path) { _, _ in }
        cs_crash_report(false)
        cs_crash_now()
      }
    }
    #expect(text == "")
  }
}

/// Reports of crashes of this thread end with what `describe` writes.
private func prepare(_ path: String, _ describe: @escaping @convention(c) (UnsafeMutableRawPointer, CInt) -> Void) {
  let turnStart = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  unsafe turnStart.initialize(to: 0)
  var plan = unsafe cs_crash_plan(
    product: strdup("tested"), context: UnsafeMutableRawPointer(turnStart), turn_start: turnStart,
    describe_command: { _, _ in }, describe_server: describe, report_seconds: 1)
  let error = unsafe cs_crash_prepare(&plan, path)
  precondition(error == 0)
  cs_crash_report(true)
}

/// Never returns: each call needs a stack frame of its own.
@inline(never) private func overflow(_ depth: Int) -> Int {
  unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { room in
    unsafe room[0] = UInt8(truncatingIfNeeded: depth)
    return unsafe depth == .max ? 0 : overflow(depth + 1) + Int(room[0])
  }
}
