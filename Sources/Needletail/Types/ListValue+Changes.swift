/// Lists change their form as OBJECT ENCODING tells it in Redis: a listpack becomes a quicklist before an element comes
/// that is too much for it, and a quicklist of one node becomes a listpack again when it has shrunk to half of that.
/// Where the list lies is another matter: in its entry up to a kilobyte, below a root beyond.
extension Keyspace {
  /// Lists below a root return into the entry when they are this short.
  private static var returnMaxBytes: Int { Entry.inlineMaxBytes / 2 }

  // MARK: Adding

  /// What is about to come: how many elements, their bytes as strings and as a list stores them.
  struct Arrivals {
    var count = 0
    var stringBytes = 0
    var byteCount = 0

    @inline(__always) init() {}

    @inline(__always)
    init(_ element: ListElement) {
      count = 1
      stringBytes = element.stringCount
      byteCount = element.byteCount
    }

    @inline(__always)
    mutating func add(_ element: ListElement) {
      count += 1
      stringBytes += element.stringCount
      byteCount += element.byteCount
    }
  }

  /// Gives the key's list, or a list that the key did not have, elements at an end, one after the other. Those that
  /// came before an error stay. Complexity: O(1) amortised each, O(size) in the entry.
  @inline(__always)
  mutating func pushElements(_ found: inout Found, _ arrivals: Arrivals, isTail: Bool, _ element: (Int) -> ListElement)
    throws(OutOfMemory)
  {
    guard found.entry != nil else { return try makeList(&found, arrivals, isTail: isTail, element) }
    makeRoom(&found, arrivals)
    for index in 0..<arrivals.count { try push(&found, element(index), isTail: isTail) }
  }

  /// Adds an element at an end of a list that `makeRoom` has prepared.
  @inline(__always)
  private mutating func push(_ found: inout Found, _ element: ListElement, isTail: Bool) throws(OutOfMemory) {
    guard let entry = found.entry else { preconditionFailure("no list") }
    if let blob = entry.blob {
      let list = PackedList(blob)
      let splice = isTail ? list.pushingLast(element.encoded)
        : list.pushingFirst(element.encoded, capacity: list.byteCountToPushFirst(element.encoded))
      unsafe self.splice(&found, splice) { unsafe PackedList.fill($0, splice, element.encoded) }
      return
    }
    let root = writableList(&found)
    var tree = root.tree
    if root.isQuicklist, tree.pushInPlace(element, isTail: isTail, root.limit(limits), context.units) {
      root.count = tree.count
      return
    }
    defer { root.tree = tree }
    if root.isQuicklist {
      try tree.push(element, isTail: isTail, root.limit(limits), &context.units)
    } else {
      var position = tree.end(isTail: isTail)
      try tree.add(element, at: isTail ? .tail : .head, &position, ListNodeLimit(limits), &context.units)
    }
  }

  /// Converts the list as what is about to come asks for it, whether it comes in the end or not.
  @inline(__always)
  private mutating func makeRoom(_ found: inout Found, _ arrivals: Arrivals) {
    guard let entry = found.entry else { preconditionFailure("no list") }
    if let blob = entry.blob, blob.count + arrivals.byteCount <= Entry.inlineMaxBytes {
      // Elements of a kilobyte are far below any limit on bytes, whichever way they are counted.
      if Packed.count(blob) + arrivals.count <= ListNodeLimit(limits).count { return }
    } else if let root = unsafe entry.root, unsafe ListRoot(raw: root).isQuicklist {
      return
    }
    convert(&found, entry, arrivals)
  }

  @inline(never)
  private mutating func convert(_ found: inout Found, _ entry: Entry, _ arrivals: Arrivals) {
    let limit = ListNodeLimit(limits)
    guard let blob = entry.blob else {
      guard let leaf = unsafe ListRoot(raw: entry.child).onlyLeaf else { preconditionFailure("a listpack is one leaf") }
      let byteCount = leaf.listpackByteCount + arrivals.stringBytes
      if limit.isExceeded(byteCount: byteCount, count: leaf.count + arrivals.count) {
        writableList(&found).becomeQuicklist(nodeSize: limits.listSize)
      }
      return
    }
    let list = PackedList(blob)
    var difference = 0
    for item in list { difference += item.difference }
    let byteCount = Listpack.emptyByteCount + list.elementByteCount + difference
    let isQuicklist = limit.isExceeded(byteCount: byteCount + arrivals.stringBytes, count: list.count + arrivals.count)
    let contents = ListLeaf.Contents(before: blob[list.start..<list.end], count: list.count, difference: difference)
    let tag = context.units.currentTag
    guard let leaf = ListLeaf.make(contents, capacity: contents.byteCount * 2, tag: tag)
    else { fatalError("out of memory") }
    let root = ListRoot.make(ListTree(leaf.child, height: 0), nodeSize: isQuicklist ? limits.listSize : nil, tag: tag)
    unsafe putRoot(&found, .list, root.raw)
  }

  /// A list for a key that is not there.
  @inline(never)
  private mutating func makeList(_ found: inout Found, _ arrivals: Arrivals, isTail: Bool,
    _ element: (Int) -> ListElement)
    throws(OutOfMemory)
  {
    let limit = ListNodeLimit(limits)
    let isQuicklist = limit.isExceeded(byteCount: Listpack.emptyByteCount + arrivals.stringBytes, count: arrivals.count)
    let byteCount = PackedList.headerBytes + arrivals.byteCount
    if !isQuicklist && byteCount <= Entry.inlineMaxBytes {
      return unsafe putPacked(&found, .list, byteCount: byteCount) { blob in
        unsafe PackedList.writeHeader(count: arrivals.count, to: blob)
        var place = unsafe blob + PackedList.headerBytes
        for index in 0..<arrivals.count {
          unsafe place = element(isTail ? index : arrivals.count - 1 - index).write(to: place)
        }
      }
    }
    var tree = ListTree()
    do throws(OutOfMemory) {
      for index in 0..<arrivals.count {
        // A listpack's elements share the leaf whatever each of them is.
        if isQuicklist || index == 0 {
          try tree.push(element(index), isTail: isTail, limit, &context.units)
        } else {
          var position = tree.end(isTail: isTail)
          try tree.add(element(index), at: isTail ? .tail : .head, &position, limit, &context.units)
        }
      }
    } catch {
      tree.drop(&context.units)
      throw error
    }
    let root = ListRoot.make(tree, nodeSize: isQuicklist ? limits.listSize : nil, tag: context.units.currentTag)
    unsafe putRoot(&found, .list, root.raw)
  }

  /// Puts an element before or behind the first one that is `pivot`.
  /// - Returns: false when there is none. Complexity: O(n).
  mutating func insertElement(_ found: inout Found, _ element: ListElement, beside pivot: ByteView, isBefore: Bool)
    throws(OutOfMemory) -> Bool
  {
    makeRoom(&found, Arrivals(element))
    guard let entry = found.entry else { preconditionFailure("no list") }
    let probe = PackedProbe(EncodedElement(pivot))
    if let blob = entry.blob {
      let list = PackedList(blob)
      guard let item = list.firstMatch(probe, from: list.start)?.item else { return false }
      let splice = list.inserting(element.encoded, at: isBefore ? item.offset : item.end)
      unsafe self.splice(&found, splice) { unsafe PackedList.fill($0, splice, element.encoded) }
      return true
    }
    guard var spot = unsafe ListRoot(raw: entry.child).tree.firstMatch(probe) else { return false }
    let root = writableList(&found)
    var tree = root.tree
    defer { root.tree = tree }
    if root.isQuicklist {
      try tree.insert(element, beside: spot, isBefore: isBefore, root.limit(limits), &context.units)
    } else {
      try tree.add(element, at: .offset(isBefore ? spot.item.offset : spot.item.end), &spot.position,
        ListNodeLimit(limits), &context.units)
    }
    return true
  }

  /// Writes another element in the place of the one at `index`.
  /// - Returns: false when there is none. Complexity: O(log n).
  mutating func replaceElement(_ found: inout Found, at index: Int, with element: ListElement)
    throws(OutOfMemory) -> Bool
  {
    makeRoom(&found, Arrivals(element))
    guard let entry = found.entry, let index = ListValue(entry).index(index) else { return false }
    if let blob = entry.blob {
      let list = PackedList(blob)
      let splice = list.replacing(list.item(atIndex: index), element.encoded)
      unsafe self.splice(&found, splice) { unsafe PackedList.fill($0, splice, element.encoded) }
      return true
    }
    let root = writableList(&found)
    var tree = root.tree
    defer { root.tree = tree }
    let spot = tree.spot(ofRank: index)
    if root.isQuicklist {
      try tree.replace(spot, with: element, root.limit(limits), &context.units)
    } else {
      try tree.replaceInLeaf(spot, element, ListNodeLimit(limits), &context.units)
    }
    return true
  }

  // MARK: Removing

  /// Takes the element at an end out. There are more. `shrinkList` is to be called once all is done.
  @inline(__always)
  mutating func removeEnd(_ found: inout Found, isTail: Bool) {
    guard let entry = found.entry else { preconditionFailure("no list") }
    if let blob = entry.blob {
      let list = PackedList(blob)
      let item = isTail ? list.item(before: list.end)! : list.item(at: list.start)!
      return unsafe splice(&found, list.removing(item)) { _ in }
    }
    let root = writableList(&found)
    var tree = root.tree
    tree.removeEnd(isTail: isTail, &context.units)
    root.tree = tree
  }

  /// Takes a range of elements out, not all of them. `shrinkList` is to be called once all is done.
  /// Complexity: O(log n) on this thread, O(size) in the entry.
  mutating func removeElements(_ found: inout Found, _ range: Range<Int>) {
    guard !range.isEmpty, let entry = found.entry else { return }
    if let blob = entry.blob {
      let list = PackedList(blob)
      let from = list.offset(of: range.lowerBound)
      let end = list.offset(of: range.upperBound)
      return unsafe splice(&found, list.removing(from: from, to: end, count: range.count)) {
        _ in
      }
    }
    let root = writableList(&found)
    var tree = root.tree
    tree.removeRange(range, &context.units)
    root.tree = tree
  }

  /// Takes elements out that are `string`: at most `limit`, from the head on or from the tail. A list without elements
  /// is the caller's to remove; for others `shrinkList` is to be called. Complexity: O(n).
  /// - Returns: how many.
  mutating func removeMatches(_ found: inout Found, _ string: ByteView, limit: Int, fromTail: Bool) -> Int {
    guard let entry = found.entry else { return 0 }
    let probe = PackedProbe(EncodedElement(string))
    guard entry.blob == nil else { return removePackedMatches(&found, probe, limit, fromTail) }
    guard unsafe ListRoot(raw: entry.child).tree.firstMatch(probe) != nil else { return 0 }
    let root = writableList(&found)
    var tree = root.tree
    let removed = tree.removeMatches(probe, limit: limit, fromTail: fromTail, &context.units)
    root.tree = tree
    return removed
  }

  private mutating func removePackedMatches(_ found: inout Found, _ probe: PackedProbe, _ limit: Int, _ fromTail: Bool)
    -> Int
  {
    var removed = 0
    var offset = 0
    while removed < limit, let blob = found.entry?.blob {
      let list = PackedList(blob)
      if removed == 0 { offset = fromTail ? list.end : list.start }
      guard let item = (fromTail ? list.lastMatch(probe, before: offset) : list.firstMatch(probe, from: offset))?.item
      else {
        break
      }
      let isFirst = item.offset == list.start
      offset = item.offset
      unsafe splice(&found, list.removing(item)) { _ in }
      removed += 1
      if isFirst {
        // Where the list begins has changed.
        if fromTail { break }
        offset = found.entry?.blob.map { PackedList($0).start } ?? 0
      }
    }
    return removed
  }

  /// Gives a list that has become smaller the form that it should have now.
  @inline(__always)
  mutating func shrinkList(_ found: inout Found) {
    guard let raw = unsafe found.entry?.root, let leaf = unsafe ListRoot(raw: raw).onlyLeaf else { return }
    shrink(&found, unsafe ListRoot(raw: raw), leaf)
  }

  private mutating func shrink(_ found: inout Found, _ root: ListRoot, _ leaf: ListLeaf) {
    let isShort = PackedList.headerBytes + leaf.list.elementByteCount <= Self.returnMaxBytes
    if root.isQuicklist {
      guard !leaf.isPlain(root.limit(limits)), ListNodeLimit(limits).allowsListpack(leaf, isShrinking: true)
      else { return }
      if !isShort { return writableList(&found).becomeListpack() }
    }
    guard isShort, let entry = found.entry else { return }
    let elements = leaf.elements
    unsafe replaceEntry(&found, entry, .packed, inlineCount: PackedList.headerBytes + elements.count) { blob in
      unsafe PackedList.writeHeader(count: leaf.count, to: blob)
      unsafe elements.copy(to: blob + PackedList.headerBytes)
    }
    root.drop(context.units)
  }
}

extension CountedTree where Leaf == ListLeaves {
  /// The first element that is the probe's. Complexity: O(n).
  func firstMatch(_ probe: PackedProbe) -> Spot? {
    guard !isEmpty else { return nil }
    var position = end(isTail: false)
    repeat {
      let list = unsafe ListLeaf(position.leaf).list
      if let match = list.firstMatch(probe, from: list.start) {
        position.offset = match.passed
        return Spot(position: position, item: match.item)
      }
    } while moveToNextLeaf(&position)
    return nil
  }
}
