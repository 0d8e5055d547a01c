/// Who owns the parts of a `SegmentedTable`, by the type of its elements: known at compile time, so that no table pays
/// for the rules of another.
enum TableOwnership {
  /// A database. The directory is the table's own, and copied at the freeze; segments and elements are units.
  case keyspace
  /// A large hash or set, whose state lies in a `TableRoot`. The directory is a unit as well: one that belongs to a
  /// view is copied before a word of it changes, and the root before that.
  case collection
  /// An index over elements that somebody else owns, such as the members of a sorted set. Only the event loop knows of
  /// it: no tags, nothing is copied, everything is changed and freed in place.
  case derived
}

/// What a `SegmentedTable` holds: a pointer of 48 bits to something that knows its key.
protocol TableElement {
  static var ownership: TableOwnership { get }
  init(raw: UnsafeMutableRawPointer)
  var raw: UnsafeMutableRawPointer { get }
  /// The hash under which it was inserted, with the seed that the table has (`SegmentedTable.seed`).
  func hash(_ seed: HashSeed) -> UInt64
  func hasKey(_ key: ByteView) -> Bool
  /// Size of its allocation, or any size of the same size class.
  var byteCount: Int { get }
}

/// What tables share: the rules for units and the wheel that holds their segments' deadlines.
struct TableContext: ~Copyable {
  var units: Units
  var wheel: TimingWheel
  let seed: HashSeed
  private var saltCount: UInt64

  /// - Parameter salts: where salts start; contexts that make tables for one keyspace start far apart.
  init(units: consuming Units, wheel: consuming TimingWheel, seed: HashSeed, salts: UInt64 = 0) {
    saltCount = salts
    self.units = units
    self.wheel = wheel
    self.seed = seed
  }

  /// What sets one more table's hashes apart from all others'. No secret: it is mixed into the seed, which is one.
  mutating func makeSalt() -> UInt64 {
    saltCount &+= 0x9e37_79b9_7f4a_7c15
    return saltCount
  }
}

/// What belongs to whom.
extension SegmentedTable {
  // MARK: Hashing

  /// The seed for the keys of this table.
  ///
  /// Databases share one, so that a hash survives SELECT. A collection has a salt of its own: filling one table in the
  /// order of another, as SUNIONSTORE and every client that copies do, would fill each of its segments from the left
  /// and split it again and again with all its elements on one side.
  @inline(__always)
  func seed(_ seed: HashSeed) -> HashSeed {
    Element.ownership == .keyspace ? seed : HashSeed(k0: seed.k0 ^ salt, k1: seed.k1 &+ salt)
  }

  /// The hash of `key` in this table. Complexity: O(key).
  @inline(__always)
  func hash(_ key: ByteView, _ context: borrowing TableContext) -> UInt64 { sipHash13(key, seed(context.seed)) }

  // MARK: Bytes

  /// What an element adds to `byteCount`. Those of a database and of an index are counted by their owners.
  @inline(__always)
  static func weight(_ element: Element) -> Int {
    Element.ownership == .collection ? Heap.goodSize(element.byteCount) : 0
  }

  // MARK: Segments

  /// Before a segment is written: replaces one that belongs to a view by a copy.
  @inline(__always)
  mutating func makeWritable(_ first: Int, _ context: inout TableContext) {
    if Element.ownership == .derived { return }
    let segment = unsafe Layout.segment(directory![first])
    if unsafe context.units.belongsToView(segment) { copySegment(first, &context) }
  }

  @inline(never)
  private mutating func copySegment(_ first: Int, _ context: inout TableContext) {
    makeDirectoryWritable(&context)
    let word = unsafe directory![first]
    let byteCount = Layout.bucketCount(word) << Layout.bucketShift
    let old = unsafe Layout.segment(word)
    let copy = unsafe Heap.allocate(byteCount)
    unsafe copy.copyMemory(from: old, byteCount: byteCount)
    unsafe copy.storeBytes(of: context.units.currentTag, as: UInt8.self)
    unsafe setWords(first, Layout.replacingSegment(word, copy))
    unsafe context.units.retire(old, byteCount)
  }

  mutating func makeSegment(_ bucketCount: Int, _ context: borrowing TableContext) -> UnsafeMutableRawPointer {
    byteCount += bucketCount << Layout.bucketShift
    return unsafe Layout.makeSegment(bucketCount, tag: context.units.currentTag)
  }

  /// Lets go of the segment that a directory word named. Its elements live on.
  mutating func releaseSegment(_ word: UInt64, _ context: inout TableContext) {
    let segment = unsafe Layout.segment(word)
    let segmentBytes = Layout.bucketCount(word) << Layout.bucketShift
    byteCount -= segmentBytes
    if Element.ownership == .derived {
      unsafe Heap.free(segment, segmentBytes)
    } else {
      unsafe context.units.retire(segment, segmentBytes)
    }
  }

  // MARK: Directory

  /// A collection's directory has its tag, and seven bytes unused, in front of the words.
  @inline(__always)
  static var directoryHeaderBytes: Int { Element.ownership == .collection ? 8 : 0 }

  /// Size of a directory's allocation.
  static func directoryByteCount(_ depth: Int) -> Int { directoryHeaderBytes + 8 << depth }

  /// The unit that a collection's directory is.
  @inline(__always)
  static func directoryUnit(_ words: UnsafeMutablePointer<UInt64>) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(words) - directoryHeaderBytes
  }

  /// Before a word of the directory is written: replaces one that belongs to a view by a copy. The root, which names
  /// it, has been made writable.
  @inline(__always)
  mutating func makeDirectoryWritable(_ context: inout TableContext) {
    guard Element.ownership == .collection else { return }
    if unsafe context.units.belongsToView(Self.directoryUnit(directory!)) { copyDirectory(&context) }
  }

  /// One unit however large it is. Measured: that of 5 million elements (64 KiB) is copied in 2 µs, or 40 when the
  /// copy's pages are fresh from the kernel; that of 100 million (2 MiB) in 50 µs, or 800. A directory of pages would
  /// cost every lookup a step more, and save this once a freeze.
  @inline(never)
  private mutating func copyDirectory(_ context: inout TableContext) {
    let words = unsafe makeDirectory(globalDepth, context)
    unsafe words.update(from: directory!, count: 1 << globalDepth)
    releaseDirectory(&context)
    unsafe directory = words
  }

  /// Allocates 2^depth words, all of them uninitialised.
  mutating func makeDirectory(_ depth: Int, _ context: borrowing TableContext) -> UnsafeMutablePointer<UInt64> {
    let size = Self.directoryByteCount(depth)
    byteCount += Heap.goodSize(size)
    let block = unsafe Heap.allocate(size)
    if Element.ownership == .collection {
      unsafe block.storeBytes(of: UInt64(context.units.currentTag), as: UInt64.self)
    }
    return unsafe (block + Self.directoryHeaderBytes).bindMemory(to: UInt64.self, capacity: 1 << depth)
  }

  /// Lets go of the directory, of `globalDepth`. The segments live on.
  mutating func releaseDirectory(_ context: inout TableContext) {
    let size = Self.directoryByteCount(globalDepth)
    byteCount -= Heap.goodSize(size)
    let unit = unsafe Self.directoryUnit(directory!)
    if Element.ownership == .collection {
      unsafe context.units.retire(unit, size)
    } else {
      unsafe Heap.free(unit, size)
    }
  }
}
