import Glibc

/// What settings are written in: numbers, sizes, paths. Nothing here knows a setting by name.
enum SettingText {
  /// ASCII letters in lower case, the rest as UTF-8, repaired where it is none: good for comparing with names.
  static func lowercased(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
  }

  /// A decimal number in its one canonical spelling: no sign but "-", no leading zero, no spaces. Nil when it is none,
  /// or does not fit.
  static func strictInteger(_ bytes: some Collection<UInt8>) -> Int? {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let number = Int(text), String(number) == text else { return nil }
    return number
  }

  /// A size in bytes with an optional unit; nil when it is none. What does not fit becomes `Int.max`, for the bounds to
  /// refuse or to accept (Redis lets it wrap around). No digits at all is 0, as in Redis.
  static func memorySize(_ bytes: [UInt8]) -> Int? {
    let digits = bytes.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    let unit: Int
    switch lowercased(Array(bytes[digits.endIndex...])) {
    case "", "b": unit = 1
    case "k": unit = 1000
    case "kb": unit = 1 << 10
    case "m": unit = 1_000_000
    case "mb": unit = 1 << 20
    case "g": unit = 1_000_000_000
    case "gb": unit = 1 << 30
    default: return nil
    }
    let number = digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self)) ?? .max
    let (size, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? .max : size
  }

  /// True for a plain number that has no room in 63 bits.
  static func isBeyondSigned(_ bytes: [UInt8]) -> Bool {
    let digits = bytes.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    return !digits.isEmpty && Int(String(decoding: digits, as: UTF8.self)) == nil
  }

  /// The shortest exact spelling of a size: `512mb`, `1gb`, `1000`.
  static func sizeText(_ size: Int) -> String {
    for (name, unit) in [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)] where size > 0 && size % unit == 0 {
      return "\(size / unit)\(name)"
    }
    return String(size)
  }

  /// A number in six significant digits and no more than it needs: `99.9`, `50`.
  static func shortDecimal(_ number: Double) -> String {
    var text = [CChar](repeating: 0, count: 32)
    let count = unsafe withVaList([number]) { unsafe vsnprintf(&text, text.count, "%g", $0) }
    return String(decoding: text.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// `path` as seen from the directory `base`.
  static func joined(_ base: String, _ path: String) -> String {
    if path.hasPrefix("/") { return path }
    return base.hasSuffix("/") ? base + path : base + "/" + path
  }

  /// The system's words for an `errno`.
  static func errorText(_ code: CInt) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
  }

  /// Bytes in double quotes, with escapes for what would not be read back as it is.
  static func quoted(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    unsafe bytes.withUnsafeBytes { buffer in
      let view = unsafe buffer.baseAddress.map { unsafe ByteView($0, count: buffer.count) } ?? .empty
      appendQuoted(view, to: &text)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The same behind `text`.
  static func appendQuoted(_ bytes: ByteView, to text: inout [UInt8]) {
    let digits: StaticString = "0123456789abcdef"
    let hexadecimal = ByteView(digits)
    let quote = UInt8(ascii: "\"")
    let backslash = UInt8(ascii: "\\")
    text.append(quote)
    for index in 0..<bytes.count {
      let byte = bytes[index]
      let escaped: UInt8
      switch byte {
      case quote, backslash: escaped = byte
      case 7: escaped = UInt8(ascii: "a")
      case 8: escaped = UInt8(ascii: "b")
      case 9: escaped = UInt8(ascii: "t")
      case 10: escaped = UInt8(ascii: "n")
      case 13: escaped = UInt8(ascii: "r")
      case 32...126:
        text.append(byte)
        continue
      default:
        text.append(backslash)
        text.append(UInt8(ascii: "x"))
        text.append(hexadecimal[Int(byte >> 4)])
        text.append(hexadecimal[Int(byte & 15)])
        continue
      }
      text.append(backslash)
      text.append(escaped)
    }
    text.append(quote)
  }
}
