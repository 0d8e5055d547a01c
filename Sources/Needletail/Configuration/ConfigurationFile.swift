import Glibc

/// What stops the start: where it stands, the directive as it was written, and why it was refused.
struct ConfigurationError: Error, Equatable {
  enum Location: Equatable, Sendable {
    case file(path: String, line: Int)
    case standardInput(line: Int)
    case commandLine
  }

  var location: Location?
  var directive: String?
  var reason: String

  /// Redis's report, except that it says which file the line is in.
  var report: String {
    var text = "\n*** FATAL CONFIG FILE ERROR (\(Version.productName) \(Version.number)) ***\n"
    switch location {
    case .file(let path, let line): text += "Reading the configuration file '\(path)', at line \(line)\n"
    case .standardInput(let line): text += "Reading the configuration from standard input, at line \(line)\n"
    case .commandLine: text += "Reading the command line\n"
    case nil: break
    }
    if let directive { text += ">>> '\(directive)'\n" }
    return text + reason + "\n"
  }
}

/// Reads directives into settings, from files, standard input and the command line alike; later ones win.
struct ConfigurationLoader {
  var settings = Settings()
  /// What the commands are called so far, for `rename-command`.
  var commandNames: CommandNames
  /// The line about the user `default`, which must agree with the password in the end.
  var defaultUser: DefaultUser?
  var includeDepth = 0

  static let maxIncludeDepth = 16
  static let fileMaxBytes = 4 << 20

  /// - Parameter commandNames: in lower case, without subcommands.
  init(commandNames: Set<String> = []) { self.commandNames = CommandNames(commandNames) }

  /// Reads a file, or all files of a pattern in the order of their names.
  mutating func readFiles(_ pattern: String) throws(ConfigurationError) {
    try readFiles(pattern, includedBy: nil, directive: nil)
  }

  mutating func readStandardInput(_ bytes: [UInt8]) throws(ConfigurationError) {
    try read(bytes) { .standardInput(line: $0) }
  }

  /// What would be read from a file that does not hold this yet.
  mutating func readText(_ bytes: [UInt8], ofFile path: String) throws(ConfigurationError) {
    try read(bytes) { .file(path: path, line: $0) }
  }

  /// The command line's options, written as lines by `Launch`.
  mutating func readOptions(_ lines: [UInt8]) throws(ConfigurationError) {
    try read(lines) { _ in .commandLine }
  }

  /// Throws when a server with these settings would let in others than the line about its user says.
  func judgeUser() throws(ConfigurationError) {
    if let reason = defaultUser?.refusal(password: settings.password) {
      throw ConfigurationError(directive: "user default", reason: reason)
    }
  }

  /// The settings, once everything has been read. What can only be judged then is judged here.
  func finished() throws(ConfigurationError) -> Settings {
    try judgeUser()
    if !settings.logFile.isEmpty {
      // The log cannot report that it cannot be written, so this is found out before it is needed.
      let path = SettingText.joined(settings.directory, settings.logFile)
      let descriptor = openForAppending(path)
      guard descriptor >= 0 else {
        throw ConfigurationError(reason: "Can't open the log file: \(SettingText.errorText(errno))")
      }
      close(descriptor)
    }
    return settings
  }

  mutating func readFiles(
    _ pattern: String, includedBy location: ConfigurationError.Location?, directive: String?
  ) throws(ConfigurationError) {
    for path in pattern.contains(where: { "*?[".contains($0) }) ? paths(matching: pattern) : [pattern] {
      let bytes: [UInt8]
      do throws(SystemFailure) {
        bytes = try contents(ofFile: path)
      } catch {
        throw ConfigurationError(
          location: location, directive: directive, reason: "can't open config file '\(path)': \(error.reason)")
      }
      try read(bytes) { .file(path: path, line: $0) }
    }
  }

  private mutating func read(
    _ bytes: [UInt8], location: (Int) -> ConfigurationError.Location
  ) throws(ConfigurationError) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let line = trimmed(line)
      if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
      let text = String(decoding: line, as: UTF8.self)
      guard let words = splitArguments(line) else {
        throw ConfigurationError(
          location: location(index + 1), directive: text, reason: "Unbalanced quotes in configuration line")
      }
      if words.isEmpty { continue }
      try take(words, at: location(index + 1), text: text)
    }
  }
}

/// Splits a line into words by the rules redis-cli and redis.conf share. Nil when a quote is not closed, or is closed
/// in the middle of a word.
///
///     "a\n\x41"  escapes \n \r \t \a \b \xHH; any other escaped byte is itself
///     'a\'b'     only \' is an escape
///     ab"c d"    a quote may open inside a word, which goes on in it: abc d
func splitArguments(_ line: some Collection<UInt8>) -> [[UInt8]]? {
  let bytes = Array(line)
  var words: [[UInt8]] = []
  var index = 0
  while true {
    while index < bytes.count, isSpace(bytes[index]) { index += 1 }
    if index == bytes.count { return words }
    var word: [UInt8] = []
    while index < bytes.count, !endsWord(bytes[index]) {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        guard appendQuoted(bytes, from: &index, closedBy: byte, to: &word) else { return nil }
        // What follows a closing quote must be the next word.
        guard index == bytes.count || isSpace(bytes[index]) else { return nil }
        break
      } else {
        word.append(byte)
      }
    }
    words.append(word)
  }
}

/// Appends what stands between quotes and leaves `index` behind the closing one; false when there is none.
private func appendQuoted(
  _ bytes: [UInt8], from index: inout Int, closedBy quote: UInt8, to word: inout [UInt8]
) -> Bool {
  let hasEscapes = quote == UInt8(ascii: "\"")
  while index < bytes.count {
    let byte = bytes[index]
    if byte == quote {
      index += 1
      return true
    }
    let next = index + 1 < bytes.count ? bytes[index + 1] : nil
    if byte == UInt8(ascii: "\\"), let next, hasEscapes {
      if next == UInt8(ascii: "x"), index + 3 < bytes.count,
        let high = hexDigit(bytes[index + 2]), let low = hexDigit(bytes[index + 3])
      {
        word.append(high << 4 | low)
        index += 4
      } else {
        word.append(escaped(next))
        index += 2
      }
    } else if byte == UInt8(ascii: "\\"), next == quote {
      word.append(quote)
      index += 2
    } else {
      word.append(byte)
      index += 1
    }
  }
  return false
}

private func escaped(_ byte: UInt8) -> UInt8 {
  switch byte {
  case UInt8(ascii: "n"): UInt8(ascii: "\n")
  case UInt8(ascii: "r"): UInt8(ascii: "\r")
  case UInt8(ascii: "t"): UInt8(ascii: "\t")
  case UInt8(ascii: "a"): 0x07
  case UInt8(ascii: "b"): 0x08
  default: byte
  }
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}

/// Vertical tabs and form feeds separate words but do not end them: a quirk of Redis's.
private func endsWord(_ byte: UInt8) -> Bool { isSpace(byte) && byte != 0x0b && byte != 0x0c }

/// What C's `isspace` takes for one.
private func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || 0x09...0x0d ~= byte }

/// Without the spaces at both ends.
func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  var line = line.drop(while: endsWord)
  while let last = line.last, endsWord(last) { line = line.dropLast() }
  return line
}

// MARK: - Files

struct SystemFailure: Error { let reason: String }

/// - Parameter missing: what to take a file for that is not there.
func contents(ofFile path: String, orMissing missing: [UInt8]? = nil) throws(SystemFailure) -> [UInt8] {
  let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
  if descriptor < 0, errno == ENOENT, let missing { return missing }
  guard descriptor >= 0 else { throw SystemFailure(reason: SettingText.errorText(errno)) }
  defer { close(descriptor) }
  return try contents(ofDescriptor: descriptor)
}

/// Everything up to the end of a file or pipe. More than `fileMaxBytes` is refused: /dev/zero has no end.
func contents(ofDescriptor descriptor: CInt) throws(SystemFailure) -> [UInt8] {
  var bytes: [UInt8] = []
  while true {
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    if count < 0 {
      if errno == EINTR { continue }
      throw SystemFailure(reason: SettingText.errorText(errno))
    }
    if count == 0 { return bytes }
    bytes += chunk[..<count]
    guard bytes.count <= ConfigurationLoader.fileMaxBytes else {
      throw SystemFailure(reason: "longer than \(SettingText.sizeText(ConfigurationLoader.fileMaxBytes))")
    }
  }
}

/// The files of a shell pattern, sorted; none is no error (`include conf.d/*.conf`).
private func paths(matching pattern: String) -> [String] {
  var found = unsafe glob_t()
  defer { unsafe globfree(&found) }
  guard unsafe glob(pattern, 0, nil, &found) == 0 else { return [] }
  return unsafe (0..<Int(found.gl_pathc)).compactMap { index in
    unsafe found.gl_pathv[index].map { unsafe String(cString: $0) }
  }
}

/// A descriptor for appending to a file, which is created if it is missing; negative on failure, with `errno` set.
func openForAppending(_ path: String) -> CInt {
  unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
}
