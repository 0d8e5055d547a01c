import Glibc

/// How readily the kernel ends this process when the machine's memory is full: `oom_score_adj`, from -1000 (never) to
/// 1000 (first).
struct OutOfMemoryAdjustment {
  private static let path = "/proc/self/oom_score_adj"

  /// What it was before anything was set; nil while nothing is.
  private var original: Int?

  /// Sets it, or puts back what it was.
  mutating func apply(_ mode: OutOfMemoryScore, value: Int) throws(SystemFailure) {
    if mode == .no {
      guard let original else { return }
      try Self.write(original)
      self.original = nil
      return
    }
    let base = if let original { original } else { try Self.read() }
    let wanted = mode == .absolute ? value : base + value
    try Self.write(min(max(wanted, -1000), 1000))
    original = base
  }

  private static func read() throws(SystemFailure) -> Int {
    let text = try contents(ofFile: path)
    guard let number = Int(String(decoding: text.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) else {
      throw SystemFailure(reason: "\(path) holds no number")
    }
    return number
  }

  private static func write(_ number: Int) throws(SystemFailure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemFailure(reason: SettingText.errorText(errno)) }
    defer { close(descriptor) }
    let text = Array(String(number).utf8)
    let count = unsafe text.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    guard count == text.count else { throw SystemFailure(reason: SettingText.errorText(errno)) }
  }
}
