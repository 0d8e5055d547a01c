/// What a large sorted set is to whoever holds it: a unit with the state of its tree and of its member index.
///
///     | tag 1 | unused 7 | MemberTree 32 | SegmentedTable |
///
///     root -> tree nodes -> leaves -> members            (each arrow: the one live owner)
///          -> member index: segments that name the same members, derived
///
/// The walker of a view reads the tree and never the index, which is changed and freed in place: whoever puts another
/// unit in a member's place in the tree puts it there too. Measured: members of 16 bytes take 54 each, all included.
@safe struct SortedSetRoot {
  typealias Index = SegmentedTable<ScoredMember>

  let raw: UnsafeMutableRawPointer

  private static var treeOffset: Int { 8 }
  private static var indexOffset: Int { treeOffset + MemoryLayout<MemberTree>.size }
  static var byteCount: Int { indexOffset + MemoryLayout<Index>.size }

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// A root without members.
  static func make(_ context: inout TableContext) -> SortedSetRoot {
    let block = unsafe Heap.allocate(byteCount)
    unsafe block.storeBytes(of: UInt64(context.units.currentTag), as: UInt64.self)
    let root = unsafe SortedSetRoot(raw: block)
    unsafe root.tree.initialize(to: MemberTree())
    unsafe root.index.initialize(to: Index(salt: context.makeSalt()))
    return root
  }

  /// The members in their order. Changed only when the root does not belong to a view.
  var tree: UnsafeMutablePointer<MemberTree> {
    @inline(__always) get { unsafe (raw + Self.treeOffset).assumingMemoryBound(to: MemberTree.self) }
  }

  /// The members by their bytes. The same goes for it.
  var index: UnsafeMutablePointer<Index> {
    @inline(__always) get { unsafe (raw + Self.indexOffset).assumingMemoryBound(to: Index.self) }
  }

  @inline(__always) var count: Int { unsafe tree.pointee.count }

  /// Everything that it owns, itself included. Complexity: O(1).
  var totalByteCount: Int {
    unsafe Heap.goodSize(Self.byteCount) + tree.pointee.byteCount + index.pointee.byteCount
  }

  /// The hash of a member in this set's index. Complexity: O(member).
  @inline(__always)
  func hash(_ member: ByteView, _ context: borrowing TableContext) -> UInt64 {
    unsafe index.pointee.hash(member, context)
  }

  /// Complexity: O(1).
  @inline(__always)
  func find(_ member: ByteView, _ context: borrowing TableContext) -> ScoredMember? {
    unsafe index.pointee.find(member, hash: hash(member, context))?.element
  }

  /// The root to be written: itself, or its copy when it belongs to a view. The caller, whose own unit is writable,
  /// stores it. Complexity: O(1).
  @inline(__always)
  func writable(_ context: inout TableContext) -> SortedSetRoot {
    unsafe context.units.belongsToView(raw) ? copied(&context) : self
  }

  @inline(never)
  private func copied(_ context: inout TableContext) -> SortedSetRoot {
    let copy = unsafe Heap.allocate(Self.byteCount)
    unsafe copy.storeBytes(of: UInt64(context.units.currentTag), as: UInt64.self)
    unsafe (copy + Self.treeOffset).copyMemory(from: raw + Self.treeOffset, byteCount: Self.byteCount - Self.treeOffset)
    unsafe context.units.retire(raw, Self.byteCount)
    return unsafe SortedSetRoot(raw: copy)
  }

  /// Calls `body` with every member in order. Complexity: O(n).
  func forEach(_ body: (ScoredMember) -> Void) {
    guard count > 0 else { return }
    var cursor = unsafe tree.pointee.cursor(atRank: 0)
    while let member = cursor.next() { body(member) }
  }

  // MARK: Letting go

  /// Lets go of the whole set, which its parent no longer names: a large one in the background.
  /// Complexity: O(1), or O(n) for the few members that a small one has.
  func drop(_ units: borrowing Units) {
    let byteCount = totalByteCount
    guard byteCount >= Units.backgroundFreeBytes else {
      return unsafe Self.free(raw, tag: units.currentTag, units.limbo)
    }
    unsafe units.freer.enqueue({ root, _, tag, limbo in unsafe SortedSetRoot.free(root, tag: tag, Limbo(raw: limbo)) },
      raw, byteCount, tag: units.currentTag)
  }

  /// Frees everything below a root that was unlinked when `currentTag` was `tag`, and the root, but for what a view
  /// holds; the index in any case. On any thread. Complexity: O(n).
  static func free(_ raw: UnsafeMutableRawPointer, tag: UInt8, _ limbo: Limbo) {
    let root = unsafe SortedSetRoot(raw: raw)
    let tree = unsafe root.tree.pointee
    if let top = unsafe tree.root { unsafe TreeDrop<MemberLeaf>.tearDown(top, levels: tree.height, tag: tag, limbo) }
    // Taken out, not changed where it lies: the root may belong to a view.
    var index = unsafe root.index.move()
    index.freeIndex()
    unsafe Units.dispose(raw, byteCount, currentTag: tag, limbo)
  }

  // MARK: Copying

  /// A set with copies of all members. Complexity: O(n).
  func deepCopy(_ context: inout TableContext) throws(OutOfMemory) -> SortedSetRoot {
    let copy = SortedSetRoot.make(&context)
    guard count > 0 else { return copy }
    let tag = context.units.currentTag
    var builder = MemberTreeBuilder(tag: tag)
    unsafe copy.index.pointee.reserve(count, &context)
    var cursor = unsafe tree.pointee.cursor(atRank: 0)
    var isOutOfMemory = false
    while let member = cursor.next() {
      guard let unit = ScoredMember.tryMake(member.member, score: member.score, tag: tag) else {
        isOutOfMemory = true
        break
      }
      let isInOrder = builder.append(unit)
      precondition(isInOrder)
      unsafe copy.index.pointee.insert(unit, hash: copy.hash(unit.member, context), &context)
    }
    unsafe copy.tree.pointee = builder.finish(&context.units)
    if isOutOfMemory {
      copy.drop(context.units)
      throw OutOfMemory()
    }
    unsafe copy.index.pointee.settle(&context)
    return copy
  }
}

/// In the member index, whose elements are the tree's.
extension ScoredMember: TableElement {
  static var ownership: TableOwnership { .derived }
  @inline(__always) func hash(_ seed: HashSeed) -> UInt64 { sipHash13(member, seed) }
  @inline(__always) func hasKey(_ key: ByteView) -> Bool { member == key }
}

extension Keyspace {
  /// The root of the key's large sorted set, to be written. Complexity: O(size of the entry) when a view holds it.
  @inline(__always)
  mutating func writableSortedSet(_ found: inout Found) -> SortedSetRoot {
    guard let entry = found.entry, let raw = unsafe entry.root else { preconditionFailure("no root") }
    let root = unsafe SortedSetRoot(raw: raw)
    guard unsafe context.units.belongsToView(raw) else { return root }
    let writable = root.writable(&context)
    unsafe setChild(&found, writable.raw)
    return writable
  }
}
