import CC10k
import Glibc

/// A process for each connection: it is forked off, serves its one client and ends.
struct ProcessServer {
  let service: Service
  let listener: CInt

  func run() -> Never {
    let parent = getpid()
    cc_forget_children()
    var warning = RefusalWarning()
    while true {
      guard let client = Sockets.accept(listener, blocks: true) else {
        warning.pause("accept", errno)
        continue
      }
      let child = cc_fork()
      if child == 0 {
        guard cc_die_with(parent) else { _exit(1) }
        close(listener)
        service.serve(client)
        _exit(0)
      }
      if child < 0 {
        let code = errno
        warning.note("fork", code)
        Sockets.refuse(client, "fork", code)
      } else {
        close(client)
      }
    }
  }
}

/// A thread for each connection.
struct ThreadServer {
  /// The system's default would be 8 MiB of addresses each; this is room enough for what serves a client.
  static let stackBytes = 64 << 10

  let service: Service
  let listener: CInt

  func run() -> Never {
    var attributes = pthread_attr_t()
    guard unsafe pthread_attr_init(&attributes) == 0,
      unsafe pthread_attr_setstacksize(&attributes, Self.stackBytes) == 0,
      unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED)) == 0
    else { Sockets.fail("pthread_attr") }
    var warning = RefusalWarning()
    while true {
      guard let client = Sockets.accept(listener, blocks: true) else {
        warning.pause("accept", errno)
        continue
      }
      let task = Task(service: service, client: client)
      let context = UnsafeMutablePointer<Task>.allocate(capacity: 1)
      unsafe context.initialize(to: task)
      var thread = pthread_t()
      let code = unsafe pthread_create(&thread, &attributes, Self.serve, context)
      guard code != 0 else { continue }
      unsafe context.deallocate()
      warning.note("pthread_create", code)
      Sockets.refuse(client, "pthread_create", code)
    }
  }

  private struct Task {
    let service: Service
    let client: CInt
  }

  private static let serve: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
    let place = unsafe context!.assumingMemoryBound(to: Task.self)
    let task = unsafe place.move()
    unsafe place.deallocate()
    task.service.serve(task.client)
    close(task.client)
    return nil
  }
}

/// Says each kind of refusal once.
struct RefusalWarning {
  private var last: CInt = 0

  mutating func note(_ call: StaticString, _ code: CInt) {
    guard code != last else { return }
    last = code
    Sockets.note(unsafe "\(call): \(String(cString: strerror(code)))")
  }

  /// A connection that cannot even be accepted stays in line: trying again at once would be a busy loop.
  mutating func pause(_ call: StaticString, _ code: CInt) {
    note(call, code)
    usleep(10_000)
  }
}
