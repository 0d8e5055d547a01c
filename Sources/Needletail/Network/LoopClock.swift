import CSystem
import Glibc

/// Time for the loop's own accounts: the cycle counter, calibrated against the monotonic clock (10 ns a reading
/// against 22), and the thread's CPU clock to tell its own time from what other threads took.
struct LoopClock {
  private(set) var nanosecondsPerCycle: Double { didSet { updateFactor() } }
  /// The same as a fraction of 2^20, for a multiplication instead of two conversions.
  private var factor: UInt64 = 0
  private let startCycles: UInt64
  private let startNanoseconds: Int
  /// The last look at the CPU clock, between two turns.
  private var accountCycles: UInt64 = 0
  private var accountCPU = 0

  init() {
    startCycles = cs_cycles()
    startNanoseconds = Self.nanoseconds(CLOCK_MONOTONIC)
    var now = startNanoseconds
    while now - startNanoseconds < 2_000_000 { now = Self.nanoseconds(CLOCK_MONOTONIC) }
    nanosecondsPerCycle = Double(now - startNanoseconds) / Double(cs_cycles() - startCycles)
    updateFactor()
    openAccount()
  }

  private mutating func updateFactor() { factor = UInt64(nanosecondsPerCycle * 0x1p20) }

  /// The longer the time since the start, the better the factor.
  mutating func recalibrate() {
    let cycles = cs_cycles() - startCycles
    let elapsed = Self.nanoseconds(CLOCK_MONOTONIC) - startNanoseconds
    if elapsed > 100_000_000 { nanosecondsPerCycle = Double(elapsed) / Double(cycles) }
  }

  @inline(__always)
  func microseconds(_ cycles: UInt64) -> Int { Int(Double(cycles) * nanosecondsPerCycle / 1000) }

  /// For times of less than an hour.
  @inline(__always)
  func nanoseconds(_ cycles: UInt64) -> UInt64 { (cycles &* factor) &>> 20 }

  func cycles(microseconds: Int) -> UInt64 { UInt64(Double(microseconds) * 1000 / nanosecondsPerCycle) }

  // MARK: Own time

  /// Looks at the CPU clock, a system call: between turns, often enough for `ownMicroseconds` to mean something.
  mutating func openAccount() {
    accountCycles = cs_cycles()
    accountCPU = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID)
  }

  /// True when the last look was so long ago that a step's time cannot be told from what was before it.
  var isAccountOld: Bool { cs_cycles() - accountCycles > cycles(microseconds: 1000) }

  /// What a step that has just ended took of the thread's own time, at most: it cannot be more than the thread has had
  /// since the last look at its CPU clock, however long other threads kept it from running.
  func ownMicroseconds(_ stepCycles: UInt64) -> Int {
    let cpu = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID) - accountCPU
    return max(0, min(microseconds(stepCycles), cpu / 1000))
  }

  // MARK: Wall clock

  static var realtimeMilliseconds: Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }

  static func nanoseconds(_ clock: clockid_t) -> Int {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
