/// Names a command for the dispatcher: its family and its place in it.
enum CommandID: Sendable, Hashable {
  case string(StringCommand)
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
}
