// Settings of clients, and of what is kept about what they do.

private let size = 0...Int.max
private let sizeOfAtLeast1MB = (1 << 20)...Int.max

extension SettingSection {
  static let clients = SettingSection(title: "Clients", specs: [
    SettingSpec("maxclients", .unsigned(\.maxClients, 1...Int(UInt32.max)),
      help: "Clients served at the same time; the limit of open files may allow fewer."),
    SettingSpec("proto-max-bulk-len", .memorySize(\.bulkLengthMaxBytes, sizeOfAtLeast1MB, signed: true),
      help: "The longest single argument a request may have."),
    SettingSpec("client-query-buffer-limit", .memorySize(\.queryBufferMaxBytes, sizeOfAtLeast1MB),
      help: "The most memory one client's unfinished requests may take."),
    SettingSpec("client-output-buffer-limit", .words(outputBufferWords),
      help: "Disconnect a client for which more than 'hard' bytes wait, or 'soft' bytes for some seconds."),
    .later("maxmemory-clients", .memoryOrPercent(\.maxMemoryClients),
      help: "Only 0 is accepted: the largest clients are not disconnected yet when all take more than this.",
      refusal: { $0.maxMemoryClients == 0 ? nil : "clients are not disconnected for their memory yet" }),
    .later("tracking-table-max-keys", .unsigned(\.later.trackingTableMaxKeys, size),
      help: "Keys that are remembered for clients that cache them."),
  ])

  static let observing = SettingSection(title: "Observing", specs: [
    SettingSpec("slowlog-log-slower-than", aliases: ["commandlog-execution-slower-than"],
      .integer(\.slowlogThresholdMicroseconds, -1...Int.max),
      help: "Commands that take more microseconds go into the slow log; 0 logs all, -1 none."),
    SettingSpec("slowlog-max-len", aliases: ["commandlog-slow-execution-max-len"], .integer(\.slowlogMaxLength, size),
      help: "Entries that the slow log keeps."),
    SettingSpec("slowlog-entry-max-argc", .integer(\.slowlogEntryMaxArguments, 2...Int(Int32.max)),
      help: "Arguments that an entry of the slow log shows."),
    SettingSpec("slowlog-entry-max-string-len", .integer(\.slowlogEntryMaxStringBytes, 1...Int(Int32.max)),
      help: "Bytes of an argument that an entry of the slow log shows."),
    SettingSpec("commandlog-request-larger-than", .integer(\.largeRequestThresholdBytes, -1...Int.max),
      help: "Requests of more bytes are logged; -1 logs none."),
    SettingSpec("commandlog-large-request-max-len", .integer(\.largeRequestLogMaxLength, size),
      help: "Entries that the log of large requests keeps."),
    SettingSpec("commandlog-reply-larger-than", .integer(\.largeReplyThresholdBytes, -1...Int.max),
      help: "Requests with a reply of more bytes are logged; -1 logs none."),
    SettingSpec("commandlog-large-reply-max-len", .integer(\.largeReplyLogMaxLength, size),
      help: "Entries that the log of large replies keeps."),
    SettingSpec("latency-monitor-threshold", .integer(\.latencyMonitorThresholdMilliseconds, size),
      help: "Keep events that take at least so many milliseconds for LATENCY; 0 keeps none."),
    SettingSpec("latency-tracking", .yesNo(\.latencyTracking),
      help: "Keep how long commands take, for INFO and LATENCY HISTOGRAM."),
    SettingSpec("latency-tracking-info-percentiles", .words(percentileWords),
      help: "The percentiles that INFO shows of it."),
    .later("key-memory-histograms", .yesNo(\.later.keyMemoryHistograms), .immutable,
      help: "Redis 8.6: keep how large keys are, for INFO."),
  ])
}
