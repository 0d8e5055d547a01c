import CSystem
import Glibc

/// Asks a service of GET and SET for as much as it is told, line by line, and answers each line with one of JSON:
///
///     fill                                        sets the keys that the load asks for
///     connect COUNT WINDOW SECONDS                opens connections, WINDOW of them under way, each asks one PING
///     run ACTIVE PIPELINE SECONDS WARMUP RATE     loads ACTIVE of them; RATE 0: each asks again when it is answered,
///                                                 else so many batches a second, whoever is free
///     churn WINDOW SECONDS                        connects, asks one PING and disconnects, beside those that are open
///     drop                                        closes all
///
/// One thread and one epoll instance, as the loop that it measures. Every reply is compared with what it must be.
@safe struct LoadGenerator: ~Copyable {
  static let pipelineMax = 64
  static let maxEvents = 1024
  static let inputBytes = 64 << 10

  struct Client {
    enum State { case connecting, greeting, idle, busy, gone }
    var descriptor: CInt
    var state: State
    /// Nanoseconds: when it was asked, or should have been.
    var since: UInt64 = 0
    /// The number of the first request it waits for.
    var first: UInt32 = 0
    var receivedBytes = 0
  }

  let port: UInt16
  let epoll: CInt
  let events: UnsafeMutablePointer<epoll_event>
  let requests = Requests()
  /// What is about to be sent, what has come, and what should have.
  let sending: UnsafeMutableRawPointer
  let received: UnsafeMutableRawPointer
  let expected: UnsafeMutableRawPointer
  var clients: [Client] = []
  var nextRequest: UInt32 = 0
  var pipeline = 1
  /// Replies that were not what they had to be.
  var wrongCount = 0
  /// Connections that the service ended.
  var lostCount = 0

  init(port: UInt16) {
    self.port = port
    epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard epoll >= 0 else { Sockets.fail("epoll_create1") }
    unsafe events = .allocate(capacity: Self.maxEvents)
    unsafe sending = .allocate(byteCount: Self.pipelineMax * Requests.requestMaxBytes, alignment: 16)
    unsafe received = .allocate(byteCount: Self.inputBytes, alignment: 16)
    unsafe expected = .allocate(byteCount: Self.pipelineMax * Requests.replyMaxBytes, alignment: 16)
    var limit = rlimit()
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      limit.rlim_cur = limit.rlim_max
      unsafe _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
  }

  deinit {
    unsafe events.deallocate()
    unsafe sending.deallocate()
    unsafe received.deallocate()
    unsafe expected.deallocate()
  }

  /// Until standard input ends.
  mutating func run() {
    while let line = readLine() {
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { Int($0) }
      switch (words.first ?? "", numbers.count) {
      case ("fill", 0): say(fill())
      case ("connect", 3): say(connect(count: numbers[0], window: numbers[1], seconds: numbers[2], keeps: true))
      case ("churn", 2): say(connect(count: .max, window: numbers[0], seconds: numbers[1], keeps: false))
      case ("run", 5):
        guard 1...Self.pipelineMax ~= numbers[1], 1...max(1, clients.count) ~= numbers[0], numbers[4] >= 0 else {
          reject("no such load: '\(line)'")
        }
        pipeline = numbers[1]
        say(load(active: numbers[0], seconds: numbers[2], warmup: numbers[3], rate: numbers[4]))
      case ("drop", 0): say(drop())
      default: reject("no such line: '\(line)'")
      }
    }
  }

  private func say(_ text: String) {
    let line = text + "\n"
    guard unsafe write(STDOUT_FILENO, line, line.utf8.count) == line.utf8.count else { Sockets.fail("write") }
  }

  static var nowNanoseconds: UInt64 {
    var time = timespec()
    unsafe _ = clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Processor time of this process, microseconds.
  static var usedMicroseconds: Int {
    var usage = rusage()
    unsafe _ = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    return seconds * 1_000_000 + Int(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
  }

  func watch(_ operation: CInt, _ index: Int, _ events: EPOLL_EVENTS) {
    _ = cs_epoll_control(epoll, operation, clients[index].descriptor, events.rawValue, UInt64(index))
  }

  /// - Returns: how many events there are; each is a client's index.
  func wait(milliseconds: CInt) -> Int {
    max(0, Int(unsafe epoll_wait(epoll, events, CInt(Self.maxEvents), milliseconds)))
  }

  func eventIndex(_ number: Int) -> Int { Int(unsafe cs_event_data(events + number)) }

  mutating func close(_ index: Int) {
    Glibc.close(clients[index].descriptor)
    clients[index].state = .gone
  }

  private mutating func drop() -> String {
    for index in clients.indices where clients[index].state != .gone {
      Sockets.closesByReset(clients[index].descriptor)
      close(index)
    }
    clients.removeAll(keepingCapacity: true)
    return "{}"
  }
}
