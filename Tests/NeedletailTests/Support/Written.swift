@testable import Needletail

/// A writer and one receiver of its replies.
@safe final class Written {
  private let writer: UnsafeMutablePointer<ReplyWriter>
  private let receivers: UnsafeMutablePointer<ReplyOutput>
  private let receiverCount: Int
  /// Units that were unpinned, by number.
  var unpinned: [Int] = []

  init(receivers count: Int = 1) {
    unsafe writer = .allocate(capacity: 1)
    unsafe writer.initialize(to: ReplyWriter())
    unsafe receivers = .allocate(capacity: count)
    for index in 0..<count { unsafe (receivers + index).initialize(to: ReplyOutput()) }
    receiverCount = count
  }

  deinit {
    for index in 0..<receiverCount { unsafe receivers[index].chain.removeAll { _ in } }
    unsafe receivers.deinitialize(count: receiverCount)
    unsafe receivers.deallocate()
    unsafe writer.deinitialize(count: 1)
    unsafe writer.deallocate()
  }

  func write(to index: Int = 0, isRESP3: Bool = false, usesArena: Bool = true, _ body: (inout ReplyWriter) -> Void) {
    unsafe writer.pointee.begin(receivers + index, isRESP3: isRESP3, usesArena: usesArena)
    unsafe body(&writer.pointee)
    unsafe writer.pointee.end()
  }

  func discard(_ body: (inout ReplyWriter) -> Void) {
    unsafe writer.pointee.beginDiscarding(isRESP3: false)
    unsafe body(&writer.pointee)
    unsafe writer.pointee.end()
  }

  var arenaUsed: Int { unsafe writer.pointee.arenaUsed }
  func byteCount(_ index: Int = 0) -> Int { unsafe receivers[index].byteCount }
  func arenaCount(_ index: Int = 0) -> Int { unsafe receivers[index].arenaCount }

  /// All that waits for a receiver, in order.
  func bytes(_ index: Int = 0) -> [UInt8] {
    let output = unsafe receivers + index
    var bytes = unsafe writer.pointee.arenaBytes(start: output.pointee.arenaStart,
      count: output.pointee.arenaCount).array
    unsafe output.pointee.chain.forEach { chunk in
      bytes += chunk.array
      return true
    }
    return bytes
  }

  /// As the server does after a write that took `count` bytes: the rest leaves the arena.
  func send(_ count: Int, from index: Int = 0) {
    let output = unsafe receivers + index
    let fromArena = unsafe min(count, output.pointee.arenaCount)
    unsafe output.pointee.arenaStart += fromArena
    unsafe output.pointee.arenaCount -= fromArena
    unsafe output.pointee.chain.consume(count - fromArena) { unit in unpinned.append(Int(bitPattern: unit)) }
    let rest = unsafe output.pointee.arenaCount
    guard rest > 0 else { return }
    unsafe output.pointee.chain.prepend(writer.pointee.arenaBytes(start: output.pointee.arenaStart, count: rest))
    unsafe output.pointee.arenaCount = 0
  }

  func resetArena() { unsafe writer.pointee.resetArena() }

  static func bytes(isRESP3: Bool = false, usesArena: Bool = true, _ body: (inout ReplyWriter) -> Void) -> [UInt8] {
    let written = Written()
    written.write(isRESP3: isRESP3, usesArena: usesArena, body)
    return written.bytes()
  }
}
