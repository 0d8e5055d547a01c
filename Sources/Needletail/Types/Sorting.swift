import Glibc

/// What SORT compares, and how.
@safe struct SortItem {
  let element: PackedElement
  /// What it is compared by, as a number or as bytes; nil: there is no such key.
  var score = 0.0
  var weight: PackedElement?

  init(_ element: PackedElement) { self.element = element }
}

/// An order of elements.
struct SortOrder {
  /// By bytes; else by numbers.
  var isAlphabetic = false
  var isDescending = false
  /// Bytes end at a zero byte, as text in C does. What is stored is compared whole.
  var endsAtZero = true

  func sort(_ items: inout [SortItem]) {
    // Equal ones stay as they came, either way.
    if isDescending {
      items.sort { compare($0, $1) > 0 }
    } else {
      items.sort { compare($0, $1) < 0 }
    }
  }

  private func compare(_ a: SortItem, _ b: SortItem) -> Int {
    guard isAlphabetic else {
      if a.score != b.score { return a.score < b.score ? -1 : 1 }
      // Equal numbers in the order of the elements, so that the result does not depend on where they lie.
      return Self.compareBytes(a.element, b.element)
    }
    guard let first = a.weight, let second = b.weight else {
      return (a.weight == nil ? 0 : 1) - (b.weight == nil ? 0 : 1)
    }
    guard endsAtZero else { return Self.compareBytes(first, second) }
    return first.withBytes { first in second.withBytes { first.untilZero.packedCompare($0.untilZero) } }
  }

  private static func compareBytes(_ a: PackedElement, _ b: PackedElement) -> Int {
    a.withBytes { a in b.withBytes { a.packedCompare($0) } }
  }
}

/// Names a key after an element, or a field of a hash: the element takes the place of the first star.
@safe struct SortPattern {
  /// `#`: the element itself.
  let isElement: Bool
  /// Without a star it names nothing.
  let hasStar: Bool
  private let prefix: ByteView
  private let suffix: ByteView
  /// Of a hash.
  let field: ByteView?

  init(_ pattern: ByteView) {
    // Redis searches patterns as text that ends at a zero byte.
    let text = pattern.untilZero
    isElement = text == ByteView("#")
    guard let star = (0..<text.count).first(where: { text[$0] == UInt8(ascii: "*") }) else {
      hasStar = false
      prefix = .empty
      suffix = .empty
      field = nil
      return
    }
    hasStar = true
    prefix = pattern[0..<star]
    let rest = star + 1..<text.count
    let arrow = rest.first { index in
      text[index] == UInt8(ascii: "-") && index + 1 < text.count && text[index + 1] == UInt8(ascii: ">")
    }
    if let arrow, arrow + 2 < text.count {
      suffix = pattern[star + 1..<arrow]
      field = pattern[arrow + 2..<pattern.count]
    } else {
      suffix = pattern[star + 1..<pattern.count]
      field = nil
    }
  }

  /// Calls `body` with the key that is named after an element.
  func withKey<R>(_ element: PackedElement, _ body: (ByteView) -> R) -> R {
    element.withBytes { element in
      let count = prefix.count + element.count + suffix.count
      return unsafe withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 1) { buffer in
        let place = buffer.baseAddress!
        unsafe prefix.copy(to: place)
        unsafe element.copy(to: place + prefix.count)
        unsafe suffix.copy(to: place + prefix.count + element.count)
        return body(unsafe ByteView(UnsafeRawPointer(place), count: count))
      }
    }
  }
}

extension PackedElement {
  /// The number that SORT takes a string for; nil when it is none.
  var sortScore: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .bytes(let bytes): bytes.untilZero.sortScore
    case .double: nil
    }
  }
}

extension ByteView {
  /// The part before the first zero byte.
  fileprivate var untilZero: ByteView {
    guard count > 0, let end = unsafe memchr(base, 0, count) else { return self }
    return self[0..<(unsafe UnsafeRawPointer(end) - base)]
  }

  /// Decimal digits, with a sign, a point and an exponent as may be, or an infinity; nothing at all is 0.
  fileprivate var sortScore: Double? {
    if isEmpty { return 0 }
    let hasSign = self[0] == UInt8(ascii: "-") || self[0] == UInt8(ascii: "+")
    let magnitude = self[(hasSign ? 1 : 0)..<count]
    if magnitude.equalsIgnoringCase("inf") || magnitude.equalsIgnoringCase("infinity") {
      return self[0] == UInt8(ascii: "-") ? -Double.infinity : .infinity
    }
    for index in 0..<count where !Self.isOfNumber(self[index]) { return nil }
    return unsafe withUnsafeTemporaryAllocation(byteCount: count + 1, alignment: 1) { buffer in
      let text = buffer.baseAddress!
      unsafe copy(to: text)
      unsafe text.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
      let start = unsafe text.assumingMemoryBound(to: CChar.self)
      var end: UnsafeMutablePointer<CChar>?
      let value = unsafe strtod(start, &end)
      return unsafe end == start + count ? value : nil
    }
  }

  private static func isOfNumber(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "e"), UInt8(ascii: "E"): true
    default: false
    }
  }
}
