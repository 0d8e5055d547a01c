import Testing

@testable import Needletail

/// What members and scores a model draws, since everything hangs on how they tie.
enum MemberMix: CaseIterable, Sendable {
  /// Random scores, members without anything in common.
  case random
  /// One score, members that differ in their last bytes only: every comparison reads members.
  case equal
  /// A dozen scores, members of all lengths.
  case few
  /// Scores that grow, as times do.
  case growing
  /// All magnitudes, both zeros, infinities.
  case extreme

  func member(_ id: Int) -> [UInt8] {
    switch self {
    case .equal: return Array("member:with:a:common:start:".utf8) + Array(String(id).utf8)
    case .few:
      if id == 0 { return [] }
      let length = [0, 1, 3, 7, 8, 9, 40, 254, 255, 256, 300][id % 11]
      let text = Array(String(id).utf8)
      return (0..<length).map { text[$0 % text.count] } + (length < 9 ? text : [])
    default: return unsafe withUnsafeBytes(of: mixed(UInt64(id))) { unsafe Array($0) }
    }
  }

  func score(_ random: inout SeededGenerator, _ step: Int) -> Double {
    switch self {
    case .random: return Double(random.next() >> 11) / 1e12
    case .equal: return 1.5
    case .few: return Double(random.below(12)) - 5
    case .growing: return Double(step / 2) + (random.chance(2) ? -Double(random.below(step + 1)) : 0)
    case .extreme:
      switch random.below(12) {
      case 0: return 0
      case 1: return -0.0
      case 2: return random.chance(50) ? .infinity : -.infinity
      case 3: return Double(random.below(100)) * .leastNonzeroMagnitude
      case 4: return -Double.greatestFiniteMagnitude
      default:
        let score = Double(bitPattern: random.next())
        return score.isNaN ? 0 : score
      }
    }
  }
}

struct ModelMember: Equatable {
  var score: Double
  let member: [UInt8]

  static func < (a: ModelMember, b: ModelMember) -> Bool {
    a.score != b.score ? a.score < b.score : a.member.lexicographicallyPrecedes(b.member)
  }

  init(_ score: Double, _ member: [UInt8]) {
    self.score = score
    self.member = member
  }

  init(_ unit: ScoredMember) {
    // Read by this module's own code too, which the thread sanitizer sees.
    score = unit.score
    member = unit.member.array
  }
}

/// A `MemberTree` beside a sorted array.
final class MemberTreeModel {
  var units: Units
  var random: SeededGenerator
  let mix: MemberMix
  let idCount: Int
  private(set) var tree = MemberTree()
  private(set) var held: [ModelMember] = []
  /// As a sorted set's member index has them.
  private var index: [[UInt8]: ScoredMember] = [:]
  private(set) var view: TreeView<MemberLeaf, ModelMember>?
  private(set) var failures = 0
  private var stepCount = 0

  init(_ random: SeededGenerator, _ mix: MemberMix, idCount: Int, freer: BackgroundFreer) {
    self.random = random
    self.mix = mix
    self.idCount = idCount
    units = Units(freer: freer)
  }

  func fail(_ message: String) {
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed), \(mix), step \(stepCount): \(message)") }
  }

  func check(_ condition: Bool, _ message: @autoclosure () -> String) { if !condition { fail(message()) } }

  /// How many held members come before `item`.
  private func bound(_ item: ModelMember) -> Int { held.partitioningIndex { !($0 < item) } }

  // MARK: Operations

  /// - Parameter growth: how many of a hundred changes are insertions rather than removals.
  func step(growth: Int) {
    stepCount += 1
    let id = random.below(idCount)
    let member = mix.member(id)
    switch random.below(20) {
    case 0: look(member)
    case 1: lookAround()
    case 2..<5: if let unit = index[member] { setScore(member, unit) }
    case 5 where random.below(300) == 0: removeRange()
    case 5 where random.below(300) == 0: splitAndDrop()
    case 6 where random.below(8) == 0 && !held.isEmpty: removeAtEnd()
    default:
      if random.chance(growth) { if index[member] == nil { insert(member) } } else { remove(member) }
    }
  }

  func insert(_ member: [UInt8]) {
    let item = ModelMember(mix.score(&random, stepCount), member)
    let unit = withView(member) { ScoredMember.make($0, score: item.score, tag: units.currentTag) }
    tree.insert(unit, &units)
    index[member] = unit
    held.insert(item, at: bound(item))
  }

  func remove(_ member: [UInt8]) {
    guard let unit = index.removeValue(forKey: member) else {
      let gone = withView(member) { tree.remove(mix.score(&random, stepCount), $0, &units) }
      return check(gone == nil, "removed what was not there")
    }
    let item = ModelMember(unit)
    if random.chance(50) {
      tree.remove(unit, &units)
    } else {
      let found = withView(member) { tree.remove(item.score, $0, &units) }
      check(unsafe found?.raw == unit.raw, "removed another one")
    }
    unsafe units.retire(unit.raw, unit.byteCount)
    held.remove(at: bound(item))
  }

  private func removeAtEnd() {
    let rank = random.chance(50) ? 0 : held.count - 1
    let unit = tree.remove(atRank: rank, &units)
    let item = held.remove(at: rank)
    check(ModelMember(unit) == item, "removed another one by its rank")
    index[item.member] = nil
    unsafe units.retire(unit.raw, unit.byteCount)
  }

  private func setScore(_ member: [UInt8], _ unit: ScoredMember) {
    let old = ModelMember(unit)
    var item = old
    // Often so near that the place stays.
    item.score = random.chance(50) ? mix.score(&random, stepCount) : random.chance(50) ? old.score.nextUp
      : old.score.nextDown
    let isOfView = unsafe units.belongsToView(unit.raw)
    let changed = try! tree.setScore(unit, item.score, &units)
    // One that was the view's may have been released meanwhile, by a walker on another thread.
    check(unsafe isOfView || changed.raw == unit.raw, "a unit that was no view's was copied")
    index[member] = changed
    held.remove(at: bound(old))
    held.insert(item, at: bound(item))
  }

  private func forget(_ range: Range<Int>) {
    for item in held[range] { index[item.member] = nil }
    held.removeSubrange(range)
  }

  private func removeRange() {
    let start = random.below(held.count + 1)
    let length = random.chance(50) ? random.below(200) : random.below(held.count - start + 1)
    let range = start..<min(start + length, held.count)
    tree.removeRange(range, &units)
    forget(range)
    checkAll()
  }

  private func splitAndDrop() {
    let rank = random.below(held.count + 1)
    var rest = tree.splitOff(from: rank, &units)
    check(tree.count == rank && rest.count == held.count - rank, "split at \(rank): \(tree.count) and \(rest.count)")
    var kept = tree
    if random.chance(50) { swap(&kept, &rest) }
    tree = kept
    rest.drop(&units)
    let isFront = kept.count == rank && (kept.count == 0 || ModelMember(kept[0]) == held[0])
    forget(isFront ? rank..<held.count : 0..<rank)
    checkAll()
  }

  /// Everything out and in again, in order.
  func rebuild() {
    tree.drop(&units)
    var builder = MemberTreeBuilder(tag: units.currentTag)
    for item in held {
      let unit = withView(item.member) { ScoredMember.make($0, score: item.score, tag: units.currentTag) }
      check(builder.append(unit), "the builder refuses")
      check(!builder.append(unit), "the builder takes one twice")
      index[item.member] = unit
    }
    tree = builder.finish(&units)
    checkAll()
  }

  // MARK: Looking

  private func look(_ member: [UInt8]) {
    let score = index[member]?.score ?? mix.score(&random, stepCount)
    let expected = bound(ModelMember(score, member))
    let found = withView(member) { tree.rank(score, $0) }
    check(found.rank == expected && found.isFound == (index[member] != nil), "rank \(found), not \(expected)")
    if let unit = index[member] { check(tree.rank(of: unit) == expected, "rank of a unit") }
    let below = held.partitioningIndex { $0.score >= score }
    let upTo = held.partitioningIndex { $0.score > score }
    check(tree.countBelow(score) == below, "\(tree.countBelow(score)) below, not \(below)")
    check(tree.countUpTo(score) == upTo, "\(tree.countUpTo(score)) up to, not \(upTo)")
  }

  private func lookAround() {
    guard !held.isEmpty else { return check(tree.isEmpty, "not empty") }
    let rank = random.below(held.count)
    check(ModelMember(tree[rank]) == held[rank], "at \(rank)")
    check(held.contains(ModelMember(tree.random(&random))), "drew a stranger")
    var cursor = tree.cursor(atRank: rank)
    var place = rank
    for _ in 0..<random.below(200) {
      guard let unit = cursor.next() else {
        check(place == held.count, "ends at \(place)")
        break
      }
      check(ModelMember(unit) == held[place], "forwards at \(place)")
      place += 1
    }
    for _ in 0..<random.below(300) {
      guard let unit = cursor.previous() else {
        check(place == 0, "starts at \(place)")
        break
      }
      place -= 1
      check(ModelMember(unit) == held[place], "backwards at \(place)")
    }
  }

  func checkAll() {
    let check = TreeCheck(tree, tag: view == nil ? units.currentTag : nil) { child in
      let leaf = unsafe MemberLeaf(child.raw)
      return (0..<leaf.count).reduce(leaf.byteCount) { $0 + Heap.goodSize(leaf[$1].byteCount) }
    }
    for problem in check.problems { fail(problem) }
    var last: ModelMember?
    var place = 0
    for (number, child) in check.leaves.enumerated() {
      let leaf = unsafe MemberLeaf(child.raw)
      self.check(leaf.count == child.count && leaf.count > 0, "a leaf of \(leaf.count), recorded \(child.count)")
      if number > 0 {
        self.check(leaf[0].key >= child.key, "a separator is too large")
        self.check(withView(last!.member) { ScoredMember.key(last!.score, $0) } <= child.key,
          "a separator is too small")
      }
      for position in 0..<leaf.count {
        let item = ModelMember(leaf[position])
        self.check(place < held.count && item == held[place], "member \(place) differs")
        self.check(unsafe index[item.member]?.raw == leaf[position].raw, "the index has another unit")
        if failures > 0 { return }
        last = item
        place += 1
      }
    }
    self.check(place == held.count && tree.count == place && index.count == place,
      "\(place) members, not \(held.count)")
  }

  func empty() {
    tree.drop(&units)
    held = []
    index = [:]
  }

  // MARK: Freezing

  func freeze() {
    units.freeze()
    view = unsafe TreeView(tree, units, held) { [ModelMember(unsafe ScoredMember(raw: $0))] }
  }

  func walk(_ limit: Int) {
    guard let view, !view.step(limit) else { return }
    endView()
  }

  /// The view was walked to its end, here or elsewhere.
  func endView() {
    if let problem = view?.problem { fail(problem) }
    view = nil
    units.thaw()
  }
}

extension Array {
  /// The first index from which `predicate` holds, in an array where it never ceases to hold.
  func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
