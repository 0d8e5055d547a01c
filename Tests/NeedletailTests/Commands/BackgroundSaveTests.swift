import Foundation
import Testing
@testable import Needletail

/// BGSAVE and what surrounds it, with the real thread. Where a test needs it to stand still, a pipe lies where the
/// temporary file should be: the thread waits when it is full, until somebody reads.
@Suite struct BackgroundSaveTests {
  private let directory: String
  private let server: TestServer
  private let gate = Gate()
  // Computed: the leak checker does not see the strings of global enumerations.
  private static var inProgress: Reply { Reply.error("ERR Background save already in progress") }
  private static var started: Reply { Reply.simple("Background saving started") }
  private static var scheduled: Reply { Reply.simple("Background saving scheduled") }
  private static var nothingToCancel: Reply {
    Reply.error("ERR Background saving is currently not in progress or scheduled")
  }
  private static var queued: Reply { Reply.simple("QUEUED") }
  private static let unsaved = """
    MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may \
    modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
    snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.
    """

  init() {
    directory = NSTemporaryDirectory() + "needletail-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    server = Self.makeServer(directory)
  }

  private static func makeServer(_ directory: String) -> TestServer {
    var settings = Settings()
    settings.dbFilename = directory + "/dump.rdb"
    settings.debugCommand = .yes
    return TestServer(settings, sharesFreer: false)
  }

  // MARK: Helpers

  private var file: String { directory + "/dump.rdb" }
  private var temporaryFile: String { directory + "/" + TemporaryName.backgroundSnapshot.own }
  private var fileBytes: Data? { FileManager.default.contents(atPath: file) }
  private var names: [String] { try! FileManager.default.contentsOfDirectory(atPath: directory) }

  private func follow() { server.withEngine { $0.followBackgroundSave() } }

  private var isSaving: Bool { server.withEngine { $0.persistence.background != nil } }

  /// Waits until the save has ended.
  private func finish() {
    waitFor {
      follow()
      return !isSaving
    }
    #expect(!isSaving)
  }

  private func info(_ field: String) -> String? {
    let lines = server.run("INFO", "persistence").text?.split(separator: "\r\n") ?? []
    return lines.first { $0.hasPrefix(field + ":") }.map { String($0.dropFirst(field.count + 1)) }
  }

  /// What a server that loads the file answers.
  private func loaded(_ request: String, database: Int = 0) -> Reply {
    let other = Self.makeServer(directory)
    guard other.withEngine({ $0.loadSnapshot() }) else { return .error("not loaded") }
    other.run("SELECT", "\(database)")
    return other.send(request)
  }

  /// Starts a save that stands still in the middle of its file, with more than a buffer of it in database 9.
  private func startGatedSave() {
    server.run("SELECT", "9")
    server.run("CONFIG", "SET", "rdbcompression", "no")
    server.run("SET", "ballast", String(repeating: "x", count: 1 << 20))
    server.run("SELECT", "0")
    #expect(gate.close(at: temporaryFile))
    server.expect([("BGSAVE", Self.started)])
    #expect(gate.isReached)
  }

  /// Lets the save go on.
  private func openGate() {
    waitFor {
      gate.drain()
      follow()
      return !isSaving
    }
    #expect(!isSaving)
  }

  /// The next background save fails: a directory lies where its temporary file should be.
  private func breakSaving() { #expect(unsafe mkdir(temporaryFile, 0o700) == 0) }
  private func mendSaving() { #expect(unsafe rmdir(temporaryFile) == 0) }

  // MARK: Saving

  @Test func savesWhatWasThereAtTheFreeze() {
    server.expect([("SET a 1", .ok), ("SET b 1", .ok), ("BGSAVE", Self.started)])
    #expect(info("rdb_bgsave_in_progress") == "1")
    #expect(info("current_save_keys_total") == "2")
    server.expect([
      ("BGSAVE", Self.inProgress), ("BGSAVE SCHEDULE", Self.inProgress), ("SAVE", Self.inProgress),
      ("SET a 2", .ok), ("DEL b", 1), ("SET c 1", .ok),
    ])
    server.advance(milliseconds: 3000)
    finish()
    #expect(loaded("MGET a b c") == ["1", "1", .null])
    #expect(server.run("LASTSAVE") == .integer(server.nowMilliseconds / 1000))
    #expect(info("rdb_bgsave_in_progress") == "0")
    #expect(info("rdb_changes_since_last_save") == "3")
    #expect(info("rdb_last_bgsave_status") == "ok")
    #expect(info("rdb_last_bgsave_time_sec") == "3")
    #expect(info("rdb_saves") == "1")
    #expect(info("current_save_keys_total") == "0")
    #expect(names == ["dump.rdb"])
    server.expect([("BGSAVE", Self.started)])
    finish()
    #expect(loaded("MGET a b c") == ["2", .null, "1"])
  }

  @Test func anEmptyKeyspace() {
    server.expect([("BGSAVE", Self.started)])
    finish()
    #expect(loaded("DBSIZE") == 0)
  }

  @Test func badArguments() {
    for request in ["BGSAVE x", "BGSAVE SCHEDULE x", "BGSAVE CANCEL x", "BGSAVE SCHEDULE CANCEL"] {
      #expect(server.send(request) == .syntaxError)
    }
    #expect(!isSaving)
  }

  @Test func inATransaction() {
    server.expect([
      ("SET a 1", .ok), ("MULTI", .ok), ("BGSAVE", Self.queued), ("BGSAVE", Self.queued), ("SET a 2", Self.queued),
      ("EXEC", [Self.scheduled, Self.scheduled, .ok]),
    ])
    #expect(isSaving)
    server.send("SET a 3")
    finish()
    #expect(loaded("GET a") == "2")
  }

  @Test func saveIsNotAllowedInATransaction() {
    server.expect([("MULTI", .ok), ("SAVE", .error("ERR Command not allowed inside a transaction"))])
  }

  // MARK: Cancelling

  @Test func cancelled() {
    server.expect([("SET a 1", .ok), ("SAVE", .ok), ("SET a 2", .ok)])
    let old = fileBytes
    server.expect([("BGSAVE CANCEL", Self.nothingToCancel)])
    startGatedSave()
    server.expect([
      ("bgsave cancel", .simple("Background saving cancelled")), ("BGSAVE CANCEL", Self.nothingToCancel),
    ])
    // Its walk is not over yet, so the next one has to wait for it.
    server.expect([("BGSAVE", Self.scheduled), ("BGSAVE CANCEL", .simple("Scheduled background saving cancelled"))])
    openGate()
    #expect(fileBytes == old)
    #expect(names == ["dump.rdb"])
    #expect(info("rdb_last_bgsave_status") == "ok")
    #expect(info("rdb_changes_since_last_save") == "2")
    server.expect([("BGSAVE", Self.started)])
    finish()
    #expect(loaded("GET a") == "2")
  }

  /// The cancelled save's file can no longer appear, so there is nothing to wait for.
  @Test func saveWhileACancelledOneEnds() {
    server.send("SET a 1")
    startGatedSave()
    server.expect([("BGSAVE CANCEL", .simple("Background saving cancelled")), ("SAVE", .ok)])
    openGate()
    #expect(loaded("GET a") == "1")
  }

  @Test func scheduledBehindACancelledOne() {
    server.send("SET a 1")
    startGatedSave()
    server.expect([
      ("BGSAVE CANCEL", .simple("Background saving cancelled")), ("BGSAVE SCHEDULE", Self.scheduled), ("SET a 2", .ok),
    ])
    waitFor {
      gate.drain()
      follow()
      return fileBytes != nil
    }
    finish()
    #expect(loaded("GET a") == "2")
  }

  @Test func flushallCancels() {
    server.expect([("SET a 1", .ok), ("SAVE", .ok), ("SET a 2", .ok)])
    startGatedSave()
    server.expect([("FLUSHDB", .ok)])
    #expect(server.withEngine { $0.isSavingInBackground })
    server.expect([("FLUSHALL", .ok)])
    #expect(!server.withEngine { $0.isSavingInBackground })
    openGate()
    #expect(loaded("GET a") == "1")
    #expect(info("rdb_changes_since_last_save") == "5")
  }

  @Test func flushallWithSavePointsLeavesAnEmptyFile() {
    server.expect([
      ("CONFIG SET save", .wrongArity("config|set")), ("CONFIG SET save 3600000", .error(
        "ERR CONFIG SET failed (possibly related to argument 'save') - Invalid save parameters")),
    ])
    #expect(server.run("CONFIG", "SET", "save", "3600 1000000") == .ok)
    server.expect([("SET a 1", .ok), ("SAVE", .ok), ("FLUSHALL", .ok)])
    #expect(isSaving)
    finish()
    #expect(loaded("DBSIZE") == 0)
    #expect(info("rdb_changes_since_last_save") == "0")
    // In a transaction too, at its end.
    server.expect([
      ("MULTI", .ok), ("SET a 1", Self.queued), ("FLUSHALL", Self.queued), ("SET b 1", Self.queued),
      ("EXEC", [.ok, .ok, .ok]),
    ])
    finish()
    #expect(loaded("KEYS *") == ["b"])
  }

  @Test func debugReloadEndsIt() {
    server.expect([("SET a 1", .ok), ("SAVE", .ok)])
    server.send("SET a 2")
    startGatedSave()
    server.expect([("SET a 3", .ok), ("DEBUG RELOAD", .ok), ("GET a", "3")])
    openGate()
    #expect(loaded("GET a") == "3")
  }

  @Test func shutdownCancelsIt() {
    server.withEngine { $0.settings.savePoints = [SavePoint(seconds: 3600, changes: 1)] }
    server.send("SET a 1")
    startGatedSave()
    server.send("SET a 2")
    #expect(server.client.runRaw([Array("SHUTDOWN".utf8)]) == [])
    #expect(server.withEngine { $0.shutdownRequest != nil && !$0.isSavingInBackground })
    #expect(loaded("GET a") == "2")
    openGate()
    #expect(loaded("GET a") == "2")
    #expect(names == ["dump.rdb"])
  }

  /// What cannot be saved does not end, but its background save is cancelled, as in Redis.
  @Test func shutdownThatFails() {
    server.withEngine { $0.settings.savePoints = [SavePoint(seconds: 3600, changes: 1)] }
    server.send("SET a 1")
    startGatedSave()
    server.withEngine { $0.settings.dbFilename = directory + "/missing/dump.rdb" }
    server.expect([("SHUTDOWN", .error("ERR Errors trying to SHUTDOWN. Check logs."))])
    #expect(!server.withEngine { $0.isSavingInBackground })
    openGate()
    #expect(names == [])
  }

  // MARK: Failing

  @Test func aFailureRefusesWrites() {
    #expect(server.run("CONFIG", "SET", "save", "3600 1000000") == .ok)
    let other = server.connect()
    let reader = server.connect()
    other.expect([("MULTI", .ok), ("SET a 1", Self.queued)])
    reader.expect([("MULTI", .ok), ("GET a", Self.queued)])
    server.expect([("SET a 0", .ok), ("SAVE", .ok)])
    let old = fileBytes
    breakSaving()
    server.expect([("BGSAVE", Self.started)])
    finish()
    #expect(info("rdb_last_bgsave_status") == "err")
    #expect(fileBytes == old)
    let refusal = Reply.error(Self.unsaved)
    server.expect([
      ("SET a 2", refusal), ("DEL a", refusal), ("PING", refusal), ("FLUSHALL", refusal), ("GETEX a", refusal),
      ("EXPIRE nosuch 1", refusal), ("SET a", .wrongArity("set")), ("GET a", "0"), ("TOUCH a", 1), ("ECHO a", "a"),
      ("MULTI", .ok), ("SET a 2", refusal),
      ("EXEC", .error("EXECABORT Transaction discarded because of previous errors.")),
      ("MULTI", .ok), ("PING", refusal), ("DISCARD", .ok),
    ])
    other.expect([
      ("EXEC", .error("EXECABORT Transaction discarded because of: " + Self.unsaved)),
      ("EXEC", .error("ERR EXEC without MULTI")),
    ])
    reader.expect([("EXEC", ["0"])])
    server.expect([
      ("CONFIG SET stop-writes-on-bgsave-error no", .ok), ("SET a 2", .ok), ("PING", .simple("PONG")),
      ("CONFIG SET stop-writes-on-bgsave-error yes", .ok), ("SET a 3", refusal), ("CONFIG SET save ''", .ok),
      ("SET a 3", .ok),
    ])
    #expect(server.run("CONFIG", "SET", "save", "3600 1000000") == .ok)
    server.expect([("SET a 4", refusal), ("SAVE", .ok), ("SET a 4", .ok), ("BGSAVE", Self.started)])
    finish()
    server.expect([("SET a 5", refusal)])
    mendSaving()
    server.expect([("BGSAVE", Self.started)])
    finish()
    server.expect([("SET a 6", .ok), ("PING", .simple("PONG"))])
  }

  @Test func aFailureToBegin() {
    server.withEngine { $0.settings.dbFilename = directory + "/missing/dump.rdb" }
    server.expect([("BGSAVE", .error("ERR")), ("BGSAVE CANCEL", Self.nothingToCancel)])
    #expect(info("rdb_last_bgsave_status") == "err")
    #expect(!server.withEngine { $0.keyspace.isFrozen })
  }

  /// A pipe cannot be synced, so the save fails after all is written.
  @Test func aFailureAtTheEnd() {
    server.expect([("SET a 1", .ok), ("SAVE", .ok), ("SET a 2", .ok)])
    startGatedSave()
    openGate()
    #expect(info("rdb_last_bgsave_status") == "err")
    #expect(loaded("GET a") == "1")
    #expect(names == ["dump.rdb"])
  }

  // MARK: Save points

  private func isDue() -> Bool {
    server.withEngine { $0.saveWhenDue() }
    return isSaving
  }

  @Test func savePoints() {
    #expect(server.run("CONFIG", "SET", "save", "10 3 20 1") == .ok)
    // None but after a change.
    server.advance(milliseconds: 100_000)
    #expect(!isDue())
    server.expect([("SAVE", .ok), ("SET a 1", .ok), ("SET b 1", .ok)])
    // More than 10 seconds, with 3 changes.
    server.advance(milliseconds: 11_000)
    #expect(!isDue())
    server.send("SET c 1")
    server.advance(milliseconds: -1000)
    #expect(!isDue())
    server.advance(milliseconds: 1000)
    #expect(isDue())
    finish()
    #expect(info("rdb_changes_since_last_save") == "0")
    // The other: more than 20 seconds, with one.
    server.send("SET d 1")
    server.advance(milliseconds: 20_000)
    #expect(!isDue())
    server.advance(milliseconds: 1000)
    #expect(isDue())
    finish()
    #expect(info("rdb_saves") == "3")
  }

  @Test func aFailedSaveIsTriedAgainLater() {
    #expect(server.run("CONFIG", "SET", "save", "1 1") == .ok)
    breakSaving()
    server.send("SET a 1")
    server.advance(milliseconds: 2000)
    #expect(isDue())
    finish()
    server.advance(milliseconds: 5000)
    #expect(!isDue())
    server.advance(milliseconds: 1)
    #expect(isDue())
    finish()
    mendSaving()
    server.advance(milliseconds: 5001)
    #expect(isDue())
    finish()
    #expect(info("rdb_last_bgsave_status") == "ok")
    #expect(loaded("GET a") == "1")
  }

  // MARK: Limbo

  @Test func aSaveThatKeepsTooMuchIsCancelled() {
    #expect(server.run("CONFIG", "SET", "save", "1 1") == .ok)
    // In a database behind the one at which the save stands still.
    server.run("SELECT", "15")
    for number in 0..<100 { server.run("SET", "k\(number)", String(repeating: "v", count: 1000)) }
    server.send("SAVE")
    startGatedSave()
    server.run("SELECT", "15")
    for number in 0..<100 { server.run("SET", "k\(number)", "w") }
    guard case .integer(let limbo) = server.send("DEBUG LIMBO") else { return }
    #expect(limbo > 100_000)
    func isCancelled(_ limit: Int) -> Bool {
      #expect(server.run("CONFIG", "SET", "snapshot-limbo-limit", "\(limit)") == .ok)
      server.withEngine { $0.watchLimbo() }
      return !server.withEngine { $0.isSavingInBackground }
    }
    #expect(!isCancelled(0))
    #expect(!isCancelled(limbo + 1))
    #expect(!isCancelled(limbo))
    #expect(isCancelled(limbo - 1))
    #expect(info("current_cow_size") == "\(limbo)")
    openGate()
    #expect(info("rdb_limbo_cancellations") == "1")
    #expect(info("rdb_last_cow_size") == "\(limbo)")
    #expect(info("rdb_last_bgsave_status") == "ok")
    waitFor { server.send("DEBUG LIMBO") == 0 }
    #expect(server.send("DEBUG LIMBO") == 0)
    #expect(loaded("GET k7", database: 15) == .bulk(String(repeating: "v", count: 1000)))
    server.expect([("GET k7", "w"), ("SET k7 x", .ok)])
    // The save point does not try again at once.
    server.advance(milliseconds: 5000)
    #expect(!isDue())
    server.advance(milliseconds: 1)
    #expect(isDue())
    finish()
    #expect(loaded("GET k7", database: 15) == "x")
  }

  // MARK: DEBUG FREEZE

  @Test func frozenInSlowMotion() {
    for number in 0..<100 { server.run("SET", "k\(number)", "v") }
    let noView = Reply.error("ERR No view is open")
    let frozen = Reply.error("ERR The keyspace is frozen already or being loaded")
    server.expect([
      ("DEBUG FREEZE-STEP 1", noView), ("DEBUG FREEZE-CANCEL", noView), ("DEBUG FREEZE", 1), ("DEBUG FREEZE", frozen),
      ("DEBUG FREEZE-STEP 0", .notAnInteger), ("DEBUG FREEZE-STEP x", .notAnInteger), ("DEBUG LIMBO", 0),
      // The first unit is the segment.
      ("DEBUG FREEZE-STEP 11", 10), ("FLUSHALL", .ok),
    ])
    // The freeing thread meets the units that the view still holds.
    waitFor { server.send("DEBUG LIMBO") != 0 }
    #expect(server.send("DEBUG LIMBO") != 0)
    server.expect([
      ("BGSAVE", Self.scheduled), ("BGSAVE CANCEL", .simple("Scheduled background saving cancelled")),
      ("BGSAVE SCHEDULE", Self.scheduled), ("SET a 1", .ok), ("SAVE", .ok), ("DEBUG FREEZE-STEP 1000", 100),
    ])
    // What was scheduled begins when the view is closed.
    #expect(isSaving)
    finish()
    waitFor { server.send("DEBUG LIMBO") == 0 }
    server.expect([
      ("DEBUG LIMBO", 0), ("DEBUG FREEZE", 1), ("DEBUG FREEZE-CANCEL", .ok), ("DEBUG FREEZE-CANCEL", noView),
      ("MULTI", .ok), ("DEBUG FREEZE", Self.queued),
      ("EXEC", [.error("ERR DEBUG FREEZE is not allowed in a transaction")]),
    ])
    server.withEngine { $0.isLoading = true }
    #expect(server.send("DEBUG FREEZE").isError)
    server.withEngine { $0.isLoading = false }
  }

  /// The end of a save whose view is closed leaves another one alone.
  @Test func aViewOpenedWhileTheFileIsCompleted() {
    server.send("SET a 1")
    server.expect([("BGSAVE", Self.started)])
    // Housekeeping sees the end of the walk and of the save at once unless it looks in between; here the thread stands
    // for one that has done the first and not yet the second.
    waitFor { server.withEngine { $0.persistence.thread?.phase } == .done }
    server.withEngine {
      $0.keyspace.thaw()
      $0.persistence.background?.isThawed = true
    }
    server.expect([("DEBUG FREEZE", 1)])
    finish()
    #expect(server.withEngine { $0.keyspace.isFrozen })
    server.expect([("DEBUG FREEZE-CANCEL", .ok), ("GET a", "1")])
  }
}

/// A pipe where a file should be.
private final class Gate {
  private var descriptor: CInt = -1

  deinit { Glibc.close(descriptor) }

  func close(at path: String) -> Bool {
    guard unsafe mkfifo(path, 0o600) == 0 else { return false }
    descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK)
    return descriptor >= 0
  }

  /// Waits until something has been written.
  var isReached: Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&poller, 1, 10_000) == 1 && poller.revents & Int16(POLLIN) != 0
  }

  /// Reads what is there and forgets it.
  func drain() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while unsafe read(descriptor, &buffer, buffer.count) > 0 {}
  }
}
