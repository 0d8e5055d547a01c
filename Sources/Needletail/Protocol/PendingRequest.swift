import Glibc

/// What a connection keeps of what it was sent.
struct InputFootprint {
  var byteCount = 0
  var freeByteCount = 0
  var argumentByteCount = 0
}

/// What a connection keeps while a request has come in part: the bytes left over, how far they are parsed, and large
/// arguments that are read straight into their final allocation. Made when it is needed and given back when it is not,
/// so an idle connection has none.
@safe struct PendingRequest: ~Copyable {
  private static let minimumBytes = 1 << 10
  /// A buffer of this size is kept however little is in it.
  private static let keptBytes = 256 << 10

  var parser = RequestParser()
  var arguments = ArgumentBuffer(capacity: 8)
  private(set) var buffer: UnsafeMutableRawPointer
  private(set) var capacity: Int
  /// Bytes `0 ..< end` of the buffer are filled.
  private(set) var end = 0
  /// Where the request begins that is being read: what lies before is done with.
  private var requestStart = 0
  var largeArguments = LargeArguments()
  /// The large argument that is being read.
  private var incoming: LargeArguments.Argument?
  private var incomingFilled = 0

  /// Takes over the rest of a request that `parser` has read in part.
  ///
  /// - Parameters:
  ///   - rest: from the request's first byte to the last that came.
  ///   - parser: with `position` relative to the start of `rest`.
  ///   - parsed: the request's arguments so far, views into `rest`.
  init(rest: ByteView, parser: RequestParser, parsed: borrowing ArgumentBuffer, from: Int) {
    self.parser = parser
    capacity = Heap.goodSize(max(rest.count * 2, Self.minimumBytes))
    unsafe buffer = Heap.allocate(capacity)
    unsafe rest.copy(to: buffer)
    end = rest.count
    for i in from..<parsed.count { arguments.append(parsed[i]) }
    arguments.rebase(by: unsafe UnsafeRawPointer(buffer) - rest.base) { _ in false }
  }

  /// Takes over bytes of which nothing has been parsed.
  init(rest: ByteView) {
    self.init(rest: rest, parser: RequestParser(), parsed: ArgumentBuffer(capacity: 1), from: 0)
  }

  deinit {
    incoming?.free()
    unsafe Heap.free(buffer, capacity)
  }

  /// Memory it holds, for the limit on a client's query buffer.
  var byteCount: Int {
    end - requestStart + arguments.capacity * MemoryLayout<ByteView>.stride + largeArguments.byteCount + incomingFilled
  }

  /// What it holds, for CLIENT LIST: bytes not yet parsed, room for more, bytes of arguments.
  var footprint: InputFootprint {
    InputFootprint(byteCount: end - parser.position + incomingFilled, freeByteCount: capacity - end,
      argumentByteCount: parser.position - requestStart + largeArguments.byteCount)
  }

  /// All memory it takes. Complexity: O(1).
  var heapByteCount: Int {
    let blocks = largeArguments.blockByteCount + (incoming?.blockBytes ?? 0)
    return Heap.goodSize(MemoryLayout<PendingRequest>.size) + arguments.capacity * MemoryLayout<ByteView>.stride
      + capacity + blocks
  }

  /// Where the next bytes from the socket go. Nil without memory for a large argument.
  mutating func room(minimum: Int) -> (UnsafeMutableRawPointer, Int)? {
    if let length = parser.awaitedLargeArgument {
      guard prepareLarge(length) else { return nil }
      let incoming = incoming!
      return unsafe (incoming.block + LargeArguments.headerBytes + incomingFilled,
        incoming.byteCount + 2 - incomingFilled)
    }
    if capacity - end < minimum { compact() }
    if capacity - end < minimum { move(to: max(capacity * 2, end + minimum)) }
    return unsafe (buffer + end, capacity - end)
  }

  /// `count` bytes have come where `room` said.
  mutating func received(_ count: Int) {
    guard let argument = incoming else {
      end += count
      precondition(end <= capacity)
      return
    }
    incomingFilled += count
    precondition(incomingFilled <= argument.byteCount + 2)
    if incomingFilled == argument.byteCount + 2 { finishLarge(argument) }
  }

  /// Bytes that came by way of another buffer.
  mutating func append(_ bytes: ByteView) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      guard let (place, count) = unsafe room(minimum: rest.count) else { return false }
      let taken = min(count, rest.count)
      unsafe place.copyMemory(from: rest.base, byteCount: taken)
      received(taken)
      rest = rest[taken..<rest.count]
    }
    return true
  }

  /// Takes the next request. Its arguments are in `arguments`.
  mutating func next(_ limits: RequestParser.Limits) throws(ProtocolError) -> RequestParser.Outcome {
    let outcome = unsafe try parser.next(buffer, end: end, limits, into: &arguments)
    if outcome == .nothing { requestStart = parser.position }
    return outcome
  }

  /// The request that `next` found has been executed: forgets its arguments, and its large ones that nobody took.
  mutating func finishRequest() {
    arguments.truncate(0)
    requestStart = parser.position
    largeArguments.removeAll()
  }

  /// True when every byte has been used up.
  var isDrained: Bool { parser.isBetweenRequests && parser.position == end && incoming == nil }

  /// What is left when nothing of the next request has been parsed and it is short.
  func unstartedRest(limit: Int) -> ByteView? {
    guard parser.isBetweenRequests, incoming == nil, end - parser.position <= limit else { return nil }
    return unsafe ByteView(buffer + parser.position, count: end - parser.position)
  }

  /// Forgets the requests that are done with, once they are more than half of the buffer; a buffer that has become far
  /// too large is exchanged for a smaller one. A client that never pauses between two requests has no other moment.
  mutating func compact() {
    let count = end - requestStart
    if capacity > Self.keptBytes && count < capacity / 8 { return move(to: max(count * 2, Self.minimumBytes)) }
    guard requestStart > capacity / 2 else { return }
    unsafe buffer.copyMemory(from: buffer + requestStart, byteCount: count)
    unsafe didMove(to: unsafe buffer)
  }

  /// Gives back room that is not needed until more comes. Not while a request of it runs.
  mutating func shrink() {
    let room = max(arguments.count, 8)
    if arguments.capacity > room * 2 { arguments = arguments.copy(capacity: room) }
    let size = Heap.goodSize(max(end - requestStart, Self.minimumBytes))
    if capacity > size * 2 { move(to: size) }
  }

  // MARK: Large arguments

  /// Makes the allocation and moves what has come of the argument into it.
  private mutating func prepareLarge(_ length: Int) -> Bool {
    if incoming != nil { return true }
    let size = Heap.goodSize(LargeArguments.headerBytes + length + 2)
    guard let block = unsafe Heap.tryAllocate(size) else { return false }
    let present = end - parser.position
    precondition(present < length + 2)
    unsafe (block + LargeArguments.headerBytes).copyMemory(from: buffer + parser.position, byteCount: present)
    end = parser.position
    incomingFilled = present
    // Nothing more comes into the buffer until the argument is whole.
    let head = Heap.goodSize(max(end - requestStart, Self.minimumBytes))
    if capacity > head * 4 { move(to: head) }
    unsafe incoming = LargeArguments.Argument(block: block, blockBytes: size, byteCount: length)
    return true
  }

  private mutating func finishLarge(_ argument: LargeArguments.Argument) {
    arguments.append(argument.bytes)
    largeArguments.append(argument)
    incoming = nil
    incomingFilled = 0
    parser.didReceiveLargeArgument()
  }

  /// Moves what is not done with into a buffer of `wanted` bytes at least.
  private mutating func move(to wanted: Int) {
    let size = Heap.goodSize(wanted)
    let other = unsafe Heap.allocate(size)
    unsafe other.copyMemory(from: buffer + requestStart, byteCount: end - requestStart)
    let old = unsafe buffer
    unsafe didMove(to: other)
    unsafe Heap.free(old, capacity)
    unsafe buffer = other
    capacity = size
  }

  /// The bytes from `requestStart` on are at `place` now.
  private mutating func didMove(to place: UnsafeMutableRawPointer) {
    let distance = unsafe place - (buffer + requestStart)
    arguments.rebase(by: distance) { largeArguments.contains($0) }
    parser.didRemove(requestStart)
    end -= requestStart
    requestStart = 0
  }
}
