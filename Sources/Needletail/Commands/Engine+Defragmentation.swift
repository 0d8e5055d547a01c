import CSystem

/// Active defragmentation: whether it runs, how much of the time it may take, and what it has done.
///
/// It begins when the free blocks in slabs are more than the settings ignore, takes a share of the time that grows with
/// them, and walks over all data; what it moves fills other slabs, so that those it leaves go back to the system. It
/// pauses while a view is open, whose units must stay where they are.
struct Defragmenter: ~Copyable {
  var walk = DefragmentationWalk()
  fileprivate var slabs = SlabStatistics()
  /// The share of the time that it may take, in percent; 0: it does not run.
  var percent = 0
  /// Everything is moved, all the time (DEBUG DEFRAG).
  fileprivate(set) var movesEverything = false

  // Time
  /// What it may take and has not, in cycles.
  private var credit: UInt64 = 0
  private var lastCycles: UInt64 = 0
  /// Time since the load was last looked at, and clients' part of it.
  private var recent: (elapsed: UInt64, busy: UInt64) = (0, 0)
  private var isUnderLoad = false
  /// After a walk that has found little to move the next one waits, longer each time.
  fileprivate var restSeconds = 0
  fileprivate var restEnd = 0
  fileprivate var hitsBefore = 0
  fileprivate var missesBefore = 0
  /// When fragmentation passed the limit, in milliseconds since 1970, and for how long it was beyond it before.
  fileprivate var startMilliseconds = 0
  fileprivate var pastMilliseconds = 0

  var isRunning: Bool { @inline(__always) get { percent > 0 } }

  /// Under load it takes no more than this much of the time, or `active-defrag-cycle-min`, lest clients notice.
  private static let busyMaxPercent = 6
  /// More of the time than this, in percent, with clients is load: they would wait for a slice in what they leave.
  private static let loadPercent: UInt64 = 20
  private static let loadMicroseconds = 10_000
  /// One slice.
  static let sliceMicroseconds = 500

  /// Earns time and tells how much there is now, in cycles.
  /// - Parameter busy: what clients had of the time since the last call.
  mutating func earn(_ now: UInt64, busy: UInt64, _ settings: DefragmentationSettings, _ clock: LoopClock) -> UInt64 {
    let slice = clock.cycles(microseconds: Self.sliceMicroseconds)
    // Nobody asked for so long: it has just begun, or a view was open.
    let elapsed = min(now &- lastCycles, clock.cycles(microseconds: 1_000_000))
    lastCycles = now
    recent.elapsed += elapsed
    recent.busy += min(busy, elapsed)
    if recent.elapsed > clock.cycles(microseconds: Self.loadMicroseconds) {
      isUnderLoad = recent.busy * 100 > recent.elapsed * Self.loadPercent
      recent = (0, 0)
    }
    let busyPercent = max(min(percent, Self.busyMaxPercent), settings.cycleMinPercent)
    credit += elapsed * UInt64(isUnderLoad ? busyPercent : percent) / 100
    credit = min(credit, slice)
    return credit
  }

  mutating func spend(_ cycles: UInt64) { credit -= min(credit, cycles) }

  /// How long the loop may wait for clients: until there is enough for a slice.
  func waitMilliseconds(_ clock: LoopClock) -> Int {
    let slice = clock.cycles(microseconds: Self.sliceMicroseconds)
    if credit >= slice / 2 { return 0 }
    return max(1, clock.microseconds(slice - credit) / 10 / max(1, percent))
  }

  // MARK: INFO

  /// Bytes in slabs that nobody uses, as they are now.
  mutating func freeSlabBytes() -> Int {
    slabs.refresh()
    return slabs.freeBytes
  }

  func currentMilliseconds(_ now: Int) -> Int { isRunning ? max(0, now - startMilliseconds) : 0 }
  func totalMilliseconds(_ now: Int) -> Int { pastMilliseconds + currentMilliseconds(now) }

  mutating func resetStatistics(_ now: Int) {
    walk.resetCounts()
    (hitsBefore, missesBefore) = (0, 0)
    pastMilliseconds = 0
    startMilliseconds = now
  }
}

extension Engine {
  /// Whether the loop has steps of it to do.
  var isDefragmenting: Bool { @inline(__always) get { defragmenter.isRunning && !keyspace.isFrozen && !isLoading } }

  /// Housekeeping: begins, and sets the share of the time, by how the allocator's slabs are filled.
  mutating func followDefragmentation() {
    let now = keyspace.nowMilliseconds
    if defragmenter.movesEverything { return setDefragmentation(percent: settings.defragmentation.cycleMaxPercent, now) }
    guard settings.defragmentation.isActive else {
      if defragmenter.isRunning { stopDefragmentation() }
      return
    }
    if isLoading || keyspace.isFrozen { return }
    // A clock that was set back ends the rest.
    let rest = defragmenter.restEnd - now
    if !defragmenter.isRunning && rest > 0 && rest <= defragmenter.restSeconds * 1000 { return }
    defragmenter.slabs.refresh()
    defragmenter.walk.mover.setLimits(defragmenter.slabs)
    defragmenter.walk.maxScanFields = settings.defragmentation.maxScanFields
    let free = defragmenter.slabs.freeBytes
    let percent = settings.defragmentation.share(freeBytes: free, usedBytes: memory.usedByteCount)
    // A walk that has begun goes on to its end.
    if let percent = percent ?? (defragmenter.isRunning ? settings.defragmentation.cycleMinPercent : nil) {
      setDefragmentation(percent: percent, now)
    }
  }

  private mutating func setDefragmentation(percent: Int, _ now: Int) {
    if !defragmenter.isRunning {
      defragmenter.startMilliseconds = now
      logger.verbose("Starting active defrag, taking \(percent)% of the time")
    }
    defragmenter.percent = percent
  }

  private mutating func stopDefragmentation() {
    let now = keyspace.nowMilliseconds
    defragmenter.pastMilliseconds = defragmenter.totalMilliseconds(now)
    defragmenter.percent = 0
    defragmenter.walk.restart()
  }

  /// The walk has been everywhere.
  mutating func endDefragmentationWalk() {
    let hits = defragmenter.walk.mover.hits - defragmenter.hitsBefore
    let looked = hits + defragmenter.walk.mover.misses - defragmenter.missesBefore
    defragmenter.hitsBefore = defragmenter.walk.mover.hits
    defragmenter.missesBefore = defragmenter.walk.mover.misses
    let isWorthIt = hits * 100 > looked
    defragmenter.restSeconds = isWorthIt ? 0 : min(60, max(1, defragmenter.restSeconds * 2))
    defragmenter.restEnd = keyspace.nowMilliseconds + defragmenter.restSeconds * 1000
    if defragmenter.movesEverything { return }
    stopDefragmentation()
    followDefragmentation()
    if !defragmenter.isRunning { logger.verbose("Active defrag done: \(hits) of \(looked) moved in the last walk") }
  }

  /// CONFIG SET: takes effect at once.
  /// - Returns: false when the allocator does not tell what there is to be defragmented.
  mutating func applyDefragmentation() -> Bool {
    if settings.defragmentation.isActive && !defragmenter.walk.mover.isSupported { return false }
    (defragmenter.restSeconds, defragmenter.restEnd) = (0, 0)
    followDefragmentation()
    return true
  }

  /// DEBUG DEFRAG <0|1>: with 1 everything is moved, all the time, whatever the settings and the allocator say.
  mutating func debugDefragmentation(isOn: Bool) {
    defragmenter.movesEverything = isOn
    defragmenter.walk.mover.choice = isOn ? .everything : .sparse
    if !isOn { stopDefragmentation() }
    followDefragmentation()
  }
}

extension DefragmentationSettings {
  /// The share of the time, in percent, that so much fragmentation is worth: between the two cycles as that is between
  /// the two thresholds. Nil: it is to be ignored.
  func share(freeBytes: Int, usedBytes: Int) -> Int? {
    let percent = 100 * Double(freeBytes) / Double(max(1, usedBytes))
    guard freeBytes >= ignoreBytes, percent >= Double(thresholdLowerPercent) else { return nil }
    let range = Double(max(1, thresholdUpperPercent - thresholdLowerPercent))
    let part = min(1, (percent - Double(thresholdLowerPercent)) / range)
    let share = Double(cycleMinPercent) + part * Double(cycleMaxPercent - cycleMinPercent)
    // Whatever the two are to each other.
    return max(min(cycleMinPercent, cycleMaxPercent), min(max(cycleMinPercent, cycleMaxPercent), Int(share)))
  }
}
