@testable import Needletail

/// Calls `body` with a view of `bytes`.
func withView<R>(_ bytes: [UInt8], _ body: (ByteView) throws -> R) rethrows -> R {
  // One byte more, so that an empty array has an address too.
  try unsafe (bytes + [0]).withUnsafeBytes { try body(unsafe ByteView($0.baseAddress!, count: bytes.count)) }
}
