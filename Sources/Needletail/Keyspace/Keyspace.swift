import CSystem

/// Result of looking a key up: its entry, if there is one, and where. Valid until the next change to the keyspace that
/// is not made through it.
@safe struct Found {
  let key: Key
  let database: Int
  fileprivate(set) var entry: Entry?
  fileprivate(set) var position: SegmentedTable<Entry>.Position
  /// What the key held when it was looked up; nil: there was none.
  let heldType: ValueType?

  @inline(__always)
  fileprivate init(key: Key, database: Int, entry: Entry?, position: SegmentedTable<Entry>.Position) {
    self.key = key
    self.database = database
    self.entry = entry
    self.position = position
    heldType = entry?.type
  }
}

/// What a write does to a key's expiry.
enum ExpiryChange {
  case keep, clear
  /// Milliseconds since 1970.
  case at(Int)
}

extension Entry: TableElement {
  static var ownership: TableOwnership { .keyspace }
  @inline(__always) func hash(_ seed: HashSeed) -> UInt64 { sipHash13(key, seed) }
  @inline(__always) func hasKey(_ key: ByteView) -> Bool { self.key == key }
}

/// All databases. Every change to an entry goes through `put` (a unit replaced), `retire` (a unit left behind) or
/// `drop` (a value gone), as DESIGN.md §5 asks.
@safe struct Keyspace: ~Copyable {
  struct Database: ~Copyable {
    var table: SegmentedTable<Entry>
    var sizes = KeySizes()
  }

  var context: TableContext
  let databaseCount: Int
  let databases: UnsafeMutablePointer<Database>
  /// Which database a table is, by the table's id: SWAPDB swaps tables, and each keeps the name that the wheel knows.
  private(set) var databaseOfTable: [Int]
  var clock = AccessClock()
  var effects = Effects()
  var limits = CollectionLimits()
  /// A sorted set may be somewhere: a snapshot needs a version of the format that has its scores in binary.
  var hasHeldSortedSets = false
  /// Chooses keys and elements.
  var random = FastRandom()
  /// Milliseconds since 1970, one reading for a whole command.
  private(set) var nowMilliseconds = 0
  var evictionPool = EvictionPool()
  /// What the running draw has met.
  var evictionSample = ElementSample()
  var evictionHistory: EvictionHistory
  /// Under an LRFU policy: the greatest age and the least strength that the last draw met.
  var drawnExtremes: (age: UInt32, strength: UInt32) = (0, 0)
  /// Hashes at which the next draws for eviction are made.
  var evictionPlaces = InlineArray<2, UInt64>(repeating: 0)
  /// Since the start, or since counting began anew.
  var evictedKeys = 0
  var expiryStatistics = ExpiryStatistics()
  /// False: keys that have expired go only when they are looked up (DEBUG SET-ACTIVE-EXPIRE).
  var isExpiryActive = true
  /// Expired keys are left where they are: nothing but writing commands may change data while clients are paused. They
  /// are not found all the same.
  var keepsExpired = false
  /// Replies that are sent from strings where they lie.
  var pinCount = 0
  /// The running request's large arguments, which may be taken over instead of copied.
  var largeArguments = LargeArguments()
  /// A large argument becomes a value as it lies. Otherwise it is copied, for whoever wants to see the request
  /// afterwards.
  var adoptsArguments = true
  /// Memory for the huge keys of the command that is running.
  var entryReserve = EntryReserve()
  /// Memory for small entries while a view is open.
  var blocksAhead = BlocksAhead()

  init(databaseCount: Int, seed: HashSeed, freer: BackgroundFreer, nowMilliseconds: Int) {
    self.databaseCount = databaseCount
    evictionHistory = EvictionHistory(freer: freer)
    context = TableContext(units: Units(freer: freer), wheel: TimingWheel(baseMilliseconds: nowMilliseconds),
      seed: seed)
    databaseOfTable = Array(0..<databaseCount)
    unsafe databases = .allocate(capacity: databaseCount)
    for i in 0..<databaseCount { unsafe (databases + i).initialize(to: Database(table: SegmentedTable(id: i))) }
    setTime(nowMilliseconds)
  }

  deinit {
    // The wheel goes as well: deadlines are disarmed in a new one, which has none of their neighbours to mend.
    var wheel = TimingWheel(baseMilliseconds: 0)
    for i in 0..<databaseCount {
      unsafe TableTeardown.run(&databases[i].table, &wheel, context.units, inBackground: false)
    }
    unsafe databases.deinitialize(count: databaseCount)
    unsafe databases.deallocate()
  }

  var seed: HashSeed { @inline(__always) get { context.seed } }

  var nowSeconds: UInt32 { clock.seconds }

  /// The time that expiry and access clocks see from now on. A small step back is none: time stands still until the
  /// clock has caught up, so that what the wheel found due is due. `expireStep` copes with a large one.
  mutating func setTime(_ milliseconds: Int) {
    let isJitter = milliseconds < nowMilliseconds && milliseconds > nowMilliseconds - Self.clockJitterMilliseconds
    nowMilliseconds = isJitter ? nowMilliseconds : milliseconds
    clock.update(milliseconds: nowMilliseconds)
    if clock.meaning == .decayedUses { clock.uses.keyCount = totalCount }
  }

  private var totalCount: Int { (0..<databaseCount).reduce(0) { $0 + count(database: $1) } }

  private static let clockJitterMilliseconds = 1000

  // MARK: Lookup

  /// Finds `key`; an entry whose time has come is removed first, or not seen. Complexity: O(1).
  @inline(__always)
  mutating func find(_ key: Key, in database: Int) -> Found {
    precondition(database >= 0 && database < databaseCount)
    guard let hit = unsafe databases[database].table.find(key.bytes, hash: key.hash) else {
      return Self.missing(key, database)
    }
    if hit.element.hasExpiry, isExpired(hit.element) {
      if keepsExpired { return Self.missing(key, database) }
      var found = Found(key: key, database: database, entry: hit.element, position: hit.position)
      removeExpired(&found)
      return found
    }
    return Found(key: key, database: database, entry: hit.element, position: hit.position)
  }

  /// True when the key is there although its time has come.
  func holdsExpired(_ key: Key, in database: Int) -> Bool {
    guard let hit = unsafe databases[database].table.find(key.bytes, hash: key.hash) else { return false }
    return isExpired(hit.element)
  }

  /// True when the key is there, expired or not.
  func holds(_ key: Key, in database: Int) -> Bool {
    unsafe databases[database].table.find(key.bytes, hash: key.hash) != nil
  }

  @inline(__always)
  private static func missing(_ key: Key, _ database: Int) -> Found {
    Found(key: key, database: database, entry: nil, position: .init(first: 0, bucket: 0, index: 0))
  }

  /// True from the millisecond after the deadline on.
  @inline(__always)
  func isExpired(_ entry: Entry) -> Bool {
    guard let expiry = entry.expiry else { return false }
    return expiry < nowMilliseconds
  }

  @inline(__always)
  func prefetchBucket(_ hash: UInt64, database: Int) {
    // While a view is open, whoever changes the segment looks at its tag first.
    if isFrozen { unsafe databases[database].table.prefetchTag(hash) }
    if clock.meaning == .decayedUses { evictionHistory.prefetch(hash) }
    unsafe databases[database].table.prefetchBucket(hash)
  }

  @inline(__always)
  func prefetchEntry(_ hash: UInt64, database: Int) {
    unsafe databases[database].table.prefetchElement(hash)
    if clock.meaning == .decayedUses { evictionHistory.prefetch(hash) }
  }

  // MARK: Counting and walking

  func count(database: Int) -> Int { unsafe databases[database].table.count }
  func expiresCount(database: Int) -> Int { unsafe databases[database].table.deadlineCount }

  /// A key drawn uniformly among those that have not expired; nil when there is none. Complexity: O(1) expected.
  /// Where expired keys have to stay and there seems to be nothing else, it is one of them, as in Redis.
  mutating func randomEntry(database: Int) -> Entry? {
    // Expired keys met on the way go; a database full of them is given up on rather than walked.
    for _ in 0..<100 {
      guard let entry = unsafe databases[database].table.random(&random) else { return nil }
      guard isExpired(entry) else { return entry }
      _ = find(Key(entry.key, seed), in: database)
    }
    return keepsExpired ? unsafe databases[database].table.random(&random) : nil
  }

  /// Calls `body` with entries from `cursor` on, about `wanted` of them; expired ones are passed over.
  /// - Returns: the next cursor, 0 at the end.
  func scan(database: Int, cursor: UInt64, count wanted: Int, _ body: (Entry) -> Void) -> UInt64 {
    unsafe databases[database].table.scan(cursor: cursor, wanted: wanted) { entry in
      if !isExpired(entry) { body(entry) }
    }
  }

  // MARK: Change

  /// Makes `shape` the entry of the key, whatever was there, and hands `fill` the place of the value.
  ///
  /// An entry that stays in its size class and belongs to no view is changed where it lies: a value that is filled in
  /// must not be the entry's own.
  @inline(__always)
  mutating func put(_ found: inout Found, type: ValueType = .string, _ shape: Entry.Shape,
    _ fill: (UnsafeMutableRawPointer) -> Void)
  {
    guard let old = found.entry else {
      let block = unsafe allocateEntry(shape.byteCount)
      unsafe fill(Entry.write(shape, type: type, tag: context.units.currentTag, clock: clockOfNew(found.key), at: block))
      let entry = unsafe Entry(raw: block)
      found.position = unsafe (databases + found.database).pointee.table.insert(entry, hash: found.key.hash, &context)
      found.entry = entry
      if let expiry = shape.expiry { setDeadline(found, expiry) }
      return
    }
    let hadExpiry = old.hasExpiry
    let isInPlace = unsafe !old.encoding.isPointer && !shape.encoding.isPointer && old.type == type
      && Heap.goodSize(old.byteCount) == Heap.goodSize(shape.byteCount) && !context.units.belongsToView(old.raw)
    if isInPlace {
      unsafe fill(Entry.writeTail(shape, type: type, clock: old.clock, at: old.raw))
    } else {
      let block = unsafe allocateEntry(shape.byteCount)
      unsafe fill(Entry.write(shape, type: type, tag: context.units.currentTag, clock: old.clock, at: block))
      let entry = unsafe Entry(raw: block)
      unsafe (databases + found.database).pointee.table.replace(at: found.position, with: entry, &context)
      found.entry = entry
      drop(old)
    }
    if let expiry = shape.expiry {
      setDeadline(found, expiry)
    } else if hadExpiry {
      unsafe (databases + found.database).pointee.table.removeDeadline(at: found.position, &context)
    }
  }

  /// A deadline passes when the clock is beyond it, hence the millisecond more.
  mutating func setDeadline(_ found: Found, _ milliseconds: Int) {
    let due = milliseconds == Int.max ? milliseconds : milliseconds + 1
    unsafe (databases + found.database).pointee.table.setDeadline(at: found.position, due, &context)
  }

  /// Puts `entry` in the place of the one found: a copy of it, or one that took over its children.
  mutating func replaceUnit(_ found: inout Found, with entry: Entry) {
    guard let old = found.entry else { preconditionFailure("nothing to replace") }
    unsafe (databases + found.database).pointee.table.replace(at: found.position, with: entry, &context)
    found.entry = entry
    unsafe context.units.retire(old.raw, old.byteCount)
  }

  /// Takes the key and its value out. Complexity: O(1); large values are freed in the background.
  mutating func remove(_ found: inout Found) {
    if let entry = detach(&found) { drop(entry) }
  }

  /// Takes the entry out of its table, with its deadline. It is the caller's then.
  mutating func detach(_ found: inout Found) -> Entry? {
    guard let entry = found.entry else { return nil }
    unsafe (databases + found.database).pointee.table.remove(at: found.position, &context)
    found.entry = nil
    return entry
  }

  /// Puts an entry into a table that has none of its key.
  mutating func attach(_ entry: Entry, _ found: inout Found) {
    precondition(found.entry == nil)
    found.position = unsafe (databases + found.database).pointee.table.insert(entry, hash: found.key.hash, &context)
    found.entry = entry
    if let expiry = entry.expiry { setDeadline(found, expiry) }
  }

  /// Finds the key's place again after a change that was not made through `found`.
  func refresh(_ found: inout Found) {
    guard let hit = unsafe databases[found.database].table.find(found.key.bytes, hash: found.key.hash) else {
      found.entry = nil
      return
    }
    found.entry = hit.element
    found.position = hit.position
  }

  /// What was database `a` is `b` from now on and the other way round, deadlines included. Complexity: O(1).
  mutating func swapDatabases(_ a: Int, _ b: Int) {
    touchWatchedKeys(in: a, replacedBy: b)
    touchWatchedKeys(in: b, replacedBy: a)
    precondition(a >= 0 && a < databaseCount && b >= 0 && b < databaseCount)
    guard a != b else { return }
    // Not by `swap`, for which the compiler makes code that does not verify under the thread sanitizer.
    let first = unsafe (databases + a).move()
    unsafe (databases + a).moveInitialize(from: databases + b, count: 1)
    unsafe (databases + b).initialize(to: first)
    databaseOfTable[unsafe databases[a].table.id] = a
    databaseOfTable[unsafe databases[b].table.id] = b
  }

  /// Lets go of an entry that is no longer in a table, with its value.
  @inline(__always)
  mutating func drop(_ entry: Entry) {
    if entry.encoding.isPointer { dropChild(of: entry) }
    unsafe context.units.retire(entry.raw, entry.byteCount)
  }

  @inline(never)
  private mutating func dropChild(of entry: Entry) {
    if let unit = entry.stringUnit {
      drop(unit)
    } else if let unit = entry.blobUnit {
      unsafe context.units.retire(unit.raw, unit.byteCount)
    } else if let root = unsafe entry.root {
      unsafe CollectionRoots.drop(entry.type, root, context.units)
    }
  }

  /// Lets go of a string's own unit. One that replies are sent from waits for them.
  mutating func drop(_ unit: StringUnit) {
    let tag = context.units.currentTag
    if unit.letGo(tag: tag) { free(unit, tag: tag) }
  }

  /// Frees a string's own unit that left the keyspace when `currentTag` was `tag`.
  mutating func free(_ unit: StringUnit, tag: UInt8) {
    unsafe context.units.retireValue(unit.raw, unit.byteCount, tag: tag)
  }

  /// The keys of one database are about to be those of another.
  private func touchWatchedKeys(in database: Int, replacedBy other: Int) {
    if database == other { return }
    effects.watchedKeys.touchAll(database: database) { key in
      let existed = holds(key, in: database)
      guard holds(key, in: other) else { return existed ? .removed : .none }
      guard holdsExpired(key, in: other) else { return .changed }
      return existed ? .replacedByExpired : .appearedExpired
    }
  }

  /// Removes every key of `database`; a background thread frees them. Complexity: O(segments with deadlines).
  /// - Returns: how many there were.
  @discardableResult
  mutating func flush(database: Int) -> Int {
    precondition(database >= 0 && database < databaseCount)
    let removed = count(database: database)
    if removed > 0 {
      effects.watchedKeys.touchAll(database: database) { holds($0, in: database) ? .removed : .none }
    }
    unsafe TableTeardown.run(&(databases + database).pointee.table, &context.wheel, context.units,
      inBackground: true)
    unsafe (databases + database).pointee.sizes.removeAll()
    if (0..<databaseCount).allSatisfy({ count(database: $0) == 0 }) { hasHeldSortedSets = false }
    return removed
  }
}

extension Keyspace {
  mutating func removeDeadline(_ found: Found) {
    unsafe (databases + found.database).pointee.table.removeDeadline(at: found.position, &context)
  }

  /// The index says that the entry is due: removes it, or corrects the index when its tick was only as late as a tick
  /// can be.
  mutating func removeIfDue(_ entry: Entry, _ position: SegmentedTable<Entry>.Position, _ key: Key, _ database: Int) {
    var found = Found(key: key, database: database, entry: entry, position: position)
    guard let expiry = entry.expiry else { return removeDeadline(found) }
    guard expiry < nowMilliseconds else { return setDeadline(found, expiry) }
    // Not since the beginning of time, which would overflow.
    expiryStatistics.count(lagMilliseconds: nowMilliseconds - max(expiry, 0))
    removeExpired(&found)
  }

  /// The clock of an entry that is being made; under an LRFU policy the key may have been here before.
  @inline(__always)
  private mutating func clockOfNew(_ key: Key) -> UInt32 {
    clock.meaning == .decayedUses ? clockOfReturning(key) : clock.initial
  }

  @inline(never)
  private mutating func clockOfReturning(_ key: Key) -> UInt32 {
    clock.uses.countUse()
    return clock.uses.clock(strength: evictionHistory.take(key.hash).map(DecayedUses.grown) ?? 0)
  }

  /// The key has changed, and its clock is to say so.
  @inline(never)
  func noteChange(_ found: Found) {
    unsafe databases[found.database].table.find(found.key.bytes, hash: found.key.hash)?.element.clock = clock.ticks
  }

  /// Takes a key out to make room, and tells of it; or one whose time has come as such.
  mutating func evict(_ entry: Entry, _ position: SegmentedTable<Entry>.Position, _ database: Int, hash: UInt64) {
    var found = Found(key: Key(bytes: entry.key, hash: hash), database: database, entry: entry, position: position)
    if isExpired(entry) { return removeExpired(&found) }
    removeForRoom(&found)
  }
}
