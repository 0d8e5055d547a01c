import Glibc

// INFO: facts and counters, by section. Fields are named as Redis names them and shown only where their values are
// true.

extension ServerCommand {
  static let infoRows: [CommandSpec] = [
    CommandSpec(
      id: .server(.info), name: "info", arity: -1, flags: [.loading, .stale],
      categories: [.slow, .dangerous],
      tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
      docs: CommandDocs(
        summary: "Returns facts and counters of the server, by section.",
        since: "1.0.0", group: "server", complexity: "O(1)",
        history: [("7.0.0", "section may repeat")],
        arguments: [
          ArgumentSpec(name: "section", kind: .string, isOptional: true, isMultiple: true),
        ])),
  ]
}

/// In the order in which INFO shows them.
enum InfoSection: String, CaseIterable {
  case server, clients, memory, persistence, stats, replication, cpu, modules, commandstats, errorstats, cluster,
    keyspace

  var title: String { self == .cpu ? "CPU" : rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

  /// Sections that have a line for each command are shown only on demand.
  var isDefault: Bool { self != .commandstats }

  /// What the arguments ask for; names that mean nothing ask for nothing.
  static func selected(by names: [String]) -> Set<InfoSection> {
    if names.isEmpty { return Set(allCases.filter(\.isDefault)) }
    var sections: Set<InfoSection> = []
    for name in names {
      switch name {
      case "all", "everything": sections.formUnion(allCases)
      case "default": sections.formUnion(allCases.filter(\.isDefault))
      default: if let section = InfoSection(rawValue: name) { sections.insert(section) }
      }
    }
    return sections
  }
}

/// The text of INFO while it is put together.
struct InfoText {
  private(set) var text = ""

  mutating func section(_ section: InfoSection) {
    if !text.isEmpty { text += "\r\n" }
    text += "# \(section.title)\r\n"
  }

  mutating func field(_ name: String, _ value: some CustomStringConvertible) { text += "\(name):\(value)\r\n" }

  /// The value, and the same for people beside it.
  mutating func bytes(_ name: String, _ count: Int) {
    field(name, count)
    field(name + "_human", Self.human(count))
  }

  mutating func decimal(_ name: String, _ value: Double, digits: Int) { field(name, Self.fixed(value, digits)) }

  /// `1.50M`, as Redis rounds.
  static func human(_ count: Int) -> String {
    if count < 1024 { return "\(count)B" }
    var value = Double(count) / 1024
    var unit = 0
    let units = ["K", "M", "G", "T", "P"]
    while value >= 1024 && unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return fixed(value, 2) + units[unit]
  }

  /// With exactly `digits` digits behind the point.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "0" }
    let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
    let scaled = (value.magnitude * Double(scale)).rounded(.toNearestOrEven)
    guard scaled < 9e18 else { return String(value) }
    let (whole, fraction) = Int(scaled).quotientAndRemainder(dividingBy: scale)
    let padding = String(repeating: "0", count: digits - String(fraction).count)
    return (value < 0 ? "-" : "") + "\(whole).\(padding)\(fraction)"
  }
}

extension Engine {
  /// INFO [section ...]
  mutating func infoCommand(_ request: Request) {
    reply.verbatim(info((1..<request.count).map { request[$0].string.lowercased() }))
  }

  /// - Parameter names: sections, in lower case; empty: the default ones.
  mutating func info(_ names: [String] = []) -> String {
    let selected = InfoSection.selected(by: names)
    if !selected.isDisjoint(with: [.server, .memory]) { refreshFacts() }
    var text = InfoText()
    for section in InfoSection.allCases where selected.contains(section) {
      text.section(section)
      switch section {
      case .server: appendServer(&text)
      case .clients: appendClients(&text)
      case .memory: appendMemory(&text)
      case .persistence: appendPersistence(&text)
      case .stats: appendStats(&text)
      case .replication: appendReplication(&text)
      case .cpu: appendCPU(&text)
      case .modules: break
      case .commandstats: appendCommandStats(&text)
      case .errorstats: appendErrorStats(&text)
      case .cluster: text.field("cluster_enabled", 0)
      case .keyspace: appendKeyspace(&text)
      }
    }
    return text.text
  }

  private func appendServer(_ text: inout InfoText) {
    text.field("redis_version", Version.redis)
    text.field("server_name", Version.serverName)
    text.field("needletail_version", Version.number)
    text.field("redis_mode", "standalone")
    text.field("os", SystemFacts.operatingSystem)
    text.field("arch_bits", Int.bitWidth)
    if let clock = facts.monotonicClock { text.field("monotonic_clock", clock) }
    text.field("multiplexing_api", "epoll")
    text.field("process_id", getpid())
    text.field("process_supervised", "no")
    text.field("run_id", facts.runID)
    text.field("tcp_port", settings.port)
    text.field("server_time_usec", WallClock.microseconds)
    text.field("uptime_in_seconds", facts.uptimeSeconds)
    text.field("uptime_in_days", facts.uptimeSeconds / 86_400)
    text.field("hz", settings.hz)
    text.field("configured_hz", settings.hz)
    text.field("lru_clock", Int(keyspace.nowSeconds & 0xff_ffff))
    text.field("executable", facts.executablePath)
    text.field("config_file", facts.configurationFile)
    text.field("io_threads_active", 0)
    for (index, listener) in network.descriptions.enumerated() { text.field("listener\(index)", listener) }
  }

  private func appendClients(_ text: inout InfoText) {
    text.field("connected_clients", clients.count)
    text.field("maxclients", settings.maxClients)
    text.field("blocked_clients", 0)
  }

  private func appendMemory(_ text: inout InfoText) {
    let used = facts.usedMemoryBytes
    let peak = max(facts.usedMemoryPeakBytes, used)
    let resident = SystemFacts.residentBytes
    text.bytes("used_memory", used)
    text.bytes("used_memory_rss", resident)
    text.bytes("used_memory_peak", peak)
    if let seconds = facts.usedMemoryPeakSeconds { text.field("used_memory_peak_time", seconds) }
    text.field("used_memory_peak_perc", InfoText.fixed(100 * Double(used) / Double(max(peak, 1)), 2) + "%")
    if let startup = facts.startupMemoryBytes { text.field("used_memory_startup", startup) }
    if let allocator = facts.allocator {
      text.field("allocator_allocated", allocator.allocatedBytes)
      text.field("allocator_active", allocator.activeBytes)
      text.field("allocator_resident", allocator.residentBytes)
    }
    text.bytes("total_system_memory", SystemFacts.memoryBytes)
    // There is no limit yet.
    text.bytes("maxmemory", 0)
    text.field("maxmemory_policy", settings.evictionPolicy.rawValue)
    if let allocator = facts.allocator {
      text.decimal("allocator_frag_ratio", ratio(allocator.activeBytes, allocator.allocatedBytes), digits: 2)
      text.field("allocator_frag_bytes", allocator.activeBytes - allocator.allocatedBytes)
      text.decimal("allocator_rss_ratio", ratio(allocator.residentBytes, allocator.activeBytes), digits: 2)
      text.field("allocator_rss_bytes", allocator.residentBytes - allocator.activeBytes)
      text.decimal("rss_overhead_ratio", ratio(resident, allocator.residentBytes), digits: 2)
      text.field("rss_overhead_bytes", resident - allocator.residentBytes)
    }
    text.decimal("mem_fragmentation_ratio", ratio(resident, used), digits: 2)
    text.field("mem_fragmentation_bytes", resident - used)
    text.field("mem_allocator", facts.allocatorName)
    text.field("active_defrag_running", 0)
    text.field("lazyfree_pending_objects", facts.pendingFreeCount)
    text.field("lazyfreed_objects", facts.freedCount)
  }

  private func ratio(_ a: Int, _ b: Int) -> Double { b > 0 ? Double(a) / Double(b) : 0 }

  private func appendStats(_ text: inout InfoText) {
    text.field("total_connections_received", statistics.connectionsReceived)
    text.field("total_commands_processed", statistics.commandsProcessed)
    text.field("instantaneous_ops_per_sec", Int(statistics.rates.commands.perSecond))
    text.field("total_net_input_bytes", statistics.inputBytes)
    text.field("total_net_output_bytes", statistics.outputBytes)
    text.decimal("instantaneous_input_kbps", statistics.rates.inputBytes.perSecond / 1024, digits: 2)
    text.decimal("instantaneous_output_kbps", statistics.rates.outputBytes.perSecond / 1024, digits: 2)
    text.field("rejected_connections", statistics.connectionsRejected)
    text.field("expired_keys", keyspace.expiryStatistics.expiredKeys)
    appendExpiryFields(&text)
    text.field("evicted_keys", 0)
    text.field("keyspace_hits", statistics.keyspaceHits)
    text.field("keyspace_misses", statistics.keyspaceMisses)
    text.field("total_forks", 0)
    text.field("total_error_replies", reply.errors.total)
    text.field("total_reads_processed", statistics.reads)
    text.field("total_writes_processed", statistics.writes)
    text.field("client_query_buffer_limit_disconnections", statistics.queryBufferDisconnections)
    text.field("client_output_buffer_limit_disconnections", statistics.outputBufferDisconnections)
    text.field("eventloop_cycles", statistics.loop.turns)
    text.field("eventloop_duration_sum", clock.microseconds(statistics.loop.turnCycles))
    text.field("eventloop_duration_cmd_sum", clock.microseconds(statistics.loop.commandCycles))
    text.field("acl_access_denied_auth", statistics.authenticationFailures)
    appendLoopFields(&text)
  }

  /// How late the expiry index was: the longest lag, and keys by lag (`lt8` counts those that went 4 to 7 ms late).
  private func appendExpiryFields(_ text: inout InfoText) {
    let expiry = keyspace.expiryStatistics
    text.field("expiry_lag_max_milliseconds", expiry.lagMaxMilliseconds)
    let counts = expiry.lagCounts.indices.filter { expiry.lagCounts[$0] > 0 }.map {
      $0 == expiry.lagCounts.count - 1 ? "more=\(expiry.lagCounts[$0])" : "lt\(1 << $0)=\(expiry.lagCounts[$0])"
    }
    text.field("expiry_lag_milliseconds", counts.joined(separator: ","))
  }

  /// The loop's own times and overruns; every field begins with `loop_`.
  private func appendLoopFields(_ text: inout InfoText) {
    let loop = statistics.loop
    text.field("loop_turn_max_usec", loop.turnMaxMicroseconds)
    for step in LoopStep.allCases {
      text.field("loop_\(step.name)_max_usec", loop.stepMaxMicroseconds[step.rawValue])
      text.field("loop_\(step.name)_overruns", loop.stepOverruns[step.rawValue])
    }
    if let command = loop.longestCommand { text.field("loop_longest_command", commands.fullName(command)) }
  }

  private func appendReplication(_ text: inout InfoText) {
    text.field("role", "master")
    text.field("connected_slaves", 0)
    text.field("master_failover_state", "no-failover")
  }

  private func appendCPU(_ text: inout InfoText) {
    for (scope, suffix) in [(SystemFacts.UsageScope.process, ""), (.children, "_children"), (.thread, "_main_thread")] {
      let usage = SystemFacts.cpuSeconds(scope)
      text.decimal("used_cpu_sys\(suffix)", usage.system, digits: 6)
      text.decimal("used_cpu_user\(suffix)", usage.user, digits: 6)
    }
  }

  private func appendCommandStats(_ text: inout InfoText) {
    for index in commands.indices {
      let counters = commands.counters(index)
      guard counters.calls > 0 || counters.rejectedCalls > 0 || counters.failedCalls > 0 else { continue }
      let microseconds = clock.microseconds(counters.cycles)
      let perCall = counters.calls > 0 ? Double(microseconds) / Double(counters.calls) : 0
      text.field(
        "cmdstat_\(commands.fullName(index))",
        "calls=\(counters.calls),usec=\(microseconds),usec_per_call=\(InfoText.fixed(perCall, 2)),"
          + "rejected_calls=\(counters.rejectedCalls),failed_calls=\(counters.failedCalls)")
    }
  }

  private func appendErrorStats(_ text: inout InfoText) {
    for entry in reply.errors.entries {
      text.field("errorstat_\(String(decoding: entry.code, as: UTF8.self))", "count=\(entry.count)")
    }
  }

  private func appendKeyspace(_ text: inout InfoText) {
    for database in 0..<keyspace.databaseCount {
      let count = keyspace.count(database: database)
      guard count > 0 else { continue }
      let expires = keyspace.expiresCount(database: database)
      text.field("db\(database)", "keys=\(count),expires=\(expires),avg_ttl=0,subexpiry=0")
    }
  }
}

// MARK: - What the system knows

/// Facts that the kernel keeps.
enum SystemFacts {
  enum UsageScope: CInt { case process = 0, children = -1, thread = 1 }

  /// `Linux 6.1.0 x86_64`.
  static var operatingSystem: String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "Linux" }
    return [text(name.sysname), text(name.release), text(name.machine)].joined(separator: " ")
  }

  private static func text<T>(_ field: T) -> String {
    unsafe withUnsafeBytes(of: field) { bytes in
      let bytes = unsafe Array(bytes)
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Absolute path of the running program; empty when the kernel does not tell.
  static var executablePath: String {
    unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      let text = unsafe buffer.baseAddress!.assumingMemoryBound(to: CChar.self)
      let count = unsafe readlink("/proc/self/exe", text, buffer.count)
      return count > 0 ? unsafe String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<count]), as: UTF8.self) : ""
    }
  }

  static var memoryBytes: Int { sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)) }

  /// The machine's memory, or less in a container that may not use all of it.
  static var usableMemoryBytes: Int { min(memoryBytes, ControlGroups.memoryLimitBytes ?? Int.max) }

  /// Bytes of the process in physical memory; 0 when the kernel does not tell.
  static var residentBytes: Int {
    let file = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    return unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
      let count = unsafe read(file, buffer.baseAddress!, buffer.count)
      guard count > 0 else { return 0 }
      let fields = unsafe String(decoding: unsafe buffer.prefix(count), as: UTF8.self).split(separator: " ")
      return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(CInt(_SC_PAGESIZE))
    }
  }

  static func cpuSeconds(_ scope: UsageScope) -> (user: Double, system: Double) {
    var usage = rusage()
    guard unsafe getrusage(__rusage_who_t(scope.rawValue), &usage) == 0 else { return (0, 0) }
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return (seconds(usage.ru_utime), seconds(usage.ru_stime))
  }
}
