import Glibc

/// Replaces a file by another content, all or nothing, also when the machine fails in between: a new file beside it is
/// written and on disk before it takes the name. Owner and permissions stay, and a symbolic link to a file.
func replaceFile(_ path: String, with content: [UInt8]) throws(SystemFailure) {
  let target = resolved(path)
  var status = stat()
  let isNew = unsafe stat(target, &status) != 0
  var name = Array((target + ".tmp-XXXXXX").utf8CString)
  let descriptor = unsafe mkstemp(&name)
  guard descriptor >= 0 else { throw lastFailure() }
  let temporary = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  do throws(SystemFailure) {
    defer { close(descriptor) }
    // Only root may give a file away; whoever may not keeps it as its own.
    if !isNew { _ = fchown(descriptor, status.st_uid, status.st_gid) }
    try check(fchmod(descriptor, isNew ? 0o644 & ~currentMask() : status.st_mode & 0o7777))
    try writeAll(content, to: descriptor)
    try check(fsync(descriptor))
    try check(unsafe rename(temporary, target))
  } catch {
    unsafe unlink(temporary)
    throw error
  }
  syncDirectory(of: target)
}

private func lastFailure() -> SystemFailure { SystemFailure(reason: SettingText.errorText(errno)) }

private func check(_ result: CInt) throws(SystemFailure) {
  if result != 0 { throw lastFailure() }
}

/// Where the links end; the path itself when there is no such file yet.
private func resolved(_ path: String) -> String {
  guard let found = unsafe realpath(path, nil) else { return path }
  defer { unsafe free(found) }
  return unsafe String(cString: found)
}

private func currentMask() -> mode_t {
  let mask = umask(0o022)
  umask(mask)
  return mask
}

private func writeAll(_ content: [UInt8], to descriptor: CInt) throws(SystemFailure) {
  var rest = content[...]
  while !rest.isEmpty {
    let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    if count >= 0 { rest = rest.dropFirst(count) } else if errno != EINTR { throw lastFailure() }
  }
}

/// The new name survives a failure of the machine; where the system cannot promise that, the old one may come back.
private func syncDirectory(of path: String) {
  let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
  let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}
