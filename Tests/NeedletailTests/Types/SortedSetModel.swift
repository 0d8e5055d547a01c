import Testing

@testable import Needletail

/// A few sorted sets in a keyspace beside dictionaries, packed and large, with views walked meanwhile.
final class SortedSetModel {
  typealias Contents = [Int: [[UInt8]: Double]]

  var keyspace: Keyspace
  var random: SeededGenerator
  let freer: BackgroundFreer
  let mix: MemberMix
  let keyCount = 6
  let idCount: Int
  private(set) var held: Contents = [:]
  private(set) var view: FrozenSortedSets?
  private(set) var failures = 0
  private var stepCount = 0

  init(_ random: SeededGenerator, _ mix: MemberMix, idCount: Int, maxEntries: Int, freer: BackgroundFreer) {
    self.random = random
    self.freer = freer
    self.mix = mix
    self.idCount = idCount
    keyspace = Keyspace(databaseCount: 1, seed: HashSeed(k0: random.seed, k1: 9), freer: freer,
      nowMilliseconds: 1_700_000_000_000)
    keyspace.limits.sortedSetEntries = maxEntries
    keyspace.limits.sortedSetBytes = 280
  }

  func fail(_ message: String) {
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed), \(mix), step \(stepCount): \(message)") }
  }

  func check(_ condition: Bool, _ message: @autoclosure () -> String) { if !condition { fail(message()) } }

  static func name(_ key: Int) -> [UInt8] { Array("zset:\(key)".utf8) }

  func withFound(_ key: Int, _ body: (inout Found) -> Void) {
    withView(Self.name(key)) { name in
      var found = keyspace.find(Key(name, keyspace.seed), in: 0)
      body(&found)
    }
  }

  private func isPacked(_ found: Found) -> Bool { found.entry.map { $0.blob != nil } ?? true }

  func step() {
    stepCount += 1
    let key = random.below(keyCount)
    withFound(key) { found in
      check((found.entry != nil) == (held[key] != nil), "key \(key) is there or not")
      switch random.below(100) {
      case 0..<60: setScore(key, &found)
      case 60..<84: remove(key, &found)
      case 84..<92: look(key, found)
      case 92 where random.below(10) == 0: removeRanks(key, &found)
      case 93 where random.below(30) == 0:
        keyspace.remove(&found)
        held[key] = nil
      case 94 where random.below(20) == 0: relocate(key, &found)
      case 95 where random.below(40) == 0: rebuild(key, &found)
      case 96:
        if found.entry != nil { keyspace.setExpiry(&found, at: keyspace.nowMilliseconds + 1_000_000) }
      default: break
      }
    }
  }

  // MARK: Changes

  private func setScore(_ key: Int, _ found: inout Found) {
    let member = mix.member(random.below(idCount))
    let given = mix.score(&random, stepCount)
    let old = held[key]?[member]
    var rules: ScoreRules = []
    if random.chance(10) { rules.insert([.onlyNew, .onlyPresent, .onlyGreater, .onlyLess][random.below(4)]) }
    // Ranges by bytes need one score for all.
    if mix != .equal && random.chance(10) { rules.insert(.increments) }
    let wasPacked = isPacked(found)
    let change = withView(member) { try! keyspace.setScore(&found, $0, given, rules) }
    let wanted = rules.contains(.increments) ? (old ?? 0) + given : given
    let expected: ScoreChange.Kind
    if let old {
      if rules.contains(.onlyNew) {
        expected = .refused
      } else if wanted.isNaN {
        expected = .notANumber
      } else if rules.contains(.onlyGreater) && wanted <= old || rules.contains(.onlyLess) && wanted >= old {
        expected = .refused
      } else {
        expected = wanted == old ? .same : .updated
      }
    } else {
      expected = rules.contains(.onlyPresent) ? .refused : .added
    }
    check(change.kind == expected, "\(change.kind), expected \(expected)")
    if expected == .added || expected == .updated { held[key, default: [:]][member] = old == nil ? given : wanted }
    if held[key] != nil && wasPacked {
      let fits = held[key]!.count <= keyspace.limits.sortedSetEntries
        && held[key]!.keys.allSatisfy { $0.count <= keyspace.limits.sortedSetBytes }
      check(isPacked(found) == fits, "packed or not, with \(held[key]!.count) members")
    }
  }

  /// As commands do with an empty set.
  private func removeIfEmpty(_ key: Int, _ found: inout Found) {
    guard held[key]?.isEmpty == true else { return }
    check(found.length == 0, "an empty set has \(found.length) members")
    keyspace.remove(&found)
    held[key] = nil
  }

  private func remove(_ key: Int, _ found: inout Found) {
    let member = mix.member(random.below(idCount))
    let isRemoved = withView(member) { keyspace.removeMember(&found, $0) }
    check(isRemoved == (held[key]?.removeValue(forKey: member) != nil), "removed or not")
    removeIfEmpty(key, &found)
  }

  private func sorted(_ key: Int) -> [ModelMember] { (held[key] ?? [:]).map { ModelMember($1, $0) }.sorted(by: <) }

  private func removeRanks(_ key: Int, _ found: inout Found) {
    let members = sorted(key)
    guard members.count > 1 else { return }
    let first = random.below(members.count)
    let ranks = first..<min(members.count, first + 1 + random.below(random.chance(50) ? 2 : members.count))
    guard ranks.count < members.count else { return }
    keyspace.removeRanks(&found, ranks)
    for member in members[ranks] { held[key]![member.member] = nil }
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
    }
  }

  /// Gives the key a value that was built beside the keyspace.
  private func rebuild(_ key: Int, _ found: inout Found) {
    var value: [[UInt8]: Double] = [:]
    var builder = SortedSetBuilder(keyspace.limits, keyspace.context)
    for step in 0..<random.below(2 * keyspace.limits.sortedSetEntries + 3) {
      let member = mix.member(random.below(idCount))
      let score = mix.score(&random, step)
      let outcome = withView(member) { builder.add(PackedElement($0), score, &keyspace.context) }
      check((outcome == .duplicate) == (value[member] != nil), "a duplicate or not")
      if value[member] == nil { value[member] = score }
    }
    if random.chance(10) { return builder.discard(keyspace.context.units) }
    guard let built = builder.finish(&keyspace.context) else { return check(value.isEmpty, "built nothing") }
    keyspace.put(&found, built, expiry: nil)
    held[key] = value
  }

  // MARK: Looking

  private func look(_ key: Int, _ found: Found) {
    guard let entry = found.entry else { return }
    let set = SortedSetValue(entry)
    let members = sorted(key)
    check(set.count == members.count, "\(set.count) members, expected \(members.count)")
    let member = mix.member(random.below(idCount))
    let found = withView(member) { set.rank($0, keyspace.context) }
    let rank = members.firstIndex { $0.member == member }
    check(found?.rank == rank && found?.score == held[key]![member],
      "rank \(found?.rank ?? -1), expected \(rank ?? -1)")
    let (a, b) = (mix.score(&random, stepCount), mix.score(&random, stepCount))
    let range = ScoreRange(lower: a, isLowerExclusive: random.chance(50), upper: b, isUpperExclusive: random.chance(50))
    let expected = members.indices.filter {
      let score = members[$0].score
      return (range.isLowerExclusive ? score > a : score >= a) && (range.isUpperExclusive ? score < b : score <= b)
    }
    let ranks = set.ranks(range)
    check(Array(ranks) == expected || ranks.isEmpty && expected.isEmpty, "scores: \(ranks), expected \(expected)")
    let isReversed = random.chance(50)
    var seen: [ModelMember] = []
    set.forEach(ranks, isReversed: isReversed) { seen.append(ModelMember($1, $0.array)) }
    check((isReversed ? seen.reversed() : seen) == Array(members[ranks]), "a range is wrong")
    if mix == .equal { lookByBytes(set, members) }
  }

  private func lookByBytes(_ set: SortedSetValue, _ members: [ModelMember]) {
    let (a, b) = (mix.member(random.below(idCount)), mix.member(random.below(idCount)))
    let (isLowerExclusive, isUpperExclusive) = (random.chance(50), random.chance(50))
    let expected = members.indices.filter {
      let member = members[$0].member
      return (member == a ? !isLowerExclusive : a.lexicographicallyPrecedes(member))
        && (member == b ? !isUpperExclusive : member.lexicographicallyPrecedes(b))
    }
    withView(a) { a in
      withView(b) { b in
        let range = LexRange(lower: .at(a, isExclusive: isLowerExclusive), upper: .at(b, isExclusive: isUpperExclusive))
        let ranks = set.ranks(range, isReversed: random.chance(50))
        check(Array(ranks) == expected || ranks.isEmpty && expected.isEmpty, "bytes: \(ranks), expected \(expected)")
      }
    }
  }

  func checkAll() {
    for key in 0..<keyCount {
      withFound(key) { found in
        guard let entry = found.entry else { return check(held[key] == nil, "key \(key) is missing") }
        let set = SortedSetValue(entry)
        var seen: [ModelMember] = []
        set.forEach(0..<set.count) { seen.append(ModelMember($1, $0.array)) }
        check(seen == sorted(key), "key \(key) is wrong")
        guard case .large(let root) = set else { return }
        check(unsafe root.index.pointee.count == root.count, "the index has another count")
        var known = 0
        root.forEach { if unsafe root.find($0.member, keyspace.context)?.raw == $0.raw { known += 1 } }
        check(known == root.count, "the index knows \(known) of \(root.count)")
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
    view = FrozenSortedSets(&keyspace, held)
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
      let root = unsafe SortedSetRoot(raw: raw)
      root.forEach { unsafe check($0.raw, "a member") }
      let tree = unsafe TreeCheck(root.tree.pointee, tag: tag) { leaf in
        let leaf = unsafe MemberLeaf(leaf.raw)
        return leaf.byteCount + leaf.memberBytes(0..<leaf.count)
      }
      for problem in tree.problems { fail(problem) }
    }
  }
}

/// What the walker of a view shows, to be compared with what was there at the freeze.
final class FrozenSortedSets {
  let expected: SortedSetModel.Contents
  private var walker: ViewWalker
  private var seen = Seen()

  init(_ keyspace: inout Keyspace, _ expected: SortedSetModel.Contents) {
    self.expected = expected
    walker = ViewWalker(keyspace.freeze(), freer: keyspace.context.units.freer)
  }

  func step(_ units: Int) -> Bool { walker.step(units: units, &seen) }
  func cancel() { walker.isCancelled = true }
  var isCancelled: Bool { walker.isCancelled }
  var contents: SortedSetModel.Contents { seen.contents }

  private struct Seen: ViewVisitor {
    var contents: SortedSetModel.Contents = [:]
    private var key = -1

    mutating func begin(_ table: FrozenView.Table) {}

    mutating func visit(_ entry: Entry) {
      key = Int(entry.key[entry.key.count - 1]) - 48
      var members: [[UInt8]: Double] = [:]
      if let blob = entry.blob {
        for pair in PackedSortedSet(blob) { members[pair.member.withBytes { $0.array }] = pair.score }
      }
      contents[key] = members
    }

    mutating func visit(_ part: CollectionPart) {
      if case .scored(let member) = part { contents[key]![member.member.array] = member.score }
    }
  }
}
