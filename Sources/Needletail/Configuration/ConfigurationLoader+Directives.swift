import CDigest

// Directives one by one: settings, and the few that are none.

extension ConfigurationLoader {
  /// Lines that Redis 8.2 reads and forgets: settings of former versions.
  private static let retired: Set<String> = [
    "io-threads-do-reads", "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands",
  ]

  /// Something that a file may say and that is no setting.
  static func isOtherDirective(_ name: String) -> Bool {
    retired.contains(name) || ["include", "rename-command", "user"].contains(name)
  }

  /// - Parameter text: the directive as it is to be shown when something is wrong with it.
  mutating func take(
    _ words: [[UInt8]], at location: ConfigurationError.Location, text: String
  ) throws(ConfigurationError) {
    func failure(_ reason: String) -> ConfigurationError {
      ConfigurationError(location: location, directive: text, reason: reason)
    }
    precondition(!words.isEmpty)
    let name = SettingText.lowercased(words[0])
    let values = Array(words.dropFirst())
    if name == "include" {
      guard values.count == 1, let path = String(validating: values[0], as: UTF8.self) else {
        throw failure(InvalidValue.badDirective.reason)
      }
      return try include(path, at: location, text: text)
    }
    do throws(InvalidValue) {
      switch name {
      case "rename-command":
        guard values.count == 2 else { throw .badDirective }
        settings.renamedCommands.append(try commandNames.rename(values[0], to: values[1]))
      case "user":
        try takeUser(values)
      case "loadmodule":
        throw InvalidValue(reason: "there are no modules in this server")
      case _ where Self.retired.contains(name) && values.count == 1:
        break
      default:
        guard let spec = SettingSpec.named(words[0]) else { throw .badDirective }
        try spec.set(values, in: &settings)
      }
    } catch {
      throw failure(error.reason)
    }
  }

  private mutating func include(
    _ path: String, at location: ConfigurationError.Location, text: String
  ) throws(ConfigurationError) {
    // Where Redis runs out of stack on a file that includes itself.
    guard includeDepth < Self.maxIncludeDepth else {
      throw ConfigurationError(location: location, directive: text, reason: "files include each other too deeply")
    }
    includeDepth += 1
    defer { includeDepth -= 1 }
    // `dir` may have moved the place where relative paths start.
    try readFiles(SettingText.joined(settings.directory, path), includedBy: location, directive: text)
  }

  /// CONFIG REWRITE of Redis writes the user that everybody is at first, with all rights.
  private mutating func takeUser(_ words: [[UInt8]]) throws(InvalidValue) {
    guard let name = words.first else { throw .badDirective }
    guard SettingText.lowercased(name) == "default" else {
      throw InvalidValue(reason: "there are no users but the default one yet")
    }
    guard defaultUser == nil else {
      throw InvalidValue(
        reason: "Error in user declaration 'default': Duplicate user found. A user can only be defined once in config "
          + "files")
    }
    defaultUser = try DefaultUser(rules: words.dropFirst().map(SettingText.lowercased))
  }
}

extension InvalidValue {
  static let badDirective = InvalidValue(reason: "Bad directive or wrong number of arguments")
}

/// What a file says of the only user there is.
struct DefaultUser: Sendable, Equatable {
  /// The SHA-256 of the password in hexadecimal digits; nil for none.
  var passwordHash: String?

  /// Takes the rules that give all rights, and a password; whatever would take something away is refused.
  init(rules: [String]) throws(InvalidValue) {
    var isOn = false
    var missing: Set<String> = ["keys", "channels", "commands"]
    for rule in rules {
      switch rule {
      case "on": isOn = true
      case "nopass", "resetpass": passwordHash = nil
      case "~*", "allkeys": missing.remove("keys")
      case "&*", "allchannels": missing.remove("channels")
      case "+@all", "allcommands": missing.remove("commands")
      case "sanitize-payload": break
      case let hash where hash.hasPrefix("#") && hash.utf8.count == 65: passwordHash = String(hash.dropFirst())
      default: throw InvalidValue(reason: "there are no rules for users yet but those that give all rights")
      }
    }
    guard isOn, missing.isEmpty else { throw InvalidValue(reason: "there is no user without all rights yet") }
  }

  init(password: [UInt8]) { passwordHash = password.isEmpty ? nil : Self.hash(password) }

  /// As Redis writes it.
  var line: String {
    "user default on \(passwordHash.map { "sanitize-payload #\($0)" } ?? "nopass sanitize-payload") ~* &* +@all"
  }

  /// Why a server with this password must not start: it would let in others than this line does.
  func refusal(password: [UInt8]) -> String? {
    guard let passwordHash, passwordHash != Self.hash(password) else { return nil }
    return "the hash is not that of 'requirepass': a password that is known by its hash only cannot be checked yet"
  }

  private static func hash(_ password: [UInt8]) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe password.withUnsafeBytes { password in
      unsafe digest.withUnsafeMutableBytes { unsafe cd_sha256(password.baseAddress, password.count, $0.baseAddress!) }
    }
    return digest.map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
  }
}

/// What commands are called while directives are read, in lower case.
struct CommandNames: Sendable {
  private var names: Set<String>

  init(_ names: Set<String>) { self.names = names }

  /// - Parameter new: empty: the command has no name any more.
  mutating func rename(_ old: [UInt8], to new: [UInt8]) throws(InvalidValue) -> RenamedCommand {
    let oldName = SettingText.lowercased(old)
    guard names.remove(oldName) != nil else { throw InvalidValue(reason: "No such command in rename-command") }
    let newName = SettingText.lowercased(new)
    // No request's name is longer.
    guard new.count <= 128, String(validating: new, as: UTF8.self) != nil else {
      throw InvalidValue(reason: "a command's name is UTF-8 of at most 128 bytes")
    }
    guard newName.isEmpty || names.insert(newName).inserted else {
      throw InvalidValue(reason: "Target command name already exists")
    }
    return RenamedCommand(from: oldName, to: newName)
  }
}
