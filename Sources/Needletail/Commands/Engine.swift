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

  init(settings: Settings, seed: HashSeed) {
    self.settings = settings
    keyspace = Keyspace(seed: seed, databaseCount: settings.databaseCount)
  }
}

/// Counters that INFO shows and CONFIG RESETSTAT clears.
struct Statistics {
  var commandsProcessed = 0
  var keyspaceHits = 0
  var keyspaceMisses = 0
  var expiredKeys = 0
}

extension Engine {
  /// Looks argument `index` up for reading: counts a hit or a miss and moves the access clock.
  mutating func lookupRead(_ request: Request, _ index: Int) -> Found { fatalError() }
  /// Looks argument `index` up for writing: moves the access clock, counts nothing.
  mutating func lookupWrite(_ request: Request, _ index: Int) -> Found { fatalError() }
  /// Replies with a string value (pins large ones).
  mutating func replyString(_ entry: Entry) { fatalError() }
  /// The one place where a write handler tells what it did.
  mutating func report(_ eventClass: EventClass, _ event: StaticString, _ found: Found, lengthBefore: Int, lengthAfter: Int) {}
  /// Replaces the command that reproduces the running command's effect (by default the request itself).
  /// `build` runs only when somebody listens.
  mutating func reproduce(as build: (inout CommandBuilder) -> Void) {}
}

enum EventClass: UInt8 { case generic, string, list, set, hash, sortedSet, expired, evicted, stream, new }

/// Collects the arguments of a command.
struct CommandBuilder {
  private(set) var arguments: [[UInt8]] = []
  mutating func append(_ bytes: ByteView) { arguments.append(bytes.array) }
  mutating func append(_ literal: StaticString) { append(ByteView(literal)) }
  mutating func append(_ number: Int) { arguments.append(Array(String(number).utf8)) }
}
