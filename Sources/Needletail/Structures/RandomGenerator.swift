/// Random numbers for choosing elements: uniform and quick, no secret. (The system's generator is a system call a number.)
/// Source: Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators" (2021), xoshiro256++.
struct RandomGenerator: RandomNumberGenerator {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  init() {
    var system = SystemRandomNumberGenerator()
    // All zeros, the one state that is no good, does not come.
    state = (system.next() | 1, system.next(), system.next(), system.next())
  }

  @inline(__always)
  mutating func next() -> UInt64 {
    let sum = state.0 &+ state.3
    let result = (sum &<< 23 | sum &>> 41) &+ state.0
    let shifted = state.1 &<< 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = state.3 &<< 45 | state.3 &>> 19
    return result
  }
}
