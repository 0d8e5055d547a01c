/// Everything a command can reach: the keyspace, the settings, the reply writer, the clock, the statistics. It knows no
/// sockets; the server's loop and the tests feed it requests.
struct Engine: ~Copyable {
  var keyspace: Keyspace
  var reply = ReplyWriter()
  var statistics = Statistics()
  /// What reproduces the running command when the request itself does not; only kept while somebody listens.
  var reproduction: [[UInt8]]?
}

/// Counters that INFO shows and CONFIG RESETSTAT clears.
struct Statistics {
  var commandsProcessed = 0
  var keyspaceHits = 0
  var keyspaceMisses = 0
  var expiredKeys = 0
}
