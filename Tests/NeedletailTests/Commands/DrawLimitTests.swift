import Testing

@testable import Needletail

/// HRANDFIELD, SRANDMEMBER and ZRANDMEMBER with counts without end.
@Suite struct DrawLimitTests {
  /// At, below and above the most elements that are drawn with repetitions, for all three commands that draw.
  @Test func drawsAreLimited() {
    let server = TestServer()
    server.run("HSET", "h", "f", "v")
    server.run("SADD", "s", "m")
    server.run("ZADD", "z", "1", "m")
    for (command, key) in [("HRANDFIELD", "h"), ("SRANDMEMBER", "s"), ("ZRANDMEMBER", "z")] {
      #expect(server.run(command, key, "\(-1000)").elements?.count == 1000)
      #expect(server.run(command, key, "\(-Engine.drawsMax - 1)") == .error("ERR value is out of range"))
      #expect(server.run(command, key, "\(-Int.max)") == .error("ERR value is out of range"))
    }
    #expect(server.run("SRANDMEMBER", "s", "\(-Engine.drawsMax)").elements?.count == Engine.drawsMax)
  }
}
