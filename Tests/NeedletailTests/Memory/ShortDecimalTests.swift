import Testing

@testable import Needletail

@Suite struct ShortDecimalTests {
  private func text(_ value: Double, isShort: Bool = false) -> String {
    unsafe withUnsafeTemporaryAllocation(byteCount: ShortDecimal.maxBytes, alignment: 8) { buffer in
      let base = buffer.baseAddress!
      let count = unsafe isShort ? ShortDecimal.writeShort(value, to: base) : ShortDecimal.write(value, to: base)
      return unsafe ByteView(UnsafeRawPointer(base), count: count).string
    }
  }

  /// As Redis 8.2.3 answers them.
  @Test(arguments: [
    (0, "0"), (-0.0, "-0"), (3, "3"), (-5, "-5"), (0.1, "0.1"), (1e-5, "0.00001"), (1e-6, "0.000001"), (1e-7, "1e-7"),
    (0.000001234, "1.234e-6"), (3.14, "3.14"), (1e17, "100000000000000000"), (1e21, "1e+21"), (1e22, "1e+22"),
    (1e23, "99999999999999990000000"), (1.2e21, "1.2e+21"), (12_345_678_901_234_567, "12345678901234568"),
    (9_223_372_036_854_775_807, "9223372036854776000"), (4_611_686_018_427_387_904, "4611686018427387904"),
    (0.30000000000000004, "0.30000000000000004"), (.leastNonzeroMagnitude, "5e-324"),
    (.leastNonzeroMagnitude * 2024, "1e-320"), (2.5e-308, "2.5e-308"),
    (-1e308, "-1e+308"), (1.5e300, "1.5e+300"), (1234567.890625, "1234567.890625"), (123456789.125, "123456789.125"),
    (.infinity, "inf"), (-.infinity, "-inf"), (9007199254740993, "9007199254740992"),
  ])
  func knownNumbers(value: Double, expected: String) { #expect(text(value) == expected) }

  /// Whole numbers lose their last digits where an exponent is shorter.
  @Test func short() {
    #expect(text(1e17, isShort: true) == "1e+17")
    #expect(text(100_000, isShort: true) == "100000" && text(1e9, isShort: true) == "1e+9")
    #expect(text(-0.0, isShort: true) == "-0" && text(0, isShort: true) == "0")
  }

  /// Whatever is written is read back as the same number, and is hardly ever longer than it must be.
  @Test func everyNumberIsReadBack() {
    var random = SeededGenerator.fresh()
    var longer = 0
    for _ in 0..<20_000 {
      let value = Double(bitPattern: random.next())
      guard !value.isNaN && value.isFinite else { continue }
      let text = text(value, isShort: true)
      #expect(Double(text) == value, "\(value) is written as \(text), seed \(random.seed)")
      let digits = text.filter(\.isNumber).count
      if digits > value.description.filter(\.isNumber).count + 2 { longer += 1 }
    }
    #expect(longer < 400)
  }
}
