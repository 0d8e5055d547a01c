/// BITFIELD: integers of any width in a string.
extension Engine {
  /// One subcommand and, when it has been carried out, what it answers.
  fileprivate struct FieldOperation {
    enum Kind { case get, set, increment }
    let kind: Kind
    let field: BitField
    let offset: Int
    var value = 0
    var overflow = BitField.Overflow.wrap
    /// Nil: it did not fit.
    var answer: Int?

    /// Up to which byte it writes; 0: it only reads.
    var writtenByteCount: Int { kind == .get ? 0 : field.bytes(at: offset).upperBound }
  }

  fileprivate typealias FieldOperations = UnsafeMutableBufferPointer<FieldOperation>

  /// BITFIELD key [GET encoding offset | [OVERFLOW WRAP | SAT | FAIL] SET encoding offset value |
  /// INCRBY encoding offset increment] ...
  mutating func bitfieldCommand(_ request: Request, isReadonly: Bool) {
    unsafe withUnsafeTemporaryAllocation(of: FieldOperation.self, capacity: max(1, (request.count - 2) / 2)) { buffer in
      guard let count = unsafe parseFields(request, into: buffer) else { return }
      let operations = unsafe FieldOperations(rebasing: buffer[0..<count])
      var end = 0
      for index in 0..<count { unsafe end = max(end, operations[index].writtenByteCount) }
      if end == 0 {
        guard unsafe readFields(request, operations) else { return }
      } else if isReadonly {
        return reply.error("ERR BITFIELD_RO only supports the GET subcommand")
      } else {
        guard unsafe writeFields(request, operations, byteCount: end) else { return }
      }
      reply.array(count)
      for index in 0..<count {
        if let answer = unsafe operations[index].answer { reply.integer(answer) } else { reply.null() }
      }
    }
  }

  /// Looks through all subcommands before any is carried out.
  /// - Returns: how many there are; nil: one is wrong, which has been answered.
  private mutating func parseFields(_ request: Request, into operations: FieldOperations) -> Int? {
    var overflow = BitField.Overflow.wrap
    var count = 0
    var index = 2
    while index < request.count {
      let name = request[index]
      let rest = request.count - index - 1
      let kind: FieldOperation.Kind
      if name.equalsIgnoringCase("get") && rest >= 2 {
        kind = .get
      } else if name.equalsIgnoringCase("set") && rest >= 3 {
        kind = .set
      } else if name.equalsIgnoringCase("incrby") && rest >= 3 {
        kind = .increment
      } else if name.equalsIgnoringCase("overflow") && rest >= 1 {
        guard let given = BitField.Overflow(request[index + 1]) else {
          reply.error("ERR Invalid OVERFLOW type specified")
          return nil
        }
        overflow = given
        index += 2
        continue
      } else {
        reply.syntaxError()
        return nil
      }
      guard let field = BitField(request[index + 1]) else {
        reply.error("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
        return nil
      }
      guard let offset = bitOffset(request[index + 2], width: field.width) else { return nil }
      var operation = FieldOperation(kind: kind, field: field, offset: offset, overflow: overflow)
      if kind != .get {
        guard let value = request[index + 3].integer else {
          reply.notAnInteger()
          return nil
        }
        operation.value = value
      }
      unsafe operations.initializeElement(at: count, to: operation)
      count += 1
      index += kind == .get ? 3 : 4
    }
    return count
  }

  /// Carries out subcommands that all read.
  /// - Returns: false for a key of another type, which has been answered.
  private mutating func readFields(_ request: Request, _ operations: FieldOperations) -> Bool {
    let entry = lookupRead(request, 1).entry
    if let entry, entry.type != .string {
      reply.wrongType()
      return false
    }
    func read(_ bytes: ByteView) {
      for index in 0..<operations.count {
        let operation = unsafe operations[index]
        unsafe operations[index].answer = operation.field.value(in: bytes, at: operation.offset)
      }
    }
    if let entry { entry.withString(read) } else { read(.empty) }
    return true
  }

  /// - Parameter byteCount: the string's length at least, from now on.
  /// - Returns: false when nothing was done, which has been answered.
  private mutating func writeFields(_ request: Request, _ operations: FieldOperations, byteCount: Int) -> Bool {
    var found = lookupWrite(request, 1)
    if let entry = found.entry, entry.type != .string {
      reply.wrongType()
      return false
    }
    let before = found.length
    let count = max(before, byteCount)
    var isChange = count > before
    do throws(OutOfMemory) {
      try unsafe keyspace.modifyString(&found, count: count) { data in
        for index in 0..<operations.count {
          let changes = unsafe operations[index].run(data, byteCount: count)
          isChange = isChange || changes
        }
      }
    } catch {
      replyOutOfMemory()
      return false
    }
    if isChange { report(.string, "setbit", found, lengthBefore: before, lengthAfter: count) }
    return true
  }
}

extension Engine.FieldOperation {
  /// Reads or writes its field.
  /// - Returns: whether the string changed.
  fileprivate mutating func run(_ data: UnsafeMutableRawPointer, byteCount: Int) -> Bool {
    let old = unsafe field.value(in: ByteView(UnsafeRawPointer(data), count: byteCount), at: offset)
    switch kind {
    case .get:
      answer = old
      return false
    case .set: answer = field.sum(value, 0, overflow) == nil ? nil : old
    case .increment: answer = field.sum(old, value, overflow)
    }
    guard let new = kind == .set ? field.sum(value, 0, overflow) : answer, new != old else { return false }
    unsafe field.store(new, at: offset, in: data)
    return true
  }
}

extension BitField.Overflow {
  fileprivate init?(_ name: ByteView) {
    if name.equalsIgnoringCase("wrap") {
      self = .wrap
    } else if name.equalsIgnoringCase("sat") {
      self = .saturate
    } else if name.equalsIgnoringCase("fail") {
      self = .fail
    } else {
      return nil
    }
  }
}
