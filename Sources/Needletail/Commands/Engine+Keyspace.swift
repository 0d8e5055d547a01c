/// How handlers reach the keyspace: lookups that count, replies with values, and the one place where a write tells what
/// it did.
extension Engine {
  /// Looks argument `index` up for reading: counts a hit or a miss and moves the access clock.
  @inline(__always)
  mutating func lookupRead(_ request: Request, _ index: Int) -> Found {
    let found = lookupWrite(request, index)
    if found.entry == nil { statistics.keyspaceMisses += 1 } else { statistics.keyspaceHits += 1 }
    return found
  }

  /// Looks argument `index` up for writing: moves the access clock, counts nothing.
  @inline(__always)
  mutating func lookupWrite(_ request: Request, _ index: Int) -> Found {
    let found = keyspace.find(request.key(index, keyspace.seed), in: request.client.database)
    if let entry = found.entry { keyspace.clock.touch(entry) }
    return found
  }

  /// Replies with a string value. A large one is pinned and sent from where it lies.
  @inline(__always)
  mutating func replyString(_ entry: Entry) {
    if let bytes = entry.stringBytes {
      if bytes.count > ReplyWriter.pinThresholdBytes { return replyLargeString(entry) }
      reply.bulk(bytes)
    } else if let value = entry.integer {
      reply.bulk(integer: value)
    }
  }

  @inline(never)
  private mutating func replyLargeString(_ entry: Entry) {
    // Nobody gets it: a copy would be for nothing.
    if reply.isDiscarding { return }
    guard let unit = entry.stringUnit else { return entry.withString { reply.bulk($0) } }
    keyspace.pin(unit)
    unsafe reply.bulk(unit.bytes, pinning: unit.raw)
  }

  /// The one place where a write handler tells what it did to a key; -1: no such key.
  /// - Parameter type: of what is there now, when a generic event has changed it.
  @inline(__always)
  mutating func report(_ eventClass: EventClass, _ event: StaticString, _ found: Found, lengthBefore: Int,
    lengthAfter: Int, type: ValueType? = nil)
  {
    keyspace.effects.report(eventClass, event, found.key, database: found.database, lengthBefore: lengthBefore,
      lengthAfter: lengthAfter)
    keyspace.countSize(found, eventClass, lengthBefore: lengthBefore, lengthAfter: lengthAfter, type: type)
    if keyspace.clock.meaning == .lastChange && lengthAfter >= 0 { keyspace.noteChange(found) }
  }

  /// Replaces the command that reproduces the running command's effect (by default the request itself).
  /// `build` runs only when somebody listens.
  @inline(__always)
  mutating func reproduce(as build: (inout CommandBuilder) -> Void) {
    guard keyspace.effects.isObserved else { return }
    var builder = CommandBuilder()
    build(&builder)
    reproduction = builder.arguments
  }

  /// After a command that changed something: hands on what reproduces it.
  mutating func propagate(_ request: Request) {
    let arguments = reproduction ?? (0..<request.count).map { request[$0].array }
    keyspace.effects.reproduce(arguments, database: request.client.database)
  }
}

/// Collects the arguments of a command.
struct CommandBuilder {
  private(set) var arguments: [[UInt8]] = []
  mutating func append(_ bytes: ByteView) { arguments.append(bytes.array) }
  mutating func append(_ literal: StaticString) { append(ByteView(literal)) }
  mutating func append(_ number: Int) { arguments.append(Array(String(number).utf8)) }

  /// The option of SET and its kin that does the same.
  mutating func append(_ expiry: ExpiryChange) {
    switch expiry {
    case .clear: break
    case .keep: append("KEEPTTL")
    case .at(let time):
      append("PXAT")
      append(time)
    }
  }
}
