import Testing
@testable import Needletail

@Suite struct PersistenceCommandTests {
  let server = TestServer()

  private func payload(_ key: String) -> [UInt8] {
    guard case .bytes(let bytes) = server.run("DUMP", key) else { return [] }
    return bytes
  }

  private func restore(_ key: String, _ ttl: String, _ payload: [UInt8], _ options: String...) -> Reply {
    server.run([Array("RESTORE".utf8), Array(key.utf8), Array(ttl.utf8), payload] + options.map { Array($0.utf8) })
  }

  @Test func thereAndBack() {
    let values = ["", "a", "12", "-129", "70000", "12345678901", "9223372036854775807", "007",
      String(repeating: "ab", count: 500), String(repeating: "x", count: 100_000)]
    for value in values {
      server.run("SET", "from", value)
      #expect(restore("to", "0", payload("from"), "REPLACE") == .ok)
      #expect(server.run("GET", "to") == .bulk(value))
      #expect(server.run("TTL", "to") == -1)
      let encodings = ["to", "from"].map { server.run("OBJECT", "ENCODING", $0) }
      #expect(encodings[0] == encodings[1])
    }
    #expect(server.run("DUMP", "nosuch") == .null)
  }

  @Test func expiry() {
    server.run("SET", "a", "1")
    let value = payload("a")
    #expect(restore("k", "1000", value) == .ok)
    #expect(server.run("PTTL", "k") == 1000)
    #expect(restore("k", String(server.nowMilliseconds + 5), value, "ABSTTL", "REPLACE") == .ok)
    #expect(server.run("PTTL", "k") == 5)
    // A long key and an expiry leave no room for a value beside them.
    let long = String(repeating: "k", count: 40)
    server.run("SET", "b", "")
    #expect(restore(long, "1000", payload("b")) == .ok)
    #expect(server.run("OBJECT", "ENCODING", long) == "raw")
    server.run("SET", long, "", "PX", "1000")
    #expect(server.run("OBJECT", "ENCODING", long) == "raw")
    // In the past: as if it had been stored and had expired at once.
    #expect(restore("k", "5", value, "ABSTTL", "replace") == .ok)
    #expect(server.run("EXISTS", "k") == 0)
    #expect(restore("k", "5", value, "ABSTTL") == .ok)
    #expect(server.run("EXISTS", "k") == 0)
  }

  @Test func refusals() {
    server.run("SET", "a", "1")
    let value = payload("a")
    let checksum = Reply.error("ERR DUMP payload version or checksum are wrong")
    #expect(restore("a", "0", value) == .error("BUSYKEY Target key name already exists."))
    #expect(restore("a", "x", []) == .error("BUSYKEY Target key name already exists."))
    #expect(restore("b", "x", []) == .notAnInteger)
    #expect(restore("b", "-1", []) == .error("ERR Invalid TTL value, must be >= 0"))
    #expect(restore("b", "0", []) == checksum)
    #expect(restore("b", "0", value, "IDLETIME", "-1") == .error("ERR Invalid IDLETIME value, must be >= 0"))
    #expect(restore("b", "0", value, "FREQ", "256") == .error("ERR Invalid FREQ value, must be >= 0 and <= 255"))
    #expect(restore("b", "0", value, "FREQ", "1", "IDLETIME", "1") == .syntaxError)
    #expect(restore("b", "0", value, "IDLETIME") == .syntaxError)
    #expect(restore("b", "0", value, "NOSUCH") == .syntaxError)
    for place in value.indices {
      var damaged = value
      damaged[place] ^= 1
      #expect(restore("b", "0", damaged) == checksum)
      #expect(restore("b", "0", Array(value[..<place])) == checksum)
    }
    #expect(server.run("EXISTS", "b") == 0)
  }

  @Test func typesThatAreNotThere() {
    for body: [UInt8] in [[15, 1, 1, 97], [99, 0], [0], [0, 5, 97], [0, 0xc3, 1, 10, 0], [0, 0x82, 0]] {
      var bytes = body + [6, 0]
      let sum = withView(bytes) { CRC64.updating(0, $0) }
      bytes += (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
      #expect(restore("b", "0", bytes, "REPLACE") == .error("ERR Bad data format"))
    }
  }

  @Test func use() {
    server.run("SET", "a", "1")
    let value = payload("a")
    #expect(restore("idle", "0", value, "IDLETIME", "77") == .ok)
    #expect(server.run("OBJECT", "IDLETIME", "idle") == 77)
    #expect(restore("far", "0", value, "IDLETIME", "9223372036854775807") == .ok)
    server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    #expect(restore("often", "0", value, "FREQ", "200") == .ok)
    #expect(server.run("OBJECT", "FREQ", "often") == 200)
  }

  @Test func whileLoading() {
    server.withEngine { $0.isLoading = true }
    let refusal = Reply.error("LOADING Redis is loading the dataset in memory")
    #expect(server.run("GET", "a") == refusal)
    #expect(server.run("SET", "a", "1") == refusal)
    #expect(server.run("SAVE") == refusal)
    #expect(server.run("LASTSAVE") == .integer(server.nowMilliseconds / 1000))
    #expect(server.run("GET") == .error("ERR wrong number of arguments for 'get' command"))
    #expect(server.run("INFO", "persistence").text?.contains("loading:1\r\n") == true)
    server.withEngine { $0.isLoading = false }
    #expect(server.run("GET", "a") == .null)
  }
}
