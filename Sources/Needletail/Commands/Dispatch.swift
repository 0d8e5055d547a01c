extension Engine {
  mutating func execute(_ request: Request) { execute(commands.lookup(request[0]), request) }

  mutating func execute(_ index: CommandIndex?, _ request: Request) {
    guard let index else { return reply.error("ERR unknown command") }
    run(commands.info(index).id, request)
  }

  mutating func run(_ id: CommandID, _ request: Request) {
    switch id {
    case .string(let command): run(command, request)
    case .key(let command): run(command, request)
    case .connection(let command): run(command, request)
    case .server(let command): run(command, request)
    }
  }
}
