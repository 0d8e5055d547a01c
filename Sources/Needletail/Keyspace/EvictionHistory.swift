import CSystem
import Glibc

/// What an LRFU policy remembers of keys that it evicted: enough to know one that comes back, and whether it was their
/// age or their few uses that decided against those which come back, which tells how fast uses should fade.
///
///     bucket: | ghost 2 x 8 |, the latest first     ghost: | fingerprint 12 | reason 2 | strength 2 |, 0: none
///
/// Two bytes for each key there is, more or less. A bucket is found by the key's hash; when it is full the oldest goes.
///
/// Source of keeping ghosts: Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache" (2003). Ours names
/// no key, so one stranger in five hundred is taken for a key that was here.
@safe struct EvictionHistory: ~Copyable {
  /// Why a key went rather than those it was compared with: it was the oldest, but others had less strength; it had the
  /// least, but others were older; or both, or neither, which tells nothing.
  enum Reason: UInt16 { case both, age, strength }

  private static let bucketBytes = 16
  private static let ghostsPerBucket = 8

  private var table: UnsafeMutableRawPointer?
  private var bucketCount = 0
  /// How many keys the table was made for.
  private var madeFor = 0
  private var fade = HalfLife()
  private var evictionsLeft = 0
  private let freer: BackgroundFreer

  init(freer: BackgroundFreer) {
    self.freer = freer
    unsafe table = nil
  }

  deinit { dropTable() }

  /// In turns (see `DecayedUses`).
  var halfLife: Double { fade.turns }

  /// The policy is another one.
  mutating func removeAll() { self = EvictionHistory(freer: freer) }

  /// Starts fetching what is known of keys with that hash. A hint.
  @inline(__always)
  func prefetch(_ hash: UInt64) { if let table = unsafe table { unsafe cs_prefetch(bucket(table, hash)) } }

  /// A key is being evicted.
  /// - Parameters:
  ///   - strength: as its clock has it.
  ///   - keyCount: how many keys there are.
  /// - Returns: whether the half-life has changed.
  mutating func add(_ hash: UInt64, strength: Int, _ reason: Reason, keyCount: Int) -> Bool {
    fade.countEviction(reason)
    fit(keyCount)
    if let table = unsafe table {
      let bucket = unsafe bucket(table, hash)
      for place in stride(from: Self.ghostsPerBucket - 1, to: 0, by: -1) { unsafe bucket[place] = bucket[place - 1] }
      unsafe bucket[0] = Self.fingerprint(hash) | reason.rawValue << 2 | Self.level(strength)
    }
    evictionsLeft -= 1
    guard evictionsLeft <= 0 else { return false }
    evictionsLeft = max(1, keyCount * 3 / 10)
    fade.adapt()
    return true
  }

  /// A key is being added.
  /// - Returns: the strength it had when it was evicted; nil when nothing is known of it.
  mutating func take(_ hash: UInt64) -> Int? {
    guard let table = unsafe table else { return nil }
    let bucket = unsafe bucket(table, hash)
    let wanted = Self.fingerprint(hash)
    for place in 0..<Self.ghostsPerBucket {
      let ghost = unsafe bucket[place]
      guard ghost & 0xfff0 == wanted else { continue }
      for later in place..<(Self.ghostsPerBucket - 1) { unsafe bucket[later] = bucket[later + 1] }
      unsafe bucket[Self.ghostsPerBucket - 1] = 0
      fade.countReturn(Reason(rawValue: ghost >> 2 & 3) ?? .both)
      return Int(ghost & 3) * DecayedUses.strengthMax / 3
    }
    return nil
  }

  /// In steps of a third of the most there is.
  private static func level(_ strength: Int) -> UInt16 {
    UInt16((3 * strength + DecayedUses.strengthMax / 2) / DecayedUses.strengthMax)
  }

  /// Never 0.
  private static func fingerprint(_ hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash << 4) | 16 }

  @inline(__always)
  private func bucket(_ table: UnsafeMutableRawPointer, _ hash: UInt64) -> UnsafeMutablePointer<UInt16> {
    let index = Int(truncatingIfNeeded: hash >> 16) & (bucketCount - 1)
    return unsafe (table + index * Self.bucketBytes).assumingMemoryBound(to: UInt16.self)
  }

  /// The number of keys is not what the table was made for: forgets all, and makes another. Without memory nothing is
  /// remembered. Complexity: O(1), since memory comes zeroed from the system.
  private mutating func fit(_ keyCount: Int) {
    if unsafe table != nil && madeFor / 2 <= keyCount && keyCount <= madeFor * 2 { return }
    if unsafe table == nil && madeFor == keyCount && keyCount > 0 { return }
    dropTable()
    madeFor = keyCount
    let wanted = max(1, keyCount * 3 / 4 / Self.ghostsPerBucket)
    bucketCount = 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
    unsafe table = Heap.tryAllocateZeroed(bucketCount * Self.bucketBytes)
  }

  /// Giving megabytes back to the system takes a while.
  private func dropTable() {
    guard let table = unsafe table else { return }
    unsafe freer.enqueue({ block, byteCount, _, _ in unsafe Heap.free(block, byteCount) }, table,
      bucketCount * Self.bucketBytes, tag: 0)
  }
}

/// How fast uses fade, and what that follows: when keys that went for their age, and by their strength would have stayed,
/// return more often than those that went for their strength, uses fade more slowly, which is more like LFU; otherwise
/// faster, which is more like LRU.
private struct HalfLife {
  private static let range = 0.25...64.0
  /// A change at most, either way.
  private static let step = 1.3
  /// A part of all evictions; of those for a reason that are fewer nothing is known.
  private static let known = 0.002
  /// How much more often keys must return that went for their strength: popular ones return for longer than the ghosts
  /// last.
  private static let preference = 1.2

  private(set) var turns = 8.0
  private var evicted = (both: 0.0, age: 0.0, strength: 0.0)
  private var returned = (age: 0.0, strength: 0.0)

  mutating func countEviction(_ reason: EvictionHistory.Reason) {
    switch reason {
    case .both: evicted.both += 1
    case .age: evicted.age += 1
    case .strength: evicted.strength += 1
    }
  }

  mutating func countReturn(_ reason: EvictionHistory.Reason) {
    switch reason {
    case .both: break
    case .age: returned.age += 1
    case .strength: returned.strength += 1
    }
  }

  mutating func adapt() {
    turns *= min(Self.step, max(1 / Self.step, pow(tendency, 0.3)))
    turns = min(Self.range.upperBound, max(Self.range.lowerBound, turns))
    evicted = (evicted.both / 2, evicted.age / 2, evicted.strength / 2)
    returned = (returned.age / 2, returned.strength / 2)
  }

  /// Above 1 for a longer half-life. When hardly any key goes for its age, it shrinks until some do, and the other way
  /// round.
  private var tendency: Double {
    let least = Self.known * (evicted.both + evicted.age + evicted.strength)
    if evicted.age < least { return 0.7 }
    if evicted.strength < least { return 1 / 0.7 }
    let age = (returned.age + 0.5) / (evicted.age + 10)
    let strength = (returned.strength + 0.5) / (evicted.strength + 10)
    return Self.preference * age / strength
  }
}
