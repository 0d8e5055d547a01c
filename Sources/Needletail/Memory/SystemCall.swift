import Glibc

/// A system call failed in a way that is not the caller's fault.
struct SystemError: Error {
  let code: CInt
  let call: StaticString

  var text: String { unsafe String(cString: strerror(code)) }
}

enum IOOutcome {
  case bytes(Int)
  case wouldBlock
}

/// Calls `body` until no signal interrupts it. "Would block" is a value, the peer's and the system's failures are
/// errors, and what can only be a bug here traps.
@inline(__always)
func retrying(_ call: StaticString, _ body: () -> Int) throws(SystemError) -> IOOutcome {
  while true {
    let result = body()
    if result >= 0 { return .bytes(result) }
    switch errno {
    case EINTR: continue
    case EAGAIN: return .wouldBlock
    case EBADF, EFAULT: preconditionFailure("a bug here, not in the peer")
    case let code: throw SystemError(code: code, call: call)
    }
  }
}
