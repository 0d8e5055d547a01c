import Testing
@testable import Needletail

extension TestServer {
  /// Sends requests in turn and expects their replies. Arguments are separated by blanks; `''` is an empty one.
  func expect(_ script: [(request: String, reply: Reply)], sourceLocation: SourceLocation = #_sourceLocation) {
    client.expect(script, sourceLocation: sourceLocation)
  }

  /// Sends the request that `line` spells, as in `expect`.
  @discardableResult
  func send(_ line: String) -> Reply { client.send(line) }
}

extension TestClient {
  /// As `TestServer.expect`, for this client.
  func expect(_ script: [(request: String, reply: Reply)], sourceLocation: SourceLocation = #_sourceLocation) {
    for (request, reply) in script {
      let got = send(request)
      #expect(got == reply, "\(request)", sourceLocation: sourceLocation)
    }
  }

  /// Sends the request that `line` spells, as in `expect`.
  @discardableResult
  func send(_ line: String) -> Reply { run(line.split(separator: " ").map { $0 == "''" ? [] : Array($0.utf8) }) }
}

extension Reply {
  static func wrongArity(_ command: String) -> Reply {
    .error("ERR wrong number of arguments for '\(command)' command")
  }

  static func invalidExpiry(_ command: String) -> Reply { .error("ERR invalid expire time in '\(command)' command") }
}

/// Lengths on both sides of every boundary of a string's storage: 20 digits, 44 bytes, one and two length bytes, the
/// entry's own limit.
let interestingStringCounts = [0, 1, 19, 20, 21, 43, 44, 45, 254, 255, 256, 1023, 1024, 1025, 4096, 70_000]

/// `count` bytes, no two neighbours equal.
func bytes(_ count: Int, from first: UInt8 = 0) -> [UInt8] {
  (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0 &* 7) }
}
