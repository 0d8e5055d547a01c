// Members drawn at random.

extension Engine {
  /// SRANDMEMBER key [count]
  mutating func srandmemberCommand(_ request: Request) {
    guard request.count > 2 else { return replyOneRandomMember(request) }
    guard request.count == 3 else { return reply.syntaxError() }
    guard let count = request[2].integer else { return reply.notAnInteger() }
    guard count != Int.min else {
      return reply.error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
    }
    guard let entry = lookupRead(request, 1).entry else { return reply.array(0) }
    guard entry.type == .set else { return reply.wrongType() }
    let set = SetValue(entry)
    guard count < 0 else {
      reply.array(min(count, set.count))
      var generator = keyspace.random
      set.forEachRandom(count, &generator) { replyElement($0) }
      keyspace.random = generator
      return
    }
    guard acceptsDraws(count) else { return }
    reply.array(-count)
    for _ in 0..<(-count) {
      replyElement(set.random(&keyspace.random).element)
      // Nobody reads what is too much for him.
      if reply.isDiscarding { return }
    }
  }

  private mutating func replyOneRandomMember(_ request: Request) {
    guard let entry = lookupRead(request, 1).entry else { return reply.null() }
    guard entry.type == .set else { return reply.wrongType() }
    replyElement(SetValue(entry).random(&keyspace.random).element)
  }

  /// SPOP key [count]
  mutating func spopCommand(_ request: Request) {
    guard request.count == 2 else {
      if request.count > 3 { reply.syntaxError() } else { popMembers(request) }
      return
    }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.null() }
    guard entry.type == .set else { return reply.wrongType() }
    let before = found.length
    let (place, member) = SetValue(entry).random(&keyspace.random)
    replyElement(member)
    reproduceRemoval(of: member, request[1])
    keyspace.removeSetMember(&found, at: place)
    finishRemovingMembers(&found, "spop", before, before - 1)
  }

  private mutating func reproduceRemoval(of member: PackedElement, _ key: ByteView) {
    reproduce { command in
      command.append("SREM")
      command.append(key)
      member.withBytes { command.append($0) }
    }
  }

  /// Takes several members out.
  private mutating func popMembers(_ request: Request) {
    guard let count = request[2].integer, count >= 0 else {
      return reply.error("ERR value is out of range, must be positive")
    }
    var found = lookupWrite(request, 1)
    guard let entry = found.entry else { return reply.set(0) }
    guard entry.type == .set else { return reply.wrongType() }
    guard count > 0 else { return reply.set(0) }
    let set = SetValue(entry)
    let before = set.count
    guard count < before else { return popAll(&found, set) }
    if case .large(let root) = set.form, !isRestSmall(before - count, of: count) {
      popFew(&found, root, count)
    } else if !popMost(&found, set, count) {
      return replyOutOfMemory()
    }
    reportSet("spop", found, before, before - count)
  }

  /// When that few members stay, Redis makes a new set of them, which may then be packed again.
  private func isRestSmall(_ rest: Int, of count: Int) -> Bool { rest * 5 <= count }

  private mutating func popAll(_ found: inout Found, _ set: SetValue) {
    let before = set.count
    replyMembers(set)
    finishRemovingMembers(&found, "spop", before, 0)
    let key = found.key.bytes
    let command: StaticString = settings.lazyfreeServerDel ? "UNLINK" : "DEL"
    reproduce {
      $0.append(command)
      $0.append(key)
    }
  }

  /// Takes members out of a large set. Complexity: O(count) expected.
  private mutating func popFew(_ found: inout Found, _ root: TableRoot<SetMember>, _ count: Int) {
    var drawn = UnitList()
    unsafe root.table.pointee.forEachRandom(count, &keyspace.random) { unsafe drawn.append($0.raw) }
    reply.set(count)
    for index in 0..<drawn.count { unsafe reply.bulk(SetMember(raw: drawn[index]).bytes) }
    let key = found.key.bytes
    reproduce {
      $0.append("SREM")
      $0.append(key)
      for index in 0..<drawn.count { unsafe $0.append(SetMember(raw: drawn[index]).bytes) }
    }
    keyspace.removeSetMembers(&found, drawn)
  }

  /// Makes a set of those that stay: small sets keep their form. Complexity: O(members).
  /// - Returns: false without memory; nothing has changed.
  private mutating func popMost(_ found: inout Found, _ set: SetValue, _ count: Int) -> Bool {
    let draw = SetValue.Draw(wanted: count, of: set.count, keyspace.random)
    guard let rest = makeRest(set, draw, isSmall: isRestSmall(set.count - count, of: count)) else { return false }
    let key = found.key.bytes
    let isObserved = keyspace.effects.isObserved
    var command = CommandBuilder()
    if isObserved {
      command.append("SREM")
      command.append(key)
    }
    reply.set(count)
    var taken = draw
    _ = set.forEachBatch { batch in
      batch.forEach(batch.all) { member in
        guard taken.takesNext() else { return true }
        replyElement(member)
        if isObserved { member.withBytes { command.append($0) } }
        return true
      }
    }
    keyspace.random = taken.generator
    reproduce { $0 = command }
    keyspace.put(&found, rest, expiry: found.entry?.expiry)
    return true
  }

  /// - Parameter isSmall: little enough to be packed again.
  private mutating func makeRest(_ set: SetValue, _ draw: SetValue.Draw, isSmall: Bool) -> BuiltValue? {
    var limits = keyspace.limits
    var holdsIntegers = false
    var isHashtable = false
    switch set.form {
    case .integers:
      limits.setIntegers = Int.max
      holdsIntegers = true
    case .packed(let set) where set.isHashtable:
      isHashtable = !isSmall
    case .packed:
      limits.setEntries = Int.max
      limits.setBytes = Int.max
    case .large: break
    }
    var draw = draw
    var builder = SetBuilder(limits, startsWithIntegers: holdsIntegers, isHashtable: isHashtable, keyspace.context)
    do throws(OutOfMemory) {
      _ = try set.forEachBatch { (batch) throws(OutOfMemory) -> Bool in
        try batch.forEach(batch.all) { (member) throws(OutOfMemory) -> Bool in
          if !draw.takesNext() { _ = try builder.add(member, &keyspace.context) }
          return true
        }
      }
    } catch {
      builder.discard(keyspace.context.units)
      return nil
    }
    return builder.finish()
  }
}
