import Testing

@testable import Needletail

/// How a test element's key becomes its hash: what a real key's hash never does, a rule can.
protocol HashRule {
  static func hash(_ key: UInt64) -> UInt64
  /// Who owns the tables of elements with such hashes.
  static var ownership: TableOwnership { get }
}

extension HashRule {
  static var ownership: TableOwnership { .keyspace }
}

/// The same hashes in the table of a collection.
enum InCollection<Rule: HashRule>: HashRule {
  static func hash(_ key: UInt64) -> UInt64 { Rule.hash(key) }
  static var ownership: TableOwnership { .collection }
}

/// The same hashes in an index.
enum InIndex<Rule: HashRule>: HashRule {
  static func hash(_ key: UInt64) -> UInt64 { Rule.hash(key) }
  static var ownership: TableOwnership { .derived }
}

/// As a keyed hash behaves.
enum EvenHashes: HashRule {
  static func hash(_ key: UInt64) -> UInt64 { mixed(key) }
}

/// Five narrow clusters, three tags: deep splits beside shallow ones, full buckets, overflow around the end.
enum ClusteredHashes: HashRule {
  static let clusters: [UInt64] = [0xfff, 0x000, 0x7ff, 0x800, 0xabc]
  static func hash(_ key: UInt64) -> UInt64 {
    let spread = mixed(key)
    return clusters[Int(spread % 5)] << 52 | (spread >> 12) & ~0xff | spread % 3
  }
}

/// Groups of about 100 keys whose hashes are equal in all bits, at the two ends of every segment.
enum EqualHashes: HashRule {
  static func hash(_ key: UInt64) -> UInt64 {
    let group = mixed(key) % 64
    return group << 58 | (group & 1 == 0 ? 0 : 0x03ff_ffff_ffff_ff00) | (group & 3)
  }
}

/// A unit of 24 bytes: | tag 1 | unused 7 | key 8 | version 8 |.
@safe struct TestElement<Rule: HashRule>: TableElement {
  static var byteCount: Int { 24 }
  static var ownership: TableOwnership { Rule.ownership }
  var byteCount: Int { Self.byteCount }
  let raw: UnsafeMutableRawPointer
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }
  init(key: UInt64, version: Int, tag: UInt8) {
    unsafe raw = Heap.allocate(Self.byteCount)
    unsafe raw.storeBytes(of: UInt64(tag), as: UInt64.self)
    unsafe raw.storeBytes(of: key, toByteOffset: 8, as: UInt64.self)
    unsafe raw.storeBytes(of: version, toByteOffset: 16, as: Int.self)
  }
  var key: UInt64 { unsafe raw.load(fromByteOffset: 8, as: UInt64.self) }
  var version: Int { unsafe raw.load(fromByteOffset: 16, as: Int.self) }
  func hash(_ seed: HashSeed) -> UInt64 { Rule.hash(key) }
  func hasKey(_ key: ByteView) -> Bool { unsafe key.count == 8 && key.base.loadUnaligned(as: UInt64.self) == self.key }
}

/// A table and what it should hold.
final class TableModel<Rule: HashRule> {
  typealias Element = TestElement<Rule>
  typealias Layout = SegmentLayout
  struct Held: Equatable {
    var version: Int
    var deadline: Int?
    /// Where `keys` has it.
    var place: Int
  }

  typealias Table = SegmentedTable<Element>

  /// Holds the table. A unit only when the table is a collection's.
  private(set) var root: TableRoot<Element>
  var table: Table {
    _read { yield unsafe root.table.pointee }
    _modify { yield unsafe &root.table.pointee }
  }
  var context: TableContext
  var held: [UInt64: Held] = [:]
  var keys: [UInt64] = []
  var random: SeededGenerator
  var nextVersion = 1
  var now: Int { baseMilliseconds + context.wheel.currentTick << TimingWheel.tickShift }
  let baseMilliseconds = 1_700_000_000_123
  var view: (any FrozenElements)?
  /// Collections that have been let go and not been freed yet, with the tag of their moment.
  private var drops: [(root: TableRoot<Element>, tag: UInt8)] = []

  init(_ random: SeededGenerator, freer: BackgroundFreer = sharedFreer) {
    self.random = random
    context = TableContext(units: Units(freer: freer), wheel: TimingWheel(baseMilliseconds: baseMilliseconds),
      seed: HashSeed(k0: 1, k1: 2))
    root = .make(&context)
    if Rule.ownership == .keyspace { unsafe root.table.initialize(to: Table(id: 3)) }
  }

  /// A test that failed leaves its elements behind.
  deinit {
    precondition(failures > 0 || (unsafe root.table.pointee.directory == nil && drops.isEmpty))
    unsafe Heap.free(root.raw, TableRoot<Element>.byteCount)
  }

  /// As whoever holds a collection does before each change.
  private func willChange() {
    if Rule.ownership == .collection { root = root.writable(&context) }
  }

  private func letGo(_ element: Element) {
    if Rule.ownership == .derived {
      unsafe Heap.free(element.raw, Element.byteCount)
    } else {
      unsafe context.units.retire(element.raw, Element.byteCount)
    }
  }

  func find(_ key: UInt64) -> (position: SegmentedTable<Element>.Position, element: Element)? {
    var key = key
    return unsafe withUnsafeBytes(of: &key) {
      unsafe table.find(ByteView($0.baseAddress!, count: 8), hash: Rule.hash($0.load(as: UInt64.self)))
    }
  }

  // MARK: Operations

  func insert(_ key: UInt64, deadline: Int? = nil) {
    let element = Element(key: key, version: nextVersion, tag: context.units.currentTag)
    willChange()
    let position = table.insert(element, hash: Rule.hash(key), &context)
    if unsafe table.element(at: position).raw != element.raw { fail("inserted elsewhere") }
    if let deadline { table.setDeadline(at: position, deadline, &context) }
    held[key] = Held(version: nextVersion, deadline: deadline, place: keys.count)
    keys.append(key)
    nextVersion += 1
  }

  func replace(_ key: UInt64) {
    guard let hit = find(key) else { return fail("lost \(key)") }
    let element = Element(key: key, version: nextVersion, tag: context.units.currentTag)
    willChange()
    table.replace(at: hit.position, with: element, &context)
    if table.position(of: hit.element, hash: Rule.hash(key)) != nil { fail("the replaced one is still there") }
    letGo(hit.element)
    held[key]!.version = nextVersion
    nextVersion += 1
  }

  func remove(_ key: UInt64) {
    guard let hit = find(key) else { return fail("lost \(key)") }
    willChange()
    table.remove(at: hit.position, &context)
    letGo(hit.element)
    let place = held.removeValue(forKey: key)!.place
    let last = keys.removeLast()
    if last != key {
      keys[place] = last
      held[last]!.place = place
    }
  }

  /// Lets go of the whole collection; a new one takes its place.
  func drop() {
    precondition(Rule.ownership == .collection)
    drops.append((root, context.units.currentTag))
    root = .make(&context)
    held = [:]
    keys = []
  }

  /// The freer's part, some time later.
  func finishDrop() {
    guard !drops.isEmpty else { return }
    let (root, tag) = drops.remove(at: random.below(drops.count))
    unsafe TableRoot<Element>.free(root.raw, tag: tag, context.units.limbo)
  }
  var hasDrops: Bool { !drops.isEmpty }

  func setDeadline(_ key: UInt64, _ deadline: Int?) {
    guard let hit = find(key) else { return fail("lost \(key)") }
    if let deadline {
      table.setDeadline(at: hit.position, deadline, &context)
    } else {
      table.removeDeadline(at: hit.position, &context)
    }
    held[key]!.deadline = deadline
  }

  func someDeadline() -> Int {
    switch random.below(10) {
    case 0: Int.max
    case 1: Int.min
    case 2: now - random.below(100_000)
    case 3: now + 1 << 40
    default: now + random.below(1 << (4 + random.below(20)))
    }
  }

  /// One random operation; `growth` is the share of insertions, in percent.
  func step(growth: Int) {
    if keys.isEmpty || random.chance(growth) {
      let key = random.next()
      return insert(key, deadline: Rule.ownership == .keyspace && random.chance(deadlinePercent) ? someDeadline() : nil)
    }
    let key = keys[random.below(keys.count)]
    switch random.below(10) {
    case 0: replace(key)
    case 1 where Rule.ownership == .keyspace: setDeadline(key, random.chance(deadlinePercent) ? someDeadline() : nil)
    case 2:
      guard let hit = find(key), hit.element.version == held[key]!.version else { return fail("wrong \(key)") }
      if find(~key) != nil && held[~key] == nil { fail("found what is not there") }
    default: remove(key)
    }
  }
  var deadlinePercent = 10

  /// Moves time on and takes out what is due, as the keyspace does.
  func advance(byTicks ticks: Int) {
    context.wheel.advance(to: min(context.wheel.currentTick + ticks, TimingWheel.maxTick - 1))
    while let links = unsafe context.wheel.firstDue {
      let block = unsafe DeadlineSlots(links: links)
      if unsafe block.header.pointee.table != 3 { fail("another table's block") }
      var due: [UInt64] = []
      let tick = context.wheel.currentTick
      let next = block.collectDue(UInt32(tick)) { slot in
        if let hit = table.element(of: block, slot: slot) { due.append(hit.element.key) } else {
          fail("empty slot is due")
        }
      }
      unsafe context.wheel.arm(links, tick: max(next, UInt32(tick + 1)))
      for key in due {
        guard let deadline = held[key]?.deadline else { fail("no deadline"); continue }
        if deadline > now { fail("early by \(deadline - now) ms") }
        remove(key)
      }
    }
  }

  // MARK: Checks

  var failures = 0
  /// Overflow bits that stood for no element, over all checks.
  private(set) var excessBits = 0
  func fail(_ message: String) {
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed): \(message)") }
  }
  func check(_ condition: Bool, _ message: @autoclosure () -> String) { if !condition { fail(message()) } }

  /// Everything that is always true of a table.
  func checkInvariants() {
    if Rule.ownership == .collection && view == nil {
      check(unsafe root.raw.load(as: UInt8.self) == context.units.currentTag, "the root's tag")
    }
    guard unsafe table.directory != nil else {
      check(table.byteCount == 0, "bytes of nothing")
      check(held.isEmpty && table.count == 0 && table.deadlineCount == 0 && table.globalDepth == 0, "empty, or not?")
      check(unsafe table.deadlines == nil && context.wheel.armedCount == 0, "deadlines of nothing")
      return
    }
    check(!held.isEmpty, "an empty table owns something")
    check(table.count == held.count, "count \(table.count) of \(held.count)")
    var depths = [Int32](repeating: 0, count: 33)
    var elements = 0
    var deadlines = 0
    var blocks = 0
    var bytes = Heap.goodSize(Table.directoryByteCount(table.globalDepth))
    if unsafe table.deadlines != nil { bytes += 8 << table.globalDepth }
    if Rule.ownership == .collection {
      bytes += table.count * Heap.goodSize(Element.byteCount)
      let tag = unsafe Table.directoryUnit(table.directory!).load(as: UInt8.self)
      check(view != nil || tag == context.units.currentTag, "the directory's tag")
    }
    var emptySibling: Int? = nil
    var index = 0
    while index < 1 << table.globalDepth {
      let word = unsafe table.directory![index]
      let depth = Layout.depth(word)
      guard depth <= table.globalDepth else { return fail("depth \(depth) of \(table.globalDepth)") }
      let run = 1 << (table.globalDepth - depth)
      guard index % run == 0 else { return fail("run of \(run) at \(index)") }
      for other in index..<(index + run) {
        let sameBits: UInt64 = (1 << 54) - 1
        check(unsafe table.directory![other] & sameBits == word & sameBits, "run differs at \(other)")
        check(unsafe other == index || table.deadlines == nil || table.deadlines![other] == nil, "block inside a run")
      }
      depths[depth] += 1
      bytes += Layout.bucketCount(word) << 7
      elements += checkSegment(index, word)
      let count = checkDeadlines(index, word)
      deadlines += count
      if count > 0 { blocks += 1 }
      if Layout.count(word) == 0 {
        if let emptySibling, emptySibling == index ^ run, Layout.depth(unsafe table.directory![emptySibling]) == depth {
          fail("two empty siblings")
        }
        emptySibling = index
      }
      index += run
    }
    check(elements == table.count, "elements \(elements), count \(table.count)")
    check(deadlines == table.deadlineCount, "deadlines \(deadlines), deadlineCount \(table.deadlineCount)")
    check(held.values.reduce(0) { $0 + ($1.deadline == nil ? 0 : 1) } == deadlines, "deadlines \(deadlines)")
    check(blocks == context.wheel.armedCount, "\(blocks) blocks, \(context.wheel.armedCount) armed")
    check(unsafe table.deadlines != nil || deadlines == 0, "no side directory")
    check(bytes == table.byteCount, "bytes")
    for depth in 0..<33 where depths[depth] != table.depthCounts[depth] { fail("depthCounts[\(depth)]") }
  }

  private func checkSegment(_ first: Int, _ word: UInt64) -> Int {
    let bucketCount = Layout.bucketCount(word)
    let depth = Layout.depth(word)
    let segment = unsafe Layout.segment(word)
    let count = Layout.count(word)
    check(count <= Layout.limit(bucketCount), "\(count) elements in \(bucketCount) buckets")
    check(bucketCount == 1 || count > table.shrinkLimit(first),
      "only \(count) elements in \(bucketCount) buckets")
    if view == nil && Rule.ownership != .derived {
      check(unsafe segment.load(as: UInt8.self) == context.units.currentTag, "tag")
    }
    var masks = [UInt8](repeating: 0, count: bucketCount)
    var seen = 0
    for bucket in 0..<bucketCount {
      let base = unsafe segment + bucket << 7
      for slot in 0..<14 {
        let entry = unsafe Layout.word(base, slot)
        let tag = unsafe Layout.tag(base, slot)
        guard entry != 0 else {
          check(tag == 0, "tag without a word")
          continue
        }
        seen += 1
        let element = unsafe Element(raw: Layout.pointer(entry))
        let hash = Rule.hash(element.key)
        check(tag == max(UInt8(truncatingIfNeeded: hash), 1), "tag of \(element.key)")
        check(entry >> 48 == (hash << UInt64(depth)) >> 48, "bits of \(element.key)")
        check(table.firstIndex(table.index(hash), depth: depth) == first, "segment of \(element.key)")
        check(held[element.key]?.version == element.version, "version of \(element.key)")
        if let hit = find(element.key) {
          check(hit.position.first == first && hit.position.bucket == bucket && hit.position.index == slot,
            "position of \(element.key)")
        } else {
          fail("not found: \(element.key)")
        }
        check(table.position(of: element, hash: hash)?.slot == bucket * 14 + slot, "place of \(element.key)")
        if view == nil && Rule.ownership != .derived {
          check(unsafe element.raw.load(as: UInt8.self) == context.units.currentTag, "element's tag")
        }
        let home = Layout.home(entry >> 48, bucketCount)
        var passed = home
        while passed != bucket {
          masks[passed] |= 1 << (tag & 7)
          passed = (passed + 1) % bucketCount
        }
      }
    }
    check(seen == count, "segment count \(count), has \(seen)")
    for bucket in 0..<bucketCount {
      let mask = unsafe Layout.overflow(segment + bucket << 7)
      check(mask & masks[bucket] == masks[bucket], "overflow lacks a bit: \(mask), should be \(masks[bucket])")
      // A bit too many costs a miss one more bucket; removals keep those few.
      excessBits += (mask & ~masks[bucket]).nonzeroBitCount
    }
    return seen
  }

  private func checkDeadlines(_ first: Int, _ word: UInt64) -> Int {
    guard let block = table.block(first) else {
      check(!Layout.hasDeadlines(word), "deadlines promised")
      return 0
    }
    check(Layout.hasDeadlines(word), "deadlines hidden")
    check(unsafe block.header.pointee.prefix == table.prefix(first), "prefix")
    check(unsafe Int(block.header.pointee.slotCount) == Layout.bucketCount(word) * 14, "slots")
    var slots: [Int] = []
    _ = block.collectDue(DeadlineSlots.maxTick) { slots.append($0) }
    check(Set(slots).count == slots.count && slots.count == block.count && block.count > 0, "slots of a block")
    var earliest = DeadlineSlots.none
    for slot in slots {
      let tick = block.remove(slot)
      block.set(slot, tick)
      earliest = min(earliest, tick)
      guard let hit = table.element(of: block, slot: slot), let deadline = held[hit.element.key]?.deadline else {
        fail("a deadline of nobody")
        continue
      }
      check(tick == min(context.wheel.tick(ofDeadline: deadline), DeadlineSlots.maxTick), "tick")
    }
    check(block.earliest == earliest, "earliest")
    let links = unsafe block.links.pointee
    check(links.isArmed && links.tick <= earliest, "armed too late")
    return slots.count
  }

  /// Takes everything out.
  func empty() {
    while failures == 0, let key = keys.last { remove(key) }
    checkInvariants()
  }

  /// Gives back what was reserved in vain.
  func settle() {
    willChange()
    table.settle(&context)
  }

  /// The elements are gone, and the table has been emptied.
  func forget() {
    held = [:]
    keys = []
  }

  /// Walks what view there is to its end and frees all that is left.
  func finish() {
    while walk(1000) {}
    while hasDrops { finishDrop() }
    empty()
    context.units.freer.wake()
  }

  // MARK: Freezing

  func freeze() {
    let expected = held.mapValues { $0.version }
    context.units.freeze()
    let tag = context.units.currentTag
    view = switch Rule.ownership {
    case .keyspace: FrozenTable<Rule>(table, expected, tag: tag)
    case .collection: FrozenCollection<Rule>(root, expected, UnitReleaser(currentTag: tag, freer: context.units.freer))
    case .derived: FrozenNothing()
    }
  }

  /// - Returns: true while there is a view.
  @discardableResult
  func walk(_ units: Int) -> Bool {
    guard let view else { return false }
    if view.step(units) { return true }
    if !view.isCancelled {
      check(view.seen == view.expected, "the view has \(view.seen.count) elements, expected \(view.expected.count)")
    }
    check(view.seenTwice == 0, "seen twice")
    self.view = nil
    context.units.thaw()
    return false
  }
}

/// Tables and small values never use it; a thread for each test would be a waste.
let sharedFreer = BackgroundFreer(counters: MemoryCounters())
