/// Where a walk stands in a large collection that gives its units another place (see `UnitMover`): part of a
/// `DefragmentationWalk`. No pointer is kept: tables are walked by hash, trees by rank.
struct CollectionRelocation {
  /// Elements of a tree before the next leaf.
  private var rank = 0
  private var cursor = RelocationCursor()
  private var hasMovedRoot = false
  /// A sorted set's tree is done, its index is not.
  private var isInIndex = false

  init() {}

  /// Moves what is worth it of the next bucket or leaf. The entry has a root, which may not be the one of the last step.
  /// Complexity: O(log n) and what one bucket or leaf holds.
  /// - Returns: false when that was the last.
  mutating func step(_ entry: Entry, _ mover: inout UnitMover, _ context: inout TableContext) -> Bool {
    if !hasMovedRoot {
      hasMovedRoot = true
      relocateRoot(entry, &mover)
    }
    let root = unsafe entry.child
    switch entry.type {
    case .hash: return unsafe step(TableRoot<HashField>(raw: root).table, &mover, &context)
    case .set: return unsafe step(TableRoot<SetMember>(raw: root).table, &mover, &context)
    case .list: return step(unsafe ListRoot(raw: root), &mover)
    case .sortedSet: return step(unsafe SortedSetRoot(raw: root), &mover, &context)
    case .string, .stream: CollectionRoots.noRoot(entry.type)
    }
  }

  private func relocateRoot(_ entry: Entry, _ mover: inout UnitMover) {
    let old = unsafe entry.child
    let byteCount = CollectionRoots.rootByteCount(entry.type)
    guard let copy = unsafe mover.relocate(old, byteCount) else { return }
    unsafe entry.storeChild(copy)
    unsafe mover.release(old, byteCount)
  }

  private mutating func step<Element>(_ table: UnsafeMutablePointer<SegmentedTable<Element>>, _ mover: inout UnitMover,
    _ context: inout TableContext) -> Bool
  {
    guard let place = unsafe table.pointee.place(cursor) else { return false }
    unsafe table.pointee.prefetchNext(place)
    unsafe table.pointee.relocateBucket(place, &mover, &context)
    return unsafe table.pointee.advance(&cursor, from: place)
  }

  private mutating func step(_ root: ListRoot, _ mover: inout UnitMover) -> Bool {
    var tree = root.tree
    guard rank < tree.count else { return false }
    let position = tree.relocateLeaf(atRank: rank, &mover)
    root.tree = tree
    rank += position.count - position.offset
    return rank < tree.count
  }

  private mutating func step(_ root: SortedSetRoot, _ mover: inout UnitMover, _ context: inout TableContext) -> Bool {
    if isInIndex { return unsafe step(root.index, &mover, &context) }
    if unsafe rank < root.tree.pointee.count {
      let position = unsafe root.tree.pointee.relocateLeaf(atRank: rank, &mover)
      root.relocateMembers(unsafe MemberLeaf(position.leaf), &mover, context)
      rank += position.count - position.offset
    }
    isInIndex = unsafe rank >= root.tree.pointee.count
    return true
  }
}

extension SortedSetRoot {
  /// A member that moves is put in its place in the leaf, which owns it, and in the index, which names it too.
  fileprivate func relocateMembers(_ leaf: MemberLeaf, _ mover: inout UnitMover, _ context: borrowing TableContext) {
    let count = leaf.count
    for number in 0..<count {
      leaf.prefetch(number)
      unsafe mover.add(leaf.element(number))
    }
    var chosen = mover.choose()
    while chosen != 0 {
      let number = chosen.trailingZeroBitCount
      chosen &= chosen &- 1
      let member = leaf[number]
      let byteCount = member.byteCount
      guard let copy = unsafe mover.copy(member.raw, byteCount) else { continue }
      unsafe leaf.setElement(number, copy)
      unsafe index.pointee.repoint(member, to: ScoredMember(raw: copy), hash: hash(member.member, context))
      unsafe mover.release(member.raw, byteCount)
    }
  }
}

extension CollectionRoots {
  /// Of the root's own allocation.
  fileprivate static func rootByteCount(_ type: ValueType) -> Int {
    switch type {
    case .hash: TableRoot<HashField>.byteCount
    case .set: TableRoot<SetMember>.byteCount
    case .list: ListRoot.byteCount
    case .sortedSet: SortedSetRoot.byteCount
    case .string, .stream: noRoot(type)
    }
  }
}
