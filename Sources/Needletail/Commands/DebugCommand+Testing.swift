import Glibc

// The parts of DEBUG that test suites of clients and of Redis itself use.

/// What DEBUG has switched.
struct DebugState {
  /// Housekeeping stands still.
  var isCronPaused = false
  /// As `CollectionLimits.listPlainBytes`.
  var listPlainBytes = Int.max
}

extension Engine {
  /// Runs the subcommand if it is one of these.
  /// - Returns: false when it is another one.
  mutating func debugTesting(_ request: Request) -> Bool {
    let name = request[1]
    let count = request.count
    if name.equalsIgnoringCase("error") && count == 3 {
      debugError(request[2])
    } else if name.equalsIgnoringCase("log") && count == 3 {
      logger.warning("DEBUG LOG: \(request[2].string)")
      reply.ok()
    } else if name.equalsIgnoringCase("protocol") && count == 3 {
      debugProtocol(request[2])
    } else if name.equalsIgnoringCase("populate") && 3...5 ~= count {
      debugPopulate(request)
    } else if name.equalsIgnoringCase("pause-cron") && count == 3 {
      debugging.isCronPaused = unsafe strtol(request[2].string, nil, 10) != 0
      reply.ok()
    } else if name.equalsIgnoringCase("change-repl-id") && count == 2 {
      facts.replicationID = ServerFacts.randomID()
      reply.ok()
    } else if name.equalsIgnoringCase("defrag") && count == 3 {
      debugDefragmentation(isOn: unsafe strtol(request[2].string, nil, 10) != 0)
      reply.ok()
    } else if name.equalsIgnoringCase("quicklist-packed-threshold") && count == 3 {
      debugPackedThreshold(request[2])
    } else {
      return debugInner(request)
    }
    return true
  }

  /// Those that look at, or switch, what Redis has inside and this server has not.
  private mutating func debugInner(_ request: Request) -> Bool {
    let name = request[1]
    let count = request.count
    if name.equalsIgnoringCase("dict-resizing") && count == 3 {
      // Tables grow and shrink by segments; nothing of that is ever put off.
      if unsafe strtol(request[2].string, nil, 10) != 0 { reply.ok() } else { reply.error("ERR Tables always resize") }
    } else if name.equalsIgnoringCase("replybuffer") && count == 4
      && (request[2].equalsIgnoringCase("peak-reset-time") || request[2].equalsIgnoringCase("resizing"))
    {
      // Clients have no reply buffers of their own.
      reply.ok()
    } else if name.equalsIgnoringCase("listpack") && count == 3 {
      debugEncoding(request, "listpack", "ERR Not a listpack encoded object.")
    } else if name.equalsIgnoringCase("quicklist") && 3...4 ~= count {
      debugEncoding(request, "quicklist", "ERR Not a quicklist encoded object.")
    } else if name.equalsIgnoringCase("htstats") && count >= 3 {
      debugTableStatistics(request)
    } else if name.equalsIgnoringCase("htstats-key") && count >= 3 {
      debugEncoding(request, "hashtable",
        "ERR The value stored at the specified key is not represented using an hash table")
    } else {
      return false
    }
    return true
  }

  /// DEBUG ERROR text: an error reply that counts nowhere.
  private mutating func debugError(_ text: ByteView) {
    var line = text.array.map { $0 == 13 || $0 == 10 ? 32 : $0 }
    line = [UInt8(ascii: "-")] + line + [13, 10]
    unsafe line.withUnsafeBytes { unsafe reply.raw(ByteView($0.baseAddress!, count: $0.count)) }
  }

  /// DEBUG PROTOCOL type
  private mutating func debugProtocol(_ type: ByteView) {
    if type.equalsIgnoringCase("string") {
      reply.bulk("Hello World")
    } else if type.equalsIgnoringCase("integer") {
      reply.integer(12345)
    } else if type.equalsIgnoringCase("double") {
      reply.score(3.141)
    } else if type.equalsIgnoringCase("bignum") {
      let digits: StaticString = "1234567999999999999999999999999999999"
      if reply.isRESP3 { reply.raw("(1234567999999999999999999999999999999\r\n") } else { reply.bulk(digits) }
    } else if type.equalsIgnoringCase("null") {
      reply.null()
    } else if type.equalsIgnoringCase("array") {
      reply.array(3)
      for number in 0..<3 { reply.integer(number) }
    } else if type.equalsIgnoringCase("set") {
      reply.set(3)
      for number in 0..<3 { reply.integer(number) }
    } else if type.equalsIgnoringCase("map") {
      reply.map(3)
      for number in 0..<3 {
        reply.integer(number)
        reply.bool(number == 1)
      }
    } else if type.equalsIgnoringCase("attrib") {
      if reply.isRESP3 { reply.raw("|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n") }
      reply.bulk("Some real reply following the attribute")
    } else if type.equalsIgnoringCase("push") {
      guard reply.isRESP3 else { return reply.error("ERR RESP2 is not supported by this command") }
      reply.bulk("Some real reply following the push reply")
      reply.push(2)
      reply.bulk("server-cpu-usage")
      reply.integer(42)
    } else if type.equalsIgnoringCase("verbatim") {
      reply.verbatim("This is a verbatim\nstring")
    } else if type.equalsIgnoringCase("true") {
      reply.bool(true)
    } else if type.equalsIgnoringCase("false") {
      reply.bool(false)
    } else {
      reply.error("""
        ERR Wrong protocol type name. Please use one of the following: \
        string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false
        """)
    }
  }

  /// DEBUG POPULATE count [prefix] [size]: keys that are there already stay as they are.
  private mutating func debugPopulate(_ request: Request) {
    guard let keyCount = request[2].integer, keyCount >= 0 else { return replyNotPositive() }
    let prefix = request.count > 3 ? request[3].array : Array("key".utf8)
    let size = request.count > 4 ? request[4].integer : 0
    guard let size, 0...settings.stringMaxBytes ~= size else { return replyNotPositive() }
    // Room for the longest value of those that are as long as they come.
    let capacity = max(size, 32)
    guard let value = unsafe Heap.tryAllocate(capacity) else { return replyOutOfMemory() }
    defer { unsafe Heap.free(value, capacity) }
    unsafe value.initializeMemory(as: UInt8.self, repeating: 0, count: capacity)
    for number in 0..<keyCount {
      let text = Array("value:\(number)".utf8)
      let count = size > 0 ? size : text.count
      unsafe value.copyMemory(from: text, byteCount: min(count, text.count))
      let isThere = unsafe populate(prefix + Array(":\(number)".utf8), ByteView(value, count: count), request)
      guard isThere else { return replyOutOfMemory() }
    }
    reply.ok()
  }

  private mutating func replyNotPositive() { reply.error("ERR value is out of range, must be positive") }

  /// - Returns: false when there is no memory for it.
  private mutating func populate(_ name: [UInt8], _ value: ByteView, _ request: Request) -> Bool {
    unsafe name.withUnsafeBytes { name in
      let key = unsafe Key(ByteView(name.baseAddress!, count: name.count), keyspace.seed)
      var found = keyspace.find(key, in: request.client.database)
      if found.entry != nil { return true }
      do throws(OutOfMemory) {
        try keyspace.setString(&found, value, expiry: .clear)
        report(.string, "set", found, lengthBefore: -1, lengthAfter: found.length)
        return true
      } catch {
        return false
      }
    }
  }

  /// DEBUG QUICKLIST-PACKED-THRESHOLD size: elements of that size lie in nodes of their own; 0: longer ones than a
  /// node.
  private mutating func debugPackedThreshold(_ text: ByteView) {
    // Redis counts a node's bytes in 32 bits, and leaves a megabyte for what is around them.
    let sizeMax = 4 << 30 - 1 << 20
    guard let size = SettingText.memorySize(text.array), size <= sizeMax else {
      return reply.error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
    }
    debugging.listPlainBytes = size == 0 ? Int.max : size
    applyCollectionLimits()
    reply.ok()
  }

  /// Logs how a value is kept, for who expects it to be kept like that.
  private mutating func debugEncoding(_ request: Request, _ encoding: StaticString, _ refusal: StaticString) {
    let found = keyspace.find(request.key(2, keyspace.seed), in: request.client.database)
    guard let entry = found.entry else { return reply.noSuchKey() }
    guard ByteView(entry.encodingName) == ByteView(encoding) else { return reply.error(refusal) }
    logger.notice("\(request[2].string): \(encoding) of \(found.length) elements, \(keyspace.usedBytes(found)) bytes")
    reply.simple("The value's figures are in the log")
  }

  /// DEBUG HTSTATS database [FULL]
  private mutating func debugTableStatistics(_ request: Request) {
    guard let database = request[2].integer, 0..<keyspace.databaseCount ~= database else {
      return reply.error("ERR Out of range database")
    }
    reply.verbatim("""
      [Dictionary HT]
       number of elements: \(keyspace.count(database: database))
       bytes: \(keyspace.tableByteCount(database: database))
      [Expires HT]
       number of elements: \(keyspace.expiresCount(database: database))

      """)
  }
}
