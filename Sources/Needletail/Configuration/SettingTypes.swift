// The values that some settings have: choices, lists and pairs.

enum LogFormat: String, CaseIterable, Sendable { case legacy, logfmt }

enum LogTimestampFormat: String, CaseIterable, Sendable { case legacy, iso8601, milliseconds }

enum SyslogFacility: String, CaseIterable, Sendable {
  case user, local0, local1, local2, local3, local4, local5, local6, local7
}

/// Whether the kernel is told how readily to end this process when the machine's memory is full: not at all, by values
/// relative to what it was started with, or by absolute ones.
enum OutOfMemoryScore: String, CaseIterable, Sendable { case no, yes, relative, absolute }

/// What a signal that ends the server asks for beside it.
struct ShutdownOptions: OptionSet, Sendable {
  let rawValue: UInt8

  static let save = ShutdownOptions(rawValue: 1)
  static let noSave = ShutdownOptions(rawValue: 2)
  static let now = ShutdownOptions(rawValue: 4)
  static let force = ShutdownOptions(rawValue: 8)

  /// `default` is the name of none.
  static let names: [(name: String, option: ShutdownOptions)] = [
    ("default", []), ("save", .save), ("nosave", .noSave), ("now", .now), ("force", .force),
  ]

  var text: String {
    isEmpty ? "default" : Self.names.dropFirst().filter { contains($0.option) }.map(\.name).joined(separator: " ")
  }
}

/// `activedefrag` and what goes with it.
struct DefragmentationSettings: Sendable, Equatable {
  var isActive = false
  /// Of the time.
  var cycleMaxPercent = 25
  var cycleMinPercent = 1
  /// Less lost memory than this is nobody's trouble.
  var ignoreBytes = 100 << 20
  var maxScanFields = 1000
  /// Lost memory, of what is used.
  var thresholdLowerPercent = 10
  var thresholdUpperPercent = 100
}
