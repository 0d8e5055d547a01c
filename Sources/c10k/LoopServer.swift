import CSystem
import Glibc
import Needletail

/// One thread that waits on all connections in one call: epoll, level-triggered. The service is so quick that this is
/// all there is to it, except for requests that are slow, one in a thousand, if that is asked for.
@safe struct LoopServer: ~Copyable {
  /// What the loop does about a request that takes long.
  enum Slow: String {
    /// There is none.
    case none
    /// The loop waits for it, and everybody with it.
    case own
    /// Another thread waits for it; only its client does as well.
    case background
  }

  static let slowEvery = 1000
  static let slowMicroseconds: UInt32 = 1000
  private static let maxEvents = 1024

  @safe private struct Client: ~Copyable {
    var session: ServiceSession
    var waitsToWrite = false
    var ends = false
  }

  private let service: Service
  private let slow: Slow
  private let listener: CInt
  private let epoll: CInt
  private let events: UnsafeMutablePointer<epoll_event>
  /// By descriptor.
  private var clients: [UnsafeMutablePointer<Client>?]
  private let worker: SlowWorker?
  private var requestCount = 0
  private var warning = RefusalWarning()

  init(service: Service, listener: CInt, slow: Slow) {
    self.service = service
    self.listener = listener
    self.slow = slow
    unsafe clients = []
    epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard epoll >= 0 else { Sockets.fail("epoll_create1") }
    unsafe events = .allocate(capacity: Self.maxEvents)
    worker = slow == .background ? SlowWorker() : nil
    // One accept more than there are connections must not wait.
    guard fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK) == 0 else { Sockets.fail("fcntl") }
    watch(EPOLL_CTL_ADD, listener, EPOLLIN)
    if let worker { watch(EPOLL_CTL_ADD, worker.wakeup, EPOLLIN) }
  }

  deinit { unsafe events.deallocate() }

  mutating func run() -> Never {
    while true {
      let count = unsafe epoll_wait(epoll, events, CInt(Self.maxEvents), -1)
      for index in 0..<max(0, Int(count)) {
        let descriptor = CInt(truncatingIfNeeded: unsafe cs_event_data(events + index))
        if descriptor == listener {
          acceptAll()
        } else if descriptor == worker?.wakeup {
          finishSlow()
        } else if let client = unsafe clients[Int(descriptor)] {
          unsafe serve(client, descriptor)
        }
      }
    }
  }

  /// A hundred at most: a crowd of newcomers does not keep the others waiting.
  private mutating func acceptAll() {
    for _ in 0..<100 {
      guard let descriptor = Sockets.accept(listener, blocks: false) else {
        if errno != EAGAIN { warning.pause("accept", errno) }
        return
      }
      while unsafe clients.count <= Int(descriptor) { unsafe clients.append(nil) }
      let client = UnsafeMutablePointer<Client>.allocate(capacity: 1)
      unsafe client.initialize(to: Client(session: ServiceSession(descriptor: descriptor)))
      unsafe clients[Int(descriptor)] = client
      watch(EPOLL_CTL_ADD, descriptor, EPOLLIN)
    }
  }

  private mutating func serve(_ client: UnsafeMutablePointer<Client>, _ descriptor: CInt) {
    if unsafe client.pointee.waitsToWrite {
      // Nothing more is read before all that was answered is sent.
      return unsafe finish(client, descriptor)
    }
    switch unsafe client.pointee.session.receive() {
    case .bytes: unsafe answer(client, descriptor)
    case .wouldBlock: break
    case .ended: unsafe close(client, descriptor)
    }
  }

  private mutating func answer(_ client: UnsafeMutablePointer<Client>, _ descriptor: CInt) {
    requests: while unsafe !client.pointee.ends {
      switch unsafe client.pointee.session.nextRequest() {
      case .request:
        requestCount += 1
        if slow != .none && requestCount % Self.slowEvery == 0 {
          guard let worker else {
            usleep(Self.slowMicroseconds)
            unsafe answerOne(client)
            continue
          }
          // What came before it is sent now, what comes after it waits.
          watch(EPOLL_CTL_DEL, descriptor, EPOLLIN)
          unsafe _ = client.pointee.session.send()
          return worker.begin(descriptor)
        }
        unsafe answerOne(client)
      case .needsBytes: break requests
      case .failed: unsafe client.pointee.ends = true
      }
    }
    unsafe finish(client, descriptor)
  }

  private func answerOne(_ client: UnsafeMutablePointer<Client>) {
    if unsafe service.answer(&client.pointee.session) == .ends { unsafe client.pointee.ends = true }
  }

  /// Sends what was answered, and waits for what comes next.
  private mutating func finish(_ client: UnsafeMutablePointer<Client>, _ descriptor: CInt) {
    switch unsafe client.pointee.session.send() {
    case .all:
      if unsafe client.pointee.ends { return unsafe close(client, descriptor) }
      unsafe client.pointee.session.releaseInput()
      guard unsafe client.pointee.waitsToWrite else { return }
      unsafe client.pointee.waitsToWrite = false
      watch(EPOLL_CTL_MOD, descriptor, EPOLLIN)
    case .wouldBlock:
      unsafe client.pointee.waitsToWrite = true
      watch(EPOLL_CTL_MOD, descriptor, EPOLLOUT)
    case .failed:
      unsafe close(client, descriptor)
    }
  }

  /// The slow part of some requests is over: they are answered, and what came behind them.
  private mutating func finishSlow() {
    for descriptor in worker!.takeFinished() {
      guard let client = unsafe clients[Int(descriptor)] else { continue }
      watch(EPOLL_CTL_ADD, descriptor, EPOLLIN)
      unsafe answerOne(client)
      unsafe answer(client, descriptor)
    }
  }

  private mutating func close(_ client: UnsafeMutablePointer<Client>, _ descriptor: CInt) {
    unsafe clients[Int(descriptor)] = nil
    unsafe client.deinitialize(count: 1)
    unsafe client.deallocate()
    Glibc.close(descriptor)
  }

  private func watch(_ operation: CInt, _ descriptor: CInt, _ events: EPOLL_EVENTS) {
    _ = cs_epoll_control(epoll, operation, descriptor, events.rawValue, UInt64(descriptor))
  }
}
