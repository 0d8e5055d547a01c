import CSystem
import Glibc

/// A thread that waits for SIGTERM and SIGINT: the first asks the loop to end, the second ends the process at once,
/// also while a command keeps the loop busy.
@safe final class SignalWatcher: @unchecked Sendable {
  private let descriptor: CInt
  private let requested = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)

  /// Call before other threads start: they inherit the blocked signals.
  static func blockSignals() {
    var set = signalSet()
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    signal(SIGHUP, SIG_IGN)
    // A file beyond the limit on file sizes is an error of write(2), not the end of the server.
    signal(SIGXFSZ, SIG_IGN)
  }

  init() {
    descriptor = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
    unsafe requested.initialize(to: 0)
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    let result = unsafe pthread_create(&thread, nil, { context in
      unsafe Unmanaged<SignalWatcher>.fromOpaque(context!).takeUnretainedValue().run()
      return nil
    }, context)
    guard result == 0 else { fatalError("cannot start the signal thread") }
  }

  var token: PollToken { PollToken(.wakeup, descriptor: descriptor) }

  /// The signal that asked for the end, if one did.
  var request: CInt? {
    let number = unsafe cs_load_acquire_u64(requested)
    return number == 0 ? nil : CInt(number)
  }

  /// The request has been refused: the next signal is a first one again.
  func clear() {
    var count: eventfd_t = 0
    unsafe _ = eventfd_read(descriptor, &count)
    unsafe cs_store_release_u64(requested, 0)
  }

  private func run() {
    var set = Self.signalSet()
    var number: CInt = 0
    while true {
      guard unsafe sigwait(&set, &number) == 0 else { continue }
      if request != nil { _exit(1) }
      unsafe cs_store_release_u64(requested, UInt64(number))
      _ = eventfd_write(descriptor, 1)
    }
  }

  private static func signalSet() -> sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGTERM)
    unsafe sigaddset(&set, SIGINT)
    return set
  }
}
