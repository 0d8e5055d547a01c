/// Lists: elements in an order of their own, long at either end.
enum ListCommand: UInt8, Sendable, CaseIterable {
  case lindex, linsert, llen, lmove, lmovem, lmpop, lpop, lpos, lpush, lpushx, lrange, lrem, lset, ltrim, rpop
  case rpoplpush, rpush, rpushx
}

extension Engine {
  mutating func run(_ command: ListCommand, _ request: Request) {
    switch command {
    case .lindex, .linsert, .llen, .lmove, .lmovem, .lmpop, .lpop, .lpos, .lpush, .lpushx, .lrange, .lrem, .lset,
      .ltrim, .rpop, .rpoplpush, .rpush, .rpushx:
      reply.error("ERR not built yet")
    }
  }
}
