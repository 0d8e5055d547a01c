import Testing
@testable import Needletail

/// Elements drawn or taken by chance: each as often as another, in every form and size. The seeds are fixed, so that a
/// test passes always or never.
@Suite struct UniformDrawTests {
  struct Form: Sendable, CustomTestStringConvertible {
    let type: Character
    let count: Int
    let encoding: String
    /// Below the size of each packed form, so that few elements are a large value too.
    var packedMax = 128
    var testDescription: String { "\(type) \(encoding) \(count)" }
  }

  static let forms: [Form] = [
    Form(type: "s", count: 3, encoding: "intset"), Form(type: "s", count: 100, encoding: "intset"),
    Form(type: "s", count: 3, encoding: "listpack"), Form(type: "s", count: 100, encoding: "listpack"),
    Form(type: "s", count: 2, encoding: "hashtable", packedMax: 1),
      Form(type: "s", count: 15, encoding: "hashtable", packedMax: 1),
    Form(type: "s", count: 200, encoding: "hashtable"), Form(type: "s", count: 1500, encoding: "hashtable"),
    Form(type: "h", count: 3, encoding: "listpack"), Form(type: "h", count: 100, encoding: "listpack"),
    Form(type: "h", count: 2, encoding: "hashtable", packedMax: 1), Form(type: "h", count: 200, encoding: "hashtable"),
    Form(type: "h", count: 1500, encoding: "hashtable"),
    Form(type: "z", count: 3, encoding: "listpack"), Form(type: "z", count: 100, encoding: "listpack"),
    Form(type: "z", count: 2, encoding: "skiplist", packedMax: 1), Form(type: "z", count: 200, encoding: "skiplist"),
    Form(type: "z", count: 1500, encoding: "skiplist"),
  ]

  private func makeServer(_ form: Form) -> (TestServer, [String]) {
    var settings = Settings()
    settings.collections.hashEntries = form.packedMax
    settings.collections.setEntries = form.packedMax
    settings.collections.sortedSetEntries = form.packedMax
    let server = TestServer(settings)
    server.withEngine { $0.keyspace.random = FastRandom(seed: 11) }
    let elements = (0..<form.count).map { form.encoding == "intset" ? "\($0 * 7)" : "m\($0)" }
    for element in elements { add(element, form, server) }
    #expect(server.run("OBJECT", "ENCODING", "k") == .bulk(form.encoding))
    return (server, elements)
  }

  private func add(_ element: String, _ form: Form, _ server: TestServer) {
    switch form.type {
    case "s": server.run("SADD", "k", element)
    case "h": server.run("HSET", "k", element, "v")
    default: server.run("ZADD", "k", "1", element)
    }
  }

  private func command(_ form: Form) -> String {
    switch form.type {
    case "s": "SRANDMEMBER"
    case "h": "HRANDFIELD"
    default: "ZRANDMEMBER"
    }
  }

  /// How far the counts are from equal ones, in standard deviations of what chance alone makes.
  /// - Parameter share: the chance of one element in one round.
  private func deviation(_ counts: [String: Int], _ elements: [String], rounds: Int, share: Double) -> Double {
    let expected = Double(rounds) * share
    // Drawn without putting back, counts scatter by so much less.
    let variance = expected * (share < 1 ? 1 - share : 1)
    let sum = elements.reduce(0.0) { sum, element in
      let difference = Double(counts[element] ?? 0) - expected
      return sum + difference * difference / variance
    }
    // Chi-square's mean and spread by the degrees of freedom. With few of them its tail is longer than the normal
    // one's.
    let freedom = Double(elements.count - 1) * (share < 1 ? Double(elements.count) / Double(elements.count - 1) : 1)
    return abs(sum - freedom) / (2 * freedom).squareRoot()
  }

  private func count(_ counts: inout [String: Int], _ reply: Reply) {
    for element in reply.elements ?? [reply] { counts[element.text ?? "?", default: 0] += 1 }
  }

  /// Where half the spread of equal chances is 6 standard deviations away, a chance that is a third off is far beyond.
  private static let most = 6.0

  @Test(arguments: forms) func one(_ form: Form) {
    let (server, elements) = makeServer(form)
    var counts: [String: Int] = [:]
    let rounds = 60 * form.count + 1000
    for _ in 0..<rounds { count(&counts, server.run(command(form), "k")) }
    let share = 1 / Double(form.count)
    #expect(counts.values.reduce(0, +) == rounds && counts["?"] == nil)
    #expect(deviation(counts, elements, rounds: rounds, share: share) < Self.most)
  }

  /// With repetitions.
  @Test(arguments: forms) func many(_ form: Form) {
    let (server, elements) = makeServer(form)
    var counts: [String: Int] = [:]
    let draws = 60 * form.count + 1000
    count(&counts, server.run(command(form), "k", "\(-draws)"))
    #expect(deviation(counts, elements, rounds: draws, share: 1 / Double(form.count)) < Self.most)
  }

  /// Without repetitions: few, about half, nearly all.
  @Test(arguments: forms) func different(_ form: Form) {
    let (server, elements) = makeServer(form)
    for wanted in Set([1, form.count / 10, form.count / 2, form.count - 1]) where wanted > 0 {
      var counts: [String: Int] = [:]
      let rounds = 40 * form.count / wanted + 300
      for _ in 0..<rounds { count(&counts, server.run(command(form), "k", "\(wanted)")) }
      #expect(counts.values.reduce(0, +) == rounds * wanted)
      let share = Double(wanted) / Double(form.count)
      #expect(deviation(counts, elements, rounds: rounds, share: share) < Self.most, "\(wanted) of \(form.count)")
    }
  }

  /// Taken out and put back.
  @Test(arguments: forms.filter { $0.type == "s" }) func popped(_ form: Form) {
    for wanted in Set([0, 1, form.count / 10, form.count / 2, form.count * 9 / 10, form.count - 1]) {
      let (server, elements) = makeServer(form)
      var counts: [String: Int] = [:]
      let rounds = 40 * form.count / max(wanted, 1) + 300
      for _ in 0..<rounds {
        // 0: one without a count.
        let reply = wanted == 0 ? server.run("SPOP", "k") : server.run("SPOP", "k", "\(wanted)")
        count(&counts, reply)
        for element in reply.elements ?? [reply] { add(element.text ?? "?", form, server) }
      }
      #expect(server.run("SCARD", "k") == .integer(form.count))
      let share = Double(max(wanted, 1)) / Double(form.count)
      #expect(deviation(counts, elements, rounds: rounds, share: share) < Self.most, "\(wanted) of \(form.count)")
    }
  }

  /// That the test would see a chance that is wrong: the first element comes a half more often.
  @Test(arguments: [3, 100, 1500]) func wouldBeSeen(_ elementCount: Int) {
    let elements = (0..<elementCount).map { "m\($0)" }
    let rounds = 60 * elementCount + 1000
    var random = SeededGenerator(seed: 5)
    var fair: [String: Int] = [:]
    var skewed: [String: Int] = [:]
    for _ in 0..<rounds {
      fair[elements[random.below(elementCount)], default: 0] += 1
      // Every third element half as often again as the others.
      var drawn = random.below(elementCount)
      if drawn % 3 == 1 && random.chance(33) { drawn -= 1 }
      skewed[elements[drawn], default: 0] += 1
    }
    let share = 1 / Double(elementCount)
    #expect(deviation(fair, elements, rounds: rounds, share: share) < Self.most)
    #expect(deviation(skewed, elements, rounds: rounds, share: share) > Self.most)
  }
}
