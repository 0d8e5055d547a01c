import Testing
@testable import Needletail

@Suite struct KeyspaceSmokeTests {
  @Test func growAndShrink() {
    var ks = Keyspace(databaseCount: 2, seed: .random(), freer: BackgroundFreer(counters: MemoryCounters()), nowMilliseconds: 1_000_000)
    let n = 300_000
    func withKey(_ i: Int, _ body: (ByteView) -> Void) {
      var s = "key:\(i)"
      s.withUTF8 { unsafe body(ByteView(UnsafeRawPointer($0.baseAddress!), count: $0.count)) }
    }
    for i in 0..<n { withKey(i) { k in var f = ks.find(Key(k, ks.seed), in: 0); try! ks.setString(&f, k, expiry: i % 3 == 0 ? .at(1_000_000 + i) : .clear) } }
    let count = ks.count(database: 0), expires = ks.expiresCount(database: 0)
    #expect(count == n)
    #expect(expires == n / 3)
    for i in 0..<n { withKey(i) { k in let f = ks.find(Key(k, ks.seed), in: 0); if f.entry == nil { Issue.record("missing \(i)") } } }
    print("bytes/elem", unsafe Double(ks.databases[0].table.byteCount) / Double(n))
    var seen = 0
    var cursor: UInt64 = 0
    repeat { cursor = ks.scan(database: 0, cursor: cursor, count: 10) { _ in seen += 1 } } while cursor != 0
    #expect(seen == n)
    ks.setTime(1_000_000 + n + 100)
    while ks.expireStep() {}
    let left = ks.count(database: 0)
    #expect(left == n - n / 3)
    for i in 0..<n where i % 10 != 1 { withKey(i) { k in var f = ks.find(Key(k, ks.seed), in: 0); ks.remove(&f) } }
    print("left", ks.count(database: 0), unsafe ks.databases[0].table.byteCount, unsafe ks.databases[0].table.globalDepth)
    for i in 0..<n { withKey(i) { k in let f = ks.find(Key(k, ks.seed), in: 0); if (f.entry != nil) != (i % 10 == 1 && i % 3 != 0) { Issue.record("wrong \(i)") } } }
    for i in 0..<n { withKey(i) { k in var f = ks.find(Key(k, ks.seed), in: 0); ks.remove(&f) } }
    let bytes = unsafe ks.databases[0].table.byteCount
    #expect(bytes == 0)
  }
}
