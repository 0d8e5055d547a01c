import Testing
@testable import Needletail

/// How a hash is kept, by the settings that make it so.
enum HashForm: CaseIterable, CustomTestStringConvertible {
  case packed, large

  var settings: Settings {
    var settings = Settings()
    if self == .large { settings.collections.hashEntries = 0 }
    return settings
  }

  var encoding: Reply { self == .packed ? "listpack" : "hashtable" }
  var testDescription: String { self == .packed ? "packed" : "large" }
}

extension Reply {
  /// A map whose keys and values are bulk strings, in any order, as a dictionary.
  var fields: [String: String]? {
    guard let elements, elements.count % 2 == 0 else { return nil }
    var fields: [String: String] = [:]
    for index in stride(from: 0, to: elements.count, by: 2) {
      guard let field = elements[index].text, let value = elements[index + 1].text,
        fields.updateValue(value, forKey: field) == nil
      else { return nil }
    }
    return fields
  }

  /// The strings of an array, sorted.
  var sortedTexts: [String]? { elements?.compactMap(\.text).sorted() }
}

@Suite struct HashCommandTests {
  // MARK: One field

  @Test(arguments: HashForm.allCases) func settingAndGetting(_ form: HashForm) {
    let server = TestServer(form.settings)
    server.expect([
      ("HGET h f", .null), ("HSET h f v", 1), ("OBJECT ENCODING h", form.encoding), ("TYPE h", .simple("hash")),
      ("HGET h f", "v"), ("HSET h f w", 0), ("HGET h f", "w"), ("HGET h none", .null),
      ("HSET h a 1 b 2 f x", 2), ("HGET h b", "2"), ("HGET h f", "x"), ("HSET h c 1 c 2 c 3", 1), ("HGET h c", "3"),
      ("HLEN h", 4), ("HLEN none", 0), ("HSET h '' ''", 1), ("HGET h ''", ""), ("HSTRLEN h ''", 0),
      ("HSET h 12 -34", 1), ("HGET h 12", "-34"), ("HSTRLEN h 12", 3), ("HGET h 012", .null),
      ("HSTRLEN h b", 1), ("HSTRLEN h none", 0), ("HSTRLEN none f", 0),
      ("HEXISTS h a", 1), ("HEXISTS h none", 0), ("HEXISTS none f", 0), ("HEXISTS h 12", 1),
      ("HSET h", .wrongArity("hset")), ("HSET h f", .wrongArity("hset")), ("HSET h f v g", .wrongArity("hset")),
      ("HGET h", .wrongArity("hget")), ("HGET h a b", .wrongArity("hget")), ("HLEN h a", .wrongArity("hlen")),
    ])
  }

  @Test(arguments: HashForm.allCases) func settingWhatIsNotThere(_ form: HashForm) {
    let server = TestServer(form.settings)
    server.expect([
      ("HSETNX h f v", 1), ("HSETNX h f w", 0), ("HGET h f", "v"), ("HSETNX h g w", 1), ("HLEN h", 2),
      ("OBJECT ENCODING h", form.encoding), ("HSETNX h f", .wrongArity("hsetnx")),
      ("HSETNX h f v x", .wrongArity("hsetnx")),
      ("HMSET h f 1 x 2", .ok), ("HMGET h f x g", ["1", "2", "w"]), ("HMSET h f", .wrongArity("hmset")),
      ("HMSET h f 1 x", .wrongArity("hmset")), ("HMSET m a 1", .ok), ("HLEN m", 1),
    ])
  }

  @Test(arguments: HashForm.allCases) func manyFields(_ form: HashForm) {
    let server = TestServer(form.settings)
    server.expect([
      ("HMGET none a b", [.null, .null]), ("HSET h a 1 b two c ''", 3), ("HMGET h c none a a", ["", .null, "1", "1"]),
      ("HMGET h", .wrongArity("hmget")), ("HGETALL none", []), ("HKEYS none", []), ("HVALS none", []),
      ("HGETALL h x", .wrongArity("hgetall")),
    ])
    #expect(server.send("HGETALL h").fields == ["a": "1", "b": "two", "c": ""])
    #expect(server.send("HKEYS h").sortedTexts == ["a", "b", "c"])
    #expect(server.send("HVALS h").sortedTexts == ["", "1", "two"])
    if form == .packed { server.expect([("HGETALL h", ["a", "1", "b", "two", "c", ""])]) }
  }

  /// HGETALL is a map; what tells of single fields is no set, and null is RESP3's own.
  @Test(arguments: HashForm.allCases) func shapesOfRESP3(_ form: HashForm) {
    let server = TestServer(form.settings)
    let client = server.connect(isRESP3: true)
    client.expect([
      ("HGETALL h", .map([])), ("HSET h a 1", 1), ("HGETALL h", .map(["a", "1"])), ("HKEYS h", ["a"]),
      ("HVALS h", ["1"]),
      ("HMGET h a b", ["1", .null]), ("HGET h b", .null), ("HRANDFIELD h", "a"), ("HRANDFIELD h 5", ["a"]),
      ("HRANDFIELD h 5 WITHVALUES", [["a", "1"]]), ("HRANDFIELD h -2 WITHVALUES", [["a", "1"], ["a", "1"]]),
      ("HRANDFIELD none", .null), ("HRANDFIELD none 3", []), ("HRANDFIELD none 3 WITHVALUES", []),
      ("HSCAN h 0", ["0", ["a", "1"]]), ("HSCAN h 0 NOVALUES", ["0", ["a"]]), ("HSCAN none 0", ["0", []]),
      ("HINCRBYFLOAT h a 0.5", "1.5"), ("HINCRBY h n 2", 2), ("HGETDEL h FIELDS 2 a b", ["1.5", .null]),
      ("HEXISTS h n", 1),
    ])
  }

  // MARK: Removing

  @Test(arguments: HashForm.allCases) func removing(_ form: HashForm) {
    let server = TestServer(form.settings)
    server.expect([
      ("HDEL h f", 0), ("HSET h a 1 b 2 c 3 d 4", 4), ("HDEL h none", 0), ("HDEL h a none b a", 2),
      ("OBJECT ENCODING h", form.encoding), ("HLEN h", 2), ("HDEL h c d c", 2), ("EXISTS h", 0),
      ("HSET h a 1", 1), ("HDEL h a", 1), ("TYPE h", .simple("none")), ("HDEL h", .wrongArity("hdel")),
    ])
  }

  @Test(arguments: HashForm.allCases) func gettingAndRemoving(_ form: HashForm) {
    let server = TestServer(form.settings)
    let mandatory = Reply.error("ERR Mandatory argument FIELDS is missing or not at the right position")
    let positive = Reply.error("ERR Number of fields must be a positive integer")
    let mismatch = Reply.error("ERR The `numfields` parameter must match the number of arguments")
    server.expect([
      ("HGETDEL none FIELDS 1 a", [.null]), ("HSET h a 1 b 2 c 3", 3),
      ("HGETDEL h FIELDS 3 b none b", ["2", .null, .null]),
      ("HLEN h", 2), ("HGETDEL h fields 2 a c", ["1", "3"]), ("EXISTS h", 0),
      ("HSET h a 1", 1), ("HGETDEL h FELDS 1 a", mandatory), ("HGETDEL h FIELDS 0 a", positive),
      ("HGETDEL h FIELDS x a", positive), ("HGETDEL h FIELDS -1 a", positive), ("HGETDEL h FIELDS 2 a", mismatch),
      ("HGETDEL h FIELDS 1 a b", mismatch), ("HGETDEL h FIELDS 1", .wrongArity("hgetdel")), ("HGET h a", "1"),
    ])
  }

  // MARK: Numbers

  @Test(arguments: HashForm.allCases) func adding(_ form: HashForm) {
    let server = TestServer(form.settings)
    let overflow = Reply.error("ERR increment or decrement would overflow")
    let noInteger = Reply.error("ERR hash value is not an integer")
    server.expect([
      ("HINCRBY h n 5", 5), ("OBJECT ENCODING h", form.encoding), ("HINCRBY h n -7", -2), ("HGET h n", "-2"),
      ("HINCRBY h n 0", -2), ("HINCRBY h n x", .notAnInteger), ("HINCRBY h n 1.5", .notAnInteger),
      ("HINCRBY h n 9223372036854775808", .notAnInteger), ("HSET h s abc z 007 e ''", 3), ("HINCRBY h s 1", noInteger),
      ("HINCRBY h z 1", noInteger), ("HINCRBY h e 1", noInteger),
      // The largest, and one more.
      ("HSET h m 9223372036854775806", 1), ("HINCRBY h m 1", .integer(Int.max)), ("HINCRBY h m 1", overflow),
      ("HGET h m", "9223372036854775807"), ("HINCRBY h m 0", .integer(Int.max)),
      ("HSET h l -9223372036854775807", 1), ("HINCRBY h l -1", .integer(Int.min)), ("HINCRBY h l -1", overflow),
      ("HGET h l", "-9223372036854775808"), ("HINCRBY h l 9223372036854775807", -1),
      ("HINCRBY h n -9223372036854775808", overflow), ("HINCRBY new n -9223372036854775808", .integer(Int.min)),
      ("HINCRBY h n", .wrongArity("hincrby")),
    ])
  }

  @Test(arguments: HashForm.allCases) func addingFractions(_ form: HashForm) {
    let server = TestServer(form.settings)
    let noFloat = Reply.error("ERR value is not a valid float")
    let infinite = Reply.error("ERR increment would produce NaN or Infinity")
    server.expect([
      ("HINCRBYFLOAT h x 10.50", "10.5"), ("OBJECT ENCODING h", form.encoding), ("HINCRBYFLOAT h x 0.1", "10.6"),
      ("HINCRBYFLOAT h x -10.6", "0"), ("HGET h x", "0"), ("HINCRBYFLOAT h x 5.0e3", "5000"),
      ("HSET h i 3 t 1e3 s abc b '' u 0x10", 5), ("HINCRBYFLOAT h i 0.5", "3.5"), ("HINCRBYFLOAT h t 1", "1001"),
      ("HINCRBYFLOAT h s 1", .error("ERR hash value is not a float")), ("HINCRBYFLOAT h u 1", "17"),
      ("HINCRBYFLOAT h x abc", noFloat), ("HINCRBYFLOAT h x ''", noFloat), ("HINCRBYFLOAT h x nan", noFloat),
      ("HINCRBYFLOAT h x inf", .error("ERR value is NaN or Infinity")),
      ("HINCRBYFLOAT h x -inf", .error("ERR value is NaN or Infinity")), ("HSET h big 1e4932", 1),
      ("HINCRBYFLOAT h big 1e4932", infinite), ("HGET h big", "1e4932"),
      ("HINCRBYFLOAT h x", .wrongArity("hincrbyfloat")),
    ])
  }

  // MARK: Wrong types

  @Test func wrongTypes() {
    let server = TestServer()
    server.run("SET", "s", "text")
    for request in [
      "HGET s f", "HSET s f v", "HSETNX s f v", "HMSET s f v", "HMGET s f", "HGETALL s", "HKEYS s", "HVALS s", "HLEN s",
      "HEXISTS s f", "HSTRLEN s f", "HDEL s f", "HGETDEL s FIELDS 1 f", "HINCRBY s f 1", "HINCRBYFLOAT s f 1",
      "HGETDEL s FELDS 1 f", "HGETDEL s FIELDS x f", "HGETDEL s FIELDS 2 f",
      "HRANDFIELD s", "HRANDFIELD s 1", "HRANDFIELD s -1 WITHVALUES", "HSCAN s 0", "HSCAN s 0 COUNT 0",
    ] {
      #expect(server.send(request) == .wrongType, "\(request)")
    }
    server.expect([("GET s", "text"), ("HSET h f v", 1)])
    for request in [
      "GET h", "APPEND h x", "INCR h", "INCRBYFLOAT h 1", "GETRANGE h 0 1", "SETRANGE h 0 x", "STRLEN h", "GETSET h x",
      "GETDEL h", "GETEX h", "SET h x GET", "LCS h none",
    ] {
      let reply = server.send(request)
      #expect(reply.isError, "\(request)")
    }
    // What is wrong with the arguments comes first, or the type, as in Redis.
    server.expect([
      ("HINCRBY s f x", .notAnInteger), ("HINCRBYFLOAT s f x", .error("ERR value is not a valid float")),
      ("HSCAN s x", .error("ERR invalid cursor")), ("HSET s f", .wrongArity("hset")), ("HGET h f", "v"),
      ("HRANDFIELD s x", .notAnInteger), ("HRANDFIELD s 1 x", .syntaxError), ("MGET h s", [.null, "text"]),
    ])
  }

  /// A hash becomes a string and the other way round; the expiry stays with changes of fields.
  @Test(arguments: HashForm.allCases) func amongOtherCommands(_ form: HashForm) {
    var settings = form.settings
    settings.debugCommand = .yes
    let server = TestServer(settings)
    server.expect([
      ("HSET h a 1 b 2", 2), ("EXPIRE h 100", 1), ("HSET h c 3", 1), ("TTL h", 100), ("HDEL h a", 1), ("TTL h", 100),
      ("RENAME h g", .ok), ("HLEN g", 2), ("TTL g", 100), ("COPY g h", 1), ("HSET h d 4", 1), ("HLEN g", 2),
      ("HLEN h", 3),
      ("OBJECT ENCODING g", form.encoding), ("OBJECT ENCODING h", form.encoding), ("COPY g h", 0),
      ("COPY g h REPLACE", 1), ("HLEN h", 2), ("MOVE h 1", 1), ("EXISTS h", 0), ("SELECT 1", .ok), ("HGET h c", "3"),
      ("OBJECT ENCODING h", form.encoding), ("SELECT 0", .ok), ("SWAPDB 0 1", .ok), ("HGET h c", "3"), ("SET h x", .ok),
      ("GET h", "x"), ("TTL h", -1), ("DEL h", 1), ("HSET h x 1", 1), ("PERSIST h", 0), ("OBJECT REFCOUNT h", 1),
    ])
    #expect(server.send("DEBUG OBJECT h").text?.contains("encoding:\(form == .packed ? "listpack" : "hashtable")") == true)
    #expect(server.send("DEBUG OBJECT h").text?.contains("serializedlength:5") == true)
    #expect((server.send("MEMORY USAGE h").integerValue ?? 0) > 16)
  }

  // MARK: Encodings

  /// At, below and above each threshold; never back.
  @Test func thresholds() {
    let server = TestServer()
    let fields = (1...513).flatMap { ["f\($0)", "v"] }
    func set(_ key: String, _ count: Int) -> Reply { server.client.run(["HSET", key] + fields.prefix(2 * count)) }
    for (count, encoding) in [(511, "listpack"), (512, "listpack"), (513, "hashtable")] as [(Int, Reply)] {
      #expect(set("all\(count)", count) == .integer(count))
      #expect(server.run("OBJECT", "ENCODING", "all\(count)") == encoding)
      for number in 1...count { server.run("HSET", "each\(count)", "f\(number)", "v") }
      #expect(server.run("OBJECT", "ENCODING", "each\(count)") == encoding)
      #expect(server.run("HLEN", "each\(count)") == .integer(count))
    }
    // A full one takes other values, and a field after another has gone.
    server.expect([
      ("HSET all512 f1 w", 0), ("OBJECT ENCODING all512", "listpack"), ("HDEL all512 f2", 1), ("HSET all512 g x", 1),
      ("OBJECT ENCODING all512", "listpack"), ("HSET all512 h x", 1), ("OBJECT ENCODING all512", "hashtable"),
      ("HLEN all512", 513), ("HGET all512 f1", "w"), ("HGET all512 f512", "v"),
    ])
    #expect(server.client.run(["HDEL", "all513"] + (2...513).map { "f\($0)" }) == 512)
    server.expect([("HLEN all513", 1), ("OBJECT ENCODING all513", "hashtable")])
    for (count, encoding) in [(63, "listpack"), (64, "listpack"), (65, "hashtable")] as [(Int, Reply)] {
      let text = String(repeating: "x", count: count)
      server.expect([
        ("DEL v f n", .integer(count == 63 ? 0 : 3)), ("HSET v a 1", 1), ("HSET v b \(text)", 1),
        ("OBJECT ENCODING v", encoding),
        ("HGET v b", .bulk(text)), ("HSET f a 1 \(text) 1", 2), ("OBJECT ENCODING f", encoding),
        ("HGET f \(text)", "1"),
        ("HSETNX n \(text) \(text)", 1), ("OBJECT ENCODING n", encoding), ("HSTRLEN n \(text)", .integer(count)),
      ])
    }
    server.expect([("HSET v b 1", 0), ("OBJECT ENCODING v", "hashtable")])
  }

  @Test func thresholdsOfTheSettings() {
    let server = TestServer()
    server.expect([
      ("CONFIG SET hash-max-listpack-entries 2 hash-max-listpack-value 3", .ok), ("HSET h a 1 b 2", 2),
      ("OBJECT ENCODING h", "listpack"), ("HSET h a 123", 0), ("OBJECT ENCODING h", "listpack"), ("HSET h c 1", 1),
      ("OBJECT ENCODING h", "hashtable"), ("HSET g a 1234", 1), ("OBJECT ENCODING g", "hashtable"),
      ("CONFIG SET hash-max-ziplist-entries 0", .ok), ("HSET e a 1", 1), ("OBJECT ENCODING e", "hashtable"),
      ("CONFIG SET hash-max-listpack-entries 512", .ok), ("HSET e a 1", 0), ("OBJECT ENCODING e", "hashtable"),
      ("HINCRBY p a 1000", 1000), ("OBJECT ENCODING p", "hashtable"), ("HINCRBY q a 999", 999),
      ("OBJECT ENCODING q", "listpack"),
    ])
  }

  // MARK: Chance

  @Test(arguments: HashForm.allCases) func drawing(_ form: HashForm) {
    let server = TestServer(form.settings)
    let outOfRange = Reply.error("ERR value is out of range")
    let bounds = Reply.error("ERR value is out of range, value must between \(-Int.max) and \(Int.max)")
    server.expect([
      ("HRANDFIELD none", .null), ("HRANDFIELD none 2", []), ("HRANDFIELD none -2 WITHVALUES", []),
      ("HSET h a 1", 1), ("HRANDFIELD h", "a"), ("HRANDFIELD h 0", []), ("HRANDFIELD h 1", ["a"]),
      ("HRANDFIELD h 2", ["a"]),
      ("HRANDFIELD h -3", ["a", "a", "a"]), ("HRANDFIELD h 1 WITHVALUES", ["a", "1"]),
      ("HRANDFIELD h -2 withvalues", ["a", "1", "a", "1"]), ("HRANDFIELD h 9223372036854775807", ["a"]),
      ("HRANDFIELD h 4611686018427387903 WITHVALUES", ["a", "1"]),
      ("HRANDFIELD h 4611686018427387904 WITHVALUES", outOfRange),
      ("HRANDFIELD h -9223372036854775808", bounds), ("HRANDFIELD h -4611686018427387904 WITHVALUES", outOfRange),
      ("HRANDFIELD h x", .notAnInteger), ("HRANDFIELD h 1 x", .syntaxError),
      ("HRANDFIELD h 1 WITHVALUES x", .syntaxError),
    ])
    for number in 0..<50 { server.run("HSET", "m", "f\(number)", "v\(number)") }
    for wanted in [1, 5, 12, 13, 40, 49, 50, 51] {
      let fields = server.run("HRANDFIELD", "m", "\(wanted)", "WITHVALUES").fields
      #expect(fields?.count == min(wanted, 50))
      #expect(fields?.allSatisfy { $0.key.dropFirst() == $0.value.dropFirst() } == true)
    }
    #expect(server.run("HRANDFIELD", "m", "-200").elements?.count == 200)
  }

  /// Each field as often as another, whether one, some or all but a few are drawn. `size` decides the form.
  @Test(arguments: [10, 400, 3_000], ["", "1", "-7", "7", "8"])
  func uniformity(size: Int, count: String) {
    let server = TestServer()
    for number in 0..<size { server.run("HSET", "h", "\(number)", "v") }
    server.expect([("OBJECT ENCODING h", size > 512 ? "hashtable" : "listpack")])
    let drawn = max(abs(Int(count) ?? 1), 1)
    let rounds = size * 12 / drawn + 300
    var counts = [Int](repeating: 0, count: size)
    for _ in 0..<rounds {
      let reply = server.client.run(["HRANDFIELD", "h"] + (count.isEmpty ? [] : [count]))
      let texts = reply.elements?.compactMap(\.text) ?? [reply.text!]
      for text in texts { counts[Int(text)!] += 1 }
    }
    let total = rounds * drawn
    #expect(counts.reduce(0, +) == total)
    let expected = Double(total) / Double(size)
    // Drawn without putting back, the counts scatter less.
    let spread = Int(count).map { $0 > 1 } == true ? 1 - Double(drawn) / Double(size) : 1
    let sum = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / (expected * spread) }
    let freedom = Double(size - 1)
    #expect(abs(sum - freedom) < 7 * (2 * freedom).squareRoot() + 10, "chi-square \(sum) of \(freedom)")
  }

  // MARK: HSCAN

  @Test(arguments: HashForm.allCases) func scanning(_ form: HashForm) {
    let server = TestServer(form.settings)
    server.expect([
      ("HSCAN none 0", ["0", []]), ("HSET h a 1 bb 2 cc 3", 3), ("HSCAN h x", .error("ERR invalid cursor")),
      ("HSCAN h -1x", .error("ERR invalid cursor")), ("HSCAN h 0 COUNT 0", .syntaxError),
      ("HSCAN h 0 COUNT x", .notAnInteger),
      ("HSCAN h 0 MATCH", .syntaxError), ("HSCAN h 0 TYPE hash", .syntaxError), ("HSCAN h 0 NOSCORES", .syntaxError),
      ("HSCAN h", .wrongArity("hscan")), ("HSCAN h 0 MATCH a", ["0", ["a", "1"]]), ("HSCAN h 0 MATCH x*", ["0", []]),
      ("HSCAN h 0 MATCH a NOVALUES", ["0", ["a"]]), ("HSCAN h 0 NOVALUES COUNT 1000 MATCH a", ["0", ["a"]]),
    ])
    #expect(server.send("HSCAN h 0 COUNT 100")[1]?.fields == ["a": "1", "bb": "2", "cc": "3"])
    #expect(server.send("HSCAN h 0 COUNT 100 MATCH ??")[1]?.fields == ["bb": "2", "cc": "3"])
    #expect(server.send("HSCAN h 0 COUNT 100 NOVALUES")[1]?.sortedTexts == ["a", "bb", "cc"])
    // A packed hash is returned whole, whatever the cursor and the count.
    if form == .packed {
      #expect(server.send("HSCAN h 5 COUNT 1") == ["0", ["a", "1", "bb", "2", "cc", "3"]])
    }
  }

  /// Fields that are there from the first to the last step are returned, whatever comes and goes meanwhile.
  @Test(arguments: [(3_000, 20_000), (20_000, 200), (600, 600)])
  func scanningWhatChanges(from: Int, to: Int) {
    let server = TestServer()
    let kept = (0..<200).map { "kept:\($0)" }
    for field in kept { server.run("HSET", "h", field, "v") }
    for number in 0..<from { server.run("HSET", "h", "\(number)", "v") }
    server.expect([("OBJECT ENCODING h", "hashtable")])
    var missing = Set(kept)
    var cursor = "0"
    var steps = 0
    var number = from
    repeat {
      let reply = server.run("HSCAN", "h", cursor, "COUNT", "20", "NOVALUES")
      cursor = reply[0]!.text!
      for field in reply[1]!.elements! { missing.remove(field.text!) }
      for _ in 0..<100 where number != to {
        if number < to {
          server.run("HSET", "h", "\(number)", "v")
          number += 1
        } else {
          number -= 1
          server.run("HDEL", "h", "\(number)")
        }
      }
      steps += 1
    } while cursor != "0" && steps < 100_000
    #expect(missing.isEmpty)
    #expect(server.run("HLEN", "h") == .integer(200 + number))
  }
}

extension TestClient {
  @discardableResult
  fileprivate func run(_ arguments: [String]) -> Reply { run(arguments.map { Array($0.utf8) }) }
}
