/// The settings that belong together, in the order in which help and the sample file show them.
struct SettingSection: Sendable {
  let title: String
  let specs: [SettingSpec]
}

let settingSpecs: [SettingSpec] = settingSections.flatMap(\.specs)

private let count = 0...Int(Int32.max)
private let size = 0...Int.max
private let sizeOfAtLeast1MB = (1 << 20)...Int.max

let settingSections: [SettingSection] = [
  SettingSection(title: "Network", specs: [
    SettingSpec("port", .integer(\.port, 0...65535),
      help: "TCP port to listen on; 0 turns TCP off."),
    SettingSpec("bind", .words(bindWords),
      help: "Addresses to listen on: * is any IPv4 address, ::* any IPv6 one; with a - before it, one may be missing."),
    SettingSpec("protected-mode", .yesNo(\.protectedMode),
      help: "Refuse clients from other machines as long as there is no password."),
    SettingSpec("unixsocket", .text(\.unixSocketPath), .immutable,
      help: "Path of a Unix socket to listen on as well; empty for none.",
      refusal: { $0.unixSocketPath.utf8.count > 107 ? "a Unix socket's path has at most 107 bytes" : nil }),
    SettingSpec("unixsocketperm", .octal(\.unixSocketPermissions, 0...0o777), .immutable,
      help: "Permissions of the Unix socket in octal; 0 leaves them to the umask."),
    SettingSpec("tcp-backlog", .integer(\.tcpBacklog, count), .immutable,
      help: "Connections the system may queue before they are accepted (net.core.somaxconn limits it too)."),
    SettingSpec("tcp-keepalive", .integer(\.tcpKeepaliveSeconds, count),
      help: "Seconds of silence after which the system probes whether a client is still there; 0 never asks."),
    SettingSpec("timeout", .integer(\.clientTimeoutSeconds, count),
      help: "Seconds after which an idle client is disconnected; 0 lets it stay."),
  ]),

  SettingSection(title: "General", specs: [
    SettingSpec("dir", .directory(\.directory), .protected,
      help: "Working directory: relative paths start here, and data files are written here."),
    SettingSpec("databases", .integer(\.databaseCount, 1...Int(Int32.max)), .immutable,
      help: "Number of databases that SELECT can choose from."),
    SettingSpec("pidfile", .text(\.pidFile), .immutable,
      help: "File that holds the process's id while the server runs; empty for none."),
    SettingSpec("loglevel", .choice(\.logLevel),
      help: "The least important messages to log."),
    SettingSpec("logfile", .text(\.logFile), .immutable,
      help: "File to append the log to; empty logs to standard output."),
    SettingSpec("hz", .integer(\.hz, count, clampedTo: 1...500),
      help: "How often a second the server looks after idle clients and other chores (1 to 500)."),
    SettingSpec("dynamic-hz", .yesNo(\.dynamicHz), .mutable, .acceptedWithout,
      help: "Redis: raise hz with the number of clients."),
    SettingSpec("daemonize", .yesNo(\.daemonize), .immutable,
      help: "Only 'no' is accepted: the server stays in the foreground.",
      refusal: { $0.daemonize ? "this server does not put itself into the background; use a service manager" : nil }),
    SettingSpec("supervised", .choice(\.supervision), .immutable, .acceptedWithout,
      help: "Redis: tell systemd or upstart when the server is ready."),
    SettingSpec("set-proc-title", .yesNo(\.setsProcessTitle), .immutable, .acceptedWithout,
      help: "Redis: show address and mode in the process list."),
    SettingSpec("always-show-logo", .yesNo(\.alwaysShowsLogo), .immutable, .acceptedWithout,
      help: "Redis: start the log with a picture even where nobody sees it."),
  ]),

  SettingSection(title: "Security", specs: [
    SettingSpec("requirepass", .bytes(\.password),
      help: "Password that clients must give (AUTH) before anything else; empty asks for none."),
    SettingSpec("enable-protected-configs", .choice(\.protectedConfigs), .immutable,
      help: "Who may change protected settings with CONFIG SET: no one, everyone, or local clients."),
    SettingSpec("enable-debug-command", .choice(\.debugCommand), .immutable,
      help: "Who may use DEBUG, which can hold the server up: no one, everyone, or local clients."),
  ]),

  SettingSection(title: "Clients", specs: [
    SettingSpec("maxclients", .unsigned(\.maxClients, 1...Int(UInt32.max)),
      help: "Clients served at the same time; the limit of open files may allow fewer."),
    SettingSpec("proto-max-bulk-len", .memorySize(\.bulkLengthMaxBytes, sizeOfAtLeast1MB),
      help: "The longest single argument a request may have."),
    SettingSpec("client-query-buffer-limit", .memorySize(\.queryBufferMaxBytes, sizeOfAtLeast1MB),
      help: "The most memory one client's unfinished requests may take."),
    SettingSpec("maxmemory-clients", .memoryOrPercent(\.maxMemoryClients),
      help: "The most memory all clients may take, in bytes or % of maxmemory: the largest are disconnected; 0: no limit."),
    SettingSpec("client-output-buffer-limit", .words(outputBufferWords),
      help: "Disconnect a client for which more than 'hard' bytes wait, or 'soft' bytes for some seconds."),
  ]),

  SettingSection(title: "Memory", specs: [
    SettingSpec("huge-pages", .yesNo(\.hugePages), .immutable,
      help: "Ask the system for 2 MB pages for the data: faster with many keys, but memory is returned more coarsely."),
    SettingSpec("maxmemory-policy", .choice(\.evictionPolicy),
      help: "What to evict when memory is full; an -lfu policy counts uses of a key, others note its last use."),
    SettingSpec("lfu-log-factor", .integer(\.lfuLogFactor, count),
      help: "How many uses raise an LFU counter by one: more with a larger factor."),
    SettingSpec("lfu-decay-time", .integer(\.lfuDecayMinutes, count),
      help: "Minutes after which an unused key's LFU counter falls by one; 0 never lowers it."),
    lazyfree("lazyfree-lazy-eviction", \.lazyfreeEviction, "on eviction"),
    lazyfree("lazyfree-lazy-expire", \.lazyfreeExpire, "on expiry"),
    lazyfree("lazyfree-lazy-server-del", \.lazyfreeServerDel, "when a command overwrites them"),
    lazyfree("lazyfree-lazy-user-del", \.lazyfreeUserDel, "by DEL"),
    lazyfree("lazyfree-lazy-user-flush", \.lazyfreeUserFlush, "by FLUSHDB and FLUSHALL"),
  ]),

  SettingSection(title: "Collections", specs: [
    SettingSpec("hash-max-listpack-entries", aliases: ["hash-max-ziplist-entries"], .unsigned(\.collections.hashEntries, size),
      help: "Hashes with more fields are not packed."),
    SettingSpec("hash-max-listpack-value", aliases: ["hash-max-ziplist-value"], .memorySize(\.collections.hashBytes, size),
      help: "Hashes with a longer field or value are not packed."),
    SettingSpec("list-max-listpack-size", aliases: ["list-max-ziplist-size"],
      .integer(\.collections.listSize, Int(Int32.min)...Int(Int32.max)),
      help: "Elements of a list's node; -1 to -5 for 4, 8, 16, 32 or 64 KiB."),
    SettingSpec("list-compress-depth", .integer(\.listCompressDepth, count), .mutable, .acceptedWithout,
      help: "Redis: nodes at a list's ends that are left uncompressed."),
    SettingSpec("set-max-intset-entries", .unsigned(\.collections.setIntegers, size),
      help: "Sets of more integers are not kept as sorted integers."),
    SettingSpec("set-max-listpack-entries", .unsigned(\.collections.setEntries, size),
      help: "Sets with more members are not packed."),
    SettingSpec("set-max-listpack-value", .unsigned(\.collections.setBytes, size),
      help: "Sets with a longer member are not packed."),
    SettingSpec("zset-max-listpack-entries", aliases: ["zset-max-ziplist-entries"],
      .unsigned(\.collections.sortedSetEntries, size),
      help: "Sorted sets with more members are not packed."),
    SettingSpec("zset-max-listpack-value", aliases: ["zset-max-ziplist-value"],
      .memorySize(\.collections.sortedSetBytes, size),
      help: "Sorted sets with a longer member are not packed."),
  ]),

  SettingSection(title: "Persistence", specs: [
    SettingSpec("save", .words(saveWords),
      help: "Save in the background after so many seconds with so many changes, and at the end of the server."),
    SettingSpec("stop-writes-on-bgsave-error", .yesNo(\.stopWritesOnBgsaveError),
      help: "Refuse writes after a background save failed, while there are save points."),
    SettingSpec("snapshot-limbo-limit", .memorySize(\.snapshotLimboLimitBytes, 0...Int.max),
      help: "Cancel a background save that keeps more than this from being freed; 0: half of the machine's memory."),
    SettingSpec("dbfilename", .text(\.dbFilename), .protected,
      help: "Name of the snapshot file in 'dir'.",
      refusal: {
        $0.dbFilename.isEmpty || $0.dbFilename.contains("/") ? "dbfilename can't be a path, just a filename" : nil
      }),
    SettingSpec("rdbcompression", .yesNo(\.rdbCompression),
      help: "Compress strings in snapshots and DUMP payloads where that makes them shorter."),
    SettingSpec("rdbchecksum", .yesNo(\.rdbChecksum), .immutable,
      help: "End snapshots with a checksum, and verify that of those that are loaded."),
    SettingSpec("rdb-save-incremental-fsync", .yesNo(\.rdbSaveIncrementalFsync),
      help: "Send a snapshot on to the disk every 4 MB while it is being written, not only at its end."),
    SettingSpec("rdb-del-sync-files", .yesNo(\.rdbDelSyncFiles), .mutable, .acceptedWithout,
      help: "Redis: delete snapshots that were written for a replica only. None are."),
    SettingSpec("sanitize-dump-payload", .choice(\.sanitizeDumpPayload), .mutable, .acceptedWithout,
      help: "Redis: look through RESTORE payloads and snapshots in depth. Everything is checked always."),
    SettingSpec("appendonly", .yesNo(\.appendOnly), .mutable, .acceptedWithout,
      help: "Only 'no' is accepted: there is no append-only file yet.",
      refusal: {
        $0.appendOnly ? "there is no append-only file yet: 'yes' would promise durability that is not there" : nil
      }),
  ]),
]

/// Large values are freed by a background thread whatever these say.
private func lazyfree(_ name: String, _ field: SettingSpec.Field<Bool>, _ occasion: String) -> SettingSpec {
  SettingSpec(name, .yesNo(field), .mutable, .acceptedWithout,
    help: "Redis: free values in the background \(occasion). Large ones always are here.")
}

private let bindWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    guard words.count <= 16 else { throw InvalidValue(reason: "Too many bind addresses specified.") }
    settings.bindAddresses = words
  },
  get: { $0.bindAddresses.joined(separator: " ") },
  form: "address ..."
)

private let saveWords = SettingSpec.WordList(
  set: { (words, settings, isAdding) throws(InvalidValue) in
    let numbers = words.map { Int($0) ?? -1 }
    guard numbers.count % 2 == 0 else { throw InvalidValue(reason: "Invalid save parameters") }
    var points: [SavePoint] = []
    for index in stride(from: 0, to: numbers.count, by: 2) {
      let point = SavePoint(seconds: numbers[index], changes: numbers[index + 1])
      guard point.seconds >= 1, point.changes >= 0 else { throw InvalidValue(reason: "Invalid save parameters") }
      points.append(point)
    }
    // `save ""` forgets what earlier lines said; the first line of all forgets the defaults.
    let isAddition = isAdding && !points.isEmpty && !settings.savePointsAreDefaults
    settings.savePoints = isAddition ? settings.savePoints + points : points
    settings.savePointsAreDefaults = false
  },
  get: { $0.savePoints.map { "\($0.seconds) \($0.changes)" }.joined(separator: " ") },
  form: "seconds changes ..."
)

/// Classes that are not named keep their limits.
private let outputBufferWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    guard words.count % 4 == 0 else {
      throw InvalidValue(reason: "Wrong number of arguments in buffer limit configuration.")
    }
    for start in stride(from: 0, to: words.count, by: 4) {
      let field: WritableKeyPath<OutputBufferLimits, OutputBufferLimit>
      switch SettingText.lowercased(Array(words[start].utf8)) {
      case "normal": field = \.normal
      case "slave", "replica": field = \.replica
      case "pubsub": field = \.pubsub
      default: throw InvalidValue(reason: "Invalid client class specified in buffer limit configuration.")
      }
      guard let hard = SettingText.memorySize(Array(words[start + 1].utf8)),
        let soft = SettingText.memorySize(Array(words[start + 2].utf8)),
        let seconds = Int(words[start + 3]), seconds >= 0
      else {
        throw InvalidValue(reason: "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
      }
      settings.outputBufferLimits[keyPath: field] = OutputBufferLimit(
        hardBytes: hard, softBytes: soft, softSeconds: seconds)
    }
  },
  get: {
    let limits = $0.outputBufferLimits
    return [("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.pubsub)]
      .map { "\($0) \($1.hardBytes) \($1.softBytes) \($1.softSeconds)" }.joined(separator: " ")
  },
  form: "class hard soft seconds ..."
)
