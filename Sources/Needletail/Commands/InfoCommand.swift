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
  case server, clients, memory, persistence, threads, stats, replication, cpu, modules, commandstats, errorstats,
    latencystats, cluster, keyspace, keysizes, debug

  var title: String { self == .cpu ? "CPU" : rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

  /// Sections that have a line for each command are shown only on demand.
  var isDefault: Bool { self != .commandstats && self != .latencystats && self != .debug }

  /// What the arguments ask for; names that mean nothing ask for nothing.
  static func selected(by names: [String]) -> Set<InfoSection> {
    if names.isEmpty { return Set(allCases.filter(\.isDefault)) }
    var sections: Set<InfoSection> = []
    for name in names {
      switch name {
      // What is for those who work on the server is shown only by its name.
      case "all", "everything": sections.formUnion(allCases.filter { $0 != .debug })
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
    if count < 1024 || count >= 1 << 60 { return "\(count)B" }
    var value = Double(count) / 1024
    var unit = 0
    let units = ["K", "M", "G", "T", "P"]
    while value >= 1024 && unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return fixed(value, 2) + units[unit]
  }

  /// A power of two, or 0: `512`, `1K`, `2M`.
  static func shortPower(_ value: Int) -> String {
    let units = ["", "K", "M", "G", "T", "P", "E"]
    let unit = value == 0 ? 0 : value.trailingZeroBitCount / 10
    return "\(value >> (unit * 10))\(units[unit])"
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
    let report = selected.contains(.memory) ? memoryReport() : nil
    var text = InfoText()
    for section in InfoSection.allCases where selected.contains(section) {
      text.section(section)
      switch section {
      case .server: appendServer(&text)
      case .clients: appendClients(&text)
      case .memory: if let report { appendMemory(report, &text) }
      case .persistence: appendPersistence(&text)
      case .threads: appendThreads(&text)
      case .stats: appendStats(&text)
      case .replication: appendReplication(&text)
      case .cpu: appendCPU(&text)
      case .modules: break
      case .commandstats: appendCommandStats(&text)
      case .errorstats: appendErrorStats(&text)
      case .latencystats: appendLatencyStats(&text)
      case .cluster: text.field("cluster_enabled", 0)
      case .keyspace: appendKeyspace(&text)
      case .keysizes: appendKeySizes(&text)
      case .debug: appendDebug(&text)
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
    text.field("monotonic_clock", "X86 TSC @ \(Int(1000 / clock.nanosecondsPerCycle)) ticks/us")
    text.field("multiplexing_api", "epoll")
    text.field("atomicvar_api", "atomic-builtin")
    text.field("process_id", getpid())
    text.field("process_supervised", facts.serviceManager.rawValue)
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
    let recent = statistics.recentBuffers.maxima(Int(keyspace.nowSeconds))
    text.field("connected_clients", clients.count)
    text.field("cluster_connections", 0)
    text.field("maxclients", settings.maxClients)
    text.field("client_recent_max_input_buffer", recent.input)
    text.field("client_recent_max_output_buffer", recent.output)
    text.field("blocked_clients", pause.clientCount)
    text.field("tracking_clients", 0)
    text.field("pubsub_clients", 0)
    text.field("watching_clients", keyspace.effects.watchedKeys.watcherCount)
    text.field("clients_in_timeout_table", 0)
    text.field("total_watched_keys", keyspace.effects.watchedKeys.keyCount)
    text.field("total_blocking_keys", 0)
    text.field("total_blocking_keys_on_nokey", 0)
  }

  private func appendMemory(_ report: MemoryReport, _ text: inout InfoText) {
    let used = report.usedBytes
    let peak = report.peakBytes
    let resident = report.residentBytes
    text.bytes("used_memory", used)
    text.bytes("used_memory_rss", resident)
    text.bytes("used_memory_peak", peak)
    if let seconds = facts.usedMemoryPeakSeconds { text.field("used_memory_peak_time", seconds) }
    text.field("used_memory_peak_perc", InfoText.fixed(100 * Double(used) / Double(max(peak, 1)), 2) + "%")
    text.field("used_memory_overhead", report.overheadBytes)
    text.field("used_memory_startup", report.startupBytes)
    text.field("used_memory_dataset", report.datasetBytes)
    text.field("used_memory_dataset_perc", InfoText.fixed(report.datasetPercentage, 2) + "%")
    if let allocator = report.allocator {
      text.field("allocator_allocated", allocator.allocatedBytes)
      text.field("allocator_active", allocator.activeBytes)
      text.field("allocator_resident", allocator.residentBytes)
      text.field("allocator_muzzy", allocator.muzzyBytes)
    }
    text.bytes("total_system_memory", SystemFacts.memoryBytes)
    appendScriptMemory(&text)
    text.bytes("maxmemory", eviction.limitBytes)
    text.field("maxmemory_policy", settings.evictionPolicy.rawValue)
    if let allocator = report.allocator {
      text.decimal("allocator_frag_ratio", allocator.fragmentationRatio, digits: 2)
      text.field("allocator_frag_bytes", allocator.fragmentationBytes)
      text.decimal("allocator_rss_ratio", allocator.residentRatio, digits: 2)
      text.field("allocator_rss_bytes", allocator.idleBytes)
      text.decimal("rss_overhead_ratio", MemoryReport.ratio(resident, allocator.residentBytes), digits: 2)
      text.field("rss_overhead_bytes", resident - allocator.residentBytes)
    }
    text.decimal("mem_fragmentation_ratio", MemoryReport.ratio(resident, used), digits: 2)
    text.field("mem_fragmentation_bytes", resident - used)
    text.field("mem_not_counted_for_evict", uncountedMemoryBytes)
    text.field("mem_replication_backlog", 0)
    text.field("mem_total_replication_buffers", 0)
    text.field("mem_replica_full_sync_buffer", 0)
    text.field("mem_clients_slaves", 0)
    text.field("mem_clients_normal", report.clientBytes)
    text.field("mem_cluster_links", 0)
    text.field("mem_aof_buffer", 0)
    text.field("mem_allocator", facts.allocatorName)
    text.field("mem_overhead_db_hashtable_rehashing", 0)
    text.field("active_defrag_running", defragmenter.percent)
    text.field("lazyfree_pending_objects", facts.pendingFreeCount)
    text.field("lazyfreed_objects", facts.freedCount)
  }

  private func appendStats(_ text: inout InfoText) {
    text.field("total_connections_received", statistics.connectionsReceived)
    text.field("total_commands_processed", statistics.commandsProcessed)
    text.field("instantaneous_ops_per_sec", Int(statistics.rates.commands.perSecond))
    text.field("total_net_input_bytes", statistics.inputBytes)
    text.field("total_net_output_bytes", statistics.outputBytes)
    text.field("total_net_repl_input_bytes", 0)
    text.field("total_net_repl_output_bytes", 0)
    text.decimal("instantaneous_input_kbps", statistics.rates.inputBytes.perSecond / 1024, digits: 2)
    text.decimal("instantaneous_output_kbps", statistics.rates.outputBytes.perSecond / 1024, digits: 2)
    text.decimal("instantaneous_input_repl_kbps", 0, digits: 2)
    text.decimal("instantaneous_output_repl_kbps", 0, digits: 2)
    text.field("rejected_connections", statistics.connectionsRejected)
    text.field("sync_full", 0)
    text.field("sync_partial_ok", 0)
    text.field("sync_partial_err", 0)
    text.field("expired_subkeys", 0)
    text.field("expired_keys", keyspace.expiryStatistics.expiredKeys)
    text.decimal("expired_stale_perc", 0, digits: 2)
    text.field("expired_time_cap_reached_count", statistics.loop.expiryCuts)
    text.field("expire_cycle_cpu_milliseconds", clock.microseconds(statistics.loop.expiryCycles) / 1000)
    appendExpiryFields(&text)
    text.field("evicted_keys", keyspace.evictedKeys)
    text.field("evicted_clients", statistics.evictedClients)
    text.field("evicted_scripts", 0)
    let exceeded = currentExceededMilliseconds
    text.field("total_eviction_exceeded_time", statistics.evictionExceededMilliseconds + exceeded)
    text.field("current_eviction_exceeded_time", exceeded)
    text.field("keyspace_hits", statistics.keyspaceHits)
    text.field("keyspace_misses", statistics.keyspaceMisses)
    text.field("pubsub_channels", 0)
    text.field("pubsub_patterns", 0)
    text.field("pubsubshard_channels", 0)
    text.field("latest_fork_usec", 0)
    text.field("total_forks", 0)
    text.field("migrate_cached_sockets", 0)
    text.field("slave_expires_tracked_keys", 0)
    appendDefragmentation(&text)
    appendUnusedStats(&text)
    text.field("unexpected_error_replies", 0)
    text.field("total_error_replies", reply.errors.total)
    text.field("dump_payload_sanitizations", 0)
    text.field("total_reads_processed", statistics.reads)
    text.field("total_writes_processed", statistics.writes)
    text.field("io_threaded_reads_processed", 0)
    text.field("io_threaded_writes_processed", 0)
    text.field("io_threaded_total_prefetch_batches", 0)
    text.field("io_threaded_total_prefetch_entries", 0)
    text.field("client_query_buffer_limit_disconnections", statistics.queryBufferDisconnections)
    text.field("client_output_buffer_limit_disconnections", statistics.outputBufferDisconnections)
    text.field("reply_buffer_shrinks", 0)
    text.field("reply_buffer_expands", 0)
    text.field("eventloop_cycles", statistics.loop.turns)
    text.field("eventloop_duration_sum", clock.microseconds(statistics.loop.turnCycles))
    text.field("eventloop_duration_cmd_sum", clock.microseconds(statistics.loop.commandCycles))
    text.field("instantaneous_eventloop_cycles_per_sec", Int(statistics.rates.turns.perSecond))
    text.field("instantaneous_eventloop_duration_usec", statistics.rates.turnMicroseconds(clock))
    text.field("acl_access_denied_auth", statistics.authenticationFailures)
    text.field("acl_access_denied_cmd", 0)
    text.field("acl_access_denied_key", 0)
    text.field("acl_access_denied_channel", 0)
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
    text.field("master_replid", facts.replicationID)
    text.field("master_replid2", String(repeating: "0", count: 40))
    text.field("master_repl_offset", 0)
    text.field("second_repl_offset", -1)
    text.field("repl_backlog_active", 0)
    text.field("repl_backlog_size", settings.later.replication.backlogBytes)
    text.field("repl_backlog_first_byte_offset", 0)
    text.field("repl_backlog_histlen", 0)
  }

  private func appendCPU(_ text: inout InfoText) {
    for (scope, suffix) in [(SystemFacts.UsageScope.process, ""), (.children, "_children"), (.thread, "_main_thread")] {
      let usage = SystemFacts.cpuSeconds(scope)
      text.decimal("used_cpu_sys\(suffix)", usage.system, digits: 6)
      text.decimal("used_cpu_user\(suffix)", usage.user, digits: 6)
    }
  }

  private mutating func appendKeyspace(_ text: inout InfoText) {
    for database in 0..<keyspace.databaseCount {
      let count = keyspace.count(database: database)
      guard count > 0 else { continue }
      let expires = keyspace.expiresCount(database: database)
      let averageTTL = keyspace.averageTimeLeft(database: database)
      text.field("db\(database)", "keys=\(count),expires=\(expires),avg_ttl=\(averageTTL),subexpiry=0")
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
