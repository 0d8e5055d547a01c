import CSystem

/// What a `TreeWalker` shows a frozen tree to.
protocol TreeVisitor: ~Copyable {
  /// An element's unit or, where elements lie in the leaves, a leaf. It may be read until this returns.
  mutating func visit(_ unit: UnsafeMutableRawPointer)
  /// A unit that the loop let go while the view held it: the visitor's to hand to the freer.
  mutating func take(dead unit: UnsafeMutableRawPointer, _ byteCount: Int)
}

/// One forward pass over a frozen tree, for the snapshot's thread (DESIGN.md §5, rule 5): copies the pointers out of a
/// node, releases it, then goes to the children. Its buffers are made once; it serves one tree after the other.
@safe struct TreeWalker<Leaf: TreeLeaf>: ~Copyable {
  /// Elements fetched into the cache ahead of the one that is visited.
  private static var prefetchDistance: Int { 12 }

  /// What the nodes on the way held: `maxChildren` words a level, then the leaf's elements.
  private let words: UnsafeMutablePointer<UInt>
  private var counts = InlineArray<14, UInt8>(repeating: 0)
  private var nexts = InlineArray<14, UInt8>(repeating: 0)
  private var height = 0
  /// Levels entered and not finished.
  private var depth = 0
  /// The root, until it is entered.
  private var pending: UnsafeMutableRawPointer?
  private var elementCount = 0
  private var nextElement = 0
  private let currentTag: UInt8

  private static var elementsStart: Int { TreePath.maxHeight * TreeNode<Leaf>.maxChildren }

  /// - Parameter currentTag: what units carry since the freeze.
  init(currentTag: UInt8) {
    self.currentTag = currentTag
    unsafe words = .allocate(capacity: Self.elementsStart + Leaf.maxElements)
    unsafe pending = nil
  }

  deinit { unsafe words.deallocate() }

  /// Begins with a tree as the view has it. The one before is finished.
  mutating func start(root: UnsafeMutableRawPointer?, height: Int) {
    precondition(unsafe depth == 0 && pending == nil && nextElement == elementCount)
    unsafe pending = root
    self.height = height
  }

  /// Visits `limit` units at most, nodes counted.
  /// - Parameter isCancelled: units are released without being shown to the visitor.
  /// - Returns: how many; less than `limit` when the walk is over.
  mutating func step<Visitor: TreeVisitor & ~Copyable>(_ limit: Int, isCancelled: Bool, _ visitor: inout Visitor)
    -> Int
  {
    var done = 0
    while done < limit {
      if nextElement < elementCount {
        visitElement(isCancelled, &visitor)
      } else if let root = unsafe pending {
        unsafe pending = nil
        unsafe enter(root, isCancelled, &visitor)
      } else if let child = unsafe nextChild() {
        unsafe enter(child, isCancelled, &visitor)
      } else {
        return done
      }
      done += 1
    }
    return done
  }

  /// The next child of the deepest node that has one left.
  private mutating func nextChild() -> UnsafeMutableRawPointer? {
    while depth > 0 {
      let level = depth - 1
      let next = Int(nexts[level])
      if next < Int(counts[level]) {
        nexts[level] = UInt8(next + 1)
        let base = level * TreeNode<Leaf>.maxChildren
        if next + 1 < Int(counts[level]) { unsafe prefetch(words[base + next + 1]) }
        return unsafe UnsafeMutableRawPointer(bitPattern: words[base + next])
      }
      depth -= 1
    }
    return nil
  }

  private mutating func enter<Visitor: TreeVisitor & ~Copyable>(_ unit: UnsafeMutableRawPointer, _ isCancelled: Bool,
    _ visitor: inout Visitor)
  {
    guard depth == height else {
      let node = unsafe TreeNode<Leaf>(unit)
      let count = node.childCount
      let base = depth * TreeNode<Leaf>.maxChildren
      for index in 0..<count { unsafe words[base + index] = UInt(bitPattern: node.child(index)) }
      counts[depth] = UInt8(count)
      nexts[depth] = 0
      depth += 1
      return unsafe release(unit, { node.byteCount }, &visitor)
    }
    if Leaf.maxElements > 0 {
      elementCount = unsafe Leaf.copyElements(unit, to: words + Self.elementsStart)
      nextElement = 0
      for ahead in 0..<min(Self.prefetchDistance, elementCount) { unsafe prefetch(words[Self.elementsStart + ahead]) }
    } else if !isCancelled {
      unsafe visitor.visit(unit)
    }
    unsafe release(unit, { unsafe Leaf.byteCount(unit) }, &visitor)
  }

  @inline(__always)
  private mutating func visitElement<Visitor: TreeVisitor & ~Copyable>(_ isCancelled: Bool, _ visitor: inout Visitor) {
    let place = Self.elementsStart + nextElement
    let element = unsafe UnsafeMutableRawPointer(bitPattern: words[place])!
    nextElement += 1
    if nextElement + Self.prefetchDistance <= elementCount { unsafe prefetch(words[place + Self.prefetchDistance]) }
    if !isCancelled { unsafe visitor.visit(element) }
    unsafe release(element, { unsafe Leaf.elementByteCount(element) }, &visitor)
  }

  /// - Parameter byteCount: asked for only when the unit came back dead, and so is the walker's.
  @inline(__always)
  private func release<Visitor: TreeVisitor & ~Copyable>(_ unit: UnsafeMutableRawPointer, _ byteCount: () -> Int,
    _ visitor: inout Visitor)
  {
    if unsafe Units.release(unit, currentTag: currentTag) { return }
    unsafe visitor.take(dead: unit, byteCount())
  }

  private func prefetch(_ address: UInt) { unsafe cs_prefetch(UnsafeRawPointer(bitPattern: address)!) }
}
