import Glibc
import Testing

@testable import Needletail

@Suite struct ConfigurationRewriteTests {
  private let user = "user default on nopass sanitize-payload ~* &* +@all"

  private func settings(_ pairs: (String, String)...) -> Settings {
    var settings = Settings()
    settings.directory = "/tmp"
    for pair in pairs { #expect(settings.refusal(pair) == nil) }
    return settings
  }

  /// - Parameter restart: what the new file is found to mean; nil: what is wanted.
  private func rewritten(_ file: String, _ settings: Settings, restart: Settings? = nil) -> String {
    String(decoding: (try? ConfigurationRewrite(bytes(file), settings).text { _ in restart ?? settings }) ?? [],
      as: UTF8.self)
  }

  @Test func whatPeopleWroteStays() {
    let file = """
      # My server

      port 1

        # the rest\u{20}
      include conf.d/*.conf
      RENAME-COMMAND flushall ""
        timeout   0
      save 60 1
      dir /tmp
      io-threads-do-reads no
      \(user)
      """
    #expect(
      rewritten(file, settings(("port", "2"), ("save", "60 1"))) == """
        # My server

        port 2

          # the rest\u{20}
        include conf.d/*.conf
        RENAME-COMMAND flushall ""
        timeout 0
        save 60 1
        dir "/tmp"
        io-threads-do-reads no
        \(user)

        """)
  }

  @Test func newLinesGoToTheEnd() {
    let signature = ConfigurationRewrite.signature
    let once = rewritten("hz 10\n\n\n", settings(("port", "7"), ("requirepass", "a \"b\"\n")))
    #expect(once.hasPrefix("hz 10\n\n\(signature)\nport 7\n"))
    for line in ["dir \"/tmp\"", "requirepass \"a \\\"b\\\"\\n\"", "save 3600 1\nsave 300 100\nsave 60 10000"] {
      #expect(once.contains("\n\(line)\n"), "\(line)")
    }
    #expect(rewritten(once, settings(("port", "7"), ("requirepass", "a \"b\"\n"))) == once)
    #expect(rewritten("", settings()).hasPrefix("\(signature)\ndir"))
  }

  @Test func severalLinesOfOneSetting() {
    func lines(_ file: String, _ settings: Settings) -> [String] {
      rewritten("\(file)\ndir /tmp\n\(user)", settings).split(separator: "\n").map(String.init).dropLast(2)
    }
    #expect(lines("port 1\n# x\nport 2", settings(("port", "3"), ("save", ""))).prefix(2) == ["port 3", "# x"])
    #expect(lines("save 1 1\n#\nsave 2 2\nsave 3 3", settings(("save", "4 4 5 5"))) == ["save 4 4", "#", "save 5 5"])
    #expect(lines("save 1 1\n#\nsave 2 2", settings(("save", "4 4 5 5 6 6")))
      == ["save 4 4", "#", "save 5 5", "save 6 6"])
    #expect(lines("save 1 1", settings(("save", ""))) == ["save \"\""])
    #expect(
      lines("hash-max-ziplist-entries 20\nslave-priority 7\nsave \"\"",
        settings(("save", ""), ("replica-priority", "8")))
        == ["hash-max-listpack-entries 512", "replica-priority 8", "save \"\""])
    #expect(
      lines("client-output-buffer-limit slave 1 1 1\nsave \"\"",
        settings(("save", ""), ("client-output-buffer-limit", "normal 1mb 1000 3")))
        == [
          "client-output-buffer-limit normal 1mb 1000 3", "client-output-buffer-limit replica 256mb 64mb 60",
          "client-output-buffer-limit pubsub 32mb 8mb 60", "save \"\"",
        ])
  }

  @Test func whatCannotBeReadBecomesAComment() {
    let text = rewritten("port \"x\nfoo bar\n  port 5", settings())
    #expect(text.hasPrefix("# ??? port \"x\n# ??? foo bar\nport 6379\n"))
  }

  @Test func noValueMakesALineOfItsOwn() {
    let text = rewritten("", settings(("port", "0"), ("bind", "a\nrequirepass x 'b ")))
    #expect(text.contains("\nbind \"a\\nrequirepass\" x \"'b\" \"\"\n"))
    #expect(!text.contains("\nrequirepass"))
    #expect(rewritten("bind x", settings(("bind", ""))).hasPrefix("bind \"\"\n"))
  }

  @Test func whatAnIncludedFileSaysIsOverruled() {
    let file = "hz 5\nsave 1 1\ninclude x\n"
    let wanted = settings(("hz", "6"), ("save", "7 7"))
    var found = wanted
    found.hz = 10
    found.savePoints = []
    let text = rewritten(file, wanted, restart: found)
    #expect(text.hasPrefix("include x\n\n\(ConfigurationRewrite.signature)\n"))
    #expect(text.contains("\nhz 6\n"))
    #expect(text.contains("\nsave \"\"\nsave 7 7\n"))
  }

  @Test func everySettingIsReadBack() throws {
    var changed = Settings()
    changed.directory = "/tmp"
    for spec in settingSpecs {
      for value in ["yes", "no", "7", "70", "700kb", "12%", "x y\"\\", "1 2 3", "60 5", "always", "swapdb", "iso8601"] {
        var candidate = changed
        if (try? spec.set(bytes(value), in: &candidate)) != nil { changed = candidate }
      }
    }
    let text = (try? ConfigurationRewrite([], changed, writesAll: true).text { _ in nil }) ?? []
    let read = try load(String(decoding: text, as: UTF8.self)).get()
    for spec in settingSpecs { #expect(spec.value(in: read) == spec.value(in: changed), "\(spec.name)") }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func whateverAFileSaidItSaysWhatIsWantedThen(_ seed: UInt64) throws {
    var random = FastRandom(seed: 7919 &* seed &+ 1)
    func pick<T>(_ values: [T]) -> T { values[Int(random.next() % UInt64(values.count))] }
    let names = settingSpecs.flatMap { [$0.name] + $0.aliases }
    let values = ["1", "yes", "\"a b\"", "'x", "normal 1 2 3", "60 1", "", "\"\"", "\u{1}\u{fffd}", "#", "1mb"]
    let others = [
      "", "#", "# text", "foo bar", "\"", "user default on nopass ~* &* +@all", " \t", ConfigurationRewrite.signature,
    ]
    var lines: [String] = []
    for _ in 0..<Int(random.next() % 60) {
      lines.append(random.next() % 4 == 0 ? pick(others) : pick(["", " "]) + pick(names) + " " + pick(values))
    }
    var wanted = settings()
    let changes = ["7", "yes", "no", "70", "60 5", "a \"b\"", "1mb", "12%"]
    for _ in 0..<20 { _ = wanted.refusal((pick(names), pick(changes))) }
    wanted.directory = "/tmp"
    let text = rewritten(lines.joined(separator: "\n"), wanted)
    let read = try load(text).get()
    for spec in settingSpecs { #expect(spec.value(in: read) == spec.value(in: wanted), "\(spec.name), seed \(seed)") }
    #expect(rewritten(text, wanted) == text, "seed \(seed)")
  }

  // MARK: The file

  @Test func filesAreReplacedWhole() throws {
    let scratch = ScratchDirectory()
    let file = scratch.file("a.conf", "old")
    unsafe chmod(file, 0o640)
    try replaceFile(file, with: bytes("new"))
    #expect(scratch.text(of: file) == "new")
    var status = stat()
    #expect(unsafe stat(file, &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o640)
    let link = scratch.willExist("link.conf")
    #expect(unsafe symlink("a.conf", link) == 0)
    try replaceFile(link, with: bytes("newer"))
    #expect(scratch.text(of: file) == "newer")
    #expect(unsafe lstat(link, &status) == 0)
    #expect(status.st_mode & S_IFMT == S_IFLNK)
    try replaceFile(scratch.willExist("b.conf"), with: [])
  }

  @Test func aFileThatCannotBeReplacedStays() {
    #expect(throws: SystemFailure.self) { try replaceFile("/nonexistent/x", with: []) }
    let scratch = ScratchDirectory()
    // A directory in its place: the new file is made, cannot take the name, and goes.
    #expect(throws: SystemFailure.self) { try replaceFile(scratch.path, with: []) }
    var found = unsafe glob_t()
    defer { unsafe globfree(&found) }
    #expect(unsafe glob(scratch.path + ".tmp-*", 0, nil, &found) == GLOB_NOMATCH)
  }
}

@Suite struct ProcessTitleTests {
  @Test(arguments: [
    ("{title} {listen-addr} {server-mode}", "srv 127.0.0.1:7"),
    ("{port}|{tls-port}|{unixsocket}|{config-file}", "7|0|/s|-"), ("x", "x"), ("{server-mode}", ""),
  ])
  func variables(_ template: String, _ title: String) {
    var settings = Settings()
    settings.port = 7
    settings.unixSocketPath = "/s"
    settings.bindAddresses = ["-127.0.0.1", "::1"]
    settings.processTitleTemplate = template
    #expect(ProcessTitle.text(settings, name: "srv", configurationFile: "") == title)
  }

  @Test func addresses() {
    var settings = Settings()
    settings.processTitleTemplate = "{listen-addr}"
    func title() -> String { ProcessTitle.text(settings, name: "", configurationFile: "") }
    #expect(title() == "*:6379")
    settings.bindAddresses = ["::1"]
    #expect(title() == "[::1]:6379")
    settings.port = 0
    settings.unixSocketPath = "/s"
    #expect(title() == "unixsocket:/s")
  }
}
