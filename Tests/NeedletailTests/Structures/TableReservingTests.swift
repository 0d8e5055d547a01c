import Testing
@testable import Needletail

/// Filled through `Keyspace`, whose tables are what gets reserved.
@Suite struct TableReservingTests {
  private func name(_ number: Int) -> String { "key:\(number)" }

  /// Inserts `count` decoded keys, every third with an expiry, into a database reserved for `wanted`.
  private func fill(_ server: TestServer, reserving wanted: Int, count: Int) {
    server.withEngine { engine in
      engine.keyspace.reserve(wanted, database: 2)
      for number in 0..<count {
        withView(Array(name(number).utf8)) { key in
          let expiry = number % 3 == 0 ? server.nowMilliseconds + 1000 + number : nil
          let shape = Entry.Shape(key: key, expiry: expiry, encoding: .integer)
          let block = unsafe Heap.allocate(shape.byteCount)
          let place = unsafe Entry.write(shape, type: .string, tag: engine.keyspace.context.units.currentTag, clock: 0,
            at: block)
          unsafe place.storeBytes(of: number, as: Int.self)
          let decoded = DecodedEntry(entry: unsafe Entry(raw: block), hash: sipHash13(key, engine.keyspace.seed),
            expiry: expiry, offset: 0)
          let isNew = engine.keyspace.insert(decoded, database: 2)
          #expect(isNew)
          let isNewAgain = number == 0 && engine.keyspace.insert(decoded, database: 2)
          #expect(!isNewAgain)
        }
      }
      engine.keyspace.settle()
    }
  }

  @Test(arguments: [
    (0, 0), (5, 5), (700, 0), (701, 1), (5000, 0), (5000, 1), (5000, 300), (5000, 2500), (5000, 5000), (5000, 9000),
    (100_000, 0), (100_000, 1), (100_000, 40), (100_000, 7000), (20_000, 20_000),
  ])
  func filledAndEmptied(wanted: Int, count: Int) {
    let server = TestServer()
    fill(server, reserving: wanted, count: count)
    server.run("SELECT", "2")
    #expect(server.run("DBSIZE") == .integer(count))
    for number in 0..<count { #expect(server.run("GET", name(number)) == .bulk(String(number))) }
    let expires = server.withEngine { $0.keyspace.expiresCount(database: 2) }
    #expect(expires == (count + 2) / 3)
    var seen = 0
    server.withEngine { engine in engine.keyspace.forEachEntry(database: 2) { _ in seen += 1 } }
    #expect(seen == count)
    // Nothing that was reserved in vain is left, and removing works to the last.
    let bytes = server.withEngine { unsafe $0.keyspace.databases[2].table.byteCount }
    #expect(bytes <= 600 + 24 * count)
    for number in 0..<count where number % 3 != 0 { #expect(server.run("DEL", name(number)) == 1) }
    server.advance(milliseconds: 10_000_000)
    server.withEngine { engine in while engine.keyspace.expireStep() {} }
    #expect(server.run("DBSIZE") == 0)
    let bytesLeft = server.withEngine { unsafe $0.keyspace.databases[2].table.byteCount }
    #expect(bytesLeft == 0)
  }
}
