import CSystem
import Glibc

/// A client's socket: what has come in part, and how it is watched. It knows nothing of commands or keys.
@safe struct Connection: ~Copyable {
  /// What keeps a connection's requests from being run.
  struct Holds: OptionSet {
    let rawValue: UInt8
    /// The client has to take its replies first.
    static let replies = Holds(rawValue: 1 << 0)
    /// Clients are paused, and it has sent what has to wait for the end of that.
    static let pause = Holds(rawValue: 1 << 1)
    /// Requests that waited for the end of a pause are run in the next turn.
    static let turn = Holds(rawValue: 1 << 2)

    /// Those behind which requests queue up that have been parsed.
    static let queueing: Holds = [.pause, .turn]
  }

  /// A long request that has come in part; nil most of the time.
  private var pendingBox: UnsafeMutablePointer<PendingRequest>?
  /// Bytes not parsed yet that the next turn's read is put behind: less than a request, or what a turn had no time for.
  private var leftover: UnsafeMutableRawPointer?
  private(set) var descriptor: CInt
  let generation: UInt32
  /// Less than the shared read buffer holds; 32 bits, because every idle connection has it.
  private var leftoverCountWord: UInt32 = 0
  /// Waits for the socket to take more.
  var waitsToWrite = false
  /// Why bytes are read but requests are not run; empty most of the time.
  var holds: Holds = []
  /// No more is read: the client has too much waiting already, or has said all it had to say.
  var stopsReading = false
  /// The peer sends no more. What it asked for before is still served.
  var hasEnded = false
  /// Requests are not run now.
  @inline(__always)
  var isPaused: Bool { !holds.isEmpty }
  /// Closed; freed at the turn's end.
  var isClosed: Bool { descriptor < 0 }

  init(descriptor: CInt = -1, generation: UInt32 = 0) {
    self.descriptor = descriptor
    self.generation = generation
    unsafe pendingBox = nil
    unsafe leftover = nil
  }

  deinit {
    if descriptor >= 0 { Glibc.close(descriptor) }
    if let box = unsafe pendingBox { unsafe Self.free(box) }
    if let leftover = unsafe leftover { unsafe Heap.free(leftover, leftoverCount) }
  }

  var token: PollToken { PollToken(.client, descriptor: descriptor, generation: generation) }

  /// Forgets the descriptor: somebody else has closed it.
  mutating func abandon() { descriptor = -1 }

  mutating func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  // MARK: Left over

  private(set) var leftoverCount: Int {
    get { Int(leftoverCountWord) }
    set { leftoverCountWord = UInt32(newValue) }
  }

  /// Keeps a copy of `bytes` for the next turn.
  mutating func keep(_ bytes: ByteView) {
    precondition(unsafe leftover == nil)
    guard !bytes.isEmpty else { return }
    let block = unsafe Heap.allocate(bytes.count)
    unsafe bytes.copy(to: block)
    unsafe leftover = block
    leftoverCount = bytes.count
  }

  /// Moves what was kept to `place`, which has room for it.
  /// - Returns: how many bytes that were.
  mutating func takeLeftover(to place: UnsafeMutableRawPointer) -> Int {
    guard let block = unsafe leftover else { return 0 }
    let count = leftoverCount
    unsafe place.copyMemory(from: block, byteCount: count)
    unsafe Heap.free(block, count)
    unsafe leftover = nil
    leftoverCount = 0
    return count
  }

  /// True when requests may be among what came in part.
  var keepsInput: Bool { hasPending || leftoverCount > 0 }

  var inputFootprint: InputFootprint {
    if hasPending { return pending.footprint }
    return InputFootprint(byteCount: leftoverCount)
  }

  /// Memory of what came in part. Complexity: O(1).
  @inline(__always)
  var inputHeapByteCount: Int {
    if hasPending { return pending.heapByteCount }
    return leftoverCount == 0 ? 0 : Heap.goodSize(leftoverCount)
  }

  // MARK: Pending request

  var hasPending: Bool { unsafe pendingBox != nil }

  /// The pending request, which exists.
  var pending: PendingRequest {
    @inline(__always) _read { yield unsafe pendingBox!.pointee }
    @inline(__always) _modify { yield unsafe &pendingBox!.pointee }
  }

  /// Its address, which stays until `dropPending`.
  var pendingPointer: UnsafeMutablePointer<PendingRequest> { unsafe pendingBox! }

  mutating func setPending(_ request: consuming PendingRequest) {
    precondition(unsafe pendingBox == nil)
    let size = MemoryLayout<PendingRequest>.size
    unsafe pendingBox = Heap.allocate(size).bindMemory(to: PendingRequest.self, capacity: 1)
    unsafe pendingBox!.initialize(to: request)
  }

  mutating func dropPending() {
    if let box = unsafe pendingBox { unsafe Self.free(box) }
    unsafe pendingBox = nil
  }

  /// Gives back room for more of a request that has stopped coming.
  mutating func shrink(idleSeconds: Int) {
    if hasPending && idleSeconds >= 2 { pending.shrink() }
  }

  private static func free(_ box: UnsafeMutablePointer<PendingRequest>) {
    unsafe box.deinitialize(count: 1)
    unsafe Heap.free(UnsafeMutableRawPointer(box), MemoryLayout<PendingRequest>.size)
  }

  // MARK: Bytes

  /// Reads once. `.bytes(0)` is the peer's end.
  @inline(__always)
  func receive(_ place: UnsafeMutableRawPointer, _ count: Int) throws(SystemError) -> IOOutcome {
    try retrying("recv") { unsafe recv(descriptor, place, count, 0) }
  }

  /// Sends once.
  @inline(__always)
  func send(_ bytes: ByteView) throws(SystemError) -> IOOutcome {
    try retrying("send") { unsafe Glibc.send(descriptor, bytes.base, bytes.count, CInt(MSG_NOSIGNAL)) }
  }

  /// Several pieces are sent this much at once, so that whoever sends can look at the clock in between.
  private static var sendMaxBytes: Int { 1 << 20 }

  /// Sends several pieces at once, once: what the arena holds, then the chain.
  func send(_ first: ByteView, _ chain: borrowing OutputChain) throws(SystemError) -> IOOutcome {
    var pieces = InlineArray<64, (UInt, Int)>(repeating: (0, 0))
    var count = 0
    var room = Self.sendMaxBytes
    func add(_ bytes: ByteView) -> Bool {
      guard count < 64 && room > 0 else { return false }
      pieces[count] = (UInt(bitPattern: unsafe bytes.base), min(bytes.count, room))
      room -= min(bytes.count, room)
      count += 1
      return true
    }
    if !first.isEmpty { _ = add(first) }
    chain.forEach(add)
    return try unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: 64) { vectors throws(SystemError) in
      for i in 0..<count {
        unsafe (vectors.baseAddress! + i).initialize(to: iovec(
          iov_base: UnsafeMutableRawPointer(bitPattern: pieces[i].0), iov_len: pieces[i].1))
      }
      var message = unsafe msghdr()
      unsafe message.msg_iov = vectors.baseAddress
      unsafe message.msg_iovlen = count
      return try retrying("sendmsg") { unsafe sendmsg(descriptor, &message, CInt(MSG_NOSIGNAL)) }
    }
  }

  /// Switches Nagle's delay off and keep-alive on (`seconds` 0: off). No effect on Unix sockets.
  func configure(keepaliveSeconds seconds: Int) {
    Listener.setOption(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    guard seconds > 0 else { return }
    Listener.setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
    Listener.setOption(descriptor, CInt(IPPROTO_TCP), TCP_KEEPIDLE, CInt(clamping: seconds))
    Listener.setOption(descriptor, CInt(IPPROTO_TCP), TCP_KEEPINTVL, CInt(clamping: max(1, seconds / 3)))
    Listener.setOption(descriptor, CInt(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }

  /// True when the peer is on this machine.
  var isLocal: Bool {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getpeername(descriptor, $0, &length) }
    }
    guard result == 0 else { return false }
    let family = CInt(address.ss_family)
    return unsafe withUnsafeBytes(of: &address) { bytes in
      switch family {
      case AF_UNIX: true
      case AF_INET: unsafe bytes[4] == 127
      case AF_INET6: unsafe Self.isLoopback6(bytes)
      default: false
      }
    }
  }

  private static func isLoopback6(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let address = unsafe bytes[8..<24]
    let isPlain = unsafe address.dropLast().allSatisfy { $0 == 0 } && address.last == 1
    // IPv4 mapped: ::ffff:127.0.0.0/8.
    let isMapped = unsafe address.prefix(10).allSatisfy { $0 == 0 } && bytes[18] == 0xff && bytes[19] == 0xff
      && bytes[20] == 127
    return isPlain || isMapped
  }
}
