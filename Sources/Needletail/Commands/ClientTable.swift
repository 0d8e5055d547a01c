/// All clients, by descriptor.
@safe struct ClientTable: ~Copyable {
  private var slots: UnsafeMutablePointer<Client?>
  private var capacity: Int
  private(set) var count = 0
  private(set) var peakCount = 0
  private var nextID = 1
  private var nextGeneration: UInt32 = 1
  /// One above the largest descriptor a client has ever had.
  private(set) var descriptorLimit = 0

  init() {
    capacity = 64
    unsafe slots = .allocate(capacity: capacity)
    unsafe slots.initialize(repeating: nil, count: capacity)
  }

  deinit { unsafe slots.deallocate() }

  /// The client of `descriptor`. Complexity: O(1).
  @inline(__always)
  func client(_ descriptor: CInt) -> Client? {
    let index = Int(descriptor)
    guard index >= 0 && index < capacity else { return nil }
    return unsafe slots[index]
  }

  /// The client that a token was made for; nil when it is gone. Complexity: O(1).
  @inline(__always)
  func client(_ token: PollToken) -> Client? {
    guard let client = client(token.descriptor), client.state.connection.token == token else { return nil }
    return client
  }

  /// Makes a client for an accepted connection.
  mutating func add(descriptor: CInt) -> Client {
    let index = Int(descriptor)
    if index >= capacity { grow(index + 1) }
    let client = Client.make(ClientState())
    client.state.id = nextID
    client.state.connection = Connection(descriptor: descriptor, generation: nextGeneration)
    nextID += 1
    nextGeneration = nextGeneration &+ 1
    unsafe slots[index] = client
    count += 1
    peakCount = max(peakCount, count)
    descriptorLimit = max(descriptorLimit, index + 1)
    return client
  }

  /// In the order in which they connected. Complexity: O(n log n), for those who ask about clients.
  var all: [Client] {
    var clients: [Client] = []
    clients.reserveCapacity(count)
    for index in 0..<descriptorLimit {
      if let client = unsafe slots[index] { clients.append(client) }
    }
    return clients.sorted { $0.state.id < $1.state.id }
  }

  /// Takes the client out; it lives on until it is freed.
  mutating func remove(descriptor: CInt) {
    guard client(descriptor) != nil else { return }
    unsafe slots[Int(descriptor)] = nil
    count -= 1
  }

  private mutating func grow(_ wanted: Int) {
    let size = max(capacity * 2, wanted)
    let larger = UnsafeMutablePointer<Client?>.allocate(capacity: size)
    unsafe larger.initialize(repeating: nil, count: size)
    unsafe larger.update(from: slots, count: capacity)
    unsafe slots.deallocate()
    unsafe slots = larger
    capacity = size
  }
}
