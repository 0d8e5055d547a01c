import Glibc

/// Counters that INFO shows and CONFIG RESETSTAT clears. Those of single commands are in the command table, those of
/// errors in the reply writer, those of expiry in the keyspace.
struct Statistics {
  // Commands
  var commandsProcessed = 0
  var keyspaceHits = 0
  var keyspaceMisses = 0
  var authenticationFailures = 0

  // Connections
  var connectionsReceived = 0
  /// Beyond `maxclients`.
  var connectionsRejected = 0
  var inputBytes = 0
  var outputBytes = 0
  var reads = 0
  var writes = 0
  var queryBufferDisconnections = 0
  var outputBufferDisconnections = 0
  /// Clients disconnected for `maxmemory-clients`.
  var evictedClients = 0
  /// How long there was more than `maxmemory`, up to the last time that it ended.
  var evictionExceededMilliseconds = 0

  var loop = LoopStatistics()
  /// What the freeing thread had done when counting began.
  var freedCountBefore = 0

  var rates = Rates()
  var recentBuffers = RecentBuffers()
}

/// Commands and bytes a second, over the last samples.
struct Rates {
  var commands = RateMeter()
  var inputBytes = RateMeter()
  var outputBytes = RateMeter()
  var turns = RateMeter()
  var turnCycles = RateMeter()

  /// What a turn of the loop took on average.
  func turnMicroseconds(_ clock: LoopClock) -> Int {
    turns.perSecond > 0 ? clock.microseconds(UInt64(turnCycles.perSecond / turns.perSecond)) : 0
  }
}

/// The largest buffers that clients were seen with in the last seconds.
struct RecentBuffers {
  private static let seconds = 8
  private var maxima = InlineArray<8, (second: Int, input: Int, output: Int)>(repeating: (0, 0, 0))

  mutating func note(input: Int, output: Int, _ second: Int) {
    let place = second % Self.seconds
    if maxima[place].second != second { maxima[place] = (second, 0, 0) }
    maxima[place].input = max(maxima[place].input, input)
    maxima[place].output = max(maxima[place].output, output)
  }

  func maxima(_ second: Int) -> (input: Int, output: Int) {
    var result = (input: 0, output: 0)
    for place in maxima.indices where second - maxima[place].second < Self.seconds {
      result.input = max(result.input, maxima[place].input)
      result.output = max(result.output, maxima[place].output)
    }
    return result
  }
}

extension Statistics {
  /// To be called every 100 ms or so.
  mutating func sampleRates(nowMilliseconds: Int) {
    rates.commands.sample(commandsProcessed, nowMilliseconds: nowMilliseconds)
    rates.turns.sample(loop.turns, nowMilliseconds: nowMilliseconds)
    rates.turnCycles.sample(Int(clamping: loop.turnCycles), nowMilliseconds: nowMilliseconds)
    rates.inputBytes.sample(inputBytes, nowMilliseconds: nowMilliseconds)
    rates.outputBytes.sample(outputBytes, nowMilliseconds: nowMilliseconds)
  }
}

/// How fast a counter grows: the mean of its rates between the last 16 samples, as Redis takes it.
struct RateMeter {
  private var rates = InlineArray<16, Double>(repeating: 0)
  private var next = 0
  private var lastValue = 0
  private var lastMilliseconds: Int?

  /// The first sample only starts the clock; a counter that was reset starts anew.
  mutating func sample(_ value: Int, nowMilliseconds: Int) {
    defer {
      lastValue = value
      lastMilliseconds = nowMilliseconds
    }
    guard let lastMilliseconds, nowMilliseconds > lastMilliseconds else { return }
    let growth = value >= lastValue ? value - lastValue : value
    rates[next] = Double(growth) * 1000 / Double(nowMilliseconds - lastMilliseconds)
    next = (next + 1) % rates.count
  }

  var perSecond: Double {
    var sum = 0.0
    for index in rates.indices { sum += rates[index] }
    return sum / Double(rates.count)
  }
}

// MARK: - Facts

/// What INFO tells of the process, its memory and its sockets. Whoever owns those brings it up to date
/// (`Engine.refreshFacts`); a field that is nil is not shown.
struct ServerFacts {
  // Process
  /// 40 hexadecimal digits, another for every start.
  let runID: String
  /// Names the history of the data, for replicas.
  var replicationID = ServerFacts.randomID()
  let startedMilliseconds: Int
  private let startedMonotonicSeconds: Int
  let executablePath: String
  var configurationFile = ""
  /// Where the server was started, whatever `dir` said then.
  var startDirectory = "./"
  var serviceManager = ServiceManager.none
  /// Handlers of crashes may be installed: they have a place to look at.
  var preparedCrashReport = false

  // Memory
  var usedMemoryBytes = 0
  /// The most there was, and when, in seconds since 1970.
  var usedMemoryPeakBytes = 0
  var usedMemoryPeakSeconds: Int?
  /// What the server used before the first key.
  var startupMemoryBytes: Int?
  var allocator: Allocator?
  /// `jemalloc-5.3.0`.
  let allocatorName = "jemalloc-" + (AllocatorFacts.version ?? "").prefix { $0 != "-" }
  /// Jobs that the freeing thread has before it, and has done.
  var pendingFreeCount = 0
  var freedCount = 0

  struct Allocator {
    var allocatedBytes: Int
    var activeBytes: Int
    var residentBytes: Int
    /// Free blocks in slabs: what active defragmentation is there for.
    var fragmentationBytes: Int
    /// Given back to the system, which has not taken it yet.
    var muzzyBytes: Int

    /// What is used, with them, to what is used.
    var fragmentationRatio: Double { MemoryReport.ratio(allocatedBytes + fragmentationBytes, allocatedBytes) }
    /// Pages that are resident, to those that are used.
    var residentRatio: Double { MemoryReport.ratio(residentBytes, activeBytes) }
    var idleBytes: Int { residentBytes - activeBytes }
  }

  init() {
    runID = Self.randomID()
    startedMilliseconds = WallClock.microseconds / 1000
    executablePath = SystemFacts.executablePath
    startedMonotonicSeconds = Self.monotonicSeconds
  }

  /// 40 hexadecimal digits.
  static func randomID() -> String {
    var generator = SystemRandomNumberGenerator()
    let digits = Array("0123456789abcdef")
    return String((0..<40).map { _ in digits[Int.random(in: 0..<16, using: &generator)] })
  }

  var uptimeSeconds: Int { Self.monotonicSeconds - startedMonotonicSeconds }

  private static var monotonicSeconds: Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec
  }
}

enum WallClock {
  /// Since 1970.
  static var microseconds: Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
  }
}
