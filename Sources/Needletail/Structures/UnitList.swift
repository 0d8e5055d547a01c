/// Units collected for a command: by one step of a scan, since the next cursor is answered before them and known after
/// them, by chance, or because it combines them. Valid until the keyspace changes.
@safe struct UnitList: ~Copyable {
  private var block: UnsafeMutableRawPointer
  private var capacity = 32
  private(set) var count = 0

  init() { unsafe block = Heap.allocate(32 * 8) }

  deinit { unsafe Heap.free(block, capacity * 8) }

  subscript(index: Int) -> UnsafeMutableRawPointer {
    precondition(index >= 0 && index < count)
    return unsafe block.load(fromByteOffset: index * 8, as: UnsafeMutableRawPointer.self)
  }

  mutating func removeAll() { count = 0 }

  /// Sorts the units from the one at `first` on.
  mutating func sort(from first: Int, by isBefore: (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Bool) {
    guard count - first > 1 else { return }
    let place = unsafe (block + first * 8).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    var units = unsafe UnsafeMutableBufferPointer(start: place, count: count - first)
    unsafe units.sort(by: isBefore)
  }

  mutating func append(_ unit: UnsafeMutableRawPointer) {
    if count == capacity {
      let larger = unsafe Heap.allocate(capacity * 16)
      unsafe larger.copyMemory(from: block, byteCount: count * 8)
      unsafe Heap.free(block, capacity * 8)
      unsafe block = larger
      capacity *= 2
    }
    unsafe block.storeBytes(of: unit, toByteOffset: count * 8, as: UnsafeMutableRawPointer.self)
    count += 1
  }
}
