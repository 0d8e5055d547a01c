/// A walk over all databases that gives units in sparse slabs another place (see `UnitMover`): the hands of active
/// defragmentation, which `Keyspace.defragmentStep` moves.
///
/// It stands at a bucket of a table, or somewhere in a large collection, whose key it keeps: no pointer to a unit
/// survives a step. What is inserted, removed or moved between two steps may be met twice or not at all; the next walk
/// comes by again.
struct DefragmentationWalk: ~Copyable {
  var mover = UnitMover()
  /// Collections with up to so many elements, and not much larger than those of 32 bytes, are done in one step.
  var maxScanFields = 1000
  /// Keys of which something was moved, and keys that were looked at and left as they were.
  private(set) var keyHits = 0
  private(set) var keyMisses = 0

  fileprivate var database = 0
  fileprivate var cursor = RelocationCursor()
  /// The slot of the bucket from which on collections have to be looked at; nil: the bucket has not been begun.
  fileprivate var slot: Int?
  /// Slots of the bucket whose entry or value has moved.
  fileprivate var moved: UInt16 = 0
  fileprivate var collection: LargeCollection?

  /// A collection that takes several steps.
  fileprivate struct LargeCollection {
    let key: [UInt8]
    let database: Int
    var relocation: CollectionRelocation
    let wasMoved: Bool
    let hitsBefore: Int
  }

  init() {}

  /// Stands in a collection that takes several steps.
  var isInCollection: Bool { collection != nil }

  /// Starts anew, at the first database.
  mutating func restart() {
    database = 0
    cursor = RelocationCursor()
    slot = nil
    collection = nil
  }

  mutating func resetCounts() {
    mover.resetCounts()
    keyHits = 0
    keyMisses = 0
  }

  fileprivate mutating func count(_ isMoved: Bool) { if isMoved { keyHits += 1 } else { keyMisses += 1 } }
}

extension Keyspace {
  /// Collections that take more than this many bytes are never done in one step.
  private static var singleStepBytes: Int { 32 << 10 }
  private static var bucketSlots: Int { SegmentLayout.bucketSlots }

  /// Does the next bit of the walk: a bucket, a collection that is not large, or a few elements of one that is. No view
  /// is open. Complexity: O(1), at most some hundred microseconds.
  /// - Returns: false when the walk has been everywhere; it starts anew then.
  mutating func defragmentStep(_ walk: inout DefragmentationWalk) -> Bool {
    precondition(!isFrozen)
    if walk.collection != nil {
      continueCollection(&walk)
      return true
    }
    guard walk.database < databaseCount else {
      walk.restart()
      return false
    }
    guard let place = unsafe databases[walk.database].table.place(walk.cursor) else {
      leaveDatabase(&walk)
      return true
    }
    let slot = walk.slot ?? beginBucket(place, &walk)
    if let root = nextRoot(place, from: slot, walk.database) {
      walk.slot = root.slot + 1
      relocateCollection(root.entry, root.slot, &walk)
      return true
    }
    walk.slot = nil
    if unsafe !(databases + walk.database).pointee.table.advance(&walk.cursor, from: place) { leaveDatabase(&walk) }
    return true
  }

  private func leaveDatabase(_ walk: inout DefragmentationWalk) {
    walk.database += 1
    walk.cursor = RelocationCursor()
    walk.slot = nil
  }

  // MARK: Buckets

  /// Moves entries, and the values that are one unit.
  private mutating func beginBucket(_ place: SegmentedTable<Entry>.BucketPlace, _ walk: inout DefragmentationWalk) -> Int {
    unsafe databases[walk.database].table.prefetchNext(place)
    walk.moved = unsafe (databases + walk.database).pointee.table.relocateBucket(place, &walk.mover, &context)
    walk.moved |= relocateValues(place, walk.database, &walk.mover)
    unsafe databases[walk.database].table.forEachSlot(place) { slot, entry in
      if unsafe entry.root == nil { walk.count(walk.moved & 1 << UInt16(slot) != 0) }
    }
    return 0
  }

  /// - Returns: bit i is set when the value of the entry in slot i has moved.
  private func relocateValues(_ place: SegmentedTable<Entry>.BucketPlace, _ database: Int, _ mover: inout UnitMover)
    -> UInt16
  {
    var slots = InlineArray<14, Int>(repeating: 0)
    var entries = InlineArray<14, UInt>(repeating: 0)
    var count = 0
    unsafe databases[database].table.forEachSlot(place) { slot, entry in
      // A reply that is being sent from a string holds it where it is.
      guard entry.encoding.isPointer, unsafe entry.root == nil, entry.stringUnit?.pins ?? 0 == 0 else { return }
      unsafe mover.add(entry.child)
      slots[count] = slot
      entries[count] = unsafe UInt(bitPattern: entry.raw)
      count += 1
    }
    var chosen = mover.choose()
    var moved: UInt16 = 0
    while chosen != 0 {
      let index = chosen.trailingZeroBitCount
      chosen &= chosen &- 1
      let entry = unsafe Entry(raw: UnsafeMutableRawPointer(bitPattern: entries[index])!)
      if entry.relocateChild(&mover) { moved |= 1 << UInt16(slots[index]) }
    }
    return moved
  }

  // MARK: Collections

  private func nextRoot(_ place: SegmentedTable<Entry>.BucketPlace, from slot: Int, _ database: Int)
    -> (slot: Int, entry: Entry)?
  {
    var next: (slot: Int, entry: Entry)?
    unsafe databases[database].table.forEachSlot(place) { index, entry in
      if next == nil && index >= slot, unsafe entry.root != nil { next = (index, entry) }
    }
    return next
  }

  /// Does a small collection, or begins with a large one.
  private mutating func relocateCollection(_ entry: Entry, _ slot: Int, _ walk: inout DefragmentationWalk) {
    let wasMoved = walk.moved & 1 << UInt16(slot) != 0
    let hitsBefore = walk.mover.hits
    var relocation = CollectionRelocation()
    let isSmall = entry.length <= walk.maxScanFields && entry.childBytes <= Self.singleStepBytes
    guard isSmall else {
      walk.collection = .init(key: entry.key.array, database: walk.database, relocation: relocation,
        wasMoved: wasMoved, hitsBefore: hitsBefore)
      return
    }
    while relocation.step(entry, &walk.mover, &context) {}
    walk.count(wasMoved || walk.mover.hits > hitsBefore)
  }

  /// The collection may be gone by now, or be another.
  private mutating func continueCollection(_ walk: inout DefragmentationWalk) {
    guard var collection = walk.collection.take() else { return }
    let goesOn = unsafe (collection.key + [0]).withUnsafeBytes { bytes in
      let key = Key(unsafe ByteView(bytes.baseAddress!, count: collection.key.count), seed)
      guard let hit = unsafe databases[collection.database].table.find(key.bytes, hash: key.hash),
        unsafe hit.element.root != nil
      else { return false }
      return collection.relocation.step(hit.element, &walk.mover, &context)
    }
    if goesOn {
      walk.collection = collection
    } else {
      walk.count(collection.wasMoved || walk.mover.hits > collection.hitsBefore)
    }
  }
}

extension Entry {
  /// Gives a long string or packed collection another place.
  /// - Returns: false without memory.
  fileprivate func relocateChild(_ mover: inout UnitMover) -> Bool {
    let old = unsafe child
    let byteCount = stringUnit?.byteCount ?? blobUnit!.byteCount
    guard let copy = unsafe mover.copy(old, byteCount) else { return false }
    unsafe storeChild(copy)
    unsafe mover.release(old, byteCount)
    return true
  }
}
