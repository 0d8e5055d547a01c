import CSystem
import Glibc

/// A save that is going on in the background.
struct BackgroundSave {
  let startMilliseconds: Int
  let keyCount: Int
  /// `Effects.dirty` at the freeze: what comes after it is not in the file.
  let dirtyAtFreeze: Int
  /// Most bytes that the view has kept from being freed.
  var limboPeakBytes = 0
  var isCancelled = false
}

extension Engine {
  /// Freezes the keyspace and has it written. Complexity: O(segments), about a nanosecond each.
  /// - Returns: false when a view is open; nothing has happened then.
  mutating func startBackgroundSave() -> Bool {
    guard !keyspace.isFrozen, persistence.background == nil, !isLoading else { return false }
    let thread = snapshotThread()
    let options = snapshotOptions
    let features = snapshotFeatures(options)
    let fields = snapshotFields
    let start = cs_cycles()
    let view = keyspace.freeze()
    persistence.lastFreezeMicroseconds = clock.microseconds(cs_cycles() &- start)
    persistence.isScheduled = false
    persistence.lastTryMilliseconds = keyspace.nowMilliseconds
    persistence.background = BackgroundSave(startMilliseconds: keyspace.nowMilliseconds, keyCount: view.keyCount,
      dirtyAtFreeze: keyspace.effects.dirty)
    thread.start(SnapshotOrder(view: view, options: options, features: features, fields: fields,
      fileName: settings.dbFilename, syncsIncrementally: settings.rdbSaveIncrementalFsync))
    logger.notice("Background saving started, keyspace frozen in \(persistence.lastFreezeMicroseconds) us")
    return true
  }

  private mutating func snapshotThread() -> SnapshotThread {
    if let thread = persistence.thread { return thread }
    let thread = SnapshotThread(freer: keyspace.context.units.freer, counters: memory)
    persistence.thread = thread
    do throws(SystemError) {
      try network.poller.add(PollToken(.wakeup, descriptor: thread.wakeup))
    } catch {
      // Housekeeping looks as well, only later.
      logger.warning("The snapshot's thread can't wake the event loop: \(error.text)")
    }
    return thread
  }

  /// Stops the save that is going on, if there is one: the file stays as it was.
  /// - Returns: false when there is none, or its file is about to take the old one's place.
  @discardableResult
  mutating func cancelBackgroundSave() -> Bool {
    guard persistence.background?.isCancelled == false, persistence.thread?.cancel() == true else { return false }
    persistence.background?.isCancelled = true
    return true
  }

  /// After this no file of a background save takes the place of one that is written now.
  mutating func endBackgroundSave() {
    guard let save = persistence.background, !save.isCancelled else { return }
    if cancelBackgroundSave() {
      logger.warning("There is a background save in progress. It is cancelled.")
    } else {
      persistence.thread?.waitUntilDone()
    }
  }

  /// Looks how the save is getting on: thaws when the walk is over, takes the result, starts what is scheduled. Called
  /// when its thread woke the loop and by housekeeping. Complexity: O(1) but for a start.
  mutating func followBackgroundSave() {
    if let thread = persistence.thread {
      let phase = thread.phase
      if phase != .idle {
        if keyspace.isFrozen && (phase == .walked || phase == .done) { keyspace.thaw() }
        if phase == .done { finishBackgroundSave(thread.takeResult()) }
      }
    }
    if persistence.isScheduled { _ = startBackgroundSave() }
  }

  private mutating func finishBackgroundSave(_ result: SnapshotResult) {
    guard let save = persistence.background else { return }
    persistence.background = nil
    persistence.lastLimboPeakBytes = save.limboPeakBytes
    if result.wasCancelled {
      logger.warning("Background saving cancelled")
      return
    }
    persistence.lastBackgroundSeconds = max(0, keyspace.nowMilliseconds - save.startMilliseconds) / 1000
    persistence.hasBackgroundFailed = result.failure != nil
    if let failure = result.failure {
      logger.warning("Background saving error: \(failure.call): \(failure.text)")
      return
    }
    persistence.saves += 1
    persistence.dirtyAtSave = save.dirtyAtFreeze
    persistence.lastSaveSeconds = keyspace.nowMilliseconds / 1000
    let seconds = Double(keyspace.nowMilliseconds - save.startMilliseconds) / 1000
    logger.notice("Background saving terminated with success: \(result.byteCount) bytes, "
      + "\(InfoText.fixed(seconds, 3)) seconds, at most \(save.limboPeakBytes) bytes kept for it")
  }

  /// Looks, once a turn while a view is open, how much it keeps from being freed. A save that keeps more than is allowed
  /// is cancelled: it must not cost the server its memory.
  mutating func watchLimbo() {
    guard let save = persistence.background else { return }
    let limbo = keyspace.context.units.limbo.byteCount
    if limbo > save.limboPeakBytes { persistence.background?.limboPeakBytes = limbo }
    if save.isCancelled { return }
    let limit = settings.snapshotLimboLimitBytes > 0 ? settings.snapshotLimboLimitBytes : SystemFacts.memoryBytes / 2
    guard limbo > limit, cancelBackgroundSave() else { return }
    persistence.limboCancellations += 1
    logger.warning("Background saving is cancelled: it keeps \(limbo) bytes from being freed, more than the \(limit) of "
      + "snapshot-limbo-limit")
  }

  /// Starts a save when a save point says so.
  mutating func saveWhenDue() {
    // A failed save is not tried again at once.
    let retryMilliseconds = 5000
    guard persistence.background == nil, !keyspace.isFrozen, !isLoading else { return }
    let changes = keyspace.effects.dirty - persistence.dirtyAtSave
    let seconds = keyspace.nowMilliseconds / 1000 - persistence.lastSaveSeconds
    guard !persistence.hasBackgroundFailed
        || keyspace.nowMilliseconds - persistence.lastTryMilliseconds > retryMilliseconds,
      let point = settings.savePoints.first(where: { changes >= $0.changes && seconds > $0.seconds })
    else { return }
    logger.notice("\(point.changes) changes in \(point.seconds) seconds. Saving...")
    _ = startBackgroundSave()
  }

  /// True while writes are refused because the last background save failed and save points say that data matter.
  var refusesWrites: Bool {
    persistence.hasBackgroundFailed && settings.stopWritesOnBgsaveError && !settings.savePoints.isEmpty
  }
}

// MARK: - Commands

extension Engine {
  /// BGSAVE [SCHEDULE | CANCEL]
  mutating func bgsaveCommand(_ request: Request) {
    if request.count > 1 {
      if request.count == 2 && request[1].equalsIgnoringCase("cancel") { return cancelSave() }
      // It would wait for the append-only file's rewrite; there is none yet.
      guard request.count == 2 && request[1].equalsIgnoringCase("schedule") else { return reply.syntaxError() }
    }
    if persistence.background?.isCancelled == false {
      return reply.error("ERR Background save already in progress")
    }
    // The keyspace is never frozen between the commands of a transaction; and a view that is cancelled or left behind
    // by another user has to be walked to its end first.
    if isExecutingTransaction(request.client) || keyspace.isFrozen || persistence.background != nil {
      persistence.isScheduled = true
      return reply.simple("Background saving scheduled")
    }
    guard startBackgroundSave() else { return reply.error("ERR") }
    reply.simple("Background saving started")
  }

  private mutating func cancelSave() {
    if cancelBackgroundSave() {
      persistence.isScheduled = false
      return reply.simple("Background saving cancelled")
    }
    guard persistence.isScheduled else {
      return reply.error("ERR Background saving is currently not in progress or scheduled")
    }
    persistence.isScheduled = false
    reply.simple("Scheduled background saving cancelled")
  }
}
