@testable import Needletail

/// Follows replies byte by byte, in pieces of any size, and traps on what is no valid RESP. Allocates nothing.
struct RESPCheck {
  enum Allowed { case resp2, resp3, both }

  private enum State {
    case type
    /// A status or an error: text up to CR.
    case text
    /// A number up to CR, of a type whose value it may matter to.
    case number(UInt8)
    case lineFeed
    /// Bytes of a string, its CR and LF not counted.
    case bytes(Int)
    case carriageReturn
  }

  private let allowed: Allowed
  private var state = State.type
  private var value = 0
  private var isNegative = false
  /// Elements of the current reply still to come, itself among them.
  private var missing = 0
  /// What follows the line feed.
  private var afterLine = State.type
  private(set) var replyCount = 0

  init(_ allowed: Allowed) { self.allowed = allowed }

  var isBetweenReplies: Bool { if case .type = state { missing == 0 } else { false } }

  mutating func take(_ bytes: ByteView) {
    var index = 0
    while index < bytes.count {
      if case .bytes(let count) = state {
        let taken = min(count, bytes.count - index)
        index += taken
        state = taken == count ? .carriageReturn : .bytes(count - taken)
        continue
      }
      take(bytes[index])
      index += 1
    }
  }

  private mutating func take(_ byte: UInt8) {
    switch state {
    case .type: begin(byte)
    case .text:
      precondition(byte != 10, "a line feed within a line")
      if byte == 13 { endLine() }
    case .number(let type): number(byte, type)
    case .carriageReturn:
      precondition(byte == 13, "a string longer than it says")
      endLine()
    case .lineFeed:
      precondition(byte == 10, "a carriage return within a line")
      state = afterLine
      if case .type = state { finish() }
    case .bytes: preconditionFailure("taken as a whole")
    }
  }

  private mutating func begin(_ type: UInt8) {
    let isOfBoth = "+-:$*".utf8.contains(type)
    precondition(isOfBoth || allowed != .resp2 && "_#,(=%~>".utf8.contains(type), "no reply: \(type)")
    if missing == 0 {
      missing = 1
      replyCount += 1
    }
    value = 0
    isNegative = false
    afterLine = .type
    state = "+-_#,".utf8.contains(type) ? .text : .number(type)
  }

  private mutating func number(_ byte: UInt8, _ type: UInt8) {
    if byte == UInt8(ascii: "-") && value == 0 && !isNegative {
      isNegative = true
    } else if byte == 13 {
      endNumber(type)
    } else {
      precondition(48...57 ~= byte, "no number")
      value = value &* 10 &+ Int(byte - 48)
    }
  }

  private mutating func endNumber(_ type: UInt8) {
    switch type {
    case UInt8(ascii: "$"), UInt8(ascii: "="):
      precondition(!isNegative || value == 1 && allowed != .resp3, "no length")
      // An empty string's CR comes next too.
      if !isNegative { afterLine = value == 0 ? .carriageReturn : .bytes(value) }
    case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"):
      precondition(!isNegative || value == 1 && allowed != .resp3, "no length")
      if !isNegative { missing += value }
    case UInt8(ascii: "%"):
      precondition(!isNegative, "no length")
      missing += 2 * value
    default: break
    }
    endLine()
  }

  private mutating func endLine() {
    // A string's own CR ends the element.
    if case .carriageReturn = state { afterLine = .type }
    state = .lineFeed
  }

  /// An element is complete; a head counts as one.
  private mutating func finish() { missing -= 1 }
}
