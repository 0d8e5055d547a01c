import CSystem

/// Everything a command can reach: the keyspace, the settings, the reply writer, the clock, the statistics. It knows no
/// sockets; the server's loop and the tests feed it requests.
struct Engine: ~Copyable {
  var keyspace: Keyspace
  var settings: Settings
  var reply = ReplyWriter()
  var statistics = Statistics()
  let commands = CommandTable([
    StringCommand.rows, KeyCommand.rows, ConnectionCommand.rows, ServerCommand.rows,
  ])
  /// What reproduces the running command when the request itself does not; only kept while somebody listens.
  var reproduction: [[UInt8]]?
  /// When the running command began, in cycles: the end of the one before. The loop sets it when it starts executing.
  var commandStartCycles = cs_cycles()

  /// What INFO tells of the process, the loop and the sockets.
  var facts: ServerFacts
  /// Brings `facts` up to date; called before INFO reads them.
  var refreshFacts: ((inout ServerFacts) -> Void)?
  /// Carries out what changed settings ask for outside the engine (listeners, limits, log level). When it answers with
  /// a failure, the old settings come back.
  var settingsChanged: ((_ names: [String], _ old: Settings, _ new: Settings) -> SettingFailure?)?
  /// Set by SHUTDOWN; the loop looks at it after each turn.
  var shutdownRequest: ShutdownRequest?

  /// - Parameter seed: keys the hash of all databases.
  init(settings: Settings, seed: HashSeed, freer: BackgroundFreer, nowMilliseconds: Int) {
    self.settings = settings
    keyspace = Keyspace(
      databaseCount: settings.databaseCount, seed: seed, freer: freer, nowMilliseconds: nowMilliseconds)
    facts = ServerFacts()
  }
}

/// Why a setting could not take effect, in Redis's words.
struct SettingFailure {
  let name: String
  let reason: String
}

/// How SHUTDOWN asks the server to end.
struct ShutdownRequest: Equatable {
  /// Does not wait for anything.
  var isNow = false
  /// Ends the server whatever fails on the way.
  var isForced = false
}
