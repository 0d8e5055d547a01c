/// Requests parsed and not yet executed, from one or several connections, so that their cache misses overlap.
@safe struct RequestBatch: ~Copyable {
  static let limit = 32

  @safe struct Item {
    let client: Client
    /// The arguments of a request that came in part; nil: they are in `arguments` from `first` on.
    let arguments: UnsafePointer<ByteView>?
    let first: Int
    let count: Int
    let command: CommandIndex?
    /// Hash of the argument at `hashedIndex`; -1: none was hashed.
    let hash: UInt64
    let hashedIndex: Int
    /// The argument that names an element of that key's collection; 0: none does.
    var elementIndex = 0
  }

  var arguments = ArgumentBuffer(capacity: 256)
  private let items: UnsafeMutablePointer<Item>
  private(set) var count = 0
  /// The request that is being executed, for a crash report; -1: none is.
  var executing = -1
  /// The key that was hashed last: many clients send one request after the other to the same key.
  private(set) var lastKey = ByteView.empty
  private(set) var lastHash: UInt64 = 0
  /// Requests that name an element.
  private(set) var elementCount = 0

  init() { unsafe items = .allocate(capacity: Self.limit) }
  deinit { unsafe items.deallocate() }

  var isFull: Bool { count == Self.limit }

  @inline(__always)
  mutating func append(_ item: Item) {
    precondition(count < Self.limit)
    unsafe (items + count).initialize(to: item)
    count &+= 1
    if item.elementIndex > 0 { elementCount &+= 1 }
  }

  /// Remembers the hash of a key that lives as long as the batch.
  @inline(__always)
  mutating func remember(_ key: ByteView, _ hash: UInt64) {
    lastKey = key
    lastHash = hash
  }

  @inline(__always)
  subscript(index: Int) -> Item {
    precondition(index >= 0 && index < count)
    return unsafe items[index]
  }

  @inline(__always)
  func request(_ item: Item) -> Request {
    let arguments = unsafe item.arguments ?? UnsafePointer(self.arguments.base + item.first)
    return unsafe Request(client: item.client, arguments: arguments, count: item.count, hash: item.hash,
      hashedIndex: item.hashedIndex)
  }

  mutating func removeAll() {
    count = 0
    executing = -1
    elementCount = 0
    lastKey = .empty
    arguments.truncate(0)
  }
}
