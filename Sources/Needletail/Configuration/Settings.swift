/// Every setting's value, typed. The defaults stand here and nowhere else; names, bounds and help are in
/// `settingSections`, through which the command line, the configuration file, CONFIG GET and CONFIG SET all go.
///
/// Being a value, it is its own backup: whoever applies a change and cannot carry out its side effect (a port that is
/// taken, a limit the system refuses) puts the old value back.
struct Settings: Sendable, Equatable {
  // Network
  var port = 6379
  /// Addresses to listen on. `*` is any IPv4 and `::*` any IPv6 address; a leading `-` makes one that is not there no
  /// error. Empty: no TCP at all.
  var bindAddresses = ["*", "-::*"]
  var protectedMode = true
  var unixSocketPath = ""
  /// Mode bits of the socket's file; 0 leaves them to the process's umask.
  var unixSocketPermissions = 0
  var tcpBacklog = 511
  var tcpKeepaliveSeconds = 300
  var clientTimeoutSeconds = 0

  // General
  /// As it was given until the loader or CONFIG SET resolved it; absolute from then on.
  var directory = "./"
  var databaseCount = 16
  var pidFile = ""
  var logLevel = LogLevel.notice
  var logFile = ""
  var hz = 10
  var dynamicHz = true
  var daemonize = false
  var supervision = Supervision.no
  var setsProcessTitle = true
  var processTitleTemplate = "{title} {listen-addr} {server-mode}"
  var alwaysShowsLogo = false
  var logFormat = LogFormat.legacy
  var logTimestampFormat = LogTimestampFormat.legacy
  var syslogEnabled = false
  var syslogIdentity = "redis"
  var syslogFacility = SyslogFacility.local0
  var shutdownTimeoutSeconds = 10
  var shutdownOnInterrupt = ShutdownOptions()
  var shutdownOnTermination = ShutdownOptions()
  var outOfMemoryScore = OutOfMemoryScore.no
  /// Of a primary, a replica, and a process that works in the background.
  var outOfMemoryScoreValues = [0, 200, 800]

  // Security
  /// Any bytes; empty means that nobody needs to authenticate.
  var password: [UInt8] = []
  var protectedConfigs = ProtectedAction.no
  var debugCommand = ProtectedAction.no
  var moduleCommand = ProtectedAction.no
  /// In the order of the file's lines, each about what the commands are called by then.
  var renamedCommands: [RenamedCommand] = []

  // Clients
  var maxClients = 10_000
  var bulkLengthMaxBytes = 512 << 20
  /// The longest string that there may be: what `proto-max-bulk-len` says, as far as there are addresses for it, so
  /// that nobody's sum of sizes overflows.
  var stringMaxBytes: Int { min(bulkLengthMaxBytes, 1 << 47) }
  var queryBufferMaxBytes = 1 << 30
  var outputBufferLimits = OutputBufferLimits()

  /// What all clients' buffers may take together before the largest are disconnected; negative is a percentage of
  /// `maxMemory`, 0 no limit.
  var maxMemoryClients = 0
  var maxNewConnectionsPerCycle = 10

  // Observing
  /// What takes longer goes into the slow log; 0 logs everything, negative nothing.
  var slowlogThresholdMicroseconds = 10_000
  var slowlogMaxLength = 128
  var slowlogEntryMaxArguments = 32
  var slowlogEntryMaxStringBytes = 128
  /// Requests of more bytes are logged; negative logs none.
  var largeRequestThresholdBytes = 1 << 20
  var largeRequestLogMaxLength = 128
  var largeReplyThresholdBytes = 1 << 20
  var largeReplyLogMaxLength = 128
  /// Events that take longer are kept for LATENCY; 0 keeps none.
  var latencyMonitorThresholdMilliseconds = 0
  var latencyTracking = true
  /// Shown in INFO's latencystats.
  var latencyPercentiles = [50, 99, 99.9]
  var crashLog = true
  var crashMemoryCheck = true
  /// A turn of the loop that takes longer is logged while it lasts; 0 never.
  var watchdogPeriodMilliseconds = 0

  // Memory
  /// Negative: a percentage of what the machine or its control group has; 0: no limit.
  var maxMemory = 0
  var hugePages = false
  var disablesHugePages = true
  var evictionPolicy = EvictionPolicy.noEviction
  /// Keys that are looked at for each that goes.
  var evictionSamples = 5
  /// How long evicting may hold up a command: 0 to 100.
  var evictionTenacity = 10
  var lfuLogFactor = 10
  var lfuDecayMinutes = 1
  var lazyfreeEviction = false
  var lazyfreeExpire = false
  var lazyfreeServerDel = false
  var lazyfreeUserDel = false
  var lazyfreeUserFlush = false
  var defragmentation = DefragmentationSettings()

  // Collections
  var collections = CollectionLimits()
  var listCompressDepth = 0

  // Persistence
  /// Redis's own.
  var savePoints = [
    SavePoint(seconds: 3600, changes: 1), SavePoint(seconds: 300, changes: 100),
    SavePoint(seconds: 60, changes: 10_000),
  ]
  /// Nobody has said anything else.
  var savePointsAreDefaults = true
  var stopWritesOnBgsaveError = true
  /// 0: half of the memory.
  var snapshotLimboLimitBytes = 0
  var appendOnly = false
  var dbFilename = "dump.rdb"
  var rdbCompression = true
  var rdbChecksum = true
  var rdbSaveIncrementalFsync = true
  var rdbDelSyncFiles = false
  var sanitizeDumpPayload = SanitizeDumpPayload.no

  var later = LaterSettings()
}

/// Least important first, so that levels compare.
enum LogLevel: String, CaseIterable, Sendable, Comparable {
  case debug, verbose, notice, warning, nothing

  var rank: UInt8 {
    switch self {
    case .debug: 0
    case .verbose: 1
    case .notice: 2
    case .warning: 3
    case .nothing: 4
    }
  }
  static func < (a: LogLevel, b: LogLevel) -> Bool { a.rank < b.rank }
}

enum Supervision: String, CaseIterable, Sendable { case upstart, systemd, auto, no }

/// Who may do what can do harm: nobody, everybody, or clients on this machine.
enum ProtectedAction: String, CaseIterable, Sendable {
  case no, yes, local

  func isAllowed(toLocalClient isLocal: Bool) -> Bool { self == .yes || self == .local && isLocal }
}

/// Whose RESTORE payloads are looked through in depth: nobody's, everybody's, those of clients.
enum SanitizeDumpPayload: String, CaseIterable, Sendable { case no, yes, clients }

/// What goes when memory is full.
enum EvictionPolicy: String, CaseIterable, Sendable {
  case volatileLRU = "volatile-lru"
  case volatileLFU = "volatile-lfu"
  case volatileRandom = "volatile-random"
  case volatileTTL = "volatile-ttl"
  case allKeysLRU = "allkeys-lru"
  case allKeysLFU = "allkeys-lfu"
  case allKeysRandom = "allkeys-random"
  case noEviction = "noeviction"
  case volatileLRM = "volatile-lrm"
  case allKeysLRM = "allkeys-lrm"
  case volatileLRFU = "volatile-lrfu"
  case allKeysLRFU = "allkeys-lrfu"

  /// What a key is judged by.
  enum Criterion { case clock, timeLeft, chance }

  /// Nil: no key goes.
  var criterion: Criterion? {
    switch self {
    case .volatileLRU, .allKeysLRU, .volatileLFU, .allKeysLFU, .volatileLRM, .allKeysLRM, .volatileLRFU, .allKeysLRFU:
      .clock
    case .volatileTTL: .timeLeft
    case .volatileRandom, .allKeysRandom: .chance
    case .noEviction: nil
    }
  }

  /// Only keys with an expiry go.
  var isVolatile: Bool {
    switch self {
    case .volatileLRU, .volatileLFU, .volatileRandom, .volatileTTL, .volatileLRM, .volatileLRFU: true
    case .allKeysLRU, .allKeysLFU, .allKeysRandom, .allKeysLRM, .allKeysLRFU, .noEviction: false
    }
  }

  /// What entries' clocks say under this policy.
  var clockMeaning: AccessClock.Meaning {
    switch self {
    case .volatileLFU, .allKeysLFU: .useCount
    case .volatileLRM, .allKeysLRM: .lastChange
    case .volatileLRFU, .allKeysLRFU: .decayedUses
    default: .lastUse
    }
  }

  /// True when entries count uses (LFU, LRFU) in the field that otherwise holds the time of the last one.
  var keepsUseCounter: Bool { clockMeaning == .useCount || clockMeaning == .decayedUses }

  /// True when keys are evicted by the time of their last use or change; snapshots then tell it.
  var keepsUseTime: Bool { criterion == .clock && !keepsUseCounter }
}

/// How much may wait to be sent to a client before it is disconnected: at once above `hardBytes`, after `softSeconds`
/// above `softBytes`. 0 is no limit.
struct OutputBufferLimit: Sendable, Equatable {
  var hardBytes = 0
  var softBytes = 0
  var softSeconds = 0
}

struct OutputBufferLimits: Sendable, Equatable {
  var normal = OutputBufferLimit()
  var replica = OutputBufferLimit(hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60)
  var pubsub = OutputBufferLimit(hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60)
}

/// A line `rename-command`; both names in lower case.
struct RenamedCommand: Sendable, Equatable {
  let from: String
  /// Empty: nobody can use the command.
  let to: String
}

/// "Save when `seconds` have passed and there were `changes`."
struct SavePoint: Sendable, Equatable {
  var seconds: Int
  var changes: Int
}

// MARK: - CONFIG GET and CONFIG SET

/// Why CONFIG SET was refused. `message` is the whole error reply, worded as Redis words it.
enum SettingError: Error, Equatable {
  /// Names are the client's own bytes.
  case unknown(name: [UInt8])
  case failed(name: [UInt8], reason: String)
  /// Not while a snapshot is being loaded.
  case loading

  var message: [UInt8] {
    switch self {
    case .unknown(let name):
      Array("ERR Unknown option or number of arguments for CONFIG SET - '".utf8) + Self.oneLine(name)
        + Array("'".utf8)
    case .failed(let name, let reason):
      Array("ERR CONFIG SET failed (possibly related to argument '".utf8) + Self.oneLine(name)
        + Array("') - ".utf8) + Self.oneLine(Array(reason.utf8))
    case .loading:
      Array("LOADING Redis is loading the dataset in memory".utf8)
    }
  }

  /// A reply line must not be broken by what a client sent; as in Redis, a text ends at a zero byte.
  private static func oneLine(_ text: [UInt8]) -> [UInt8] {
    text.prefix { $0 != 0 }.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? UInt8(ascii: " ") : $0 }
  }
}

extension Settings {
  typealias Pair = (name: [UInt8], value: [UInt8])

  /// What CONFIG GET answers: the settings whose name or alias matches one of the patterns, each name once, in the
  /// order of the patterns and then of declaration (Redis's own order is that of a randomly seeded table). A pattern
  /// without wildcards is looked up and answered as it was spelled.
  func matching(_ patterns: [[UInt8]]) -> [Pair] {
    var pairs: [Pair] = []
    var seen: Set<String> = []
    for pattern in patterns {
      let hasWildcard = pattern.contains { "*?[".utf8.contains($0) }
      guard hasWildcard else {
        if let spec = SettingSpec.named(pattern), seen.insert(SettingText.lowercased(pattern)).inserted {
          pairs.append((pattern, spec.value(in: self)))
        }
        continue
      }
      for spec in settingSpecs where !spec.isHidden {
        for name in [spec.name] + spec.aliases where globMatches(pattern, name) && seen.insert(name).inserted {
          pairs.append((Array(name.utf8), spec.value(in: self)))
        }
      }
    }
    return pairs
  }

  /// CONFIG SET: takes all pairs or none.
  ///
  /// - Parameters:
  ///   - fromLocalClient: whether the request came over a Unix socket or from a loopback address, which
  ///     `enable-protected-configs local` asks for.
  ///   - isLoading: a snapshot is being loaded: paths in `dir` must not move away.
  /// - Returns: the names whose value is now another one, in the order given. Side effects are the caller's business.
  mutating func apply(
    _ pairs: [Pair], fromLocalClient: Bool = false, isLoading: Bool = false
  ) throws(SettingError) -> [String] {
    // Names are judged before any value, as in Redis: the first bad name is what the error is about.
    var specs: [SettingSpec] = []
    var names: Set<String> = []
    for (name, _) in pairs {
      guard let spec = SettingSpec.named(name) else { throw .unknown(name: name) }
      if let reason = refusal(toChange: spec, fromLocalClient: fromLocalClient) {
        throw .failed(name: name, reason: reason)
      }
      // An alias beside its setting's name is none: the last of both wins.
      guard names.insert(SettingText.lowercased(name)).inserted else {
        throw .failed(name: name, reason: "duplicate parameter")
      }
      specs.append(spec)
    }
    guard !isLoading || !specs.contains(where: { Self.fixedWhileLoading.contains($0.name) }) else { throw .loading }

    var changed = self
    for (spec, pair) in zip(specs, pairs) {
      do throws(InvalidValue) {
        try spec.set(pair.value, in: &changed)
      } catch {
        // Redis names an alias as such.
        throw .failed(name: Array(SettingText.lowercased(pair.name).utf8), reason: error.reason)
      }
    }
    defer { self = changed }
    var seen: Set<String> = []
    return specs.filter { $0.value(in: self) != $0.value(in: changed) && seen.insert($0.name).inserted }.map(\.name)
  }

  private static let fixedWhileLoading: Set = ["dir", "repl-diskless-load"]

  private func refusal(toChange spec: SettingSpec, fromLocalClient: Bool) -> String? {
    switch spec.change {
    case .mutable: nil
    case .immutable: "can't set immutable config"
    case .protected: protectedConfigs.isAllowed(toLocalClient: fromLocalClient) ? nil : "can't set protected config"
    }
  }

  /// Settings that were given another value than their default but change nothing here; a warning at start names them.
  var namesWithoutEffect: [String] {
    let defaults = Settings()
    return settingSpecs
      .filter { $0.effect == .acceptedWithout && $0.value(in: self) != $0.value(in: defaults) }
      .map(\.name)
  }
}

private func globMatches(_ pattern: [UInt8], _ name: String) -> Bool {
  unsafe pattern.withUnsafeBytes { pattern in
    unsafe Array(name.utf8).withUnsafeBytes { name in
      unsafe GlobPattern(pattern, ignoringCase: true).matches(name)
    }
  }
}
