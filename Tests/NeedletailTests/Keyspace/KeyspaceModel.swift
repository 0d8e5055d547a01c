import Testing

@testable import Needletail

/// A keyspace and what it should hold, with the walker of DESIGN.md §5 beside it.
final class KeyspaceModel {
  struct Held: Equatable {
    var value: HeldValue
    var expiry: Int?

    init(_ value: HeldValue, expiry: Int?) {
      self.value = value
      self.expiry = expiry
    }

    init(bytes: [UInt8], expiry: Int?) { self.init(.string(bytes), expiry: expiry) }

    /// What an entry holds; of a large collection nothing yet.
    init(_ entry: Entry) { self.init(HeldValue(entry), expiry: entry.expiry) }

    /// A string's bytes.
    var bytes: [UInt8] {
      get {
        guard case .string(let bytes) = value else { preconditionFailure("no string") }
        return bytes
      }
      set { value = .string(newValue) }
    }
  }
  typealias Contents = [[Int: Held]]

  var keyspace: Keyspace
  let freer: BackgroundFreer
  var random: SeededGenerator
  let keys: [[UInt8]]
  let keyIndexes: [[UInt8]: Int]
  /// By database and number of the key.
  var held: Contents = [[:], [:]]
  /// A view that is being walked.
  var view: FrozenKeyspace?
  var pins: [(unit: StringUnit, bytes: [UInt8])] = []
  var failures = 0
  /// Of so many keys one may be a hash, which takes longer to check than a string.
  var hashEvery = 1
  /// What hashes there have been.
  var hashEncodings: Set<ValueEncoding> = []
  var largestHash = 0
  var coverage = ModelCoverage()
  /// Above 0 keys come rather than go, below 0 they go: tables split and merge.
  var tide = 0

  init(_ random: SeededGenerator, freer: BackgroundFreer, keyCount: Int) {
    self.random = random
    self.freer = freer
    keyspace = Keyspace(databaseCount: 2, seed: HashSeed(k0: random.seed, k1: 7), freer: freer,
      nowMilliseconds: 1_700_000_000_000)
    // Low, so that hashes of the few fields that a step can afford cross them.
    keyspace.limits.hashEntries = Self.limits.hashEntries
    keyspace.limits.hashBytes = Self.limits.hashBytes
    keys = (0..<keyCount).map { i in
      switch i {
      case 0: []
      case 1...3: [UInt8](repeating: 107, count: 4093 + i)
      default: Array("key:\(i)".utf8) + [UInt8](repeating: 46, count: i % 40)
      }
    }
    var indexes: [[UInt8]: Int] = [:]
    for i in keys.indices { indexes[keys[i]] = i }
    keyIndexes = indexes
  }

  func fail(_ message: String) {
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed): \(message)") }
  }

  var now: Int { keyspace.nowMilliseconds }
  func isExpired(_ held: Held) -> Bool { held.expiry.map { $0 < now } ?? false }

  /// Looks a key up, in the model as well, and compares.
  func withFound(_ database: Int, _ i: Int, _ body: (inout Found) -> Void) {
    withView(keys[i]) { key in
      var found = keyspace.find(Key(key, keyspace.seed), in: database)
      if let value = held[database][i], isExpired(value) { held[database][i] = nil }
      if let entry = found.entry {
        if !agrees(entry, held[database][i]) { fail("key \(i) is wrong") }
        if entry.key.array != keys[i] { fail("key \(i) has another's entry") }
      } else if held[database][i] != nil {
        fail("key \(i) is missing")
      }
      body(&found)
    }
  }

  static let lengths = [
    0, 1, 7, 16, 30, 44, 45, 100, 254, 255, 256, 257, 500, 1000, 1023, 1024, 1025, 1500, 3000, 20_000, 65_511, 65_512,
    65_513, 70_000,
  ]

  func someValue() -> [UInt8] {
    if random.chance(30) { return Array(String(Int(truncatingIfNeeded: random.next()) >> random.below(63)).utf8) }
    let length = Self.lengths[random.below(random.chance(90) ? 19 : Self.lengths.count)]
    return [UInt8](repeating: UInt8(truncatingIfNeeded: 97 + random.below(26)), count: length)
  }

  func someTime() -> Int {
    switch random.below(12) {
    case 0: 1 << 48 - 1
    case 1: 1 << 48
    case 2: -5
    case 3: now
    case 4: now - 1
    case 5: Int.max
    default: now + random.below(1 << (4 + random.below(14)))
    }
  }

  func step() {
    let database = random.below(10) == 0 ? 1 : 0
    let i = random.below(keys.count)
    let before = view == nil ? nil : shape(database)
    withFound(database, i) { found in
      let moment = self.moment(found, in: database)
      // Else a hash would hardly get more than one change before something else becomes of it.
      if found.entry?.type == .hash && tide >= 0 && random.chance(60) {
        coverage.note(.changeFields, moment)
        return changeHash(&found)
      }
      var choice = random.below(19)
      if tide > 0 && 10...12 ~= choice { choice = 0 }
      if tide < 0 && (0..<4 ~= choice || choice >= 13) { choice = 10 }
      switch choice {
      case 0..<4:
        coverage.note(found.entry == nil ? .insert : .overwrite, moment)
        set(&found)
      case 4:
        coverage.note(.modify, moment)
        modify(&found)
      case 5:
        guard found.entry != nil else { return }
        coverage.note(.setExpiry, moment)
        let time = someTime()
        keyspace.setExpiry(&found, at: time)
        held[database][i]!.expiry = time
      case 6:
        guard found.entry != nil else { return }
        if held[database][i]!.expiry != nil { coverage.note(.clearExpiry, moment) }
        keyspace.clearExpiry(&found)
        held[database][i]!.expiry = nil
      case 7:
        guard let value = found.entry?.integer else { return }
        coverage.note(.increment, moment)
        keyspace.setInteger(&found, value &+ 1)
        held[database][i]!.bytes = Array(String(value &+ 1).utf8)
      case 8:
        guard let unit = found.entry?.stringUnit, pins.count < 20 else { return }
        coverage.note(.pin, moment)
        keyspace.pin(unit)
        pins.append((unit, unit.bytes.array))
      case 9:
        guard let entry = found.entry else { return }
        coverage.note(.touch, moment)
        keyspace.clock.touch(entry)
      case 10...12:
        if found.entry != nil { coverage.note(.remove, moment) }
        keyspace.remove(&found)
        if found.entry != nil { fail("removed, still found") }
        held[database][i] = nil
      case 13...15:
        if found.entry != nil { relocate(&found, i, moment) }
      case 16, 17:
        guard i % hashEvery == 0 else { return }
        coverage.note(found.entry == nil ? .insert : .overwrite, moment)
        changeHash(&found)
      default: break
      }
    }
    if let before, view != nil { noteShape(before, shape(database)) }
    if random.below(300) == 0 {
      coverage.note(.swap, view == nil ? nil : .ahead)
      keyspace.swapDatabases(0, 1)
      held.swapAt(0, 1)
    }
    if !pins.isEmpty && random.chance(5) { unpin() }
    if random.chance(2) { keyspace.setTime(now + random.below(30)) }
    if random.chance(2) { for _ in 0..<random.below(4) { _ = keyspace.expireStep() } }
  }

  /// Gives keys that nobody has looked at a deadline that is over, so that the index removes them.
  func expireSome() {
    var keysToGo: [(Int, ModelCoverage.Moment?)] = []
    for _ in 0..<5 {
      let i = random.below(keys.count)
      withFound(0, i) { found in
        guard found.entry != nil else { return }
        keysToGo.append((i, moment(found, in: 0)))
        keyspace.setExpiry(&found, at: now + 1)
        held[0][i]!.expiry = now + 1
      }
    }
    // What is due lies in wait for at least 25 ms; until then nothing walks, so that the moments stay what they were.
    keyspace.setTime(now + 60)
    while keyspace.expireStep() {}
    for (_, moment) in keysToGo { coverage.note(.expire, moment) }
  }

  private func set(_ found: inout Found) {
    let value = someValue()
    let i = keyIndexes[found.key.bytes.array]!
    let old = held[found.database][i]?.expiry
    let change: ExpiryChange
    let expiry: Int?
    switch random.below(3) {
    case 0: (change, expiry) = (.keep, old)
    case 1: (change, expiry) = (.clear, nil)
    default:
      let time = someTime()
      (change, expiry) = (.at(time), time)
    }
    withView(value) { try! keyspace.setString(&found, $0, expiry: change) }
    held[found.database][i] = Held(bytes: value, expiry: expiry)
  }

  /// Renames, copies or moves the key.
  private func relocate(_ source: inout Found, _ i: Int, _ moment: ModelCoverage.Moment?) {
    let from = source.database
    let isMove = random.chance(20)
    let to = isMove || random.chance(30) ? 1 - from : from
    let j = isMove ? i : random.below(keys.count)
    guard i != j || from != to else { return }
    withFound(to, j) { target in
      // Looking the target up cannot have changed the source: time stood still.
      let value = held[from][i]!
      if isMove {
        guard target.entry == nil else { return }
        coverage.note(.move, moment)
        keyspace.move(&source, to: &target)
      } else if random.chance(50) {
        coverage.note(.rename, moment)
        keyspace.rename(&source, to: &target)
      } else {
        coverage.note(.copy, moment)
        let entry = source.entry!
        try! keyspace.copy(entry, to: &target)
        if !agrees(source.entry!, value) { fail("the original of a copy changed") }
        held[to][j] = value
        return
      }
      if source.entry != nil { fail("a key that left is found") }
      held[from][i] = nil
      held[to][j] = value
    }
  }

  private func modify(_ found: inout Found) {
    guard found.entry.map({ $0.type == .string }) ?? true else { return }
    let i = keyIndexes[found.key.bytes.array]!
    var value = held[found.database][i] ?? Held(bytes: [], expiry: nil)
    let count: Int
    switch random.below(4) {
    case 0: count = Self.lengths[random.below(20)]
    case 1: count = value.bytes.count
    case 2: count = value.bytes.count + 1
    default: count = value.bytes.count + random.below(2000)
    }
    value.bytes = Array(value.bytes.prefix(count)) + [UInt8](repeating: 0, count: max(0, count - value.bytes.count))
    let place = count > 0 ? random.below(count) : 0
    if count > 0 { value.bytes[place] = 33 }
    let expected = value.bytes
    try! unsafe keyspace.modifyString(&found, count: count) { bytes in
      if count > 0 { unsafe bytes.storeBytes(of: 33, toByteOffset: place, as: UInt8.self) }
      if unsafe ByteView(bytes, count: count).array != expected { fail("modified bytes of key \(i)") }
    }
    held[found.database][i] = value
  }

  func unpin() {
    let pin = pins.remove(at: random.below(pins.count))
    // Untouched while it was pinned, whatever happened to its key.
    if pin.unit.bytes.array != pin.bytes { fail("pinned bytes changed") }
    keyspace.unpin(pin.unit)
  }

  func flush(_ database: Int) {
    coverage.note(.flush, view == nil ? nil : .ahead)
    keyspace.flush(database: database)
    held[database] = [:]
    if keyspace.count(database: database) != 0 || keyspace.expiresCount(database: database) != 0 { fail("not flushed") }
  }

  /// Looks every key up, which removes the expired ones.
  func checkAll() {
    for database in 0..<2 {
      for i in keys.indices { withFound(database, i) { _ in } }
      let count = keyspace.count(database: database)
      if count != held[database].count { fail("\(count) keys, expected \(held[database].count)") }
      let expires = keyspace.expiresCount(database: database)
      let expected = held[database].values.reduce(0) { $0 + ($1.expiry == nil ? 0 : 1) }
      if expires != expected { fail("\(expires) with expiry, expected \(expected)") }
      var seen = 0
      var cursor: UInt64 = 0
      repeat { cursor = keyspace.scan(database: database, cursor: cursor,
        count: 100) { _ in seen += 1 } } while cursor != 0
      if seen != count { fail("SCAN sees \(seen) of \(count)") }
    }
  }

  /// A second keyspace with the same contents has the same digest.
  func checkDigest() {
    var other = Keyspace(databaseCount: 2, seed: HashSeed(k0: 5, k1: 6), freer: freer, nowMilliseconds: now)
    for database in 0..<2 {
      for (i, value) in held[database] {
        withView(keys[i]) { key in
          var found = other.find(Key(key, other.seed), in: database)
          switch value.value {
          case .string(let bytes):
            let change = value.expiry.map { ExpiryChange.at($0) } ?? .clear
            withView(bytes) { try! other.setString(&found, $0, expiry: change) }
          case .hash(let hash):
            hash.store(in: &other, &found)
            if let expiry = value.expiry { other.setExpiry(&found, at: expiry) }
          }
        }
      }
    }
    let digests = (keyspace.digest(), other.digest())
    if digests.0 != digests.1 { fail("digest \(digests.0), expected \(digests.1)") }
  }

  /// Unpins and removes everything.
  func empty() {
    while !pins.isEmpty { unpin() }
    for database in 0..<2 {
      for i in keys.indices {
        withFound(database, i) { keyspace.remove(&$0) }
        held[database][i] = nil
      }
      let bytes = unsafe (keyspace.databases + database).pointee.table.byteCount
      if bytes != 0 || keyspace.count(database: database) != 0 { fail("\(bytes) bytes are left") }
    }
    if keyspace.context.wheel.armedCount != 0 { fail("something is armed") }
    if keyspace.pinCount != 0 { fail("something is pinned") }
  }

  // MARK: Freezing

  func freeze() {
    checkAll()
    view = FrozenKeyspace(&keyspace, held, keyIndexes)
  }

  func walk(_ units: Int) {
    guard let view, !view.step(units) else { return }
    if !view.isCancelled && view.contents != view.expected { fail("the view differs") }
    if view.problems > 0 { fail("the view saw \(view.problems) problems") }
    self.view = nil
    keyspace.thaw()
    checkTags()
  }

  /// Every unit alive carries the current tag.
  private func checkTags() {
    let tag = keyspace.context.units.currentTag
    func check(_ unit: UnsafeMutableRawPointer) {
      if unsafe unit.load(as: UInt8.self) != tag { fail("a unit still belongs to the view") }
    }
    for database in 0..<2 {
      guard let directory = unsafe (keyspace.databases + database).pointee.table.directory else { continue }
      for index in 0..<(1 << (unsafe (keyspace.databases + database).pointee.table.globalDepth)) {
        unsafe check(SegmentLayout.segment(directory[index]))
      }
      unsafe (keyspace.databases + database).pointee.table.forEach { entry in
        unsafe check(entry.raw)
        if let unit = entry.stringUnit { unsafe check(unit.raw) }
        if let unit = entry.blobUnit { unsafe check(unit.raw) }
        if entry.type == .hash, let root = unsafe entry.root {
          unsafe forEachUnit(of: TableRoot(raw: root)) { unsafe check($0) }
        }
      }
    }
  }
}

/// What the walker of an open view shows, to be compared with what was there at the freeze.
final class FrozenKeyspace {
  let expected: KeyspaceModel.Contents
  private var walker: ViewWalker
  private var seen: SeenContents

  init(_ keyspace: inout Keyspace, _ expected: KeyspaceModel.Contents, _ keyIndexes: [[UInt8]: Int]) {
    self.expected = expected
    seen = SeenContents(keyIndexes)
    walker = ViewWalker(keyspace.freeze(), freer: keyspace.context.units.freer)
  }

  func step(_ units: Int) -> Bool { walker.step(units: units, &seen) }

  func cancel() { walker.isCancelled = true }

  var isCancelled: Bool { walker.isCancelled }
  var contents: KeyspaceModel.Contents { seen.contents }
  var problems: Int { seen.problems }
}

private struct SeenContents: ViewVisitor {
  let keyIndexes: [[UInt8]: Int]
  var contents: KeyspaceModel.Contents = [[:], [:]]
  var problems = 0
  private var database = 0
  /// The large hash whose fields are coming, and how many are still to come.
  private var large: (key: Int, hash: HeldHash, left: Int)?

  init(_ keyIndexes: [[UInt8]: Int]) { self.keyIndexes = keyIndexes }

  mutating func begin(_ table: FrozenView.Table) {
    database = table.database
    if large != nil { problems += 1 }
  }

  mutating func visit(_ part: CollectionPart) {
    guard var large, case .field(let field) = part else { return problems += 1 }
    // Only one owner, or every field would copy those before it.
    self.large = nil
    if large.hash.fields.updateValue(field.value.array, forKey: field.field.array) != nil { problems += 1 }
    large.left -= 1
    guard large.left == 0 else { return self.large = large }
    contents[database][large.key]!.value = .hash(large.hash)
  }

  mutating func visit(_ entry: Entry) {
    guard large == nil, let key = keyIndexes[entry.key.array],
      contents[database].updateValue(KeyspaceModel.Held(entry), forKey: key) == nil
    else { return problems += 1 }
    guard entry.encoding == .root else { return }
    large = (key, HeldHash(isLarge: true), entry.length)
  }
}
