/// Sets: members without an order, each of them once.
enum SetCommand: UInt8, Sendable, CaseIterable {
  case sadd, scard, sdiff, sdiffcard, sdiffstore, sinter, sintercard, sinterstore, sismember, smembers, smismember
  case smove, spop, srandmember, srem, sscan, sunion, sunioncard, sunionstore
}

extension Engine {
  mutating func run(_ command: SetCommand, _ request: Request) {
    switch command {
    case .sadd, .scard, .sdiff, .sdiffcard, .sdiffstore, .sinter, .sintercard, .sinterstore, .sismember, .smembers,
      .smismember, .smove, .spop, .srandmember, .srem, .sscan, .sunion, .sunioncard, .sunionstore:
      reply.error("ERR not built yet")
    }
  }
}
