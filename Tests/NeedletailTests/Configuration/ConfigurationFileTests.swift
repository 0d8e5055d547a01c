import Testing

@testable import Needletail

@Suite struct ConfigurationFileTests {
  // MARK: Lines

  @Test(arguments: [
    ("a b c", ["a", "b", "c"]), ("  a\t b \r", ["a", "b"]), ("", []), ("a \"b c\"", ["a", "b c"]),
    ("a \"\"", ["a", ""]), ("a ''", ["a", ""]), ("a 'b\\'c'", ["a", "b'c"]), ("a 'b\\n'", ["a", "b\\n"]),
    ("\"\\x41\\x6a\\n\\r\\t\\a\\b\\\\\\\"\\q\"", ["Aj\n\r\t\u{7}\u{8}\\\"q"]), ("\"\\xg1\"", ["xg1"]),
    ("\"\\x4\"", ["x4"]), ("ab\"c d\"", ["abc d"]), ("ab'c d' e", ["abc d", "e"]), ("a\\x41", ["a\\x41"]),
    ("a#b #c", ["a#b", "#c"]), ("a\u{b}b \u{c} c", ["a\u{b}b", "c"]), ("'a'\u{b}b", ["a", "b"]),
  ])
  func quoting(_ line: String, _ words: [String]) {
    #expect(splitArguments(bytes(line)).map { $0.map { String(decoding: $0, as: UTF8.self) } } == words)
  }

  @Test(arguments: ["\"a", "'a", "a \"b\"c", "'a'b", "\"a\\", "\"a\\\"", "'a\\'", "\"\"\""])
  func unbalancedQuotes(_ line: String) {
    #expect(splitArguments(bytes(line)) == nil)
  }

  @Test func commentsBlanksAndCase() throws {
    let settings = try load("# port 1\n\n   \t\r\n  # x\n  PORT 7000\r\n\"timeout\" '5'\nLogLevel WARNING").get()
    #expect(settings.port == 7000)
    #expect(settings.clientTimeoutSeconds == 5)
    #expect(settings.logLevel == .warning)
  }

  @Test func laterLinesWin() throws {
    #expect(try load("port 1\nport 2").get().port == 2)
  }

  @Test func errorsNameLineDirectiveAndReason() {
    guard case .failure(let error) = load("port 7000\n\n maxclients hello \n") else {
      Issue.record("was accepted")
      return
    }
    #expect(
      error.report
        == """

        *** FATAL CONFIG FILE ERROR (Needletail \(Version.number)) ***
        Reading the configuration from standard input, at line 3
        >>> 'maxclients hello'
        argument couldn't be parsed into an integer

        """)
  }

  @Test(arguments: [
    ("foo bar", "Bad directive or wrong number of arguments"),
    ("rename-command", "Bad directive or wrong number of arguments"),
    ("rename-command get", "Bad directive or wrong number of arguments"),
    ("rename-command nosuch x", "No such command in rename-command"),
    ("rename-command get SET", "Target command name already exists"),
    ("rename-command get \"\"\nrename-command get x", "No such command in rename-command"),
    ("loadmodule x.so", "there are no modules in this server"),
    ("user", "Bad directive or wrong number of arguments"),
    ("user alice on nopass ~* &* +@all", "there are no users but the default one yet"),
    ("user default on nopass ~* &*", "there is no user without all rights yet"),
    ("user default nopass ~* &* +@all", "there is no user without all rights yet"),
    ("user default on nopass ~* &* +@all -get", "there are no rules for users yet but those that give all rights"),
    ("user default on #00 ~* &* +@all", "there are no rules for users yet but those that give all rights"),
    ("io-threads-do-reads", "Bad directive or wrong number of arguments"),
    ("appenddirnames x", "Bad directive or wrong number of arguments"),
    ("include", "Bad directive or wrong number of arguments"),
    ("include a b", "Bad directive or wrong number of arguments"),
    ("maxclients", "wrong number of arguments"), ("maxclients 1 2", "wrong number of arguments"),
    ("port 1 #comment", "wrong number of arguments"), ("port \"12", "Unbalanced quotes in configuration line"),
    ("include /nonexistent", "can't open config file '/nonexistent': No such file or directory"),
    ("logfile /nonexistent/x", "Can't open the log file: No such file or directory"),
  ])
  func refusals(_ line: String, _ expected: String) {
    #expect(reason(line) == expected)
  }

  // MARK: Files

  private func read(_ path: String) -> Result<Settings, ConfigurationError> {
    var loader = ConfigurationLoader()
    do throws(ConfigurationError) {
      try loader.readFiles(path)
      return .success(loader.settings)
    } catch {
      return .failure(error)
    }
  }

  @Test func includes() throws {
    let scratch = ScratchDirectory()
    _ = scratch.file("b.part", "timeout 9\nport 2")
    _ = scratch.file("a.part", "timeout 8\nhz 20")
    let main = scratch.file(
      "main.conf", "port 1\ninclude \(scratch.path)/*.part\ninclude \(scratch.path)/none*.conf\nmaxclients 7")
    let settings = try read(main).get()
    #expect(settings.port == 2)
    #expect(settings.clientTimeoutSeconds == 9)
    #expect(settings.hz == 20)
    #expect(settings.maxClients == 7)
  }

  @Test func includesAreRelativeToDir() throws {
    let scratch = ScratchDirectory()
    _ = scratch.file("other.conf", "port 3")
    #expect(try read(scratch.file("main.conf", "dir \(scratch.path)\ninclude other.conf")).get().port == 3)
  }

  @Test func errorsNameTheIncludedFile() {
    let scratch = ScratchDirectory()
    let other = scratch.file("other.conf", "# fine\nport x")
    let main = scratch.file("main.conf", "include \(other)")
    #expect(
      read(main)
        == .failure(
          ConfigurationError(
            location: .file(path: other, line: 2), directive: "port x",
            reason: "argument couldn't be parsed into an integer")))
  }

  @Test func aFileThatIncludesItselfIsRefused() {
    let scratch = ScratchDirectory()
    let main = scratch.file("main.conf", "include \(scratch.path)/main.conf")
    guard case .failure(let error) = read(main) else {
      Issue.record("was accepted")
      return
    }
    #expect(error.reason == "files include each other too deeply")
    #expect(error.location == .file(path: main, line: 1))
  }

  @Test func filesMayIncludeEachOtherSixteenDeep() throws {
    let scratch = ScratchDirectory()
    var next = scratch.file("0.conf", "port 7")
    for depth in 1...16 { next = scratch.file("\(depth).conf", "include \(next)") }
    #expect(try read(next).get().port == 7)
    #expect(throws: ConfigurationError.self) { try read(scratch.file("17.conf", "include \(next)")).get() }
  }

  @Test func filesOfFourMegabytesAreRead() throws {
    let scratch = ScratchDirectory()
    let text = "port 7\n#" + String(repeating: "x", count: (4 << 20) - 8)
    #expect(try read(scratch.file("a.conf", text)).get().port == 7)
    #expect(throws: ConfigurationError.self) { try read(scratch.file("b.conf", text + "x")).get() }
  }

  @Test func endlessFilesAreRefused() {
    guard case .failure(let error) = read("/dev/zero") else {
      Issue.record("was accepted")
      return
    }
    #expect(error.reason == "can't open config file '/dev/zero': longer than 4mb")
  }

  @Test func theSampleFileIsTheDefaults() throws {
    let settings = try load(Settings.sampleFile).get()
    let defaults = Settings()
    for spec in settingSpecs {
      #expect(spec.value(in: settings) == spec.value(in: defaults), "\(spec.name)")
      #expect(Settings.usage.contains("--\(spec.name) ") != spec.isHidden)
    }
    #expect(settings.namesWithoutEffect == [])
  }

  // MARK: Lines that are no settings

  @Test func whatFormerVersionsHadIsPassedOver() throws {
    let lines = "io-threads-do-reads yes\nlist-max-ziplist-entries x\nlist-max-ziplist-value 1\n"
      + "lua-replicate-commands no"
    #expect(try load(lines).get() == Settings())
  }

  @Test func commandsAreRenamedInOrder() throws {
    let lines = "rename-command GET a\nrename-command set get\nrename-command a SET\nrename-command flushall \"\""
    #expect(
      try load(lines).get().renamedCommands == [
        RenamedCommand(from: "get", to: "a"), RenamedCommand(from: "set", to: "get"),
        RenamedCommand(from: "a", to: "set"), RenamedCommand(from: "flushall", to: ""),
      ])
    let longest = String(repeating: "x", count: 128)
    #expect(reason("rename-command get \(longest)") == nil)
    #expect(reason("rename-command get \(longest)x") == "a command's name is UTF-8 of at most 128 bytes")
  }

  @Test func theDefaultUserAgreesWithThePassword() throws {
    // SHA-256 of "foobar".
    let hash = "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2"
    let line = "user default on sanitize-payload #\(hash) ~* &* +@all"
    #expect(DefaultUser(password: bytes("foobar")).line == line)
    #expect(DefaultUser(password: []).line == "user default on nopass sanitize-payload ~* &* +@all")
    #expect(reason("requirepass foobar\n\(line)") == nil)
    #expect(reason("\(line)\nrequirepass foobar") == nil)
    #expect(reason("requirepass foobaz\n\(line)")?.contains("not that of 'requirepass'") == true)
    #expect(reason(line)?.contains("not that of 'requirepass'") == true)
    #expect(reason("\(line)\n\(line)")?.contains("Duplicate user found") == true)
    // A password asked for is asked for, whatever else a file says.
    #expect(try load("user default on nopass ~* &* +@all\nrequirepass x").get().password == bytes("x"))
  }

  // MARK: Command line

  private func launch(_ arguments: String..., input: String = "") -> Result<(Settings, String), ConfigurationError> {
    do throws(ConfigurationError) {
      let asked = try Launch.parse(
        arguments.map(bytes), commandNames: CommandTable.allNames, standardInput: { bytes(input) })
      guard case .serve(let settings, let file) = asked else { fatalError("not a start: \(asked)") }
      return .success((settings, file))
    } catch {
      return .failure(error)
    }
  }

  private func settings(_ result: Result<(Settings, String), ConfigurationError>) throws -> Settings {
    try result.get().0
  }

  private func failure(_ result: Result<(Settings, String), ConfigurationError>) -> ConfigurationError? {
    if case .failure(let error) = result { error } else { nil }
  }

  @Test func options() throws {
    #expect(try settings(launch()).port == 6379)
    let given = try settings(launch("--port", "7000", "--save", "", "--bind", "127.0.0.1", "::1", "--HZ", "20"))
    #expect(given.port == 7000)
    #expect(given.savePoints == [])
    #expect(given.bindAddresses == ["127.0.0.1", "::1"])
    #expect(given.hz == 20)
    #expect(try settings(launch("--port 7001", "--timeout 5")).port == 7001)
    #expect(try settings(launch("--requirepass", "--secret--", "--port", "7")).password == bytes("--secret--"))
    #expect(try settings(launch("--requirepass", "--secret--", "--port", "7")).port == 7)
    #expect(try settings(launch("--save", "--port", "7000")).port == 7000)
    #expect(try settings(launch("--save", "60", "1", "--save")).savePoints == [])
    #expect(try settings(launch("--save", "60", "1", "--save", "30", "2")).savePoints.count == 2)
    // As Redis's own tests have it.
    #expect(try settings(launch("--proc-title-template", "--save", "--save", "")).processTitleTemplate == "--save")
    #expect(try settings(launch("--proc-title-template --x", "--loglevel verbose")).processTitleTemplate == "--x")
    #expect(try settings(launch("--loglevel", "verbose", "--save")).savePoints == [])
    #expect(try settings(launch("--")).port == 6379)
    #expect(try settings(launch("--requirepass", "a\nport 1\n")).password == bytes("a\nport 1\n"))
    let scratch = ScratchDirectory()
    #expect(try settings(launch(scratch.file("x.conf"), "loglevel", "verbose", "--port '7'")).port == 7)
  }

  @Test func optionErrors() {
    #expect(
      failure(launch("--port", "1", "--maxclients", "he\"llo"))?.report
        == """

        *** FATAL CONFIG FILE ERROR (Needletail \(Version.number)) ***
        Reading the command line
        >>> 'maxclients "he\\"llo"'
        argument couldn't be parsed into an integer

        """)
    #expect(failure(launch("--port"))?.reason == "wrong number of arguments")
    #expect(failure(launch("--port", "1", "--timeout"))?.directive == "timeout")
    #expect(failure(launch("--foo", "1"))?.reason == "Bad directive or wrong number of arguments")
    #expect(failure(launch("--port", "1", "--version"))?.reason == "Bad directive or wrong number of arguments")
    #expect(failure(launch("--port", "1", "-", "--timeout", "1"))?.directive == "port \"1\" \"-\"")
    #expect(failure(launch("-port"))?.directive == "\"-port\"")
    #expect(failure(launch("-port", "1"))?.reason == "Bad directive or wrong number of arguments")
    #expect(failure(launch("--", ""))?.reason == "Bad directive or wrong number of arguments")
    #expect(failure(launch("--port \"1"))?.reason == "Unbalanced quotes in configuration line")
    #expect(failure(launch("--port 1x"))?.directive == "port 1x")
    for option in ["--test-memory", "--check-system"] { #expect(failure(launch(option, "1"))?.directive == option) }
    #expect(failure(launch("--port", "1", "--sentinel"))?.reason == "there is no Sentinel in this server")
    #expect(
      failure(launch("/nonexistent.conf"))?.reason
        == "can't open config file '/nonexistent.conf': No such file or directory")
  }

  @Test func fileThenStandardInputThenOptions() throws {
    let scratch = ScratchDirectory()
    let main = scratch.file("main.conf", "port 1\ntimeout 1\nhz 11\nsave 60 1")
    let (given, file) = try launch(main, "--hz", "13", "--save", "30", "2", "-", input: "timeout 2\nhz 12").get()
    #expect(given.port == 1)
    #expect(given.clientTimeoutSeconds == 2)
    #expect(given.hz == 13)
    #expect(given.shown("save") == "60 1 30 2")
    #expect(file == main)
    #expect(try settings(launch("-", "--port", "9", input: "port 8\nhz 50")).hz == 50)
    #expect(try settings(launch("-", "--port", "9", input: "port 8")).port == 9)
    #expect(try settings(launch(main, input: "hz 12")).hz == 11)
    #expect(failure(launch("-", input: "timeout x"))?.location == .standardInput(line: 1))
  }

  @Test func questions() throws {
    func asked(_ argument: String) throws -> Launch { try Launch.parse([bytes(argument), bytes("--x")]) }
    for argument in ["-v", "--version"] {
      guard case .showVersion = try asked(argument) else { Issue.record("\(argument)"); return }
    }
    for argument in ["-h", "--help"] {
      guard case .showHelp = try asked(argument) else { Issue.record("\(argument)"); return }
    }
    guard case .showSampleConfiguration = try asked("--sample-config") else { Issue.record("sample"); return }
  }
}
