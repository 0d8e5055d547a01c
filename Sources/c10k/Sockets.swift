import CC10k
import CSystem
import Glibc

/// The plain calls that the servers and the load generator share.
enum Sockets {
  /// Connections that the kernel keeps ready: as many as its own limit (somaxconn) allows.
  static let backlog: CInt = 65_535

  /// A socket that listens on the loopback interface.
  static func listen(port: UInt16) -> CInt {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { fail("socket") }
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    let result = unsafe withLoopback(port) { unsafe bind(descriptor, $0, $1) }
    guard result == 0 else { fail("bind") }
    guard Glibc.listen(descriptor, backlog) == 0 else { fail("listen") }
    return descriptor
  }

  /// Begins to connect without waiting; nil, with errno, when that fails at once.
  static func beginConnecting(port: UInt16) -> CInt? {
    let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_INET, type, 0)
    guard descriptor >= 0 else { return nil }
    let result = unsafe withLoopback(port) { unsafe connect(descriptor, $0, $1) }
    if result == 0 || errno == EINPROGRESS {
      sendAtOnce(descriptor)
      return descriptor
    }
    let code = errno
    close(descriptor)
    errno = code
    return nil
  }

  /// A connection that came in, or nil with errno.
  static func accept(_ listener: CInt, blocks: Bool) -> CInt? {
    while true {
      let descriptor = blocks ? Glibc.accept(listener, nil, nil) : cs_accept4(listener, nil, nil)
      if descriptor >= 0 {
        sendAtOnce(descriptor)
        return descriptor
      }
      if errno != EINTR && errno != ECONNABORTED { return nil }
    }
  }

  /// A connection that cannot be served is told why, in a reply, and closed.
  static func refuse(_ descriptor: CInt, _ call: StaticString, _ code: CInt) {
    let text = unsafe "-ERR \(call): \(String(cString: strerror(code)))\r\n"
    unsafe _ = send(descriptor, text, text.utf8.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
    close(descriptor)
  }

  /// Closing sends a reset, which leaves no port waiting: thousands a second would use them up.
  static func closesByReset(_ descriptor: CInt) {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  static func note(_ text: String) {
    let line = "c10k: \(text)\n"
    unsafe _ = write(STDERR_FILENO, line, line.utf8.count)
  }

  static func fail(_ call: StaticString) -> Never {
    note(unsafe "\(call): \(String(cString: strerror(errno)))")
    exit(1)
  }

  private static func sendAtOnce(_ descriptor: CInt) { setOption(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1) }

  private static func setOption(_ descriptor: CInt, _ level: CInt, _ name: CInt, _ value: CInt) {
    var value = value
    _ = unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
  }

  private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
