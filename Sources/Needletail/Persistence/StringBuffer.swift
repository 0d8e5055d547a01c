/// A block that one string after the other is read into.
@safe struct StringBuffer: ~Copyable {
  /// A larger block is given back as soon as a string does not need it.
  private static let keptBytes = 64 << 10
  private static let minBytes = 512

  private var block: UnsafeMutableRawPointer?
  private var capacity = 0

  init() { unsafe block = nil }

  deinit {
    if let block = unsafe block { unsafe Heap.free(block, capacity) }
  }

  /// Room for `count` bytes, valid until the next call; what was in it is lost. Nil: there is no memory.
  @inline(__always)
  mutating func room(_ count: Int) -> UnsafeMutableRawPointer? {
    // An empty string needs an address too.
    let count = max(count, 1)
    if count <= capacity && (capacity <= Self.keptBytes || count > Self.keptBytes) { return unsafe block }
    return unsafe replace(count)
  }

  @inline(never)
  private mutating func replace(_ count: Int) -> UnsafeMutableRawPointer? {
    // Freed first: two large blocks at once would be twice what the string may take.
    if let block = unsafe block { unsafe Heap.free(block, capacity) }
    capacity = 0
    let size = Heap.goodSize(max(count, Self.minBytes))
    unsafe block = Heap.tryAllocate(size)
    if unsafe block != nil { capacity = size }
    return unsafe block
  }
}
