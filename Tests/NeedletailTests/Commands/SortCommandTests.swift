import Testing

@testable import Needletail

@Suite struct SortCommandTests {
  private let server = TestServer()

  private func run(_ line: String) -> Reply { server.run(line.split(separator: " ").map { Array($0.utf8) }) }

  private let notANumber = Reply.error("ERR One or more scores can't be converted into double")

  @Test func byThemselves() {
    _ = run("RPUSH l 3 1 2 10")
    _ = run("SADD s 5 1 30 2")
    _ = run("ZADD z 1 c 2 a 3 b")
    for (line, expected) in [
      ("SORT no", []), ("SORT l", ["1", "2", "3", "10"]), ("SORT l DESC", ["10", "3", "2", "1"]),
      ("SORT l DESC ASC", ["1", "2", "3", "10"]), ("SORT l ALPHA", ["1", "10", "2", "3"]),
      ("SORT l LIMIT 1 2", ["2", "3"]), ("SORT l LIMIT -5 1", ["1"]), ("SORT l LIMIT 9 1", []),
      ("SORT l LIMIT 0 0", []),
      ("SORT l LIMIT 1 9223372036854775807", ["2", "3", "10"]), ("SORT l LIMIT 1 -7", ["2", "3", "10"]),
      ("SORT_RO s", ["1", "2", "5", "30"]), ("SORT z", notANumber), ("SORT z ALPHA DESC", ["c", "b", "a"]),
    ] as [(String, Reply)] {
      #expect(run(line) == expected, "\(line)")
    }
  }

  @Test func unsorted() {
    _ = run("RPUSH l 3 1 2 10")
    _ = run("ZADD z 1 c 2 a 3 b")
    _ = run("SADD s 5 1 30 2")
    for (line, expected) in [
      ("SORT l BY nosort", ["3", "1", "2", "10"]), ("SORT l BY nosort DESC", ["10", "2", "1", "3"]),
      ("SORT l BY nosort LIMIT 1 2", ["1", "2"]), ("SORT l BY nosort DESC LIMIT 1 2", ["2", "1"]),
      ("SORT z BY nosort", ["c", "a", "b"]), ("SORT z BY nosort DESC LIMIT 1 1", ["a"]),
      ("SORT z BY nosort LIMIT 1 9", ["a", "b"]), ("SORT s BY nosort DESC", ["1", "2", "5", "30"]),
      ("SORT s BY nosort STORE d", 4), ("LRANGE d 0 -1", ["1", "2", "30", "5"]),
    ] as [(String, Reply)] {
      #expect(run(line) == expected, "\(line)")
    }
  }

  @Test func byOtherKeys() {
    _ = run("RPUSH l 3 1 2 10")
    _ = run("MSET w_1 b w_2 a w_3 c w_10 9")
    #expect(run("SORT l BY w_* ALPHA") == ["10", "2", "1", "3"])
    #expect(run("SORT l BY w_*") == notANumber)
    _ = run("MSET w_1 5 w_2 5 w_3 5")
    _ = run("DEL w_10")
    #expect(run("SORT l BY w_*") == ["10", "1", "2", "3"])
    #expect(run("SORT l BY w_* DESC") == ["3", "2", "1", "10"])
    #expect(run("SORT l BY w_* ALPHA DESC") == ["3", "1", "2", "10"])
    _ = run("HSET h_1 f 9 g->x q")
    _ = run("HSET h_2 f 1")
    _ = run("SET h_3 1")
    _ = run("SET h_1-> arrow")
    #expect(run("SORT l BY h_*->f GET # GET h_*->f GET h_*-> GET h_*->g->x GET h_*") == [
      "10", .null, .null, .null, .null, "3", .null, .null, .null, "1", "2", "1", .null, .null, .null, "1", "9", "arrow",
      "q", .null,
    ])
    #expect(run("SORT l GET nostar GET #") == [.null, "1", .null, "2", .null, "3", .null, "10"])
    #expect(server.connect(isRESP3: true).run("SORT", "l", "LIMIT", "0", "1", "GET", "x*") == [.null])
  }

  @Test func storing() {
    _ = run("RPUSH l 3 1 2")
    _ = run("SET d string")
    #expect(run("SORT l STORE d") == 3)
    #expect(run("LRANGE d 0 -1") == ["1", "2", "3"])
    #expect(run("SORT l DESC STORE l") == 3)
    #expect(run("LRANGE l 0 -1") == ["3", "2", "1"])
    _ = run("SET w_2 two")
    #expect(run("SORT l GET w_* GET # STORE d") == 6)
    #expect(run("LRANGE d 0 -1") == ["", "1", "two", "2", "", "3"])
    #expect(run("SORT l LIMIT 5 1 STORE d") == 0)
    #expect(run("EXISTS d") == 0)
    #expect(run("SORT no STORE l") == 0)
    #expect(run("EXISTS l") == 0)
  }

  @Test func numbers() {
    for (text, place) in [
      ("1e400", 2), ("-1e400", 0), ("inf", 2), ("-Infinity", 0), ("+5", 2), ("1e3", 2), (".5", 1), ("5.", 2), ("", 0),
      ("1\u{0}abc", 1), ("1e-400", 1),
    ] {
      _ = run("DEL l")
      _ = server.run("RPUSH", "l", "2", text, "0")
      #expect(run("SORT l")[place] == .bulk(text), "\(text)")
    }
    for text in ["0x10", " 1", "1 ", "nan", "1d", "-", "+", ".", "infx", "1e", "--1"] {
      _ = run("DEL l")
      _ = server.run("RPUSH", "l", "2", text, "0")
      #expect(run("SORT l") == notANumber, "\(text)")
    }
  }

  @Test func badArguments() {
    _ = run("SET str x")
    for (line, expected) in [
      ("SORT str", .wrongType), ("SORT str foo", .syntaxError), ("SORT no LIMIT 1", .syntaxError),
      ("SORT no BY", .syntaxError),
      ("SORT no STORE", .syntaxError), ("SORT_RO no STORE d", .syntaxError), ("SORT no LIMIT x 1", .notAnInteger),
      ("SORT no LIMIT 1 y", .notAnInteger),
    ] as [(String, Reply)] {
      #expect(run(line) == expected, "\(line)")
    }
  }
}
