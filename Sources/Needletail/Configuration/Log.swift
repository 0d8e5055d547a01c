import Glibc
import Synchronization

/// Writes the log, one line a message, in Redis's format, so that what reads Redis's logs reads ours:
///
///     4013:M 24 Nov 2026 01:12:26.074 * Ready to accept connections tcp
///
/// Any thread may log: a line is one write(2) to a descriptor opened for appending, and the level is an atomic. The
/// file is opened for each line, as in Redis, so a log that was moved away by logrotate starts anew by itself.
/// Messages below the level are never put together.
final class Logger: Sendable {
  /// Empty: standard output.
  private let path: String
  private let processID = getpid()
  private let threshold: Atomic<UInt8>

  /// Longer messages are cut off there.
  private static let messageMaxBytes = 1023

  /// - Parameter path: the file to append to, or empty for standard output.
  init(path: String = "", level: LogLevel = .notice) {
    self.path = path
    self.threshold = Atomic(level.rank)
  }

  /// Takes effect with the next message of each thread.
  func setLevel(_ level: LogLevel) { threshold.store(level.rank, ordering: .relaxed) }

  func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }
  func verbose(_ message: @autoclosure () -> String) { log(.verbose, message()) }
  func notice(_ message: @autoclosure () -> String) { log(.notice, message()) }
  func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }

  func log(_ level: LogLevel, _ message: @autoclosure () -> String) {
    precondition(level != .nothing)
    guard level.rank >= threshold.load(ordering: .relaxed) else { return }
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    write(Self.line(message(), level, now: now, processID: processID))
  }

  /// Nothing can be done, and nothing is, about a line that cannot be written.
  private func write(_ line: [UInt8]) {
    let descriptor = path.isEmpty ? STDOUT_FILENO : openForAppending(path)
    guard descriptor >= 0 else { return }
    defer { if !path.isEmpty { close(descriptor) } }
    var rest = line[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return }
    }
  }

  /// A line with its end. Line breaks in the message become spaces: nobody can forge a second line.
  static func line(_ message: String, _ level: LogLevel, now: timespec, processID: pid_t) -> [UInt8] {
    var seconds = now.tv_sec
    var local = unsafe tm()
    unsafe localtime_r(&seconds, &local)
    let day = unsafe "\(twoDigits(local.tm_mday)) \(months[Int(local.tm_mon)]) \(local.tm_year + 1900)"
    let time = unsafe "\(twoDigits(local.tm_hour)):\(twoDigits(local.tm_min)):\(twoDigits(local.tm_sec))"
    let milliseconds = String(String(1000 + now.tv_nsec / 1_000_000).dropFirst())
    var line = Array("\(processID):M \(day) \(time).\(milliseconds) \(mark(of: level)) ".utf8)
    for byte in message.utf8.prefix(messageMaxBytes) {
      line.append(byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") ? UInt8(ascii: " ") : byte)
    }
    line.append(UInt8(ascii: "\n"))
    return line
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  private static func twoDigits(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }

  private static func mark(of level: LogLevel) -> String {
    switch level {
    case .debug: "."
    case .verbose: "-"
    case .notice: "*"
    case .warning, .nothing: "#"
    }
  }
}
