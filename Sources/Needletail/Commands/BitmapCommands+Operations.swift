/// BITOP: a string made of others, bit by bit.
extension Engine {
  /// BITOP AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE destkey key [key ...]
  mutating func bitopCommand(_ request: Request) {
    guard let operation = BitOperation(request[1]) else { return reply.syntaxError() }
    let sourceCount = request.count - 3
    if operation == .not && sourceCount != 1 {
      return reply.error("ERR BITOP NOT must be called with a single source key.")
    }
    if sourceCount < operation.sourcesMin {
      return reply.error("ERR BITOP \(operation.name) must be called with at least two source keys.")
    }
    guard let sources = bitSources(request, sourceCount) else { return reply.wrongType() }
    storeCombined(request, operation, sources)
  }

  /// Nil when a key holds something else.
  private mutating func bitSources(_ request: Request, _ count: Int) -> BitSources? {
    let database = request.client.database
    var sources = BitSources(capacity: count)
    let areStrings = forEachKey(request, from: 3) { engine, key, _ in
      let entry = engine.lookupRead(key, in: database).entry
      if let entry, entry.type != .string { return false }
      sources.append(entry)
      return true
    }
    guard areStrings else { return nil }
    return sources
  }

  private mutating func storeCombined(_ request: Request, _ operation: BitOperation, _ sources: borrowing BitSources) {
    let count = sources.byteCount
    guard count > 0 else {
      var found = lookupWrite(request, 2)
      if found.entry != nil { removeAndReport(&found) }
      return reply.integer(0)
    }
    var found = lookupWrite(request, 2)
    let before = found.length
    if let unit = keyspace.stringToOverwrite(found, count: count) {
      // The destination may be one of the sources.
      unsafe sources.write(operation, to: unit.data)
      unit.count = count
    } else {
      guard let unit = StringUnit.make(capacity: count, tag: keyspace.context.units.currentTag) else {
        return replyOutOfMemory()
      }
      unsafe sources.write(operation, to: unit.data)
      unit.count = count
      keyspace.setRawString(&found, unit)
    }
    report(.string, "set", found, lengthBefore: before, lengthAfter: count)
    reply.integer(count)
  }
}

extension BitOperation {
  fileprivate init?(_ name: ByteView) {
    for operation in Self.allCases where name.equalsIgnoringCase(operation.lowercaseName) {
      self = operation
      return
    }
    return nil
  }

  private var lowercaseName: StaticString {
    switch self {
    case .and: "and"
    case .or: "or"
    case .xor: "xor"
    case .not: "not"
    case .diff: "diff"
    case .diff1: "diff1"
    case .andOr: "andor"
    case .one: "one"
    }
  }

  fileprivate var name: String { "\(lowercaseName)".uppercased() }
}
