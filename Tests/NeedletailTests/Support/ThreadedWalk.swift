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
