import Testing

@testable import Needletail

/// Each test runs against both forms of sorted sets.
@Suite struct SortedSetCommandTests {
  static let forms = [128, 0]

  private func server(_ maxEntries: Int) -> TestServer {
    var settings = Settings()
    settings.collections.sortedSetEntries = maxEntries
    settings.debugCommand = .yes
    return TestServer(settings)
  }

  @Test(arguments: forms)
  func adding(form: Int) {
    let server = server(form)
    #expect(server.run("ZADD", "z", "1", "a", "2", "b", "2", "b") == 2)
    #expect(server.run("ZADD", "z", "3", "a", "2", "b", "0", "c") == 1)
    #expect(server.run("ZADD", "z", "CH", "4", "a", "2", "b", "5", "d") == 2)
    #expect(server.run("ZADD", "z", "NX", "9", "a", "9", "e") == 1)
    #expect(server.run("ZADD", "z", "XX", "CH", "7", "a", "9", "f") == 1)
    #expect(server.run("ZADD", "z", "GT", "CH", "6", "a", "1", "g") == 1)
    #expect(server.run("ZADD", "z", "LT", "CH", "6", "a", "100", "g") == 1)
    #expect(server.run("ZRANGE", "z", "0", "-1", "WITHSCORES")
      == ["c", "0", "g", "1", "b", "2", "d", "5", "a", "6", "e", "9"])
    #expect(server.run("OBJECT", "ENCODING", "z") == .bulk(form == 0 ? "skiplist" : "listpack"))
    #expect(server.run("ZADD", "z", "INCR", "1.5", "a") == "7.5")
    #expect(server.run("ZADD", "z", "NX", "INCR", "1.5", "a") == .null)
    #expect(server.run("ZADD", "z", "GT", "INCR", "-1", "a") == .null)
    #expect(server.run("ZADD", "none", "XX", "INCR", "1", "a") == .null)
    #expect(server.run("ZADD", "none", "XX", "1", "a") == 0 && server.run("EXISTS", "none") == 0)
    #expect(server.run("ZINCRBY", "z", "-0.5", "a") == "7" && server.run("ZINCRBY", "z", "3", "new") == "3")
    for option in ["nx", "XX", "Gt", "LT", "ch", "INCR"] {
      #expect(server.run("ZINCRBY", "z", option, "a") == .error("ERR syntax error"))
    }
    #expect(server.run("ZINCRBY", "z", "inf", "a") == "inf")
    #expect(server.run("ZINCRBY", "z", "-inf", "a") == .error("ERR resulting score is not a number (NaN)"))
    #expect(server.run("ZCARD", "z") == 7 && server.run("ZCARD", "none") == 0)
  }

  @Test func addingErrors() {
    let server = server(128)
    let conflict = Reply.error("ERR GT, LT, and/or NX options at the same time are not compatible")
    #expect(server.run("ZADD", "z", "NX", "XX", "1", "a")
      == .error("ERR XX and NX options at the same time are not compatible"))
    #expect(server.run("ZADD", "z", "NX", "GT", "1", "a") == conflict)
    #expect(server.run("ZADD", "z", "GT", "LT", "1", "a") == conflict)
    #expect(server.run("ZADD", "z", "INCR", "1", "a", "2", "b")
      == .error("ERR INCR option supports a single increment-element pair"))
    #expect(server.run("ZADD", "z", "INCR", "NX") == .syntaxError)
    #expect(server.run("ZADD", "z", "1", "a", "2") == .syntaxError)
    #expect(server.run("ZADD", "z", "1", "a", "x", "b") == .error("ERR value is not a valid float"))
    #expect(server.run("EXISTS", "z") == 0)
    server.run("SET", "s", "x")
    for command in [["ZADD", "s", "1", "a"], ["ZCARD", "s"], ["ZSCORE", "s", "a"], ["ZRANGE", "s", "0", "-1"],
      ["ZREM", "s", "a"], ["ZPOPMIN", "s"], ["ZRANK", "s", "a"], ["ZCOUNT", "s", "1", "2"], ["ZUNION", "1", "s"],
      ["ZSCAN", "s", "0"], ["ZRANDMEMBER", "s"], ["ZMPOP", "1", "s", "MIN"], ["ZRANGESTORE", "d", "s", "0", "-1"],
      ["ZREMRANGEBYRANK", "s", "0", "1"], ["ZMSCORE", "s", "a"], ["ZLEXCOUNT", "s", "-", "+"]]
    {
      #expect(server.run(command.map { Array($0.utf8) }) == .wrongType, "\(command)")
    }
  }

  /// What is a score and what is none, and what bounds of ranges are: they are read in different ways.
  @Test func numbers() {
    let server = server(128)
    for (text, expected) in [
      ("0x10", "16"), ("0x.8", "0.5"), (".5", "0.5"), ("5.", "5"), ("+5", "5"), ("1E5", "100000"), ("Infinity", "inf"),
      ("-INF", "-inf"), ("1e-320", "1e-320"), ("00012", "12"), ("-0", "0"), ("9007199254740993", "9007199254740992"),
      ("0.30000000000000004", "0.30000000000000004"), ("123456789012345678", "123456789012345680"),
      ("12345678901234.567", "12345678901234.566"),
    ] {
      server.run("ZADD", "z", text, "a")
      #expect(server.run("ZSCORE", "z", "a") == .bulk(expected), "\(text)")
    }
    for text in ["", " 3", "3 ", "nan", "1e400", "1e-400", "1e", "--1", "abc", "1\0", "-", ".", "inf "] {
      #expect(server.run("ZADD", "z", text, "a") == .error("ERR value is not a valid float"), "\(text)")
    }
    server.run("ZADD", "z", "1", "a")
    for (text, count) in [("", 1), ("1e400", 0), ("(1", 0), ("(0.5", 1), ("1\0x", 1), ("1e-400", 1), ("(", 1)] {
      #expect(server.run("ZCOUNT", "z", text, "inf") == .integer(count), "\(text)")
    }
    for text in ["0x1", "nan", " 1", "x", "1 ", "(("] {
      #expect(server.run("ZCOUNT", "z", text, "inf") == .error("ERR min or max is not a float"), "\(text)")
    }
  }

  @Test func negativeZero() {
    let packed = server(128)
    packed.run("ZADD", "z", "-0", "a")
    #expect(packed.run("ZSCORE", "z", "a") == "0")
    // The first member alone decides how a new set begins, and a range by rank how many there are.
    packed.run("ZADD", "y", "-0", "a", "1", String(repeating: "x", count: 65))
    #expect(packed.run("ZSCORE", "y", "a") == "0" && packed.run("OBJECT", "ENCODING", "y") == "skiplist")
    packed.run("ZADD", "y", "XX", "-0", String(repeating: "x", count: 65))
    packed.run("ZRANGESTORE", "x", "y", "1", "1")
    #expect(packed.run("ZRANGE", "x", "0", "-1", "WITHSCORES") == [.bulk(String(repeating: "x", count: 65)), "-0"])
    let large = server(0)
    large.run("ZADD", "z", "-0", "a")
    #expect(large.run("ZSCORE", "z", "a") == "-0")
  }

  @Test(arguments: forms)
  func looking(form: Int) {
    let server = server(form)
    server.run("ZADD", "z", "1", "a", "2", "b", "2.5", "c", "1e17", "12")
    #expect(server.run("ZSCORE", "z", "c") == "2.5" && server.run("ZSCORE", "z", "12") == "100000000000000000")
    #expect(server.run("ZSCORE", "z", "x") == .null && server.run("ZSCORE", "none", "x") == .null)
    #expect(server.run("ZMSCORE", "z", "a", "x", "c") == ["1", .null, "2.5"])
    #expect(server.run("ZMSCORE", "none", "a", "x") == [.null, .null])
    #expect(server.run("ZRANK", "z", "b") == 1 && server.run("ZREVRANK", "z", "b") == 2)
    #expect(server.run("ZRANK", "z", "c", "WITHSCORE") == [2, "2.5"])
    #expect(server.run("ZRANK", "z", "x") == .null && server.run("ZRANK", "z", "x", "WITHSCORE") == .nullArray)
    #expect(server.run("ZRANK", "none", "x") == .null && server.run("ZREVRANK", "none", "x", "WITHSCORE") == .nullArray)
    #expect(server.run("ZRANK", "z", "a", "x") == .syntaxError)
    #expect(server.run("ZREVRANK", "z", "a", "x", "y")
      == .error("ERR wrong number of arguments for 'zrevrank' command"))
    #expect(server.run("ZCOUNT", "z", "1", "2") == 2 && server.run("ZCOUNT", "z", "(1", "(2.5") == 1)
    #expect(server.run("ZCOUNT", "z", "-inf", "+inf") == 4 && server.run("ZCOUNT", "z", "3", "1") == 0)
    #expect(server.run("ZCOUNT", "none", "1", "2") == 0)
    let client = server.connect(isRESP3: true)
    #expect(client.run("ZSCORE", "z", "c") == .double("2.5") && client.run("ZSCORE", "z", "x") == .null)
    #expect(client.run("ZRANK", "z", "c", "WITHSCORE") == [2, .double("2.5")])
    #expect(client.run("ZRANGE", "z", "0", "1", "WITHSCORES") == [["a", .double("1")], ["b", .double("2")]])
    #expect(client.run("ZRANGE", "z", "0", "1") == ["a", "b"])
  }

  @Test(arguments: forms)
  func ranges(form: Int) {
    let server = server(form)
    server.run("ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d", "5", "e")
    #expect(server.run("ZRANGE", "z", "1", "3") == ["b", "c", "d"])
    #expect(server.run("ZRANGE", "z", "-2", "100") == ["d", "e"] && server.run("ZRANGE", "z", "5", "9") == [])
    #expect(server.run("ZRANGE", "z", "3", "1") == [] && server.run("ZRANGE", "z", "-100", "0") == ["a"])
    #expect(server.run("ZRANGE", "z", "-9223372036854775808", "9223372036854775807", "REV") == ["e", "d", "c", "b",
      "a"])
    #expect(server.run("ZREVRANGE", "z", "0", "1", "WITHSCORES") == ["e", "5", "d", "4"])
    #expect(server.run("ZRANGEBYSCORE", "z", "(1", "4", "LIMIT", "1", "2") == ["c", "d"])
    #expect(server.run("ZRANGEBYSCORE", "z", "-inf", "inf", "LIMIT", "-1", "2") == [])
    #expect(server.run("ZRANGEBYSCORE", "z", "-inf", "inf", "LIMIT", "3", "-1", "WITHSCORES") == ["d", "4", "e", "5"])
    #expect(server.run("ZREVRANGEBYSCORE", "z", "4", "(1") == ["d", "c", "b"])
    #expect(server.run("ZREVRANGEBYSCORE", "z", "inf", "-inf", "LIMIT", "1", "2") == ["d", "c"])
    #expect(server.run("ZRANGE", "z", "4", "2", "BYSCORE", "REV") == ["d", "c", "b"])
    #expect(server.run("ZRANGE", "none", "0", "-1") == [])
    server.run("ZADD", "l", "0", "a", "0", "b", "0", "c", "0", "cc", "0", "d")
    #expect(server.run("ZRANGEBYLEX", "l", "[b", "(d") == ["b", "c", "cc"])
    #expect(server.run("ZRANGEBYLEX", "l", "-", "+", "LIMIT", "1", "2") == ["b", "c"])
    #expect(server.run("ZREVRANGEBYLEX", "l", "[cc", "(a") == ["cc", "c", "b"])
    #expect(server.run("ZRANGE", "l", "+", "[c", "BYLEX", "REV", "LIMIT", "0", "2") == ["d", "cc"])
    #expect(server.run("ZRANGEBYLEX", "l", "+", "-") == [] && server.run("ZLEXCOUNT", "l", "(a", "[c") == 2)
    #expect(server.run("ZLEXCOUNT", "l", "-", "+") == 5 && server.run("ZLEXCOUNT", "l", "[bb", "(bb") == 0)
  }

  @Test func rangeErrors() {
    let server = server(128)
    server.run("ZADD", "z", "1", "a", "2", "b")
    #expect(server.run("ZRANGE", "z", "0", "-1", "LIMIT", "0", "-1") == ["a", "b"])
    #expect(server.run("ZRANGE", "z", "0", "-1", "LIMIT", "0", "1")
      == .error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"))
    #expect(server.run("ZRANGE", "z", "-", "+", "BYLEX", "WITHSCORES")
      == .error("ERR syntax error, WITHSCORES not supported in combination with BYLEX"))
    #expect(server.run("ZREVRANGE", "z", "0", "-1", "REV") == .syntaxError)
    #expect(server.run("ZRANGE", "z", "0", "1", "BYSCORE", "BYLEX") == .syntaxError)
    #expect(server.run("ZRANGE", "z", "a", "b") == .notAnInteger)
    #expect(server.run("ZRANGE", "z", "a", "b", "BYSCORE") == .error("ERR min or max is not a float"))
    #expect(server.run("ZRANGE", "z", "a", "b", "BYLEX") == .error("ERR min or max not valid string range item"))
    #expect(server.run("ZLEXCOUNT", "z", "-", "+x") == .error("ERR min or max not valid string range item"))
    #expect(server.run("ZRANGEBYSCORE", "z", "0", "1", "LIMIT", "0") == .syntaxError)
    #expect(server.run("ZRANGESTORE", "d", "z", "0", "-1", "WITHSCORES") == .syntaxError)
  }

  @Test(arguments: forms)
  func removing(form: Int) {
    let server = server(form)
    func fill() { server.run("ZADD", "z", "1", "a", "2", "b", "3", "c", "4", "d", "5", "e") }
    fill()
    #expect(server.run("ZREM", "z", "b", "x", "b", "d") == 2 && server.run("ZRANGE", "z", "0", "-1") == ["a", "c", "e"])
    #expect(server.run("ZREM", "z", "a", "c", "e", "f") == 3 && server.run("EXISTS", "z") == 0)
    #expect(server.run("ZREM", "z", "a") == 0)
    fill()
    #expect(server.run("ZREMRANGEBYRANK", "z", "1", "-3") == 2
      && server.run("ZRANGE", "z", "0", "-1") == ["a", "d", "e"])
    #expect(server.run("ZREMRANGEBYSCORE", "z", "(4", "inf") == 1 && server.run("ZREMRANGEBYSCORE", "z", "7", "9") == 0)
    #expect(server.run("ZREMRANGEBYLEX", "z", "-", "+") == 2 && server.run("EXISTS", "z") == 0)
    fill()
    #expect(server.run("ZPOPMIN", "z") == ["a", "1"] && server.run("ZPOPMAX", "z", "2") == ["e", "5", "d", "4"])
    #expect(server.run("ZPOPMIN", "z", "0") == [] && server.run("ZPOPMIN", "none") == [])
    #expect(server.connect(isRESP3: true).run("ZPOPMIN", "z", "1") == [["b", .double("2")]])
    #expect(server.connect(isRESP3: true).run("ZPOPMIN", "z") == ["c", .double("3")] && server.run("EXISTS", "z") == 0)
    fill()
    #expect(server.run("ZMPOP", "2", "none", "z", "MIN") == ["z", [["a", "1"]]])
    #expect(server.run("ZMPOP", "1", "z", "MAX", "COUNT", "9")
      == ["z", [["e", "5"], ["d", "4"], ["c", "3"], ["b", "2"]]])
    #expect(server.run("ZMPOP", "1", "z", "MIN") == .nullArray)
    #expect(server.run("ZMPOP", "0", "z", "MIN") == .error("ERR numkeys should be greater than 0"))
    #expect(server.run("ZMPOP", "1", "z", "MIN", "COUNT", "0") == .error("ERR count should be greater than 0"))
    for wrong in [["9", "z", "MIN"], ["9223372036854775807", "z", "MIN"], ["1", "z", "MID"],
      ["1", "z", "MIN", "COUNT"]] {
      #expect(server.run((["ZMPOP"] + wrong).map { Array($0.utf8) }) == .syntaxError, "\(wrong)")
    }
    #expect(server.run("ZPOPMIN", "z", "-1") == .error("ERR value is out of range, must be positive"))
    #expect(server.run("ZPOPMIN", "z", "1", "2") == .syntaxError)
  }

  @Test(arguments: forms)
  func combining(form: Int) {
    let server = server(form)
    server.run("ZADD", "x", "1", "a", "2", "b", "3", "c")
    server.run("ZADD", "y", "10", "b", "20", "c", "30", "d")
    #expect(server.run("ZUNION", "2", "x", "y", "WITHSCORES") == ["a", "1", "b", "12", "c", "23", "d", "30"])
    #expect(server.run("ZUNION", "2", "x", "y", "WEIGHTS", "2", "-1", "WITHSCORES")
      == ["d", "-30", "c", "-14", "b", "-6", "a", "2"])
    #expect(server.run("ZINTER", "2", "x", "y", "AGGREGATE", "MAX", "WITHSCORES") == ["b", "10", "c", "20"])
    #expect(server.run("ZINTER", "2", "x", "y", "AGGREGATE", "MIN", "WITHSCORES") == ["b", "2", "c", "3"])
    #expect(server.run("ZUNION", "2", "x", "y", "AGGREGATE", "COUNT", "WITHSCORES")
      == ["a", "1", "d", "1", "b", "2", "c", "2"])
    #expect(server.run("ZINTER", "2", "x", "y", "WEIGHTS", "2", "3", "AGGREGATE", "COUNT", "WITHSCORES")
      == ["b", "5", "c", "5"])
    #expect(server.run("ZINTER", "2", "x", "x", "WITHSCORES") == ["a", "2", "b", "4", "c", "6"])
    #expect(server.run("ZDIFF", "2", "x", "y", "WITHSCORES") == ["a", "1"] && server.run("ZDIFF", "2", "x", "x") == [])
    #expect(server.run("ZDIFF", "2", "none", "x") == [] && server.run("ZINTER", "2", "none", "x") == [])
    #expect(server.run("ZINTERCARD", "2", "x", "y") == 2 && server.run("ZINTERCARD", "2", "x", "y", "LIMIT", "1") == 1)
    #expect(server.run("ZUNIONSTORE", "d", "2", "x", "y") == 4 && server.run("ZCARD", "d") == 4)
    #expect(server.run("OBJECT", "ENCODING", "d") == .bulk(form == 0 ? "skiplist" : "listpack"))
    #expect(server.run("ZINTERSTORE", "x", "2", "x", "y") == 2)
    #expect(server.run("ZRANGE", "x", "0", "-1", "WITHSCORES") == ["b", "12", "c", "23"])
    #expect(server.run("ZDIFFSTORE", "d", "2", "x", "y") == 0 && server.run("EXISTS", "d") == 0)
    #expect(server.run("ZRANGESTORE", "d", "y", "1", "2") == 2 && server.run("ZRANGE", "d", "0", "-1") == ["c", "d"])
    #expect(server.run("ZRANGESTORE", "d", "y", "100", "15", "BYSCORE", "REV", "LIMIT", "0", "1") == 1)
    #expect(server.run("ZRANGE", "d", "0", "-1") == ["d"])
    #expect(server.run("ZRANGESTORE", "d", "none", "0", "-1") == 0 && server.run("EXISTS", "d") == 0)
    server.run("ZADD", "i", "inf", "a")
    server.run("ZADD", "j", "-inf", "a")
    #expect(server.run("ZUNION", "2", "i", "j", "WITHSCORES") == ["a", "0"])
    #expect(server.run("ZUNION", "1", "i", "WEIGHTS", "0", "WITHSCORES") == ["a", "0"])
    #expect(server.connect(isRESP3: true).run("ZUNION", "1", "i", "WITHSCORES") == [["a", .double("inf")]])
  }

  @Test func combiningErrors() {
    let server = server(128)
    server.run("ZADD", "z", "1", "a")
    #expect(server.run("ZUNION", "0", "z") == .error("ERR at least 1 input key is needed for 'zunion' command"))
    #expect(server.run("ZDIFFSTORE", "d", "0",
      "z") == .error("ERR at least 1 input key is needed for 'zdiffstore' command"))
    #expect(server.run("ZINTERCARD", "0", "z") == .error("ERR at least 1 input key is needed for 'zintercard' command"))
    #expect(server.run("ZUNION", "x", "z") == .notAnInteger && server.run("ZUNION", "2", "z") == .syntaxError)
    #expect(server.run("ZUNION", "9223372036854775807", "z") == .syntaxError)
    #expect(server.run("ZUNION", "1", "z", "WEIGHTS", "x") == .error("ERR weight value is not a float"))
    #expect(server.run("ZINTERCARD", "1", "z", "LIMIT", "-1") == .error("ERR LIMIT can't be negative"))
    for wrong in [["ZUNION", "1", "z", "WEIGHTS"], ["ZUNION", "1", "z", "AGGREGATE", "x"],
      ["ZDIFF", "1", "z", "WEIGHTS", "1"],
      ["ZUNIONSTORE", "d", "1", "z", "WITHSCORES"], ["ZINTERCARD", "1", "z", "WITHSCORES"],
        ["ZUNION", "1", "z", "LIMIT", "1"]]
    {
      #expect(server.run(wrong.map { Array($0.utf8) }) == .syntaxError, "\(wrong)")
    }
  }

  /// Every draw gives members, each as often as another; with a positive count none twice.
  @Test(arguments: forms)
  func drawing(form: Int) {
    let server = server(form)
    for i in 0..<40 { server.run("ZADD", "z", "\(i)", "m\(i)") }
    var seen: [String: Int] = [:]
    for reply in server.run("ZRANDMEMBER", "z", "-8000").elements! { seen[reply.text!, default: 0] += 1 }
    #expect(seen.count == 40 && seen.values.allSatisfy { 100...320 ~= $0 }, "\(seen)")
    seen = [:]
    for _ in 0..<1000 {
      let drawn = server.run("ZRANDMEMBER", "z", "8").elements!.map { $0.text! }
      #expect(Set(drawn).count == 8)
      for member in drawn { seen[member, default: 0] += 1 }
    }
    #expect(seen.count == 40 && seen.values.allSatisfy { 100...320 ~= $0 }, "\(seen)")
    #expect(server.run("ZRANDMEMBER", "z", "100").elements!.count == 40)
    #expect(server.run("ZRANDMEMBER", "z", "2", "WITHSCORES").elements!.count == 4)
    #expect(server.connect(isRESP3: true).run("ZRANDMEMBER", "z", "2", "WITHSCORES").elements!.count == 2)
    #expect(server.run("ZRANDMEMBER", "z", "0") == [] && server.run("ZRANDMEMBER", "none", "3") == [])
    #expect(server.run("ZRANDMEMBER", "none") == .null && server.run("ZRANDMEMBER", "z").text!.hasPrefix("m"))
    #expect(server.run("ZRANDMEMBER", "z", "-9223372036854775807", "WITHSCORES") == .error("ERR value is out of range"))
    #expect(server.run("ZRANDMEMBER", "z", "-9223372036854775808")
      == .error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"))
  }

  @Test(arguments: forms)
  func scanning(form: Int) {
    let server = server(form)
    for i in 0..<100 { server.run("ZADD", "z", "\(i)", "m\(i)") }
    var seen: [String: String] = [:]
    var cursor = "0"
    repeat {
      let reply = server.run("ZSCAN", "z", cursor, "COUNT", "7").elements!
      cursor = reply[0].text!
      let members = reply[1].elements!
      for index in stride(from: 0, to: members.count, by: 2) { seen[members[index].text!] = members[index + 1].text! }
    } while cursor != "0"
    #expect(seen.count == 100 && seen["m42"] == "42")
    #expect(server.run("ZSCAN", "z", "0", "MATCH", "m99", "COUNT", "1000") == ["0", ["m99", "99"]])
    #expect(server.run("ZSCAN", "z", "0", "MATCH", "m99", "NOSCORES", "COUNT", "1000") == ["0", ["m99"]])
    #expect(server.run("ZSCAN", "none", "0", "FOO") == ["0", []]
      && server.run("ZSCAN", "z", "0", "FOO") == .syntaxError)
    #expect(server.run("ZSCAN", "z", "x") == .error("ERR invalid cursor"))
  }

  /// The number of pairs of a command decides, repeated ones included, as in Redis.
  @Test func encodings() {
    let server = server(4)
    func encoding(_ key: String) -> Reply { server.run("OBJECT", "ENCODING", key) }
    server.run("ZADD", "a", "1", "a", "2", "b", "3", "c", "4", "d")
    #expect(encoding("a") == "listpack")
    server.run("ZADD", "a", "5", "e")
    #expect(encoding("a") == "skiplist")
    server.run("ZREM", "a", "a", "b", "c", "d")
    #expect(encoding("a") == "skiplist")
    server.run("ZADD", "b", "1", String(repeating: "x", count: 64))
    #expect(encoding("b") == "listpack")
    server.run("ZADD", "b", "1", String(repeating: "x", count: 65))
    #expect(encoding("b") == "skiplist")
    server.run("ZADD", "c", "1", "a", "1", "a", "1", "a", "1", "a", "1", "a")
    #expect(encoding("c") == "skiplist" && server.run("ZCARD", "c") == 1)
    server.run("ZADD", "d", "1", "a")
    server.run("ZADD", "d", "XX", "1", String(repeating: "x", count: 100))
    #expect(encoding("d") == "listpack")
    server.run("ZADD", "d", "XX", "1", "a", "1", "a", "1", "a", "1", "a", "1", "a")
    #expect(encoding("d") == "skiplist")
    server.run("ZUNIONSTORE", "e", "1", "d")
    #expect(encoding("e") == "listpack")
  }

  // MARK: Whole values

  private func bytes(_ hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
  }

  /// What Redis 8.2.3 wrote, packed and large, and the digests that it has of the same values.
  @Test(arguments: forms)
  func payloadsOfRedis(form: Int) {
    let server = server(form)
    let packed = bytes("11292900000008002c01dff902836f6e650401018374776f0483322e35048574687265650683696e6604ff0c0021243d385dffa8b9")
    #expect(server.run([Array("RESTORE".utf8), Array("a".utf8), Array("0".utf8), packed]) == .ok)
    #expect(server.run("ZRANGE", "a", "0", "-1", "WITHSCORES") == ["44", "-7", "one", "1", "two", "2.5", "three",
      "inf"])
    #expect(server.run("DEBUG", "DIGEST-VALUE", "a") == [.simple("1e7dbb7ae67bc5b73bcda1e49152b81042df3145")])
    let large = bytes("0506057468726565000000000000f07f0362696700a0d885573476430374776f0000000000000440036f6e65000000000000f03f047a65726f0000000000000080c02c0000000000001cc00c00346e754def08b087")
    #expect(server.run([Array("RESTORE".utf8), Array("b".utf8), Array("0".utf8), large]) == .ok)
    #expect(server.run("DEBUG", "DIGEST-VALUE", "b")
      == [.simple(form == 0 ? "c9d663def9e6ced87bfd535e02d6a544389e20af" : "c7fc047f7835c79ddb52304c7a3ab23e2a91263e")])
    #expect(server.run("OBJECT", "ENCODING", "b") == .bulk(form == 0 ? "skiplist" : "listpack"))
    for key in ["a", "b"] {
      guard case .bytes(let dumped) = server.run("DUMP", key) else {
        Issue.record("no payload")
        return
      }
      #expect(dumped[0] == 5 && dumped[dumped.count - 10] == 8)
      #expect(server.run([Array("RESTORE".utf8), Array("copy".utf8), Array("0".utf8), dumped,
        Array("REPLACE".utf8)]) == .ok)
      #expect(server.run("DEBUG", "DIGEST-VALUE", "copy") == server.run("DEBUG", "DIGEST-VALUE", key))
    }
  }

  /// COPY, RENAME, MOVE, expiry and overwriting, in every form a value can have.
  @Test(arguments: [3, 100, 1000], forms)
  func wholeValues(count: Int, form: Int) {
    let server = server(form)
    for i in 0..<count { server.run("ZADD", "z", "\(i % 7).5", "member:\(i)") }
    let digest = server.run("DEBUG", "DIGEST-VALUE", "z")
    #expect(server.run("COPY", "z", "copy") == 1 && server.run("DEBUG", "DIGEST-VALUE", "copy") == digest)
    #expect(server.run("ZREM", "copy", "member:1") == 1 && server.run("DEBUG", "DIGEST-VALUE", "z") == digest)
    #expect(server.run("RENAME", "z", "new") == .ok && server.run("DEBUG", "DIGEST-VALUE", "new") == digest)
    #expect(server.run("ZSCORE", "new", "member:2") == "2.5" && server.run("MOVE", "new", "1") == 1)
    server.run("SELECT", "1")
    #expect(server.run("DEBUG", "DIGEST-VALUE", "new") == digest && server.run("ZCARD", "new") == .integer(count))
    #expect(server.run("PEXPIRE", "new", "5") == 1 && server.run("ZCARD", "new") == .integer(count))
    #expect(server.run("TYPE", "new") == .simple("zset")
      && server.run("MEMORY", "USAGE", "new").integerValue! > count * 8)
    server.advance(milliseconds: 6)
    #expect(server.run("EXISTS", "new") == 0)
    server.run("ZADD", "y", "1", "a")
    #expect(server.run("SET", "y", "text") == .ok && server.run("GET", "y") == "text")
    #expect(server.run("FLUSHALL") == .ok && server.run("EXISTS", "copy") == 0)
  }
}
