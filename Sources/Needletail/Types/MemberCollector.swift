/// A large sorted set in the making: members come in any order, with their final scores or with scores that change
/// still. They are in the index from the start, and in the tree at the end, when they are sorted.
///
///     list: | order of the score 8 | member 8 | ...
@safe struct MemberCollector: ~Copyable {
  enum Outcome { case added, duplicate, outOfMemory }

  /// Its tree is empty until `finish`.
  private let root: SortedSetRoot
  private var list: UnsafeMutablePointer<Record>?
  private var capacity = 0
  private(set) var count = 0
  /// Bytes of the longest member.
  private(set) var longestMember = 0
  private var hasChanges = false
  private var isDone = false

  @safe struct Record {
    var order: UInt64
    let raw: UInt

    @inline(__always)
    init(_ member: ScoredMember) {
      order = UInt64(truncatingIfNeeded: member.key >> 64)
      raw = unsafe UInt(bitPattern: member.raw)
    }

    var member: ScoredMember {
      @inline(__always) get { unsafe ScoredMember(raw: UnsafeMutableRawPointer(bitPattern: raw)!) }
    }

    @inline(__always)
    static func < (a: Record, b: Record) -> Bool {
      a.order != b.order ? a.order < b.order : ScoredMember.isLess(a.member.member, b.member.member)
    }
  }

  /// - Parameter context: of the same keyspace, or of the decoder that makes values for it, all the time.
  init(_ context: inout TableContext) {
    root = SortedSetRoot.make(&context)
    unsafe list = nil
  }

  deinit { precondition(isDone, "a collector is finished or discarded") }

  /// Adds a member, unless it is there already. Complexity: O(1).
  mutating func add(_ member: ByteView, _ score: Double, _ context: inout TableContext) -> Outcome {
    let hash = root.hash(member, context)
    if unsafe root.index.pointee.find(member, hash: hash) != nil { return .duplicate }
    return add(member, score, hash: hash, &context) ? .added : .outOfMemory
  }

  private mutating func add(_ member: ByteView, _ score: Double, hash: UInt64, _ context: inout TableContext) -> Bool {
    guard count < capacity || grow() else { return false }
    guard let unit = ScoredMember.tryMake(member, score: score, tag: context.units.currentTag) else { return false }
    unsafe root.index.pointee.insert(unit, hash: hash, &context)
    unsafe (list! + count).initialize(to: Record(unit))
    count += 1
    longestMember = max(longestMember, member.count)
    return true
  }

  /// Adds a member, or changes the score of the one that is there.
  /// - Parameter change: the score from the present one.
  /// - Returns: false when memory ran out. Complexity: O(1).
  mutating func merge(_ member: ByteView, _ score: Double, _ context: inout TableContext, _ change: (Double) -> Double)
    -> Bool
  {
    let hash = root.hash(member, context)
    guard let hit = unsafe root.index.pointee.find(member, hash: hash) else {
      return add(member, score, hash: hash, &context)
    }
    hit.element.score = change(hit.element.score)
    hasChanges = true
    return true
  }

  private mutating func grow() -> Bool {
    let room = max(64, capacity * 2)
    let size = MemoryLayout<Record>.stride
    guard let block = unsafe Heap.tryAllocate(room * size) else { return false }
    let larger = unsafe block.bindMemory(to: Record.self, capacity: room)
    if let old = unsafe list {
      unsafe larger.update(from: old, count: count)
      unsafe Heap.free(UnsafeMutableRawPointer(old), capacity * size)
    }
    unsafe list = larger
    capacity = room
    return true
  }

  private mutating func freeList() {
    if let list = unsafe list {
      unsafe Heap.free(UnsafeMutableRawPointer(list), capacity * MemoryLayout<Record>.stride)
    }
    unsafe list = nil
    capacity = 0
  }

  // MARK: Order

  /// Puts the members in order. Complexity: O(n) when they came in order or against it, else O(n log n).
  mutating func sort() {
    guard count > 1, let list = unsafe list else { return }
    if hasChanges { for index in 0..<count { unsafe list[index] = Record(list[index].member) } }
    hasChanges = false
    var records = unsafe UnsafeMutableBufferPointer(start: list, count: count)
    var ascents = 0
    for index in 1..<count where unsafe records[index - 1] < records[index] { ascents += 1 }
    if ascents == count - 1 { return }
    if ascents == 0 { return unsafe records.reverse() }
    unsafe records.sort { $0 < $1 }
  }

  /// Calls `body` with the members in the order that `sort` gave them.
  func forEach(_ body: (ByteView, Double) -> Void) {
    for index in 0..<count {
      let member = unsafe list![index].member
      body(member.member, member.score)
    }
  }

  // MARK: The end

  /// The sorted set, which is the caller's. Complexity: as `sort`.
  mutating func finish(_ context: inout TableContext) -> SortedSetRoot {
    sort()
    var builder = MemberTreeBuilder(tag: context.units.currentTag)
    for index in 0..<count {
      let isInOrder = builder.append(unsafe list![index].member)
      precondition(isInOrder)
    }
    unsafe root.tree.pointee = builder.finish(&context.units)
    freeList()
    isDone = true
    return root
  }

  /// The packed form, which all members must fit; they are freed. Complexity: as `sort`.
  mutating func finishPacked(_ units: borrowing Units) -> BlobUnit {
    sort()
    var builder = BlobBuilder(headerBytes: PackedSortedSet.emptyByteCount, tag: units.currentTag)
    unsafe Packed.writeEmpty(to: builder.data)
    forEach { member, score in builder.append(EncodedElement(member), score) }
    let unit = builder.finish()
    discard(units)
    return unit
  }

  /// Frees everything.
  mutating func discard(_ units: borrowing Units) {
    for index in 0..<count {
      let member = unsafe list![index].member
      unsafe Heap.free(member.raw, member.byteCount)
    }
    freeList()
    // Its tree is empty: the index and the root itself are left.
    unsafe SortedSetRoot.free(root.raw, tag: units.currentTag, units.limbo)
    isDone = true
  }
}

extension BlobBuilder {
  /// Appends a pair that comes after all others.
  mutating func append(_ member: EncodedElement, _ score: Double) {
    let set = PackedSortedSet(bytes)
    // Packed sets know no negative zero.
    let encodedScore = EncodedElement(score: score == 0 ? 0 : score)
    unsafe splice(set.inserting(member, encodedScore, at: set.end)) {
      unsafe PackedSortedSet.fill($0, member, encodedScore)
    }
  }
}
