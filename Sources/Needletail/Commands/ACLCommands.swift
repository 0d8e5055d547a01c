// ACL: there is one user, `default`, who may do everything.

enum ACLCommand: UInt8, Sendable, CaseIterable { case container, cat, genpass, help, users, whoami }

extension Engine {
  mutating func run(_ command: ACLCommand, _ request: Request) {
    switch command {
    case .container: rejectUnknownSubcommand(request)
    case .cat: aclCatCommand(request)
    case .genpass: aclGenpassCommand(request)
    case .help: aclHelpCommand()
    case .users:
      reply.array(1)
      reply.bulk("default")
    case .whoami: reply.bulk("default")
    }
  }

  /// ACL CAT [category]
  private mutating func aclCatCommand(_ request: Request) {
    guard request.count <= 3 else { return rejectSubcommandArguments(request, of: "ACL") }
    guard request.count == 3 else {
      let names = ACLCategories.all.names
      reply.array(names.count)
      for name in names { reply.bulk(ByteView(name)[1..<name.utf8CodeUnitCount]) }
      return
    }
    guard let category = ACLCategories.named(request[2]) else {
      return reply.error { text in
        text.append("ERR Unknown category '")
        text.append(request[2], limit: 128)
        text.append("'")
      }
    }
    let indices = commands.indices.filter { commands.row($0).categories.contains(category) }
    reply.array(indices.count)
    for index in indices { reply.bulk(commands.fullName(index)) }
  }

  /// ACL GENPASS [bits]
  private mutating func aclGenpassCommand(_ request: Request) {
    guard request.count <= 3 else { return rejectSubcommandArguments(request, of: "ACL") }
    var bits = 256
    if request.count == 3 {
      guard let given = request[2].integer else { return reply.notAnInteger() }
      guard 1...Self.passwordBitsMax ~= given else {
        return reply.error(
          "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096")
      }
      bits = given
    }
    var system = SystemRandomNumberGenerator()
    let digits = (0..<(bits + 3) / 4).map { _ in
      let digit = UInt8.random(in: 0..<16, using: &system)
      return digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }
    unsafe digits.withUnsafeBytes { unsafe reply.bulk(ByteView($0.baseAddress!, count: $0.count)) }
  }

  private static var passwordBitsMax: Int { 4096 }

  private mutating func aclHelpCommand() {
    reply.help(
      "ACL",
      [
        "CAT [<category>]", "    Return the categories of commands, or the commands of one.",
        "GENPASS [<bits>]", "    Return a random password of so many bits, by default 256.",
        "USERS", "    Return the names of all users: there is one.",
        "WHOAMI", "    Return the name of the user that this connection is authenticated as.",
      ])
  }
}
