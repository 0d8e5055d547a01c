import Glibc

/// Tells a service manager how the start gets on: systemd by datagrams to the socket it names in the environment,
/// upstart by stopping ourselves until it has seen it.
enum ServiceManager: String, Sendable {
  case none = "no"
  case systemd, upstart

  private static let socketVariable = "NOTIFY_SOCKET"
  private static let jobVariable = "UPSTART_JOB"

  /// Which one is there of those that the setting allows.
  /// - Returns: also what is to be said in the log, since there is none yet.
  static func found(_ setting: Supervision) -> (manager: ServiceManager, warning: String?) {
    let hasSocket = variable(socketVariable) != nil
    let hasJob = variable(jobVariable) != nil
    switch setting {
    case .no: return (.none, nil)
    case .auto: return (hasJob ? .upstart : hasSocket ? .systemd : .none, nil)
    case .systemd:
      return hasSocket ? (.systemd, nil) : (.none, "systemd supervision error: NOTIFY_SOCKET not found!")
    case .upstart:
      return hasJob ? (.upstart, nil) : (.none, "upstart supervision requested, but UPSTART_JOB not found")
    }
  }

  /// Call before other threads start.
  func announceStart(_ logger: Logger) {
    switch self {
    case .none: break
    case .systemd:
      logger.notice("supervised by systemd: TimeoutStartSec and TimeoutStopSec must leave time to load and to save")
      notify("STATUS=Needletail is loading...\n")
    case .upstart:
      logger.notice("supervised by upstart, will stop to signal readiness.")
      raise(SIGSTOP)
      unsafe unsetenv(Self.jobVariable)
    }
  }

  func announceReadiness() {
    if self == .systemd { notify("STATUS=Ready to accept connections\nREADY=1\n") }
  }

  func announceEnd() {
    if self == .systemd { notify("STOPPING=1\n") }
  }

  /// Nothing is done about a message that cannot be sent: systemd's own time-out will tell.
  private func notify(_ message: String) {
    guard var path = Self.variable(Self.socketVariable).map({ Array($0.utf8) }) else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    // An `@` stands for the zero byte of a name that is in no directory.
    if path[0] == UInt8(ascii: "@") { path[0] = 0 }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
    let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + path.count)
    let bytes = Array(message.utf8)
    unsafe withUnsafePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe _ = sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), address, length)
      }
    }
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }
}
