import CSystem

/// Blocks for small units, allocated and fetched into the cache a few units before they are written.
///
/// While a view is open, an entry that a command changes goes into another block, and the old one is let go by an atomic
/// operation. That waits until all stores before it are done: for the cache miss of the new block, which was most of
/// what such a change cost.
@safe struct BlocksAhead: ~Copyable {
  /// Of these jemalloc's classes are the multiples of 16.
  static let sizes = 9...128
  private static let classCount = sizes.upperBound / 16
  /// Blocks that wait in each class that was asked for: a power of two.
  private static let depth = 8

  private let blocks: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private var position = 0

  init() {
    unsafe blocks = .allocate(capacity: Self.classCount * Self.depth)
    unsafe blocks.initialize(repeating: nil, count: Self.classCount * Self.depth)
  }

  deinit {
    freeBlocks()
    unsafe blocks.deallocate()
  }

  /// - Parameter byteCount: one of `sizes`. The block is freed by `Heap.free` with the same size.
  mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
    precondition(Self.sizes.contains(byteCount))
    position = (position + 1) & (Self.depth - 1)
    let place = unsafe blocks + (byteCount - 1) / 16 * Self.depth + position
    let next = unsafe Heap.allocate(Heap.goodSize(byteCount))
    unsafe cs_prefetch_write(next)
    let block = unsafe place.pointee
    unsafe place.pointee = next
    return unsafe block ?? Heap.allocate(byteCount)
  }

  /// Frees the blocks that wait, once no more are asked for.
  mutating func removeAll() {
    freeBlocks()
    unsafe blocks.update(repeating: nil, count: Self.classCount * Self.depth)
  }

  private func freeBlocks() {
    for index in 0..<Self.classCount * Self.depth {
      guard let block = unsafe blocks[index] else { continue }
      unsafe Heap.free(block, (index / Self.depth + 1) * 16)
    }
  }
}
