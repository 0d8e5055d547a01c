/// Blocks for entries whose keys are huge, set aside before a command runs.
///
/// An entry holds its key, whose size a client chose: above `Heap.fallibleThresholdBytes` there may be no memory for
/// it. Commands are answered so before they have changed anything, and find their memory here when they make entries,
/// which therefore never fails. Empty but while such a command runs.
@safe struct EntryReserve: ~Copyable {
  @safe private struct Block {
    let raw: UnsafeMutableRawPointer
    let byteCount: Int
  }

  /// What an entry has beside its key at most: header, lengths, expiry, a short value.
  private static var restMaxBytes: Int { Entry.inlineMaxBytes + 64 }
  /// A command makes an entry of a key twice at most: with a new value, then with another expiry.
  private static var entriesOfKey: Int { 2 }

  private var blocks: [Block] = []

  init() {}

  deinit { for block in blocks { unsafe Heap.free(block.raw, block.byteCount) } }

  var isEmpty: Bool { blocks.isEmpty }

  /// True when there may be no memory for an entry of this key.
  @inline(__always)
  static func isHuge(_ key: ByteView) -> Bool { key.count > Heap.fallibleThresholdBytes - restMaxBytes }

  /// Sets memory aside for what one command makes of a huge key.
  /// - Returns: false when there is none.
  mutating func add(for key: ByteView) -> Bool {
    precondition(Self.isHuge(key))
    let size = Heap.goodSize(key.count + Self.restMaxBytes)
    for _ in 0..<Self.entriesOfKey {
      guard let block = unsafe Heap.tryAllocate(size) else { return false }
      unsafe blocks.append(Block(raw: block, byteCount: size))
    }
    return true
  }

  /// A block for an entry of `byteCount` bytes: one that was set aside, or else a new one.
  mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard let index = blocks.firstIndex(where: { $0.byteCount >= byteCount }) else {
      return unsafe Heap.allocate(byteCount)
    }
    let block = blocks.remove(at: index)
    return unsafe Heap.shrink(block.raw, block.byteCount, byteCount)
  }

  mutating func removeAll() {
    for block in blocks { unsafe Heap.free(block.raw, block.byteCount) }
    blocks.removeAll()
  }
}

extension Keyspace {
  /// A block for an entry. A huge one's may have been set aside, a small one's waits while a view is open.
  @inline(__always)
  mutating func allocateEntry(_ byteCount: Int) -> UnsafeMutableRawPointer {
    if BlocksAhead.sizes.contains(byteCount) && context.units.isFrozen { return unsafe blocksAhead.take(byteCount) }
    if byteCount <= Heap.fallibleThresholdBytes { return unsafe Heap.allocate(byteCount) }
    return unsafe entryReserve.take(byteCount)
  }
}
