import Testing

@testable import Needletail

/// Lists in a keyspace beside arrays, with the walker of a frozen view beside them.
final class ListModel {
  typealias Contents = [Int: [[UInt8]]]

  var keyspace: Keyspace
  var random: SeededGenerator
  let keys: [[UInt8]]
  var held: Contents = [:]
  private(set) var view: FrozenLists?
  private(set) var failures = 0
  private var stepCount = 0

  init(_ random: SeededGenerator, freer: BackgroundFreer, keyCount: Int) {
    self.random = random
    keyspace = Keyspace(databaseCount: 1, seed: HashSeed(k0: random.seed, k1: 3), freer: freer,
      nowMilliseconds: 1_700_000_000_000)
    keys = (0..<keyCount).map { Array("list:\($0)".utf8) }
    changeLimit()
  }

  func fail(_ message: String) {
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed), step \(stepCount): \(message)") }
  }

  static let limits = [-5, -2, -1, 0, 1, 2, 7, 100, 5000]

  /// As CONFIG SET and DEBUG do, while there are lists made under another one.
  private func changeLimit() {
    keyspace.limits.listSize = Self.limits[random.below(Self.limits.count)]
    keyspace.limits.listPlainBytes = random.chance(60) ? .max : Self.lengths[random.below(12)] / (1 + random.below(40))
  }

  private static let lengths =
    [63, 64, 100, 125, 126, 127, 128, 191, 192, 250, 251, 1000, 4090, 8192, 8193, 9000, 66_000]

  private func someElement() -> [UInt8] {
    switch random.below(10) {
    case 0...2: return Array(String(Int(truncatingIfNeeded: random.next()) >> random.below(63)).utf8)
    case 3...5: return [UInt8](repeating: 97 + UInt8(random.below(3)), count: random.below(4))
    case 6...8: return Array("element:\(random.below(1_000_000))".utf8)
    default:
      let length = Self.lengths[random.below(random.chance(95) ? 12 : Self.lengths.count)]
      return [UInt8](repeating: 120, count: length)
    }
  }

  func step() {
    stepCount += 1
    let i = random.below(keys.count)
    withFound(i) { found in
      guard let list = held[i] else { return push(&found, i) }
      switch random.below(40) {
      case 0..<18: push(&found, i)
      case 18..<26: pop(&found, i, list)
      case 26..<29: insert(&found, i, list)
      case 29..<32: set(&found, i, list)
      case 32..<34: removeMatches(&found, i, list)
      case 34: if random.chance(30) { trim(&found, i, list) }
      case 35..<37: look(found, list)
      case 37: if random.chance(30) { relocate(&found, i) }
      case 38:
        if random.chance(20) {
          keyspace.remove(&found)
          held[i] = nil
        }
      default: if random.chance(5) { changeLimit() }
      }
    }
  }

  private func withFound(_ i: Int, _ body: (inout Found) -> Void) {
    withView(keys[i]) { key in
      var found = keyspace.find(Key(key, keyspace.seed), in: 0)
      if (found.entry == nil) != (held[i] == nil) { fail("key \(i) should not be so") }
      if found.length != held[i]?.count ?? -1 { fail("key \(i) has another length") }
      body(&found)
    }
  }

  // MARK: Operations

  private func push(_ found: inout Found, _ i: Int) {
    let count = random.chance(80) ? 1 : 1 + random.below(random.chance(90) ? 5 : 600)
    let isTail = random.chance(60)
    let elements = (0..<count).map { _ in someElement() }
    let joined = Array(elements.joined()) + [0]
    var starts: [Int] = []
    var start = 0
    for element in elements {
      starts.append(start)
      start += element.count
    }
    unsafe joined.withUnsafeBytes { buffer in
      func element(_ index: Int) -> ListElement {
        ListElement(unsafe ByteView(buffer.baseAddress! + starts[index], count: elements[index].count))
      }
      var arrivals = Keyspace.Arrivals()
      for index in 0..<count { arrivals.add(element(index)) }
      try! keyspace.pushElements(&found, arrivals, isTail: isTail, element)
    }
    held[i] = isTail ? (held[i] ?? []) + elements : elements.reversed() + (held[i] ?? [])
  }

  private func pop(_ found: inout Found, _ i: Int, _ list: [[UInt8]]) {
    let isTail = random.chance(50)
    let count = random.chance(70) ? 1 : 1 + random.below(random.chance(80) ? min(list.count, 20) : list.count)
    let shown = ListValue(found.entry!).end(isTail: isTail).withBytes { $0.array }
    if shown != (isTail ? list.last! : list[0]) { fail("another element at the end") }
    if count >= list.count {
      keyspace.remove(&found)
      held[i] = nil
      return
    }
    if count == 1 {
      keyspace.removeEnd(&found, isTail: isTail)
    } else {
      keyspace.removeElements(&found, isTail ? list.count - count..<list.count : 0..<count)
    }
    keyspace.shrinkList(&found)
    held[i] = Array(isTail ? list.dropLast(count) : list.dropFirst(count))
  }

  private func insert(_ found: inout Found, _ i: Int, _ list: [[UInt8]]) {
    let pivot = random.chance(90) ? list[random.below(list.count)] : [33]
    let isBefore = random.chance(50)
    let element = someElement()
    let isInserted = withView(pivot) { pivot in
      withView(element) { try! keyspace.insertElement(&found, ListElement($0), beside: pivot, isBefore: isBefore) }
    }
    let place = list.firstIndex(of: pivot)
    if isInserted != (place != nil) { fail("the pivot was\(isInserted ? "" : " not") found") }
    if let place { held[i]!.insert(element, at: isBefore ? place : place + 1) }
  }

  private func set(_ found: inout Found, _ i: Int, _ list: [[UInt8]]) {
    let index = random.below(list.count * 2 + 2) - list.count - 1
    let element = someElement()
    let isSet = withView(element) { try! keyspace.replaceElement(&found, at: index, with: ListElement($0)) }
    let place = index < 0 ? index + list.count : index
    if isSet != list.indices.contains(place) { fail("index \(index) of \(list.count)") }
    if isSet { held[i]![place] = element }
    keyspace.shrinkList(&found)
  }

  private func removeMatches(_ found: inout Found, _ i: Int, _ list: [[UInt8]]) {
    let element = list[random.below(list.count)]
    let limit = random.chance(50) ? Int.max : 1 + random.below(3)
    let fromTail = random.chance(50)
    let removed = withView(element) { keyspace.removeMatches(&found, $0, limit: limit, fromTail: fromTail) }
    var rest = fromTail ? Array(list.reversed()) : list
    var expected = 0
    rest.removeAll {
      guard $0 == element && expected < limit else { return false }
      expected += 1
      return true
    }
    if removed != expected { fail("removed \(removed), expected \(expected)") }
    if fromTail { rest.reverse() }
    held[i] = rest.isEmpty ? nil : rest
    if rest.isEmpty { keyspace.remove(&found) } else { keyspace.shrinkList(&found) }
  }

  private func trim(_ found: inout Found, _ i: Int, _ list: [[UInt8]]) {
    let start = random.below(list.count)
    let end = start + 1 + random.below(list.count - start)
    keyspace.removeElements(&found, end..<list.count)
    keyspace.removeElements(&found, 0..<start)
    keyspace.shrinkList(&found)
    held[i] = Array(list[start..<end])
  }

  private func relocate(_ source: inout Found, _ i: Int) {
    let j = random.below(keys.count)
    guard i != j else { return }
    withFound(j) { target in
      if random.chance(50) {
        try! keyspace.copy(source.entry!, to: &target)
      } else {
        keyspace.rename(&source, to: &target)
      }
      held[j] = held[i]
      if source.entry == nil { held[i] = nil }
    }
  }

  private func look(_ found: Found, _ list: [[UInt8]]) {
    let value = ListValue(found.entry!)
    let index = random.below(list.count)
    if value.element(at: index).withBytes({ $0.array }) != list[index] { fail("another element at \(index)") }
    var cursor = value.cursor(at: index)
    for place in index..<min(index + 40, list.count) {
      if cursor.next()?.element.withBytes({ $0.array }) != list[place] { fail("another element after \(index)") }
    }
    cursor = value.cursor(at: index)
    for place in stride(from: index - 1, through: max(index - 40, 0), by: -1) {
      if cursor.previous()?.element.withBytes({ $0.array }) != list[place] { fail("another element before \(index)") }
    }
  }

  // MARK: Checking

  func checkAll() {
    for i in keys.indices {
      withFound(i) { found in
        guard let entry = found.entry, let list = held[i] else { return }
        var cursor = ListValue(entry).cursor(at: 0)
        var seen: [[UInt8]] = []
        while let item = cursor.next() { seen.append(item.element.withBytes { $0.array }) }
        if seen != list { fail("list \(i) is wrong") }
        if let raw = unsafe entry.root { check(unsafe ListRoot(raw: raw)) } else { check(entry) }
      }
    }
  }

  private func check(_ entry: Entry) {
    if entry.encoding != .packed { fail("a short list does not lie in its entry") }
    if entry.encodingName.description != "listpack" { fail("a short list is called \(entry.encodingName)") }
  }

  private func check(_ root: ListRoot) {
    let tree = TreeCheck(root.tree, tag: view == nil ? keyspace.context.units.currentTag : nil) {
      unsafe Heap.goodSize(ListLeaf($0.raw).byteCount)
    }
    for problem in tree.problems { fail(problem) }
    if !root.isQuicklist && tree.leaves.count != 1 { fail("a listpack of \(tree.leaves.count) leaves") }
    for child in tree.leaves {
      let leaf = unsafe ListLeaf(child.raw)
      if leaf.byteCount != Heap.goodSize(leaf.byteCount) { fail("a leaf's size is no class") }
      var theirs = Listpack.emptyByteCount
      for item in leaf.list { theirs += item.byteCount + item.difference }
      if theirs != leaf.listpackByteCount { fail("\(theirs) bytes in a listpack, recorded \(leaf.listpackByteCount)") }
    }
  }

  /// Of every unit while no view is open.
  private func checkTags() {
    let tag = keyspace.context.units.currentTag
    keyspace.forEachEntry(database: 0) { entry in
      if unsafe entry.raw.load(as: UInt8.self) != tag { fail("an entry still belongs to the view") }
      if let root = unsafe entry.root, unsafe root.load(as: UInt8.self) != tag {
        fail("a root still belongs to the view")
      }
    }
    checkAll()
  }

  /// What is written is read again, to the digest.
  func checkFiles() {
    for i in keys.indices {
      withFound(i) { found in
        guard let entry = found.entry else { return }
        let capacity = 1024 + 3 * (entry.byteCount + entry.childBytes)
        var writer = unsafe RDBWriter(NoSink(), RDBWriterOptions(), buffer: Heap.allocate(capacity), capacity: capacity)
        writer.dump(entry)
        let options = RDBDecoderOptions(seed: keyspace.seed, tag: keyspace.context.units.currentTag,
          clock: AccessClock(),
          limits: keyspace.limits, freer: keyspace.context.units.freer, databaseCount: 1)
        guard let payload = RDBPayload(writer.bufferedBytes), let value = try? payload.collection(options) else {
          return fail("list \(i) cannot be restored")
        }
        guard let copy = value.makeEntry(key: found.key.bytes, expiry: nil, clock: 0, tag: options.tag) else { return }
        if copy.valueDigest != entry.valueDigest { fail("list \(i) is restored as another") }
        copy.free(tag: options.tag, options.freer.limbo)
        if writer.failure != nil { fail("list \(i) could not be written") }
      }
    }
  }

  func empty() {
    for i in keys.indices {
      withFound(i) { keyspace.remove(&$0) }
      held[i] = nil
    }
  }

  // MARK: Freezing

  func freeze() {
    checkAll()
    var indexes: [[UInt8]: Int] = [:]
    for i in keys.indices { indexes[keys[i]] = i }
    view = FrozenLists(&keyspace, held, indexes)
  }

  func walk(_ units: Int) {
    guard let view, !view.step(units) else { return }
    if !view.isCancelled && view.seen.contents != view.expected { fail("the view differs") }
    if view.seen.problems > 0 { fail("the view saw \(view.seen.problems) problems") }
    self.view = nil
    keyspace.thaw()
    checkTags()
  }
}

/// What the walker of an open view shows, to be compared with what was there at the freeze.
final class FrozenLists {
  let expected: ListModel.Contents
  private var walker: ViewWalker
  private(set) var seen: SeenLists

  init(_ keyspace: inout Keyspace, _ expected: ListModel.Contents, _ keyIndexes: [[UInt8]: Int]) {
    self.expected = expected
    seen = SeenLists(keyIndexes: keyIndexes)
    walker = ViewWalker(keyspace.freeze(), freer: keyspace.context.units.freer)
  }

  func step(_ units: Int) -> Bool { walker.step(units: units, &seen) }
  func cancel() { walker.isCancelled = true }
  var isCancelled: Bool { walker.isCancelled }
}

struct SeenLists: ViewVisitor {
  let keyIndexes: [[UInt8]: Int]
  var contents: ListModel.Contents = [:]
  var problems = 0
  private var current = 0

  init(keyIndexes: [[UInt8]: Int]) { self.keyIndexes = keyIndexes }

  mutating func begin(_ table: FrozenView.Table) {}

  mutating func visit(_ entry: Entry) {
    guard let key = keyIndexes[entry.key.array], contents[key] == nil else {
      problems += 1
      return
    }
    current = key
    contents[key] = entry.blob.map { PackedList($0).map { $0.element.withBytes { $0.array } } } ?? []
  }

  mutating func visit(_ part: CollectionPart) {
    guard case .leaf(let leaf) = part else {
      problems += 1
      return
    }
    contents[current]! += leaf.list.map { $0.element.withBytes { $0.array } }
  }
}
