import CC10k
import Glibc

/// A hash table of short keys and values in memory that forked processes share, behind one lock.
///
///     | lock 64 | slot 128 | slot 128 | ...           slot: | key length 1 | value length 1 | key 63 | value 63 |
///
/// Slots of fixed size and linear probing: nothing is allocated and nothing removed, so no process ever frees what
/// another reads. A slot whose key length is 0 is free.
@safe struct SharedTable {
  static let keyMaxBytes = 63
  static let valueMaxBytes = 63
  static let slotCount = 1 << 17
  /// More would make misses long.
  static let keyMaxCount = slotCount / 8 * 7

  enum Outcome { case stored, full, tooLong }

  private static let headerBytes = 64
  private static let slotBytes = 128

  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  /// How many slots are taken; behind the lock, in the same 64 bytes.
  private let count: UnsafeMutablePointer<Int>
  private let slots: UnsafeMutableRawPointer

  /// Nil, with errno, when there is no memory for it.
  init?() {
    unsafe precondition(MemoryLayout<pthread_mutex_t>.size + MemoryLayout<Int>.size <= Self.headerBytes)
    let size = Self.headerBytes + Self.slotCount * Self.slotBytes
    guard let base = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
      unsafe base != MAP_FAILED
    else { return nil }
    unsafe lock = base.bindMemory(to: pthread_mutex_t.self, capacity: 1)
    unsafe count = (base + Self.headerBytes - MemoryLayout<Int>.size).bindMemory(to: Int.self, capacity: 1)
    unsafe slots = base + Self.headerBytes
    guard unsafe cc_lock_init(lock) == 0 else { return nil }
  }

  /// Copies the value to `value`, which has room for the longest.
  /// - Returns: its length; nil: there is no such key.
  func get(_ key: RawSpan, into value: UnsafeMutableRawPointer) -> Int? {
    guard key.byteCount > 0 && key.byteCount <= Self.keyMaxBytes else { return nil }
    let hash = Self.hash(key)
    return withLock {
      let slot = unsafe find(key, hash)
      guard unsafe slot.load(as: UInt8.self) != 0 else { return nil }
      let length = Int(unsafe slot.load(fromByteOffset: 1, as: UInt8.self))
      unsafe value.copyMemory(from: slot + 2 + Self.keyMaxBytes, byteCount: length)
      return length
    }
  }

  func set(_ key: RawSpan, _ value: RawSpan) -> Outcome {
    guard key.byteCount > 0, key.byteCount <= Self.keyMaxBytes, value.byteCount <= Self.valueMaxBytes else {
      return .tooLong
    }
    let hash = Self.hash(key)
    return withLock {
      let slot = unsafe find(key, hash)
      if unsafe slot.load(as: UInt8.self) == 0 {
        guard unsafe count.pointee < Self.keyMaxCount else { return .full }
        unsafe count.pointee += 1
        unsafe Self.copy(key, to: slot + 2)
      }
      unsafe Self.copy(value, to: slot + 2 + Self.keyMaxBytes)
      unsafe slot.storeBytes(of: UInt8(value.byteCount), toByteOffset: 1, as: UInt8.self)
      unsafe slot.storeBytes(of: UInt8(key.byteCount), as: UInt8.self)
      return .stored
    }
  }

  /// The key's slot, or the free one that it would get. Complexity: O(1) on average; there is always a free slot.
  private func find(_ key: RawSpan, _ hash: UInt64) -> UnsafeMutableRawPointer {
    var index = Int(hash & UInt64(Self.slotCount - 1))
    while true {
      let slot = unsafe slots + index * Self.slotBytes
      let length = Int(unsafe slot.load(as: UInt8.self))
      if length == 0 { return unsafe slot }
      let isSame = unsafe length == key.byteCount
        && key.withUnsafeBytes { unsafe memcmp($0.baseAddress!, slot + 2, length) == 0 }
      if isSame { return unsafe slot }
      index = (index + 1) & (Self.slotCount - 1)
    }
  }

  private func withLock<Result>(_ body: () -> Result) -> Result {
    guard unsafe cc_lock(lock) == 0 else { fatalError("the table's lock cannot be taken") }
    defer { unsafe _ = pthread_mutex_unlock(lock) }
    return body()
  }

  private static func copy(_ bytes: RawSpan, to place: UnsafeMutableRawPointer) {
    unsafe bytes.withUnsafeBytes { buffer in
      if let base = buffer.baseAddress { unsafe place.copyMemory(from: base, byteCount: buffer.count) }
    }
  }

  /// FNV-1a: good enough for a table that only its own load generator fills.
  private static func hash(_ bytes: RawSpan) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<bytes.byteCount {
      hash = (hash ^ UInt64(unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))) &* 0x100_0000_01b3
    }
    return hash ^ hash >> 29
  }
}
