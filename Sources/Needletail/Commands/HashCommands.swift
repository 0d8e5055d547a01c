/// Hashes: fields, each with a value.
enum HashCommand: UInt8, Sendable, CaseIterable {
  case hdel, hexists, hget, hgetall, hgetdel, hincrby, hincrbyfloat, hkeys, hlen, hmget, hmset, hrandfield, hscan
  case hset, hsetnx, hstrlen, hvals
}

extension Engine {
  @inline(__always)
  mutating func run(_ command: HashCommand, _ request: Request) {
    switch command {
    case .hdel: hdelCommand(request)
    case .hexists: hexistsCommand(request)
    case .hget: hgetCommand(request)
    case .hgetall: hgetallCommand(request, .both)
    case .hgetdel: hgetdelCommand(request)
    case .hincrby: hincrbyCommand(request)
    case .hincrbyfloat: hincrbyfloatCommand(request)
    case .hkeys: hgetallCommand(request, .fields)
    case .hlen: hlenCommand(request)
    case .hmget: hmgetCommand(request)
    case .hmset: hsetCommand(request, isOld: true)
    case .hrandfield: hrandfieldCommand(request)
    case .hscan: hscanCommand(request)
    case .hset: hsetCommand(request, isOld: false)
    case .hsetnx: hsetnxCommand(request)
    case .hstrlen: hstrlenCommand(request)
    case .hvals: hgetallCommand(request, .values)
    }
  }
}

// MARK: - Reading

extension Engine {
  enum HashPart { case fields, values, both }

  mutating func hgetCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .hash else { return reply.wrongType() }
    replyElement(HashValue(entry).value(of: request[2], keyspace.context))
  }

  /// An element as a string; null without one.
  @inline(__always)
  mutating func replyElement(_ element: PackedElement?) {
    switch element {
    case .bytes(let bytes): reply.bulk(bytes)
    case .integer(let value): reply.bulk(integer: value)
    case .double: preconditionFailure("a score is no string")
    case nil: reply.null()
    }
  }

  mutating func hmgetCommand(_ request: Request) {
    let entry = lookupRead(request, 1).entry
    if let entry, entry.type != .hash { return reply.wrongType() }
    let hash = entry.map { HashValue($0) }
    reply.array(request.count - 2)
    for index in 2..<request.count { replyElement(hash?.value(of: request[index], keyspace.context)) }
  }

  mutating func hgetallCommand(_ request: Request, _ part: HashPart) {
    guard let entry = lookupRead(request, 1).entry else { return replyHeader(part, 0) }
    guard entry.type == .hash else { return reply.wrongType() }
    let hash = HashValue(entry)
    replyHeader(part, hash.count)
    hash.forEach { field, value in
      if part != .values { replyElement(field) }
      if part != .fields { replyElement(value) }
    }
  }

  private mutating func replyHeader(_ part: HashPart, _ count: Int) {
    if part == .both { reply.map(count) } else { reply.array(count) }
  }

  mutating func hexistsCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .hash else { return reply.wrongType() }
    reply.integer(HashValue(entry).value(of: request[2], keyspace.context) == nil ? 0 : 1)
  }

  mutating func hlenCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .hash else { return reply.wrongType() }
    reply.integer(entry.length)
  }

  mutating func hstrlenCommand(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.integer(0) }
    guard entry.type == .hash else { return reply.wrongType() }
    reply.integer(HashValue(entry).value(of: request[2], keyspace.context)?.count ?? 0)
  }

  /// HRANDFIELD key [count [WITHVALUES]]
  mutating func hrandfieldCommand(_ request: Request) {
    guard request.count > 2 else { return replyOneRandomField(request) }
    guard let count = request[2].integer, count != Int.min else { return replyOutOfRange(request[2]) }
    var hasValues = false
    if request.count > 3 {
      guard request.count == 4 && request[3].equalsIgnoringCase("withvalues") else { return reply.syntaxError() }
      hasValues = true
      // Twice as many elements must be countable.
      guard count.magnitude <= UInt(Int.max / 2) else { return reply.error("ERR value is out of range") }
    }
    guard let entry = lookupRead(request, 1).entry else { return reply.array(0) }
    guard entry.type == .hash else { return reply.wrongType() }
    let hash = HashValue(entry)
    guard acceptsDraws(count) else { return }
    let answers = count < 0 ? -count : min(count, hash.count)
    // RESP3 has arrays of two.
    let isNested = hasValues && reply.isRESP3
    reply.array(hasValues && !isNested ? 2 * answers : answers)
    if count < 0 {
      for _ in 0..<answers {
        let (field, value) = hash.random(&keyspace.random)
        if isNested { reply.array(2) }
        replyElement(field)
        if hasValues { replyElement(value) }
        // Nobody reads what is too much for him.
        if reply.isDiscarding { return }
      }
      return
    }
    var generator = keyspace.random
    hash.forEachRandom(count, &generator) { field, value in
      if isNested { reply.array(2) }
      replyElement(field)
      if hasValues { replyElement(value) }
    }
    keyspace.random = generator
  }

  private mutating func replyOutOfRange(_ argument: ByteView) {
    if argument.integer == nil { return reply.notAnInteger() }
    reply.error("ERR value is out of range, value must between \(-Int.max) and \(Int.max)")
  }

  private mutating func replyOneRandomField(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .hash else { return reply.wrongType() }
    replyElement(HashValue(entry).random(&keyspace.random).field)
  }

  /// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
  mutating func hscanCommand(_ request: Request) {
    guard let cursor = request[2].scanCursor else { return reply.error("ERR invalid cursor") }
    guard let entry = lookupRead(request, 1).entry else { return replyEmptyScan() }
    guard entry.type == .hash else { return reply.wrongType() }
    guard let options = scanOptions(request, from: 3, of: .hscan) else { return }
    let hash = HashValue(entry)
    var fields = UnitList()
    let next = hash.scan(cursor: cursor, wanted: options.count) { field in
      if options.matches(field.field) { unsafe fields.append(field.raw) }
    }
    reply.array(2)
    reply.bulk(integer: Int(next ?? 0))
    if next != nil {
      reply.array(options.leavesOutValues ? fields.count : 2 * fields.count)
      for index in 0..<fields.count {
        let field = unsafe HashField(raw: fields[index])
        reply.bulk(field.field)
        if !options.leavesOutValues { reply.bulk(field.value) }
      }
      return
    }
    replyWhole(hash, options)
  }

  /// A packed hash is no step of a scan: all that matches.
  private mutating func replyWhole(_ hash: HashValue, _ options: ScanOptions) {
    guard options.pattern != nil else {
      reply.array(options.leavesOutValues ? hash.count : 2 * hash.count)
      return hash.forEach { replyField($0, $1, options) }
    }
    let array = reply.deferLength(atMost: 2 * hash.count)
    var count = 0
    hash.forEach { field, value in
      guard field.withBytes({ options.matches($0) }) else { return }
      replyField(field, value, options)
      count += options.leavesOutValues ? 1 : 2
    }
    reply.finish(array, count: count)
  }

  private mutating func replyField(_ field: PackedElement, _ value: PackedElement, _ options: ScanOptions) {
    replyElement(field)
    if !options.leavesOutValues { replyElement(value) }
  }
}
