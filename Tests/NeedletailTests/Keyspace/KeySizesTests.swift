import Testing
@testable import Needletail

@Suite struct KeySizesTests {
  @Test func binsEndWherePowersOfTwoBegin() {
    #expect(KeySizes.bin(0) == 0 && KeySizes.bin(1) == 1)
    for power in 1..<63 {
      #expect(KeySizes.bin(1 << power - 1) == power)
      #expect(KeySizes.bin(1 << power) == power + 1)
      #expect(KeySizes.lowerBound(power + 1) == 1 << power)
    }
    #expect(KeySizes.bin(.max) == KeySizes.binCount - 1)
    #expect(KeySizes.bin(-1) == KeySizes.binCount)
  }

  @Test func keysComeChangeAndGo() {
    var sizes = KeySizes()
    func shown(_ type: ValueType) -> [[Int]] { sizes.bins(type).map { [$0.lowerBound, $0.count] } }
    #expect(shown(.string).isEmpty)
    for length in [0, 1, 3, 4, 5] { sizes.change(.string, -1, .string, length) }
    #expect(shown(.string) == [[0, 1], [1, 1], [2, 1], [4, 2]])
    sizes.change(.string, 5, .string, 7)
    sizes.change(.string, 4, .hash, 1)
    sizes.change(.string, 0, .string, -1)
    #expect(shown(.string) == [[1, 1], [2, 1], [4, 1]] && shown(.hash) == [[1, 1]])
    sizes.removeAll()
    #expect(ValueType.allCases.allSatisfy { shown($0).isEmpty })
  }

  @Test func sizesAsInfoShowsThem() {
    let shown = [0, 1, 512, 1 << 10, 1 << 19, 1 << 20, 1 << 62].map { InfoText.shortPower($0) }
    #expect(shown == ["0", "1", "512", "1K", "512K", "1M", "4E"])
  }

  /// Where the type of a key changes, or its database, and where no command reports what becomes of keys.
  @Test func followsEveryWay() {
    var settings = Settings()
    settings.debugCommand = .yes
    let server = TestServer(settings)
    func expect(_ lines: String..., at line: Int = #line) {
      let text = "# Keysizes\r\n" + lines.map { $0 + "\r\n" }.joined()
      #expect(server.run("INFO", "keysizes").text == text, "line \(line)")
    }
    expect()
    server.run("SET", "a", "12345")
    server.run("RPUSH", "b", "1", "2")
    server.run("SADD", "c", "1")
    server.run("HSET", "d", "f", "v")
    server.run("ZADD", "e", "1", "1", "2", "2", "3", "3", "4", "4")
    expect("db0_distrib_strings_sizes:4=1", "db0_distrib_lists_items:2=1", "db0_distrib_sets_items:1=1",
      "db0_distrib_zsets_items:4=1", "db0_distrib_hashes_items:1=1")
    server.run("SET", "b", "")
    server.run("SET", "c", "1", "EX", "100")
    server.run("RENAME", "e", "a")
    server.run("COPY", "a", "c", "REPLACE")
    expect("db0_distrib_strings_sizes:0=1", "db0_distrib_zsets_items:4=2", "db0_distrib_hashes_items:1=1")
    server.run("MOVE", "d", "3")
    server.run("SWAPDB", "0", "1")
    expect("db1_distrib_strings_sizes:0=1", "db1_distrib_zsets_items:4=2", "db3_distrib_hashes_items:1=1")
    server.run("SWAPDB", "1", "0")
    server.run("SUNIONSTORE", "a", "nosuch")
    server.run("PEXPIRE", "b", "10")
    server.advance(milliseconds: 20)
    server.run("GET", "b")
    expect("db0_distrib_zsets_items:4=1", "db3_distrib_hashes_items:1=1")
    server.run("DEBUG", "POPULATE", "3", "p", "9")
    server.run("SETRANGE", "p:1", "20", "x")
    expect("db0_distrib_strings_sizes:8=2,16=1", "db0_distrib_zsets_items:4=1", "db3_distrib_hashes_items:1=1")
    server.run("FLUSHDB")
    expect("db3_distrib_hashes_items:1=1")
    server.run("FLUSHALL")
    expect()
  }
}
