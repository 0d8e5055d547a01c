import Glibc
import Testing

@testable import Needletail

@Suite struct WalkPaceTests {
  private func work() {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    let end = time.tv_sec * 1_000_000_000 + time.tv_nsec + WalkPace.workNanoseconds
    repeat { unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) } while time.tv_sec * 1_000_000_000 + time.tv_nsec < end
  }

  @Test func restsBesideABusyLoopOnly() {
    // This thread's own time: as busy as the walk.
    var busy = WalkPace(loopClock: WalkPace.clockOfThisThread())
    // Beside another process's work this thread may get less than half of a core: one of many slices is enough.
    #expect((0..<50).contains { _ in work(); return busy.rest() })
    // A clock that stands still.
    var idle = WalkPace(loopClock: clockThatStandsStill)
    for _ in 0..<10 { work(); #expect(!idle.rest()) }
  }

  @Test func worksBeforeItRests() {
    var pace = WalkPace(loopClock: WalkPace.clockOfThisThread())
    #expect(!pace.rest())
  }
}

/// No clock of the system: reading it fails, and leaves the time at zero.
private let clockThatStandsStill: clockid_t = 63
