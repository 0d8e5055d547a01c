import CSystem
import Glibc
import Synchronization

/// Writes the log, one line a message, in Redis's format, so that what reads Redis's logs reads ours, or in Valkey's
/// second one:
///
///     4013:M 24 Nov 2026 01:12:26.074 * Ready to accept connections tcp
///     pid=4013 role=primary timestamp="24 Nov 2026 01:12:26.074" level=notice message="Ready to accept connections"
///
/// Any thread may log: a line is one write(2) to a descriptor opened for appending, and the level is an atomic. The
/// file is opened for each line, as in Redis, so a log that was moved away by logrotate starts anew by itself.
/// Messages below the level are never put together.
final class Logger: Sendable {
  /// Empty: standard output.
  private let path: String
  private let processID = getpid()
  private let threshold: Atomic<UInt8>
  /// Positions in `LogFormat.allCases` and `LogTimestampFormat.allCases`.
  private let format = Atomic<Int>(0)
  private let timestampFormat = Atomic<Int>(0)
  /// The system's log gets every message too.
  private let usesSyslog: Bool

  /// Longer messages are cut off there.
  private static let messageMaxBytes = 1023

  /// - Parameter path: the file to append to, or empty for standard output.
  init(path: String = "", level: LogLevel = .notice, usesSyslog: Bool = false) {
    self.path = path
    self.threshold = Atomic(level.rank)
    self.usesSyslog = usesSyslog
  }

  /// The log that the settings ask for. The process must be the one that is going to serve.
  convenience init(_ settings: Settings) {
    if settings.syslogEnabled { unsafe cs_open_syslog(settings.syslogIdentity, settings.syslogFacility.code) }
    self.init(path: settings.logFile, level: settings.logLevel, usesSyslog: settings.syslogEnabled)
    setFormat(settings.logFormat, settings.logTimestampFormat)
  }

  /// Takes effect with the next message of each thread.
  func setLevel(_ level: LogLevel) { threshold.store(level.rank, ordering: .relaxed) }

  func setFormat(_ format: LogFormat, _ timestamps: LogTimestampFormat) {
    self.format.store(LogFormat.allCases.firstIndex(of: format)!, ordering: .relaxed)
    timestampFormat.store(LogTimestampFormat.allCases.firstIndex(of: timestamps)!, ordering: .relaxed)
  }

  func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }
  func verbose(_ message: @autoclosure () -> String) { log(.verbose, message()) }
  func notice(_ message: @autoclosure () -> String) { log(.notice, message()) }
  func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }

  func log(_ level: LogLevel, _ message: @autoclosure () -> String) {
    precondition(level != .nothing)
    guard level.rank >= threshold.load(ordering: .relaxed) else { return }
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let timestamp = LogTimestampFormat.allCases[timestampFormat.load(ordering: .relaxed)].text(now)
    let text = message()
    switch LogFormat.allCases[format.load(ordering: .relaxed)] {
    case .legacy: write(Self.line(text, level, timestamp: timestamp, processID: processID))
    case .logfmt: write(Self.pairs(text, level, timestamp: timestamp, processID: processID))
    }
    // It writes the time and who we are itself.
    if usesSyslog { unsafe cs_syslog(level.syslogPriority, String(decoding: Self.oneLine(text), as: UTF8.self)) }
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

  /// A line with its end.
  static func line(_ message: String, _ level: LogLevel, timestamp: String, processID: pid_t) -> [UInt8] {
    Array("\(processID):M \(timestamp) \(mark(of: level)) ".utf8) + oneLine(message) + "\n".utf8
  }

  /// The same as pairs of key and value. Quotes in the message become single ones.
  static func pairs(_ message: String, _ level: LogLevel, timestamp: String, processID: pid_t) -> [UInt8] {
    let message = oneLine(message).map {
      $0 == UInt8(ascii: "\"") ? UInt8(ascii: "'") : $0 < 0x20 ? UInt8(ascii: " ") : $0
    }
    let name = level == .verbose ? "info" : level.rawValue
    return Array("pid=\(processID) role=primary timestamp=\"\(timestamp)\" level=\(name) message=\"".utf8)
      + message + "\"\n".utf8
  }

  /// As much of a message as is logged. Line breaks become spaces: nobody can forge a second line.
  private static func oneLine(_ message: String) -> [UInt8] {
    message.utf8.prefix(messageMaxBytes)
      .map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? UInt8(ascii: " ") : $0 }
  }

  private static func mark(of level: LogLevel) -> String {
    switch level {
    case .debug: "."
    case .verbose: "-"
    case .notice: "*"
    case .warning, .nothing: "#"
    }
  }
}

extension LogLevel {
  fileprivate var syslogPriority: CInt {
    switch self {
    case .debug: LOG_DEBUG
    case .verbose: LOG_INFO
    case .notice: LOG_NOTICE
    case .warning, .nothing: LOG_WARNING
    }
  }
}

extension SyslogFacility {
  /// The number by which the system knows it.
  var code: CInt {
    switch self {
    case .user: 1 << 3
    case .local0: 16 << 3
    case .local1: 17 << 3
    case .local2: 18 << 3
    case .local3: 19 << 3
    case .local4: 20 << 3
    case .local5: 21 << 3
    case .local6: 22 << 3
    case .local7: 23 << 3
    }
  }
}

extension LogTimestampFormat {
  /// `24 Nov 2026 01:12:26.074`, `2026-11-24T01:12:26.074+01:00`, or milliseconds since 1970.
  func text(_ now: timespec) -> String {
    let milliseconds = now.tv_nsec / 1_000_000
    var seconds = now.tv_sec
    var local = unsafe tm()
    unsafe localtime_r(&seconds, &local)
    let (year, month, day) = unsafe (local.tm_year + 1900, Int(local.tm_mon), Int(local.tm_mday))
    let parts = unsafe [local.tm_hour, local.tm_min, local.tm_sec]
    let clock = parts.map { Self.digits(Int($0), 2) }.joined(separator: ":")
    let time = "\(clock).\(Self.digits(milliseconds, 3))"
    switch self {
    case .legacy: return "\(Self.digits(day, 2)) \(Self.months[month]) \(year) \(time)"
    case .iso8601:
      let minutes = unsafe local.tm_gmtoff / 60
      let zone = "\(Self.digits(abs(minutes) / 60, 2)):\(Self.digits(abs(minutes) % 60, 2))"
      return "\(year)-\(Self.digits(month + 1, 2))-\(Self.digits(day, 2))T\(time)\(minutes < 0 ? "-" : "+")\(zone)"
    case .milliseconds: return String(now.tv_sec * 1000 + milliseconds)
    }
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// With zeros before it.
  private static func digits(_ number: Int, _ count: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }
}
