/// A growing array of argument views. One serves all requests of a batch; a request that arrives in pieces has its own.
@safe struct ArgumentBuffer: ~Copyable {
  private(set) var base: UnsafeMutablePointer<ByteView>
  private(set) var count = 0
  private(set) var capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    unsafe base = Self.allocate(capacity)
  }

  deinit { unsafe Heap.free(UnsafeMutableRawPointer(base), capacity * MemoryLayout<ByteView>.stride) }

  @inline(__always)
  mutating func append(_ view: ByteView) {
    if count == capacity { grow() }
    unsafe base[count] = view
    count &+= 1
  }

  /// Forgets all arguments from `count` on.
  @inline(__always)
  mutating func truncate(_ count: Int) {
    precondition(count >= 0 && count <= self.count)
    self.count = count
  }

  subscript(index: Int) -> ByteView {
    precondition(index >= 0 && index < count)
    return unsafe base[index]
  }

  /// The bytes that the views lie in have moved by `distance`, but those of views that `isElsewhere` names.
  func rebase(by distance: Int, except isElsewhere: (ByteView) -> Bool) {
    for i in 0..<count where unsafe !isElsewhere(base[i]) {
      unsafe base[i] = ByteView(base[i].base + distance, count: base[i].count)
    }
  }

  /// The same views in a buffer with room for `capacity`, which is no less than there are.
  func copy(capacity: Int) -> ArgumentBuffer {
    precondition(capacity >= count)
    var other = ArgumentBuffer(capacity: capacity)
    for i in 0..<count { other.append(self[i]) }
    return other
  }

  @inline(never)
  private mutating func grow() {
    let larger = unsafe Self.allocate(capacity * 2)
    unsafe larger.update(from: base, count: count)
    unsafe Heap.free(UnsafeMutableRawPointer(base), capacity * MemoryLayout<ByteView>.stride)
    unsafe base = larger
    capacity *= 2
  }

  private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<ByteView> {
    unsafe Heap.allocate(capacity * MemoryLayout<ByteView>.stride).bindMemory(to: ByteView.self, capacity: capacity)
  }
}
