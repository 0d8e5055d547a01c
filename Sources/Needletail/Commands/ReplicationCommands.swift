// What a primary that nobody follows, and that follows nobody, answers about replication.

enum ReplicationCommand: UInt8, Sendable, CaseIterable {
  case failover, psync, replconf, replicaof, role, slaveof, sync, wait, waitaof
}

extension Engine {
  mutating func run(_ command: ReplicationCommand, _ request: Request) {
    switch command {
    case .failover: failoverCommand(request)
    case .psync, .replconf, .sync: replyNoReplication()
    case .replicaof, .slaveof: replicaofCommand(request)
    case .role: roleCommand()
    case .wait: waitCommand(request)
    case .waitaof: waitaofCommand(request)
    }
  }

  private mutating func replyNoReplication() { reply.error("ERR This server does not replicate") }

  /// A primary at offset 0, without replicas.
  private mutating func roleCommand() {
    reply.array(3)
    reply.bulk("master")
    reply.integer(0)
    reply.array(0)
  }

  /// REPLICAOF (host port | NO ONE)
  private mutating func replicaofCommand(_ request: Request) {
    if request[1].equalsIgnoringCase("no") && request[2].equalsIgnoringCase("one") { return reply.ok() }
    guard let port = request[2].integer, 0...65_535 ~= port else { return reply.error("ERR Invalid master port") }
    replyNoReplication()
  }

  /// FAILOVER [TO host port [FORCE]] [TIMEOUT milliseconds] | FAILOVER ABORT
  private mutating func failoverCommand(_ request: Request) {
    if request.count == 2 && request[1].equalsIgnoringCase("abort") {
      return reply.error("ERR No failover in progress.")
    }
    var hasTarget = false
    var isForced = false
    var hasTimeout = false
    var index = 1
    while index < request.count {
      let option = request[index]
      let left = request.count - index - 1
      if option.equalsIgnoringCase("timeout") && left >= 1 && !hasTimeout {
        guard let timeout = request[index + 1].integer else { return reply.notAnInteger() }
        guard timeout > 0 else { return reply.error("ERR FAILOVER timeout must be greater than 0") }
        hasTimeout = true
        index += 1
      } else if option.equalsIgnoringCase("to") && left >= 2 && !hasTarget {
        guard request[index + 2].integer != nil else { return reply.notAnInteger() }
        hasTarget = true
        index += 2
      } else if option.equalsIgnoringCase("force") && !isForced {
        isForced = true
      } else {
        return reply.syntaxError()
      }
      index += 1
    }
    reply.error("ERR FAILOVER requires connected replicas.")
  }

  // MARK: Waiting

  /// WAIT numreplicas timeout
  ///
  /// Redis lets the client wait for replicas until the time is over. None can come here: the answer is known at once.
  private mutating func waitCommand(_ request: Request) {
    guard request[1].integer != nil else { return reply.notAnInteger() }
    guard timeoutEnd(request[2]) != nil else { return }
    reply.integer(0)
  }

  /// WAITAOF numlocal numreplicas timeout
  private mutating func waitaofCommand(_ request: Request) {
    guard let local = request[1].integer else { return reply.notAnInteger() }
    guard 0...1 ~= local else { return reply.error("ERR value is out of range, value must between 0 and 1") }
    guard let replicas = request[2].integer, replicas >= 0 else {
      return reply.error("ERR value is out of range, must be positive")
    }
    guard timeoutEnd(request[3]) != nil else { return }
    if local > 0 {
      return reply.error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
    }
    reply.array(2)
    reply.integer(0)
    reply.integer(0)
  }

  /// When a number of milliseconds from now on ends; nil: it is none, or a clock cannot tell, which has been answered.
  mutating func timeoutEnd(_ argument: ByteView) -> Int? {
    guard let milliseconds = argument.integer else {
      reply.error("ERR timeout is not an integer or out of range")
      return nil
    }
    guard milliseconds >= 0 else {
      reply.error("ERR timeout is negative")
      return nil
    }
    let (end, isBeyond) = keyspace.nowMilliseconds.addingReportingOverflow(milliseconds)
    if isBeyond { reply.error("ERR timeout is out of range") }
    return isBeyond ? nil : end
  }
}
