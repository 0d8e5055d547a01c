import CJemalloc

/// How full the allocator's slabs are.
///
/// jemalloc gives blocks of one size class, up to 14 KiB, from slabs of a few pages: 256 blocks of 48 bytes, four of 5
/// KiB. A slab goes back to the system when its last block is freed, so that removing nine keys in ten at random gives
/// nearly nothing back. Larger blocks have pages of their own.
@safe struct SlabStatistics: ~Copyable {
  /// Blocks of one size class.
  struct Bin {
    let blockBytes: Int
    /// In a slab.
    let blocksPerSlab: Int
    /// That are allocated, caches of threads included.
    var blocks = 0
    var slabs = 0
    /// Slabs with a free block.
    var partialSlabs = 0

    var freeBlocks: Int { max(0, slabs * blocksPerSlab - blocks) }

    /// Slabs that the same blocks would fill.
    private var neededSlabs: Int { (blocks + blocksPerSlab - 1) / blocksPerSlab }

    /// The most blocks that a slab has which is worth emptying; 0: none is.
    ///
    /// That are those up to an eighth above the mean of the slabs that are not full: the allocator fills the oldest of
    /// these first, so that others become full while these become empty. Near the optimum nothing is gained any more.
    var sparseMax: Int {
      let spare = slabs - neededSlabs
      guard partialSlabs > 1, spare > 1 + neededSlabs / 16 else { return 0 }
      let blocksInPartial = blocks - (slabs - partialSlabs) * blocksPerSlab
      return max(0, (blocksInPartial * 9 + partialSlabs * 8 - 1) / (partialSlabs * 8))
    }
  }

  /// The number by which jemalloc means all its arenas together.
  static let allArenas = 4096

  private(set) var bins: [Bin] = []
  /// The names of the figures of a bin, as numbers: the bin's own stands at `binPlace`.
  private var names: [[Int]] = []
  private static let binPlace = 4

  /// Reads nothing yet. Without bins where blocks do not come from jemalloc.
  init() {
    guard je_has_slabs(), let count = Self.number32("arenas.nbins") else { return }
    names = ["curregs", "curslabs", "nonfull_slabs"].compactMap {
      Self.numbers("stats.arenas.\(Self.allArenas).bins.0.\($0)")
    }
    guard names.count == 3 else { return }
    for bin in 0..<count {
      guard let size = Self.number("arenas.bin.\(bin).size"), let blocks = Self.number32("arenas.bin.\(bin).nregs")
      else { continue }
      bins.append(Bin(blockBytes: size, blocksPerSlab: blocks))
    }
  }

  /// Brings the figures up to date. Complexity: O(arenas and size classes), some 50 µs.
  mutating func refresh() {
    guard !bins.isEmpty else { return }
    var epoch: UInt64 = 1
    unsafe _ = je_control("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size)
    for bin in bins.indices {
      bins[bin].blocks = figure(0, bin)
      bins[bin].slabs = figure(1, bin)
      bins[bin].partialSlabs = figure(2, bin)
    }
  }

  /// Bytes in slabs that nobody uses.
  var freeBytes: Int { bins.reduce(0) { $0 + $1.freeBlocks * $1.blockBytes } }

  private mutating func figure(_ name: Int, _ bin: Int) -> Int {
    names[name][Self.binPlace] = bin
    var value = 0
    var size = MemoryLayout<Int>.size
    unsafe names[name].withUnsafeBytes { numbers in
      unsafe _ = je_control_by_numbers(numbers.baseAddress!.assumingMemoryBound(to: Int.self),
        numbers.count / MemoryLayout<Int>.size, &value, &size, nil, 0)
    }
    return value
  }

  private static func numbers(_ name: String) -> [Int]? {
    var numbers = [Int](repeating: 0, count: 8)
    var count = numbers.count
    guard unsafe je_control_numbers(name, &numbers, &count) == 0 else { return nil }
    return Array(numbers[..<count])
  }

  private static func number(_ name: String) -> Int? {
    var value = 0
    var size = MemoryLayout<Int>.size
    return unsafe je_control(name, &value, &size, nil, 0) == 0 ? value : nil
  }

  private static func number32(_ name: String) -> Int? {
    var value: UInt32 = 0
    var size = MemoryLayout<UInt32>.size
    return unsafe je_control(name, &value, &size, nil, 0) == 0 ? Int(value) : nil
  }
}
