/// Error replies that many commands give, and other ways to put one together.
extension ReplyWriter {
  /// As `error(_: String)`, for bytes that need not be UTF-8.
  mutating func error(_ text: [UInt8]) {
    unsafe text.withUnsafeBytes { buffer in
      error(unsafe buffer.baseAddress.map { unsafe ByteView($0, count: buffer.count) } ?? .empty)
    }
  }

  /// The answer to bytes that are no request.
  mutating func protocolError(_ reason: ProtocolError) {
    error { text in
      text.append("ERR Protocol error: ")
      text.append(reason.text)
      if case .expectedDollar(let byte) = reason {
        text.append(byte: byte)
        text.append("'")
      }
    }
  }

  /// As `error(_: ByteView)`, for a text put together from literals and a client's own bytes. Allocates nothing.
  mutating func error(_ build: (inout ErrorText) -> Void) {
    unsafe withUnsafeTemporaryAllocation(byteCount: ErrorText.capacity, alignment: 1) { buffer in
      var text = unsafe ErrorText(buffer)
      build(&text)
      error(text.bytes)
    }
  }

  mutating func wrongType() { error("WRONGTYPE Operation against a key holding the wrong kind of value") }
  mutating func syntaxError() { error("ERR syntax error") }
  mutating func noSuchKey() { error("ERR no such key") }
  mutating func notAnInteger() { error("ERR value is not an integer or out of range") }
}
