import Glibc

/// What a container may use: the limits of the control groups that this process is in.
///
/// Version 2 has one tree of groups, version 1 one for each kind of resource; a system may have both. Every group above
/// the process's own counts as well. Inside a container the path that the kernel tells may be one of the host's, of
/// which only the last group upwards, the root of what is mounted, can be seen: so groups that are not there are
/// skipped.
enum ControlGroups {
  /// The least of the limits; nil without any.
  static var memoryLimitBytes: Int? {
    text(of: "/proc/self/cgroup").flatMap { memoryLimitBytes(membership: $0, root: "/sys/fs/cgroup") }
  }

  /// - Parameters:
  ///   - membership: lines of `number:controllers:path`.
  ///   - root: where the trees are mounted.
  static func memoryLimitBytes(membership: String, root: String) -> Int? {
    var least: Int?
    for line in membership.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let places: [(tree: String, file: String)]
      if fields[1].isEmpty {
        places = [(root, "memory.max"), (root + "/unified", "memory.max")]
      } else if fields[1].split(separator: ",").contains("memory") {
        places = [(root + "/memory", "memory.limit_in_bytes")]
      } else {
        continue
      }
      for (tree, file) in places {
        for group in groups(fields[2]) {
          guard let limit = text(of: tree + group + "/" + file).flatMap(parse) else { continue }
          least = min(least ?? limit, limit)
        }
      }
    }
    return least
  }

  /// A group's path and those above it, the last one empty: `/a/b`, `/a`, and the root.
  private static func groups(_ path: Substring) -> [String] {
    let names = path.split(separator: "/")
    // A process that was moved out of what it can see: only the root is left.
    guard !names.contains("..") else { return [""] }
    return (0...names.count).reversed().map { count in names.prefix(count).map { "/" + $0 }.joined() }
  }

  /// `max` is no limit, and neither is version 1's largest number of pages, which no machine has.
  private static func parse(_ text: String) -> Int? {
    guard let bytes = Int(text.prefix { $0 != "\n" }), bytes > 0, bytes < Int.max - 65536 else { return nil }
    return bytes
  }

  /// The first bytes of a small file. Nil when it cannot be read.
  private static func text(of path: String) -> String? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      let count = unsafe read(file, buffer.baseAddress!, buffer.count)
      return count > 0 ? unsafe String(decoding: UnsafeRawBufferPointer(rebasing: buffer[..<count]), as: UTF8.self)
        : nil
    }
  }
}
