/// How much memory the clients take, all together, and which of them take most: `maxmemory-clients` ends the
/// connections of those.
///
/// Every client counts with its state (`stateBytes`) and with what it holds beside that (`ClientState.heldByteCount`),
/// as it was when the loop looked last: after it read from the client, and after it wrote to it. The larger ones stand
/// in classes, a power of two each:
///
///     class 0 | 32 KiB to 64 KiB    | client, client ...
///     class 1 | 64 KiB to 128 KiB   | client ...
///     ...
///     class 17 | 4 GiB and more     |
///
/// Putting a client's figure right is O(1), and so is finding one of the largest class.
struct ClientMemory {
  /// What is in the books about one client.
  struct Entry {
    var byteCount = 0
    /// -1: none.
    var sizeClass: Int32 = -1
    var place: Int32 = 0
  }

  private static let classCount = 18
  private static let smallestClassBits = 15

  /// One client's state, and its place in the table of clients.
  static var stateBytes: Int { Heap.goodSize(MemoryLayout<ClientState>.size) + MemoryLayout<Client?>.stride }

  /// Of all clients, what they hold beside their states.
  private(set) var heldByteCount = 0
  private var classes = [[Client]](repeating: [], count: classCount)

  /// Puts what the books have of `client` right. Complexity: O(1).
  @inline(__always)
  mutating func update(_ client: Client) {
    if client.state.holdsNothing { return }
    set(client, client.state.heldByteCount)
  }

  /// The client is closed: what it holds is about to be freed.
  mutating func remove(_ client: Client) {
    if client.state.memoryEntry.byteCount > 0 { set(client, 0) }
  }

  /// A client of the largest class there is; nil when all are small or may not be disconnected.
  var largest: Client? { classes.last { !$0.isEmpty }?.last }

  @inline(never)
  private mutating func set(_ client: Client, _ byteCount: Int) {
    var entry = client.state.memoryEntry
    let sizeClass = client.state.modes.contains(.noEvict) ? -1 : Self.sizeClass(byteCount)
    if byteCount == entry.byteCount && sizeClass == entry.sizeClass { return }
    heldByteCount += byteCount - entry.byteCount
    entry.byteCount = byteCount
    if sizeClass != entry.sizeClass {
      if entry.sizeClass >= 0 { take(client, entry) }
      entry.sizeClass = sizeClass
      if sizeClass >= 0 {
        entry.place = Int32(classes[Int(sizeClass)].count)
        classes[Int(sizeClass)].append(client)
      }
    }
    client.state.memoryEntry = entry
  }

  /// Takes a client out of its class; the last one there moves to its place.
  private mutating func take(_ client: Client, _ entry: Entry) {
    let last = classes[Int(entry.sizeClass)].removeLast()
    if last == client { return }
    classes[Int(entry.sizeClass)][Int(entry.place)] = last
    last.state.memoryEntry.place = entry.place
  }

  private static func sizeClass(_ byteCount: Int) -> Int32 {
    guard byteCount >> smallestClassBits > 0 else { return -1 }
    let bits = Int.bitWidth - 1 - byteCount.leadingZeroBitCount
    return Int32(min(bits - smallestClassBits, classCount - 1))
  }
}

extension Engine {
  /// All clients together.
  var clientMemoryBytes: Int { clients.count * ClientMemory.stateBytes + clientMemory.heldByteCount }

  /// `maxmemory-clients` in bytes; nil: no limit, as with a percentage of no `maxmemory`. Less than 128 KiB would be too
  /// little to talk to the server at all.
  var clientMemoryLimit: Int? {
    let setting = settings.maxMemoryClients
    let limit = setting < 0 ? eviction.limitBytes / 100 * -setting : setting
    return limit > 0 ? max(limit, 128 << 10) : nil
  }
}
