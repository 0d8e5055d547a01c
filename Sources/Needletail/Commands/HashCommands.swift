/// Hashes: fields, each with a value.
enum HashCommand: UInt8, Sendable, CaseIterable {
  case hdel, hexists, hget, hgetall, hgetdel, hincrby, hincrbyfloat, hkeys, hlen, hmget, hmset, hrandfield, hscan
  case hset, hsetnx, hstrlen, hvals
}

extension Engine {
  mutating func run(_ command: HashCommand, _ request: Request) {
    switch command {
    case .hdel, .hexists, .hget, .hgetall, .hgetdel, .hincrby, .hincrbyfloat, .hkeys, .hlen, .hmget, .hmset,
      .hrandfield, .hscan, .hset, .hsetnx, .hstrlen, .hvals:
      reply.error("ERR not built yet")
    }
  }
}
