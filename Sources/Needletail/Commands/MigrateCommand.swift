// MIGRATE: nothing is sent to other servers, which is an error unless there is nothing to send.

extension Engine {
  /// MIGRATE host port key|"" database timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]
  mutating func migrateCommand(_ request: Request) {
    let options = MigrateOptions(KeyScan(request: request, start: 0))
    switch options.fault {
    case .syntax: return reply.syntaxError()
    case .keyBesideKeys:
      return reply.error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
    case nil: break
    }
    guard request[5].integer != nil, request[4].integer != nil else { return reply.notAnInteger() }
    for index in options.keys where lookupRead(request, index).entry != nil {
      return reply.error("ERR MIGRATE is not supported. Use DUMP here and RESTORE on the other server.")
    }
    reply.simple("NOKEY")
  }
}
