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
    let kinds = [TemporaryName.snapshot, .backgroundSnapshot]
    #expect(kinds.compactMap { $0.process(name) }.first == process)
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
    let place = try FilePlace(path: directory + "/dump.rdb")
    #expect(place.removeAbandonedFiles([.snapshot, .backgroundSnapshot]).sorted() == abandoned.sorted())
    #expect(try manager.contentsOfDirectory(atPath: directory).sorted() == (kept + ["temp-3.rdb"]).sorted())
    #expect(place.removeAbandonedFiles([.snapshot, .backgroundSnapshot]).isEmpty)
  }

  @Test(arguments: [
    ("a.conf.tmp-1", 1), ("a.conf.tmp-01", nil), ("a.conf.tmp-", nil), ("a.conf.tmp-Xa19bz", nil), ("b.conf.tmp-1", nil),
    ("a.conf", nil), ("a.conf.tmp-1.rdb", nil),
  ] as [(String, pid_t?)])
  func namesBesideAConfiguration(_ name: String, _ process: pid_t?) {
    #expect(TemporaryName.replacing("a.conf").process(name) == process)
  }

  @Test func besideAConfiguration() throws {
    let scratch = ScratchDirectory()
    let file = scratch.file("a.conf", "x")
    let abandoned = scratch.file("a.conf.tmp-2000000000", "x")
    let others = [scratch.file("b.conf.tmp-2000000000", "x"), scratch.file("a.conf.tmp-\(getppid())", "x"), file]
    #expect(removeAbandonedReplacements(of: file) == ["a.conf.tmp-2000000000"])
    #expect(unsafe access(abandoned, F_OK) != 0)
    for other in others { #expect(unsafe access(other, F_OK) == 0) }
    #expect(removeAbandonedReplacements(of: "/nonexistent/a.conf").isEmpty)
  }
}
