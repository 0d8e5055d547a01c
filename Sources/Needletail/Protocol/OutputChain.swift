import Glibc

/// Reply bytes waiting to be sent that no longer (or never did) fit the turn's shared arena: a queue of chunks.
///
/// An owned chunk is one allocation, header and bytes; a pinned chunk refers to the bytes of a large value, which are
/// sent from where they lie. An empty chain owns nothing, so an idle connection pays three words.
@safe struct OutputChain: ~Copyable {
  @safe struct Header {
    var next: UnsafeMutablePointer<Header>?
    var data: UnsafeRawPointer
    /// Bytes `start ..< end` of `data` wait to be sent.
    var start: Int
    var end: Int
    /// Room in `data`; 0 in a pinned chunk.
    var capacity: Int
    /// The unit to unpin when a pinned chunk has been sent.
    var pinned: UnsafeMutableRawPointer?
    /// Memory of the chunks in front of this one, from an arbitrary start: two marks tell the memory between them.
    var mark = 0

    /// What the chunk takes; a pinned one counts with all that it keeps from being freed.
    var heapByteCount: Int { OutputChain.headerBytes + max(capacity, end) }
  }

  static let chunkBytes = 16 << 10
  fileprivate static var headerBytes: Int { MemoryLayout<Header>.size }

  private var head: UnsafeMutablePointer<Header>?
  private var tail: UnsafeMutablePointer<Header>?
  /// Bytes waiting in all chunks, pinned ones included.
  private(set) var byteCount = 0

  init() {}

  var isEmpty: Bool { unsafe head == nil }

  /// Where the next bytes of the last chunk go, and how many fit. Zero room when there is no owned last chunk.
  var room: (cursor: UnsafeMutableRawPointer?, count: Int) {
    guard let tail = unsafe tail, unsafe tail.pointee.capacity > 0 else { return (nil, 0) }
    let chunk = unsafe tail.pointee
    return unsafe (UnsafeMutableRawPointer(mutating: chunk.data) + chunk.end, chunk.capacity - chunk.end)
  }

  /// Counts `count` bytes that were written at `room`.
  mutating func advance(_ count: Int) {
    guard count > 0, let tail = unsafe tail else { return }
    unsafe tail.pointee.end += count
    precondition(unsafe tail.pointee.end <= tail.pointee.capacity)
    byteCount += count
  }

  /// Adds an empty chunk with room for `count` bytes at least.
  @discardableResult
  mutating func addChunk(_ count: Int = chunkBytes - headerBytes) -> UnsafeMutablePointer<Header> {
    let size = Heap.goodSize(Self.headerBytes + max(count, 64))
    let block = unsafe Heap.allocate(size)
    let chunk = unsafe block.bindMemory(to: Header.self, capacity: 1)
    unsafe chunk.initialize(to: Header(next: nil, data: UnsafeRawPointer(block + Self.headerBytes), start: 0, end: 0,
      capacity: size - Self.headerBytes, pinned: nil))
    unsafe append(chunk)
    return unsafe chunk
  }

  /// Adds `bytes` of the pinned unit `unit` without copying them.
  mutating func addPinned(_ bytes: ByteView, unit: UnsafeMutableRawPointer) {
    let block = unsafe Heap.allocate(Self.headerBytes)
    let chunk = unsafe block.bindMemory(to: Header.self, capacity: 1)
    unsafe chunk.initialize(to: Header(next: nil, data: bytes.base, start: 0, end: bytes.count, capacity: 0,
      pinned: unit))
    unsafe append(chunk)
    byteCount += bytes.count
  }

  /// Puts a copy of `bytes` in front of everything that waits: the rest of an arena range that the socket did not take.
  mutating func prepend(_ bytes: ByteView) {
    let oldHead = unsafe head
    let oldTail = unsafe tail
    unsafe head = nil
    unsafe tail = nil
    let chunk = unsafe addChunk(bytes.count)
    unsafe bytes.copy(to: UnsafeMutableRawPointer(mutating: chunk.pointee.data))
    unsafe chunk.pointee.end = bytes.count
    byteCount += bytes.count
    if let oldTail = unsafe oldTail {
      unsafe chunk.pointee.next = oldHead
      unsafe chunk.pointee.mark = oldHead!.pointee.mark &- chunk.pointee.heapByteCount
      unsafe tail = oldTail
    }
  }

  /// The chunk that was added last. Later additions do not change its place in the queue.
  var last: UnsafeMutablePointer<Header>? { unsafe tail }

  /// Takes `count` waiting bytes from `place` on out of an owned chunk. Complexity: O(bytes behind them).
  mutating func remove(_ place: UnsafeMutableRawPointer, _ count: Int, from chunk: UnsafeMutablePointer<Header>) {
    let rest = unsafe place + count
    let end = unsafe UnsafeMutableRawPointer(mutating: chunk.pointee.data) + chunk.pointee.end
    precondition(unsafe chunk.pointee.capacity > 0 && rest <= end)
    unsafe memmove(place, rest, end - rest)
    unsafe chunk.pointee.end -= count
    byteCount -= count
  }

  /// Calls `body` with the waiting bytes of each chunk, in order, until it answers false.
  func forEach(_ body: (ByteView) -> Bool) {
    var next = unsafe head
    while let chunk = unsafe next {
      let header = unsafe chunk.pointee
      let waiting = unsafe ByteView(header.data + header.start, count: header.end - header.start)
      if !waiting.isEmpty, !body(waiting) { return }
      unsafe next = header.next
    }
  }

  /// Memory of all chunks, and of the values that pinned ones keep from being freed. Complexity: O(1).
  var heapByteCount: Int {
    guard let head = unsafe head, let tail = unsafe tail else { return 0 }
    return unsafe tail.pointee.mark &- head.pointee.mark &+ tail.pointee.heapByteCount
  }

  /// How many chunks there are, and their memory as `heapByteCount` has it. Complexity: O(chunks).
  var footprint: (chunkCount: Int, byteCount: Int) {
    var count = 0
    var bytes = 0
    var next = unsafe head
    while let chunk = unsafe next {
      count += 1
      bytes += unsafe chunk.pointee.heapByteCount
      unsafe next = chunk.pointee.next
    }
    return (count, bytes)
  }

  /// Drops the first `count` waiting bytes: they were sent. Units whose bytes are all sent are handed to `unpin`.
  mutating func consume(_ count: Int, unpin: (UnsafeMutableRawPointer) -> Void) {
    precondition(count <= byteCount)
    byteCount -= count
    var rest = count
    while let chunk = unsafe head {
      let waiting = unsafe chunk.pointee.end - chunk.pointee.start
      if waiting > rest {
        unsafe chunk.pointee.start += rest
        return
      }
      rest -= waiting
      unsafe head = chunk.pointee.next
      if unsafe head == nil { unsafe tail = nil }
      unsafe Self.free(chunk, unpin: unpin)
    }
  }

  /// Drops everything.
  mutating func removeAll(unpin: (UnsafeMutableRawPointer) -> Void) {
    unsafe consume(byteCount, unpin: unpin)
  }

  private mutating func append(_ chunk: UnsafeMutablePointer<Header>) {
    if let tail = unsafe tail {
      unsafe tail.pointee.next = chunk
      unsafe chunk.pointee.mark = tail.pointee.mark &+ tail.pointee.heapByteCount
    } else {
      unsafe head = chunk
    }
    unsafe tail = chunk
  }

  private static func free(_ chunk: UnsafeMutablePointer<Header>, unpin: (UnsafeMutableRawPointer) -> Void) {
    if let unit = unsafe chunk.pointee.pinned { unsafe unpin(unit) }
    unsafe Heap.free(UnsafeMutableRawPointer(chunk), headerBytes + chunk.pointee.capacity)
  }
}
