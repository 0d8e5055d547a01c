/// What every executed command is compared with, put together from the settings, so that a command which nobody wants
/// to know about costs a few comparisons.
struct CommandWatch {
  /// A command that takes as many cycles is looked at (the slow log, the latency monitor).
  var cycles = UInt64.max
  /// So is one with a reply above this.
  var replyBytes = Int.max
  /// A request that may have as many bytes is looked at.
  var requestBytes = Int.max
  /// Somebody looks at every command: MONITOR, HOTKEYS.
  var seesAll = false
  /// Times go into the histograms of `commands`.
  var tracksLatency = true
  /// Errors that are some command's failure already: those of a transaction's commands are not EXEC's.
  var errorsCounted = 0
  var keptStarts = KeptStarts()
}

/// What the last executed command took.
struct CommandCost {
  let cycles: UInt64
  let replyBytes: Int
}

extension Engine {
  /// To be called when a setting changes that says which commands are looked at, and now and then, since the clock's
  /// factor gets better.
  mutating func updateWatch() {
    let slowest = settings.slowlogThresholdMicroseconds
    let threshold = settings.latencyMonitorThresholdMilliseconds
    var microseconds = slowest >= 0 ? slowest : Int.max
    if threshold > 0 && threshold < Int.max / 1000 { microseconds = min(microseconds, threshold * 1000) }
    // More than a century is never.
    watch.cycles = microseconds < 1 << 50 ? clock.cycles(microseconds: microseconds) : .max
    let reply = settings.largeReplyThresholdBytes
    watch.replyBytes = reply >= 0 ? reply : .max
    let request = settings.largeRequestThresholdBytes
    watch.requestBytes = request >= 0 ? request : .max
    watch.tracksLatency = settings.latencyTracking
    watch.seesAll = !monitors.isEmpty || hotKeys?.isActive == true
  }

  /// A command that something is above a limit of, or that somebody looks at.
  @inline(never)
  mutating func observe(_ index: CommandIndex, _ request: Request, _ cost: CommandCost) {
    let info = commands.info(index)
    if watch.seesAll {
      if hotKeys?.isActive == true { countHotKeys(index, info, request, cost) }
      if !monitors.isEmpty { feedMonitors(info, request) }
    }
    defer { watch.keptStarts.removeAll() }
    let microseconds = clock.microseconds(cost.cycles)
    let event: LatencyMonitor.Event = info.flags.contains(.fast) ? .fastCommand : .command
    latency.add(event, microseconds / 1000, settings, keyspace.nowSeconds)
    guard !info.flags.contains(.skipSlowlog) else { return }
    log(.slow, microseconds, settings.slowlogThresholdMicroseconds, info, request)
    let requestLimit = settings.largeRequestThresholdBytes
    if requestLimit >= 0 { log(.largeRequest, request.wireByteCount, requestLimit, info, request) }
    log(.largeReply, cost.replyBytes, settings.largeReplyThresholdBytes, info, request)
  }
}

extension Request {
  /// Bytes of the request as clients send it. Complexity: O(arguments).
  var wireByteCount: Int {
    func header(_ number: Int) -> Int { 3 + decimalDigitCount(UInt(number)) }
    return (0..<count).reduce(header(count)) { $0 + header(self[$1].count) + self[$1].count + 2 }
  }

  /// At least `wireByteCount`, of a request without large arguments: all others lie in one block, in order, and what
  /// is sent around each takes 16 bytes at most. Complexity: O(1).
  @inline(__always)
  var wireByteLimit: Int {
    let last = self[count - 1]
    return unsafe last.base - self[0].base + last.count + 16 * (count + 1)
  }
}

/// The starts of a request's large arguments, copied before it runs: what logs show of them. A value that was read into
/// its final place may be gone when the command is done.
@safe struct KeptStarts {
  private var bytes: [UInt8] = []
  private var parts: [(argument: Int, range: Range<Int>)] = []
  /// Whose arguments they are: the place of its first one.
  private var owner: UnsafeRawPointer?

  /// - Parameter limit: bytes of an argument.
  @inline(never)
  mutating func keep(of request: Request, _ limit: Int) {
    bytes.removeAll(keepingCapacity: true)
    parts.removeAll(keepingCapacity: true)
    unsafe owner = request[0].base
    for index in 0..<request.count where request[index].count >= RequestParser.largeArgumentBytes {
      let start = bytes.count
      let part = request[index][0..<min(limit, request[index].count)]
      unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: part.base, count: part.count))
      parts.append((index, start..<bytes.count))
    }
  }

  mutating func removeAll() { unsafe owner = nil }

  /// The start of a large argument; nil: it is none, or none was kept of it.
  func start(of argument: Int, in request: Request) -> [UInt8]? {
    guard unsafe owner == request[0].base else { return nil }
    return parts.first { $0.argument == argument }.map { Array(bytes[$0.range]) }
  }
}
