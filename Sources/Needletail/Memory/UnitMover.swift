import CJemalloc
import CSystem

/// Gives units another place in memory, so that the slabs they leave become empty: what active defragmentation does.
///
/// A unit is looked at, by its address alone (`add`, `choose`); one that is worth moving is copied, its copy put in its
/// place by whoever owns it, and then let go:
///
///     if let copy = mover.relocate(unit, byteCount) { parent.storeChild(copy); mover.release(unit, byteCount) }
///
/// Only while no view is open: then every unit carries `currentTag`, nobody but the event loop looks at one, and a copy
/// of all bytes, tag included, is as good as the unit. Without memory a unit stays where it is.
@safe struct UnitMover: ~Copyable {
  enum Choice {
    /// What lies in slabs with many free blocks.
    case sparse
    /// Everything: for tests.
    case everything
  }

  /// Units that are looked at together, at most.
  static let batchMax = 64
  /// jemalloc's largest class that has slabs.
  private static let slabBlockMaxBytes = 14 << 10

  /// What jemalloc says of a block.
  @safe private struct Answer {
    var freeBlocks: Int
    var blocks: Int
    var slabBytes: Int
  }

  var choice = Choice.sparse
  /// Units moved, and units looked at and left where they were.
  private(set) var hits = 0
  private(set) var misses = 0

  private let units: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let answers: UnsafeMutablePointer<Answer>
  private var count = 0
  /// By block size / 16: up to so many blocks a slab is sparse.
  private let limits: UnsafeMutablePointer<UInt16>
  private static let limitCount = slabBlockMaxBytes / 16 + 1
  /// `experimental.utilization.batch_query` as numbers; empty when there is no such thing.
  private var query: [Int] = []

  init() {
    unsafe units = .allocate(capacity: Self.batchMax)
    unsafe units.initialize(repeating: nil, count: Self.batchMax)
    unsafe answers = .allocate(capacity: Self.batchMax)
    unsafe answers.initialize(repeating: Answer(freeBlocks: 0, blocks: 0, slabBytes: 0), count: Self.batchMax)
    unsafe limits = .allocate(capacity: Self.limitCount)
    unsafe limits.initialize(repeating: 0, count: Self.limitCount)
    guard je_has_slabs() else { return }
    var numbers = [Int](repeating: 0, count: 8)
    var count = numbers.count
    guard unsafe je_control_numbers("experimental.utilization.batch_query", &numbers, &count) == 0 else { return }
    query = Array(numbers[..<count])
  }

  deinit {
    unsafe units.deallocate()
    unsafe answers.deallocate()
    unsafe limits.deallocate()
  }

  /// False: the allocator does not tell how full a slab is.
  var isSupported: Bool { !query.isEmpty }

  /// What is sparse is judged by these from now on.
  mutating func setLimits(_ statistics: borrowing SlabStatistics) {
    for bin in statistics.bins where bin.blockBytes <= Self.slabBlockMaxBytes {
      unsafe limits[bin.blockBytes >> 4] = UInt16(bin.sparseMax)
    }
  }

  mutating func resetCounts() {
    hits = 0
    misses = 0
  }

  // MARK: Choosing

  /// Adds a unit to those that `choose` looks at; at most `batchMax` of them. It is not read.
  @inline(__always)
  mutating func add(_ unit: UnsafeMutableRawPointer) {
    precondition(count < Self.batchMax)
    unsafe units[count] = unit
    count &+= 1
  }

  /// Looks at the units that were added.
  /// - Returns: bit i is set when the one added as number i is worth moving.
  mutating func choose() -> UInt64 {
    defer { count = 0 }
    if count == 0 { return 0 }
    let all = count == 64 ? UInt64.max : (1 << UInt64(count)) &- 1
    if choice == .everything { return all }
    guard ask() else { return 0 }
    var chosen: UInt64 = 0
    for index in 0..<count where isSparse(unsafe answers[index]) { chosen |= 1 << UInt64(index) }
    misses += count - chosen.nonzeroBitCount
    return chosen
  }

  /// As `choose`, of one.
  mutating func wants(_ unit: UnsafeMutableRawPointer) -> Bool {
    unsafe add(unit)
    return choose() != 0
  }

  private func ask() -> Bool {
    guard !query.isEmpty else { return false }
    var size = count * MemoryLayout<Answer>.stride
    let result = unsafe query.withUnsafeBytes { numbers in
      unsafe je_control_by_numbers(numbers.baseAddress!.assumingMemoryBound(to: Int.self), query.count,
        answers, &size, units, count * MemoryLayout<UnsafeMutableRawPointer?>.stride)
    }
    return result == 0
  }

  /// A slab's size is a multiple of that of its blocks.
  @inline(__always)
  private func isSparse(_ answer: Answer) -> Bool {
    guard answer.freeBlocks > 0, answer.blocks > 0 else { return false }
    let blockBytes = answer.slabBytes / answer.blocks
    guard blockBytes <= Self.slabBlockMaxBytes else { return false }
    return answer.blocks - answer.freeBlocks <= Int(unsafe limits[blockBytes >> 4])
  }

  // MARK: Moving

  /// A copy of a unit that was chosen, elsewhere. The caller puts it in its place and then releases the unit.
  /// - Parameter byteCount: the size asked for, or any size of the same size class.
  /// - Returns: nil without memory.
  mutating func copy(_ unit: UnsafeMutableRawPointer, _ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard let copy = unsafe Heap.tryAllocateUncached(byteCount) else {
      misses += 1
      return nil
    }
    unsafe copy.copyMemory(from: unit, byteCount: byteCount)
    hits += 1
    return unsafe copy
  }

  /// `copy` of a unit that is worth moving; nil when it is not, or there is no memory.
  mutating func relocate(_ unit: UnsafeMutableRawPointer, _ byteCount: Int) -> UnsafeMutableRawPointer? {
    guard unsafe wants(unit) else { return nil }
    return unsafe copy(unit, byteCount)
  }

  /// Frees a unit whose copy has taken its place. (No view is open, so that it cannot belong to one.)
  func release(_ unit: UnsafeMutableRawPointer, _ byteCount: Int) { unsafe Heap.freeUncached(unit, byteCount) }
}
