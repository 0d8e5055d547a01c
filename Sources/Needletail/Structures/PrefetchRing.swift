import CSystem

/// Elements that have been asked of memory and not been looked at yet: with sixteen on their way, the time to wait for
/// one is shared by all.
@safe struct PrefetchRing {
  private static var size: Int { 16 }

  private var slots = InlineArray<16, UInt>(repeating: 0)
  private var seen = 0

  /// Starts fetching `element`.
  /// - Returns: the one that has waited longest, when there are more than sixteen.
  @inline(__always)
  mutating func push(_ element: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    unsafe Self.prefetch(element)
    let slot = seen & (Self.size - 1)
    let oldest = slots[slot]
    slots[slot] = UInt(bitPattern: element)
    seen &+= 1
    return unsafe UnsafeMutableRawPointer(bitPattern: oldest)
  }

  /// Calls `body` with the elements that wait, in order.
  @inline(__always)
  mutating func drain(_ body: (UnsafeMutableRawPointer) -> Void) {
    for step in 0..<Self.size {
      let slot = (seen + step) & (Self.size - 1)
      if let element = unsafe UnsafeMutableRawPointer(bitPattern: slots[slot]) { unsafe body(element) }
      slots[slot] = 0
    }
    seen = 0
  }

  /// Most elements are shorter than 48 bytes.
  @inline(__always)
  static func prefetch(_ element: UnsafeRawPointer) {
    unsafe cs_prefetch(element)
    unsafe cs_prefetch(element + 47)
  }
}
