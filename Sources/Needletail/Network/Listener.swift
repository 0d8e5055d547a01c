import CSystem
import Glibc

/// A socket that accepts connections: TCP over IPv4 or IPv6, or a Unix socket.
struct Listener {
  enum Kind { case tcp, unix(path: String) }

  let descriptor: CInt
  let kind: Kind

  /// Listens at one address of the `bind` setting: `*` is all of IPv4, `::*` and `::` all of IPv6.
  /// - Throws: what the system said; EADDRNOTAVAIL and the like may be passed over for addresses marked optional.
  static func tcp(address: String, port: Int, backlog: Int) throws(SystemError) -> Listener {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = address == "*" ? AF_INET : address.hasPrefix("::*") ? AF_INET6 : AF_UNSPEC
    unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_PASSIVE
    let isWildcard = address == "*" || address == "::*"
    var results: UnsafeMutablePointer<addrinfo>? = nil
    let code = unsafe getaddrinfo(isWildcard ? nil : address, String(port), &hints, &results)
    guard code == 0, let first = unsafe results else { throw SystemError(code: EADDRNOTAVAIL, call: "getaddrinfo") }
    defer { unsafe freeaddrinfo(results) }
    let info = unsafe first.pointee
    let descriptor = unsafe socket(info.ai_family,
      CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    if descriptor < 0 { throw SystemError(code: errno, call: "socket") }
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    if unsafe info.ai_family == AF_INET6 { setOption(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    if unsafe bind(descriptor, info.ai_addr, info.ai_addrlen) != 0 { throw closing(descriptor, "bind") }
    if listen(descriptor, CInt(clamping: backlog)) != 0 { throw closing(descriptor, "listen") }
    return Listener(descriptor: descriptor, kind: .tcp)
  }

  /// Listens at a path; a socket file left behind there is replaced.
  static func unix(path: String, permissions: Int, backlog: Int) throws(SystemError) -> Listener {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw SystemError(code: ENAMETOOLONG, call: "bind")
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    if descriptor < 0 { throw SystemError(code: errno, call: "socket") }
    unsafe unlink(path)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe bind(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if result != 0 { throw closing(descriptor, "bind") }
    if permissions != 0 { unsafe chmod(path, mode_t(permissions)) }
    if listen(descriptor, CInt(clamping: backlog)) != 0 { throw closing(descriptor, "listen") }
    return Listener(descriptor: descriptor, kind: .unix(path: path))
  }

  func stop() {
    close(descriptor)
    if case .unix(let path) = kind { unsafe unlink(path) }
  }

  private static func closing(_ descriptor: CInt, _ call: StaticString) -> SystemError {
    let error = SystemError(code: errno, call: call)
    close(descriptor)
    return error
  }

  static func setOption(_ descriptor: CInt, _ level: CInt, _ name: CInt, _ value: CInt) {
    var value = value
    _ = unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
  }
}
