// Elements that go from one list to another, or to another end of their own.

extension Engine {
  /// LMOVE source destination LEFT|RIGHT LEFT|RIGHT
  mutating func lmoveCommand(_ request: Request) {
    guard let from = isTail(request[3]), let to = isTail(request[4]) else { return }
    move(request, from: from, to: to)
  }

  mutating func rpoplpushCommand(_ request: Request) { move(request, from: true, to: false) }

  /// - Parameters: true is the right end, false the left.
  private mutating func move(_ request: Request, from: Bool, to: Bool) {
    guard var (source, target) = listsToMove(request, missing: .null) else { return }
    guard let entry = source.entry else { return }
    if request[1] == request[2] { return rotate(&source, ListValue(entry).end(isTail: from), from: from, to: to) }
    let list = ListValue(entry)
    let value = list.end(isTail: from)
    let before = target.length
    do throws(OutOfMemory) {
      try push(value, to: &target, isTail: to)
    } catch {
      return replyOutOfMemory()
    }
    replyElement(value)
    reportList(to ? "rpush" : "lpush", target, before, target.length, changes: 1)
    removeMoved(&source, 1, of: list.count, isTail: from)
  }

  private enum Missing { case null, nullArray }

  /// Looks both keys up. Nil when nothing is to be moved, which has been answered.
  private mutating func listsToMove(_ request: Request, missing: Missing) -> (source: Found, target: Found)? {
    var source = lookupWrite(request, 1)
    guard let entry = source.entry else {
      if missing == .null { reply.null() } else { reply.nullArray() }
      return nil
    }
    guard entry.type == .list else {
      reply.wrongType()
      return nil
    }
    let target = lookupWrite(request, 2)
    if let entry = target.entry, entry.type != .list {
      reply.wrongType()
      return nil
    }
    // Looking the target up may have removed it, its time having come.
    keyspace.refresh(&source)
    return (source, target)
  }

  /// Adds an element of another list.
  private mutating func push(_ value: PackedElement, to target: inout Found, isTail: Bool) throws(OutOfMemory) {
    let element = ListElement(value)
    var arrivals = Keyspace.Arrivals(element)
    // Redis does not count the bytes of an integer on its way.
    if case .integer = value { arrivals.stringBytes = 0 }
    try keyspace.pushElements(&target, arrivals, isTail: isTail) { _ in element }
  }

  /// Takes elements off the source, which are in the target already, and tells of it.
  private mutating func removeMoved(_ source: inout Found, _ count: Int, of length: Int, isTail: Bool) {
    // A new key may have moved the others of its segment.
    keyspace.refresh(&source)
    if count < length { removeFromEnd(&source, count, of: length, isTail: isTail) }
    reportAlso(.list, isTail ? "rpop" : "lpop", source, lengthBefore: length, lengthAfter: length - count)
    if count == length { removeEmptied(&source) }
  }

  /// Moves an element within its list.
  private mutating func rotate(_ found: inout Found, _ value: PackedElement, from: Bool, to: Bool) {
    let length = found.length
    if length > 1 {
      let isDone = value.withBytes { Self.withCopy(of: $0) { rotate(&found, $0, from: from, to: to) } }
      guard isDone else { return replyOutOfMemory() }
    } else {
      replyElement(value)
      keyspace.shrinkList(&found)
    }
    reportList(to ? "rpush" : "lpush", found, length, length, changes: 1)
    reportAlso(.list, from ? "rpop" : "lpop", found, length: length)
  }

  /// - Parameter string: the element, which does not lie in the list.
  /// - Returns: false, with nothing done, when there is no memory for it.
  private mutating func rotate(_ found: inout Found, _ string: ByteView, from: Bool, to: Bool) -> Bool {
    let element = ListElement(string)
    var arrivals = Keyspace.Arrivals(element)
    if string.integer != nil { arrivals.stringBytes = 0 }
    let canFail = ListLeaf.canFail(element)
    // A node of its own, which may find no memory, comes before the other one goes. At its own end such an element
    // stays what it is.
    if !canFail { keyspace.removeEnd(&found, isTail: from) }
    if !canFail || from != to {
      do throws(OutOfMemory) {
        try keyspace.pushElements(&found, arrivals, isTail: to) { _ in element }
      } catch {
        precondition(canFail)
        return false
      }
    }
    if canFail && from != to { keyspace.removeEnd(&found, isTail: from) }
    reply.bulk(string)
    keyspace.shrinkList(&found)
    return true
  }

  /// Calls `body` with a copy of some bytes.
  /// - Returns: what `body` does; false, with nothing done, when there is no memory for the copy.
  private static func withCopy(of bytes: ByteView, _ body: (ByteView) -> Bool) -> Bool {
    let capacity = max(bytes.count, 1)
    guard let copy = unsafe Heap.tryAllocate(capacity) else { return false }
    defer { unsafe Heap.free(copy, capacity) }
    unsafe bytes.copy(to: copy)
    return body(unsafe ByteView(copy, count: bytes.count))
  }
}

// MARK: - Many at once

extension Engine {
  private struct MoveOptions {
    var count = 1
    /// All of them or none.
    var isExact = false
    /// One by one, which turns their order around where they go to the end that they came from.
    var isOneByOne = true
  }

  /// LMOVEM source destination LEFT|RIGHT LEFT|RIGHT [COUNT count|EXACTLY count OBO|BULK]
  mutating func lmovemCommand(_ request: Request) {
    guard let from = isTail(request[3]), let to = isTail(request[4]) else { return }
    guard let options = moveOptions(request) else { return }
    guard var (source, target) = listsToMove(request, missing: .nullArray) else { return }
    guard let entry = source.entry else { return }
    let list = ListValue(entry)
    if options.isExact && list.count < options.count { return reply.nullArray() }
    let count = min(options.count, list.count)
    let range = from ? list.count - count..<list.count : 0..<count
    let isReversed = options.isOneByOne && from == to
    if request[1] == request[2] { return moveWithin(&source, range, isReversed: isReversed, from: from, to: to) }

    let before = target.length
    // Pushed at the left, the last one of the new order goes first.
    let isBackward = isReversed == to
    var cursor = list.cursor(at: isBackward ? range.upperBound : range.lowerBound)
    for moved in 0..<count {
      guard let item = isBackward ? cursor.previous() : cursor.next() else { preconditionFailure("a list too short") }
      do throws(OutOfMemory) {
        try push(item.element, to: &target, isTail: to)
      } catch {
        undoMove(&target, moved, isTail: to)
        return replyOutOfMemory()
      }
    }
    replyRange(list, range, isReversed: isReversed)
    reportList(to ? "rpush" : "lpush", target, before, target.length, changes: count)
    removeMoved(&source, count, of: list.count, isTail: from)
  }

  /// Takes off the target what had come before memory was short.
  private mutating func undoMove(_ target: inout Found, _ moved: Int, isTail: Bool) {
    guard moved > 0 else { return }
    let length = target.length
    if moved == length { keyspace.remove(&target) } else { removeFromEnd(&target, moved, of: length, isTail: isTail) }
  }

  /// Nil when they are wrong, which has been answered.
  private mutating func moveOptions(_ request: Request) -> MoveOptions? {
    var options = MoveOptions()
    if request.count == 5 { return options }
    guard request.count == 8 else {
      reply.syntaxError()
      return nil
    }
    options.isExact = request[5].equalsIgnoringCase("exactly")
    options.isOneByOne = request[7].equalsIgnoringCase("obo")
    guard options.isExact || request[5].equalsIgnoringCase("count"),
      options.isOneByOne || request[7].equalsIgnoringCase("bulk")
    else {
      reply.syntaxError()
      return nil
    }
    guard let count = request[6].integer, count > 0 else {
      reply.error("ERR count should be greater than 0")
      return nil
    }
    options.count = count
    return options
  }

  /// - Returns: false without memory.
  private mutating func tryPush(_ string: ByteView, to target: inout Found, isTail: Bool) -> Bool {
    do throws(OutOfMemory) {
      try push(PackedElement(string), to: &target, isTail: isTail)
      return true
    } catch {
      return false
    }
  }

  /// Moves a block within its list: copied, put where it goes, and taken off where it was.
  private mutating func moveWithin(_ found: inout Found, _ range: Range<Int>, isReversed: Bool, from: Bool, to: Bool) {
    guard let entry = found.entry else { return }
    let list = ListValue(entry)
    let length = list.count
    var block: [[UInt8]] = []
    var cursor = list.cursor(at: range.lowerBound)
    for _ in range { if let item = cursor.next() { block.append(item.element.withBytes { $0.array }) } }
    if isReversed { block.reverse() }
    // At the same end, or all of them: only a new order changes anything.
    if from != to && range.count < length || isReversed {
      for (moved, string) in (to ? block : block.reversed()).enumerated() {
        guard string.withBytes({ tryPush($0, to: &found, isTail: to) }) else {
          undoMove(&found, moved, isTail: to)
          return replyOutOfMemory()
        }
      }
      let start = from == to ? (to ? length - range.count : range.count) : from ? length : 0
      keyspace.removeElements(&found, start..<start + range.count)
    }
    reply.array(block.count)
    for string in block { string.withBytes { reply.bulk($0) } }
    keyspace.shrinkList(&found)
    reportList(to ? "rpush" : "lpush", found, length, length, changes: range.count)
    reportAlso(.list, from ? "rpop" : "lpop", found, length: length)
  }
}

extension [UInt8] {
  /// Calls `body` with a view of the bytes.
  fileprivate func withBytes<R>(_ body: (ByteView) -> R) -> R {
    unsafe withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return body(.empty) }
      return body(unsafe ByteView(base, count: buffer.count))
    }
  }
}
