// Several strings written by one command.

extension Engine {
  mutating func msetCommand(_ request: Request) {
    guard request.count % 2 == 1 else { return replyWrongArity("mset") }
    if storePairs(request, from: 1, to: request.count, expiry: .clear) { reply.ok() }
  }

  mutating func msetnxCommand(_ request: Request) {
    guard request.count % 2 == 1 else { return replyWrongArity("msetnx") }
    guard everyKey(request, from: 1, to: request.count, exists: false) else { return reply.integer(0) }
    if storePairs(request, from: 1, to: request.count, expiry: .clear) { reply.integer(1) }
  }

  /// MSETEX numkeys key value [key value ...] [NX | XX] [EX .. | PX .. | EXAT .. | PXAT .. | KEEPTTL]
  mutating func msetexCommand(_ request: Request) {
    guard let count = request[1].integer, 1...Int(Int32.max) ~= count else {
      return reply.error("ERR invalid numkeys value")
    }
    let end = 2 + 2 * count
    guard end <= request.count else { return reply.error("ERR wrong number of key-value pairs") }
    guard let options = StringOptions(request, from: end, of: .msetex) else { return reply.syntaxError() }
    guard let expiry = expiryChange(options, request, "msetex") else { return }

    if options.condition != .always {
      let isAllowed = everyKey(request, from: 2, to: end, exists: options.condition == .ifPresent)
      guard isAllowed else { return reply.integer(0) }
    }
    guard storePairs(request, from: 2, to: end, expiry: expiry) else { return }
    reproducePairs(request, from: 2, to: end, expiry: expiry)
    reply.integer(1)
  }

  /// Whether all keys exist, or none does.
  private mutating func everyKey(_ request: Request, from first: Int, to end: Int, exists: Bool) -> Bool {
    let database = request.client.database
    return forEachKey(request, from: first, step: 2, to: end) { engine, key, _ in
      (engine.lookupWrite(key, in: database).entry != nil) == exists
    }
  }

  /// - Returns: false when memory ran out, which has been answered; pairs up to there are stored.
  @inline(__always)
  private mutating func storePairs(_ request: Request, from first: Int, to end: Int, expiry: ExpiryChange) -> Bool {
    let database = request.client.database
    return forEachKey(request, from: first, step: 2, to: end) { engine, key, index in
      var found = engine.lookupWrite(key, in: database)
      let value = request[index + 1]
      guard engine.store(value, in: &found, expiry: expiry) else {
        if index > first { engine.reproducePairs(request, from: first, to: index, expiry: expiry) }
        return false
      }
      if case .at = expiry { engine.reportAlso(.generic, "expire", found, length: value.count) }
      return true
    }
  }

  private mutating func reproducePairs(_ request: Request, from first: Int, to end: Int, expiry: ExpiryChange) {
    reproduce {
      if case .clear = expiry {
        $0.append("MSET")
      } else {
        $0.append("MSETEX")
        $0.append((end - first) / 2)
      }
      for i in first..<end { $0.append(request[i]) }
      $0.append(expiry)
    }
  }

  /// For what the table's arity cannot say.
  mutating func replyWrongArity(_ name: StaticString) {
    reply.error("ERR wrong number of arguments for '\(name)' command")
  }
}
