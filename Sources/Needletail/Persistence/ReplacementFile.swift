import CSystem
import Glibc

/// A file being written beside the one it shall replace: a snapshot, or CONFIG REWRITE's.
///
/// Until `commit` has succeeded the old file is as it was; whatever goes wrong before leaves nothing behind but, after
/// a kill or a power cut, the temporary file. The order is Redis's: write, fsync, rename, fsync of the directory. The
/// directory is held open, so that CONFIG SET dir, which moves the whole process, does not part the file from its
/// temporary one.
@safe struct ReplacementFile: ~Copyable, RDBSink {
  /// Written bytes are sent on to the disk every so often, so that the last fsync finds little to do and the system's
  /// other writers are not held up by gigabytes at once.
  private static let syncBytes = 4 << 20

  private var descriptor: CInt
  private let place: FilePlace
  private let temporaryName: String
  private let syncsIncrementally: Bool
  private(set) var byteCount = 0
  private var syncedByteCount = 0
  private var isCommitted = false

  /// Opens the temporary file.
  init(_ place: FilePlace, _ temporary: TemporaryName, syncsIncrementally: Bool = false) throws(SystemError) {
    let temporaryName = temporary.own
    let descriptor = unsafe openat(place.directory, temporaryName, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if descriptor < 0 { throw SystemError(code: errno, call: "open") }
    self.descriptor = descriptor
    self.place = place
    self.temporaryName = temporaryName
    self.syncsIncrementally = syncsIncrementally
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unsafe unlinkat(place.directory, temporaryName, 0) }
  }

  /// Gives the file the permissions and the owner of another. Only root may give a file away; whoever may not keeps it.
  func resemble(_ other: stat) throws(SystemError) {
    _ = fchown(descriptor, other.st_uid, other.st_gid)
    if fchmod(descriptor, other.st_mode & 0o7777) != 0 { throw SystemError(code: errno, call: "fchmod") }
  }

  mutating func write(_ bytes: ByteView) throws(SystemError) {
    var rest = bytes
    while !rest.isEmpty {
      // In steps, so that one huge value is sent on to the disk like many small ones.
      let step = min(rest.count, Self.syncBytes)
      let written = unsafe Glibc.write(descriptor, rest.base, step)
      if written < 0 {
        if errno == EINTR { continue }
        throw SystemError(code: errno, call: "write")
      }
      if written == 0 { throw SystemError(code: ENOSPC, call: "write") }
      byteCount += written
      rest = rest[written..<rest.count]
      if syncsIncrementally && byteCount - syncedByteCount >= Self.syncBytes { try startSync() }
    }
  }

  /// Sends what is new to the disk and waits for what was sent before.
  private mutating func startSync() throws(SystemError) {
    let count = byteCount - syncedByteCount
    var result = cs_sync_file_range(descriptor, Int64(syncedByteCount), Int64(count), false)
    if result == 0 && syncedByteCount > 0 {
      let before = min(syncedByteCount, 2 * Self.syncBytes)
      result = cs_sync_file_range(descriptor, Int64(syncedByteCount - before), Int64(before), true)
    }
    // A file system without it is as good as one that needs no such help.
    if result != 0 && errno != ENOSYS && errno != EINVAL && errno != ESPIPE {
      throw SystemError(code: errno, call: "sync_file_range")
    }
    syncedByteCount = byteCount
  }

  /// Waits until everything written is on the disk. `commit` does it too, if it has not been done.
  mutating func makeDurable() throws(SystemError) {
    guard descriptor >= 0 else { return }
    if fsync(descriptor) != 0 { throw SystemError(code: errno, call: "fsync") }
    let closed = close(descriptor)
    descriptor = -1
    if closed != 0 { throw SystemError(code: errno, call: "close") }
  }

  /// Makes the file durable and puts it in the place of the old one.
  mutating func commit() throws(SystemError) {
    try makeDurable()
    if unsafe renameat(place.directory, temporaryName, place.directory, place.name) != 0 {
      throw SystemError(code: errno, call: "rename")
    }
    isCommitted = true
    // Makes the rename durable. Some file systems have nothing to do for a directory and say so.
    if fsync(place.directory) != 0 && errno != EINVAL && errno != EROFS {
      throw SystemError(code: errno, call: "fsync")
    }
  }
}

/// Where a file is to be: an open directory and a name in it.
@safe final class FilePlace: Sendable {
  fileprivate let directory: CInt
  let name: String

  /// - Parameter path: a bare name is one in the working directory.
  init(path: String) throws(SystemError) {
    let slash = path.lastIndex(of: "/")
    directory = unsafe open(slash.map { String(path[...$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory < 0 { throw SystemError(code: errno, call: "open") }
    name = slash.map { String(path[path.index(after: $0)...]) } ?? path
  }

  deinit { close(directory) }

  /// Unlinks what has been left by writing that did not end.
  func remove(_ temporary: TemporaryName) { unsafe unlinkat(directory, temporary.own, 0) }
}

/// The name of a temporary file: it holds the number of the process that writes it.
struct TemporaryName {
  let prefix: String
  let suffix: String

  static let snapshot = TemporaryName(prefix: "temp-", suffix: ".rdb")
  /// One more snapshot may be written at the same time.
  static let backgroundSnapshot = TemporaryName(prefix: "temp-bg-", suffix: ".rdb")

  /// Beside a file that is replaced.
  static func replacing(_ name: String) -> TemporaryName { TemporaryName(prefix: name + ".tmp-", suffix: "") }

  /// This process's.
  var own: String { "\(prefix)\(getpid())\(suffix)" }

  /// The number of the process that gave a file this name. Nil of any other name.
  func process(_ name: String) -> pid_t? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.count > prefix.count + suffix.count else { return nil }
    let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
    guard let process = pid_t(digits), process > 0, String(process) == digits else { return nil }
    return process
  }
}

// MARK: - What killed processes have left

extension FilePlace {
  /// Unlinks temporary files, ours and Redis's, whose process has been killed before it could. A name that holds this
  /// process's own number is an earlier one's: nothing has been written yet. That is common in containers, where the
  /// server is always number 1.
  /// - Returns: their names.
  func removeAbandonedFiles(_ kinds: [TemporaryName]) -> [String] {
    regularFiles().filter { name in
      guard let process = kinds.lazy.compactMap({ $0.process(name) }).first else { return false }
      guard process == getpid() || Self.isGone(process) else { return false }
      return unsafe unlinkat(directory, name, 0) == 0
    }
  }

  private func regularFiles() -> [String] {
    // A second descriptor, since closing the stream closes its own.
    let descriptor = unsafe openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    guard let stream = unsafe fdopendir(descriptor) else {
      close(descriptor)
      return []
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      guard unsafe entry.pointee.d_type == DT_REG || entry.pointee.d_type == DT_UNKNOWN else { continue }
      names.append(
        unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          unsafe String(decoding: unsafe bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }

  /// Also false when it cannot be told.
  private static func isGone(_ process: pid_t) -> Bool { kill(process, 0) != 0 && errno == ESRCH }
}
