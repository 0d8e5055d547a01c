/// What the server knows of one client beyond its connection.
///
/// Kept within 128 bytes, a size class of the allocator, since there are thousands of idle ones: what few clients have
/// (names) is in a block of its own, and numbers take no more bits than they need.
@safe struct ClientState: ~Copyable {
  /// First, so that its address is the client's.
  var output = ReplyOutput()
  var id = 0
  private var details: UnsafeMutablePointer<ClientDetails>?
  /// Bytes received and sent.
  var inputBytes = 0
  var outputBytes = 0
  var commandsProcessed = 0
  var connection = Connection()
  /// Seconds since 1970 of the last request.
  var lastInteractionSeconds: UInt32 = 0
  /// Seconds since 1970 when it connected.
  var connectedSeconds: UInt32 = 0
  private var databaseWord: UInt32 = 0
  /// The command it sent last; `noCommand`: none, or one that there is not.
  private var lastCommandWord = Self.noCommand
  var isRESP3 = false
  /// Counts only while a password is set.
  var isAuthenticated = true
  /// Between MULTI and EXEC: requests are queued.
  var isQueueing = false
  /// Connected over a Unix socket or from a loopback address.
  var isLocal = false
  /// Replies end after this command's, then the connection closes.
  var closesAfterReply = false
  /// On the turn's list of clients to be written to.
  var isOnWriteList = false
  /// On the list of clients whose kept bytes go first in the next turn.
  var isOnResumeList = false
  /// The connection closes now; what it sent and what waits for it are thrown away.
  var closesAtOnce = false
  /// What the client asked for by CLIENT REPLY, NO-TOUCH and NO-EVICT; empty in most, which execution relies on.
  var modes: ClientModes = []

  private static let noCommand = UInt16.max

  init() { unsafe details = nil }

  deinit {
    precondition(unsafe transaction == nil, "Engine.endTransaction comes first")
    unsafe Self.free(details)
  }

  @inline(__always)
  var database: Int {
    get { Int(databaseWord) }
    set { databaseWord = UInt32(newValue) }
  }

  @inline(__always)
  var lastCommand: CommandIndex? {
    get { lastCommandWord == Self.noCommand ? nil : CommandIndex(Int(lastCommandWord)) }
    set { lastCommandWord = newValue?.rawValue ?? Self.noCommand }
  }

  /// By CLIENT SETNAME; empty: none.
  var name: [UInt8] {
    get { unsafe details?.pointee.name ?? [] }
    set { change { $0.name = newValue } }
  }

  /// By CLIENT SETINFO; empty: unknown.
  var libName: [UInt8] {
    get { unsafe details?.pointee.libName ?? [] }
    set { change { $0.libName = newValue } }
  }

  var libVersion: [UInt8] {
    get { unsafe details?.pointee.libVersion ?? [] }
    set { change { $0.libVersion = newValue } }
  }

  /// Since when the output has been above its soft limit; 0: it is not.
  var softLimitSinceSeconds: UInt32 {
    get { unsafe details?.pointee.softLimitSinceSeconds ?? 0 }
    set { if newValue != softLimitSinceSeconds { change { $0.softLimitSinceSeconds = newValue } } }
  }

  /// While it watches keys or queues requests. The engine makes it and gives it back.
  var transaction: UnsafeMutablePointer<Transaction>? {
    get { unsafe details?.pointee.transaction }
    set { change { unsafe $0.transaction = newValue } }
  }

  /// What the block takes, and the names in it.
  var detailsByteCount: Int {
    guard let details = unsafe details else { return 0 }
    return unsafe Heap.goodSize(MemoryLayout<ClientDetails>.size) + details.pointee.nameByteCount
  }

  /// The block is there while anything in it is.
  private mutating func change(_ body: (inout ClientDetails) -> Void) {
    if unsafe details == nil {
      unsafe details = .allocate(capacity: 1)
      unsafe details!.initialize(to: ClientDetails())
    }
    unsafe body(&details!.pointee)
    guard unsafe details!.pointee.isEmpty else { return }
    unsafe Self.free(details)
    unsafe details = nil
  }

  private static func free(_ details: UnsafeMutablePointer<ClientDetails>?) {
    guard let details = unsafe details else { return }
    unsafe details.deinitialize(count: 1)
    unsafe details.deallocate()
  }
}

@safe private struct ClientDetails {
  var transaction: UnsafeMutablePointer<Transaction>?
  var name: [UInt8] = []
  var libName: [UInt8] = []
  var libVersion: [UInt8] = []
  var softLimitSinceSeconds: UInt32 = 0

  init() { unsafe transaction = nil }

  var isEmpty: Bool { unsafe nameByteCount == 0 && softLimitSinceSeconds == 0 && transaction == nil }
  var nameByteCount: Int { name.count + libName.count + libVersion.count }
}

/// What a client asked for that changes how its commands are run and answered.
struct ClientModes: OptionSet {
  let rawValue: UInt8
  /// CLIENT REPLY OFF: nothing is answered.
  static let repliesOff = ClientModes(rawValue: 1 << 0)
  /// CLIENT REPLY SKIP: the next command is not answered.
  static let skipsNextReply = ClientModes(rawValue: 1 << 1)
  /// CLIENT NO-TOUCH: its commands are no use of the keys they name.
  static let noTouch = ClientModes(rawValue: 1 << 2)
  /// CLIENT NO-EVICT: it is not disconnected to free memory.
  static let noEvict = ClientModes(rawValue: 1 << 3)
  /// MONITOR: it sees every command that the server runs.
  static let monitors = ClientModes(rawValue: 1 << 7)
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
