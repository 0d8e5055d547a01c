import CSystem
import CJemalloc
import Glibc

/// Reads a snapshot file on a thread of its own: decoding, checking and allocating overlap with the event loop's
/// inserting. Entries come in batches through a short queue.
///
///     thread: file -> RDBDecoder -> batch -> | queue of 8 | -> loop: prefetch, insert
///
/// The thread takes its memory from the loop's arena, where its entries would have come from otherwise.
@safe final class RDBLoader: @unchecked Sendable {
  /// Entries of one database, or a word about its size.
  @safe struct Batch {
    static let capacity = 512
    let entries: UnsafeMutablePointer<DecodedEntry>
    var count = 0
    var database = 0
    /// Keys that the database is said to have; 0: nothing is said.
    var keyCount = 0
    /// Keys passed over since the batch before, because their time had come.
    var expiredCount = 0
    /// Bytes of the file that are read.
    var offset = 0

    init() { unsafe entries = .allocate(capacity: Batch.capacity) }

    subscript(index: Int) -> DecodedEntry {
      @inline(__always) get {
        precondition(index >= 0 && index < count)
        return unsafe entries[index]
      }
    }

    mutating func append(_ entry: DecodedEntry) {
      precondition(count < Batch.capacity)
      unsafe (entries + count).initialize(to: entry)
      count += 1
    }

    func free() { unsafe entries.deallocate() }
  }

  enum Next {
    /// To be given back by `recycle`.
    case batch(Batch)
    /// Nothing yet: `wakeup` will tell.
    case wait
    case finished
    case failed(RDBError)
  }

  private static let queueLimit = 8

  let byteCount: Int
  private let descriptor: CInt
  private let options: RDBDecoderOptions
  /// Told of auxiliary fields, on the thread.
  private let note: @Sendable (_ name: String, _ value: String) -> Void
  /// Becomes readable when `next` has said to wait and there is something.
  let wakeup: CInt
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var thread = pthread_t()

  // Under the mutex:
  private var queue: [Batch] = []
  private var spares: [Batch] = []
  private var isWaitedFor = false
  private var isCancelled = false
  private var hasEnded = false
  private var failure: RDBError?
  private var totals = MemoryCounters.Totals()

  /// - Parameter descriptor: a regular file of `byteCount` bytes at its start; it is closed when the reading ends.
  init(descriptor: CInt, byteCount: Int, options: RDBDecoderOptions,
    note: @escaping @Sendable (_ name: String, _ value: String) -> Void) throws(SystemError)
  {
    self.descriptor = descriptor
    self.byteCount = byteCount
    self.options = options
    self.note = note
    wakeup = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
    if wakeup < 0 { throw SystemError(code: errno, call: "eventfd") }
    // The thread holds on to this object until it ends.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let result = unsafe pthread_create(&thread, nil, { context in
      unsafe Unmanaged<RDBLoader>.fromOpaque(context!).takeRetainedValue().run()
      return nil
    }, context)
    if result != 0 {
      unsafe Unmanaged<RDBLoader>.fromOpaque(context).release()
      throw SystemError(code: result, call: "pthread_create")
    }
  }

  deinit {
    for batch in queue { free(batch) }
    for batch in spares { batch.free() }
    close(wakeup)
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  // MARK: The loop's side

  func next() -> Next {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    if !queue.isEmpty {
      let batch = queue.removeFirst()
      unsafe pthread_cond_signal(condition)
      return .batch(batch)
    }
    if let failure { return .failed(failure) }
    if hasEnded { return .finished }
    isWaitedFor = true
    return .wait
  }

  /// As `next`, sleeping until there is something.
  func waitForNext() -> Next {
    while true {
      let next = next()
      guard case .wait = next else { return next }
      var descriptor = pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0)
      unsafe _ = poll(&descriptor, 1, -1)
      clearWakeup()
    }
  }

  /// The batch's entries have been taken.
  func recycle(_ batch: Batch) {
    var batch = batch
    batch.count = 0
    unsafe pthread_mutex_lock(mutex)
    spares.append(batch)
    unsafe pthread_mutex_unlock(mutex)
  }

  func clearWakeup() {
    var count: eventfd_t = 0
    unsafe _ = eventfd_read(wakeup, &count)
  }

  /// Ends the thread if it has not ended, frees what nobody has taken.
  /// - Returns: what the thread allocated and freed, for the counters of memory.
  func finish() -> MemoryCounters.Totals {
    unsafe pthread_mutex_lock(mutex)
    isCancelled = true
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
    pthread_join(thread, nil)
    for batch in queue { free(batch) }
    queue = []
    return totals
  }

  private func free(_ batch: Batch) {
    for index in 0..<batch.count { batch[index].free(tag: options.tag, options.freer.limbo) }
    batch.free()
  }

  // MARK: The thread's side

  private func run() {
    var arena: UInt32 = 0
    unsafe _ = je_control("thread.arena", nil, nil, &arena, MemoryLayout<UInt32>.size)
    do throws(RDBError) {
      try readAll()
      end(nil)
    } catch {
      end(error)
    }
  }

  private func readAll() throws(RDBError) {
    defer { close(descriptor) }
    let reader = RDBReader(descriptor: descriptor, byteCount: byteCount, computesChecksum: options.verifiesChecksum)
    var decoder = RDBDecoder(reader, options)
    try decoder.header()
    var batch = spareBatch()
    defer { free(batch) }
    while true {
      switch try decoder.next() {
      case .entry(let entry):
        batch.append(entry)
        if batch.count == Batch.capacity && !hand(&batch, decoder.reader.offset) { return }
      case .expiredKey:
        batch.expiredCount += 1
      case .database(let number):
        if !hand(&batch, decoder.reader.offset) { return }
        batch.database = number
      case .sizes(let keys, _):
        // A file cannot hold more keys than it has bytes for, whatever it says: three are the least a key takes.
        if !hand(&batch, decoder.reader.offset) { return }
        batch.keyCount = min(Int(clamping: keys), decoder.reader.remainingBytes / 3)
      case .auxiliary(let name, let value):
        note(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
      case .end:
        _ = hand(&batch, decoder.reader.offset)
        return
      }
    }
  }

  private func spareBatch() -> Batch {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return spares.popLast() ?? Batch()
  }

  /// Puts the batch into the queue and takes an empty one for the same database; waits while the queue is full.
  /// - Returns: false when the loop wants no more.
  private func hand(_ batch: inout Batch, _ offset: Int) -> Bool {
    batch.offset = offset
    let database = batch.database
    unsafe pthread_mutex_lock(mutex)
    while queue.count == Self.queueLimit && !isCancelled { unsafe pthread_cond_wait(condition, mutex) }
    let goesOn = !isCancelled
    queue.append(batch)
    batch = spares.popLast() ?? Batch()
    let wakes = isWaitedFor
    isWaitedFor = false
    unsafe pthread_mutex_unlock(mutex)
    if wakes { _ = eventfd_write(wakeup, 1) }
    batch.database = database
    batch.keyCount = 0
    batch.expiredCount = 0
    return goesOn
  }

  private func end(_ error: RDBError?) {
    unsafe pthread_mutex_lock(mutex)
    failure = error
    hasEnded = true
    totals = MemoryCounters.currentThreadTotals()
    unsafe pthread_mutex_unlock(mutex)
    _ = eventfd_write(wakeup, 1)
  }
}
