import Glibc

/// One end of a connection, as CLIENT LIST shows it: `127.0.0.1:6379`, `[::1]:6379`, `/path/of/socket:0`, and `?:0`
/// when it is not known.
struct SocketAddress {
  let isUnix: Bool
  /// The address without the port and brackets.
  let host: [UInt8]
  let port: Int

  var text: [UInt8] {
    let colon = UInt8(ascii: ":")
    let hasColon = !isUnix && host.contains(colon)
    let place = hasColon ? [UInt8(ascii: "[")] + host + [UInt8(ascii: "]")] : host
    return place + [colon] + Array(String(port).utf8)
  }

  /// - Parameters:
  ///   - unixPath: what a Unix socket's both ends are called.
  ///   - read: asks the system for the address of one end.
  fileprivate init(unixPath: String,
    _ read: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt)
  {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe read($0, &length) }
    }
    let family = result == 0 ? CInt(address.ss_family) : AF_UNSPEC
    isUnix = family == AF_UNIX
    switch family {
    case AF_UNIX:
      host = Array(unixPath.utf8)
      port = 0
    case AF_INET, AF_INET6:
      (host, port) = unsafe withUnsafeBytes(of: &address) { bytes in
        // The port stands behind the family in both, the address behind the port, or behind the flow's number.
        let start = family == AF_INET ? 4 : 8
        let host = unsafe Self.host(family, bytes.baseAddress! + start)
        return unsafe (host, Int(bytes[2]) << 8 | Int(bytes[3]))
      }
    default:
      host = [UInt8(ascii: "?")]
      port = 0
    }
  }

  private static func host(_ family: CInt, _ address: UnsafeRawPointer) -> [UInt8] {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      guard unsafe inet_ntop(family, address, text.baseAddress!, socklen_t(INET6_ADDRSTRLEN)) != nil else {
        return [UInt8(ascii: "?")]
      }
      return unsafe text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }
  }
}

extension Connection {
  func peerAddress(unixPath: String) -> SocketAddress {
    unsafe SocketAddress(unixPath: unixPath) { unsafe getpeername(descriptor, $0, $1) }
  }

  func localAddress(unixPath: String) -> SocketAddress {
    unsafe SocketAddress(unixPath: unixPath) { unsafe getsockname(descriptor, $0, $1) }
  }
}
