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
  /// - Parameter arguments: without the program's name.
  static func parse(
    _ arguments: [[UInt8]], standardInput: () throws(SystemFailure) -> [UInt8] = readStandardInput
  ) throws(ConfigurationError) -> Launch {
    switch arguments.first.map({ String(decoding: $0, as: UTF8.self) }) {
    case "-v", "--version": return .showVersion
    case "-h", "--help": return .showHelp
    case "--sample-config": return .showSampleConfiguration
    default: break
    }

    var rest = arguments[...]
    var loader = ConfigurationLoader()
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

    for directive in try directives(rest) {
      let text = ([String(decoding: directive[0], as: UTF8.self)] + directive.dropFirst().map(SettingText.quoted))
        .joined(separator: " ")
      try loader.take(directive, at: .commandLine, text: text)
    }
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

  /// Groups arguments into directives: a name without its dashes, then its values.
  private static func directives(_ arguments: ArraySlice<[UInt8]>) throws(ConfigurationError) -> [[[UInt8]]] {
    var directives: [[[UInt8]]] = []
    // A name that has no value yet takes the next word whatever it looks like: `--requirepass --secret--`.
    var wantsValue = false
    for argument in arguments {
      guard !wantsValue || isEmptySave(directives, before: argument), argument.starts(with: "--".utf8) else {
        guard !directives.isEmpty else {
          throw ConfigurationError(
            location: .commandLine, directive: String(decoding: argument, as: UTF8.self),
            reason: "expected an option such as --port 6379")
        }
        directives[directives.count - 1].append(argument)
        wantsValue = false
        continue
      }
      // `"--port 6380"` as one argument holds name and value.
      guard let words = splitArguments(argument.dropFirst(2)), !words.isEmpty else {
        throw ConfigurationError(
          location: .commandLine, directive: String(decoding: argument, as: UTF8.self),
          reason: "an option needs a name, and its quotes closed")
      }
      directives.append(words)
      wantsValue = words.count == 1
    }
    return directives
  }

  /// `--save --port 7000`, made by scripts from an empty list, means `--save "" --port 7000`.
  private static func isEmptySave(_ directives: [[[UInt8]]], before argument: [UInt8]) -> Bool {
    guard let last = directives.last, last.count == 1 else { return false }
    return SettingText.lowercased(last[0]) == "save" && argument.starts(with: "--".utf8)
  }

  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let working = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(working) }
    return unsafe SettingText.joined(String(cString: working), path)
  }
}
