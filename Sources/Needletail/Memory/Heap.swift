import CJemalloc
import CSystem
import Glibc
#if DEBUG
  import Synchronization
#endif

/// An allocation whose size a user chose failed. Nothing has changed.
struct OutOfMemory: Error {}

/// Raw blocks from jemalloc, freed with their size so that the allocator need not look it up.
enum Heap {
  /// Blocks up to this many bytes always succeed or end the process; larger ones, whose size a user chose, can fail.
  static let fallibleThresholdBytes = 64 << 10

  @inline(__always)
  static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard let block = unsafe je_alloc(byteCount) else { fatalError("out of memory") }
    return unsafe block
  }

  /// Nil when the system has no memory left. For sizes a user chose.
  static func tryAllocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    if mustFail { return nil }
    return unsafe je_alloc(byteCount)
  }

  /// As `tryAllocate`; all bytes are 0.
  static func tryAllocateZeroed(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    if mustFail { return nil }
    return unsafe je_alloc_zeroed(byteCount)
  }

  /// As `tryAllocate`, from a slab and not from what the calling thread has freed last. For `UnitMover`.
  static func tryAllocateUncached(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    if mustFail { return nil }
    return unsafe je_alloc_uncached(byteCount)
  }

  /// As `free`, to the slab the block lies in, at once.
  static func freeUncached(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
    unsafe je_free_uncached(block, byteCount)
  }

  /// - Parameter byteCount: the size asked for, or any size of the same size class.
  @inline(__always)
  static func free(_ block: UnsafeMutableRawPointer, _ byteCount: Int) { unsafe je_free_sized(block, byteCount) }

  /// Makes a block larger, in place or elsewhere. Nil without memory: the old block is then untouched.
  static func tryReallocate(_ block: UnsafeMutableRawPointer, _ oldByteCount: Int, _ byteCount: Int)
    -> UnsafeMutableRawPointer?
  {
    if mustFail { return nil }
    return unsafe je_realloc(block, oldByteCount, byteCount)
  }

  /// Gives back what a block has beyond the size class of `byteCount`. Complexity: O(1): large blocks stay where they
  /// are.
  static func shrink(_ block: UnsafeMutableRawPointer, _ oldByteCount: Int, _ byteCount: Int)
    -> UnsafeMutableRawPointer
  {
    precondition(byteCount <= oldByteCount)
    if goodSize(byteCount) == goodSize(oldByteCount) { return unsafe block }
    guard let smaller = unsafe je_realloc(block, oldByteCount, byteCount) else { fatalError("out of memory") }
    return unsafe smaller
  }

  /// Whether a test wants this allocation to fail. Always false in a release build.
  @inline(__always)
  private static var mustFail: Bool {
    #if DEBUG
      AllocationFaults.current?.nextFails() ?? false
    #else
      false
    #endif
  }

  /// What an allocation of `byteCount` bytes really takes. jemalloc's classes up to 128 bytes are 8 and the
  /// multiples of 16.
  @inline(__always)
  static func goodSize(_ byteCount: Int) -> Int {
    if byteCount <= 128 { return byteCount <= 8 ? 8 : (byteCount + 15) & ~15 }
    return je_good_size(byteCount)
  }

  /// Leaves returning unused pages to the system to jemalloc's own thread: doing it is many system calls in a row,
  /// which the event loop would otherwise make in the middle of a command. Segments that grow leave many pages behind,
  /// which jemalloc would keep for ten seconds. Huge ones are kept for longer, since small parts of them are not
  /// returned: free neighbours have to come together first.
  static func releasePagesInBackground(hugePages: Bool) {
    var isOn = true
    unsafe _ = je_control("background_thread", nil, nil, &isOn, MemoryLayout<Bool>.size)
    var decay = hugePages ? hugeDecayMilliseconds : decayMilliseconds
    for name in ["arenas.dirty_decay_ms", "arena.0.dirty_decay_ms"] {
      unsafe _ = je_control(name, nil, nil, &decay, MemoryLayout<Int>.size)
    }
  }

  private static let decayMilliseconds = 100
  private static let hugeDecayMilliseconds = 5000

  /// Gives what the calling thread has freed back to the arenas it came from.
  static func flushThreadCache() { unsafe _ = je_control("thread.tcache.flush", nil, nil, nil, 0) }

  /// Lets the calling thread allocate from an arena of its own, so that it never holds a lock that others wait for.
  static func useOwnArena() {
    var arena: UInt32 = 0
    var size = MemoryLayout<UInt32>.size
    guard unsafe je_control("arenas.create", &arena, &size, nil, 0) == 0 else { return }
    unsafe _ = je_control("thread.arena", nil, nil, &arena, size)
  }

  /// Touches a block's pages, so that the first request that uses them does not wait for the kernel.
  static func faultIn(_ block: UnsafeMutableRawPointer, _ byteCount: Int) { unsafe memset(block, 0, byteCount) }

  /// Maps memory in huge pages from now on. False when the system has none.
  static func useHugePages() -> Bool { cs_use_huge_pages() == 0 }
}

#if DEBUG
  /// Makes one of the allocations fail that may, in what runs with it as `current`:
  ///
  ///     AllocationFaults.$current.withValue(AllocationFaults(failing: 1)) { ... }
  final class AllocationFaults: Sendable {
    @TaskLocal static var current: AllocationFaults?
    private let remaining: Atomic<Int>

    /// - Parameter place: 1 for the first allocation from now on.
    init(failing place: Int) { remaining = Atomic(place) }

    var hasFailed: Bool { remaining.load(ordering: .relaxed) <= 0 }

    fileprivate func nextFails() -> Bool { remaining.subtract(1, ordering: .relaxed).newValue == 0 }
  }
#endif
