import CSystem
import Glibc

/// What an LRFU policy remembers of keys that it evicted: enough to know one that comes back, and whether keys that were
/// used once come back rather than those used more often, which tells how fast uses should fade.
///
///     bucket: | ghost 2 x 8 |, the latest first     ghost: | strength 3 | fingerprint 13 |, 0: none
///
/// Two bytes for each key there is, more or less. A bucket is found by the key's hash; when it is full the oldest goes.
///
/// Source of keeping ghosts: Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache" (2003). Ours names
/// no key, so one stranger in a thousand is taken for a key that was here.
@safe struct EvictionHistory: ~Copyable {
  private static let bucketBytes = 16
  private static let ghostsPerBucket = 8
  private static let halfLives = 1.0...64.0

  private var table: UnsafeMutableRawPointer?
  private var bucketCount = 0
  /// How many keys the table was made for.
  private var madeFor = 0

  /// In turns (see `DecayedUses`).
  private(set) var halfLife = 8.0
  // Of keys used once and of others: evicted, and come back.
  private var onceEvicted = 0.0
  private var oftenEvicted = 0.0
  private var onceReturned = 0.0
  private var oftenReturned = 0.0
  private var evictionsLeft = 0

  init() { unsafe table = nil }

  deinit { if let table = unsafe table { unsafe Heap.free(table, bucketCount * Self.bucketBytes) } }

  /// The policy is another one.
  mutating func removeAll() { self = EvictionHistory() }

  /// Starts fetching what is known of keys with that hash. A hint.
  @inline(__always)
  func prefetch(_ hash: UInt64) { if let table = unsafe table { unsafe cs_prefetch(bucket(table, hash)) } }

  /// A key is being evicted.
  /// - Parameters:
  ///   - strength: as its clock has it.
  ///   - keyCount: how many keys there are.
  /// - Returns: whether the half-life has changed.
  mutating func add(_ hash: UInt64, strength: Int, keyCount: Int) -> Bool {
    let level = Self.level(strength)
    if level == 0 { onceEvicted += 1 } else { oftenEvicted += 1 }
    fit(keyCount)
    if let table = unsafe table {
      let bucket = unsafe bucket(table, hash)
      for place in stride(from: Self.ghostsPerBucket - 1, to: 0, by: -1) { unsafe bucket[place] = bucket[place - 1] }
      unsafe bucket[0] = UInt16(level) << 13 | Self.fingerprint(hash)
    }
    evictionsLeft -= 1
    guard evictionsLeft <= 0 else { return false }
    evictionsLeft = max(1, keyCount * 3 / 10)
    adapt()
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
      guard ghost & 0x1fff == wanted else { continue }
      for later in place..<(Self.ghostsPerBucket - 1) { unsafe bucket[later] = bucket[later + 1] }
      unsafe bucket[Self.ghostsPerBucket - 1] = 0
      let level = Int(ghost >> 13)
      if level == 0 { onceReturned += 1 } else { oftenReturned += 1 }
      return level * 32
    }
    return nil
  }

  private static func level(_ strength: Int) -> Int { strength < 51 ? 0 : min(7, (strength + 16) / 32) }

  private static func fingerprint(_ hash: UInt64) -> UInt16 { max(1, UInt16(truncatingIfNeeded: hash) & 0x1fff) }

  @inline(__always)
  private func bucket(_ table: UnsafeMutableRawPointer, _ hash: UInt64) -> UnsafeMutablePointer<UInt16> {
    let index = Int(truncatingIfNeeded: hash >> 16) & (bucketCount - 1)
    return unsafe (table + index * Self.bucketBytes).assumingMemoryBound(to: UInt16.self)
  }

  /// Uses fade faster, which is more like LRU, while keys that were used once come back as often as others; slower while
  /// it is those used more often that are missed.
  private mutating func adapt() {
    if oftenEvicted < 0.002 * (onceEvicted + oftenEvicted) {
      // Too few of them go to know anything: until some do.
      halfLife *= 0.9
    } else {
      let often = (oftenReturned + 0.5) / (oftenEvicted + 10)
      let once = (onceReturned + 0.5) / (onceEvicted + 10)
      halfLife *= min(1.3, max(1 / 1.3, pow(1.3 * often / once, 0.3)))
    }
    halfLife = min(Self.halfLives.upperBound, max(Self.halfLives.lowerBound, halfLife))
    onceEvicted /= 2
    oftenEvicted /= 2
    onceReturned /= 2
    oftenReturned /= 2
  }

  /// The number of keys is not what the table was made for: forgets all, and makes another. Without memory nothing is
  /// remembered. Complexity: O(1), since memory comes zeroed from the system.
  private mutating func fit(_ keyCount: Int) {
    if unsafe table != nil && madeFor / 2 <= keyCount && keyCount <= madeFor * 2 { return }
    if unsafe table == nil && madeFor == keyCount && keyCount > 0 { return }
    if let table = unsafe table { unsafe Heap.free(table, bucketCount * Self.bucketBytes) }
    madeFor = keyCount
    let wanted = max(1, keyCount * 3 / 4 / Self.ghostsPerBucket)
    bucketCount = 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
    unsafe table = Heap.tryAllocateZeroed(bucketCount * Self.bucketBytes)
  }
}
