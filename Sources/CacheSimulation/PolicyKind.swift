/// What a policy is told at the start.
struct PolicySetup {
  let keyCount: Int
  /// Keys that the cache will hold, about.
  let expectedCount: Int
  let seed: UInt64
  let requestsPerSecond: Double
}

/// The policies that can be compared.
public enum PolicyKind: String, CaseIterable, Sendable {
  case random, fifo, lru, lfu
  case redisLRU5 = "redis-lru-5"
  case redisLRU10 = "redis-lru-10"
  case redisLFU5 = "redis-lfu-5"
  case redisLFU10 = "redis-lfu-10"
  case sieve
  case s3FIFO = "s3-fifo"
  case s3FIFOSegment = "s3-fifo-segment"
  case twoQueue = "2q"
  case twoQueueSegment = "2q-segment"
  case tinyLFU = "w-tinylfu"
  case lrfu
  case min

  public var title: String {
    switch self {
    case .random: "random (Redis's allkeys-random)"
    case .fifo: "first in, first out"
    case .lru: "exact LRU"
    case .lfu: "exact LFU"
    case .redisLRU5: "Redis LRU, 5 samples"
    case .redisLRU10: "Redis LRU, 10 samples"
    case .redisLFU5: "Redis LFU, 5 samples"
    case .redisLFU10: "Redis LFU, 10 samples"
    case .sieve: "SIEVE"
    case .s3FIFO: "S3-FIFO"
    case .s3FIFOSegment: "S3-FIFO in a segment"
    case .twoQueue: "2Q"
    case .twoQueueSegment: "2Q in a segment"
    case .tinyLFU: "W-TinyLFU"
    case .lrfu: "LRFU, 16 samples (allkeys-lrfu)"
    case .min: "Belady's MIN (knows the future)"
    }
  }

  /// Bits that a policy needs for each key of the cache: two links of 32 bits for a place in a list, and what it notes.
  public var bitsPerKey: Int? {
    switch self {
    case .random: 0
    case .fifo, .lru: 64
    case .lfu: 64 + 32
    case .redisLRU5, .redisLRU10, .redisLFU5, .redisLFU10: 24
    case .sieve: 65
    case .s3FIFO: 67
    case .twoQueue: 65
    // Two bytes name a slot of the segment.
    case .s3FIFOSegment: 32 + 3
    case .twoQueueSegment: 32 + 1
    case .tinyLFU: 64 + 2
    case .lrfu: 32
    case .min: nil
    }
  }

  /// Bytes for each key of the cache that remember keys which are not in it: fingerprints of 32 bits, or a sketch.
  public var ghostBytesPerKey: Double? {
    switch self {
    case .s3FIFO, .s3FIFOSegment: 0.9 * 4
    case .twoQueue, .twoQueueSegment: 0.5 * 4
    case .tinyLFU: 4 * 4 / 2
    case .lrfu: LRFUPolicy.ghostBytes
    case .min: nil
    default: 0
    }
  }
}
