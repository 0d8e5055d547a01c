import Glibc

/// Room for intermediate bytes, straight from the system: a thread that must not allocate from the heap between units
/// (the snapshot's walker, DESIGN.md §5, rule 11) may use it, and what a huge value took goes back at once.
@safe struct ScratchPages: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  /// A region up to this size is kept for the next time.
  private static let keptBytes = 1 << 20

  init() { unsafe base = nil }

  deinit {
    if let base = unsafe base { unsafe munmap(base, capacity) }
  }

  /// Calls `body` with `count` bytes, or with nil when there is no memory.
  mutating func withBytes<R>(_ count: Int, _ body: (UnsafeMutableRawPointer?) -> R) -> R {
    if capacity < count {
      release()
      let size = (count + 0xffff) & ~0xffff
      let region = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      guard let region = unsafe region, unsafe region != MAP_FAILED else { return body(nil) }
      unsafe base = region
      capacity = size
    }
    let result = unsafe body(base!)
    if capacity > Self.keptBytes { release() }
    return result
  }

  private mutating func release() {
    guard let base = unsafe base else { return }
    unsafe munmap(base, capacity)
    unsafe self.base = nil
    capacity = 0
  }
}
