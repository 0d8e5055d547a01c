/// Modules: there are none, and none can be loaded.
enum ModuleCommand: UInt8, Sendable, CaseIterable { case container, help, list, load }

extension Engine {
  mutating func run(_ command: ModuleCommand, _ request: Request) {
    switch command {
    case .container: rejectUnknownSubcommand(request)
    case .help: moduleHelpCommand()
    case .list: reply.array(0)
    case .load: reply.error("ERR Error loading the extension: this server has no modules.")
    }
  }

  private mutating func moduleHelpCommand() {
    reply.help("MODULE", ["LIST", "    Return the modules that are loaded: none, as this server loads none."])
  }
}
