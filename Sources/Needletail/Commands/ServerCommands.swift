extension ServerCommand { static let rows: [CommandSpec] = [] }
extension Engine { mutating func run(_ command: ServerCommand, _ request: Request) {} }
