import Testing
@testable import Needletail

@Suite struct CommandLogTests {
  private func entry(_ log: CommandLog, _ amount: Int) -> CommandLog.Entry {
    CommandLog.Entry(id: log.id, unixSeconds: 1, amount: amount, arguments: [], address: [], clientName: [])
  }

  @Test func keepsTheNewest() {
    var log = CommandLog()
    for number in 0..<1000 {
      log.add(entry(log, number), limit: 100)
      #expect(log.count == min(number + 1, 100))
      #expect(log.newest(3).map(\.amount) == [number, number - 1, number - 2].filter { $0 >= 0 })
    }
    #expect(log.newest(.max).map(\.amount) == Array((900..<1000).reversed()))
    // A lower limit takes effect with the next entry.
    log.add(entry(log, 0), limit: 2)
    #expect(log.newest(10).map(\.id) == [1000, 999])
    log.add(entry(log, 0), limit: 0)
    #expect(log.count == 0)
    log.removeAll()
    log.add(entry(log, 7), limit: 1)
    #expect(log.newest(1).map(\.id) == [1002])
  }

  /// How many arguments are shown and how many bytes of them: at the limit, and one more.
  @Test func limitsOfArguments() {
    var settings = Settings()
    settings.slowlogThresholdMicroseconds = 0
    settings.slowlogEntryMaxArguments = 4
    settings.slowlogEntryMaxStringBytes = 5
    let server = TestServer(settings)
    func logged(_ request: String...) -> [String] {
      server.run(request.map { Array($0.utf8) })
      return server.withEngine { engine in
        engine.commandLogs[.slow].newest(1).flatMap { $0.arguments.map { String(decoding: $0, as: UTF8.self) } }
      }
    }
    #expect(logged("SET", "k", "12345") == ["SET", "k", "12345"])
    #expect(logged("SET", "k", "123456") == ["SET", "k", "12345... (1 more bytes)"])
    #expect(logged("DEL", "1", "2", "3") == ["DEL", "1", "2", "3"])
    #expect(logged("DEL", "1", "2", "3", "4") == ["DEL", "1", "2", "... (2 more arguments)"])
  }

  @Test func secretsAreNotLogged() {
    var settings = Settings()
    settings.slowlogThresholdMicroseconds = 0
    let server = TestServer(settings)
    server.run("AUTH", "geheim")
    server.run("AUTH", "default", "geheim")
    server.run("HELLO", "2", "AUTH", "geheim", "geheim", "SETNAME", "auth")
    server.run("HELLO", "2", "SETNAME", "auth", "AUTH", "x", "geheim")
    server.run("CONFIG", "SET", "RequirePass", "geheim", "maxclients", "100", "masterauth", "geheim")
    server.run("MIGRATE", "h", "1", "k", "0", "1", "COPY", "AUTH", "geheim", "KEYS", "k")
    server.run("MIGRATE", "h", "1", "", "0", "1", "AUTH2", "geheim", "geheim", "KEYS", "auth", "k")
    server.withEngine { engine in
      for entry in engine.commandLogs[.slow].newest(.max) {
        for argument in entry.arguments { #expect(argument != Array("geheim".utf8)) }
      }
      #expect(engine.commandLogs[.slow].count >= 6)
      let last = engine.commandLogs[.slow].newest(1).flatMap { $0.arguments.map { String(decoding: $0, as: UTF8.self) } }
      #expect(last.suffix(6) == ["AUTH2", "(redacted)", "(redacted)", "KEYS", "auth", "k"])
    }
  }
}
