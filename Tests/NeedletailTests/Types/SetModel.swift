import Testing

@testable import Needletail

/// What members a model's sets have.
enum SetMembers: CaseIterable {
  case integers, strings, both

  /// One of the possible members. Some numbers need more bytes than others, some strings are long.
  func member(_ id: Int) -> [UInt8] {
    switch self {
    case .integers: Array(String(Self.integer(id)).utf8)
    case .strings: Self.string(id)
    case .both: id % 3 == 0 ? Self.string(id) : Array(String(Self.integer(id)).utf8)
    }
  }

  private static func integer(_ id: Int) -> Int {
    let sign = id & 1 == 0 ? 1 : -1
    return id % 50 == 49 ? sign * (1 << 40 + id) : id % 20 == 19 ? sign * (100_000 + id) : sign * id
  }

  private static func string(_ id: Int) -> [UInt8] {
    let text = Array("m\(id)".utf8)
    return id % 97 == 96 ? text + [UInt8](repeating: 120, count: 60 + id % 10) : text
  }
}

/// A few sets in a keyspace beside dictionaries, in all forms, with views walked meanwhile.
final class SetModel {
  typealias Contents = [Int: Set<[UInt8]>]

  var keyspace: Keyspace
  var random: SeededGenerator
  let freer: BackgroundFreer
  let members: SetMembers
  let keyCount = 6
  let idCount: Int
  private(set) var held: Contents = [:]
  /// What OBJECT ENCODING shall say.
  private var forms: [Int: Form] = [:]
  private(set) var view: FrozenSets?
  private(set) var failures = 0
  private var stepCount = 0

  /// The form a set has by what was put into it.
  enum Form: Int, Comparable {
    case integers, packed, large
    static func < (a: Form, b: Form) -> Bool { a.rawValue < b.rawValue }
  }

  init(_ random: SeededGenerator, _ members: SetMembers, idCount: Int, limits: CollectionLimits,
    freer: BackgroundFreer) {
    self.random = random
    self.freer = freer
    self.members = members
    self.idCount = idCount
    keyspace = Keyspace(databaseCount: 1, seed: HashSeed(k0: random.seed, k1: 9), freer: freer,
      nowMilliseconds: 1_700_000_000_000)
    keyspace.limits = limits
  }

  func fail(_ message: String) {
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed), \(members), step \(stepCount): \(message)") }
  }

  func check(_ condition: Bool, _ message: @autoclosure () -> String) { if !condition { fail(message()) } }

  static func name(_ key: Int) -> [UInt8] { Array("set:\(key)".utf8) }

  func withFound(_ key: Int, _ body: (inout Found) -> Void) {
    withView(Self.name(key)) { name in
      var found = keyspace.find(Key(name, keyspace.seed), in: 0)
      body(&found)
    }
  }

  private static func form(_ entry: Entry) -> Form {
    switch SetValue(entry).form {
    case .integers: .integers
    case .packed(let set): set.isHashtable ? .large : .packed
    case .large: .large
    }
  }

  func step() {
    stepCount += 1
    let key = random.below(keyCount)
    withFound(key) { found in
      check((found.entry != nil) == (held[key] != nil), "key \(key) is there or not")
      switch random.below(100) {
      case 0..<60: add(key, &found)
      case 60..<80: remove(key, &found)
      case 80..<84: pop(key, &found)
      case 84..<92: look(key, found)
      case 92 where random.below(20) == 0:
        keyspace.remove(&found)
        held[key] = nil
      case 93 where random.below(10) == 0: relocate(key, &found)
      case 94 where random.below(10) == 0: combine(key, &found)
      case 95:
        if found.entry != nil { keyspace.setExpiry(&found, at: keyspace.nowMilliseconds + 1_000_000) }
      default: break
      }
      if let entry = found.entry, held[key] != nil {
        check(Self.form(entry) == forms[key], "\(Self.form(entry)), expected \(forms[key]!)")
      }
    }
  }

  // MARK: Changes

  private func isInteger(_ member: [UInt8]) -> Bool { withView(member) { $0.integer != nil } }

  /// The form of a set of that form when the member comes, by Redis's rules.
  private func form(_ form: Form, of set: Set<[UInt8]>, adding member: [UInt8]) -> Form {
    let limits = keyspace.limits
    switch form {
    case .large: return .large
    case .packed: return set.count < limits.setEntries && member.count <= limits.setBytes ? .packed : .large
    case .integers:
      if isInteger(member) { return set.count < limits.setIntegers ? .integers : .large }
      let longest = max(member.count, set.map { $0.count }.max() ?? 0)
      return set.count < limits.setEntries && longest <= limits.setBytes ? .packed : .large
    }
  }

  private func add(_ key: Int, _ found: inout Found) {
    let member = members.member(random.below(idCount))
    if held[key] == nil {
      withView(member) { try! keyspace.makeSet(&found, $0) }
      let isLong = member.count > keyspace.limits.setBytes
      forms[key] = isInteger(member) ? .integers : isLong ? .large : .packed
      held[key] = [member]
      return
    }
    if !held[key]!.contains(member) { forms[key] = form(forms[key]!, of: held[key]!, adding: member) }
    let isNew = withView(member) { try! keyspace.addSetMember(&found, $0) }
    check(isNew == held[key]!.insert(member).inserted, "new or not")
  }

  /// As commands do with an empty set.
  private func removeIfEmpty(_ key: Int, _ found: inout Found) {
    guard held[key]?.isEmpty == true else { return }
    check(found.length == 0, "an empty set has \(found.length) members")
    keyspace.remove(&found)
    held[key] = nil
  }

  private func remove(_ key: Int, _ found: inout Found) {
    let member = members.member(random.below(idCount))
    let isRemoved = withView(member) { keyspace.removeSetMember(&found, $0) }
    check(isRemoved == (held[key]?.remove(member) != nil), "removed or not")
    removeIfEmpty(key, &found)
  }

  /// Takes a random member out, or some of a large set.
  private func pop(_ key: Int, _ found: inout Found) {
    guard let entry = found.entry else { return }
    let set = SetValue(entry)
    if case .large(let root) = set.form, random.chance(30) {
      var drawn = UnitList()
      let wanted = random.below(set.count)
      unsafe root.table.pointee.forEachRandom(wanted, &random) { unsafe drawn.append($0.raw) }
      for index in 0..<drawn.count {
        let member = unsafe SetMember(raw: drawn[index]).bytes.array
        check(held[key]!.remove(member) != nil, "drew a stranger")
      }
      keyspace.removeSetMembers(&found, drawn)
      return
    }
    let (place, member) = set.random(&keyspace.random)
    check(held[key]!.remove(member.withBytes { $0.array }) != nil, "drew a stranger")
    keyspace.removeSetMember(&found, at: place)
    removeIfEmpty(key, &found)
  }

  private func relocate(_ key: Int, _ source: inout Found) {
    let other = random.below(keyCount)
    guard other != key, let value = held[key] else { return }
    withFound(other) { target in
      if random.chance(50) {
        let entry = source.entry!
        try! keyspace.copy(entry, to: &target)
      } else {
        keyspace.rename(&source, to: &target)
        held[key] = nil
      }
      held[other] = value
      forms[other] = forms[key]
    }
  }

  /// Gives the key what an operation makes of it and others, itself among them at times.
  private func combine(_ key: Int, _ found: inout Found) {
    var sources = SetSources()
    var sets: [Set<[UInt8]>] = []
    for _ in 0...random.below(4) {
      let other = random.below(keyCount)
      withFound(other) { found in
        if let entry = found.entry { sources.append(entry) } else { sources.appendMissing() }
      }
      sets.append(held[other] ?? [])
    }
    var builder = SetBuilder(keyspace.limits, keyspace.context)
    let expected: Set<[UInt8]>
    switch random.below(3) {
    case 0:
      expected = sets.reduce(sets[0]) { $0.intersection($1) }
      sources.sortAscending()
      try! sources.forEachCommon(keyspace.seed) { (member) throws(OutOfMemory) -> Bool in
        try builder.add(member, &keyspace.context)
      }
    case 1:
      expected = sets.dropFirst().reduce(sets[0]) { $0.subtracting($1) }
      if !sources.hasNoDifference {
        let leavesOut = random.chance(50)
        let leftOut = leavesOut ? try! sources.membersToLeaveOut(keyspace.limits, &keyspace.context) : nil
        try! sources.forEachDifferent(keyspace.seed, without: leftOut) { (member) throws(OutOfMemory) -> Bool in
          try builder.add(member, &keyspace.context)
        }
        leftOut?.drop(keyspace.context.units)
      }
    default:
      expected = sets.reduce([]) { $0.union($1) }
      if sources.count > 0 {
        let others = try! sources.membersBeyondFirst(keyspace.limits, &keyspace.context)
        let count = sources[0].count + (others?.count ?? 0)
        check(count == expected.count, "a union of \(count)")
        others?.drop(keyspace.context.units)
      }
      try! sources.addAll(to: &builder, &keyspace.context)
    }
    check(builder.count == expected.count, "\(builder.count) members, expected \(expected.count)")
    guard let built = builder.finish() else { return }
    keyspace.put(&found, built, expiry: nil)
    held[key] = expected
    forms[key] = Self.form(found.entry!)
  }

  // MARK: Looking

  private func look(_ key: Int, _ found: Found) {
    guard let entry = found.entry else { return }
    let set = SetValue(entry)
    check(set.count == held[key]!.count, "\(set.count) members, expected \(held[key]!.count)")
    let member = members.member(random.below(idCount))
    let isPresent = withView(member) { set.contains($0, keyspace.seed) }
    check(isPresent == held[key]!.contains(member), "present or not")
    var batch = MemberBatch()
    var expected: UInt32 = 0
    let probes = (0..<random.below(33)).map { _ in members.member(random.below(idCount)) }
    let bytes = Array(probes.joined()) + [0]
    withView(bytes) { bytes in
      var offset = 0
      for (index, probe) in probes.enumerated() {
        batch.append(.bytes(bytes[offset..<offset + probe.count]))
        offset += probe.count
        if held[key]!.contains(probe) { expected |= 1 << UInt32(index) }
      }
      check(set.present(batch, among: batch.all, keyspace.seed) == expected, "a batch is wrong")
      check(set.present(batch, among: batch.all & 0x5555, keyspace.seed) == expected & 0x5555,
        "part of a batch is wrong")
    }
    let wanted = random.below(set.count + 3)
    var drawn: [[UInt8]] = []
    set.forEachRandom(wanted, &keyspace.random) { drawn.append($0.withBytes { $0.array }) }
    check(drawn.count == min(wanted, set.count) && Set(drawn).count == drawn.count, "\(drawn.count) of \(wanted) drawn")
    check(held[key]!.isSuperset(of: drawn), "drew a stranger")
  }

  static func contents(_ entry: Entry) -> [[UInt8]] {
    var seen: [[UInt8]] = []
    SetValue(entry).forEach { seen.append($0.withBytes { $0.array }) }
    return seen
  }

  func checkAll() {
    for key in 0..<keyCount {
      withFound(key) { found in
        guard let entry = found.entry else { return check(held[key] == nil, "key \(key) is missing") }
        let seen = Self.contents(entry)
        check(Set(seen) == held[key] && seen.count == held[key]?.count, "key \(key) is wrong")
        var batched: [[UInt8]] = []
        _ = SetValue(entry).forEachBatch { batch in
          batch.forEach(batch.all) { member in
            batched.append(member.withBytes { $0.array })
            return true
          }
        }
        check(Set(batched) == held[key] && batched.count == seen.count, "batches of key \(key) are wrong")
      }
    }
  }

  func empty() {
    for key in 0..<keyCount { withFound(key) { keyspace.remove(&$0) } }
    held = [:]
  }

  // MARK: Freezing

  func freeze() {
    checkAll()
    view = FrozenSets(&keyspace, held)
  }

  func walk(_ units: Int) {
    guard let view, !view.step(units) else { return }
    if !view.isCancelled { check(view.contents == view.expected, "the view differs") }
    self.view = nil
    keyspace.thaw()
    checkTags()
    checkAll()
  }

  private func checkTags() {
    let tag = keyspace.context.units.currentTag
    func check(_ unit: UnsafeMutableRawPointer, _ what: String) {
      if unsafe unit.load(as: UInt8.self) != tag { fail("\(what) still belongs to the view") }
    }
    unsafe keyspace.databases.pointee.table.forEach { entry in
      unsafe check(entry.raw, "an entry")
      if let unit = entry.blobUnit { unsafe check(unit.raw, "a blob") }
      guard let raw = unsafe entry.root else { return }
      unsafe check(raw, "a root")
      let table = unsafe TableRoot<SetMember>(raw: raw).table
      unsafe table.pointee.forEach { unsafe check($0.raw, "a member") }
      guard let directory = unsafe table.pointee.directory else { return }
      unsafe check(SegmentedTable<SetMember>.directoryUnit(directory), "a directory")
      for index in 0..<(1 << (unsafe table.pointee.globalDepth)) {
        unsafe check(SegmentLayout.segment(directory[index]), "a segment")
      }
    }
  }
}

/// What the walker of a view shows, to be compared with what was there at the freeze.
final class FrozenSets {
  let expected: SetModel.Contents
  private var walker: ViewWalker
  private var seen = Seen()

  init(_ keyspace: inout Keyspace, _ expected: SetModel.Contents) {
    self.expected = expected
    walker = ViewWalker(keyspace.freeze(), freer: keyspace.context.units.freer)
  }

  func step(_ units: Int) -> Bool { walker.step(units: units, &seen) }
  func cancel() { walker.isCancelled = true }
  var isCancelled: Bool { walker.isCancelled }
  var contents: SetModel.Contents { seen.contents }

  private struct Seen: ViewVisitor {
    var contents: SetModel.Contents = [:]
    private var key = -1

    mutating func begin(_ table: FrozenView.Table) {}

    mutating func visit(_ entry: Entry) {
      key = Int(entry.key[entry.key.count - 1]) - 48
      contents[key] = entry.blob == nil ? [] : Set(SetModel.contents(entry))
    }

    mutating func visit(_ part: CollectionPart) {
      if case .member(let member) = part { contents[key]!.insert(member.bytes.array) }
    }
  }
}
