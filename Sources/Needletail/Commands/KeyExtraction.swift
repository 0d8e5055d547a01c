// Which arguments of a request are keys, read from the command's key specs.

/// A request as one sees it that only wants to know its keys: the arguments from some index on.
struct KeyScan {
  let request: Request
  /// Where the command's name is: 0, or 2 inside COMMAND GETKEYS.
  let start: Int

  var count: Int { request.count - start }
  subscript(index: Int) -> ByteView { request[start + index] }
}

extension CommandSpec {
  var hasKeys: Bool { keySpecs.contains { !$0.isNoKey } }

  /// Calls `body` with the index of each key and what the command does with it.
  /// - Returns: false when the request does not fit the specs: keys are out of bounds or their number is none.
  func forEachKey(_ scan: KeyScan, _ body: (_ index: Int, _ flags: [StaticString]) -> Void) -> Bool {
    if id == .key(.sort) || id == .key(.sortReadonly) { return forEachSortedKey(scan, body) }
    if id == .key(.migrate) { return forEachMigratedKey(scan, body) }
    for spec in keySpecs where !spec.isNoKey {
      guard let range = spec.range(scan) else { return false }
      let flags = spec.hasVariableFlags ? variableFlags(scan) ?? spec.flags : spec.flags
      for index in stride(from: range.first, through: range.last, by: range.step) { body(index, flags) }
      if spec.isIncomplete { return false }
    }
    return true
  }

  /// SET reads the key only when it is asked for the old value or to compare it. BITFIELD writes unless it only gets.
  private func variableFlags(_ scan: KeyScan) -> [StaticString]? {
    if ByteView(name) == ByteView("bitfield") { return bitfieldFlags(scan) }
    guard ByteView(name) == ByteView("set") else { return nil }
    for index in stride(from: 3, to: scan.count, by: 1) {
      switch StringOption(scan[index]) {
      case .get: return ["RW", "access", "update"]
      case .condition(let condition) where condition.comparesValue: return ["RW", "access", "update"]
      default: continue
      }
    }
    return ["OW", "update"]
  }

  /// BITFIELD writes when there is anything but GET in it, right or wrong.
  private func bitfieldFlags(_ scan: KeyScan) -> [StaticString] {
    var index = 2
    while index < scan.count {
      if scan[index].equalsIgnoringCase("get") && index + 2 < scan.count {
        index += 3
      } else if scan[index].equalsIgnoringCase("overflow") && index + 1 < scan.count {
        index += 2
      } else {
        return ["RW", "access", "update"]
      }
    }
    return ["RO", "access"]
  }

  /// SORT's specs find one key. What BY and GET read depends on the elements. The destination is that of the last STORE
  /// which is an option and no other option's value, just as SORT itself reads its arguments: Redis takes a destination
  /// called LIMIT for an option here, and so for the one key while SORT writes to another.
  private func forEachSortedKey(_ scan: KeyScan, _ body: (_ index: Int, _ flags: [StaticString]) -> Void) -> Bool {
    guard scan.count > 1 else { return false }
    body(1, keySpecs[0].flags)
    guard id == .key(.sort) else { return true }
    var destination: Int?
    var index = 2
    while index < scan.count {
      let option = scan[index]
      if option.equalsIgnoringCase("limit") {
        index += 2
      } else if option.equalsIgnoringCase("by") || option.equalsIgnoringCase("get") {
        index += 1
      } else if option.equalsIgnoringCase("store") && index + 1 < scan.count {
        index += 1
        destination = index
      }
      index += 1
    }
    if let destination { body(destination, keySpecs[2].flags) }
    return true
  }

  /// MIGRATE's keys are behind KEYS where there is such an option, and then none may be in the usual place.
  private func forEachMigratedKey(_ scan: KeyScan, _ body: (_ index: Int, _ flags: [StaticString]) -> Void) -> Bool {
    guard scan.count > 3 else { return false }
    let options = MigrateOptions(scan)
    if options.fault == .keyBesideKeys && !options.keys.isEmpty { return false }
    for key in options.keys.isEmpty ? 3..<4 : options.keys { body(key, keySpecs[0].flags) }
    return true
  }
}

extension KeySpec {
  private func hasFlag(_ name: StaticString) -> Bool { flags.contains { ByteView($0) == ByteView(name) } }

  /// A flag that says that the key may be there afterwards, with something new.
  static func isWriting(_ flag: StaticString) -> Bool {
    ByteView(flag) == ByteView("update") || ByteView(flag) == ByteView("insert")
  }

  /// A part of the keys cannot be found by the spec alone.
  var isIncomplete: Bool { hasFlag("incomplete") }
  /// Routed like a key, but none (a channel).
  var isNoKey: Bool { hasFlag("not_key") }
  /// What is done with the key depends on the other arguments.
  var hasVariableFlags: Bool { hasFlag("variable_flags") }

  /// Nil when the request does not have what the spec says.
  fileprivate func range(_ scan: KeyScan) -> (first: Int, last: Int, step: Int)? {
    var first: Int
    switch begin {
    case .index(let index): first = index
    case .keyword(let keyword, let start):
      guard let place = Self.place(of: keyword, from: start, scan) else { return nil }
      first = place + 1
    case .unknown: return nil
    }

    let last: Int
    let step: Int
    switch find {
    case .range(let lastKey, let keyStep, let limit):
      step = keyStep
      if lastKey >= 0 {
        last = first + lastKey
      } else if limit == 0 {
        last = scan.count + lastKey
      } else {
        last = first + (scan.count - first) / limit + lastKey
      }
    case .keyNumber(let index, let firstKey, let keyStep):
      step = keyStep
      guard first + index < scan.count, let number = scan[first + index].integer else { return nil }
      first += firstKey
      // More keys than arguments: no need to multiply.
      guard number >= 1 && number <= scan.count else { return nil }
      last = first + (number - 1) * keyStep
    case .unknown: return nil
    }
    guard first < scan.count && last < scan.count && last >= first && step > 0 else { return nil }
    return (first, last, step)
  }

  /// Searches forwards from `start`, or backwards from that far before the end when it is negative.
  private static func place(of keyword: StaticString, from start: Int, _ scan: KeyScan) -> Int? {
    func isKeyword(_ index: Int) -> Bool {
      let argument = scan[index]
      let word = ByteView(keyword)
      guard argument.count == word.count else { return false }
      for i in 0..<word.count where asciiLowercased(argument[i]) != asciiLowercased(word[i]) { return false }
      return true
    }
    if start > 0 { return (start..<max(start, scan.count)).first(where: isKeyword) }
    let last = scan.count + start
    guard last >= 1 else { return nil }
    return (1...last).last(where: isKeyword)
  }
}

// MARK: - COMMAND GETKEYS

extension Engine {
  /// COMMAND GETKEYS command [argument ...], and GETKEYSANDFLAGS
  mutating func commandGetKeysCommand(_ request: Request, withFlags: Bool) {
    let scan = KeyScan(request: request, start: 2)
    guard let index = resolve(scan) else { return reply.error("ERR Invalid command specified") }
    let row = commands.row(index)
    guard row.hasKeys else { return reply.error("ERR The command has no key arguments") }
    guard commands.info(index).accepts(argumentCount: scan.count) else {
      return reply.error("ERR Invalid number of arguments specified for command")
    }
    var keys: [(index: Int, flags: [StaticString])] = []
    guard row.forEachKey(scan, { keys.append(($0, $1)) }) else {
      return reply.error("ERR Invalid arguments specified for command")
    }
    reply.array(keys.count)
    for (index, flags) in keys {
      if withFlags { reply.array(2) }
      reply.bulk(scan[index])
      if withFlags {
        reply.set(flags.count)
        for flag in flags { reply.simple(flag) }
      }
    }
  }

  private func resolve(_ scan: KeyScan) -> CommandIndex? {
    guard let index = commands.lookup(scan[0]) else { return nil }
    return commands.info(index).isContainer && scan.count > 1 ? commands.lookup(scan[1], in: index) : index
  }
}
