/// What follows the fixed arguments of MIGRATE: keys, passwords, and whether it is in order. Keys are found in what is
/// not, as Redis finds them for COMMAND GETKEYS.
///
///     MIGRATE host port key|"" database timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]
struct MigrateOptions {
  enum Fault { case syntax, keyBesideKeys }

  /// Places of the keys.
  private(set) var keys = 3..<4
  /// Places of passwords and their users, ascending.
  private(set) var secrets: [Int] = []
  private(set) var fault: Fault?

  init(_ scan: KeyScan) {
    var index = 6
    while index < scan.count {
      let option = scan[index]
      if option.equalsIgnoringCase("keys") {
        keys = index + 1..<scan.count
        if !scan[3].isEmpty { fault = fault ?? .keyBesideKeys }
        return
      }
      let secretCount = option.equalsIgnoringCase("auth") ? 1 : option.equalsIgnoringCase("auth2") ? 2 : 0
      let isKnown = secretCount > 0 || option.equalsIgnoringCase("copy") || option.equalsIgnoringCase("replace")
      if !isKnown || index + secretCount >= scan.count { fault = fault ?? .syntax }
      secrets += index + 1..<index + 1 + secretCount
      index += 1 + secretCount
    }
  }
}
