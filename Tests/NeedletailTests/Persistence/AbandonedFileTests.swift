import Foundation
import Testing
@testable import Needletail

/// Temporary files of processes that were killed.
@Suite struct AbandonedFileTests {
  @Test(arguments: [
    ("temp-1.rdb", 1), ("temp-bg-1.rdb", 1), ("temp-2147483647.rdb", 2_147_483_647), ("temp-2147483648.rdb", nil),
    ("temp-0.rdb", nil), ("temp--1.rdb", nil), ("temp-+1.rdb", nil), ("temp-01.rdb", nil), ("temp-.rdb", nil),
    ("temp-bg-.rdb", nil), ("temp-bg-bg-1.rdb", nil), ("temp-1.rdb2", nil), ("temp-1x.rdb", nil), ("temp.rdb", nil),
    ("xtemp-1.rdb", nil), ("dump.rdb", nil), ("temp-rewriteaof-1.aof", nil), ("", nil),
  ] as [(String, pid_t?)])
  func names(_ name: String, _ process: pid_t?) {
    #expect(SnapshotPlace.process(ofTemporaryName: name) == process)
  }

  @Test func onlyWhoseProcessIsGone() throws {
    let directory = NSTemporaryDirectory() + "needletail-\(UUID().uuidString)"
    let manager = FileManager.default
    try manager.createDirectory(atPath: directory + "/temp-3.rdb", withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: directory) }
    // Numbers end far below this one.
    let gone = 2_000_000_000
    let kept = ["dump.rdb", "temp-\(getppid()).rdb", "temp-bg-\(getppid()).rdb", "temp-x.rdb", "temp-\(gone).aof"]
    let abandoned = ["temp-\(gone).rdb", "temp-bg-\(gone).rdb", "temp-bg-\(getpid()).rdb"]
    for name in kept + abandoned { try Data("x".utf8).write(to: URL(fileURLWithPath: directory + "/" + name)) }
    // What is no file is nothing that was left of one.
    let place = try SnapshotPlace(path: directory + "/dump.rdb")
    #expect(place.removeAbandonedFiles().sorted() == abandoned.sorted())
    #expect(try manager.contentsOfDirectory(atPath: directory).sorted() == (kept + ["temp-3.rdb"]).sorted())
    #expect(place.removeAbandonedFiles().isEmpty)
  }
}
