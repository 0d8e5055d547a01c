/// What a large hash or set is to whoever holds it: a unit with the state of its table.
///
///     | tag 1 | unused 7 | SegmentedTable |
///
///     root -> directory -> segments -> elements        (each arrow: the one live owner)
///
/// To change anything but the inside of an element, the root is made writable first, and its parent before that. A copy
/// takes over everything below it.
@safe struct TableRoot<Element: TableElement> {
  typealias Table = SegmentedTable<Element>

  let raw: UnsafeMutableRawPointer

  private static var headerBytes: Int { 8 }
  static var byteCount: Int { headerBytes + MemoryLayout<Table>.size }

  @inline(__always)
  init(raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  /// A root without elements.
  static func make(_ context: inout TableContext) -> TableRoot {
    let block = unsafe Heap.allocate(byteCount)
    unsafe block.storeBytes(of: UInt64(context.units.currentTag), as: UInt64.self)
    let root = unsafe TableRoot(raw: block)
    unsafe root.table.initialize(to: Table(salt: context.makeSalt()))
    return root
  }

  /// The table itself. Changed only when the root does not belong to a view.
  var table: UnsafeMutablePointer<Table> {
    @inline(__always) get { unsafe (raw + Self.headerBytes).assumingMemoryBound(to: Table.self) }
  }

  /// Everything that it owns, itself included. Complexity: O(1).
  var totalByteCount: Int { unsafe Heap.goodSize(Self.byteCount) + table.pointee.byteCount }

  /// The root to be written: itself, or its copy when it belongs to a view. The caller, whose own unit is writable,
  /// stores it. Complexity: O(1).
  @inline(__always)
  func writable(_ context: inout TableContext) -> TableRoot {
    unsafe context.units.belongsToView(raw) ? copied(&context) : self
  }

  @inline(never)
  private func copied(_ context: inout TableContext) -> TableRoot {
    let copy = unsafe Heap.allocate(Self.byteCount)
    unsafe copy.storeBytes(of: UInt64(context.units.currentTag), as: UInt64.self)
    unsafe (copy + Self.headerBytes).copyMemory(from: raw + Self.headerBytes,
      byteCount: Self.byteCount - Self.headerBytes)
    unsafe context.units.retire(raw, Self.byteCount)
    return unsafe TableRoot(raw: copy)
  }

  /// Frees everything below a root that was unlinked when `currentTag` was `tag`, and the root, but for what a view
  /// holds. On any thread. Complexity: O(n).
  static func free(_ root: UnsafeMutableRawPointer, tag: UInt8, _ limbo: Limbo) {
    // Children first: a disposed unit is not read again.
    let table = unsafe TableRoot(raw: root).table
    if let directory = unsafe table.pointee.directory {
      let depth = unsafe table.pointee.globalDepth
      func dispose(_ raw: UnsafeMutableRawPointer) {
        unsafe Units.dispose(raw, Element(raw: raw).byteCount, currentTag: tag, limbo)
      }
      var ring = PrefetchRing()
      unsafe SegmentLayout.forEachSegment(directory, depth: depth) { word in
        SegmentLayout.forEach(word) { _, _, word in
          if let oldest = unsafe ring.push(SegmentLayout.pointer(word)) { unsafe dispose(oldest) }
        }
        // Elements still in the ring have been read out of it.
        unsafe Units.dispose(SegmentLayout.segment(word), SegmentLayout.bucketCount(word) << SegmentLayout.bucketShift,
          currentTag: tag, limbo)
      }
      unsafe ring.drain { unsafe dispose($0) }
      unsafe Units.dispose(Table.directoryUnit(directory), Table.directoryByteCount(depth), currentTag: tag, limbo)
    }
    unsafe Units.dispose(root, byteCount, currentTag: tag, limbo)
  }
}

/// An element of a collection that is a value of its own.
protocol CollectionElement: TableElement {
  /// `TableRoot<Self>.free` as a job for the freer. (A generic function cannot be one.)
  static var freeFunction: BackgroundFreer.Function { get }
}

extension TableElement where Self: CollectionElement {
  static var ownership: TableOwnership { .collection }
}

extension TableRoot where Element: CollectionElement {
  /// Lets go of the whole collection, which its parent no longer names: a large one in the background.
  /// Complexity: O(1), or O(n) for the few elements that a small one has.
  func drop(_ units: borrowing Units) {
    let byteCount = totalByteCount
    guard byteCount >= Units.backgroundFreeBytes else {
      return unsafe Self.free(raw, tag: units.currentTag, units.limbo)
    }
    unsafe units.freer.enqueue(Element.freeFunction, raw, byteCount, tag: units.currentTag)
  }
}

extension TableRoot where Element: CollectionElement {
  /// A collection with copies of all elements. Complexity: O(n).
  func deepCopy(_ context: inout TableContext) throws(OutOfMemory) -> TableRoot {
    let copy = TableRoot.make(&context)
    unsafe copy.table.pointee.reserve(table.pointee.count, &context)
    let tag = context.units.currentTag
    var isOutOfMemory = false
    unsafe table.pointee.forEach { element in
      guard !isOutOfMemory, let block = unsafe Heap.tryAllocate(element.byteCount) else { return isOutOfMemory = true }
      // Not byte 0, which a walker may be writing.
      unsafe (block + 1).copyMemory(from: element.raw + 1, byteCount: element.byteCount - 1)
      unsafe block.storeBytes(of: tag, as: UInt8.self)
      let element = unsafe Element(raw: block)
      unsafe copy.table.pointee.insert(element, hash: element.hash(copy.table.pointee.seed(context.seed)), &context)
    }
    if isOutOfMemory {
      copy.drop(context.units)
      throw OutOfMemory()
    }
    unsafe copy.table.pointee.settle(&context)
    return copy
  }
}

extension SegmentedTable where Element: CollectionElement {
  /// Takes the element at `position` out and lets go of it. Complexity: O(1).
  mutating func drop(at position: Position, _ context: inout TableContext) {
    let element = element(at: position)
    remove(at: position, &context)
    unsafe context.units.retireValue(element.raw, element.byteCount, tag: context.units.currentTag)
  }
}

extension SegmentedTable {
  /// Frees an index and forgets it; its elements are others'. On any thread. Complexity: O(segments).
  mutating func freeIndex() {
    precondition(Element.ownership == .derived)
    guard let directory = unsafe directory else { return }
    unsafe Layout.forEachSegment(directory, depth: globalDepth) { word in
      unsafe Heap.free(Layout.segment(word), Layout.bucketCount(word) << Layout.bucketShift)
    }
    unsafe Heap.free(UnsafeMutableRawPointer(directory), Self.directoryByteCount(globalDepth))
    abandon()
  }
}
