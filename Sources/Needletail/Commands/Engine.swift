/// Everything a command can reach: the keyspace, the settings, the reply writer, the clock, the statistics. It knows no
/// sockets; the server's loop and the tests feed it requests.
struct Engine: ~Copyable {
  var keyspace: Keyspace
  var settings: Settings
  var reply = ReplyWriter()
  var statistics = Statistics()
  /// What reproduces the running command when the request itself does not; only kept while somebody listens.
  var reproduction: [[UInt8]]?
  let commands = CommandTable([
    StringCommand.rows, KeyCommand.rows, ConnectionCommand.rows, ServerCommand.rows,
  ])
  let memory = MemoryCounters()

  /// - Parameter nowMilliseconds: the time, in milliseconds since 1970.
  init(settings: Settings, seed: HashSeed, nowMilliseconds: Int) {
    self.settings = settings
    memory.registerCurrentThread()
    keyspace = Keyspace(databaseCount: settings.databaseCount, seed: seed, freer: BackgroundFreer(counters: memory),
      nowMilliseconds: nowMilliseconds)
  }
}

/// Counters that INFO shows and CONFIG RESETSTAT clears.
struct Statistics {
  var commandsProcessed = 0
  var keyspaceHits = 0
  var keyspaceMisses = 0
  var expiredKeys = 0
}
