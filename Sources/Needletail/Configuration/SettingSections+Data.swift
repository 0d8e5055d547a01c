// Settings of the data: memory, how collections are kept, files.

private let count = 0...Int(Int32.max)
private let size = 0...Int.max

extension SettingSection {
  static let memory = SettingSection(title: "Memory", specs: [
    SettingSpec("maxmemory", .memorySize(\.maxMemoryBytes, size), .mutable, .acceptedWithout,
      help: "Only 0 is accepted: nothing is evicted yet.",
      refusal: { $0.maxMemoryBytes > 0 ? "nothing is evicted yet: memory would grow beyond this limit" : nil }),
    SettingSpec("maxmemory-samples", .integer(\.later.eviction.samples, 1...64), .mutable, .acceptedWithout,
      help: "Keys among which the best one to evict is chosen."),
    SettingSpec("maxmemory-eviction-tenacity", .integer(\.later.eviction.tenacity, 0...100), .mutable,
      .acceptedWithout, help: "Redis: how long evicting may hold up commands."),
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
    SettingSpec("jemalloc-bg-thread", .yesNo(\.later.jemallocBackgroundThread), .mutable, .acceptedWithout,
      help: "Redis: let a thread of the allocator return memory."),
    SettingSpec("disable-thp", .yesNo(\.later.disablesHugePages), .immutable, .acceptedWithout,
      help: "Redis: do without transparent huge pages. See huge-pages."),
    SettingSpec("activedefrag", .yesNo(\.later.defragmentation.isActive), .mutable, .acceptedWithout,
      help: "Only 'no' is accepted: nothing is defragmented yet.",
      refusal: { $0.later.defragmentation.isActive ? "Active defragmentation is not there yet" : nil }),
    SettingSpec("active-defrag-cycle-max", .integer(\.later.defragmentation.cycleMaxPercent, 1...99), .mutable,
      .acceptedWithout, help: "The most of the time that defragmentation takes, in percent."),
    SettingSpec("active-defrag-cycle-min", .integer(\.later.defragmentation.cycleMinPercent, 1...99), .mutable,
      .acceptedWithout, help: "The least of the time that defragmentation takes, in percent."),
    SettingSpec("active-defrag-ignore-bytes", .memorySize(\.later.defragmentation.ignoreBytes, 1...Int.max), .mutable,
      .acceptedWithout, help: "Lost memory below which nothing is defragmented."),
    SettingSpec("active-defrag-max-scan-fields", .integer(\.later.defragmentation.maxScanFields, 1...Int.max),
      .mutable, .acceptedWithout, help: "Redis: elements above which a collection is defragmented in steps."),
    SettingSpec("active-defrag-threshold-lower", .integer(\.later.defragmentation.thresholdLowerPercent, 0...1000),
      .mutable, .acceptedWithout, help: "Fragmentation in percent at which defragmentation begins."),
    SettingSpec("active-defrag-threshold-upper", .integer(\.later.defragmentation.thresholdUpperPercent, 0...1000),
      .mutable, .acceptedWithout, help: "Fragmentation in percent at which it takes the most time."),
  ])

  static let collections = SettingSection(title: "Collections", specs: [
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
    SettingSpec("hll-sparse-max-bytes", .memorySize(\.later.hyperLogLogSparseMaxBytes, size), .mutable,
      .acceptedWithout, help: "The longest sparse HyperLogLog."),
    SettingSpec("stream-node-max-bytes", .memorySize(\.later.streamNodeMaxBytes, size), .mutable, .acceptedWithout,
      help: "The most bytes of a stream's node."),
    SettingSpec("stream-node-max-entries", .integer(\.later.streamNodeMaxEntries, size), .mutable, .acceptedWithout,
      help: "The most entries of a stream's node."),
    SettingSpec("vset-force-single-threaded-execution", .yesNo(\.later.vectorSetsSingleThreaded), .mutable,
      .acceptedWithout, help: "Redis: search vector sets on the event loop only."),
  ])

  static let persistence = SettingSection(title: "Persistence", specs: [
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
    SettingSpec("bgsave-cpulist", aliases: ["bgsave_cpulist"], .text(\.later.bgsaveCPUs), .immutable,
      .acceptedWithout, help: "Redis: CPUs for the process that saves."),
    SettingSpec("rdb-key-save-delay", .integer(\.later.rdbKeySaveDelayMicroseconds, Int(Int32.min)...Int(Int32.max)),
      .mutable, .acceptedWithout, isHidden: true, help: "Redis: make saving slow, for tests."),
    SettingSpec("key-load-delay", .integer(\.later.keyLoadDelayMicroseconds, Int(Int32.min)...Int(Int32.max)),
      .mutable, .acceptedWithout, isHidden: true, help: "Redis: make loading slow, for tests."),
    SettingSpec("loading-process-events-interval-bytes",
      .memorySize(\.later.loadingEventsIntervalBytes, 1024...Int(Int32.max)), .mutable, .acceptedWithout,
      isHidden: true, help: "Redis: serve clients after so many bytes of loading."),
  ])

  static let appendOnlyFile = SettingSection(title: "Append-only file", specs: [
    SettingSpec("appendonly", .yesNo(\.appendOnly), .mutable, .acceptedWithout,
      help: "Only 'no' is accepted: there is no append-only file yet.",
      refusal: {
        $0.appendOnly ? "there is no append-only file yet: 'yes' would promise durability that is not there" : nil
      }),
    SettingSpec("appendfilename", .text(\.later.appendOnly.fileName), .immutable, .acceptedWithout,
      help: "The beginning of the files' names.",
      refusal: {
        isFileName($0.later.appendOnly.fileName) ? nil : "appendfilename can't be a path, just a filename"
      }),
    SettingSpec("appenddirname", .text(\.later.appendOnly.directoryName), .immutable, .acceptedWithout,
      help: "The files' directory in 'dir'.",
      refusal: {
        isFileName($0.later.appendOnly.directoryName) ? nil : "appenddirname can't be a path, just a dirname"
      }),
    SettingSpec("appendfsync", .choice(\.later.appendOnly.fsync), .mutable, .acceptedWithout,
      help: "When what was written is sent on to the disk."),
    SettingSpec("no-appendfsync-on-rewrite", .yesNo(\.later.appendOnly.noFsyncOnRewrite), .mutable, .acceptedWithout,
      help: "Leave that out while the file is rewritten."),
    SettingSpec("auto-aof-rewrite-percentage", .integer(\.later.appendOnly.rewritePercentage, count), .mutable,
      .acceptedWithout, help: "Growth in percent after which the file is rewritten."),
    SettingSpec("auto-aof-rewrite-min-size", .memorySize(\.later.appendOnly.rewriteMinBytes, size, signed: true),
      .mutable, .acceptedWithout, help: "Size below which it is not."),
    SettingSpec("aof-load-truncated", .yesNo(\.later.appendOnly.loadTruncated), .mutable, .acceptedWithout,
      help: "Load a file that ends in the middle of a command."),
    SettingSpec("aof-use-rdb-preamble", .yesNo(\.later.appendOnly.rdbPreamble), .mutable, .acceptedWithout,
      help: "Begin a rewritten file with a snapshot."),
    SettingSpec("aof-timestamp-enabled", .yesNo(\.later.appendOnly.timestamps), .mutable, .acceptedWithout,
      help: "Write times into the file."),
    SettingSpec("aof-rewrite-incremental-fsync", .yesNo(\.later.appendOnly.rewriteIncrementalFsync), .mutable,
      .acceptedWithout, help: "Send a file that is rewritten on to the disk as it grows."),
    SettingSpec("aof-rewrite-cpulist", aliases: ["aof_rewrite_cpulist"], .text(\.later.appendOnly.rewriteCPUs),
      .immutable, .acceptedWithout, help: "Redis: CPUs for the process that rewrites."),
  ])
}

/// Large values are freed by a background thread whatever these say.
private func lazyfree(_ name: String, _ field: SettingSpec.Field<Bool>, _ occasion: String) -> SettingSpec {
  SettingSpec(name, .yesNo(field), .mutable, .acceptedWithout,
    help: "Redis: free values in the background \(occasion). Large ones always are here.")
}
