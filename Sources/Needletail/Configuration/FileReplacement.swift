import Glibc

/// Replaces a file by another content, all or nothing, also when the machine fails in between. Owner and permissions
/// stay, and a symbolic link to a file.
func replaceFile(_ path: String, with content: [UInt8]) throws(SystemFailure) {
  let target = resolved(path)
  var status = stat()
  let isThere = unsafe stat(target, &status) == 0
  do throws(SystemError) {
    let place = try FilePlace(path: target)
    var file = try ReplacementFile(place, .replacing(place.name))
    if isThere { try file.resemble(status) }
    try write(content, to: &file)
    try file.commit()
  } catch {
    throw SystemFailure(reason: SettingText.errorText(error.code))
  }
}

/// Removes what killed processes have left beside a configuration file.
/// - Returns: names.
func removeAbandonedReplacements(of path: String) -> [String] {
  guard let place = try? FilePlace(path: resolved(path)) else { return [] }
  return place.removeAbandonedFiles([.replacing(place.name)])
}

private func write(_ content: [UInt8], to file: inout ReplacementFile) throws(SystemError) {
  var failure: SystemError?
  unsafe content.withUnsafeBytes { bytes in
    guard let base = bytes.baseAddress else { return }
    do throws(SystemError) {
      try file.write(unsafe ByteView(base, count: bytes.count))
    } catch {
      failure = error
    }
  }
  if let failure { throw failure }
}

/// Where the links end; the path itself when there is no such file yet.
private func resolved(_ path: String) -> String {
  guard let found = unsafe realpath(path, nil) else { return path }
  defer { unsafe free(found) }
  return unsafe String(cString: found)
}
