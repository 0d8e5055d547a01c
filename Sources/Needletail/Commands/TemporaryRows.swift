// Stands in for the string and key families until they are here.

extension StringCommand { static let rows: [CommandSpec] = [] }
extension KeyCommand { static let rows: [CommandSpec] = [] }

extension Engine {
  mutating func run(_ command: StringCommand, _ request: Request) { fatalError() }
  mutating func run(_ command: KeyCommand, _ request: Request) { fatalError() }
}
