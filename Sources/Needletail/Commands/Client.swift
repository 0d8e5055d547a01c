/// What the server knows of one client beyond its connection.
struct ClientState: ~Copyable {
  var id = 0
  var database = 0
  var isRESP3 = false
  var isAuthenticated = true
  /// Replies end after this command's, then the connection closes.
  var closesAfterReply = false
  var output = ReplyOutput()
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
}
