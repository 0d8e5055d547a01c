import Testing
@testable import Needletail

/// The fuzzer's judge of replies must find fault where there is one.
@Suite struct RESPCheckTests {
  private static func replies(_ text: String, _ allowed: RESPCheck.Allowed, pieces: Int) -> Int? {
    let bytes = Array(text.utf8)
    var check = RESPCheck(allowed)
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      withView(Array(bytes[start..<min(bytes.count, start + pieces)])) { check.take($0) }
    }
    return check.isBetweenReplies ? check.replyCount : nil
  }

  @Test(arguments: [1, 2, 3, 7, 1000]) func validReplies(_ pieces: Int) {
    for (text, allowed, count) in [
      ("+OK\r\n-ERR x\r\n:-12\r\n", .resp2, 3), ("$-1\r\n*-1\r\n$0\r\n\r\n$2\r\n\r\n\r\n", .resp2, 4),
      ("*3\r\n*0\r\n*2\r\n:1\r\n$3\r\nabc\r\n+x\r\n", .resp2, 1), ("*0\r\n*0\r\n", .resp2, 2),
      ("_\r\n#t\r\n,1.5\r\n(123\r\n=5\r\ntxt:x\r\n", .resp3, 5), ("%2\r\n+a\r\n*0\r\n+b\r\n~1\r\n:1\r\n", .resp3, 1),
      ("$-1\r\n_\r\n", .both, 2), ("", .resp2, 0),
    ] as [(String, RESPCheck.Allowed, Int)] {
      #expect(Self.replies(text, allowed, pieces: pieces) == count, "\(text)")
    }
    for text in ["+OK", "+OK\r", "$3\r\nabc", "$3\r\nabc\r", "*2\r\n:1\r\n", "%1\r\n+a\r\n", "*1"] {
      #expect(Self.replies(text, .both, pieces: pieces) == nil, "\(text)")
    }
  }

  @Test(arguments: [
    "x\r\n", "OK\r\n", "$2\r\nabc\r\n", "$3\r\nab\r\n", "+a\nb\r\n", "+a\rb\r\n", "$x\r\n", "$-2\r\n", "*--1\r\n",
    "_\r\n", "#t\r\n", "%0\r\n", "\r\n",
  ])
  func invalidReplies(_ text: String) async {
    await #expect(processExitsWith: .failure) { [text = text as String] in
      _ = Self.replies(text, .resp2, pieces: 1)
    }
  }

  @Test(arguments: ["$-1\r\n", "*-1\r\n"]) func nullsOfTheOtherProtocol(_ text: String) async {
    await #expect(processExitsWith: .failure) { [text = text as String] in
      _ = Self.replies(text, .resp3, pieces: 1)
    }
  }
}
