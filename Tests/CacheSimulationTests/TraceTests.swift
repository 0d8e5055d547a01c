import Testing

@testable import CacheSimulation

@Suite struct TraceTests {
  private func read(_ lines: [String], limit: Int = .max) throws -> Trace {
    var reader = TraceReader(limit: limit)
    for line in lines { try reader.read(line: Array(line.utf8)) }
    return reader.trace()
  }

  @Test func keysAreNumberedInTheirOrder() throws {
    let trace = try read(["b", "", "# no key", "a", "b\r", "  c  "])
    #expect(trace.accesses == [0, 1, 0, 2])
    #expect(trace.keyCount == 3)
    #expect(trace.sizes.isEmpty)
    #expect(trace.footprint == 3)
  }

  @Test func theLastSizeOfAKeyCounts() throws {
    let trace = try read(["a 10", "b\t4294967295", "a 30", "c"])
    #expect(trace.sizes == [30, 4_294_967_295, 1])
    #expect(trace.footprint == 30 + 4_294_967_295 + 1)
  }

  @Test(arguments: ["a 0", "a -1", "a 4294967296", "a x", "a 1 2"])
  func whatIsNoSizeIsAnError(_ line: String) {
    #expect { try read(["a", line]) } throws: { ($0 as? TraceReader.BadLine)?.number == 2 }
  }

  @Test func readingEndsAtTheLimit() throws {
    #expect(try read(["a", "b", "c"], limit: 2).accesses == [0, 1])
    #expect(try read(["a", "b"], limit: 2).accesses == [0, 1])
    #expect(try read(["a"], limit: 2).accesses == [0])
  }

  @Test(arguments: GeneratedTrace.Shape.allCases)
  func aSeedMakesOneTrace(_ shape: GeneratedTrace.Shape) {
    var made = GeneratedTrace()
    made.shape = shape
    (made.keys, made.requests, made.phase) = (500, 5000, 700)
    (made.scanEvery, made.scanLength, made.scanTouches, made.scanLag, made.hotKeys) = (300, 100, 2, 10, 50)
    let trace = made.make()
    #expect(trace.accesses.count == 5000)
    #expect(trace.accesses.allSatisfy { Int($0) < trace.keyCount })
    #expect(trace.accesses == made.make().accesses)
    made.seed += 1
    #expect(trace.accesses != made.make().accesses)
  }

  @Test func popularityFollowsZipf() {
    var random = Random(seed: 3)
    let zipf = Zipf(count: 1000, exponent: 1)
    var drawn = [Int](repeating: 0, count: 1000)
    for _ in 0..<200_000 { drawn[zipf.draw(&random)] += 1 }
    // The sum of 1/1 ... 1/1000 is 7.485.
    for rank in [0, 1, 9, 99] {
      let expected = 200_000 / 7.485 / Double(rank + 1)
      #expect(abs(Double(drawn[rank]) - expected) < 5 * expected.squareRoot(), "rank \(rank)")
    }
  }

  @Test func aScanReadsEachRecordAsOftenAsItShould() {
    var made = GeneratedTrace()
    (made.shape, made.keys, made.scanEvery, made.scanLength) = (.scans, 100, 10, 5)
    (made.scanTouches, made.scanLag, made.requests) = (2, 2, 20)
    // Records 0 1 | 2 0 | 3 1 | 4 2 | 3 | 4: each again two records later.
    #expect(made.make().accesses[10...].map { Int($0) - 100 } == [0, 1, 2, 0, 3, 1, 4, 2, 3, 4])
  }
}
