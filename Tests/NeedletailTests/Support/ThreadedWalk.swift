import Dispatch
import Foundation

/// Steps a walk on another thread until it is over.
final class ThreadedWalk: @unchecked Sendable {
  private let step: () -> Bool
  private let lock = NSLock()
  private var finished = false

  init(_ step: @escaping () -> Bool) {
    self.step = step
    let thread = Thread { [self] in
      while self.step() {}
      lock.withLock { finished = true }
    }
    thread.stackSize = 4 << 20
    thread.start()
  }

  var isDone: Bool { lock.withLock { finished } }
}

/// Breaks a rule while a walk goes on, for a test of the thread sanitizer: it exits, with the sanitizer's own code when
/// it has reported.
///
/// The sanitizer drops a report when it no longer knows where the earlier of two accesses came from, which it soon
/// forgets of a busy thread. So the walk begins when the rule is being broken, and that goes on until it has ended.
func breakRule(_ breakIt: () -> Void, during step: @escaping () -> Bool) -> Never {
  let begins = DispatchSemaphore(value: 0)
  var hasBegun = false
  let walk = ThreadedWalk {
    if !hasBegun { begins.wait() }
    hasBegun = true
    return step()
  }
  breakIt()
  begins.signal()
  repeat { breakIt() } while !walk.isDone
  exit(0)
}

let isThreadSanitized = unsafe dlsym(UnsafeMutableRawPointer(bitPattern: 0), "__tsan_init") != nil
