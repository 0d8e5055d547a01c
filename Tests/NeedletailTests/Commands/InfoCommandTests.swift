import Testing
@testable import Needletail

@Suite struct InfoCommandTests {
  let server = TestServer()

  private func sections(_ arguments: String...) -> [String] {
    let text = server.run((["info"] + arguments).map { Array($0.utf8) }).text ?? ""
    return text.split(separator: "\r\n").filter { $0.hasPrefix("# ") }.map { String($0.dropFirst(2)) }
  }

  private func fields(_ arguments: String...) -> [String: String] {
    let text = server.run((["info"] + arguments).map { Array($0.utf8) }).text ?? ""
    var fields: [String: String] = [:]
    for line in text.split(separator: "\r\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      #expect(parts.count == 2)
      #expect(fields.updateValue(String(parts[1]), forKey: String(parts[0])) == nil)
    }
    return fields
  }

  @Test func sectionsAsAskedFor() {
    let ordinary = [
      "Server", "Clients", "Memory", "Persistence", "Threads", "Stats", "Replication", "CPU", "Modules", "Errorstats",
      "Cluster", "Keyspace", "Keysizes",
    ]
    let everything = Array(ordinary[..<9]) + ["Commandstats", "Errorstats", "Latencystats"] + Array(ordinary[10...])
    #expect(sections() == ordinary)
    #expect(sections("default") == ordinary)
    #expect(sections("everything") == everything)
    #expect(sections("ALL") == everything)
    #expect(sections("debug") == ["Debug"])
    #expect(sections("keyspace", "SERVER", "nosuch", "server") == ["Server", "Keyspace"])
    #expect(sections("commandstats", "default").contains("Commandstats"))
    #expect(server.run("info", "nosuch") == "")
  }

  @Test func layout() {
    server.run("foo")
    #expect(
      server.run("info", "cluster", "errorstats")
        == "# Errorstats\r\nerrorstat_ERR:count=1\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n")
    #expect(
      server.connect(isRESP3: true).run("info", "cluster")
        == .verbatim(format: "txt", "# Cluster\r\ncluster_enabled:0\r\n"))
  }

  @Test func whoWeAre() throws {
    let fields = fields("server")
    #expect(fields["redis_version"] == "8.2.3")
    #expect(fields["server_name"] == "needletail")
    #expect(fields["needletail_version"] == "0.1.0")
    #expect(fields["redis_mode"] == "standalone")
    #expect(fields["tcp_port"] == "6379")
    #expect(fields["run_id"]?.count == 40)
    #expect(fields["os"]?.hasPrefix("Linux ") == true)
    #expect(fields["uptime_in_seconds"].flatMap { Int($0) } != nil)
  }

  @Test func memory() {
    let fields = fields("memory", "clients")
    let used = fields["used_memory"].flatMap { Int($0) } ?? 0
    #expect(used > 0 || isSanitized)
    #expect(fields["used_memory_human"] == InfoText.human(used))
    #expect((fields["used_memory_peak"].flatMap { Int($0) } ?? 0) >= used)
    #expect((fields["used_memory_rss"].flatMap { Int($0) } ?? 0) > 1 << 20)
    #expect((fields["total_system_memory"].flatMap { Int($0) } ?? 0) > 1 << 28)
    #expect(fields["connected_clients"] == "1")
    #expect(fields["maxclients"] == "10000")
  }

  @Test func commandsAndKeys() {
    server.run("ping")
    server.run("get")
    server.withEngine { engine in
      for (key, expiry) in [("a", ExpiryChange.clear), ("b", .at(server.nowMilliseconds + 5000))] {
        withView(Array(key.utf8)) { key in
          var found = engine.keyspace.find(Key(key, engine.keyspace.seed), in: 3)
          try! engine.keyspace.setString(&found, key, expiry: expiry)
        }
      }
    }
    let fields = fields("everything")
    #expect(fields["cmdstat_ping"]?.hasPrefix("calls=1,usec=") == true)
    #expect(fields["cmdstat_echo"] == nil)
    #expect(fields["total_commands_processed"] == "1")
    #expect(fields["db3"] == "keys=2,expires=1,avg_ttl=5000,subexpiry=0")
    #expect(fields["db0"] == nil)
    #expect(fields["role"] == "master")
    #expect(fields["connected_slaves"] == "0")
  }

  @Test func numbersForPeople() {
    #expect(InfoText.human(0) == "0B")
    #expect(InfoText.human(1023) == "1023B")
    #expect(InfoText.human(1024) == "1.00K")
    #expect(InfoText.human(995_848) == "972.51K")
    #expect(InfoText.human(25_276_502_016) == "23.54G")
    #expect(InfoText.fixed(0.05, 2) == "0.05")
    #expect(InfoText.fixed(-1.5, 1) == "-1.5")
    #expect(InfoText.fixed(0.999, 2) == "1.00")
    #expect(InfoText.fixed(.infinity, 2) == "0")
    #expect(InfoText.fixed(3, 6) == "3.000000")
  }

  @Test func rates() {
    var meter = RateMeter()
    for turn in 0...16 { meter.sample(turn * 50, nowMilliseconds: 1000 + turn * 100) }
    #expect(meter.perSecond == 500)
    // The counter was reset.
    meter.sample(0, nowMilliseconds: 2700)
    #expect(meter.perSecond == 500.0 * 15 / 16)
    // The same moment twice.
    meter.sample(10, nowMilliseconds: 2700)
    #expect(meter.perSecond == 500.0 * 15 / 16)
  }
}
