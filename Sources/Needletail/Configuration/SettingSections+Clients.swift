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
    SettingSpec("maxmemory-clients", .memoryOrPercent(\.maxMemoryClients), .mutable, .acceptedWithout,
      help: "Disconnect the largest clients when all take more than this, or this part of maxmemory; 0 never."),
    SettingSpec("tracking-table-max-keys", .unsigned(\.later.trackingTableMaxKeys, size), .mutable, .acceptedWithout,
      help: "Keys that are remembered for clients that cache them."),
  ])

  static let observing = SettingSection(title: "Observing", specs: [
    SettingSpec("slowlog-log-slower-than", aliases: ["commandlog-execution-slower-than"],
      .integer(\.slowlogThresholdMicroseconds, -1...Int.max), .mutable, .acceptedWithout,
      help: "Commands that take more microseconds go into the slow log; 0 logs all, -1 none."),
    SettingSpec("slowlog-max-len", aliases: ["commandlog-slow-execution-max-len"], .integer(\.slowlogMaxLength, size),
      .mutable, .acceptedWithout, help: "Entries that the slow log keeps."),
    SettingSpec("slowlog-entry-max-argc", .integer(\.slowlogEntryMaxArguments, 2...Int(Int32.max)), .mutable,
      .acceptedWithout, help: "Arguments that an entry of the slow log shows."),
    SettingSpec("slowlog-entry-max-string-len", .integer(\.slowlogEntryMaxStringBytes, 1...Int(Int32.max)), .mutable,
      .acceptedWithout, help: "Bytes of an argument that an entry of the slow log shows."),
    SettingSpec("commandlog-request-larger-than", .integer(\.largeRequestThresholdBytes, -1...Int.max), .mutable,
      .acceptedWithout, help: "Requests of more bytes are logged; -1 logs none."),
    SettingSpec("commandlog-large-request-max-len", .integer(\.largeRequestLogMaxLength, size), .mutable,
      .acceptedWithout, help: "Entries that the log of large requests keeps."),
    SettingSpec("commandlog-reply-larger-than", .integer(\.largeReplyThresholdBytes, -1...Int.max), .mutable,
      .acceptedWithout, help: "Requests with a reply of more bytes are logged; -1 logs none."),
    SettingSpec("commandlog-large-reply-max-len", .integer(\.largeReplyLogMaxLength, size), .mutable,
      .acceptedWithout, help: "Entries that the log of large replies keeps."),
    SettingSpec("latency-monitor-threshold", .integer(\.latencyMonitorThresholdMilliseconds, size), .mutable,
      .acceptedWithout, help: "Keep events that take at least so many milliseconds for LATENCY; 0 keeps none."),
    SettingSpec("latency-tracking", .yesNo(\.latencyTracking), .mutable, .acceptedWithout,
      help: "Keep how long commands take, for INFO and LATENCY HISTOGRAM."),
    SettingSpec("latency-tracking-info-percentiles", .words(percentileWords), .mutable, .acceptedWithout,
      help: "The percentiles that INFO shows of it."),
    SettingSpec("key-memory-histograms", .yesNo(\.later.keyMemoryHistograms), .immutable, .acceptedWithout,
      help: "Redis 8.6: keep how large keys are, for INFO."),
  ])
}
