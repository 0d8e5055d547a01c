import Testing

@testable import CacheSimulation

@Suite struct ComparisonTests {
  private func compared(sizes: [UInt32]) -> Comparison {
    let trace = Trace(accesses: [0, 1, 0, 0, 2, 2, 2, 2], keyCount: 3, sizes: sizes)
    var comparison = Comparison(trace, sizes: [1, 30])
    for policy in [PolicyKind.lru, .min] {
      comparison.add(policy, comparison.sizes.map { Simulation().run(policy, trace, capacity: $0) })
    }
    return comparison
  }

  @Test func tableOfKeys() {
    let lines = compared(sizes: []).table.split(separator: "\n")
    #expect(Set(lines.map(\.count)).count == 1, "columns are in line")
    #expect(lines[1].split(separator: " ").map(String.init) == ["exact", "LRU", "50.00", "62.50", "64", "0.0"])
    #expect(lines[2].hasSuffix(" -"))
  }

  @Test func tableOfBytes() {
    let table = compared(sizes: [1, 2, 10]).table
    #expect(table.contains(" 1 bytes") && table.contains("25.00 / 4.44") && table.contains("62.50 / 71.11"))
  }

  @Test func commaSeparatedValues() {
    let lines = compared(sizes: []).csv.split(separator: "\n")
    #expect(lines[0] == "policy,size,unit,requests,hits,hit_ratio,byte_hit_ratio,bits_per_key,ghost_bytes_per_key")
    #expect(lines[1] == "lru,1,keys,8,4,0.500000,0.500000,64,0.0")
    #expect(lines[4] == "min,30,keys,8,5,0.625000,0.625000,,")
  }
}
