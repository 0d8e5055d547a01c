@testable import Needletail

/// An engine without sockets and its first client. The clock stands still until the test moves it.
@safe final class TestServer {
  private let engine: TestEngine
  private var clients: [TestClient] = []

  /// - Parameter sharesFreer: false where bytes in limbo are counted, which are the freer's.
  init(_ settings: Settings = Settings(), nowMilliseconds: Int = 1_700_000_000_000, sharesFreer: Bool = true) {
    // SHUTDOWN would leave a file behind.
    var settings = settings
    if settings.savePoints == Settings().savePoints { settings.savePoints = [] }
    engine = TestEngine(settings, nowMilliseconds: nowMilliseconds, sharesFreer: sharesFreer)
    _ = connect()
  }

  /// The client that `run` speaks for.
  var client: TestClient { clients[0] }

  /// A further client.
  /// - Parameter isRESP3: as if it had said HELLO 3.
  func connect(isRESP3: Bool = false) -> TestClient {
    let client = TestClient(engine, number: clients.count, isRESP3: isRESP3)
    clients.append(client)
    return client
  }

  /// Sends one request and returns its reply.
  @discardableResult
  func run(_ arguments: String...) -> Reply { client.run(arguments.map { Array($0.utf8) }) }

  @discardableResult
  func run(_ arguments: [[UInt8]]) -> Reply { client.run(arguments) }

  var nowMilliseconds: Int { unsafe engine.pointer.pointee.keyspace.nowMilliseconds }

  func advance(milliseconds: Int) { unsafe engine.pointer.pointee.keyspace.setTime(nowMilliseconds + milliseconds) }

  func withEngine<R>(_ body: (inout Engine) throws -> R) rethrows -> R { try unsafe body(&engine.pointer.pointee) }
}

/// Keeps the engine while a server or a client of it is there.
@safe private final class TestEngine {
  let pointer: UnsafeMutablePointer<Engine>
  /// Its thread lives as long as the process, so that all tests share one.
  private static let freer = BackgroundFreer(counters: MemoryCounters())

  init(_ settings: Settings, nowMilliseconds: Int, sharesFreer: Bool) {
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: try! Engine(settings: settings, seed: HashSeed(k0: 1, k1: 2),
      nowMilliseconds: nowMilliseconds, freer: sharesFreer ? Self.freer : nil))
  }

  deinit {
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }
}

@safe final class TestClient {
  private let owner: TestEngine
  private var engine: UnsafeMutablePointer<Engine> { unsafe owner.pointer }
  /// The handle that requests carry.
  let handle: Client
  /// Far above those of the process: nothing is ever done with them.
  private static let firstDescriptor: CInt = 10_000

  fileprivate init(_ owner: TestEngine, number: Int, isRESP3: Bool) {
    self.owner = owner
    let now = unsafe owner.pointer.pointee.keyspace.nowSeconds
    handle = unsafe owner.pointer.pointee.clients.add(descriptor: Self.firstDescriptor + CInt(number))
    handle.state.isRESP3 = isRESP3
    handle.state.isAuthenticated = unsafe owner.pointer.pointee.settings.password.isEmpty
    handle.state.connectedSeconds = now
    handle.state.lastInteractionSeconds = now
  }

  deinit {
    unsafe engine.pointee.endTransaction(handle)
    unsafe handle.state.output.chain.removeAll { _ in }
    unsafe engine.pointee.clients.remove(descriptor: handle.state.connection.descriptor)
    handle.state.connection.abandon()
    handle.free()
  }

  // Copies, since expectations cannot look into what is not copyable.
  var database: Int { handle.database }
  var isRESP3: Bool { handle.state.isRESP3 }
  var closesAfterReply: Bool { handle.state.closesAfterReply }
  var closesAtOnce: Bool { handle.state.closesAtOnce }
  var libName: [UInt8] { handle.state.libName }
  var libVersion: [UInt8] { handle.state.libVersion }

  /// Sends one request and returns its reply, of which there must be exactly one.
  @discardableResult
  func run(_ arguments: String...) -> Reply { run(arguments.map { Array($0.utf8) }) }

  @discardableResult
  func run(_ arguments: [[UInt8]]) -> Reply {
    let replies = ReplyParser.all(in: runRaw(arguments))
    precondition(replies.count == 1, "one request got \(replies.count) replies")
    return replies[0]
  }

  /// Sends one request and returns whatever bytes it is answered with.
  func runRaw(_ arguments: [[UInt8]]) -> [UInt8] {
    // All arguments side by side, as in the read buffer.
    let joined = Array(arguments.joined()) + [0]
    return unsafe joined.withUnsafeBytes { buffer in
      var views: [ByteView] = []
      var offset = 0
      for argument in arguments {
        unsafe views.append(ByteView(buffer.baseAddress! + offset, count: argument.count))
        offset += argument.count
      }
      return unsafe views.withUnsafeBufferPointer { views in unsafe execute(views) }
    }
  }

  private func execute(_ views: UnsafeBufferPointer<ByteView>) -> [UInt8] {
    // As the loop does: the first key is hashed when its batch is prefetched.
    let command = unsafe engine.pointee.commands.lookup(views[0])
    var hashedIndex = -1
    var hash: UInt64 = 0
    if let command {
      if let plan = unsafe engine.pointee.commands.prefetchPlan(command, argumentCount: views.count) {
        hashedIndex = plan.firstKey
        hash = unsafe Key(views[plan.firstKey], engine.pointee.keyspace.seed).hash
      }
    }
    let request = unsafe Request(client: handle, arguments: views.baseAddress!, count: views.count, hash: hash,
      hashedIndex: hashedIndex)
    unsafe engine.pointee.reply.begin(handle.output, isRESP3: handle.state.isRESP3, usesArena: false)
    unsafe engine.pointee.execute(command, request)
    unsafe engine.pointee.reply.end()

    var bytes: [UInt8] = []
    unsafe handle.output.pointee.chain.forEach { chunk in
      bytes += chunk.array
      return true
    }
    unsafe handle.state.output.chain.removeAll {
      unsafe engine.pointee.keyspace.unpin(unsafe StringUnit(raw: $0))
    }
    return bytes
  }
}
