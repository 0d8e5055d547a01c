extension CountedTree where Leaf == MemberLeaf {
  /// Adds a member that is not in the tree. Complexity: O(log n).
  mutating func insert(_ member: ScoredMember, _ units: inout Units) {
    let memberBytes = Heap.goodSize(member.byteCount)
    guard count > 0 else {
      let leaf = MemberLeaf.make(room: 1, tag: units.currentTag)
      unsafe leaf.insert(member.raw, member.key, at: 0)
      return insertFirstLeaf(leaf.summary(members: memberBytes))
    }
    let probe = MemberProbe(member)
    var (position, isFound) = find(probe)
    precondition(!isFound)
    guard position.count < MemberLeaf.maxMembers else { return insertSplitting(member, &position, &units) }
    makeWritable(&position.path, levels: height, &units)
    let grown = makeWritable(&position, room: position.count &+ 1, &units)
    unsafe MemberLeaf(position.leaf).insert(member.raw, probe.key, at: position.offset)
    add(position.path, count: 1, byteCount: memberBytes &+ grown)
  }

  /// Replaces the position's leaf by a copy when it belongs to a view or has no room for `room` members. The path is
  /// writable.
  /// - Returns: how much larger the leaf is now.
  @inline(__always)
  private mutating func makeWritable(_ position: inout TreePosition, room: Int, _ units: inout Units) -> Int {
    let leaf = unsafe MemberLeaf(position.leaf)
    let hasRoom = leaf.room >= room
    if unsafe hasRoom && !units.belongsToView(leaf.raw) { return 0 }
    return copyLeaf(&position, room: hasRoom ? leaf.room : room, &units)
  }

  @inline(never)
  private mutating func copyLeaf(_ position: inout TreePosition, room: Int, _ units: inout Units) -> Int {
    let old = unsafe MemberLeaf(position.leaf)
    let oldBytes = old.byteCount
    let copy = old.copy(0..<old.count, room: room, tag: units.currentTag)
    unsafe setLeaf(&position, copy.raw)
    unsafe units.retire(old.raw, oldBytes)
    return copy.byteCount - oldBytes
  }

  /// Into a full leaf.
  @inline(never)
  private mutating func insertSplitting(_ member: ScoredMember, _ position: inout TreePosition, _ units: inout Units) {
    let old = unsafe MemberLeaf(position.leaf)
    let count = old.count
    let index = position.offset
    let members = child(at: position).byteCount - old.byteCount
    // In the middle, or where the tree's very end is: what is filled in order stays full.
    var cut = count / 2
    if index == count && isAtEnd(position.path, above: height) { cut = count - 1 }
    if index == 0 && isAtStart(position.path, above: height) { cut = 1 }
    let (left, right) = old.split(at: cut, extra: 1, tag: units.currentTag)
    var leftBytes: Int
    if cut <= count / 2 {
      leftBytes = left.memberBytes(0..<cut)
    } else {
      leftBytes = members - right.memberBytes(0..<(count - cut))
    }
    var rightBytes = members - leftBytes
    let key = member.key
    let size = Heap.goodSize(member.byteCount)
    let rightKey = right[0].key
    if index <= cut {
      unsafe left.insert(member.raw, key, at: index)
      leftBytes += size
    } else {
      unsafe right.insert(member.raw, key, at: index - cut)
      rightBytes += size
    }
    replaceLeaf(&position, with: left.summary(members: leftBytes), &units)
    unsafe units.retire(old.raw, old.byteCount)
    insertLeaf(right.summary(members: rightBytes, key: rightKey), at: position, isBefore: false, &units)
  }

  /// Takes a member out; its unit is the caller's to retire. Nil when it is not there. Complexity: O(log n).
  mutating func remove(_ score: Double, _ member: ByteView, _ units: inout Units) -> ScoredMember? {
    guard count > 0 else { return nil }
    let (position, isFound) = find(MemberProbe(score, member))
    return isFound ? remove(at: position, &units) : nil
  }

  /// Takes a member out whose unit is in the tree; it is the caller's to retire. Complexity: O(log n).
  mutating func remove(_ member: ScoredMember, _ units: inout Units) {
    let (position, isFound) = find(MemberProbe(member))
    precondition(isFound)
    _ = remove(at: position, &units)
  }

  /// Takes the member with `rank` out; its unit is the caller's to retire. Complexity: O(log n).
  mutating func remove(atRank rank: Int, _ units: inout Units) -> ScoredMember {
    precondition(rank < count)
    return remove(at: position(ofRank: rank), &units)
  }

  private mutating func remove(at position: TreePosition, _ units: inout Units) -> ScoredMember {
    var position = position
    let leaf = unsafe MemberLeaf(position.leaf)
    let index = position.offset
    let member = leaf[index]
    guard leaf.count > 1 else {
      removeLeaf(position, &units)
      unsafe units.retire(leaf.raw, leaf.byteCount)
      return member
    }
    makeWritable(&position.path, levels: height, &units)
    // Room is given back two steps late, so that an insertion does not take it again at once.
    let count = leaf.count - 1
    let grown = leaf.room > count + 16
      ? copyLeaf(&position, room: count + 1, &units) : makeWritable(&position, room: count, &units)
    unsafe MemberLeaf(position.leaf).remove(index..<(index + 1))
    add(position.path, count: -1, byteCount: grown - Heap.goodSize(member.byteCount))
    if count < MemberLeaf.minMembers && height > 0 { repair(around: rank(ofLeafAt: position) + index, &units) }
    return member
  }

  /// Gives a member in the tree another score. Complexity: O(log n); less when its place stays.
  /// - Returns: its unit, another one when the old one belonged to a view and is retired: the member index must know.
  mutating func setScore(_ member: ScoredMember, _ score: Double, _ units: inout Units) throws(OutOfMemory)
    -> ScoredMember
  {
    var (position, isFound) = find(MemberProbe(member))
    precondition(isFound)
    let leaf = unsafe MemberLeaf(position.leaf)
    let key = ScoredMember.key(score, member.member)
    // Before anything changes, since a long member's copy may find no memory.
    let changed = try Self.writable(member, units)
    defer {
      if unsafe changed.raw != member.raw {
        unsafe units.retireValue(member.raw, member.byteCount, tag: units.currentTag)
      }
    }
    guard staysInPlace(position, score, member) else {
      _ = remove(at: position, &units)
      changed.score = score
      insert(changed, &units)
      return changed
    }
    changed.score = score
    if unsafe leaf.differs(position.offset, changed.raw, key) {
      makeWritable(&position.path, levels: height, &units)
      let grown = makeWritable(&position, room: position.count, &units)
      unsafe MemberLeaf(position.leaf).replace(position.offset, changed.raw, key)
      if grown != 0 { add(position.path, count: 0, byteCount: grown) }
    }
    return changed
  }

  private static func writable(_ member: ScoredMember, _ units: borrowing Units) throws(OutOfMemory) -> ScoredMember {
    guard unsafe units.belongsToView(member.raw) else { return member }
    guard let copy = ScoredMember.tryMake(member.member, score: member.score, tag: units.currentTag) else {
      throw OutOfMemory()
    }
    return copy
  }

  /// Whether the position's member would stay between its neighbours with another score. Beyond the ends of its leaf
  /// there may be no neighbour but a separator, so outwards from there it moves, unless the tree ends there too.
  private func staysInPlace(_ position: TreePosition, _ score: Double, _ member: ScoredMember) -> Bool {
    let leaf = unsafe MemberLeaf(position.leaf)
    let index = position.offset
    let probe = MemberProbe(score, member.member)
    if score < member.score {
      if index == 0 { return isAtStart(position.path, above: height) }
      return leaf.comparison(probe, index - 1) == .above
    }
    if index + 1 == leaf.count { return isAtEnd(position.path, above: height) }
    return leaf.comparison(probe, index + 1) == .below
  }
}
