import CSystem
import Glibc

/// What an event is about. A client's token carries its generation, since an event left over may name one that is gone
/// and whose descriptor another has now.
struct PollToken: Equatable {
  enum Kind: UInt8 { case client = 0, listener, wakeup }

  let rawValue: UInt64

  init(rawValue: UInt64) { self.rawValue = rawValue }
  init(_ kind: Kind, descriptor: CInt, generation: UInt32 = 0) {
    rawValue = UInt64(kind.rawValue) << 56 | UInt64(generation & 0xff_ffff) << 32
      | UInt64(UInt32(bitPattern: descriptor))
  }

  var kind: Kind { Kind(rawValue: UInt8(rawValue >> 56))! }
  var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) & 0xff_ffff }
  var descriptor: CInt { CInt(truncatingIfNeeded: rawValue) }
}

/// One epoll instance, level-triggered.
@safe struct Poller: ~Copyable {
  static let maxEvents = 1024

  struct Event {
    let token: PollToken
    private let flags: UInt32

    fileprivate init(token: PollToken, flags: UInt32) {
      self.token = token
      self.flags = flags
    }

    /// Bytes, the peer's end or an error wait to be read.
    var isReadable: Bool { flags & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
    /// Nothing can come any more, and nothing be sent.
    var isHangup: Bool { flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
    var isWritable: Bool { flags & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
  }

  private let descriptor: CInt
  private let events: UnsafeMutablePointer<epoll_event>

  init() throws(SystemError) {
    descriptor = epoll_create1(CInt(EPOLL_CLOEXEC))
    unsafe events = .allocate(capacity: Self.maxEvents)
    if descriptor < 0 { throw SystemError(code: errno, call: "epoll_create1") }
  }

  deinit {
    unsafe events.deallocate()
    close(descriptor)
  }

  func add(_ token: PollToken, reads: Bool = true, writes: Bool = false) throws(SystemError) {
    if cs_epoll_control(descriptor, EPOLL_CTL_ADD, token.descriptor, Self.mask(reads, writes), token.rawValue) != 0 {
      throw SystemError(code: errno, call: "epoll_ctl")
    }
  }

  func change(_ token: PollToken, reads: Bool, writes: Bool) {
    _ = cs_epoll_control(descriptor, EPOLL_CTL_MOD, token.descriptor, Self.mask(reads, writes), token.rawValue)
  }

  func remove(_ token: PollToken) {
    _ = cs_epoll_control(descriptor, EPOLL_CTL_DEL, token.descriptor, 0, 0)
  }

  /// Waits until something happens or `timeoutMilliseconds` have passed (-1: forever).
  /// - Returns: how many events `event` can be asked for.
  func wait(timeoutMilliseconds: Int) -> Int {
    let timeout = CInt(clamping: timeoutMilliseconds)
    let count = unsafe epoll_wait(descriptor, events, CInt(Self.maxEvents), timeout)
    return max(0, Int(count))
  }

  func event(_ index: Int) -> Event {
    precondition(index >= 0 && index < Self.maxEvents)
    return unsafe Event(token: PollToken(rawValue: cs_event_data(events + index)),
      flags: cs_event_flags(events + index))
  }

  private static func mask(_ reads: Bool, _ writes: Bool) -> UInt32 {
    (reads ? EPOLLIN.rawValue : 0) | (writes ? EPOLLOUT.rawValue : 0)
  }
}
