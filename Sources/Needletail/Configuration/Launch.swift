import Glibc

/// What the command line asks for.
enum Launch: Sendable {
  /// - Parameter configurationFile: the absolute path of the file that was read, or empty; INFO shows it.
  case serve(Settings, configurationFile: String)
  case showVersion
  case showHelp
  case showSampleConfiguration

  /// Reads the command line as Redis does:
  ///
  ///     needletail-server [/path/to/needletail.conf] [--name value ...]... [-]
  ///
  /// A `-`, first or last, reads standard input; the file comes first, then standard input, then the options. The word
  /// behind a `--name` is its value even if it starts with dashes; other words with two dashes start the next option.
  ///
  /// - Parameters:
  ///   - arguments: without the program's name.
  ///   - commandNames: see `ConfigurationLoader`.
  static func parse(
    _ arguments: [[UInt8]], commandNames: Set<String> = [],
    standardInput: () throws(SystemFailure) -> [UInt8] = readStandardInput
  ) throws(ConfigurationError) -> Launch {
    let first = arguments.first.map { String(decoding: $0, as: UTF8.self) }
    switch first {
    case "-v", "--version": return .showVersion
    case "-h", "--help": return .showHelp
    case "--sample-config": return .showSampleConfiguration
    case "--test-memory", "--check-system":
      throw ConfigurationError(
        location: .commandLine, directive: first,
        reason: "this server does not test the machine, only redis-server does")
    default: break
    }
    if arguments.contains(Array("--sentinel".utf8)) {
      throw ConfigurationError(
        location: .commandLine, directive: "--sentinel", reason: "there is no Sentinel in this server")
    }

    var rest = arguments[...]
    var loader = ConfigurationLoader(commandNames: commandNames)
    var configurationFile = ""
    if let first = rest.first, first.first != UInt8(ascii: "-") {
      guard let path = String(validating: first, as: UTF8.self) else {
        throw ConfigurationError(location: .commandLine, reason: "the configuration file's name is not UTF-8")
      }
      rest = rest.dropFirst()
      configurationFile = absolute(path)
      try loader.readFiles(path)
    }

    let dash = [UInt8(ascii: "-")]
    var readsStandardInput = false
    if rest.first == dash, rest.startIndex == 0 {
      readsStandardInput = true
      rest = rest.dropFirst()
    }
    if rest.last == dash {
      readsStandardInput = true
      rest = rest.dropLast()
    }
    if readsStandardInput {
      let bytes: [UInt8]
      do throws(SystemFailure) {
        bytes = try standardInput()
      } catch {
        throw ConfigurationError(reason: "can't read standard input: \(error.reason)")
      }
      try loader.readStandardInput(bytes)
    }

    try loader.readOptions(lines(rest))
    return .serve(try loader.finished(), configurationFile: configurationFile)
  }

  /// The process's own arguments as bytes: Swift's strings would repair a password that is not UTF-8.
  static var processArguments: [[UInt8]] {
    let count = Int(CommandLine.argc)
    return (1..<max(count, 1)).compactMap { index in
      unsafe CommandLine.unsafeArgv[index].map { unsafe Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
  }

  static func readStandardInput() throws(SystemFailure) -> [UInt8] { try contents(ofDescriptor: STDIN_FILENO) }

  /// The options as lines of a configuration file: a name without its dashes, then its values in quotes. An argument
  /// that holds name and value (`"--port 6380"`) is a line as it stands.
  private static func lines(_ arguments: ArraySlice<[UInt8]>) -> [UInt8] {
    var text: [UInt8] = []
    // A name that has no value yet takes the next word whatever it looks like: `--requirepass --secret--`.
    var wantsValue = false
    for (index, argument) in arguments.enumerated() {
      guard !wantsValue, isName(argument) else {
        text += " \(SettingText.quoted(argument))".utf8
        wantsValue = false
        continue
      }
      text += [UInt8(ascii: "\n")] + argument.dropFirst(2)
      wantsValue = splitArguments(argument)?.count == 1
      // `--save --port 7000`, made by scripts from an empty list, means `--save "" --port 7000`.
      let next = arguments.dropFirst(index + 1).first
      if wantsValue, SettingText.lowercased(argument) == "--save", next.map(isName) ?? true {
        text += " \"\"".utf8
        wantsValue = false
      }
    }
    return text
  }

  private static func isName(_ argument: [UInt8]) -> Bool { argument.starts(with: "--".utf8) }

  private static func absolute(_ path: String) -> String { SettingText.joined(workingDirectory, path) }

  /// The process's, as an absolute path where the system still knows it.
  static var workingDirectory: String {
    guard let working = unsafe getcwd(nil, 0) else { return "./" }
    defer { unsafe free(working) }
    return unsafe String(cString: working)
  }
}
