import CSystem
import Glibc

/// A save that is going on in the background.
struct BackgroundSave {
  let place: FilePlace
  let startMilliseconds: Int
  let keyCount: Int
  /// `Effects.dirty` at the freeze: what comes after it is not in the file.
  let dirtyAtFreeze: Int
  /// What `snapshot-limbo-limit 0` stands for.
  let defaultLimboLimitBytes: Int
  /// Most bytes that the view has kept from being freed.
  var limboPeakBytes = 0
  var isCancelled = false
  /// The view is closed, the file is not complete yet.
  var isThawed = false
}

extension Engine {
  /// A background save is going on and has not been cancelled.
  var isSavingInBackground: Bool { persistence.background?.isCancelled == false }

  /// No view is open and the snapshot's thread has nothing to do.
  private var canSaveInBackground: Bool { persistence.background == nil && !keyspace.isFrozen && !isLoading }

  /// Freezes the keyspace and has it written. Complexity: O(segments), about a nanosecond each.
  /// - Returns: false when it is not possible now or has failed, which is logged.
  mutating func startBackgroundSave() -> Bool {
    guard canSaveInBackground else { return false }
    persistence.isScheduled = false
    persistence.lastTryMilliseconds = keyspace.nowMilliseconds
    do throws(SystemError) {
      try freezeAndWrite(snapshotThread(), FilePlace(path: settings.dbFilename))
      return true
    } catch {
      logger.warning("Can't save in background: \(error.call): \(error.text)")
      persistence.hasBackgroundFailed = true
      persistence.waitsToRetry = true
      return false
    }
  }

  private mutating func freezeAndWrite(_ thread: SnapshotThread, _ place: FilePlace) {
    let options = snapshotOptions
    let features = snapshotFeatures(options)
    let fields = snapshotFields
    let start = cs_cycles()
    let view = keyspace.freeze()
    persistence.lastFreezeMicroseconds = clock.microseconds(cs_cycles() &- start)
    persistence.background = BackgroundSave(place: place, startMilliseconds: keyspace.nowMilliseconds,
      keyCount: view.keyCount, dirtyAtFreeze: keyspace.effects.dirty,
      defaultLimboLimitBytes: SystemFacts.usableMemoryBytes / 2)
    thread.start(SnapshotOrder(view: view, options: options, features: features, fields: fields, place: place,
      syncsIncrementally: settings.rdbSaveIncrementalFsync, loopClock: WalkPace.clockOfThisThread()))
    logger.notice("Background saving started, keyspace frozen in \(persistence.lastFreezeMicroseconds) us")
  }

  private mutating func snapshotThread() throws(SystemError) -> SnapshotThread {
    if let thread = persistence.thread { return thread }
    let thread = try SnapshotThread(freer: keyspace.context.units.freer, counters: memory)
    persistence.thread = thread
    do throws(SystemError) {
      try network.poller.add(PollToken(.wakeup, descriptor: thread.wakeup))
    } catch {
      // Housekeeping looks as well, only later.
      logger.warning("The snapshot's thread can't wake the event loop: \(error.text)")
    }
    return thread
  }

  /// Has a save start as soon as it can be: at once unless a view is open, or at the end of the client's transaction.
  mutating func scheduleBackgroundSave(_ client: Client) {
    persistence.isScheduled = true
    if !isExecutingTransaction(client) { startScheduledSave() }
  }

  mutating func startScheduledSave() { if persistence.isScheduled { _ = startBackgroundSave() } }

  /// Stops the save that is going on, if there is one: the file stays as it was.
  /// - Returns: false when there is none, or its file is about to take the old one's place.
  @discardableResult
  mutating func cancelBackgroundSave() -> Bool {
    guard isSavingInBackground, persistence.thread?.cancel() == true else { return false }
    persistence.background?.isCancelled = true
    return true
  }

  /// After this no file of a background save takes the place of one that is written now.
  mutating func endBackgroundSave() {
    guard isSavingInBackground else { return }
    if cancelBackgroundSave() {
      logger.warning("There is a background save in progress. It is cancelled.")
    } else {
      persistence.thread?.waitUntilDone()
      takeBackgroundResult()
    }
  }

  /// The process is about to end: nothing of a save that did not end is left behind.
  mutating func abandonBackgroundSave() {
    guard let save = persistence.background, let thread = persistence.thread else { return }
    endBackgroundSave()
    thread.withoutOpening { save.place.remove(.backgroundSnapshot) }
  }

  /// Looks how the save is getting on: thaws when the walk is over, takes the result, starts what is scheduled. Called
  /// when its thread woke the loop and by housekeeping. Complexity: O(1) but for a start.
  mutating func followBackgroundSave() {
    takeBackgroundResult()
    startScheduledSave()
  }

  private mutating func takeBackgroundResult() {
    guard let save = persistence.background, let thread = persistence.thread else { return }
    let phase = thread.phase
    guard phase == .walked || phase == .done else { return }
    if !save.isThawed {
      keyspace.thaw()
      persistence.background?.isThawed = true
    }
    if phase == .done { finish(save, thread.takeResult()) }
  }

  private mutating func finish(_ save: BackgroundSave, _ result: SnapshotResult) {
    persistence.background = nil
    persistence.lastLimboPeakBytes = save.limboPeakBytes
    persistence.waitsToRetry = result.wasCancelled || result.failure != nil
    if result.wasCancelled {
      logger.warning("Background saving cancelled")
      return
    }
    let milliseconds = max(0, keyspace.nowMilliseconds - save.startMilliseconds)
    persistence.lastBackgroundSeconds = milliseconds / 1000
    persistence.hasBackgroundFailed = result.failure != nil
    if let failure = result.failure {
      logger.warning("Background saving error: \(failure.call): \(failure.text)")
      return
    }
    persistence.saves += 1
    persistence.dirtyAtSave = save.dirtyAtFreeze
    persistence.lastSaveSeconds = keyspace.nowMilliseconds / 1000
    logger.notice("Background saving terminated with success: \(result.byteCount) bytes, "
      + "\(InfoText.fixed(Double(milliseconds) / 1000, 3)) seconds, at most \(save.limboPeakBytes) bytes kept for it")
  }

  /// Looks, once a turn while a view is open, how much it keeps from being freed. A save that keeps more than is
  /// allowed is cancelled: it must not cost the server its memory.
  mutating func watchLimbo() {
    guard let save = persistence.background else { return }
    let limbo = keyspace.context.units.limbo.byteCount
    if limbo > save.limboPeakBytes { persistence.background?.limboPeakBytes = limbo }
    if save.isCancelled { return }
    let limit = settings.snapshotLimboLimitBytes > 0 ? settings.snapshotLimboLimitBytes : save.defaultLimboLimitBytes
    guard limbo > limit, cancelBackgroundSave() else { return }
    persistence.limboCancellations += 1
    logger.warning("Background saving is cancelled: it keeps \(limbo) bytes from being freed, more than the \(limit) of "
      + "snapshot-limbo-limit")
  }

  /// Starts a save when a save point says so.
  mutating func saveWhenDue() {
    // A save that failed or was cancelled is not tried again at once.
    let retryMilliseconds = 5000
    guard canSaveInBackground else { return }
    let changes = keyspace.effects.dirty - persistence.dirtyAtSave
    let seconds = keyspace.nowMilliseconds / 1000 - persistence.lastSaveSeconds
    guard !persistence.waitsToRetry
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
    guard !isSavingInBackground else { return reply.error("ERR Background save already in progress") }
    // A view that is cancelled or another user's has to be walked to its end first; a transaction, to come to its own.
    guard canSaveInBackground && !isExecutingTransaction(request.client) else {
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
