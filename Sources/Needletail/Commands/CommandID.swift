/// Names a command for the dispatcher: its family and its place in it.
enum CommandID: Sendable, Hashable {
  case string(StringCommand)
  case key(KeyCommand)
  case connection(ConnectionCommand)
  case client(ClientCommand)
  case server(ServerCommand)
  case transaction(TransactionCommand)
}
