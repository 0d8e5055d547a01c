/// LOLWUT: swifts in the evening sky, each time elsewhere.
extension ServerCommand {
  static let lolwutRows: [CommandSpec] = [
    CommandSpec(
      id: .server(.lolwut), name: "lolwut", arity: -1, flags: [.readonly, .fast], categories: [.read, .fast],
      docs: CommandDocs(
        summary: "Draws a picture.",
        since: "5.0.0", group: "server", complexity: "",
        arguments: [ArgumentSpec(name: "version", kind: .integer, token: "VERSION", isOptional: true)])),
  ]
}

extension Engine {
  /// LOLWUT [VERSION version [number ...]] [anything]
  mutating func lolwutCommand(_ request: Request) {
    if request.count > 2 && request[1].equalsIgnoringCase("version") {
      guard let version = request[2].integer else { return reply.notAnInteger() }
      // Redis's pictures 5 and 6 take so many sizes. Ours comes in one, but nonsense is told from a number.
      let numbers = version == 5 ? 3 : version == 6 ? 2 : 0
      for index in 3..<max(3, min(request.count, 3 + numbers)) where request[index].integer == nil {
        return reply.notAnInteger()
      }
    }
    var sky = Sky()
    for _ in 0..<Int.random(in: 9...14, using: &keyspace.random) { sky.addBird(&keyspace.random) }
    reply.verbatim("""
      \(sky.text)
      \(Version.productName) \(Version.number), as fast as its namesake. Redis ver. \(Version.redis)

      """)
  }
}

/// Lines of blanks with birds between them.
private struct Sky {
  private static let width = 64
  private static let height = 14
  /// From afar to near by.
  private static let birds: [[String]] = [
    ["v"], ["\\v/"], ["`-v-'"], ["_     _", " `\\v/'"], [".           .", " `-.     .-'", "    `\\v/'", "      '"],
  ]

  private var lines = Array(repeating: Array(repeating: Character(" "), count: width), count: height)

  /// Adds a bird where there is room, or none when there seems to be none.
  mutating func addBird(_ random: inout FastRandom) {
    let bird = Self.birds[Int.random(in: 0..<Self.birds.count, using: &random)]
    let size = bird.map(\.count).max()!
    for _ in 0..<20 {
      let row = Int.random(in: 0...Self.height - bird.count, using: &random)
      let column = Int.random(in: 1..<Self.width - size, using: &random)
      let isFree = lines[row..<row + bird.count].allSatisfy { line in
        line[column - 1...column + size].allSatisfy { $0 == " " }
      }
      guard isFree else { continue }
      for (offset, part) in bird.enumerated() {
        lines[row + offset].replaceSubrange(column..<column + part.count, with: part)
      }
      return
    }
  }

  var text: String { lines.map { String($0) + "\n" }.joined() }
}
