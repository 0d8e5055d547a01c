import Testing
@testable import Needletail

@Suite struct HotKeysTests {
  /// More keys than counters: whoever has more than one part in 512 is found, and nobody is said to have more than it
  /// has.
  @Test func findsHeavyKeysAmongMany() {
    var table = HotKeyTable()
    var generator = SeededGenerator.fresh()
    var exact: [String: Int] = [:]
    for _ in 0..<50_000 {
      let isHot = generator.below(10) == 0
      let name = isHot ? "hot\(generator.below(5))" : "cold\(generator.below(20_000))"
      exact[name, default: 0] += 3
      withView(Array(name.utf8)) { table.add($0, 3) }
    }
    let top = table.top(5)
    #expect(Set(top.map { String(decoding: $0.key, as: UTF8.self) }) == ["hot0", "hot1", "hot2", "hot3", "hot4"])
    for (key, amount) in table.top(.max) {
      #expect(amount <= exact[String(decoding: key, as: UTF8.self)]!, "seed \(generator.seed)")
    }
    #expect(table.top(.max).count == HotKeyTable.counterCount)
  }

  @Test func longKeysAreCut() {
    var table = HotKeyTable()
    let key = [UInt8](repeating: 1, count: HotKeyTable.keyBytesMax + 1)
    for count in [HotKeyTable.keyBytesMax - 1, HotKeyTable.keyBytesMax, HotKeyTable.keyBytesMax + 1] {
      withView(Array(key[..<count])) { table.add($0, 1) }
    }
    #expect(table.top(9).map(\.amount) == [2, 1])
  }
}
