import Foundation

@testable import Needletail

/// The longer form of the model tests, for a machine that has nothing better to do.
let isLongRun = ProcessInfo.processInfo.environment["NEEDLETAIL_LONG"] != nil

/// A generator whose seed is printed by the test that failed and can be given back in NEEDLETAIL_SEED.
struct SeededGenerator: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// A fresh seed, or the one in the environment.
  static func fresh() -> SeededGenerator {
    let given = ProcessInfo.processInfo.environment["NEEDLETAIL_SEED"].flatMap { UInt64($0) }
    return SeededGenerator(seed: given ?? UInt64.random(in: .min ... .max))
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return mixed(state)
  }

  /// A number below `bound`; faster than `Int.random` in a debug build.
  mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(bound)) >> 32) }

  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// The finaliser of SplitMix64: a permutation of 64-bit numbers that looks random.
func mixed(_ value: UInt64) -> UInt64 {
  var z = value
  z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
  z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
  return z ^ (z >> 31)
}

/// True under a sanitizer, where blocks come from `malloc` and jemalloc's counters stand still.
let isSanitized: Bool = {
  let counters = MemoryCounters()
  counters.registerCurrentThread()
  let before = counters.usedByteCount
  let block = unsafe Heap.allocate(4096)
  let during = counters.usedByteCount
  unsafe Heap.free(block, 4096)
  return during - before != 4096
}()

let isThreadSanitized = unsafe dlsym(UnsafeMutableRawPointer(bitPattern: 0), "__tsan_init") != nil
