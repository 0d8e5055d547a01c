import CSystem
import Glibc

/// Time for the loop's own accounts: the cycle counter, calibrated against the monotonic clock (10 ns a reading
/// against 22), and the thread's CPU clock to tell its own time from what other threads took.
struct LoopClock {
  private(set) var nanosecondsPerCycle: Double
  private let startCycles: UInt64
  private let startNanoseconds: Int
  /// The last look at the CPU clock.
  private var accountCycles: UInt64 = 0
  private var accountCPU = 0
  /// Cycles spent waiting for events since then.
  private var waitedCycles: UInt64 = 0

  init() {
    startCycles = cs_cycles()
    startNanoseconds = Self.nanoseconds(CLOCK_MONOTONIC)
    var now = startNanoseconds
    while now - startNanoseconds < 2_000_000 { now = Self.nanoseconds(CLOCK_MONOTONIC) }
    nanosecondsPerCycle = Double(now - startNanoseconds) / Double(cs_cycles() - startCycles)
    openAccount()
  }

  /// The longer the time since the start, the better the factor.
  mutating func recalibrate() {
    let cycles = cs_cycles() - startCycles
    let elapsed = Self.nanoseconds(CLOCK_MONOTONIC) - startNanoseconds
    if elapsed > 100_000_000 { nanosecondsPerCycle = Double(elapsed) / Double(cycles) }
  }

  @inline(__always)
  func microseconds(_ cycles: UInt64) -> Int { Int(Double(cycles) * nanosecondsPerCycle / 1000) }

  func cycles(microseconds: Int) -> UInt64 { UInt64(Double(microseconds) * 1000 / nanosecondsPerCycle) }

  // MARK: Own time

  /// Starts a new account of own and foreign time; often enough that a step's foreign time is its own fault only.
  mutating func openAccount() {
    accountCycles = cs_cycles()
    accountCPU = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID)
    waitedCycles = 0
  }

  mutating func didWait(_ cycles: UInt64) { waitedCycles += cycles }

  /// A long step's time less what other threads took since the account was opened; opens a new one.
  mutating func ownMicroseconds(_ stepCycles: UInt64) -> Int {
    let busy = cs_cycles() - accountCycles - min(waitedCycles, cs_cycles() - accountCycles)
    let cpu = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID) - accountCPU
    let foreign = max(0, Int(Double(busy) * nanosecondsPerCycle) - cpu)
    openAccount()
    return max(0, microseconds(stepCycles) - foreign / 1000)
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
