import CSystem
import Glibc
import Synchronization

/// The thread on which requests take their time, so that the loop need not: descriptors go in, and come out again a
/// millisecond of sleep later, one after the other.
final class SlowWorker: Sendable {
  /// Becomes readable when there is something to take.
  let wakeup: CInt
  private let waiting: Pipe
  private let finished = Mutex<[CInt]>([])

  /// A pipe is a queue that both threads may wait at.
  private struct Pipe: Sendable {
    let reader: CInt
    let writer: CInt
  }

  init() {
    wakeup = eventfd(0, CInt(EFD_NONBLOCK) | CInt(EFD_CLOEXEC))
    var ends: (CInt, CInt) = (-1, -1)
    let result = unsafe withUnsafeMutableBytes(of: &ends) {
      unsafe pipe($0.baseAddress!.assumingMemoryBound(to: CInt.self))
    }
    guard wakeup >= 0 && result == 0 else { Sockets.fail("pipe") }
    waiting = Pipe(reader: ends.0, writer: ends.1)
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe pthread_create(&thread, nil, { context in
      unsafe Unmanaged<SlowWorker>.fromOpaque(context!).takeRetainedValue().run()
    }, context)
    guard code == 0 else { Sockets.fail("pthread_create") }
  }

  /// For the loop. The pipe holds 16,384 of them: more than there are slow requests at any time, since a client has one
  /// at most and one in a thousand is slow.
  func begin(_ descriptor: CInt) {
    var descriptor = descriptor
    let count = unsafe write(waiting.writer, &descriptor, MemoryLayout<CInt>.size)
    guard count == MemoryLayout<CInt>.size else { Sockets.fail("write") }
  }

  /// For the loop.
  func takeFinished() -> [CInt] {
    var count: UInt64 = 0
    unsafe _ = read(wakeup, &count, MemoryLayout<UInt64>.size)
    return finished.withLock { list in
      let taken = list
      list.removeAll(keepingCapacity: true)
      return taken
    }
  }

  private func run() -> Never {
    while true {
      var descriptor: CInt = -1
      let count = unsafe read(waiting.reader, &descriptor, MemoryLayout<CInt>.size)
      guard count == MemoryLayout<CInt>.size else { continue }
      usleep(LoopServer.slowMicroseconds)
      finished.withLock { $0.append(descriptor) }
      var one: UInt64 = 1
      unsafe _ = write(wakeup, &one, MemoryLayout<UInt64>.size)
    }
  }
}
