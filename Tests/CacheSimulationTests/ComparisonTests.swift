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
    #expect(compared(sizes: []).table == """
      policy                         1 keys  30 keys  bits a key  ghost bytes a key
      exact LRU                       50.00    62.50          64                0.0
      Belady's MIN (knows the future)  50.00    62.50           -                  -

      """.replacing("policy                         ", with: "policy                           ")
      .replacing("exact LRU                     ", with: "exact LRU                        "))
  }

  @Test func tableOfBytes() {
    #expect(compared(sizes: [1, 2, 10]).table.contains("50.00 / 71.11"))
  }

  @Test func commaSeparatedValues() {
    let lines = compared(sizes: []).csv.split(separator: "\n")
    #expect(lines[0] == "policy,size,unit,requests,hits,hit_ratio,byte_hit_ratio,bits_per_key,ghost_bytes_per_key")
    #expect(lines[1] == "lru,1,keys,8,4,0.500000,0.500000,64,0.0")
    #expect(lines[4] == "min,30,keys,8,5,0.625000,0.625000,,")
  }
}
