import Testing

@testable import Needletail

/// A leaf whose elements lie in itself, as lists and streams have them:
///
///     | tag 1 | unused 1 | count 2 | unused 4 | values 8 x count |
protocol BlobLeaf: TreeLeaf {}

/// In no order but their places.
enum ListBlob: BlobLeaf {
  static var isOrdered: Bool { false }
  static var freeDrop: BackgroundFreer.Function { { unsafe TreeDrop<ListBlob>.free($0, tag: $2, Limbo(raw: $3)); _ =
    $1 } }
}

/// In the order of their values.
enum StreamBlob: BlobLeaf {
  static var isOrdered: Bool { true }
  static var freeDrop: BackgroundFreer.Function { { unsafe TreeDrop<StreamBlob>.free($0, tag: $2, Limbo(raw: $3)); _ =
    $1 } }
}

extension BlobLeaf {
  static var maxElements: Int { 0 }
  static var maxValues: Int { 6 }

  static func make(_ values: [Int], tag: UInt8) -> TreeChild {
    let byteCount = 8 + values.count * 8
    let raw = unsafe Heap.allocate(byteCount)
    unsafe raw.storeBytes(of: tag, as: UInt8.self)
    unsafe raw.storeBytes(of: UInt16(values.count), toByteOffset: 2, as: UInt16.self)
    for (index, value) in values.enumerated() {
      unsafe raw.storeBytes(of: value, toByteOffset: 8 + index * 8, as: Int.self)
    }
    return unsafe TreeChild(raw, count: values.count, byteCount: Heap.goodSize(byteCount), key: UInt128(values[0]))
  }

  static func count(_ leaf: UnsafeMutableRawPointer) -> Int {
    unsafe Int(leaf.load(fromByteOffset: 2, as: UInt16.self))
  }
  static func values(_ leaf: UnsafeMutableRawPointer) -> [Int] {
    unsafe (0..<count(leaf)).map { unsafe leaf.load(fromByteOffset: 8 + $0 * 8, as: Int.self) }
  }

  static func byteCount(_ leaf: UnsafeMutableRawPointer) -> Int { unsafe 8 + count(leaf) * 8 }
  static func copyElements(_ leaf: UnsafeMutableRawPointer, to buffer: UnsafeMutablePointer<UInt>) -> Int { 0 }
  static func elementByteCount(_ element: UnsafeMutableRawPointer) -> Int { 0 }
  static func isSparse(_ leaf: TreeChild) -> Bool { leaf.count < 2 }

  /// Makes leaves of `values` in the place of others.
  private static func replace(_ old: [TreeChild], _ parts: [ArraySlice<Int>], _ units: inout Units) -> [TreeChild] {
    for leaf in old { unsafe units.retire(leaf.raw, byteCount(leaf.raw)) }
    return parts.map { make(Array($0), tag: units.currentTag) }
  }

  static func balance(_ left: TreeChild, _ right: TreeChild, _ units: inout Units) -> (TreeChild, TreeChild?) {
    let all = unsafe values(left.raw) + values(right.raw)
    if all.count <= 4 { return (replace([left, right], [all[...]], &units)[0], nil) }
    let parts = replace([left, right], [all[..<(all.count / 2)], all[(all.count / 2)...]], &units)
    return (parts[0], parts[1])
  }

  static func remove(_ range: Range<Int>, from leaf: TreeChild, _ units: inout Units) -> TreeChild {
    var rest = unsafe values(leaf.raw)
    rest.removeSubrange(range)
    return replace([leaf], [rest[...]], &units)[0]
  }

  static func split(_ leaf: TreeChild, at index: Int, _ units: inout Units) -> (TreeChild, TreeChild) {
    let all = unsafe values(leaf.raw)
    let parts = replace([leaf], [all[..<index], all[index...]], &units)
    return (parts[0], parts[1])
  }
}

/// A tree of blobs beside an array. With six values a leaf it is high soon.
final class BlobTreeModel<Leaf: BlobLeaf> {
  var units: Units
  var random: SeededGenerator
  private(set) var tree = CountedTree<Leaf>()
  private(set) var held: [Int] = []
  private(set) var view: TreeView<Leaf, Int>?
  private(set) var failures = 0
  private var stepCount = 0

  init(_ random: SeededGenerator, freer: BackgroundFreer) {
    self.random = random
    units = Units(freer: freer)
  }

  func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    if condition { return }
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed), step \(stepCount): \(message())") }
  }

  // MARK: Operations

  func step(growth: Int) {
    stepCount += 1
    switch random.below(100) {
    case 0 where random.below(6) == 0: removeRange()
    case 1 where random.below(6) == 0: splitOff()
    case 2 where random.below(30) == 0: build()
    case 3..<10: look()
    case 10..<20: if !held.isEmpty { setInPlace() }
    case 20..<25: if !held.isEmpty { removeLeaf() }
    case 25..<35: pushAtEnd(random.chance(50))
    default: if random.chance(growth) || held.isEmpty { insertSomewhere() } else { remove(random.below(held.count)) }
    }
  }

  private func insertSomewhere() {
    guard Leaf.isOrdered else { return insert(Int(random.next() >> 2), at: random.below(held.count + 1)) }
    let value = Int(random.next() >> 44)
    let rank = held.partitioningIndex { $0 >= value }
    if rank < held.count && held[rank] == value { return }
    insert(value, at: rank)
  }

  private func pushAtEnd(_ isFront: Bool) {
    let value = isFront ? (held.first ?? 1 << 40) - 1 : (held.last ?? 1 << 40) + 1
    if value >= 0 { insert(value, at: isFront ? 0 : held.count) }
  }

  private func insert(_ value: Int, at rank: Int) {
    held.insert(value, at: rank)
    guard tree.count > 0 else { return tree.insertFirstLeaf(Leaf.make([value], tag: units.currentTag)) }
    var position = tree.position(ofRank: rank)
    if Leaf.isOrdered {
      position = tree.leaf(KeyProbe(key: UInt128(value), isBeforeEqual: false))
      position.offset = rank - tree.rank(ofLeafAt: position)
    }
    let old = tree.child(at: position)
    var values = unsafe Leaf.values(old.raw)
    check(position.offset >= 0 && position.offset <= values.count, "no place in the leaf")
    values.insert(value, at: position.offset)
    guard values.count > Leaf.maxValues else { return replace(&position, values) }
    let cut = 1 + random.below(values.count - 1)
    let left = Leaf.make(Array(values[..<cut]), tag: units.currentTag)
    let right = Leaf.make(Array(values[cut...]), tag: units.currentTag)
    if random.chance(50) {
      tree.replaceLeaf(&position, with: left, &units)
      tree.insertLeaf(right, at: position, isBefore: false, &units)
    } else {
      tree.replaceLeaf(&position, with: right, &units)
      tree.insertLeaf(left, at: position, isBefore: true, oldKey: right.key, &units)
    }
    unsafe units.retire(old.raw, Leaf.byteCount(old.raw))
  }

  private func replace(_ position: inout TreePosition, _ values: [Int]) {
    let old = unsafe position.leaf
    tree.replaceLeaf(&position, with: Leaf.make(values, tag: units.currentTag), &units)
    unsafe units.retire(old, Leaf.byteCount(old))
  }

  private func remove(_ rank: Int) {
    held.remove(at: rank)
    var position = tree.position(ofRank: rank)
    var values = unsafe Leaf.values(position.leaf)
    values.remove(at: position.offset)
    guard values.isEmpty else { return replace(&position, values) }
    tree.removeLeaf(position, &units)
    unsafe units.retire(position.leaf, Leaf.byteCount(position.leaf))
  }

  private func removeLeaf() {
    let position = tree.position(ofRank: random.below(held.count))
    let start = tree.rank(ofLeafAt: position)
    held.removeSubrange(start..<(start + position.count))
    let byteCount = unsafe Leaf.byteCount(position.leaf)
    tree.removeLeaf(position, &units)
    unsafe units.retire(position.leaf, byteCount)
  }

  /// As a score or a node's field changes: what belongs to the view is copied, the rest is written.
  private func setInPlace() {
    let rank = random.below(held.count)
    var position = tree.position(ofRank: rank)
    let value = Leaf.isOrdered ? held[rank] : Int(random.next() >> 2)
    held[rank] = value
    guard unsafe units.belongsToView(position.leaf) else {
      return unsafe position.leaf.storeBytes(of: value, toByteOffset: 8 + position.offset * 8, as: Int.self)
    }
    var values = unsafe Leaf.values(position.leaf)
    values[position.offset] = value
    replace(&position, values)
  }

  private func removeRange() {
    let start = random.below(held.count + 1)
    let end = start + random.below(random.chance(50) ? min(held.count - start, 40) + 1 : held.count - start + 1)
    tree.removeRange(start..<end, &units)
    held.removeSubrange(start..<end)
    checkAll()
  }

  private func splitOff() {
    let rank = random.below(held.count + 1)
    var rest = tree.splitOff(from: rank, &units)
    check(tree.count == rank && rest.count == held.count - rank, "split at \(rank)")
    if random.chance(50) {
      swap(&tree, &rest)
      held.removeSubrange(..<rank)
    } else {
      held.removeSubrange(rank...)
    }
    rest.drop(&units)
    checkAll()
  }

  private func build() {
    tree.drop(&units)
    var builder = TreeBuilder<Leaf>(tag: units.currentTag)
    let count = random.below(3000)
    held = Leaf.isOrdered ? (0..<count).map { $0 * 300 } : (0..<count).map { _ in Int(random.next() >> 2) }
    var start = 0
    while start < count {
      let end = min(start + 1 + random.below(Leaf.maxValues), count)
      builder.append(Leaf.make(Array(held[start..<end]), tag: units.currentTag))
      start = end
    }
    tree = builder.finish(&units)
    checkAll()
  }

  // MARK: Looking

  private func look() {
    guard !held.isEmpty else { return }
    let rank = random.below(held.count)
    var position = tree.position(ofRank: rank)
    check(unsafe Leaf.values(position.leaf)[position.offset] == held[rank], "at \(rank)")
    if Leaf.isOrdered {
      let found = tree.leaf(KeyProbe(key: UInt128(held[rank]), isBeforeEqual: false))
      check(unsafe Leaf.values(found.leaf).contains(held[rank]), "not found by its key")
    }
    var start = tree.rank(ofLeafAt: position)
    for _ in 0..<random.below(100) {
      let count = position.count
      guard tree.moveToNextLeaf(&position) else {
        check(start + count == held.count, "not the last leaf")
        break
      }
      start += count
      check(unsafe Leaf.values(position.leaf) == Array(held[start..<(start + position.count)]), "next leaf")
      check(position.offset == 0 && tree.rank(ofLeafAt: position) == start, "next leaf's place")
    }
    for _ in 0..<random.below(150) {
      guard tree.moveToPreviousLeaf(&position) else {
        check(start == 0, "not the first leaf")
        break
      }
      start -= position.count
      check(unsafe Leaf.values(position.leaf) == Array(held[start..<(start + position.count)]), "previous leaf")
      check(position.offset == position.count, "previous leaf's place")
    }
  }

  func checkAll() {
    let check = TreeCheck(tree, tag: view == nil ? units.currentTag : nil) {
      unsafe Heap.goodSize(Leaf.byteCount($0.raw))
    }
    for problem in check.problems { self.check(false, problem) }
    self.check(unsafe check.leaves.flatMap { unsafe Leaf.values($0.raw) } == held, "the tree differs")
    guard Leaf.isOrdered else { return }
    for (number, leaf) in check.leaves.enumerated() where number > 0 {
      let last = unsafe Leaf.values(check.leaves[number - 1].raw).last!
      self.check(unsafe UInt128(last) < leaf.key && leaf.key <= UInt128(Leaf.values(leaf.raw)[0]), "a separator")
    }
  }

  func empty() {
    tree.drop(&units)
    held = []
  }

  // MARK: Freezing

  func freeze() {
    units.freeze()
    view = unsafe TreeView(tree, units, held) { unsafe Leaf.values($0) }
  }

  func walk(_ limit: Int) {
    guard let view, !view.step(limit) else { return }
    endView()
  }

  func endView() {
    if let problem = view?.problem { check(false, problem) }
    view = nil
    units.thaw()
  }
}
