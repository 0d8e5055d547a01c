import Glibc

// DEBUG: for tests and for people who look into the server. `enable-debug-command` says who may use it.

extension ServerCommand {
  static let debugRows: [CommandSpec] = [
    CommandSpec(
      // It may sleep: what comes after it must not see the time before.
      id: .server(.debug), name: "debug", arity: -2,
      flags: [.admin, .noscript, .loading, .stale, .protected, .endsBatch],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: "Helps to test the server and to look into it.",
        since: "1.0.0", group: "server", complexity: "by subcommand", flags: ["syscmd"]))
  ]
}

extension Engine {
  mutating func debugCommand(_ request: Request) {
    let name = request[1]
    let count = request.count
    if name.equalsIgnoringCase("help") && count == 2 {
      debugHelp()
    } else if name.equalsIgnoringCase("sleep") && count == 3 {
      debugSleep(request)
    } else if name.equalsIgnoringCase("object") && count == 3 {
      debugObject(request)
    } else if name.equalsIgnoringCase("digest") && count == 2 {
      reply.simple(keyspace.digest().description)
    } else if name.equalsIgnoringCase("digest-value") {
      debugDigestValue(request)
    } else if name.equalsIgnoringCase("reload") {
      debugReload(request)
    } else if name.equalsIgnoringCase("config-rewrite-force-all") && count == 2 {
      configRewriteCommand(writesAll: true)
    } else if name.equalsIgnoringCase("set-active-expire") && count == 3 {
      keyspace.isExpiryActive = unsafe strtol(request[2].string, nil, 10) != 0
      reply.ok()
    } else if name.equalsIgnoringCase("stringmatch-len") && count == 4 {
      reply.integer(GlobPattern(request[2]).matches(request[3]) ? 1 : 0)
    } else if !debugCrashing(request) && !debugFreezing(request) && !debugTesting(request) {
      rejectSubcommandArguments(request, of: "DEBUG")
    }
  }

  /// DEBUG SLEEP seconds: nobody is served meanwhile. What is no number is none.
  private mutating func debugSleep(_ request: Request) {
    let seconds = unsafe strtod(request[2].string, nil)
    if seconds > 0 && seconds < 1e9 {
      let microseconds = Int(seconds * 1e6)
      var time = timespec(tv_sec: microseconds / 1_000_000, tv_nsec: microseconds % 1_000_000 * 1000)
      // The watchdog's timer interrupts it: what is left is slept as well.
      var rest = timespec()
      while unsafe nanosleep(&time, &rest) != 0 && errno == EINTR { time = rest }
    }
    reply.ok()
  }

  /// DEBUG RELOAD [NOSAVE] [NOFLUSH] [MERGE]
  private mutating func debugReload(_ request: Request) {
    var saves = true
    var flushes = true
    var merges = false
    for index in stride(from: 2, to: request.count, by: 1) {
      if request[index].equalsIgnoringCase("nosave") {
        saves = false
      } else if request[index].equalsIgnoringCase("noflush") {
        flushes = false
      } else if request[index].equalsIgnoringCase("merge") {
        merges = true
      } else {
        return reply.error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
      }
    }
    endBackgroundSave()
    guard !saves || saveSnapshot() else { return reply.error("ERR") }
    if flushes { for database in 0..<keyspace.databaseCount { keyspace.flush(database: database) } }
    guard loadSnapshot(merges: merges) else {
      return reply.error("ERR Error trying to load the RDB dump, check server logs.")
    }
    reply.ok()
  }

  /// DEBUG OBJECT key
  private mutating func debugObject(_ request: Request) {
    let found = keyspace.find(request.key(2, keyspace.seed), in: request.client.database)
    guard let entry = found.entry else { return reply.noSuchKey() }
    let line = unsafe """
      Value at:0x\(String(UInt(bitPattern: entry.raw), radix: 16)) refcount:1 encoding:\(entry.encodingName) \
      serializedlength:\(entry.serializedCount) lru:\(keyspace.clock.lruField(entry)) \
      lru_seconds_idle:\(keyspace.clock.idleSeconds(entry))
      """
    reply.simple(line)
  }

  /// DEBUG DIGEST-VALUE [key ...]
  private mutating func debugDigestValue(_ request: Request) {
    reply.array(request.count - 2)
    for index in stride(from: 2, to: request.count, by: 1) {
      let found = keyspace.find(request.key(index, keyspace.seed), in: request.client.database)
      reply.simple((found.entry?.valueDigest ?? Digest()).description)
    }
  }

  private mutating func debugHelp() {
    reply.help(
      "DEBUG",
      [
        "ASSERT", "    End by a failed check, with a crash report.",
        "CHANGE-REPL-ID", "    Give the data another replication ID.",
        "CONFIG-REWRITE-FORCE-ALL", "    As CONFIG REWRITE, and write settings with their defaults too.",
        "DEFRAG <0|1>", "    With 1, defragmentation moves everything, all the time.",
        "DICT-RESIZING 1", "    Changes nothing: tables always grow and shrink, a little at a time.",
        "DIGEST", "    Return a digest of all data: the same data have the same, in Redis too.",
        "DIGEST-VALUE [<key> ...]", "    Return a digest for each value.",
        "ERROR <text>", "    Answer with this error.",
        "FREEZE", "    Open a view of all data, as a background save does. Return the number of segments.",
        "FREEZE-CANCEL", "    Walk what is left of that view without reading it, and close it.",
        "FREEZE-STEP <units>", "    Walk on by <units> units, and close the view at its end. Return the keys visited so far.",
        "HTSTATS <database>", "    Return the size of a database's table.",
        "HTSTATS-KEY <key>", "    Log the size of a large hash or set.",
        "LIMBO", "    Return the bytes that were let go and that a view still keeps from being freed.",
        "LISTPACK <key>", "    Log the size of a small collection.",
        "LOG <text>", "    Write this to the log.",
        "OBJECT <key>", "    Tell how a value is kept.",
        "PANIC", "    End by SIGABRT, with a crash report.",
        "PAUSE-CRON <0|1>", "    With 1, housekeeping stands still.",
        "POPULATE <count> [<prefix>] [<size>]", "    Make strings called <prefix>:<number>, of <size> bytes.",
        "PROTOCOL <type>", "    Answer with an example of this type: string, integer, double, bignum, null, array, set,",
        "    map, attrib, push, verbatim, true, false.",
        "QUICKLIST <key>", "    Log the size of a large list.",
        "QUICKLIST-PACKED-THRESHOLD <size>", "    Elements of lists of this size and more share their nodes with no others;",
        "    0: only those that are longer than a node.",
        "RELOAD [NOSAVE] [NOFLUSH] [MERGE]", "    Save a snapshot, forget all data and load it again. NOSAVE: load the",
        "    one there is; NOFLUSH: beside the data there are; MERGE: keys that are there already are replaced.",
        "REPLYBUFFER <PEAK-RESET-TIME|RESIZING> <value>", "    Changes nothing here: clients have no reply buffers.",
        "SEGFAULT", "    End by SIGSEGV, with a crash report.",
        "SET-ACTIVE-EXPIRE <0|1>", "    With 0, keys that have expired go only when they are asked for.",
        "SLEEP <seconds>", "    Serve nobody for <seconds>, which may be a fraction.",
        "STRINGMATCH-LEN <pattern> <string>", "    Tell whether <string> matches the glob-style <pattern>.",
      ])
  }
}

extension Entry {
  /// The bytes of the value in an RDB file, uncompressed. Complexity: O(n).
  fileprivate var serializedCount: Int {
    let options = RDBWriterOptions(compresses: false, computesChecksum: false)
    var writer = RDBWriter(CountingSink(), options)
    writer.wholeValue(self)
    return writer.sink.byteCount + writer.bufferedBytes.count
  }
}

/// Counts what is written and keeps nothing.
private struct CountingSink: RDBSink {
  var byteCount = 0
  mutating func write(_ bytes: ByteView) { byteCount += bytes.count }
}
