import Glibc
import Testing

@testable import Needletail

@Suite struct LogTests {
  @Test(arguments: [(LogLevel.debug, "."), (.verbose, "-"), (.notice, "*"), (.warning, "#")])
  func format(_ level: LogLevel, _ mark: String) {
    let now = timespec(tv_sec: 1_795_481_457, tv_nsec: 7_999_999)
    let line = String(decoding: Logger.line("two\r\nlines", level,
      timestamp: LogTimestampFormat.legacy.text(now), processID: 42), as: UTF8.self)
    // The zone is the machine's; day and hour move with it.
    let pattern = "42:M [0-3][0-9] Nov 2026 [0-2][0-9]:[0-5][0-9]:57.007 \(mark) two  lines\n"
    let matches = unsafe bytes(pattern.replacing("*", with: "\\*")).withUnsafeBytes { pattern in
      unsafe bytes(line).withUnsafeBytes { unsafe GlobPattern(pattern).matches($0) }
    }
    #expect(matches, "\(line)")
  }

  @Test func timestamps() {
    let now = timespec(tv_sec: 1_795_481_457, tv_nsec: 7_999_999)
    #expect(LogTimestampFormat.milliseconds.text(now) == "1795481457007")
    let text = LogTimestampFormat.iso8601.text(now)
    #expect(text.hasPrefix("2026-11-2"))
    #expect(text.contains(":57.007"))
    #expect(text.utf8.count == 29)
  }

  @Test func pairs() {
    let line = Logger.pairs("a \"b\"\n\tc", .verbose, timestamp: "now", processID: 42)
    #expect(
      String(decoding: line, as: UTF8.self)
        == "pid=42 role=primary timestamp=\"now\" level=info message=\"a 'b'  c\"\n")
  }

  @Test func longMessagesAreCut() {
    let line = Logger.line(String(repeating: "x", count: 5000), .notice, timestamp: "", processID: 1)
    #expect(line.count { $0 == UInt8(ascii: "x") } == 1023)
    #expect(line.last == UInt8(ascii: "\n"))
  }

  @Test func levels() {
    let scratch = ScratchDirectory()
    let path = scratch.willExist("log")
    let logger = Logger(path: path, level: .notice)
    logger.debug("never \(fail())")
    logger.verbose("never \(fail())")
    logger.notice("one")
    logger.setLevel(.debug)
    logger.debug("two")
    logger.setLevel(.nothing)
    logger.warning("never \(fail())")
    let lines = scratch.text(of: path).split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("\(getpid()):M "))
    #expect(lines[0].hasSuffix(" * one"))
    #expect(lines[1].hasSuffix(" . two"))
  }

  private func fail() -> String {
    Issue.record("a message below the level was put together")
    return ""
  }

  @Test func aLogThatWasMovedAwayStartsAnew() {
    let scratch = ScratchDirectory()
    let path = scratch.willExist("log")
    let moved = scratch.willExist("log.1")
    let logger = Logger(path: path)
    logger.notice("one")
    unsafe rename(path, moved)
    logger.notice("two")
    #expect(scratch.text(of: moved).hasSuffix("* one\n"))
    #expect(scratch.text(of: path).hasSuffix("* two\n"))
  }

  @Test func threadsDoNotMixTheirLines() async {
    let scratch = ScratchDirectory()
    let path = scratch.willExist("log")
    let logger = Logger(path: path)
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask {
          for _ in 0..<200 { logger.notice("from \(task) \(String(repeating: "\(task)", count: 500)) end") }
        }
      }
    }
    let lines = scratch.text(of: path).split(separator: "\n")
    #expect(lines.count == 800)
    #expect(lines.allSatisfy { $0.hasSuffix(" end") && $0.contains(":M ") })
  }

  @Test func unwritableLogsAreHarmless() {
    Logger(path: "/nonexistent/log").warning("lost")
  }
}
