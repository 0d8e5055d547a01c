/// A glob as KEYS, SCAN, PSUBSCRIBE and CONFIG GET use it, with exactly Redis's idea of a match:
///
///     *        any bytes, also none         [abc] [a-z]   one byte of the class; a reversed range is turned round
///     ?        one byte                     [^abc]        one byte outside the class
///     \x       x itself                     anything else itself
///
/// Three of Redis's habits are kept because clients can see them. Ranges compare *signed* bytes, so `[a-\x80]` is what
/// lies between -128 and 97. A class that is never closed ends with the pattern. A star never matches an empty subject
/// from the start: `**` misses the empty key (and `*` is tested by its users first, as `isStar`).
///
/// Every element but the star takes exactly one byte. So only the last star ever needs to be tried again: what an
/// earlier one could give up, the last one can take itself. That makes matching O(pattern × subject) where a
/// recursive matcher is exponential (`a*a*a*…b`); no pattern can stop the event loop.
///
/// The pattern's bytes are borrowed: they must outlive this value. Nothing is allocated.
@safe struct GlobPattern {
  private let pattern: UnsafeRawBufferPointer
  /// How many leading bytes match only themselves. They are compared at once, before the general loop.
  private let literalPrefixCount: Int
  private let ignoresCase: Bool

  /// Redis gives up on patterns that need more stars than this, the trailing one not counted.
  private static let maxStars = 1000

  /// - Parameter pattern: borrowed; it must outlive this value.
  /// Complexity: O(length of the literal prefix).
  init(_ pattern: UnsafeRawBufferPointer, ignoringCase: Bool = false) {
    unsafe self.pattern = pattern
    self.ignoresCase = ignoringCase
    var count = 0
    while unsafe count < pattern.count && !isSpecial(pattern[count]) { count += 1 }
    self.literalPrefixCount = count
  }

  /// True for the pattern `*`, which KEYS, SCAN and CONFIG GET take for "everything", the empty name included.
  var isStar: Bool { unsafe pattern.count == 1 && pattern[0] == UInt8(ascii: "*") }

  /// True when only one name can match, the pattern itself; such a pattern can be looked up instead of searched for.
  var isLiteral: Bool { unsafe literalPrefixCount == pattern.count }

  /// Complexity: O(pattern × subject), usually O(subject).
  func matches(_ subject: UnsafeRawBufferPointer) -> Bool {
    guard subject.count > 0 else { return unsafe pattern.count == 0 }
    guard subject.count >= literalPrefixCount else { return false }
    for index in 0..<literalPrefixCount {
      guard unsafe isSame(pattern[index], subject[index]) else { return false }
    }

    var patternIndex = literalPrefixCount
    var subjectIndex = literalPrefixCount
    // Where to go on when an element does not fit: behind the last star, one subject byte later than last time.
    var retryPattern = -1
    var retrySubject = 0
    var starCount = 0

    while subjectIndex < subject.count {
      if unsafe patternIndex < pattern.count && pattern[patternIndex] == UInt8(ascii: "*") {
        patternIndex = indexBehindStars(from: patternIndex)
        if unsafe patternIndex == pattern.count { return true }
        starCount += 1
        if starCount > Self.maxStars { return false }
        retryPattern = patternIndex
        retrySubject = subjectIndex
      } else if let next = unsafe indexBehindElement(at: patternIndex, ifMatching: subject[subjectIndex]) {
        patternIndex = next
        subjectIndex += 1
      } else {
        guard retryPattern >= 0 else { return false }
        retrySubject += 1
        patternIndex = retryPattern
        subjectIndex = retrySubject
      }
    }
    // Starting later from the last star would leave even fewer bytes for the same elements, so this is final.
    return unsafe indexBehindStars(from: patternIndex) == pattern.count
  }

  private func indexBehindStars(from start: Int) -> Int {
    var index = start
    while unsafe index < pattern.count && pattern[index] == UInt8(ascii: "*") { index += 1 }
    return index
  }

  /// The index behind the element that starts at `index`, or nil when `byte` does not match it or none is left.
  @inline(__always)
  private func indexBehindElement(at index: Int, ifMatching byte: UInt8) -> Int? {
    guard unsafe index < pattern.count else { return nil }
    switch unsafe pattern[index] {
    case UInt8(ascii: "?"):
      return index + 1
    case UInt8(ascii: "["):
      return indexBehindClass(at: index, ifMatching: byte)
    case UInt8(ascii: "\\") where unsafe index + 1 < pattern.count:
      return unsafe isSame(pattern[index + 1], byte) ? index + 2 : nil
    case let literal:
      return isSame(literal, byte) ? index + 1 : nil
    }
  }

  private func indexBehindClass(at start: Int, ifMatching byte: UInt8) -> Int? {
    let count = unsafe pattern.count
    var index = start + 1
    let isNegated = unsafe index < count && pattern[index] == UInt8(ascii: "^")
    if isNegated { index += 1 }
    var isMember = false
    while index < count {
      let first = unsafe pattern[index]
      if first == UInt8(ascii: "\\") && index + 1 < count {
        // Redis compares an escaped member as it stands, whatever the case option says.
        if unsafe pattern[index + 1] == byte { isMember = true }
        index += 2
      } else if first == UInt8(ascii: "]") {
        index += 1
        break
      } else if unsafe index + 2 < count && pattern[index + 1] == UInt8(ascii: "-") {
        if unsafe isInRange(byte, first, pattern[index + 2]) { isMember = true }
        index += 3
      } else {
        if isSame(first, byte) { isMember = true }
        index += 1
      }
    }
    return isMember != isNegated ? index : nil
  }

  private func isInRange(_ byte: UInt8, _ first: UInt8, _ last: UInt8) -> Bool {
    // The ends are put in order before their case is dropped: `[Z-a]` without case is empty in Redis too.
    let isReversed = Int8(bitPattern: first) > Int8(bitPattern: last)
    let low = Int8(bitPattern: folded(isReversed ? last : first))
    let high = Int8(bitPattern: folded(isReversed ? first : last))
    let value = Int8(bitPattern: folded(byte))
    return low <= value && value <= high
  }

  @inline(__always)
  private func isSame(_ a: UInt8, _ b: UInt8) -> Bool { a == b || (ignoresCase && folded(a) == folded(b)) }

  @inline(__always)
  private func folded(_ byte: UInt8) -> UInt8 {
    ignoresCase && UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
  }
}

@inline(__always)
private func isSpecial(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["), UInt8(ascii: "\\"): true
  default: false
  }
}
