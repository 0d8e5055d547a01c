import Needletail

/// GET and SET, and as much else as redis-cli and redis-benchmark ask for before they begin: the same answers in every
/// form of serving.
struct Service {
  enum Continuation { case goesOn, ends }

  let table: SharedTable

  /// Answers the request that `session` took last. Complexity: O(1) on average.
  func answer(_ session: inout ServiceSession) -> Continuation {
    switch session.argumentCount {
    case 2 where session.argument(0, equalsIgnoringCase: "get"): get(&session)
    case 3 where session.argument(0, equalsIgnoringCase: "set"): set(&session)
    case 1 where session.argument(0, equalsIgnoringCase: "ping"): session.simple("PONG")
    case 1 where session.argument(0, equalsIgnoringCase: "quit"):
      session.ok()
      return .ends
    case _ where session.argument(0, equalsIgnoringCase: "command"): session.emptyArray()
    case _ where session.argument(0, equalsIgnoringCase: "config"): session.emptyArray()
    default: session.error("ERR unknown command or wrong number of arguments")
    }
    return .goesOn
  }

  private func get(_ session: inout ServiceSession) {
    unsafe withUnsafeTemporaryAllocation(byteCount: SharedTable.valueMaxBytes, alignment: 1) { buffer in
      guard let count = unsafe table.get(session.argument(1), into: buffer.baseAddress!) else { return session.null() }
      session.bulk(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
    }
  }

  private func set(_ session: inout ServiceSession) {
    switch table.set(session.argument(1), session.argument(2)) {
    case .stored: session.ok()
    case .full: session.error("OOM the table is full")
    case .tooLong: session.error("ERR keys of 1 to 63 bytes and values of up to 63 are served")
    }
  }
}

extension Service {
  /// Serves one connection whose socket blocks until the client goes.
  func serve(_ descriptor: CInt) {
    var session = ServiceSession(descriptor: descriptor)
    while case .bytes = session.receive() {
      let continuation = answerAll(&session)
      guard case .all = session.send(), continuation == .goesOn else { return }
    }
  }

  /// Answers every request that has come in whole.
  private func answerAll(_ session: inout ServiceSession) -> Continuation {
    while true {
      switch session.nextRequest() {
      case .request: if answer(&session) == .ends { return .ends }
      case .needsBytes: return .goesOn
      case .failed: return .ends
      }
    }
  }
}
