import Glibc

/// One connection of a small service that speaks RESP: its socket's bytes to requests, replies to its socket. What the
/// server itself does over all its clients at once (one read buffer, one arena, batches) this does for one, so that
/// programs that serve each connection by a thread or a process of its own can share the protocol: `tools/c10k`.
///
///     receive -> nextRequest, argument, reply ... nextRequest -> send
///
/// Works with sockets that block and with others. It does not own the descriptor.
@safe package struct ServiceSession: ~Copyable {
  /// A request may take this many bytes, lengths and line ends included.
  package static let requestMaxBytes = 16 << 10

  package enum Received { case bytes, wouldBlock, ended }
  package enum Next { case request, needsBytes, failed }
  package enum Sent { case all, wouldBlock, failed }

  private let descriptor: CInt
  /// Nil while nothing of a request is there, when `releaseInput` was called.
  private var input: UnsafeMutableRawPointer?
  private var inputCount = 0
  private var parser = RequestParser()
  private var arguments = ArgumentBuffer(capacity: 4)
  private var writer = ReplyWriter(withoutArena: ())
  private let output: UnsafeMutablePointer<ReplyOutput>
  private var isWriting = false

  /// - Parameter descriptor: a connected socket, which outlives the session.
  package init(descriptor: CInt) {
    self.descriptor = descriptor
    unsafe input = nil
    unsafe output = .allocate(capacity: 1)
    unsafe output.initialize(to: ReplyOutput())
  }

  deinit {
    if let input = unsafe input { unsafe Heap.free(input, Self.requestMaxBytes) }
    unsafe output.pointee.chain.removeAll { _ in }
    unsafe output.deinitialize(count: 1)
    unsafe output.deallocate()
  }

  // MARK: Requests

  /// Reads once. Call it when `nextRequest` needs bytes.
  package mutating func receive() -> Received {
    removeParsed()
    let place = unsafe inputBuffer()
    while true {
      let count = unsafe recv(descriptor, place + inputCount, Self.requestMaxBytes - inputCount, 0)
      if count > 0 {
        inputCount += count
        return .bytes
      }
      if count < 0 && errno == EINTR { continue }
      return count < 0 && errno == EAGAIN ? .wouldBlock : .ended
    }
  }

  /// Takes the next request from what was read. After `failed` the error has been answered: send it and close.
  /// Complexity: O(the request's bytes); again for each piece it comes in.
  package mutating func nextRequest() -> Next {
    guard let input = unsafe input else { return .needsBytes }
    while true {
      let start = parser.position
      arguments.truncate(0)
      do throws(ProtocolError) {
        let limits = RequestParser.Limits(bulkMaxBytes: Self.requestMaxBytes, isAuthenticated: true)
        switch try unsafe parser.next(input, end: inputCount, limits, into: &arguments) {
        case .complete: return .request
        case .nothing: continue
        case .incomplete:
          // From its beginning, when more has come: its arguments would have to move with the bytes.
          parser = RequestParser(position: start)
          guard inputCount - start == Self.requestMaxBytes else { return .needsBytes }
          error("ERR Protocol error: too big request")
          return .failed
        }
      } catch {
        beginReplies()
        writer.protocolError(error)
        return .failed
      }
    }
  }

  package var argumentCount: Int { arguments.count }

  /// An argument of the request taken last.
  @_lifetime(borrow self)
  package func argument(_ index: Int) -> RawSpan {
    let view = arguments[index]
    let bytes = unsafe UnsafeRawBufferPointer(start: view.base, count: view.count)
    return unsafe _overrideLifetime(bytes.bytes, borrowing: self)
  }

  package func argument(_ index: Int, equalsIgnoringCase lowercase: StaticString) -> Bool {
    arguments[index].equalsIgnoringCase(lowercase)
  }

  /// Gives the read buffer back when nothing of a request is in it, as is so for most of many connections.
  package mutating func releaseInput() {
    guard let block = unsafe input, parser.position == inputCount else { return }
    unsafe Heap.free(block, Self.requestMaxBytes)
    unsafe input = nil
    inputCount = 0
    parser = RequestParser()
  }

  private mutating func inputBuffer() -> UnsafeMutableRawPointer {
    if let input = unsafe input { return unsafe input }
    let block = unsafe Heap.allocate(Self.requestMaxBytes)
    unsafe input = block
    return unsafe block
  }

  private mutating func removeParsed() {
    guard let input = unsafe input, parser.position > 0 else { return }
    inputCount -= parser.position
    unsafe memmove(input, input + parser.position, inputCount)
    parser = RequestParser()
  }

  // MARK: Replies

  package mutating func ok() {
    beginReplies()
    writer.ok()
  }

  package mutating func null() {
    beginReplies()
    writer.null()
  }

  package mutating func emptyArray() {
    beginReplies()
    writer.array(0)
  }

  package mutating func simple(_ text: StaticString) {
    beginReplies()
    writer.simple(text)
  }

  package mutating func error(_ text: StaticString) {
    beginReplies()
    writer.error(text)
  }

  package mutating func bulk(_ bytes: RawSpan) {
    beginReplies()
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return writer.bulk(.empty) }
      writer.bulk(unsafe ByteView(base, count: buffer.count))
    }
  }

  /// Sends what was answered, as far as the socket takes it; the rest waits for another call.
  package mutating func send() -> Sent {
    if isWriting { writer.end() }
    isWriting = false
    // Read once: for the thread sanitizer the compiler makes code that does not verify of reading it for each use.
    let output = unsafe output
    while true {
      var first = ByteView.empty
      unsafe output.pointee.chain.forEach { bytes in
        first = bytes
        return false
      }
      if first.isEmpty { return .all }
      let count = unsafe Glibc.send(descriptor, first.base, first.count, CInt(MSG_NOSIGNAL))
      if count >= 0 {
        unsafe output.pointee.chain.consume(count) { _ in }
      } else if errno != EINTR {
        return errno == EAGAIN ? .wouldBlock : .failed
      }
    }
  }

  /// A reply may also follow what was sent in between: the answer to a request that took long.
  private mutating func beginReplies() {
    if isWriting { return }
    unsafe writer.begin(output, isRESP3: false, usesArena: false)
    isWriting = true
  }
}
