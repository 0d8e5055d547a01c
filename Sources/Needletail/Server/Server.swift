import CSystem
import Glibc

/// The engine and everything that feeds it: one thread, one poller, one shared read buffer.
///
/// A turn: wait for events; read each readable connection once, parse, execute in batches; run what is due (expiry,
/// housekeeping) within its budget; write all replies; free clients that closed. See DESIGN.md §3.
@safe struct Server: ~Copyable {
  /// Reading and commands take this long in a turn at most; what is left goes first in the next.
  static let turnMicroseconds = 2000
  /// What is left of earlier turns gets this part of that while others wait, and the others as much at least, however
  /// long the last command of those took.
  static let shareMicroseconds = 1000
  static let readBufferBytes = 256 << 10
  /// The least room for a read.
  static let readBytes = 64 << 10

  var engine: Engine
  var batch = RequestBatch()
  let readBuffer: UnsafeMutableRawPointer
  var readUsed = 0
  /// Clients with replies to be written at the end of the turn.
  var writeList: [Client] = []
  /// Clients whose kept bytes go first in the next turn.
  var resumeList: [Client] = []
  /// Clients to be freed at the end of the turn.
  var closedClients: [Client] = []
  /// Events of a turn that ran out of time: their indices in the poller's array.
  var remainingEvents = 0..<0
  /// When the turn's reading and commands must end.
  var turnDeadline: UInt64 = 0
  /// 0 while the loop waits: the watchdog looks at it.
  var turnStart: UInt64 = 0
  var turnCommandCycles: UInt64 = 0
  /// What the last turn took, without its background work, and that.
  var lastTurnCycles: UInt64 = 0
  var backgroundCycles: UInt64 = 0
  var nextCronMilliseconds = 0
  var cronPosition = 0
  /// While a snapshot is being loaded.
  var loader: RDBLoader?
  /// It may have a batch ready, so the loop need not sleep.
  var loaderHasMore = false
  var loadStart = 0
  var nextProgressLog = 0
  /// The server ends because it cannot go on.
  var hasFailed = false
  let signals: SignalWatcher
  /// Kept open so that a connection can be accepted and refused when descriptors have run out.
  var spareDescriptor: CInt
  var lastDescriptorWarningSeconds = 0

  init(settings: Settings, logger: Logger) throws(SystemError) {
    let engine = try Engine(settings: settings, seed: .random(), nowMilliseconds: LoopClock.realtimeMilliseconds,
      logger: logger)
    let signals = SignalWatcher()
    try engine.network.poller.add(signals.token)
    self.engine = engine
    self.signals = signals
    unsafe readBuffer = Heap.allocate(Self.readBufferBytes)
    unsafe Heap.faultIn(readBuffer, Self.readBufferBytes)
    spareDescriptor = -1
    openSpareDescriptor()
  }

  deinit { unsafe Heap.free(readBuffer, Self.readBufferBytes) }

  /// Serves until a signal or SHUTDOWN ends it, and then ends the process: without a return nobody frees the keyspace
  /// key by key, which takes a second for each few millions.
  mutating func run() -> Never {
    prepareCrashReport()
    while true {
      turn()
      if hasFailed {
        removeTraces()
        exit(1)
      }
      if engine.shutdownRequest != nil { break }
      if let signal = signals.request {
        if endsAt(signal) { break }
        signals.clear()
      }
    }
    if let loader { endLoading(loader) }
    stop()
    exit(0)
  }

  /// Saves as the settings say for that signal. False when that failed and the server had better stay.
  private mutating func endsAt(_ signal: CInt) -> Bool {
    engine.logger.warning("Received \(signal == SIGINT ? "SIGINT" : "SIGTERM") scheduling shutdown...")
    let settings = engine.settings
    let options = signal == SIGINT ? settings.shutdownOnInterrupt : settings.shutdownOnTermination
    let asked = options.contains(.save) ? true : options.contains(.noSave) ? false : nil
    if engine.saveForShutdown(asked: asked) { return true }
    if options.contains(.force) {
      engine.logger.warning("Ending all the same, as the settings ask for.")
      return true
    }
    engine.logger.warning("Errors trying to shut down the server. Check the logs for more information.")
    return false
  }

  private mutating func turn() {
    if remainingEvents.isEmpty {
      turnStart = 0
      let count = engine.network.poller.wait(timeoutMilliseconds: waitMilliseconds())
      remainingEvents = 0..<count
    }
    turnStart = cs_cycles()
    let turnEnd = turnStart + engine.clock.cycles(microseconds: Self.turnMicroseconds)
    let share = engine.clock.cycles(microseconds: Self.shareMicroseconds)
    turnDeadline = remainingEvents.isEmpty ? turnEnd : turnStart + share
    turnCommandCycles = 0
    engine.renewEvictionAllowance()
    engine.statistics.loop.turns += 1
    engine.keyspace.setTime(LoopClock.realtimeMilliseconds)
    let commandsBefore = engine.statistics.commandsProcessed

    resumeClients()
    turnDeadline = max(turnEnd, cs_cycles() + share)
    while let index = remainingEvents.first {
      remainingEvents = (index + 1)..<remainingEvents.upperBound
      handle(engine.network.poller.event(index))
      if cs_cycles() > turnDeadline { break }
    }
    executeBatch()
    resumePausedClients()
    runBackgroundWork()
    writeReplies()
    evictClients()
    freeClosedClients()

    let cycles = cs_cycles() - turnStart
    let commandCount = engine.statistics.commandsProcessed - commandsBefore
    engine.statistics.loop.turnCommandsMax = max(engine.statistics.loop.turnCommandsMax, commandCount)
    lastTurnCycles = cycles - min(backgroundCycles, cycles)
    engine.statistics.loop.turnCycles += cycles
    let microseconds = engine.clock.microseconds(cycles)
    if microseconds > engine.statistics.loop.turnMaxMicroseconds {
      let own = microseconds < 200 ? microseconds : engine.clock.ownMicroseconds(cycles)
      engine.statistics.loop.turnMaxMicroseconds = max(engine.statistics.loop.turnMaxMicroseconds, own)
    }
    // Long turns come in rows: the next one is measured from here.
    if microseconds > 200 || engine.clock.isAccountOld { engine.clock.openAccount() }
  }

  private mutating func handle(_ event: Poller.Event) {
    switch event.token.kind {
    case .client:
      guard let client = engine.clients.client(event.token.descriptor),
        client.state.connection.token == event.token
      else { return }
      if event.isWritable && client.state.connection.waitsToWrite { addToWriteList(client) }
      // One whose kept requests come first is read when those are done.
      let isRead = event.isReadable && !client.state.connection.stopsReading && !client.state.isOnResumeList
      if isRead {
        read(client)
        if !client.state.connection.isClosed { engine.clientMemory.update(client) }
      } else if event.isHangup && client.state.connection.stopsReading && !client.state.connection.waitsToWrite {
        // Nobody is there to be answered, and the poller would tell of it again and again.
        close(client)
      }
    case .listener:
      let start = cs_cycles()
      accept(event.token.descriptor)
      measure(.accept, since: start)
    case .wakeup:
      if let thread = engine.persistence.thread, event.token.descriptor == thread.wakeup {
        thread.clearWakeup()
        engine.followBackgroundSave()
      }
    }
  }

  /// How long the poller may wait: until the next timer or deadline, not at all when work is left.
  ///
  /// `mutating`, as all that is called from per-request code and not inlined there: a call of anything else hands over
  /// a copy of the whole server.
  private mutating func waitMilliseconds() -> Int {
    if !resumeList.isEmpty || loaderHasMore || engine.eviction.isBehind && !engine.pause.isActive { return 0 }
    let now = LoopClock.realtimeMilliseconds
    // No longer than to the next housekeeping, whatever the wall clock was set to.
    var wait = min(nextCronMilliseconds - now, cronIntervalMilliseconds)
    if engine.pause.isActive {
      wait = min(wait, engine.pause.endMilliseconds - now)
    } else if !engine.isLoading, let expiry = engine.keyspace.nextExpiryMilliseconds {
      wait = min(wait, expiry - now)
    }
    if engine.isDefragmenting { wait = min(wait, engine.defragmenter.waitMilliseconds(engine.clock)) }
    return max(0, wait)
  }

  // MARK: Background work

  /// Expiry and housekeeping, within one budget: half a millisecond or a third of what the last turn took without it,
  /// whichever is less, but 20 us at least; all of the half millisecond in a turn without commands.
  private mutating func runBackgroundWork() {
    let limit = engine.clock.cycles(microseconds: 500)
    let share = max(lastTurnCycles / 3, engine.clock.cycles(microseconds: 20))
    let budget = turnCommandCycles == 0 ? limit : min(limit, share)
    let start = cs_cycles()
    var step = start
    if let loader {
      load(loader)
      step = cs_cycles()
    }
    let expiryStart = step
    while !engine.isLoading && !engine.pause.isActive && engine.keyspace.expireStep() {
      let now = cs_cycles()
      if now - step > engine.clock.cycles(microseconds: 100) { measure(.expiry, since: step) }
      step = now
      if now - start > budget {
        engine.statistics.loop.expiryCuts += 1
        break
      }
    }
    engine.statistics.loop.expiryCycles += step - expiryStart
    if engine.eviction.isBehind {
      engine.evictInBackground(until: start + budget)
      measure(.eviction, since: step)
    }
    if engine.isDefragmenting { defragment(budget - min(budget, cs_cycles() - start)) }
    if engine.keyspace.isFrozen { engine.watchLimbo() }
    backgroundCycles = cs_cycles() - start
    let untilCron = nextCronMilliseconds - engine.keyspace.nowMilliseconds
    if untilCron <= 0 || untilCron > cronIntervalMilliseconds {
      let start = cs_cycles()
      cron()
      engine.statistics.loop.cronCycles += cs_cycles() - start
      measure(.cron, since: start)
    }
  }

  /// Counts a step that began at `start` as the loop's own time.
  mutating func measure(_ step: LoopStep, since start: UInt64) {
    let cycles = cs_cycles() - start
    let microseconds = engine.clock.microseconds(cycles)
    if microseconds >= 1000, let event = LatencyMonitor.Event(step) {
      engine.latency.add(event, microseconds / 1000, engine.settings, engine.keyspace.nowSeconds)
    }
    let longest = engine.statistics.loop.stepMaxMicroseconds[step.rawValue]
    guard microseconds > min(longest, LoopStatistics.stepLimitMicroseconds) else { return }
    // Only a step that would be a new maximum or an overrun is worth a look at the CPU clock.
    let counted = microseconds < 200 ? microseconds : engine.clock.ownMicroseconds(cycles)
    engine.statistics.loop.count(step, microseconds: counted)
  }

  private var cronIntervalMilliseconds: Int { 1000 / max(1, engine.settings.hz) }

  /// Housekeeping, `hz` times a second.
  private mutating func cron() {
    let now = engine.keyspace.nowMilliseconds
    nextCronMilliseconds = now + cronIntervalMilliseconds
    engine.clock.recalibrate()
    if engine.debugging.isCronPaused { return }
    engine.updateWatch()
    engine.endHotKeysWhenDue()
    lookAfterClients()
    openSpareDescriptor()
    engine.network.resumeAccepting()
    engine.sampleStatistics()
    engine.followBackgroundSave()
    engine.saveWhenDue()
    engine.followDefragmentation()
  }

  // MARK: End

  /// Closes everything. Replies that are ready go out first, as far as the sockets take them.
  private mutating func stop() {
    engine.logger.warning("User requested shutdown...")
    engine.facts.serviceManager.announceEnd()
    writeReplies()
    removeTraces()
    for descriptor in 0..<engine.clients.descriptorLimit {
      if let client = engine.clients.client(CInt(descriptor)) { close(client) }
    }
    freeClosedClients()
    engine.logger.warning("\(Version.productName) is now ready to exit, bye bye...")
  }

  /// Nobody shall find a server here any more.
  private mutating func removeTraces() {
    engine.network.closeAll()
    engine.abandonBackgroundSave()
    guard !engine.settings.pidFile.isEmpty else { return }
    engine.logger.notice("Removing the pid file.")
    unsafe unlink(engine.settings.pidFile)
  }
}
