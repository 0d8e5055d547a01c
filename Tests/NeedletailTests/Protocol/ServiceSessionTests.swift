import Glibc
import Testing

@testable import Needletail

/// A session at one end of a pair of sockets, and what its peer sends and gets.
@Suite struct ServiceSessionTests {
  private struct Pair: ~Copyable {
    let near: CInt
    let far: CInt

    init() {
      var ends: (CInt, CInt) = (-1, -1)
      let result = unsafe withUnsafeMutableBytes(of: &ends) {
        unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0,
          $0.baseAddress!.assumingMemoryBound(to: CInt.self))
      }
      precondition(result == 0)
      (near, far) = ends
    }

    deinit {
      close(near)
      close(far)
    }

    func send(_ text: String) {
      let count = unsafe Glibc.send(far, text, text.utf8.count, 0)
      precondition(count == text.utf8.count)
    }

    func received() -> String {
      unsafe withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 1) { buffer in
        let count = unsafe recv(far, buffer.baseAddress!, buffer.count, 0)
        return unsafe count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
      }
    }
  }

  /// Answers every request with its own arguments until bytes are needed or one fails.
  private func echo(_ session: inout ServiceSession) -> ServiceSession.Next {
    while true {
      let next = session.nextRequest()
      guard next == .request else { return next }
      for index in 0..<session.argumentCount {
        let copy = Self.array(session.argument(index))
        unsafe session.bulk(copy.span.bytes)
      }
    }
  }

  private static func array(_ bytes: RawSpan) -> [UInt8] { unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) } }

  @Test func requestsInPieces() {
    let pair = Pair()
    var session = ServiceSession(descriptor: pair.near)
    let pieces = ["*2\r\n$1\r\na\r\n$2\r", "\nbc\r\nPI", "NG x\r\n", "*1\r\n$1\r\nz\r\n"]
    let replies = ["", "$1\r\na\r\n$2\r\nbc\r\n", "$4\r\nPING\r\n$1\r\nx\r\n", "$1\r\nz\r\n"]
    for (piece, reply) in zip(pieces, replies) {
      pair.send(piece)
      #expect(session.receive() == .bytes)
      #expect(echo(&session) == .needsBytes)
      #expect(session.send() == .all)
      #expect(pair.received() == reply)
    }
    #expect(session.receive() == .wouldBlock)
  }

  @Test func inputIsGivenBackOnlyBetweenRequests() {
    let pair = Pair()
    var session = ServiceSession(descriptor: pair.near)
    pair.send("PING a\r\nPING ")
    #expect(session.receive() == .bytes)
    #expect(echo(&session) == .needsBytes)
    session.releaseInput()
    pair.send("b\r\n")
    #expect(session.receive() == .bytes)
    #expect(echo(&session) == .needsBytes)
    session.releaseInput()
    #expect(echo(&session) == .needsBytes)
    pair.send("PING c\r\n")
    #expect(session.receive() == .bytes)
    #expect(echo(&session) == .needsBytes)
    #expect(session.send() == .all)
    #expect(pair.received() == ["a", "b", "c"].map { "$4\r\nPING\r\n$1\r\n\($0)\r\n" }.joined())
  }

  @Test(arguments: [-1, 0, 1]) func longestRequest(over: Int) {
    let pair = Pair()
    var session = ServiceSession(descriptor: pair.near)
    let head = "*1\r\n$16372\r\n"
    #expect(head.utf8.count + 16372 + 2 == ServiceSession.requestMaxBytes + 2)
    let length = 16372 - 2 + over
    let argument = String(repeating: "x", count: length)
    pair.send("*1\r\n$\(length)\r\n\(argument)\r\n")
    #expect(session.receive() == .bytes)
    let next = echo(&session)
    #expect(session.send() == .all)
    if over <= 0 {
      #expect(next == .needsBytes)
      #expect(pair.received() == "$\(length)\r\n\(argument)\r\n")
    } else {
      #expect(next == .failed)
      #expect(pair.received() == "-ERR Protocol error: too big request\r\n")
    }
  }

  @Test func aReplyAfterWhatCameBeforeItWasSent() {
    let pair = Pair()
    var session = ServiceSession(descriptor: pair.near)
    pair.send("PING\r\nGET k\r\n")
    #expect(session.receive() == .bytes)
    #expect(session.nextRequest() == .request)
    session.simple("PONG")
    #expect(session.nextRequest() == .request)
    #expect(session.send() == .all)
    #expect(pair.received() == "+PONG\r\n")
    let isGet = session.argument(0, equalsIgnoringCase: "get")
    #expect(isGet)
    session.null()
    #expect(session.nextRequest() == .needsBytes)
    #expect(session.send() == .all)
    #expect(pair.received() == "$-1\r\n")
  }

  @Test func whatIsNoRequest() {
    let pair = Pair()
    var session = ServiceSession(descriptor: pair.near)
    pair.send("PING\r\n*1\r\nx\r\n")
    #expect(session.receive() == .bytes)
    #expect(echo(&session) == .failed)
    #expect(session.send() == .all)
    #expect(pair.received() == "$4\r\nPING\r\n-ERR Protocol error: expected '$', got 'x'\r\n")
  }

  @Test func aPeerThatDoesNotRead() {
    let pair = Pair()
    var session = ServiceSession(descriptor: pair.near)
    let block = [UInt8](repeating: 65, count: 60_000)
    pair.send("PING\r\n")
    #expect(session.receive() == .bytes)
    #expect(session.nextRequest() == .request)
    for _ in 0..<20 { unsafe session.bulk(block.span.bytes) }
    #expect(session.send() == .wouldBlock)
    var received = ""
    while true {
      received += pair.received()
      if session.send() == .all { break }
    }
    received += pair.received()
    #expect(received == String(repeating: "$60000\r\n" + String(repeating: "A", count: 60_000) + "\r\n", count: 20))
  }

  @Test func aPeerThatIsGone() {
    let pair = Pair()
    var session = ServiceSession(descriptor: pair.near)
    pair.send("PING\r\n")
    shutdown(pair.far, CInt(SHUT_RDWR))
    #expect(session.receive() == .bytes)
    #expect(echo(&session) == .needsBytes)
    #expect(session.send() == .failed)
    #expect(session.receive() == .ended)
  }
}
