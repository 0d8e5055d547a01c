// MIGRATE: nothing is sent to other servers, which is an error unless there is nothing to send.

extension Engine {
  /// MIGRATE host port key|"" database timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]
  mutating func migrateCommand(_ request: Request) {
    guard let keys = migratedKeys(request) else { return }
    guard request[5].integer != nil, request[4].integer != nil else { return reply.notAnInteger() }
    for index in keys where lookupRead(request, index).entry != nil {
      return reply.error("ERR MIGRATE is not supported. Use DUMP here and RESTORE on the other server.")
    }
    reply.simple("NOKEY")
  }

  /// Which arguments are keys; nil when the options are not in order, which has been answered.
  private mutating func migratedKeys(_ request: Request) -> Range<Int>? {
    var index = 6
    while index < request.count {
      let option = request[index]
      if option.equalsIgnoringCase("copy") || option.equalsIgnoringCase("replace") {
        index += 1
      } else if option.equalsIgnoringCase("auth"), index + 1 < request.count {
        index += 2
      } else if option.equalsIgnoringCase("auth2"), index + 2 < request.count {
        index += 3
      } else if option.equalsIgnoringCase("keys") {
        if request[3].count == 0 { return index + 1..<request.count }
        reply.error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
        return nil
      } else {
        reply.syntaxError()
        return nil
      }
    }
    return 3..<4
  }
}
