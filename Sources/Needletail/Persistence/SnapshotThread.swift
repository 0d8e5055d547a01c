import CSystem
import Glibc

/// What the snapshot's thread is to write.
struct SnapshotOrder: ~Copyable {
  let view: FrozenView
  let options: RDBWriterOptions
  let features: RDBFeatures
  let fields: [(name: String, value: String)]
  let place: FilePlace
  let syncsIncrementally: Bool
  /// The processor time of the event loop's thread.
  let loopClock: clockid_t
}

/// How a background save ended.
struct SnapshotResult {
  var byteCount = 0
  /// The old file is as it was.
  var failure: SystemError?
  var wasCancelled = false
}

/// The thread that walks frozen views and writes them into files.
///
/// It runs at low priority, so that on a busy core the event loop keeps most of it, and has a jemalloc arena of its
/// own, so that it never holds a lock of the allocator that the loop waits for (DESIGN.md §5, rule 11). It lives as
/// long as the process and does one order at a time.
@safe final class SnapshotThread: @unchecked Sendable {
  enum Phase: UInt64 {
    case idle
    /// The view is being visited.
    case walking
    /// Every unit is released, the keyspace may be thawed; the file is being completed.
    case walked
    /// `takeResult` tells how it went.
    case done
  }

  /// A thirteenth of a core that a busy loop shares with it.
  private static let niceness: CInt = 11
  /// Between two looks at `cancel`.
  private static let unitsAtATime = 256
  private static let stackBytes = 4 << 20

  private let freer: BackgroundFreer
  private let counters: MemoryCounters
  /// Becomes readable when the phase changes.
  let wakeup: CInt
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// Atomic words, by `Word`.
  private let words = UnsafeMutablePointer<UInt64>.allocate(capacity: Word.allCases.count)
  private enum Word: Int, CaseIterable { case phase, course, visitedCount, isRegistered }
  /// What becomes of the file: `commit` and `cancel` race for it, and whoever comes first has it.
  private enum Course: UInt64 { case open, cancelled, committing }
  // Written by whoever has the turn by `phase`, which is stored with release and read with acquire.
  private var order: UnsafeMutablePointer<SnapshotOrder>?
  private var result = SnapshotResult()

  init(freer: BackgroundFreer, counters: MemoryCounters) throws(SystemError) {
    self.freer = freer
    self.counters = counters
    unsafe order = nil
    wakeup = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
    unsafe words.initialize(repeating: 0, count: Word.allCases.count)
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setstacksize(&attributes, Self.stackBytes)
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    let status = unsafe pthread_create(&thread, &attributes, { context in
      unsafe Unmanaged<SnapshotThread>.fromOpaque(context!).takeUnretainedValue().run()
      return nil
    }, context)
    unsafe pthread_attr_destroy(&attributes)
    guard status == 0 else {
      unsafe Unmanaged<SnapshotThread>.fromOpaque(context).release()
      throw SystemError(code: status, call: "pthread_create")
    }
    // Threads register one at a time.
    unsafe pthread_mutex_lock(mutex)
    while word(.isRegistered) == 0 { unsafe pthread_cond_wait(condition, mutex) }
    unsafe pthread_mutex_unlock(mutex)
  }

  private func word(_ word: Word) -> UInt64 { unsafe cs_load_acquire_u64(words + word.rawValue) }
  private func set(_ word: Word, _ value: UInt64) { unsafe cs_store_release_u64(words + word.rawValue, value) }

  // MARK: The loop's side

  var phase: Phase { Phase(rawValue: word(.phase))! }

  /// Keys of the view that have been visited.
  var visitedCount: Int { Int(word(.visitedCount)) }

  /// Begins a save. Only when idle.
  func start(_ order: consuming SnapshotOrder) {
    precondition(phase == .idle)
    let box = UnsafeMutablePointer<SnapshotOrder>.allocate(capacity: 1)
    unsafe box.initialize(to: order)
    set(.course, Course.open.rawValue)
    set(.visitedCount, 0)
    unsafe pthread_mutex_lock(mutex)
    unsafe self.order = box
    set(.phase, Phase.walking.rawValue)
    unsafe pthread_cond_signal(condition)
    unsafe pthread_mutex_unlock(mutex)
  }

  /// Nothing more is written; what is left of the view is visited all the same, so that it can be thawed.
  /// - Returns: false when it is too late: the new file is about to take the old one's place, or has.
  func cancel() -> Bool { take(.cancelled) }

  private func take(_ course: Course) -> Bool {
    var expected = Course.open.rawValue
    return unsafe cs_compare_exchange_u64(words + Word.course.rawValue, &expected, course.rawValue)
      || expected == course.rawValue
  }

  private var isCancelled: Bool { word(.course) == Course.cancelled.rawValue }

  /// Waits until the order is done: for somebody who is about to write the file himself. Milliseconds when the walk is
  /// over, which it is when `cancel` came too late.
  func waitUntilDone() {
    while phase != .done { usleep(1000) }
  }

  /// Only when done; idle from then on.
  func takeResult() -> SnapshotResult {
    precondition(phase == .done)
    let taken = result
    result = SnapshotResult()
    set(.phase, Phase.idle.rawValue)
    return taken
  }

  /// Runs `body` while the thread opens no file; if the save was cancelled before, it will not open one either.
  func withoutOpening(_ body: () -> Void) {
    unsafe pthread_mutex_lock(mutex)
    body()
    unsafe pthread_mutex_unlock(mutex)
  }

  func clearWakeup() {
    var count: UInt64 = 0
    _ = unsafe eventfd_read(wakeup, &count)
  }

  // MARK: The thread's side

  private func run() {
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(cs_thread_id()), Self.niceness)
    Heap.useOwnArena()
    counters.registerCurrentThread()
    unsafe pthread_mutex_lock(mutex)
    set(.isRegistered, 1)
    unsafe pthread_cond_signal(condition)
    while true {
      while unsafe order == nil { unsafe pthread_cond_wait(condition, mutex) }
      let box = unsafe order!
      unsafe order = nil
      unsafe pthread_mutex_unlock(mutex)
      let taken = unsafe box.move()
      unsafe box.deallocate()
      result = save(taken)
      change(to: .done)
      Heap.flushThreadCache()
      unsafe pthread_mutex_lock(mutex)
    }
  }

  private func change(to phase: Phase) {
    set(.phase, phase.rawValue)
    _ = eventfd_write(wakeup, 1)
  }

  private func save(_ order: consuming SnapshotOrder) -> SnapshotResult {
    let contents = SnapshotContents(options: order.options, features: order.features, fields: order.fields)
    let place = order.place
    let syncsIncrementally = order.syncsIncrementally
    let pace = WalkPace(loopClock: order.loopClock)
    var walker = ViewWalker(order.view, freer: freer)
    var result = SnapshotResult()
    do throws(SystemError) {
      if let file = try open(place, syncsIncrementally) { result.byteCount = try write(contents, &walker, pace, file) }
    } catch {
      result.failure = error
    }
    // The view has to be visited to its end whatever became of the file.
    walker.isCancelled = true
    var nobody = NoVisitor()
    while walker.step(units: Self.unitsAtATime, &nobody) {}
    // What else went wrong with a file that nobody wants any more is nobody's concern.
    return isCancelled ? SnapshotResult(wasCancelled: true) : result
  }

  /// Nil when the save is cancelled already: whoever cancelled it can be sure that no file appears later.
  private func open(_ place: FilePlace, _ syncsIncrementally: Bool) throws(SystemError) -> ReplacementFile? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    if isCancelled { return nil }
    return try ReplacementFile(place, .backgroundSnapshot, syncsIncrementally: syncsIncrementally)
  }

  /// - Returns: the file's size, unless the save was cancelled.
  private func write(_ contents: SnapshotContents, _ walker: inout ViewWalker, _ pace: WalkPace,
    _ file: consuming ReplacementFile) throws(SystemError) -> Int
  {
    var pace = pace
    var encoder = SnapshotEncoder(writer: RDBWriter(file, contents.options))
    encoder.writer.header(contents.features, contents.fields)
    while walker.step(units: Self.unitsAtATime, &encoder) {
      set(.visitedCount, UInt64(walker.visitedCount))
      if let failure = encoder.writer.failure { throw failure }
      if isCancelled { return 0 }
      pace.rest()
    }
    change(to: .walked)
    encoder.writer.end()
    if let failure = encoder.writer.failure { throw failure }
    if isCancelled { return 0 }
    try encoder.writer.sink.makeDurable()
    if !take(.committing) { return 0 }
    try encoder.writer.sink.commit()
    return encoder.writer.sink.byteCount
  }
}

/// What a file begins with, and how it is written.
private struct SnapshotContents {
  let options: RDBWriterOptions
  let features: RDBFeatures
  let fields: [(name: String, value: String)]
}

private struct SnapshotEncoder: ViewVisitor, ~Copyable {
  var writer: RDBWriter<ReplacementFile>

  mutating func begin(_ table: FrozenView.Table) {
    writer.database(table.database, keyCount: table.keyCount, expiresCount: table.expiresCount)
  }

  mutating func visit(_ entry: Entry) { writer.entry(entry) }
  mutating func visit(_ part: CollectionPart) { writer.part(part) }
}
