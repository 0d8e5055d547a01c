import Foundation
import Testing
@testable import Needletail

@Suite struct CommandTableTests {
  let server = TestServer()

  private func lookup(_ name: [UInt8], in container: String? = nil) -> String? {
    server.withEngine { engine in
      let container = container.map { name in withView(Array(name.utf8)) { engine.commands.lookup($0)! } }
      return withView(name) { engine.commands.lookup($0, in: container) }.map { engine.commands.fullName($0) }
    }
  }
  private func lookup(_ name: String, in container: String? = nil) -> String? {
    lookup(Array(name.utf8), in: container)
  }

  @Test func everyRowIsFoundInAnyCase() {
    let rows = server.withEngine { engine in
      engine.commands.indices.map { index in
        let container = engine.commands.containers[Int(index.rawValue)].map { "\(engine.commands.row($0).name)" }
        return (name: "\(engine.commands.row(index).name)", container: container)
      }
    }
    #expect(rows.count > 30)
    for (name, container) in rows {
      let fullName = container.map { "\($0)|\(name)" } ?? name
      let mixed = String(name.enumerated().map { $0.offset % 2 == 0 ? Character($0.element.uppercased()) : $0.element })
      for spelling in [name, name.uppercased(), mixed] {
        #expect(lookup(spelling, in: container) == fullName)
      }
    }
  }

  @Test func foreignNamesAreNotFound() {
    let long = String(repeating: "a", count: 200)
    for name in ["", "pin", "pingg", "ping\0", "\0", "sel", "config|get", "get|", "getx", long] {
      #expect(lookup(name) == nil)
    }
    #expect(lookup("get", in: "client") == nil)
    #expect(lookup("setname") == nil)
    #expect(lookup("setname", in: "config") == nil)
  }

  /// Upper case differs from lower case by one bit; so do other bytes, which must not match.
  @Test func noOtherByteIsTakenForALetter() {
    for name in ["ping", "flushall", "getkeysandflags"] {
      let container = name == "getkeysandflags" ? "command" : nil
      let bytes = Array(name.utf8)
      for place in bytes.indices {
        for byte in UInt8.min...UInt8.max {
          var changed = bytes
          changed[place] = byte
          let isSame = byte == bytes[place] || byte == bytes[place] ^ 0x20
          #expect((lookup(changed, in: container) != nil) == isSame)
        }
      }
    }
  }

  @Test func namesOfEveryLength() {
    func row(_ name: StaticString) -> CommandSpec {
      CommandSpec(
        id: .connection(.ping), name: name, arity: 1, flags: [], categories: [],
        docs: CommandDocs(summary: "", since: "", group: "", complexity: ""))
    }
    let names: [StaticString] = [
      "a", "ab", "ba", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh", "abcdefghi", "abcdefgh-abcdefgh",
      "abcdefgh+abcdefgh", "abcdefgh_1_abcdefgh", "abcdefgh_2_abcdefgh", "abcdefghijklmnop", "abcdefghijklmno",
    ]
    let table = CommandTable([names.map(row)])
    for (index, name) in names.enumerated() {
      let found = table.lookup(ByteView(name))
      #expect(found == CommandIndex(index))
      let upper = Array("\(name)".uppercased().utf8)
      let foundInUpperCase = withView(upper) { table.lookup($0) }
      #expect(foundInUpperCase == CommandIndex(index))
    }
    let missing = table.lookup(ByteView("abcdefgh_3_abcdefgh"))
    #expect(missing == nil)
  }

  @Test func renamedCommandsAreFoundByTheirNewNames() throws {
    let names: [StaticString] = ["get", "set", "config", "abcdefgh_1_abcdefgh", "abcdefgh_2_abcdefgh"]
    let rows = names.map { name in
      CommandSpec(
        id: .connection(.ping), name: name, arity: 1, flags: [], categories: [],
        docs: CommandDocs(summary: "", since: "", group: "", complexity: ""))
    }
    let table = CommandTable([rows], renamed: [
      RenamedCommand(from: "get", to: "x"), RenamedCommand(from: "x", to: "abcdefgh_3_abcdefgh"),
      RenamedCommand(from: "set", to: "get"), RenamedCommand(from: "config", to: ""),
      RenamedCommand(from: "abcdefgh_1_abcdefgh", to: "y"), RenamedCommand(from: "nosuch", to: "z"),
    ])
    let expected: [(StaticString, Int?)] = [
      ("get", 1), ("set", nil), ("x", nil), ("ABCDEFGH_3_ABCDEFGH", 0), ("config", nil), ("abcdefgh_1_abcdefgh", nil),
      ("y", 3), ("abcdefgh_2_abcdefgh", 4), ("nosuch", nil), ("z", nil),
    ]
    for (name, index) in expected {
      let found = table.lookup(ByteView(name))
      #expect(found == index.map { CommandIndex($0) }, "\(name)")
    }
    // What it is called elsewhere stays; what nobody can use is not listed.
    #expect(table.fullName(CommandIndex(0)) == "get")
    #expect(table.topLevelIndices.map(\.rawValue) == [0, 1, 3, 4])
  }

  @Test func hotFormIsSmall() {
    #expect(MemoryLayout<CommandInfo>.stride <= 20)
    #expect(MemoryLayout<CommandTable.Slot>.stride == 24)
    #expect(MemoryLayout<ClientState>.stride <= 128)
  }

  @Test func legacyRangeOfKeys() {
    func range(_ specs: [KeySpec]) -> [Int] {
      let row = CommandSpec(
        id: .connection(.ping), name: "x", arity: 1, flags: [], categories: [], keySpecs: specs,
        docs: CommandDocs(summary: "", since: "", group: "", complexity: ""))
      let range = row.legacyKeyRange
      return [range.first, range.last, range.step, range.isIncomplete ? 1 : 0]
    }
    func index(_ first: Int, last: Int, step: Int = 1, _ flags: [StaticString] = []) -> KeySpec {
      KeySpec(flags: flags, begin: .index(first), find: .range(lastKey: last, step: step, limit: 0))
    }
    #expect(range([]) == [0, 0, 0, 0])
    #expect(range([index(1, last: 0)]) == [1, 1, 1, 0])
    #expect(range([index(1, last: -1, step: 2)]) == [1, -1, 2, 0])
    #expect(range([index(2, last: 1)]) == [2, 3, 1, 0])
    #expect(range([index(1, last: 0), index(2, last: 0)]) == [1, 2, 1, 0])  // RENAME
    #expect(range([index(1, last: 0), index(3, last: 0)]) == [1, 1, 1, 1])
    let numbered = KeySpec(flags: [], begin: .index(2), find: .keyNumber(index: 0, firstKey: 1, step: 1))
    #expect(range([index(1, last: 0), numbered]) == [1, 1, 1, 1])  // ZUNIONSTORE
    #expect(range([numbered]) == [0, 0, 0, 1])
    #expect(range([index(1, last: 0, ["incomplete"])]) == [1, 1, 1, 1])
  }
}

/// Never changed once it is there.
private struct LoadedFacts: @unchecked Sendable {
  let values: [String: [String: Any]]

  init() {
    let list = try! JSONSerialization.jsonObject(with: Data(commandFacts.utf8)) as! [[String: Any]]
    values = Dictionary(uniqueKeysWithValues: list.map { ($0["name"] as! String, $0) })
  }
}

/// Every row beside what Redis tells of the command, as COMMAND INFO and COMMAND DOCS answer it.
@Suite struct CommandFactsTests {
  let client = TestServer().connect(isRESP3: true)
  private static let loaded = LoadedFacts()
  static var facts: [String: [String: Any]] { loaded.values }

  @Test func everyRowHasFactsAndTheOtherWayRound() throws {
    let names = Set(try #require(client.run("COMMAND", "LIST", "FILTERBY", "PATTERN", "*").elements).compactMap(\.text))
    #expect(names.subtracting(Self.facts.keys) == [])
    #expect(Set(Self.facts.keys).subtracting(names) == [])
  }

  @Test(arguments: CommandFactsTests.facts.keys.sorted())
  func rowEqualsFacts(_ name: String) throws {
    let facts = try #require(Self.facts[name])
    let info = try #require(client.run("COMMAND", "INFO", name)[0])
    #expect(info[0]?.text == name)
    #expect(info[1] == .integer(facts["arity"] as! Int))
    #expect(info[2] == Self.names(facts["flags"]))
    #expect(info[3] == .integer(facts["first_key"] as! Int))
    #expect(info[4] == .integer(facts["last_key"] as! Int))
    #expect(info[5] == .integer(facts["step"] as! Int))
    #expect(info[6] == Self.names(facts["acl_categories"]))
    #expect(info[7] == .set((facts["tips"] as! [String]).map(Reply.bulk)))
    #expect(info[8] == .set((facts["key_specs"] as! [[String: Any]]).map(Self.keySpec)))
    let subcommands = Self.facts.values.filter { $0["container"] as? String == name }.map { $0["name"] as! String }
    let listed = try #require(info[9]?.elements).compactMap { $0[0]?.text }
    #expect(listed.sorted() == subcommands.sorted())
    if subcommands.isEmpty { #expect(info[9] == .set([])) }

    let reply = client.run("COMMAND", "DOCS", name)
    try #require(reply.elements?.count == 2)
    #expect(reply[0]?.text == name)
    let docs = try #require(reply[1])
    var expected: [Reply] = ["summary", .bulk(try #require(docs["summary"]?.text))]
    for key in ["since", "group"] { expected += [.bulk(key), .bulk(facts[key] as! String)] }
    if let complexity = facts["complexity"] as? String { expected += ["complexity", .bulk(complexity)] }
    if let flags = facts["doc_flags"] { expected += ["doc_flags", Self.names(flags)] }
    if let version = facts["deprecated_since"] as? String { expected += ["deprecated_since", .bulk(version)] }
    if let tokens = facts["replaced_by"] as? [String] {
      // The sentence around the tokens is ours.
      let sentence = try #require(docs["replaced_by"]?.text)
      for token in tokens { #expect(sentence.contains(token)) }
      expected += ["replaced_by", .bulk(sentence)]
    }
    if let history = facts["history"] as? [[String]] {
      expected += ["history", .set(history.map { .array($0.map(Reply.bulk)) })]
    }
    if let arguments = facts["arguments"] as? [[String: Any]], !arguments.isEmpty {
      expected += ["arguments", .array(arguments.map(Self.argument))]
    }
    if !subcommands.isEmpty { expected += ["subcommands", try #require(docs["subcommands"])] }
    #expect(docs == .map(expected))
    #expect(docs["summary"]?.text?.isEmpty == false)
  }

  private static func names(_ value: Any?) -> Reply { .set((value as! [String]).map(Reply.simple)) }

  private static func keySpec(_ facts: [String: Any]) -> Reply {
    func search(_ key: String) -> [Reply] {
      let facts = facts[key] as! [String: Any]
      let spec = facts["spec"] as? [String: Any] ?? facts.filter { $0.key != "type" }
      let order = ["keyword", "startfrom", "index", "lastkey", "keystep", "limit", "keynumidx", "firstkey"]
      let isNumbered = spec["keynumidx"] != nil
      var fields: [Reply] = []
      for name in isNumbered ? ["keynumidx", "firstkey", "keystep"] : order {
        if let number = spec[name] as? Int { fields += [.bulk(name), .integer(number)] }
        if let text = spec[name] as? String { fields += [.bulk(name), .bulk(text)] }
      }
      return [.bulk(key), .map(["type", .bulk(facts["type"] as! String), "spec", .map(fields)])]
    }
    var parts: [Reply] = []
    if let notes = facts["notes"] as? String { parts += ["notes", .bulk(notes)] }
    parts += ["flags", names(facts["flags"])]
    return .map(parts + search("begin_search") + search("find_keys"))
  }

  private static func argument(_ facts: [String: Any]) -> Reply {
    let type = facts["type"] as! String
    var parts: [Reply] = ["name", .bulk(facts["name"] as! String), "type", .bulk(type)]
    if type != "oneof" && type != "block" {
      parts += ["display_text", .bulk(facts["display_text"] as? String ?? facts["name"] as! String)]
    }
    if let index = facts["key_spec_index"] as? Int { parts += ["key_spec_index", .integer(index)] }
    for key in ["token", "since", "deprecated_since"] {
      if let text = facts[key] as? String { parts += [.bulk(key), .bulk(text)] }
    }
    if let flags = facts["flags"] { parts += ["flags", names(flags)] }
    if let arguments = facts["arguments"] as? [[String: Any]] {
      parts += ["arguments", .array(arguments.map(argument))]
    }
    return .map(parts)
  }
}
