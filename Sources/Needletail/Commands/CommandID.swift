/// Names a command for the dispatcher: its family and its place in it.
enum CommandID: Sendable, Hashable {
  case string(StringCommand)
  case bitmap(BitmapCommand)
  case list(ListCommand)
  case set(SetCommand)
  case hash(HashCommand)
  case sortedSet(SortedSetCommand)
  case key(KeyCommand)
  case connection(ConnectionCommand)
  case client(ClientCommand)
  case persistence(PersistenceCommand)
  case server(ServerCommand)
  case transaction(TransactionCommand)
  case observing(ObservingCommand)
  case replication(ReplicationCommand)
  case cluster(ClusterCommand)
  case module(ModuleCommand)
  case acl(ACLCommand)
}

extension CommandID {
  /// Whether the command by its nature takes as long as its keys are large, or as there are keys. The turn can end
  /// after it, when it did, instead of running a batch of its kind.
  var mayTakeLong: Bool {
    switch self {
    case .bitmap(.bitcount), .bitmap(.bitop), .bitmap(.bitpos), .key(.keys), .key(.sort), .key(.sortReadonly),
      .string(.lcs), .server(.flushall), .server(.flushdb),
      .set(.sdiff), .set(.sdiffcard), .set(.sdiffstore), .set(.sinter), .set(.sintercard), .set(.sinterstore),
      .set(.sunion), .set(.sunioncard), .set(.sunionstore), .sortedSet(.zdiff), .sortedSet(.zdiffstore),
      .sortedSet(.zinter), .sortedSet(.zintercard), .sortedSet(.zinterstore), .sortedSet(.zunion),
      .sortedSet(.zunionstore):
      true
    default: false
    }
  }

  /// The argument that names an element, by its bytes, of the first key's collection; 0: none does, or not in a fixed
  /// place. Of several the first. It may be fetched before the command runs, and is something else in some of ZADD's
  /// forms, which does no harm.
  var elementIndex: Int16 {
    switch self {
    case .hash(.hget), .hash(.hset), .hash(.hsetnx), .hash(.hdel), .hash(.hexists), .hash(.hstrlen), .hash(.hincrby),
      .hash(.hincrbyfloat), .hash(.hmset), .hash(.hmget), .set(.sadd), .set(.srem), .set(.sismember), .set(.smismember),
      .sortedSet(.zscore), .sortedSet(.zmscore), .sortedSet(.zrank), .sortedSet(.zrevrank), .sortedSet(.zrem):
      2
    case .set(.smove), .sortedSet(.zadd), .sortedSet(.zincrby): 3
    default: 0
    }
  }
}
