/// The keys that take most of the processor's time or of the network, while HOTKEYS asks for them.
///
/// Two tables of a fixed number of counters: a key that has none takes the place of the one that counts least and
/// inherits its count, remembered as what it may have too much ("space saving"). So a key that has more than one part
/// in `counterCount` of everything is never missed, and memory is bounded whatever keys there are.
struct HotKeys {
  struct Metrics: OptionSet {
    let rawValue: UInt8
    static let cpu = Metrics(rawValue: 1 << 0)
    static let net = Metrics(rawValue: 1 << 1)
  }

  /// Of a command with more keys only the first are counted, since a key without a counter costs a walk over all.
  static let keysOfCommandMax = 64
  static let shownMax = 64
  static let shownByDefault = 10

  let metrics: Metrics
  /// How many keys HOTKEYS GET shows.
  let shownCount: Int
  /// One command of so many is counted.
  let sampleRatio: Int
  let startMilliseconds: Int
  /// Nil: until HOTKEYS STOP.
  let endMilliseconds: Int?
  private(set) var isActive = true
  private(set) var stoppedMilliseconds = 0

  var cpu = HotKeyTable()
  var net = HotKeyTable()
  /// Of all commands, counted or not.
  var cycles: UInt64 = 0
  var bytes = 0
  /// The process's processor time when it began, and when it ended.
  let cpuAtStart: (user: Double, system: Double)
  private(set) var cpuAtStop = (user: 0.0, system: 0.0)
  private var random = FastRandom()

  init(metrics: Metrics, shownCount: Int, sampleRatio: Int, durationSeconds: Int, nowMilliseconds: Int) {
    self.metrics = metrics
    self.shownCount = shownCount
    self.sampleRatio = sampleRatio
    startMilliseconds = nowMilliseconds
    endMilliseconds = durationSeconds > 0 ? nowMilliseconds + durationSeconds * 1000 : nil
    cpuAtStart = SystemFacts.cpuSeconds(.process)
  }

  func durationMilliseconds(_ now: Int) -> Int { max(0, (isActive ? now : stoppedMilliseconds) - startMilliseconds) }

  var cpuSeconds: (user: Double, system: Double) {
    let end = isActive ? SystemFacts.cpuSeconds(.process) : cpuAtStop
    return (end.user - cpuAtStart.user, end.system - cpuAtStart.system)
  }

  mutating func stop(_ now: Int) {
    guard isActive else { return }
    isActive = false
    stoppedMilliseconds = min(now, endMilliseconds ?? now)
    cpuAtStop = SystemFacts.cpuSeconds(.process)
  }

  /// Whether to count this command's keys.
  mutating func drawsSample() -> Bool { sampleRatio == 1 || random.next() % UInt64(sampleRatio) == 0 }
}

/// Counts by key, of a fixed number of keys.
struct HotKeyTable {
  static let counterCount = 512
  /// Longer keys are told apart by their first bytes only.
  static let keyBytesMax = 1024

  private struct Counter {
    var key: [UInt8]
    var count: UInt64
    /// What of `count` belonged to others.
    var inherited: UInt64
  }

  private var counters: [Counter] = []
  private var places: [[UInt8]: Int] = [:]

  /// Complexity: O(1), or O(`counterCount`) for a key that has no counter.
  mutating func add(_ key: ByteView, _ amount: UInt64) {
    let name = key[0..<min(key.count, Self.keyBytesMax)].array
    if let place = places[name] {
      counters[place].count += amount
    } else if counters.count < Self.counterCount {
      places[name] = counters.count
      counters.append(Counter(key: name, count: amount, inherited: 0))
    } else {
      let place = counters.indices.min { counters[$0].count < counters[$1].count }!
      let least = counters[place].count
      places[counters[place].key] = nil
      places[name] = place
      counters[place] = Counter(key: name, count: least + amount, inherited: least)
    }
  }

  /// The keys with the most, and what each had for certain.
  func top(_ count: Int) -> [(key: [UInt8], amount: UInt64)] {
    let certain = counters.map { (key: $0.key, amount: $0.count - $0.inherited) }
    return Array(certain.sorted { $0.amount > $1.amount }.prefix(count))
  }
}

extension Engine {
  /// Counts a command that has run.
  mutating func countHotKeys(_ index: CommandIndex, _ info: CommandInfo, _ request: Request, _ cost: CommandCost) {
    guard !endHotKeysWhenDue() else { return }
    let bytes = request.wireByteCount + cost.replyBytes
    // What EXEC runs has been counted, by command.
    guard info.id != .transaction(.exec) else { return }
    hotKeys?.cycles += cost.cycles
    hotKeys?.bytes += bytes
    guard hotKeys?.drawsSample() == true else { return }
    var keys: [ByteView] = []
    var keyCount = 0
    _ = commands.row(index).forEachKey(KeyScan(request: request, start: 0)) { place, _ in
      if keyCount < HotKeys.keysOfCommandMax { keys.append(request[place]) }
      keyCount += 1
    }
    for key in keys {
      if hotKeys?.metrics.contains(.cpu) == true { hotKeys?.cpu.add(key, cost.cycles / UInt64(keyCount)) }
      if hotKeys?.metrics.contains(.net) == true { hotKeys?.net.add(key, UInt64(max(0, bytes) / keyCount)) }
    }
  }

  /// Ends what was started for some seconds.
  /// - Returns: whether it has ended.
  @discardableResult
  mutating func endHotKeysWhenDue() -> Bool {
    guard let session = hotKeys, session.isActive else { return true }
    guard let end = session.endMilliseconds, keyspace.nowMilliseconds >= end else { return false }
    hotKeys?.stop(keyspace.nowMilliseconds)
    updateWatch()
    return true
  }
}
