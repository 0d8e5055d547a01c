import Glibc

/// The place of a command or subcommand in the table.
struct CommandIndex: Sendable, Hashable {
  let rawValue: UInt16
  @inline(__always) init(_ value: Int) { rawValue = UInt16(value) }
}

/// What execution needs of a row, and nothing else.
struct CommandInfo: Sendable {
  let id: CommandID
  let arity: Int16
  let flags: CommandFlags
  /// The legacy range of keys: index of the first (0: none), index of the last (negative: from the end), distance.
  let firstKey: Int16
  let lastKey: Int16
  let step: Int16
  /// The argument that names an element of the first key's collection; 0: none does.
  let elementIndex: Int16
  let isContainer: Bool

  /// What Redis does not let a client do that monitors.
  @inline(__always)
  var touchesKeyspace: Bool { !flags.isDisjoint(with: [.write, .readonly, .mayReplicate]) }
}

struct CommandCounters {
  /// Executed, whatever the answer.
  var calls = 0
  /// Refused before execution: arity, authentication.
  var rejectedCalls = 0
  /// Executed and answered with an error.
  var failedCalls = 0
  /// Time spent, in cycles of the counter.
  var cycles: UInt64 = 0
  /// How long calls took; nil: there was none that counted.
  var latencies: LatencyHistogram?

  @inline(__always)
  mutating func countLatency(nanoseconds: UInt64) {
    if let latencies { latencies.add(nanoseconds) } else { latencies = LatencyHistogram.beginning(with: nanoseconds) }
  }
}

/// All rows, found by name.
///
/// Rows of commands and subcommands are numbered in family order, a container before its subcommands. Three blocks run
/// parallel to that: `infos`, `counters`, and the rows themselves for introspection. Names go through an
/// open-addressing table at most a quarter full:
///
///     slot, 24 bytes | first 8 | last 8 | length 2 | container 2 | index 2 |
///
/// `first` and `last` are the first and last eight bytes of the lower-case name, which overlap in names shorter than
/// 16; shorter ones than 8 are packed into `first`. With the length they determine names up to 16 bytes, so most
/// lookups compare two words and touch one cache line; longer names compare their middles too.
///
/// Measured: 4 to 5 ns a lookup.
@safe struct CommandTable: ~Copyable {
  struct Slot {
    var first: UInt64 = 0
    var last: UInt64 = 0
    /// 0: the slot is free.
    var length: UInt16 = 0
    /// The container's index; `noContainer` for a command.
    var container: UInt16 = 0
    var index: UInt16 = 0
  }

  static let noContainer = UInt16.max

  /// Every row, subcommands after their container.
  let rows: [CommandSpec]
  /// The container of each row that is a subcommand.
  let containers: [CommandIndex?]
  private let infos: UnsafeMutablePointer<CommandInfo>
  private let counters: UnsafeMutablePointer<CommandCounters>
  private let slots: UnsafeMutablePointer<Slot>
  private let slotShift: UInt64
  private let slotCount: Int
  /// What `rename-command` made of some commands' names; empty: it has none, and nobody finds it.
  private let otherNames: [CommandIndex: String]

  /// Commands and subcommands.
  let count: Int

  /// - Parameters:
  ///   - families: each family's rows. Traps when two commands have the same name.
  ///   - renamed: in this order; lines about commands that are not there have been refused before.
  init(_ families: [[CommandSpec]], renamed: [RenamedCommand] = []) {
    var rows: [CommandSpec] = []
    var containers: [CommandIndex?] = []
    for row in families.joined() {
      let container = CommandIndex(rows.count)
      rows.append(row)
      containers.append(nil)
      for subcommand in row.subcommands {
        rows.append(subcommand)
        containers.append(container)
      }
    }
    precondition(rows.count < Int(Self.noContainer))
    self.rows = rows
    count = rows.count
    self.containers = containers
    otherNames = Self.otherNames(rows, containers, renamed)

    unsafe infos = .allocate(capacity: max(rows.count, 1))
    unsafe counters = .allocate(capacity: max(rows.count, 1))
    unsafe counters.initialize(repeating: CommandCounters(), count: rows.count)
    var bits: UInt64 = 4
    while 1 << bits < rows.count * 4 { bits += 1 }
    slotShift = 64 - bits
    slotCount = 1 << Int(bits)
    unsafe slots = .allocate(capacity: slotCount)
    unsafe slots.initialize(repeating: Slot(), count: slotCount)
    for index in rows.indices {
      unsafe (infos + index).initialize(to: CommandInfo(rows[index]))
      insert(CommandIndex(index), in: containers[index])
    }
  }

  deinit {
    for index in 0..<count { unsafe counters[index].latencies?.free() }
    unsafe infos.deallocate()
    unsafe counters.deallocate()
    unsafe slots.deallocate()
  }

  @inline(__always)
  func info(_ index: CommandIndex) -> CommandInfo {
    precondition(Int(index.rawValue) < count)
    return unsafe infos[Int(index.rawValue)]
  }

  func counters(_ index: CommandIndex) -> CommandCounters {
    precondition(Int(index.rawValue) < count)
    return unsafe counters[Int(index.rawValue)]
  }

  /// Counters are no part of the table's value: they change while it is borrowed.
  @inline(__always)
  func updateCounters(_ index: CommandIndex, _ body: (inout CommandCounters) -> Void) {
    precondition(Int(index.rawValue) < count)
    unsafe body(&counters[Int(index.rawValue)])
  }

  func resetCounters() {
    for index in 0..<count { unsafe counters[index].latencies?.free() }
    unsafe counters.update(repeating: CommandCounters(), count: rows.count)
  }

  func row(_ index: CommandIndex) -> CommandSpec { rows[Int(index.rawValue)] }

  /// The name that errors and INFO use: `get`, `config|get`.
  func fullName(_ index: CommandIndex) -> String {
    let name = "\(row(index).name)"
    guard let container = containers[Int(index.rawValue)] else { return name }
    return "\(row(container).name)|\(name)"
  }

  var indices: [CommandIndex] { rows.indices.map { CommandIndex($0) } }

  /// Those that somebody can use: not what `rename-command` took the name of, nor its subcommands.
  var usableIndices: [CommandIndex] {
    otherNames.isEmpty ? indices : indices.filter { otherNames[containers[Int($0.rawValue)] ?? $0]?.isEmpty != true }
  }

  /// Commands in family order, without subcommands.
  var topLevelIndices: [CommandIndex] { usableIndices.filter { containers[Int($0.rawValue)] == nil } }

  func subcommandIndices(_ container: CommandIndex) -> [CommandIndex] {
    let first = Int(container.rawValue) + 1
    return (first..<first + row(container).subcommands.count).map { CommandIndex($0) }
  }

  // MARK: Lookup

  /// The command of that name, in any case; the subcommand of that name with a `container`.
  /// Complexity: O(1), allocates nothing.
  @inline(__always)
  func lookup(_ name: ByteView, in container: CommandIndex? = nil) -> CommandIndex? {
    guard name.count > 0 && name.count <= 128 else { return nil }
    let containerNumber = container?.rawValue ?? Self.noContainer
    let (first, last) = Self.words(of: name)
    var place = hash(first, last, containerNumber)
    while true {
      let slot = unsafe slots[place]
      if slot.length == 0 { return nil }
      if slot.first == first && slot.last == last && Int(slot.length) == name.count
        && slot.container == containerNumber
      {
        let index = CommandIndex(Int(slot.index))
        if name.count <= 16 || middleMatches(index, name) { return index }
      }
      place = (place &+ 1) & (slotCount &- 1)
    }
  }

  private func insert(_ index: CommandIndex, in container: CommandIndex?) {
    guard let name = otherNames[index] else { return insert(index, ByteView(row(index).name), in: container) }
    guard !name.isEmpty else { return }
    unsafe Array(name.utf8).withUnsafeBytes { name in
      insert(index, unsafe ByteView(name.baseAddress!, count: name.count), in: container)
    }
  }

  private func insert(_ index: CommandIndex, _ name: ByteView, in container: CommandIndex?) {
    precondition(name.count > 0 && name.count <= 128)
    precondition(lookup(name, in: container) == nil)
    let containerNumber = container?.rawValue ?? Self.noContainer
    let (first, last) = Self.words(of: name)
    var place = hash(first, last, containerNumber)
    while unsafe slots[place].length != 0 { place = (place + 1) & (slotCount - 1) }
    unsafe slots[place] = Slot(
      first: first, last: last, length: UInt16(name.count), container: containerNumber, index: index.rawValue)
  }

  @inline(__always)
  private func hash(_ first: UInt64, _ last: UInt64, _ container: UInt16) -> Int {
    let mixed = (first ^ (last &>> 7) ^ UInt64(container)) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed &>> slotShift)
  }

  /// Names beyond 16 bytes have a middle that the two words do not cover.
  private func middleMatches(_ index: CommandIndex, _ name: ByteView) -> Bool {
    if otherNames.isEmpty { return name.equalsIgnoringCase(rows[Int(index.rawValue)].name) }
    guard let other = otherNames[index] else { return name.equalsIgnoringCase(rows[Int(index.rawValue)].name) }
    return SettingText.lowercased(name.array) == other
  }

  /// The new names of the commands that have one after all lines.
  private static func otherNames(
    _ rows: [CommandSpec], _ containers: [CommandIndex?], _ renamed: [RenamedCommand]
  ) -> [CommandIndex: String] {
    var names: [CommandIndex: String] = [:]
    guard !renamed.isEmpty else { return names }
    var current: [String: CommandIndex] = [:]
    for index in rows.indices where containers[index] == nil { current["\(rows[index].name)"] = CommandIndex(index) }
    for line in renamed {
      guard let index = current.removeValue(forKey: line.from) else { continue }
      names[index] = line.to
      if !line.to.isEmpty { current[line.to] = index }
    }
    return names
  }

  @inline(__always)
  private static func words(of name: ByteView) -> (first: UInt64, last: UInt64) {
    let count = name.count
    if count >= 8 {
      return unsafe (
        lowercased(name.base.loadUnaligned(as: UInt64.self)),
        lowercased(name.base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self))
      )
    }
    if count >= 4 {
      let low = unsafe UInt64(name.base.loadUnaligned(as: UInt32.self))
      let high = unsafe UInt64(name.base.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
      return (lowercased(low | high &<< 32), 0)
    }
    let bytes = UInt64(name[0]) | UInt64(name[count &>> 1]) &<< 8 | UInt64(name[count &- 1]) &<< 16
    return (lowercased(bytes), 0)
  }

  /// All eight bytes at once: `A` to `Z` become lower case, every other byte stays, so that no foreign byte is taken
  /// for a letter.
  @inline(__always)
  private static func lowercased(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let sevenBits = word & (0x7f &* ones)
    let aboveZ = sevenBits &+ (0x7f - 0x5a) &* ones
    let fromA = sevenBits &+ (0x80 - 0x41) &* ones
    let upper = (fromA ^ aboveZ) & ~word & (0x80 &* ones)
    return word | upper &>> 2
  }
}

// MARK: - The legacy range of keys

extension CommandInfo {
  init(_ row: CommandSpec) {
    let range = row.legacyKeyRange
    var flags = row.flags
    if range.isIncomplete { flags.insert(.movablekeys) }
    if row.id.mayTakeLong { flags.insert(.endsBatch) }
    self.init(
      id: row.id, arity: Int16(row.arity), flags: flags, firstKey: Int16(range.first), lastKey: Int16(range.last),
      step: Int16(range.step), elementIndex: row.id.elementIndex, isContainer: !row.subcommands.isEmpty)
  }
}

extension CommandSpec {
  /// The one range that clients of old know keys by. Key specs that it cannot express are left out of it, and the
  /// command then counts as one with movable keys.
  var legacyKeyRange: (first: Int, last: Int, step: Int, isIncomplete: Bool) {
    func absolute(_ last: Int, _ first: Int) -> Int { last >= 0 ? first + last : last }
    if keySpecs.count == 1, case .index(let first) = keySpecs[0].begin,
      case .range(let last, let step, _) = keySpecs[0].find
    {
      return (first, absolute(last, first), step, keySpecs[0].isIncomplete)
    }
    var isIncomplete = false
    var first = 0
    var last = 0
    for spec in keySpecs {
      // Only ranges without gaps that follow each other make one range.
      guard case .index(let start) = spec.begin, case .range(let end, step: 1, _) = spec.find, !spec.isIncomplete,
        last == 0 || last == start - 1
      else {
        isIncomplete = true
        continue
      }
      if first == 0 { first = start }
      last = absolute(end, start)
    }
    return first == 0 ? (0, 0, 0, isIncomplete) : (first, last, 1, isIncomplete)
  }
}

// MARK: - Prefetching

/// Which arguments to hash and prefetch before a command runs.
struct PrefetchPlan {
  let firstKey: Int
  /// The last key, counted from the start and inside the request.
  let lastKey: Int
  let step: Int
}

extension CommandTable {
  /// Nil for a command without keys in fixed places and for a request that is too short.
  @inline(__always)
  func prefetchPlan(_ index: CommandIndex, argumentCount: Int) -> PrefetchPlan? {
    let info = info(index)
    let first = Int(info.firstKey)
    guard first > 0 && first < argumentCount else { return nil }
    let last = info.lastKey >= 0 ? Int(info.lastKey) : argumentCount &+ Int(info.lastKey)
    return PrefetchPlan(
      firstKey: first, lastKey: min(max(last, first), argumentCount &- 1), step: max(1, Int(info.step)))
  }
}
