import CJemalloc
import CSystem

/// `used_memory`, exact and free: jemalloc's counters of allocated and freed bytes, kept by each thread, summed over
/// the threads that allocate for the keyspace. Those never exit, but for one that leaves its totals behind.
@safe final class MemoryCounters: @unchecked Sendable {
  static let maxThreads = 8

  @safe private struct Thread {
    var allocated: UnsafePointer<UInt64>
    var deallocated: UnsafePointer<UInt64>
  }
  private let threads: UnsafeMutablePointer<Thread>
  /// Atomic; grows by registration only.
  private let threadCount: UnsafeMutablePointer<UInt64>
  /// What threads have left behind that are gone; known to the thread that asks for sums.
  private var departed = Totals()

  /// All that a thread has allocated and freed.
  struct Totals {
    var allocated: UInt64 = 0
    var freed: UInt64 = 0
  }

  init() {
    unsafe threads = UnsafeMutablePointer<Thread>.allocate(capacity: Self.maxThreads)
    unsafe threadCount = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    unsafe threadCount.initialize(to: 0)
  }

  deinit {
    unsafe threads.deallocate()
    unsafe threadCount.deallocate()
  }

  /// Counts the calling thread from now on, what it has allocated before included. Once for each thread, one thread
  /// at a time.
  func registerCurrentThread() {
    guard let allocated = unsafe Self.counter("thread.allocatedp"),
      let deallocated = unsafe Self.counter("thread.deallocatedp")
    else { return }
    let index = Int(unsafe cs_load_acquire_u64(threadCount))
    precondition(index < Self.maxThreads)
    unsafe (threads + index).initialize(to: Thread(allocated: allocated, deallocated: deallocated))
    unsafe cs_store_release_u64(threadCount, UInt64(index + 1))
  }

  /// What the calling thread, which is about to end, has allocated and freed.
  static func currentThreadTotals() -> Totals {
    guard let allocated = unsafe counter("thread.allocatedp"), let freed = unsafe counter("thread.deallocatedp") else {
      return Totals()
    }
    return unsafe Totals(allocated: allocated.pointee, freed: freed.pointee)
  }

  /// Counts what a thread did that was never registered and has ended. Only for the thread that asks for sums.
  func add(_ totals: Totals) {
    departed.allocated &+= totals.allocated
    departed.freed &+= totals.freed
  }

  /// Bytes allocated and not freed. Every deallocation is read before any allocation, so the sum is never short.
  /// Complexity: O(threads).
  var usedByteCount: Int {
    let count = Int(unsafe cs_load_acquire_u64(threadCount))
    var freed = departed.freed
    var allocated = departed.allocated
    for i in 0..<count { freed &+= unsafe cs_load_acquire_u64(threads[i].deallocated) }
    for i in 0..<count { allocated &+= unsafe cs_load_acquire_u64(threads[i].allocated) }
    return Int(truncatingIfNeeded: allocated &- freed)
  }

  private static func counter(_ name: StaticString) -> UnsafePointer<UInt64>? {
    var pointer: UnsafePointer<UInt64>? = nil
    var size = unsafe MemoryLayout<UnsafePointer<UInt64>?>.size
    let result = name.withUTF8Buffer { utf8 in
      unsafe utf8.baseAddress!.withMemoryRebound(to: CChar.self, capacity: utf8.count) { cName in
        unsafe je_control(cName, &pointer, &size, nil, 0)
      }
    }
    return result == 0 ? unsafe pointer : nil
  }
}
