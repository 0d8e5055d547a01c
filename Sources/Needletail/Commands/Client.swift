/// What the server knows of one client beyond its connection.
struct ClientState: ~Copyable {
  /// First, so that its address is the client's.
  var output = ReplyOutput()
  var id = 0
  var database = 0
  var isRESP3 = false
  var isAuthenticated = true
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
