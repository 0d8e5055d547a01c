/// Requests of one client that wait, in one growing block: those it has queued since MULTI, or those that are held back
/// because clients are paused:
///
///     request | command 2 | hashed index 2 | argument count 4 | hash 8 | lengths 8 x count | arguments |
///
/// An argument takes its bytes rounded up to 8. A large one that was read into an allocation of its own is taken over
/// instead of copied: its length is stored as a complement, its place instead of its bytes.
@safe struct RequestQueue: ~Copyable {
  private static var headBytes: Int { 16 }
  /// A block up to this size is kept for the next transaction.
  private static var keptBytes: Int { 64 << 10 }
  /// What stands for the command of a request that names none.
  private static var noCommand: UInt64 { 0xffff }

  private var block: UnsafeMutableRawPointer
  private var capacity: Int
  private var end = 0
  /// Requests.
  private(set) var count = 0
  private var large = LargeArguments()

  init() {
    capacity = Heap.goodSize(1 << 10)
    unsafe block = Heap.allocate(capacity)
  }

  deinit { unsafe Heap.free(block, capacity) }

  /// Bytes of all that is queued.
  var byteCount: Int { end + large.byteCount }

  /// Memory it takes, large arguments included.
  var heapByteCount: Int { Heap.goodSize(MemoryLayout<RequestQueue>.size) + capacity + large.blockByteCount }

  /// True when the block is worth keeping for another transaction.
  var isSmall: Bool { capacity <= Self.keptBytes }

  mutating func removeAll() {
    end = 0
    count = 0
    large.removeAll()
  }

  /// Adds a request. Complexity: O(its bytes), but for large arguments that `available` holds.
  mutating func append(_ request: Request, _ command: CommandIndex?, takingFrom available: inout LargeArguments) {
    let lengthsBytes = request.count * 8
    reserve(Self.headBytes + lengthsBytes)
    let head = end
    let commandWord = command.map { UInt64($0.rawValue) } ?? Self.noCommand
    store(commandWord | UInt64(UInt16(bitPattern: Int16(clamping: request.hashedIndex))) << 16
      | UInt64(UInt32(request.count)) << 32, at: head)
    store(request.hash, at: head + 8)
    end += Self.headBytes + lengthsBytes
    for index in 0..<request.count {
      let argument = request[index]
      let length = head + Self.headBytes + index * 8
      if available.contains(argument), let taken = available.take(argument) {
        large.append(taken)
        store(~UInt64(taken.byteCount), at: length)
        reserve(8)
        unsafe store(UInt64(UInt(bitPattern: taken.bytes.base)), at: end)
        end += 8
      } else {
        store(UInt64(argument.count), at: length)
        reserve(Self.padded(argument.count))
        unsafe argument.copy(to: block + end)
        end += Self.padded(argument.count)
      }
    }
    count += 1
  }

  /// Appends the request at `position` to `batch` and returns the next one's position; the first one's is 0.
  func read(at position: Int, for client: Client, into batch: inout RequestBatch) -> Int {
    precondition(position >= 0 && position < end)
    let head = load(position)
    let argumentCount = Int(head >> 32)
    let first = batch.arguments.count
    var place = position + Self.headBytes + argumentCount * 8
    for index in 0..<argumentCount {
      let length = Int(bitPattern: UInt(load(position + Self.headBytes + index * 8)))
      if length < 0 {
        let bytes = unsafe UnsafeRawPointer(bitPattern: UInt(load(place)))!
        unsafe batch.arguments.append(ByteView(bytes, count: ~length))
        place += 8
      } else {
        unsafe batch.arguments.append(ByteView(block + place, count: length))
        place += Self.padded(length)
      }
    }
    unsafe batch.append(RequestBatch.Item(client: client, arguments: nil, first: first, count: argumentCount,
      command: head & 0xffff == Self.noCommand ? nil : CommandIndex(Int(head & 0xffff)), hash: load(position + 8),
      hashedIndex: Int(Int16(truncatingIfNeeded: head >> 16))))
    return place
  }

  /// Lends the large arguments to `lent`, or takes back what nobody took.
  mutating func exchangeLargeArguments(with lent: inout LargeArguments) { swap(&large, &lent) }

  @inline(__always)
  private static func padded(_ count: Int) -> Int { (count &+ 7) & ~7 }

  @inline(__always)
  private func store(_ word: UInt64, at offset: Int) {
    unsafe block.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
  }

  @inline(__always)
  private func load(_ offset: Int) -> UInt64 { unsafe block.load(fromByteOffset: offset, as: UInt64.self) }

  @inline(__always)
  private mutating func reserve(_ count: Int) {
    if capacity - end < count { grow(count) }
  }

  @inline(never)
  private mutating func grow(_ count: Int) {
    let size = Heap.goodSize(max(capacity * 2, end + count))
    let larger = unsafe Heap.allocate(size)
    unsafe larger.copyMemory(from: block, byteCount: end)
    unsafe Heap.free(block, capacity)
    unsafe block = larger
    capacity = size
  }
}
