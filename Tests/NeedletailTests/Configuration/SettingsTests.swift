import Testing

@testable import Needletail

/// Texts are those of Redis 8.2.3, which was asked the same.
@Suite struct SettingsTests {
  // MARK: Bounds

  struct Bound: Sendable, CustomTestStringConvertible {
    var name: String
    var accepted: [String]
    var refused: [String]
    var reason: String
    var testDescription: String { name }
  }

  private static let int32 = "2147483647"
  private static let int64 = "9223372036854775807"
  private static func between(_ low: String, _ high: String) -> String {
    "argument must be between \(low) and \(high) inclusive"
  }

  static let bounds: [Bound] = [
    Bound(name: "port", accepted: ["0", "1", "65534", "65535"], refused: ["-1", "65536"],
      reason: between("0", "65535")),
    Bound(name: "tcp-backlog", accepted: ["0", "1", int32], refused: ["-1", "2147483648"], reason: between("0", int32)),
    Bound(name: "tcp-keepalive", accepted: ["0", "1", int32], refused: ["-1", "2147483648"],
      reason: between("0", int32)),
    Bound(name: "timeout", accepted: ["0", "1", int32], refused: ["-1", "2147483648"], reason: between("0", int32)),
    Bound(name: "databases", accepted: ["1", "2", int32], refused: ["0", "-1", "2147483648"],
      reason: between("1", int32)),
    Bound(name: "hz", accepted: ["1", "500"], refused: ["-1", "2147483648"], reason: between("0", int32)),
    Bound(name: "active-defrag-cycle-max", accepted: ["1", "99"], refused: ["0", "100"], reason: between("1", "99")),
    Bound(name: "active-defrag-cycle-min", accepted: ["1", "99"], refused: ["0", "100"], reason: between("1", "99")),
    Bound(name: "active-defrag-ignore-bytes", accepted: ["1", int64], refused: ["0"], reason: between("1", int64)),
    Bound(name: "active-defrag-max-scan-fields", accepted: ["1", int64], refused: ["0", "-1"],
      reason: between("1", int64)),
    Bound(name: "active-defrag-threshold-lower", accepted: ["0", "1000"], refused: ["-1", "1001"],
      reason: between("0", "1000")),
    Bound(name: "active-defrag-threshold-upper", accepted: ["0", "1000"], refused: ["-1", "1001"],
      reason: between("0", "1000")),
    Bound(name: "lfu-log-factor", accepted: ["0", int32], refused: ["-1", "2147483648"], reason: between("0", int32)),
    Bound(name: "lfu-decay-time", accepted: ["0", int32], refused: ["-1", "2147483648"], reason: between("0", int32)),
    Bound(name: "maxclients", accepted: ["1", "2", "4294967295"], refused: ["0", "4294967296"],
      reason: between("1", "4294967295")),
    Bound(name: "maxclients", accepted: [], refused: ["-1"], reason: "argument must be greater or equal to 0"),
    Bound(name: "hash-max-listpack-entries", accepted: ["0", "1", "9223372036854775807"], refused: ["-1"],
      reason: "argument must be greater or equal to 0"),
    Bound(name: "hash-max-listpack-entries", accepted: [], refused: ["9223372036854775808", "x"],
      reason: "argument couldn't be parsed into an integer"),
    Bound(name: "set-max-intset-entries", accepted: ["0", "1", "9223372036854775807"], refused: ["-1"],
      reason: "argument must be greater or equal to 0"),
    Bound(name: "set-max-intset-entries", accepted: [], refused: ["9223372036854775808", "x"],
      reason: "argument couldn't be parsed into an integer"),
    Bound(name: "set-max-listpack-entries", accepted: ["0", "1", "9223372036854775807"], refused: ["-1"],
      reason: "argument must be greater or equal to 0"),
    Bound(name: "set-max-listpack-entries", accepted: [], refused: ["9223372036854775808", "x"],
      reason: "argument couldn't be parsed into an integer"),
    Bound(name: "zset-max-listpack-entries", accepted: ["0", "1", "9223372036854775807"], refused: ["-1"],
      reason: "argument must be greater or equal to 0"),
    Bound(name: "zset-max-listpack-entries", accepted: [], refused: ["9223372036854775808", "x"],
      reason: "argument couldn't be parsed into an integer"),
    Bound(name: "hash-max-listpack-value", accepted: ["0", "1", "9223372036854775807"], refused: ["-1", "x"],
      reason: "argument must be a memory value"),
    Bound(name: "set-max-listpack-value", accepted: ["0", "1", "9223372036854775807"], refused: ["-1"],
      reason: "argument must be greater or equal to 0"),
    Bound(name: "set-max-listpack-value", accepted: [], refused: ["9223372036854775808", "x"],
      reason: "argument couldn't be parsed into an integer"),
    Bound(name: "zset-max-listpack-value", accepted: ["0", "1", "9223372036854775807"], refused: ["-1", "x"],
      reason: "argument must be a memory value"),
    Bound(name: "list-max-listpack-size", accepted: ["-2147483648", "-1", "0", "2147483647"],
      refused: ["-2147483649", "2147483648"], reason: between("-2147483648", "2147483647")),
    Bound(name: "list-compress-depth", accepted: ["0", "2147483647"], refused: ["-1", "2147483648"],
      reason: between("0", "2147483647")),
    Bound(name: "unixsocketperm", accepted: ["0", "1", "700", "777"], refused: ["1000", "07777"],
      reason: between("0", "777")),
    Bound(name: "unixsocketperm", accepted: [], refused: ["-1"], reason: "argument must be greater or equal to 0"),
    Bound(name: "unixsocketperm", accepted: [], refused: ["8", "999", "x"],
      reason: "argument couldn't be parsed as an octal number"),
    Bound(name: "proto-max-bulk-len", accepted: ["1048576", "1048577", "9223372036854775807"],
      refused: ["1048575", "0", "1024k", "\"\"", "gb"], reason: between("1048576", "9223372036854775807")),
    Bound(name: "client-query-buffer-limit", accepted: ["1048576", "9223372036854775807"],
      refused: ["1048575", "0"], reason: between("1048576", "9223372036854775807")),
    Bound(name: "snapshot-limbo-limit", accepted: ["0", "1", "9223372036854775807"], refused: ["-1", "1x"],
      reason: "argument must be a memory value"),
    Bound(name: "port", accepted: [],
      refused: ["hello", "1.5", "''", "0x10", "+10", "010", "1k", "\" 5\"", "-0", "99999999999999999999"],
      reason: "argument couldn't be parsed into an integer"),
    Bound(name: "proto-max-bulk-len", accepted: [], refused: ["1x", "-1", "\"1 gb\"", "1.5gb"],
      reason: "argument must be a memory value"),
    Bound(name: "unixsocket", accepted: [String(repeating: "s", count: 107)],
      refused: [String(repeating: "s", count: 108)], reason: "a Unix socket's path has at most 107 bytes"),
    Bound(name: "loglevel", accepted: ["debug", "verbose", "notice", "warning", "nothing"], refused: ["loud", "''"],
      reason: "argument(s) must be one of the following: debug, verbose, notice, warning, nothing"),
    Bound(name: "maxmemory-policy",
      accepted: [
        "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "allkeys-lru", "allkeys-lfu",
        "allkeys-random", "noeviction", "volatile-lrm", "allkeys-lrm",
        "volatile-lrfu", "allkeys-lrfu",
      ], refused: ["allkeys"],
      reason: "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, "
        + "allkeys-lru, allkeys-lfu, allkeys-random, noeviction, volatile-lrm, allkeys-lrm, "
        + "volatile-lrfu, allkeys-lrfu"),
    Bound(name: "enable-protected-configs", accepted: ["no", "yes", "local"], refused: ["maybe"],
      reason: "argument(s) must be one of the following: no, yes, local"),
    Bound(name: "enable-debug-command", accepted: ["no", "yes", "local"], refused: ["maybe"],
      reason: "argument(s) must be one of the following: no, yes, local"),
    Bound(name: "supervised", accepted: ["no", "auto", "systemd", "upstart"], refused: ["init"],
      reason: "argument(s) must be one of the following: upstart, systemd, auto, no"),
    Bound(name: "maxmemory", accepted: ["1%", "100%", "1", "104857600", "0"], refused: ["101%"],
      reason: "percentage argument must be less or equal to 100"),
    Bound(name: "maxmemory", accepted: [], refused: ["-1", "-1%", "x", "%%", "1.5%"],
      reason: "argument must be a memory or percent value"),
    Bound(name: "maxmemory-samples", accepted: ["1", "2", "64"], refused: ["0", "65"], reason: between("1", "64")),
    Bound(name: "maxmemory-eviction-tenacity", accepted: ["0", "1", "100"], refused: ["-1", "101"],
      reason: between("0", "100")),
    Bound(name: "maxmemory-clients", accepted: ["0", "1", "1%", "100%"], refused: ["101%"],
      reason: "percentage argument must be less or equal to 100"),
    Bound(name: "maxmemory-clients", accepted: [], refused: ["-1", "-1%", "x", "%%", "1.5%"],
      reason: "argument must be a memory or percent value"),
    Bound(name: "slowlog-log-slower-than", accepted: ["-1", "0", "9223372036854775807"], refused: ["-2"],
      reason: between("-1", "9223372036854775807")),
    Bound(name: "slowlog-entry-max-argc", accepted: ["2", "3", int32], refused: ["1", "0", "2147483648"],
      reason: between("2", int32)),
    Bound(name: "slowlog-entry-max-string-len", accepted: ["1", "2", int32], refused: ["0", "2147483648"],
      reason: between("1", int32)),
    Bound(name: "commandlog-request-larger-than", accepted: ["-1", "0", "9223372036854775807"], refused: ["-2"],
      reason: between("-1", "9223372036854775807")),
    Bound(name: "commandlog-reply-larger-than", accepted: ["-1", "0", "9223372036854775807"], refused: ["-2"],
      reason: between("-1", "9223372036854775807")),
    Bound(name: "slowlog-max-len", accepted: ["0", "9223372036854775807"], refused: ["-1"],
      reason: between("0", "9223372036854775807")),
    Bound(name: "commandlog-large-request-max-len", accepted: ["0", "9223372036854775807"], refused: ["-1"],
      reason: between("0", "9223372036854775807")),
    Bound(name: "commandlog-large-reply-max-len", accepted: ["0", "9223372036854775807"], refused: ["-1"],
      reason: between("0", "9223372036854775807")),
    Bound(name: "latency-monitor-threshold", accepted: ["0", "9223372036854775807"], refused: ["-1"],
      reason: between("0", "9223372036854775807")),
    Bound(name: "watchdog-period", accepted: ["0", "1", int32], refused: ["-1", "2147483648"],
      reason: between("0", int32)),
    Bound(name: "tls-port", accepted: ["0"], refused: ["1", "65535"], reason: "there is no TLS yet"),
    Bound(name: "cluster-enabled", accepted: ["no"], refused: ["yes"], reason: "there is no cluster yet"),
    Bound(name: "aclfile", accepted: [], refused: ["x"], reason: "there are no users but the default one yet"),
    Bound(name: "replicaof", accepted: [], refused: ["localhost 6379"], reason: "there is no replication yet"),
    Bound(name: "replicaof", accepted: [], refused: ["localhost 65536", "localhost x"],
      reason: "Invalid master port"),
    Bound(name: "appendfilename", accepted: ["x"], refused: ["a/b", "''"],
      reason: "appendfilename can't be a path, just a filename"),
    Bound(name: "proc-title-template", accepted: ["x", "{title}{port}", "a}b"], refused: ["{x}", "{title", "''", "{}"],
      reason: "template format is invalid or contains unknown variables"),
    Bound(name: "latency-tracking-info-percentiles", accepted: ["0", "100", "50.5"], refused: ["-0.1", "100.1"],
      reason: "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
    Bound(name: "oom-score-adj-values", accepted: [], refused: ["0 0 2001", "-2001 0 0", "0 x 0"],
      reason: "Invalid oom-score-adj-values, elements must be between -2000 and 2000."),
    Bound(name: "tls-auth-clients-user", accepted: ["CN", "off"], refused: ["x"],
      reason: "argument(s) must be one of the following: off, CN"),
    Bound(name: "log-format", accepted: ["legacy", "logfmt"], refused: ["json"],
      reason: "argument(s) must be one of the following: legacy, logfmt"),
    Bound(name: "log-timestamp-format", accepted: ["legacy", "iso8601", "milliseconds"], refused: ["unix"],
      reason: "argument(s) must be one of the following: legacy, iso8601, milliseconds"),
    Bound(name: "syslog-facility", accepted: ["user", "local0", "local7"], refused: ["local8", "daemon"],
      reason: "argument(s) must be one of the following: "
        + "user, local0, local1, local2, local3, local4, local5, local6, local7"),
    Bound(name: "oom-score-adj", accepted: ["no", "yes", "relative", "absolute"], refused: ["1"],
      reason: "argument(s) must be one of the following: no, yes, relative, absolute"),
    Bound(name: "enable-module-command", accepted: ["no", "yes", "local"], refused: ["maybe"],
      reason: "argument(s) must be one of the following: no, yes, local"),
    Bound(name: "shutdown-on-sigint", accepted: ["default", "save now force"], refused: ["now x", "\"\""],
      reason: "argument(s) must be one of the following: default, save, nosave, now, force"),
    Bound(name: "shutdown-on-sigterm", accepted: ["default", "nosave"], refused: ["save nosave"],
      reason: "shutdown options SAVE and NOSAVE can't be used simultaneously"),
    Bound(name: "syslog-ident", accepted: ["x"], refused: ["\"\\xff\""],
      reason: "argument must be valid UTF-8 without zero bytes"),
    Bound(name: "appendonly", accepted: ["no"], refused: ["yes"],
      reason: "there is no append-only file yet: 'yes' would promise durability that is not there"),
    Bound(name: "dbfilename", accepted: ["x", "my-dump.rdb"], refused: ["/x", "a/b", "../x", "''"],
      reason: "dbfilename can't be a path, just a filename"),
    Bound(name: "sanitize-dump-payload", accepted: ["no", "yes", "clients"], refused: ["client"],
      reason: "argument(s) must be one of the following: no, yes, clients"),
    Bound(name: "dir", accepted: ["/", "/tmp"], refused: ["/nonexistent", "''"], reason: "No such file or directory"),
    Bound(name: "dir", accepted: [], refused: ["/etc/passwd"], reason: "Not a directory"),
    Bound(name: "pidfile", accepted: ["/run/x.pid"], refused: ["\"\\xff\"", "\"a\\x00\""],
      reason: "argument must be valid UTF-8 without zero bytes"),
  ]

  @Test(arguments: bounds)
  func valuesAreJudged(_ bound: Bound) throws {
    for value in bound.accepted {
      let settings = try load("\(bound.name) \(value)").get()
      #expect(settings.shown(bound.name) == value)
    }
    for value in bound.refused {
      #expect(reason("\(bound.name) \(value)") == bound.reason, "\(value)")
    }
  }

  @Test(arguments: [
    "protected-mode", "dynamic-hz", "set-proc-title", "always-show-logo", "huge-pages", "daemonize", "syslog-enabled",
    "disable-thp", "activedefrag", "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lazyfree-lazy-user-del", "lazyfree-lazy-user-flush",
    "rdbcompression", "rdbchecksum", "rdb-save-incremental-fsync", "rdb-del-sync-files", "stop-writes-on-bgsave-error",
    "latency-tracking", "crash-log-enabled",
  ])
  func yesNo(_ name: String) throws {
    #expect(try load("\(name) yes").get().shown(name) == "yes")
    #expect(try load("\(name) NO").get().shown(name) == "no")
    #expect(reason("\(name) 1") == "argument must be 'yes' or 'no'")
    #expect(reason("\(name)") == "wrong number of arguments")
    #expect(reason("\(name) yes no") == "wrong number of arguments")
  }

  @Test func everySettingIsTested() {
    let tested = Set(Self.bounds.map(\.name) + [
      "protected-mode", "dynamic-hz", "set-proc-title", "always-show-logo", "huge-pages", "daemonize", "syslog-enabled",
      "disable-thp", "activedefrag", "lazyfree-lazy-eviction",
      "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lazyfree-lazy-user-del", "lazyfree-lazy-user-flush",
      "bind", "save", "client-output-buffer-limit", "requirepass", "logfile", "rdbcompression",
      "rdbchecksum", "rdb-save-incremental-fsync", "rdb-del-sync-files", "stop-writes-on-bgsave-error",
      "latency-tracking", "crash-log-enabled",
    ])
    // What has no effect is compared with Redis over the wire, name by name.
    #expect(Set(settingSpecs.filter { $0.effect == .hasEffect }.map(\.name)).subtracting(tested) == [])
    #expect(tested.subtracting(settingSpecs.map(\.name)) == [])
    let names = settingSpecs.flatMap { [$0.name] + $0.aliases }
    #expect(Set(names).count == names.count)
  }

  @Test func sizesWithoutRoomAreRefusedAsRedisKeepsThem() {
    let tooLarge = "18446744073709551615"
    #expect(reason("client-query-buffer-limit \(tooLarge)") == "argument must be greater or equal to 0")
    #expect(reason("proto-max-bulk-len 9223372036854775808") == Self.between("1048576", "9223372036854775807"))
    #expect(reason("repl-backlog-size \(tooLarge)") == Self.between("1", "9223372036854775807"))
  }

  @Test(arguments: [
    ("notify-keyspace-events", "nmKEA", "AKEm"), ("notify-keyspace-events", "KEg$lshzxetd", "AKE"),
    ("notify-keyspace-events", "Ex", "xE"),
    ("latency-tracking-info-percentiles", "1e1 99.999999999", "10 100"),
    ("oom-score-adj-values", "-2000 0 2000", "-2000 0 2000"),
  ])
  func valuesAreShownInOneWay(_ name: String, _ value: String, _ shown: String) throws {
    var settings = Settings()
    #expect(settings.refusal((name, value)) == nil)
    #expect(settings.shown(name) == shown)
  }

  @Test func hiddenSettingsAreFoundByNameOnly() {
    #expect(Settings().shown("watchdog-period") == "0")
    #expect(Settings().shown("watchdog-perio*") == nil)
  }

  @Test func hzIsBroughtIntoItsRange() throws {
    #expect(try load("hz 0").get().hz == 1)
    #expect(try load("hz 501").get().hz == 500)
  }

  @Test(arguments: [
    ("2000000", 2_000_000), ("2000000b", 2_000_000), ("2000k", 2_000_000), ("2048kb", 2 << 20), ("2m", 2_000_000),
    ("2MB", 2 << 20), ("2g", 2_000_000_000), ("2gB", 2 << 30), ("9223372036854775807", Int.max),
    ("99999999999g", Int.max), ("17179869185gb", Int.max),
  ])
  func memorySizes(_ text: String, _ size: Int) throws {
    #expect(try load("proto-max-bulk-len \(text)").get().bulkLengthMaxBytes == size)
  }

  // MARK: Settings of several words

  @Test func bind() throws {
    #expect(Settings().shown("bind") == "* -::*")
    #expect(try load("bind 127.0.0.1 -::1").get().bindAddresses == ["127.0.0.1", "-::1"])
    #expect(try load("bind \"127.0.0.1 ::1\"").get().bindAddresses == ["127.0.0.1", "::1"])
    #expect(try load("bind \"\"").get().bindAddresses == [])
    #expect(try load("bind").get().bindAddresses == [])
    let sixteen = [String](repeating: "127.0.0.1", count: 16).joined(separator: " ")
    #expect(try load("bind \(sixteen)").get().bindAddresses.count == 16)
    #expect(reason("bind \(sixteen) ::1") == "Too many bind addresses specified.")
  }

  @Test func save() throws {
    #expect(Settings().shown("save") == "3600 1 300 100 60 10000")
    #expect(try load("save 60 1\nsave 30 2").get().shown("save") == "60 1 30 2")
    #expect(try load("save \"60 1 30 0\"").get().shown("save") == "60 1 30 0")
    #expect(try load("save 60 1\nsave \"\"\nsave 30 2").get().shown("save") == "30 2")
    #expect(try load("save 60 1\nsave").get().shown("save") == "")
    for wrong in ["1", "a b", "0 1", "-1 1", "60 -1", "\"60 1\" 3", "\"1 2  3 4\"", "\" \""] {
      #expect(reason("save \(wrong)") == "Invalid save parameters", "\(wrong)")
    }
    var settings = try load("save 60 1").get()
    #expect(settings.refusal(("save", "1 2 3 4")) == nil)
    #expect(settings.savePoints == [SavePoint(seconds: 1, changes: 2), SavePoint(seconds: 3, changes: 4)])
    #expect(settings.namesWithoutEffect == [])
    #expect(settings.refusal(("rdb-del-sync-files", "yes")) == nil)
    #expect(settings.namesWithoutEffect == ["rdb-del-sync-files"])
    #expect(settings.refusal(("rdb-del-sync-files", "no")) == nil)
    #expect(settings.refusal(("save", "")) == nil)
    #expect(settings.namesWithoutEffect == [])
  }

  @Test func outputBufferLimits() throws {
    let name = "client-output-buffer-limit"
    #expect(Settings().shown(name) == "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60")
    var settings = try load("\(name) slave 10mb 5mb 60\n\(name) PUBSUB 1 2 3").get()
    #expect(settings.shown(name) == "normal 0 0 0 slave 10485760 5242880 60 pubsub 1 2 3")
    #expect(settings.refusal((name, "replica 10mb 5mb 60 REPLICA 1 2 3 NORMAL 1k 1 0")) == nil)
    #expect(settings.shown(name) == "normal 1000 1 0 slave 1 2 3 pubsub 1 2 3")
    #expect(settings.refusal((name, "")) == nil)
    let prefix = "ERR CONFIG SET failed (possibly related to argument '\(name)') - "
    for wrong in ["normal 0 0", "normal 0  0 0", "normal"] {
      #expect(
        settings.refusal((name, wrong)) == prefix + "Wrong number of arguments in buffer limit configuration.")
    }
    for wrong in ["master 0 0 0", "foo 0 0 0"] {
      #expect(
        settings.refusal((name, wrong)) == prefix + "Invalid client class specified in buffer limit configuration.")
    }
    for wrong in ["normal x 0 0", "normal -1 0 0", "normal 0 0 -1", "normal 0 0 1x", "normal 1 1 1 pubsub 0 0 x"] {
      #expect(
        settings.refusal((name, wrong))
          == prefix + "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
    }
    #expect(settings.shown(name) == "normal 1000 1 0 slave 1 2 3 pubsub 1 2 3")
  }

  // MARK: CONFIG SET

  @Test func settingSeveralIsAllOrNothing() throws {
    var settings = Settings()
    #expect(
      settings.refusal(("timeout", "5"), ("hz", "abc"))
        == "ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer")
    #expect(settings.clientTimeoutSeconds == 0)
    let changed = try settings.apply([
      (bytes("TIMEOUT"), bytes("5")), (bytes("hz"), bytes("10")), (bytes("maxclients"), bytes("50")),
    ])
    #expect(changed == ["timeout", "maxclients"])
    #expect(settings.clientTimeoutSeconds == 5)
    #expect(settings.maxClients == 50)
  }

  @Test func errorTexts() {
    var settings = Settings()
    func failed(_ name: String, _ reason: String) -> String {
      "ERR CONFIG SET failed (possibly related to argument '\(name)') - \(reason)"
    }
    let unknown = "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"
    #expect(settings.refusal(("foo", "1")) == unknown)
    #expect(settings.refusal(("foo", "1"), ("databases", "3")) == unknown)
    #expect(settings.refusal(("databases", "3"), ("foo", "1")) == failed("databases", "can't set immutable config"))
    #expect(
      settings.refusal(("databases", "3"), ("port", "99999")) == failed("databases", "can't set immutable config"))
    #expect(settings.refusal(("daemonize", "yes")) == failed("daemonize", "can't set immutable config"))
    #expect(
      settings.refusal(("PORT", "70000")) == failed("port", "argument must be between 0 and 65535 inclusive"))
    #expect(settings.refusal(("hz", "20"), ("HZ", "30")) == failed("HZ", "duplicate parameter"))
    // As in Redis, an alias is none.
    #expect(settings.refusal(("hash-max-ziplist-entries", "1"), ("hash-max-listpack-entries", "2")) == nil)
    #expect(settings.collections.hashEntries == 2)
    #expect(settings.refusal(("a\r\nb", "1")) == "ERR Unknown option or number of arguments for CONFIG SET - 'a  b'")
    #expect(settings.hz == 10)
  }

  @Test func placesStayWhileASnapshotIsLoaded() throws {
    var settings = Settings()
    settings.protectedConfigs = .yes
    func refusal(_ pairs: (String, String)...) -> String? {
      var changed = settings
      do throws(SettingError) {
        _ = try changed.apply(pairs.map { (bytes($0.0), bytes($0.1)) }, isLoading: true)
        return nil
      } catch {
        return String(decoding: error.message, as: UTF8.self)
      }
    }
    #expect(refusal(("hz", "20")) == nil)
    let loading = "LOADING Redis is loading the dataset in memory"
    #expect(refusal(("hz", "20"), ("DIR", "/tmp")) == loading)
    #expect(refusal(("dir", "/tmp"), ("nosuch", "1"))?.hasPrefix("ERR Unknown option") == true)
    #expect(refusal(("repl-diskless-load", "swapdb")) == loading)
  }

  @Test func protectedSettings() throws {
    let refused = "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"
    var settings = Settings()
    #expect(settings.refusal(("dir", "/tmp"), local: true) == refused)
    settings.protectedConfigs = .local
    #expect(settings.refusal(("dir", "/tmp"), local: false) == refused)
    #expect(settings.refusal(("dir", "/tmp/"), local: true) == nil)
    #expect(settings.shown("dir") == "/tmp")
    settings.protectedConfigs = .yes
    #expect(settings.refusal(("dir", "/")) == nil)
    #expect(settings.refusal(("dir", "tmp")) == nil)
    #expect(settings.directory == "/tmp")
    #expect(
      settings.refusal(("dir", "/nonexist"))
        == "ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory")
  }

  @Test func passwordsAreBytes() throws {
    var settings = Settings()
    #expect(try settings.apply([(bytes("requirepass"), [0xff, 0x00, 0x20])]) == ["requirepass"])
    #expect(settings.password == [0xff, 0x00, 0x20])
    #expect(settings.matching([bytes("requirepass")])[0].value == [0xff, 0x00, 0x20])
    #expect(try load("requirepass \"\\xff a\"").get().password == [0xff, 0x20, 0x61])
  }

  // MARK: CONFIG GET

  @Test func patterns() {
    let settings = Settings()
    func names(_ patterns: String...) -> [String] {
      settings.matching(patterns.map(bytes)).map { String(decoding: $0.name, as: UTF8.self) }
    }
    #expect(names("port") == ["port"])
    #expect(names("PORT") == ["PORT"])
    #expect(names("PO*", "p?rt", "port") == ["port"])
    #expect(names("port", "PORT", "timeout") == ["port", "timeout"])
    #expect(names("foo", "") == [])
    #expect(names("p\\ort") == [])
    #expect(names("unixsocket*") == ["unixsocket", "unixsocketperm"])
    #expect(names("*pol*") == ["maxmemory-policy"])
    #expect(names("lfu-[dl]*") == ["lfu-log-factor", "lfu-decay-time"])
    #expect(names("*") == settingSpecs.filter { !$0.isHidden }.flatMap { [$0.name] + $0.aliases })
    #expect(names("save", "appendonly") == ["save", "appendonly"])
    #expect(settings.shown("appendonly") == "no")
    #expect(settings.shown("unixsocketperm") == "0")
  }
}
