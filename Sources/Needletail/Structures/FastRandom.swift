/// Random numbers for drawing elements: two nanoseconds each, where the system's are a system call. Not for secrets.
/// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014): SplitMix64.
struct FastRandom: RandomNumberGenerator {
  private var state: UInt64

  /// Seeded by the system.
  init() {
    var system = SystemRandomNumberGenerator()
    state = system.next()
  }

  /// The same numbers for the same seed.
  init(seed: UInt64) { state = seed }

  @inline(__always)
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
