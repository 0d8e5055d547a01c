import CSystem

/// Everything a command can reach: the keyspace, the settings, the reply writer, the clock, the statistics. It knows no
/// sockets; the server's loop and the tests feed it requests.
@safe struct Engine: ~Copyable {
  var keyspace: Keyspace
  var settings: Settings
  var reply = ReplyWriter()
  var statistics = Statistics()
  var clients = ClientTable()
  var network: Network
  var clock = LoopClock()
  let logger: Logger
  let memory: MemoryCounters
  let commands: CommandTable
  /// What reproduces the running command when the request itself does not; only kept while somebody listens.
  var reproduction: [[UInt8]]?
  /// The part of a transaction that EXEC is executing.
  var queuedBatch = RequestBatch()
  /// What the last transaction used, for the next one.
  var spareTransaction: UnsafeMutablePointer<Transaction>?
  /// When the running command began, in cycles: the end of the one before. The loop sets it when it starts executing.
  var commandStartCycles = cs_cycles()
  /// What INFO tells of the process and its memory; `refreshFacts` brings it up to date.
  var facts = ServerFacts()
  var persistence: PersistenceState
  var outOfMemoryScore = OutOfMemoryAdjustment()
  /// A snapshot is being loaded: only commands that do not need the data are run.
  var isLoading = false
  var watch = CommandWatch()
  var commandLogs = CommandLogs()
  var latency = LatencyMonitor()
  var monitors = Monitors()
  var hotKeys: HotKeys?
  var debugging = DebugState()
  var defragmenter = Defragmenter()
  /// Clients that CLIENT KILL ended: the loop closes them when the batch has run.
  var killedClients: [Client] = []
  var pause = ClientPause()
  var eviction = EvictionState()
  var clientMemory = ClientMemory()
  /// Set by SHUTDOWN; the loop looks at it after each turn.
  var shutdownRequest: ShutdownRequest?

  #if PLANTED_FAULTS
  var plantedFault: PlantedFault?
  #endif

  /// - Parameters:
  ///   - seed: keys the hash of all databases.
  ///   - nowMilliseconds: the time, in milliseconds since 1970.
  ///   - freer: shared by engines that come and go, since its thread never ends; nil: one of the engine's own.
  init(settings: Settings, seed: HashSeed, nowMilliseconds: Int, logger: Logger = Logger(level: .nothing),
    freer: BackgroundFreer? = nil)
    throws(SystemError)
  {
    let network = try Network()
    // Locals first: an autoclosure must not capture `self` while it is being made.
    let memory = MemoryCounters()
    memory.registerCurrentThread()
    let freer = freer ?? BackgroundFreer(counters: memory)
    keyspace = Keyspace(databaseCount: settings.databaseCount, seed: seed, freer: freer,
      nowMilliseconds: nowMilliseconds)
    persistence = PersistenceState(nowMilliseconds: nowMilliseconds)
    self.network = network
    self.settings = settings
    self.logger = logger
    commands = CommandTable(CommandTable.families, renamed: settings.renamedCommands)
    self.memory = memory
    unsafe spareTransaction = nil
    facts.startupMemoryBytes = memory.usedByteCount
    applyAccessClock()
    applyMemoryLimit()
    applyEvictionTenacity()
    applyCollectionLimits()
    updateWatch()
  }

  deinit {
    if let spare = unsafe spareTransaction { unsafe Self.free(spare) }
  }
}

extension CommandTable {
  static var families: [[CommandSpec]] {
    [
      StringCommand.rows, BitmapCommand.rows, ListCommand.rows, SetCommand.rows, HashCommand.rows,
      SortedSetCommand.rows, KeyCommand.rows, ConnectionCommand.rows, ClientCommand.rows, PersistenceCommand.rows,
      ServerCommand.rows,
      TransactionCommand.rows, ReplicationCommand.rows, ClusterCommand.rows, ModuleCommand.rows, ACLCommand.rows,
      ObservingCommand.rows,
    ]
  }

  /// What commands are called without `rename-command`.
  static var allNames: Set<String> { Set(families.joined().map { "\($0.name)" }) }
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
