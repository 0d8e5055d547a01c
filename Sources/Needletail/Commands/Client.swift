/// What the server knows of one client beyond its connection.
///
/// Kept small, since there are thousands of idle ones: what few clients have (names) is in a block of its own.
@safe struct ClientState: ~Copyable {
  /// First, so that its address is the client's.
  var output = ReplyOutput()
  var id = 0
  var database = 0
  private var details: UnsafeMutablePointer<ClientDetails>?
  /// While it watches keys or queues requests. The engine makes it and gives it back.
  var transaction: UnsafeMutablePointer<Transaction>?
  var isRESP3 = false
  /// Counts only while a password is set.
  var isAuthenticated = true
  /// Between MULTI and EXEC: requests are queued.
  var isQueueing = false
  /// Connected over a Unix socket or from a loopback address.
  var isLocal = false
  /// Replies end after this command's, then the connection closes.
  var closesAfterReply = false
  var connection = Connection()
  /// Seconds since 1970 of the last request.
  var lastInteractionSeconds: UInt32 = 0
  /// Since when the output has been above its soft limit; 0: it is not.
  var softLimitSinceSeconds: UInt32 = 0
  /// On the turn's list of clients to be written to.
  var isOnWriteList = false
  /// On the list of clients whose kept bytes go first in the next turn.
  var isOnResumeList = false
  /// The connection closes now; what it sent and what waits for it are thrown away.
  var closesAtOnce = false

  init() {
    unsafe details = nil
    unsafe transaction = nil
  }

  deinit {
    precondition(unsafe transaction == nil, "Engine.endTransaction comes first")
    unsafe Self.free(details)
  }

  /// By CLIENT SETNAME; empty: none.
  var name: [UInt8] {
    get { unsafe details?.pointee.name ?? [] }
    set { change { $0.name = newValue } }
  }

  /// By CLIENT SETINFO; empty: unknown.
  var libraryName: [UInt8] {
    get { unsafe details?.pointee.libraryName ?? [] }
    set { change { $0.libraryName = newValue } }
  }

  var libraryVersion: [UInt8] {
    get { unsafe details?.pointee.libraryVersion ?? [] }
    set { change { $0.libraryVersion = newValue } }
  }

  /// The block is there while anything in it is.
  private mutating func change(_ body: (inout ClientDetails) -> Void) {
    var changed = unsafe details?.pointee ?? ClientDetails()
    body(&changed)
    unsafe Self.free(details)
    unsafe details = nil
    guard !changed.isEmpty else { return }
    let block = UnsafeMutablePointer<ClientDetails>.allocate(capacity: 1)
    unsafe block.initialize(to: changed)
    unsafe details = block
  }

  private static func free(_ details: UnsafeMutablePointer<ClientDetails>?) {
    guard let details = unsafe details else { return }
    unsafe details.deinitialize(count: 1)
    unsafe details.deallocate()
  }
}

private struct ClientDetails {
  var name: [UInt8] = []
  var libraryName: [UInt8] = []
  var libraryVersion: [UInt8] = []

  var isEmpty: Bool { name.isEmpty && libraryName.isEmpty && libraryVersion.isEmpty }
}

/// A handle to a client: a pointer, no reference counting.
@safe struct Client {
  private let pointer: UnsafeMutablePointer<ClientState>
  init(_ pointer: UnsafeMutablePointer<ClientState>) { unsafe self.pointer = pointer }
  var state: ClientState {
    @inline(__always) _read { yield unsafe pointer.pointee }
    @inline(__always) nonmutating _modify { yield unsafe &pointer.pointee }
  }
  @inline(__always) var database: Int { unsafe pointer.pointee.database }

  /// For the reply writer, which holds on to the output between `begin` and `end`.
  @inline(__always)
  var output: UnsafeMutablePointer<ReplyOutput> {
    unsafe UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: ReplyOutput.self)
  }

  @inline(__always)
  static func == (a: Client, b: Client) -> Bool { unsafe a.pointer == b.pointer }

  static func make(_ state: consuming ClientState) -> Client {
    let pointer = unsafe Heap.allocate(MemoryLayout<ClientState>.size).bindMemory(to: ClientState.self, capacity: 1)
    unsafe pointer.initialize(to: state)
    return unsafe Client(pointer)
  }

  /// Nobody may use the client after this.
  func free() {
    unsafe pointer.deinitialize(count: 1)
    unsafe Heap.free(UnsafeMutableRawPointer(pointer), MemoryLayout<ClientState>.size)
  }
}
