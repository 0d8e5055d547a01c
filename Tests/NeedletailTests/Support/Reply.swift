@testable import Needletail

/// A reply as a client understands it. Strings are bytes that need not be UTF-8; literals stand for bulk strings,
/// integers and arrays: `run("LRANGE", "k", "0", "-1") == ["a", "b"]`.
indirect enum Reply: Equatable, Sendable {
  case simple(String)
  case error(String)
  case integer(Int)
  case bytes([UInt8])
  /// `$-1` or `_`.
  case null
  /// `*-1`, in RESP2 only.
  case nullArray
  case array([Reply])
  case set([Reply])
  case push([Reply])
  /// Keys and values in turn, in the order they were sent.
  case map([Reply])
  case bool(Bool)
  /// As it was written.
  case double(String)
  case bigNumber(String)
  case verbatim(format: String, String)

  static func bulk(_ text: String) -> Reply { .bytes(Array(text.utf8)) }
  // Computed: the leak checker does not see the strings of global enumerations.
  static var ok: Reply { .simple("OK") }
  static var wrongType: Reply { .error("WRONGTYPE Operation against a key holding the wrong kind of value") }
  static var syntaxError: Reply { .error("ERR syntax error") }
  static var notAnInteger: Reply { .error("ERR value is not an integer or out of range") }
}

extension Reply: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  init(stringLiteral value: String) { self = .bulk(value) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(arrayLiteral elements: Reply...) { self = .array(elements) }
}

extension Reply: CustomStringConvertible {
  var description: String {
    switch self {
    case .simple(let text): "+\(text)"
    case .error(let text): "-\(text)"
    case .integer(let number): "\(number)"
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self).map { "\"\($0)\"" } ?? "\(bytes)"
    case .null: "null"
    case .nullArray: "nullArray"
    case .array(let elements): "\(elements)"
    case .set(let elements): "set\(elements)"
    case .push(let elements): "push\(elements)"
    case .map(let elements): "map\(elements)"
    case .bool(let value): "\(value)"
    case .double(let text): "double \(text)"
    case .bigNumber(let text): "big \(text)"
    case .verbatim(let format, let text): "\(format):\(text)"
    }
  }
}

// MARK: - Taking replies apart

extension Reply {
  /// The elements of an array, set, push or (keys and values in turn) map.
  var elements: [Reply]? {
    switch self {
    case .array(let elements), .set(let elements), .push(let elements), .map(let elements): elements
    default: nil
    }
  }

  /// The text of a string reply of any kind.
  var text: String? {
    switch self {
    case .simple(let text), .verbatim(_, let text): text
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    default: nil
    }
  }

  var integerValue: Int? { if case .integer(let number) = self { number } else { nil } }
  var isError: Bool { if case .error = self { true } else { false } }

  /// The value beside `key` in a map, or in an array of keys and values in turn.
  subscript(key: String) -> Reply? {
    guard let elements else { return nil }
    let keys = stride(from: 0, to: elements.count - 1, by: 2)
    return keys.first { elements[$0].text == key }.map { elements[$0 + 1] }
  }

  subscript(index: Int) -> Reply? {
    guard let elements, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
}

// MARK: - Reading the wire

/// Reads replies from bytes. Traps on what is no valid RESP: the server must never send it.
struct ReplyParser {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  static func all(in bytes: [UInt8]) -> [Reply] {
    var parser = ReplyParser(bytes)
    var replies: [Reply] = []
    while parser.position < bytes.count { replies.append(parser.next()) }
    return replies
  }

  private mutating func next() -> Reply {
    precondition(position < bytes.count, "the reply ends too early")
    let type = Character(Unicode.Scalar(bytes[position]))
    position += 1
    let line = self.line()
    switch type {
    case "+": return .simple(line)
    case "-": return .error(line)
    case ":": return .integer(number(line))
    case ",": return .double(line)
    case "(": return .bigNumber(line)
    case "#":
      precondition(line == "t" || line == "f")
      return .bool(line == "t")
    case "_":
      precondition(line.isEmpty)
      return .null
    case "$": return line == "-1" ? .null : .bytes(block(number(line)))
    case "=":
      let text = String(decoding: block(number(line)), as: UTF8.self)
      precondition(text.dropFirst(3).first == ":")
      return .verbatim(format: String(text.prefix(3)), String(text.dropFirst(4)))
    case "*": return line == "-1" ? .nullArray : .array(elements(number(line)))
    case "~": return .set(elements(number(line)))
    case ">": return .push(elements(number(line)))
    case "%": return .map(elements(2 * number(line)))
    default: preconditionFailure("no reply type: \(type)")
    }
  }

  private mutating func elements(_ count: Int) -> [Reply] {
    precondition(count >= 0)
    var elements: [Reply] = []
    for _ in 0..<count { elements.append(next()) }
    return elements
  }

  private mutating func block(_ count: Int) -> [UInt8] {
    precondition(count >= 0 && position + count + 2 <= bytes.count, "the string ends too early")
    precondition(bytes[position + count] == 13 && bytes[position + count + 1] == 10)
    defer { position += count + 2 }
    return Array(bytes[position..<position + count])
  }

  private mutating func line() -> String {
    var end = position
    while bytes[end] != 13 { end += 1 }
    precondition(bytes[end + 1] == 10)
    defer { position = end + 2 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  private func number(_ line: String) -> Int {
    guard let number = Int(line) else { preconditionFailure("no number: \(line)") }
    return number
  }
}
