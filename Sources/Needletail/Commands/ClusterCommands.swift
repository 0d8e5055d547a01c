/// The commands of a cluster, which are all refused: this server is no part of one.
enum ClusterCommand: UInt8, Sendable, CaseIterable { case container, disabled }

extension Engine {
  mutating func run(_ command: ClusterCommand, _ request: Request) {
    switch command {
    case .container: rejectUnknownSubcommand(request)
    case .disabled: reply.error("ERR This instance has cluster support disabled")
    }
  }
}
