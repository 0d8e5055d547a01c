import Glibc
import Testing
@testable import Needletail

@Suite struct CrashReportTests {
  /// What a report says of a batch in which `executing` is being run.
  private func description(_ requests: [[String]], executing: Int = 0, renamed: [RenamedCommand] = []) -> String {
    var settings = Settings()
    settings.renamedCommands = renamed
    let server = TestServer(settings)
    var batch = RequestBatch()
    var kept: [[UInt8]] = []
    for words in requests { kept.append(contentsOf: words.map { Array($0.utf8) }) }
    let bytes = kept.flatMap { $0 }
    return unsafe bytes.withUnsafeBytes { buffer in
      var offset = 0
      for words in requests {
        let first = batch.arguments.count
        for word in words {
          let view = unsafe ByteView(buffer.baseAddress! + offset, count: word.utf8.count)
          batch.arguments.append(view)
          offset += view.count
        }
        unsafe batch.append(RequestBatch.Item(client: server.client.handle, arguments: nil, first: first,
          count: words.count, command: server.withEngine { $0.commands.lookup(unsafe batch.arguments.base[first]) }, hash: 0,
          hashedIndex: -1))
      }
      batch.executing = executing
      var ends: [CInt] = [0, 0]
      unsafe pipe(&ends)
      let isThere = server.withEngine { batch.describeExecuting(to: ends[1], $0.commands) }
      close(ends[1])
      var text = [UInt8](repeating: 0, count: 4096)
      let count = unsafe read(ends[0], &text, text.count)
      close(ends[0])
      #expect(isThere == (count > 0))
      return String(decoding: text.prefix(count), as: UTF8.self)
    }
  }

  @Test func theRequestThatRuns() {
    #expect(description([["GET", "a"], ["SET", "b", "c"]], executing: 1) == "\"SET\" \"b\" \"c\"\n")
    #expect(description([], executing: 0) == "")
    #expect(description([["GET", "a"]], executing: 1) == "")
    #expect(description([["GET", "a"]], executing: -1) == "")
  }

  @Test func bytesThatCannotBePrinted() {
    #expect(description([["GET", "a\n\"\\\u{7f}"]]) == "\"GET\" \"a\\x0a\\x22\\x5c\\x7f\"\n")
  }

  @Test func limits() {
    let words = (0..<15).map { "\($0)" }
    let shown = (["MGET"] + words).map { "\"\($0)\"" }.joined(separator: " ")
    #expect(description([["MGET"] + words]) == shown + "\n")
    #expect(description([["MGET"] + words + ["x"]]) == shown + " ...\n")
    let longest = String(repeating: "x", count: 128)
    #expect(description([["GET", longest]]) == "\"GET\" \"\(longest)\"\n")
    #expect(description([["GET", longest + "x"]]) == "\"GET\" \"\(longest)... (129 bytes)\"\n")
  }

  @Test(arguments: ["AUTH", "hello", "Config", "ACL", "migrate"]) func passwordsAreLeftOut(_ name: String) {
    #expect(description([[name, "secret"]]) == "\"\(name)\" ...\n")
    #expect(description([[name]]) == "\"\(name)\"\n")
  }

  /// One that nobody knows may be another server's name for AUTH.
  @Test func namesDoNotMatter() {
    let renamed = [RenamedCommand(from: "auth", to: "login")]
    #expect(description([["login", "secret"]], renamed: renamed) == "\"login\" ...\n")
    #expect(description([["auth", "secret"]], renamed: renamed) == "\"auth\" ...\n")
  }

  /// What the command may have freed is not looked at.
  @Test func largeArguments() {
    let count = RequestParser.largeArgumentBytes
    #expect(description([["SET", "k", String(repeating: "x", count: count)]]) == "\"SET\" \"k\" \"(large)\"\n")
    #expect(description([["SET", "k", String(repeating: "x", count: count - 1)]]).hasSuffix("... (\(count - 1) bytes)\"\n"))
  }
}
