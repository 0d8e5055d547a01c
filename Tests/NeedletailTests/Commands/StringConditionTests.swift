import Testing
@testable import Needletail

/// SET IFEQ and its kin, DELEX, DELIFEQ and DIGEST.
@Suite struct StringConditionTests {
  static let noDigest = Reply.error("ERR must be exactly 16 hexadecimal characters")
  /// XXH3 digests as Redis and its clients have them.
  static let hello = "9555e8555c62dcfd"
  static let zero = "0000000000000000"
  let server = TestServer()

  // MARK: DIGEST

  @Test func digests() {
    for (value, digest) in [
      ("''", "2d06800538d394c2"), ("hello", Self.hello), ("123", "404a763b3f4c8c9a"), ("v8", "0cc76dbb41381419"),
      ("v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd",
        "00006c38adf31777"),
    ] {
      server.expect([("SET k \(value)", .ok), ("DIGEST k", .bulk(digest))])
    }
    #expect(server.run("SET", "k", "Hello world") == .ok)
    server.expect([
      ("DIGEST k", "b6acb9d84a38ff74"), ("DIGEST none", .null), ("DIGEST", .wrongArity("digest")),
      ("DIGEST k k", .wrongArity("digest")),
    ])
    #expect(server.connect(isRESP3: true).run("DIGEST", "none") == .null)
  }

  /// However a string is stored, equal bytes have equal digests and compare as equal.
  @Test(arguments: interestingStringCounts) func everyEncoding(_ count: Int) {
    let value = bytes(count)
    server.run([Array("SET".utf8), Array("k".utf8), value])
    server.run([Array("APPEND".utf8), Array("grown".utf8), value])
    let digest = server.run("DIGEST", "k")
    #expect(server.run("DIGEST", "grown") == digest)
    guard case .bytes(let digits) = digest else { return #expect(Bool(false)) }
    #expect(digits.count == 16 && digits.allSatisfy { 48...57 ~= $0 || 97...102 ~= $0 })
    for (option, operand) in [("IFEQ", value), ("IFDEQ", digits)] {
      let request = ["SET", "k", "w", option].map { Array($0.utf8) } + [operand]
      #expect(server.run(request) == .ok)
      #expect(server.run(request) == .null)
      server.run([Array("SET".utf8), Array("k".utf8), value])
    }
    #expect(server.run([Array("DELIFEQ".utf8), Array("k".utf8), value + [0]]) == 0)
    #expect(server.run([Array("DELIFEQ".utf8), Array("k".utf8), value]) == 1)
    #expect(server.run(["DELEX", "grown", "IFDEQ"].map { Array($0.utf8) } + [digits]) == 1)
  }

  @Test func integersAreComparedAsText() {
    server.expect([
      ("SET k 12", .ok), ("SET k 13 IFEQ 012", .null), ("SET k 13 IFEQ 12", .ok), ("OBJECT ENCODING k", "int"),
      ("SET k 0123", .ok), ("DELEX k IFEQ 123", 0), ("SET k -999", .ok), ("DELIFEQ k -999", 1),
      ("SET k 123", .ok), ("SET k x IFDEQ 404a763b3f4c8c9a", .ok),
    ])
  }

  // MARK: SET

  @Test func setIfEqual() {
    server.expect([
      ("SET k a IFEQ x", .null), ("EXISTS k", 0), ("SET k a IFEQ ''", .null), ("SET k hello", .ok),
      ("SET k b IFEQ hell", .null), ("SET k b ifeq hello", .ok), ("GET k", "b"), ("SET k '' IfEq b", .ok),
      ("SET k c IFEQ ''", .ok), ("GET k", "c"),
    ])
    let client = server.connect(isRESP3: true)
    client.expect([("SET k d IFEQ x", .null), ("SET k d IFEQ c", .ok)])
  }

  @Test func setIfDifferent() {
    server.expect([
      ("SET k a IFNE x", .ok), ("SET k b IFNE a", .null), ("GET k", "a"), ("SET k b ifne x", .ok), ("GET k", "b"),
      ("SET other a IFNE ''", .ok), ("SET other '' IFNE b", .ok), ("SET other c IFNE ''", .null),
    ])
  }

  @Test func setIfDigest() {
    let (hello, zero) = (Self.hello, Self.zero)
    server.expect([
      ("SET k a IFDEQ \(hello)", .null), ("EXISTS k", 0), ("SET k hello IFDNE \(hello)", .ok),
      ("SET k a IFDNE \(hello)", .null), ("SET k a IFDEQ \(zero)", .null), ("GET k", "hello"),
      ("SET k a ifdeq \(hello.uppercased())", .ok), ("GET k", "a"), ("SET k hello IFDNE \(zero)", .ok),
      ("SET k a IFDNE \(hello.uppercased())", .null), ("GET k", "hello"),
      // What is no digest is one that nothing has, if it is as long as one.
      ("SET k a IFDEQ zzzzzzzzzzzzzzzz", .null), ("SET k a IFDEQ \(hello)0", Self.noDigest),
      ("SET k a IFDEQ \(hello.dropFirst())", Self.noDigest), ("SET k a IFDNE ''", Self.noDigest),
      ("SET k a GET IFDNE 1", Self.noDigest), ("GET k", "hello"), ("SET k a IFDNE zzzzzzzzzzzzzzzz", .ok),
      // Without a key it is never looked at.
      ("SET none a IFDEQ 12", .null), ("SET none a IFDNE 12", .ok),
    ])
  }

  @Test func setConditionWithOtherOptions() {
    server.expect([
      ("SET k a IFEQ x GET", .null), ("EXISTS k", 0), ("SET k a IFNE x GET", .null), ("GET k", "a"),
      ("SET k b GET IFEQ x", "a"), ("GET k", "a"), ("SET k b IFEQ a EX 10", .ok), ("TTL k", 10),
      ("SET k c IFEQ x EX 20", .null), ("TTL k", 10), ("SET k c KEEPTTL IFEQ b GET", "b"), ("TTL k", 10),
      ("SET k d IFEQ c", .ok), ("TTL k", -1), ("SET k e EX 0 IFEQ x", .invalidExpiry("set")),
      ("SET k e PX 500 GET IFNE x", "d"), ("PTTL k", 500), ("SET k f IFEQ x IFEQ e", .ok), ("GET k", "f"),
    ])
  }

  @Test func setConditionSyntax() {
    let all = ["NX", "XX", "IFEQ a", "IFNE a", "IFDEQ \(Self.zero)", "IFDNE \(Self.zero)"]
    for first in all {
      for second in all where second != first {
        server.expect([("SET k v \(first) \(second)", .syntaxError)])
      }
    }
    for option in ["IFEQ", "IFNE", "IFDEQ", "IFDNE"] {
      server.expect([
        ("SET k v \(option)", .syntaxError), ("SET k v EX 10 \(option)", .syntaxError),
        ("GETEX k \(option) a", .syntaxError), ("MSETEX 1 k v \(option) a", .syntaxError),
      ])
    }
    server.expect([("SET k v IFE a", .syntaxError), ("SET k v IFDE a", .syntaxError), ("EXISTS k", 0)])
  }

  // MARK: DELEX, DELIFEQ

  @Test func delex() {
    let (hello, zero) = (Self.hello, Self.zero)
    server.expect([
      ("DELEX k", 0), ("SET k hello", .ok), ("DELEX k", 1), ("EXISTS k", 0), ("SET k hello", .ok),
      ("DELEX k IFEQ x", 0), ("DELEX k ifeq hello", 1), ("SET k hello", .ok), ("DELEX k IFNE hello", 0),
      ("DELEX k IFNE x", 1), ("EXISTS k", 0), ("SET k hello", .ok), ("DELEX k IFDEQ \(zero)", 0),
      ("DELEX k IFDNE \(hello)", 0), ("DELEX k IFDEQ \(hello.uppercased())", 1), ("SET k hello", .ok),
      ("DELEX k IFDEQ zzzzzzzzzzzzzzzz", 0), ("DELEX k IFDNE zzzzzzzzzzzzzzzz", 1), ("SET k hello", .ok),
      ("DELEX k IFDEQ \(hello)0", Self.noDigest), ("DELEX k IFDNE ''", Self.noDigest), ("GET k", "hello"),
    ])
  }

  @Test func delexChecksItsArguments() {
    let badCondition = Reply.error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
    server.expect([
      ("SET k hello", .ok), ("DELEX", .wrongArity("delex")), ("DELEX k IFEQ", .wrongArity("delex")),
      ("DELEX none IFEQ", .wrongArity("delex")), ("DELEX k IFEQ hello x", .wrongArity("delex")),
      ("DELEX k FOO hello", badCondition), ("DELEX k NX hello", badCondition), ("DELEX k EX 10", badCondition),
      // Without a key nothing else is looked at.
      ("DELEX none FOO hello", 0), ("DELEX none IFDEQ 1", 0), ("GET k", "hello"),
    ])
  }

  @Test func delifeq() {
    server.expect([
      ("DELIFEQ k v", 0), ("SET k v", .ok), ("DELIFEQ k w", 0), ("DELIFEQ k ''", 0), ("GET k", "v"),
      ("DELIFEQ k v", 1), ("EXISTS k", 0), ("DELIFEQ k", .wrongArity("delifeq")),
      ("DELIFEQ k v v", .wrongArity("delifeq")), ("SET k v PX 10", .ok),
    ])
    server.advance(milliseconds: 11)
    server.expect([("DELIFEQ k v", 0), ("DELEX k IFNE w", 0)])
  }

  // MARK: Other types

  @Test func otherTypes() {
    server.run("SET", "k", "7")
    let isDisguised = server.disguise("k", as: .list)
    #expect(isDisguised)
    server.expect([
      ("TYPE k", .simple("list")), ("DIGEST k", .wrongType), ("DELIFEQ k 7", .wrongType),
      ("DELEX k IFEQ 7", .error("ERR Key should be of string type if conditions are specified")),
      ("DELEX k FOO 7", .error("ERR Key should be of string type if conditions are specified")),
      ("INCREX k", .wrongType), ("INCREX k BYFLOAT 1", .wrongType), ("INCREX k EXAT 1", .wrongType),
    ])
    for option in ["IFEQ", "IFNE", "IFDEQ", "IFDNE"] {
      server.expect([("SET k v \(option) 7", .wrongType), ("SET k v \(option) 7 GET", .wrongType)])
    }
    // NX and XX ask only whether the key is there.
    server.expect([("SET k v NX", .null), ("MSETEX 1 k v NX", 0)])
    #expect(server.disguise("k", as: .string))
    server.expect([("GET k", "7")])
  }
}

extension TestServer {
  /// Makes an integer pass for a value of another type, as long as there are none.
  fileprivate func disguise(_ name: String, as type: ValueType) -> Bool {
    withEngine { engine in
      withView(Array(name.utf8)) { view in
        guard let entry = engine.keyspace.find(Key(view, engine.keyspace.seed), in: 0).entry else { return false }
        unsafe entry.raw.storeBytes(of: type.rawValue | ValueEncoding.integer.rawValue << 4, toByteOffset: 1,
          as: UInt8.self)
        return true
      }
    }
  }
}
