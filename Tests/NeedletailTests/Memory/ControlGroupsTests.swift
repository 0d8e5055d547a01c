import Foundation
import Testing
@testable import Needletail

/// Trees of control groups as the kernel shows them, in a directory of the test's own.
@Suite struct ControlGroupsTests {
  private let root: String

  init() { root = NSTemporaryDirectory() + "needletail-\(UUID().uuidString)" }

  private func limit(_ membership: String, _ files: [String: String]) throws -> Int? {
    try? FileManager.default.removeItem(atPath: root)
    defer { try? FileManager.default.removeItem(atPath: root) }
    for (path, text) in files {
      let url = URL(fileURLWithPath: root + path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    return ControlGroups.memoryLimitBytes(membership: membership, root: root)
  }

  @Test func versionTwo() throws {
    #expect(try limit("0::/a/b\n", ["/a/b/memory.max": "1048576\n"]) == 1_048_576)
    #expect(try limit("0::/a/b\n", ["/a/b/memory.max": "max\n"]) == nil)
    #expect(try limit("0::/a/b\n", ["/a/b/memory.max": "max\n", "/a/memory.max": "2000000\n"]) == 2_000_000)
    #expect(try limit("0::/a/b\n", ["/a/b/memory.max": "3000000\n", "/a/memory.max": "2000000\n"]) == 2_000_000)
    #expect(try limit("0::/a/b\n", ["/a/b/memory.max": "1000000\n", "/a/memory.max": "2000000\n"]) == 1_000_000)
    // A group beside it is none of ours.
    #expect(try limit("0::/a/b\n", ["/a/c/memory.max": "5\n"]) == nil)
    #expect(try limit("0::/\n", ["/memory.max": "4096\n"]) == 4096)
    #expect(try limit("0::/\n", ["/unified/memory.max": "4096\n"]) == 4096)
  }

  @Test func versionOne() throws {
    let membership = "5:cpu,cpuacct:/x\n4:memory:/box/inner\n1:name=systemd:/\n"
    #expect(try limit(membership, ["/memory/box/inner/memory.limit_in_bytes": "500000\n"]) == 500_000)
    // No limit is a number of its own.
    #expect(try limit(membership, ["/memory/box/inner/memory.limit_in_bytes": "9223372036854771712\n"]) == nil)
    // The host's path, which a container does not see.
    #expect(try limit(membership, ["/memory/memory.limit_in_bytes": "700000\n"]) == 700_000)
    // Another controller's path.
    #expect(try limit(membership, ["/memory/x/memory.limit_in_bytes": "1\n"]) == nil)
    #expect(try limit("3:hugetlb,memory:/m\n", ["/memory/m/memory.limit_in_bytes": "600000\n"]) == 600_000)
  }

  @Test func both() throws {
    let files = ["/memory/m/memory.limit_in_bytes": "600000\n", "/unified/n/memory.max": "500000\n"]
    #expect(try limit("4:memory:/m\n0::/n\n", files) == 500_000)
  }

  @Test func whatMakesNoSense() throws {
    #expect(try limit("", [:]) == nil)
    #expect(try limit("0::\n:\n::::\nmemory\n4:memory\n", [:]) == nil)
    #expect(try limit("0::/../..\n", ["/memory.max": "4096\n"]) == 4096)
    for text in ["", "\n", "-1\n", "0\n", "1x\n", "99999999999999999999999\n"] {
      #expect(try limit("0::/\n", ["/memory.max": text]) == nil, "\(text)")
    }
  }

  @Test func ofThisProcess() {
    if let limit = ControlGroups.memoryLimitBytes { #expect(limit > 0) }
    #expect(SystemFacts.usableMemoryBytes > 0 && SystemFacts.usableMemoryBytes <= SystemFacts.memoryBytes)
  }
}
