/// Which clients CLIENT LIST and CLIENT KILL mean: those to which all conditions apply.
struct ClientFilter {
  enum Kind {
    case id, type, user, address, localAddress, ip, name, flags, libName, libVersion, database, capabilities
    case age, idle
  }

  enum Value {
    case numbers(Set<Int>)
    case type(ClientType)
    case bytes([UInt8])
    /// This many or more.
    case atLeast(Int)
  }

  struct Condition {
    let kind: Kind
    /// `NOT-` was in front: the condition must not apply.
    let isNegated: Bool
    let value: Value
  }

  private(set) var conditions: [Condition] = []
  /// Whether the client that asks is left out.
  var skipsSelf = false

  init(skipsSelf: Bool) { self.skipsSelf = skipsSelf }

  /// `CLIENT KILL address`, which may be the client's own.
  init(address: [UInt8]) {
    set(Condition(kind: .address, isNegated: false, value: .bytes(address)))
  }

  /// A condition given twice counts as it was given last.
  mutating func set(_ condition: Condition) {
    conditions.removeAll { $0.kind == condition.kind && $0.isNegated == condition.isNegated }
    conditions.append(condition)
  }
}

extension Engine {
  func matches(_ client: Client, _ filter: ClientFilter, _ request: Request) -> Bool {
    if filter.skipsSelf && client == request.client { return false }
    return filter.conditions.allSatisfy { applies($0, client) != $0.isNegated }
  }

  private func applies(_ condition: ClientFilter.Condition, _ client: Client) -> Bool {
    switch condition.value {
    case .numbers(let numbers):
      return numbers.contains(condition.kind == .database ? client.database : client.state.id)
    case .type(let type):
      return client.state.type == type
    case .atLeast(let limit):
      let start = condition.kind == .age ? client.state.connectedSeconds : client.state.lastInteractionSeconds
      return seconds(since: start, keyspace.nowSeconds) >= limit
    case .bytes(let bytes):
      return applies(condition.kind, bytes, client)
    }
  }

  private func applies(_ kind: ClientFilter.Kind, _ bytes: [UInt8], _ client: Client) -> Bool {
    let unixPath = settings.unixSocketPath
    switch kind {
    case .address: return client.state.connection.peerAddress(unixPath: unixPath).text == bytes
    case .localAddress: return client.state.connection.localAddress(unixPath: unixPath).text == bytes
    case .ip: return client.state.connection.peerAddress(unixPath: unixPath).host == bytes
    case .name: return client.state.name == bytes
    case .libName: return client.state.libName == bytes
    case .libVersion: return client.state.libVersion == bytes
    case .flags:
      let isUnix = client.state.connection.peerAddress(unixPath: unixPath).isUnix
      let flags = client.state.flags(isUnixSocket: isUnix)
      return bytes.allSatisfy { flags.contains($0) }
    // There is one user, and no client declares a capability.
    case .user: return true
    case .capabilities: return bytes.isEmpty
    case .id, .type, .database, .age, .idle: preconditionFailure("no text")
    }
  }
}

/// Why a filter was refused, in Redis's words.
struct ClientFilterError: Error {
  let text: [UInt8]
  init(_ text: String) { self.text = Array(text.utf8) }

  /// `before` argument `after`; as elsewhere, a text ends at a zero byte.
  init(_ before: String, _ argument: ByteView, _ after: String) {
    text = Array(before.utf8) + argument.array.prefix { $0 != 0 } + Array(after.utf8)
  }

  static var syntax: ClientFilterError { ClientFilterError("ERR syntax error") }
}

/// Reads `name value` pairs. Redis 8.2.3 knows some of them for KILL and TYPE and ID for LIST; here both know all.
struct ClientFilterParser {
  private let request: Request
  private var index: Int
  private let isForKill: Bool
  private let databaseCount: Int
  private var result: ClientFilter

  init(_ request: Request, index: Int, isForKill: Bool, databaseCount: Int) {
    self.request = request
    self.index = index
    self.isForKill = isForKill
    self.databaseCount = databaseCount
    result = ClientFilter(skipsSelf: isForKill)
  }

  mutating func filter() throws(ClientFilterError) -> ClientFilter {
    while index < request.count {
      guard index + 1 < request.count else { throw .syntax }
      if request[index].equalsIgnoringCase("skipme") {
        result.skipsSelf = try yesOrNo(request[index + 1])
        index += 2
      } else {
        try readCondition()
      }
    }
    return result
  }

  private mutating func readCondition() throws(ClientFilterError) {
    var name = request[index]
    let isNegated = name.count > 4 && name[0..<4].equalsIgnoringCase("not-")
    if isNegated { name = name[4..<name.count] }
    guard let kind = kind(name, isNegated: isNegated) else { throw .syntax }
    if kind == .id {
      let ids = try readIDs()
      return result.set(ClientFilter.Condition(kind: .id, isNegated: isNegated, value: .numbers(ids)))
    }
    let value = try value(kind, request[index + 1])
    result.set(ClientFilter.Condition(kind: kind, isNegated: isNegated, value: value))
    index += 2
  }

  private func kind(_ name: ByteView, isNegated: Bool) -> ClientFilter.Kind? {
    let names: [(StaticString, ClientFilter.Kind)] = [
      ("id", .id), ("type", .type), ("user", .user), ("addr", .address), ("laddr", .localAddress), ("ip", .ip),
      ("name", .name), ("flags", .flags), ("lib-name", .libName), ("lib-ver", .libVersion), ("db", .database),
      ("capa", .capabilities), ("maxage", .age), ("idle", .idle),
    ]
    guard let kind = names.first(where: { name.equalsIgnoringCase($0.0) })?.1 else { return nil }
    // The opposite of "for so long at least" has no name.
    return isNegated && (kind == .age || kind == .idle) ? nil : kind
  }

  /// The numbers behind ID, one at least, up to what is none.
  private mutating func readIDs() throws(ClientFilterError) -> Set<Int> {
    var ids: Set<Int> = []
    index += 1
    while index < request.count, let id = request[index].integer {
      if isForKill && id < 1 { throw ClientFilterError("ERR client-id should be greater than 0") }
      ids.insert(id)
      index += 1
    }
    if ids.isEmpty {
      throw ClientFilterError(isForKill ? "ERR client-id should be greater than 0" : "ERR Invalid client ID")
    }
    // LIST takes whatever stands among numbers for one, unless it begins another condition.
    if !isForKill && index < request.count && !beginsCondition(request[index]) {
      throw ClientFilterError("ERR Invalid client ID")
    }
    return ids
  }

  private func beginsCondition(_ name: ByteView) -> Bool {
    if name.equalsIgnoringCase("skipme") { return true }
    let isNegated = name.count > 4 && name[0..<4].equalsIgnoringCase("not-")
    return kind(isNegated ? name[4..<name.count] : name, isNegated: isNegated) != nil
  }

  private func value(_ kind: ClientFilter.Kind, _ argument: ByteView) throws(ClientFilterError) -> ClientFilter.Value {
    switch kind {
    case .type:
      guard let type = ClientType(argument) else { throw ClientFilterError("ERR Unknown client type '", argument, "'") }
      return .type(type)
    case .age: return .atLeast(try seconds(argument, "maxage"))
    case .idle: return .atLeast(try seconds(argument, "idle"))
    case .database:
      guard let database = argument.integer else {
        throw ClientFilterError("ERR value is not an integer or out of range")
      }
      guard database >= 0 && database < databaseCount else { throw ClientFilterError("ERR DB index is out of range") }
      return .numbers([database])
    case .user:
      guard argument == ByteView("default") else { throw ClientFilterError("ERR No such user '", argument, "'") }
      return .bytes(argument.array)
    case .flags:
      try judge(argument, allowed: "ANOSMPxbtRBducUreTI", "ERR Unknown flags found in the provided filter: ")
      return .bytes(argument.array)
    case .capabilities:
      try judge(argument, allowed: "r", "ERR Unknown capa found in the provided filter: ")
      return .bytes(argument.array)
    case .id, .address, .localAddress, .ip, .name, .libName, .libVersion:
      return .bytes(argument.array)
    }
  }

  private func seconds(_ argument: ByteView, _ name: String) throws(ClientFilterError) -> Int {
    guard let number = argument.integer else {
      throw ClientFilterError("ERR \(name) is not an integer or out of range")
    }
    guard number > 0 else { throw ClientFilterError("ERR \(name) should be greater than 0") }
    return number
  }

  private func judge(_ letters: ByteView, allowed: String, _ text: String) throws(ClientFilterError) {
    let isKnown = letters.array.allSatisfy { allowed.utf8.contains($0) }
    if !isKnown { throw ClientFilterError(text, letters, "") }
  }

  private func yesOrNo(_ argument: ByteView) throws(ClientFilterError) -> Bool {
    if argument.equalsIgnoringCase("yes") { return true }
    if argument.equalsIgnoringCase("no") { return false }
    throw .syntax
  }
}
