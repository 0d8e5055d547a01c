/// What a list is to its entry when it is too large to lie in it: a unit with the state of its tree.
///
///     | tag 1 | flags 1 | node size 2 | height 1 | unused 3 | top 8 | elements 8 | bytes 8 |
///
///     root -> tree nodes -> leaves            (each arrow: the one live owner)
///
/// A list of more than a kilobyte and less than a node of Redis's is one leaf here and a listpack to whoever asks: only
/// the flag tells. The node size is `list-max-listpack-size` as it was when the list became a quicklist, which Redis
/// remembers too.
@safe struct ListRoot {
  let raw: UnsafeMutableRawPointer

  static let byteCount = 32
  private static let quicklistFlag: UInt8 = 1

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// - Parameter nodeSize: of a quicklist; nil: the list is a listpack, of one leaf.
  static func make(_ tree: ListTree, nodeSize: Int?, tag: UInt8) -> ListRoot {
    let block = unsafe Heap.allocate(byteCount)
    unsafe block.storeBytes(of: UInt64(tag), as: UInt64.self)
    let root = unsafe ListRoot(raw: block)
    root.tree = tree
    if let nodeSize { root.becomeQuicklist(nodeSize: nodeSize) }
    return root
  }

  /// The tree as it is now. Written back after every change, when the root does not belong to a view.
  var tree: ListTree {
    @inline(__always) get {
      var tree = ListTree()
      unsafe tree.root = UnsafeMutableRawPointer(bitPattern: raw.load(fromByteOffset: 8, as: UInt.self))
      tree.height = Int(unsafe raw.load(fromByteOffset: 4, as: UInt8.self))
      tree.count = unsafe raw.load(fromByteOffset: 16, as: Int.self)
      tree.byteCount = unsafe raw.load(fromByteOffset: 24, as: Int.self)
      return tree
    }
    @inline(__always) nonmutating set {
      unsafe raw.storeBytes(of: UInt(bitPattern: newValue.root), toByteOffset: 8, as: UInt.self)
      unsafe raw.storeBytes(of: UInt8(truncatingIfNeeded: newValue.height), toByteOffset: 4, as: UInt8.self)
      unsafe raw.storeBytes(of: newValue.count, toByteOffset: 16, as: Int.self)
      unsafe raw.storeBytes(of: newValue.byteCount, toByteOffset: 24, as: Int.self)
    }
  }

  /// Elements.
  var count: Int {
    @inline(__always) get { unsafe raw.load(fromByteOffset: 16, as: Int.self) }
    @inline(__always) nonmutating set { unsafe raw.storeBytes(of: newValue, toByteOffset: 16, as: Int.self) }
  }

  var isQuicklist: Bool { @inline(__always) get { unsafe raw.load(fromByteOffset: 1, as: UInt8.self) != 0 } }

  /// Of a quicklist, which remembers the size of its nodes.
  @inline(__always)
  func limit(_ limits: CollectionLimits) -> ListNodeLimit {
    ListNodeLimit(Int(unsafe raw.load(fromByteOffset: 2, as: Int16.self)), plainBytes: limits.listPlainBytes)
  }

  /// - Parameter nodeSize: as the setting says it.
  func becomeQuicklist(nodeSize: Int) {
    unsafe raw.storeBytes(of: Self.quicklistFlag, toByteOffset: 1, as: UInt8.self)
    unsafe raw.storeBytes(of: Int16(ListNodeLimit.remembered(nodeSize)), toByteOffset: 2, as: Int16.self)
  }

  func becomeListpack() { unsafe raw.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self) }

  /// The leaf of a list that has one.
  var onlyLeaf: ListLeaf? {
    @inline(__always) get {
      let tree = self.tree
      guard tree.height == 0, let leaf = unsafe tree.root else { return nil }
      return unsafe ListLeaf(leaf)
    }
  }

  /// Everything that it owns, itself included. Complexity: O(1).
  var totalByteCount: Int { Self.byteCount + tree.byteCount }

  /// Calls `body` with every leaf from head to tail. Complexity: O(n).
  func forEachLeaf(_ body: (ListLeaf) -> Void) {
    let tree = self.tree
    guard !tree.isEmpty else { return }
    var position = tree.end(isTail: false)
    repeat { body(unsafe ListLeaf(position.leaf)) } while tree.moveToNextLeaf(&position)
  }

  /// A copy that takes over everything below, for a root that belongs to a view.
  fileprivate func copied(_ units: inout Units) -> ListRoot {
    let copy = unsafe Heap.allocate(Self.byteCount)
    unsafe copy.storeBytes(of: UInt64(units.currentTag), as: UInt64.self)
    unsafe (copy + 1).copyMemory(from: raw + 1, byteCount: Self.byteCount - 1)
    unsafe units.retire(raw, Self.byteCount)
    return unsafe ListRoot(raw: copy)
  }

  // MARK: Letting go

  /// Lets go of the whole list, which its parent no longer names: a large one in the background.
  /// Complexity: O(1), or O(n) for the few leaves that a small one has.
  func drop(_ units: borrowing Units) {
    let byteCount = totalByteCount
    guard byteCount >= Units.backgroundFreeBytes else {
      return unsafe Self.free(raw, tag: units.currentTag, units.limbo)
    }
    unsafe units.freer.enqueue({ root, _, tag, limbo in unsafe ListRoot.free(root, tag: tag, Limbo(raw: limbo)) },
      raw, byteCount, tag: units.currentTag)
  }

  /// Frees everything below a root that was unlinked when `currentTag` was `tag`, and the root, but for what a view
  /// holds. On any thread. Complexity: O(n).
  static func free(_ raw: UnsafeMutableRawPointer, tag: UInt8, _ limbo: Limbo) {
    let tree = unsafe ListRoot(raw: raw).tree
    if let top = unsafe tree.root { unsafe TreeDrop<ListLeaves>.tearDown(top, levels: tree.height, tag: tag, limbo) }
    unsafe Units.dispose(raw, byteCount, currentTag: tag, limbo)
  }

  // MARK: Copying

  /// A list with copies of all leaves. Complexity: O(n).
  func deepCopy(_ units: inout Units) throws(OutOfMemory) -> ListRoot {
    let tag = units.currentTag
    var builder = TreeBuilder<ListLeaves>(tag: tag)
    var isOutOfMemory = false
    forEachLeaf { leaf in
      if isOutOfMemory { return }
      if let copy = leaf.fittingCopy(tag: tag) { builder.append(copy.child) } else { isOutOfMemory = true }
    }
    var tree = builder.finish(&units)
    if isOutOfMemory {
      tree.drop(&units)
      throw OutOfMemory()
    }
    let copy = ListRoot.make(tree, nodeSize: nil, tag: tag)
    unsafe (copy.raw + 1).copyMemory(from: raw + 1, byteCount: 3)
    return copy
  }
}

extension Keyspace {
  /// The root of the key's large list, to be written. Complexity: O(size of the entry) when a view holds it.
  @inline(__always)
  mutating func writableList(_ found: inout Found) -> ListRoot {
    guard let entry = found.entry, let raw = unsafe entry.root else { preconditionFailure("no root") }
    let root = unsafe ListRoot(raw: raw)
    return unsafe context.units.belongsToView(raw) ? copyList(&found, root) : root
  }

  @inline(never)
  private mutating func copyList(_ found: inout Found, _ root: ListRoot) -> ListRoot {
    let copy = root.copied(&context.units)
    unsafe setChild(&found, copy.raw)
    return copy
  }
}
