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
    var restCount = 0
    for _ in 0..<50 {
      work()
      if busy.rest() { restCount += 1 }
    }
    #expect(restCount > 0)
    // A clock that stands still.
    var idle = WalkPace(loopClock: clockThatStandsStill)
    restCount = 0
    for _ in 0..<10 {
      work()
      if idle.rest() { restCount += 1 }
    }
    #expect(restCount == 0)
  }

  @Test func worksBeforeItRests() {
    var pace = WalkPace(loopClock: WalkPace.clockOfThisThread())
    let hasRested = pace.rest()
    #expect(!hasRested)
  }
}

/// No clock of the system: reading it fails, and leaves the time at zero.
private let clockThatStandsStill: clockid_t = 63
