/// Sorted sets: members, each of them once, in the order of their scores.
enum SortedSetCommand: UInt8, Sendable, CaseIterable {
  case zadd, zcard, zcount, zdiff, zdiffstore, zincrby, zinter, zintercard, zinterstore, zlexcount, zmpop, zmscore
  case zpopmax, zpopmin, zrandmember, zrange, zrangebylex, zrangebyscore, zrangestore, zrank, zrem, zremrangebylex
  case zremrangebyrank, zremrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore, zrevrank, zscan, zscore
  case zunion, zunionstore
}

extension Engine {
  mutating func run(_ command: SortedSetCommand, _ request: Request) {
    switch command {
    case .zadd, .zcard, .zcount, .zdiff, .zdiffstore, .zincrby, .zinter, .zintercard, .zinterstore, .zlexcount,
      .zmpop, .zmscore, .zpopmax, .zpopmin, .zrandmember, .zrange, .zrangebylex, .zrangebyscore, .zrangestore,
      .zrank, .zrem, .zremrangebylex, .zremrangebyrank, .zremrangebyscore, .zrevrange, .zrevrangebylex,
      .zrevrangebyscore, .zrevrank, .zscan, .zscore, .zunion, .zunionstore:
      reply.error("ERR not built yet")
    }
  }
}
