import CSystem
import Glibc

/// The thread that frees what would hold up the event loop: large values, whole tables.
///
/// Jobs are rare (a value of 64 KiB and more, FLUSHALL), so a mutex is cheap enough.
@safe final class BackgroundFreer: @unchecked Sendable {
  /// Frees `block`. `tag` is the `currentTag` of the moment the job was made, `limbo` what `Limbo(raw:)` takes.
  typealias Function = @convention(c) (_ block: UnsafeMutableRawPointer, _ byteCount: Int, _ tag: UInt8,
    _ limbo: UnsafeMutableRawPointer) -> Void

  @safe private struct Job {
    let function: Function
    let block: UnsafeMutableRawPointer
    let byteCount: Int
    let tag: UInt8
  }

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [Job] = []
  /// Atomic.
  private let pendingByteCount = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  private var pendingCount = 0
  private var freedCount = 0
  /// Head of a list of `DeadUnits.Link`, pushed to without a lock.
  private let deadUnits = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
  let limbo = Limbo()
  private let counters: MemoryCounters

  /// - Parameter counters: the thread registers there.
  init(counters: MemoryCounters) {
    self.counters = counters
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
    unsafe deadUnits.initialize(to: 0)
    unsafe pendingByteCount.initialize(to: 0)
    // The thread lives as long as the process and keeps this object alive.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    let result = unsafe pthread_create(&thread, nil, { context in
      unsafe Unmanaged<BackgroundFreer>.fromOpaque(context!).takeUnretainedValue().run()
      return nil
    }, context)
    guard result == 0 else { fatalError("cannot start the freeing thread") }
    // Registered before the constructor returns, so that no other registration runs at the same time.
    unsafe pthread_mutex_lock(mutex)
    while !isRegistered { unsafe pthread_cond_wait(condition, mutex) }
    unsafe pthread_mutex_unlock(mutex)
  }

  private var isRegistered = false

  /// Hands `block` to the thread.
  func enqueue(_ function: @escaping Function, _ block: UnsafeMutableRawPointer, _ byteCount: Int, tag: UInt8) {
    unsafe pthread_mutex_lock(mutex)
    unsafe jobs.append(Job(function: function, block: block, byteCount: byteCount, tag: tag))
    unsafe _ = cs_fetch_add_u64(pendingByteCount, UInt64(byteCount))
    pendingCount += 1
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Hands over what a walker got back dead. Takes no lock and allocates nothing, since the walker's thread has a low
  /// priority and must not make others wait for it. They are freed at the next `wake` or job at the latest.
  func free(_ dead: DeadUnits) {
    guard let first = unsafe dead.first, let last = unsafe dead.last else { return }
    var head = unsafe cs_load_acquire_u64(deadUnits)
    repeat {
      unsafe last.pointee.next = UnsafeMutablePointer(bitPattern: UInt(head))
    } while unsafe !cs_compare_exchange_u64(deadUnits, &head, UInt64(UInt(bitPattern: first)))
    unsafe pthread_cond_signal(condition)
  }

  /// Makes sure that what `free` handed over is freed soon: its own signal may have come while the thread was looking
  /// elsewhere.
  func wake() {
    unsafe pthread_mutex_lock(mutex)
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  private var hasDeadUnits: Bool { unsafe cs_load_acquire_u64(deadUnits) != 0 }

  private func freeDeadUnits() {
    var next = unsafe UnsafeMutablePointer<DeadUnits.Link>(bitPattern: UInt(cs_exchange_u64(deadUnits, 0)))
    var freedBytes = 0
    while let link = unsafe next {
      unsafe next = link.pointee.next
      let byteCount = unsafe link.pointee.byteCount
      unsafe Heap.free(UnsafeMutableRawPointer(link), byteCount)
      freedBytes += byteCount
    }
    // Once for all: the loop writes this counter with each unit that it lets go, and would wait for its cache line.
    limbo.subtract(freedBytes)
  }

  /// Of the jobs waiting or running. Takes no lock.
  @inline(__always)
  var pendingBytes: Int { Int(truncatingIfNeeded: unsafe cs_load_acquire_u64(pendingByteCount)) }

  /// Jobs waiting or running, and those done since the start.
  var progress: (pending: Int, freed: Int) {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return (pendingCount, freedCount)
  }

  private func run() {
    counters.registerCurrentThread()
    unsafe pthread_mutex_lock(mutex)
    isRegistered = true
    unsafe pthread_cond_signal(condition)
    while true {
      while jobs.isEmpty && !hasDeadUnits { unsafe pthread_cond_wait(condition, mutex) }
      let batch = jobs
      jobs = []
      unsafe pthread_mutex_unlock(mutex)
      freeDeadUnits()
      for job in batch {
        unsafe job.function(job.block, job.byteCount, job.tag, limbo.raw)
        unsafe pthread_mutex_lock(mutex)
        unsafe _ = cs_fetch_add_u64(pendingByteCount, 0 &- UInt64(job.byteCount))
        pendingCount -= 1
        freedCount += 1
        unsafe pthread_mutex_unlock(mutex)
      }
      // What was freed here is of no use to this thread.
      Heap.flushThreadCache()
      unsafe pthread_mutex_lock(mutex)
    }
  }
}
