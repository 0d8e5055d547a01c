// INFO's sections on commands, errors and threads, and the fields of what this server has not got.

extension Engine {
  func appendCommandStats(_ text: inout InfoText) {
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

  func appendErrorStats(_ text: inout InfoText) {
    for entry in reply.errors.entriesByCode {
      text.field("errorstat_\(String(decoding: entry.code, as: UTF8.self))", "count=\(entry.count)")
    }
  }

  func appendLatencyStats(_ text: inout InfoText) {
    guard settings.latencyTracking else { return }
    for index in commands.indices {
      guard let latencies = commands.counters(index).latencies else { continue }
      let percentiles = settings.latencyPercentiles.map { percent in
        let microseconds = Double(latencies.percentile(percent)) / 1000
        return "p\(SettingText.shortDecimal(percent))=\(InfoText.fixed(microseconds, 3))"
      }
      text.field("latency_percentiles_usec_\(commands.fullName(index))", percentiles.joined(separator: ","))
    }
  }

  /// How many keys have what size: bytes of strings, elements of collections.
  func appendKeySizes(_ text: inout InfoText) {
    let names: [(ValueType, String)] = [
      (.string, "strings_sizes"), (.list, "lists_items"), (.set, "sets_items"), (.sortedSet, "zsets_items"),
      (.hash, "hashes_items"),
    ]
    for database in 0..<keyspace.databaseCount where keyspace.count(database: database) > 0 {
      for (type, name) in names {
        let bins = keyspace.sizes(database: database, type)
        guard !bins.isEmpty else { continue }
        text.field("db\(database)_distrib_\(name)",
          bins.map { "\(InfoText.shortPower($0.lowerBound))=\($0.count)" }.joined(separator: ","))
      }
    }
  }

  /// One thread serves all clients.
  func appendThreads(_ text: inout InfoText) {
    text.field("io_thread_0", "clients=\(clients.count),reads=\(statistics.reads),writes=\(statistics.writes)")
  }

  /// For those who work on the server; shown only when it is asked for by name.
  func appendDebug(_ text: inout InfoText) {
    text.field("eventloop_duration_aof_sum", 0)
    text.field("eventloop_duration_cron_sum", clock.microseconds(statistics.loop.cronCycles))
    text.field("eventloop_duration_max", statistics.loop.turnMaxMicroseconds)
    text.field("eventloop_cmd_per_cycle_max", statistics.loop.turnCommandsMax)
  }

  /// Nothing runs scripts.
  func appendScriptMemory(_ text: inout InfoText) {
    for name in ["used_memory_lua", "used_memory_vm_eval"] { text.field(name, 0) }
    text.field("used_memory_lua_human", InfoText.human(0))
    let names = [
      "used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions", "number_of_libraries",
      "used_memory_vm_functions",
    ]
    for name in names { text.field(name, 0) }
    text.bytes("used_memory_vm_total", 0)
    text.field("used_memory_functions", 0)
    text.bytes("used_memory_scripts", 0)
  }

  func appendDefragmentation(_ text: inout InfoText) {
    let now = keyspace.nowMilliseconds
    text.field("active_defrag_hits", defragmenter.walk.mover.hits)
    text.field("active_defrag_misses", defragmenter.walk.mover.misses)
    text.field("active_defrag_key_hits", defragmenter.walk.keyHits)
    text.field("active_defrag_key_misses", defragmenter.walk.keyMisses)
    text.field("total_active_defrag_time", defragmenter.totalMilliseconds(now))
    text.field("current_active_defrag_time", defragmenter.currentMilliseconds(now))
  }

  /// No keys are remembered for clients that cache them.
  func appendUnusedStats(_ text: inout InfoText) {
    let names = [
      "tracking_total_keys", "tracking_total_items",
      "tracking_total_prefixes",
    ]
    for name in names { text.field(name, 0) }
  }
}
