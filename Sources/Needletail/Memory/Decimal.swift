/// Writes `value` in decimal at `destination`, which has room for 20 bytes.
/// - Returns: how many bytes were written. Complexity: O(digits / 2).
@inline(__always)
func writeDecimal(_ value: Int, to destination: UnsafeMutableRawPointer) -> Int {
  var magnitude = value.magnitude
  let isNegative = value < 0
  if isNegative { unsafe destination.storeBytes(of: UInt8(ascii: "-"), as: UInt8.self) }
  let count = decimalDigitCount(magnitude) + (isNegative ? 1 : 0)
  var position = count
  // Two at a time: a division waits for the one before.
  while magnitude >= 10 {
    let (quotient, pair) = magnitude.quotientAndRemainder(dividingBy: 100)
    position &-= 2
    let digits = unsafe UnsafeRawPointer(decimalPairs.utf8Start).loadUnaligned(fromByteOffset: 2 &* Int(pair),
      as: UInt16.self)
    unsafe destination.storeBytes(of: digits, toByteOffset: position, as: UInt16.self)
    magnitude = quotient
  }
  if position > (isNegative ? 1 : 0) {
    unsafe destination.storeBytes(of: 48 &+ UInt8(truncatingIfNeeded: magnitude), toByteOffset: position &- 1,
      as: UInt8.self)
  }
  return count
}

/// "00" to "99".
private let decimalPairs: StaticString = """
  00010203040506070809\
  10111213141516171819\
  20212223242526272829\
  30313233343536373839\
  40414243444546474849\
  50515253545556575859\
  60616263646566676869\
  70717273747576777879\
  80818283848586878889\
  90919293949596979899
  """

/// How many decimal digits `value` has. Complexity: O(digits / 4).
@inline(__always)
func decimalDigitCount(_ value: UInt) -> Int {
  var value = value
  var count = 1
  while true {
    if value < 10 { return count }
    if value < 100 { return count + 1 }
    if value < 1000 { return count + 2 }
    if value < 10000 { return count + 3 }
    value /= 10000
    count += 4
  }
}

extension ByteView {
  /// The signed 64-bit integer these bytes spell, as Redis reads one: an optional minus sign, digits without leading
  /// zeros, nothing else. Nil for anything else and for what does not fit. Complexity: O(n), n at most 20.
  @inline(__always)
  var integer: Int? {
    guard count > 0 && count <= 20 else { return nil }
    var index = 0
    let isNegative = self[0] == UInt8(ascii: "-")
    if isNegative { index = 1 }
    guard index < count else { return nil }
    var digit = self[index] &- 48
    if digit == 0 { return count == 1 ? 0 : nil }
    guard digit <= 9 else { return nil }
    var magnitude = UInt(digit)
    index += 1
    while index < count {
      digit = self[index] &- 48
      guard digit <= 9 else { return nil }
      let (product, productOverflows) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, sumOverflows) = product.addingReportingOverflow(UInt(digit))
      if productOverflows || sumOverflows { return nil }
      magnitude = sum
      index += 1
    }
    if isNegative { return magnitude <= UInt(Int.max) + 1 ? Int(truncatingIfNeeded: 0 &- magnitude) : nil }
    return magnitude <= UInt(Int.max) ? Int(magnitude) : nil
  }
}
