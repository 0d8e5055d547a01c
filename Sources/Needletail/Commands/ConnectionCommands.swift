extension ConnectionCommand { static let rows: [CommandSpec] = [] }
extension Engine { mutating func run(_ command: ConnectionCommand, _ request: Request) { reply.simple("PONG") } }
