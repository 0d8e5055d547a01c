import Testing

@testable import Needletail

/// A tree of units, standing in for collections: it proves the rules that a table of single entries does not need, for
/// parents that are copied before their children and values that are dropped as a whole.
///
///     node, 80 bytes: | tag 1 | unused 7 | value 8 | children 8 x 8 |
///
/// A key of twelve bits is a path of four children; the value is in the last node.
@safe private struct TreeNode {
  static let byteCount = 80
  static let levels = 4
  let raw: UnsafeMutableRawPointer

  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  static func make(tag: UInt8) -> TreeNode {
    let block = unsafe Heap.allocate(byteCount)
    for offset in stride(from: 0, to: byteCount, by: 8) {
      unsafe block.storeBytes(of: 0, toByteOffset: offset, as: UInt64.self)
    }
    unsafe block.storeBytes(of: tag, as: UInt8.self)
    return unsafe TreeNode(raw: block)
  }

  func copy(tag: UInt8) -> TreeNode {
    let copy = TreeNode.make(tag: tag)
    unsafe (copy.raw + 8).copyMemory(from: raw + 8, byteCount: Self.byteCount - 8)
    return copy
  }

  var value: UInt64 {
    get { unsafe raw.load(fromByteOffset: 8, as: UInt64.self) }
    nonmutating set { unsafe raw.storeBytes(of: newValue, toByteOffset: 8, as: UInt64.self) }
  }

  subscript(index: Int) -> TreeNode? {
    get {
      let word = unsafe raw.load(fromByteOffset: 16 + index * 8, as: UInt.self)
      return unsafe UnsafeMutableRawPointer(bitPattern: word).map { unsafe TreeNode(raw: $0) }
    }
    nonmutating set {
      let word = newValue.map { unsafe UInt(bitPattern: $0.raw) } ?? 0
      unsafe raw.storeBytes(of: word, toByteOffset: 16 + index * 8, as: UInt.self)
    }
  }

  static func digit(_ key: Int, _ level: Int) -> Int { (key >> (3 * (levels - 1 - level))) & 7 }
}

private final class UnitTreeModel {
  var units: Units
  var random: SeededGenerator
  private var root: TreeNode?
  private var held: [Int: UInt64] = [:]
  /// Drops that the freer has not done yet, with the tag of their moment.
  private var drops: [(stack: [TreeNode], tag: UInt8)] = []
  private var walk: Walk?
  var failures = 0

  /// The walker: a stack of nodes copied out of nodes that are released.
  private struct Walk {
    var stack: [(node: TreeNode, level: Int, prefix: Int)]
    let expected: [Int: UInt64]
    var seen: [Int: UInt64] = [:]
    var isCancelled = false
  }

  init(_ random: SeededGenerator, freer: BackgroundFreer) {
    self.random = random
    units = Units(freer: freer)
  }

  func fail(_ message: String) {
    failures += 1
    if failures < 5 { Issue.record("seed \(random.seed): \(message)") }
  }

  /// The node to be written in the place of `node`: itself, or its copy when it belongs to a view.
  private func writable(_ node: TreeNode) -> TreeNode {
    guard unsafe units.belongsToView(node.raw) else { return node }
    let copy = node.copy(tag: units.currentTag)
    unsafe units.retire(node.raw, TreeNode.byteCount)
    return copy
  }

  func set(_ key: Int, _ value: UInt64) {
    // From the root down: a parent is copied before its child, since it names the child's copy.
    var node = root.map(writable) ?? TreeNode.make(tag: units.currentTag)
    root = node
    for level in 0..<TreeNode.levels {
      let digit = TreeNode.digit(key, level)
      let child = node[digit].map(writable) ?? TreeNode.make(tag: units.currentTag)
      node[digit] = child
      node = child
    }
    node.value = value
    held[key] = value
  }

  /// Removes the subtree of `level` digits of `key` as one drop.
  func remove(_ key: Int, _ level: Int) {
    guard let top = root else { return }
    if level == 0 {
      drops.append(([top], units.currentTag))
      root = nil
      held = [:]
      return
    }
    var node = writable(top)
    root = node
    for above in 0..<(level - 1) {
      guard let child = node[TreeNode.digit(key, above)] else { return }
      let copy = writable(child)
      node[TreeNode.digit(key, above)] = copy
      node = copy
    }
    let digit = TreeNode.digit(key, level - 1)
    guard let subtree = node[digit] else { return }
    node[digit] = nil
    drops.append(([subtree], units.currentTag))
    let shift = 3 * (TreeNode.levels - level)
    held = held.filter { $0.key >> shift != key >> shift }
  }

  /// Frees one unit of one drop: its children are read before it goes.
  func stepFreer() {
    guard !drops.isEmpty else { return }
    let index = random.below(drops.count)
    let node = drops[index].stack.removeLast()
    for digit in 0..<8 { if let child = node[digit] { drops[index].stack.append(child) } }
    unsafe Units.dispose(node.raw, TreeNode.byteCount, currentTag: drops[index].tag, units.limbo)
    if drops[index].stack.isEmpty { drops.remove(at: index) }
  }

  var isWalking: Bool { walk != nil }

  func freeze() {
    check()
    units.freeze()
    walk = Walk(stack: root.map { [($0, 0, 0)] } ?? [], expected: held)
  }

  func cancel() { walk?.isCancelled = true }

  func stepWalker() {
    guard let (node, level, prefix) = walk?.stack.popLast() else {
      if let walk, !walk.isCancelled, walk.seen != walk.expected { fail("the view differs") }
      walk = nil
      return units.thaw()
    }
    if level == TreeNode.levels && !walk!.isCancelled { walk!.seen[prefix] = node.value }
    for digit in 0..<8 { if let child = node[digit] { walk!.stack.append((child, level + 1, prefix << 3 | digit)) } }
    if unsafe !Units.release(node.raw, currentTag: units.currentTag) {
      var dead = DeadUnits()
      unsafe dead.append(node.raw, TreeNode.byteCount)
      units.freer.free(dead)
    }
  }

  func check() {
    var seen: [Int: UInt64] = [:]
    var stack = root.map { [($0, 0, 0)] } ?? []
    while let (node, level, prefix) = stack.popLast() {
      if level == TreeNode.levels { seen[prefix] = node.value }
      if unsafe walk == nil && node.raw.load(as: UInt8.self) != units.currentTag {
        fail("a unit still belongs to a view")
      }
      for digit in 0..<8 { if let child = node[digit] { stack.append((child, level + 1, prefix << 3 | digit)) } }
    }
    if seen != held { fail("the tree differs") }
  }

  func finish() {
    if !isWalking { freeze() }
    remove(0, 0)
    while isWalking || !drops.isEmpty {
      if random.chance(50) { stepFreer() } else if isWalking { stepWalker() }
    }
    units.freer.wake()
  }
}

@Suite struct UnitTreeTests {
  @Test func viewsOfATreeAreWhatItWas() {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    var differences: [Int] = []
    differences.reserveCapacity(8)
    for _ in 0..<4 {
      let before = counters.usedByteCount
      guard run(steps: isLongRun ? 2_000_000 : 60_000, freer) else { return }
      waitFor { freer.limbo.byteCount == 0 }
      waitFor(milliseconds: 20) { counters.usedByteCount == before }
      differences.append(counters.usedByteCount - before)
    }
    #expect(freer.limbo.byteCount == 0)
    #expect(isSanitized || differences.last == 0, "\(differences)")
  }

  private func run(steps: Int, _ freer: BackgroundFreer) -> Bool {
    let model = UnitTreeModel(.fresh(), freer: freer)
    for step in 0..<steps where model.failures == 0 {
      switch model.random.below(20) {
      case 0: model.remove(model.random.below(4096), model.random.below(100) == 0 ? 0 : 1 + model.random.below(4))
      case 1..<8: model.set(model.random.below(4096), model.random.next())
      case 8..<14: model.stepFreer()
      default: if model.isWalking { model.stepWalker() } else if model.random.below(200) == 0 { model.freeze() }
      }
      if model.random.below(20_000) == 0 { model.cancel() }
      if step % 5000 == 0 { model.check() }
    }
    model.finish()
    return model.failures == 0
  }
}
