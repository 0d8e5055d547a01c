import Glibc
import Testing

@testable import Needletail

@Suite struct MemoryTests {
  @Test func goodSizesAreTheAllocators() {
    guard !isSanitized else { return }
    let counters = MemoryCounters()
    counters.registerCurrentThread()
    for size in Array(1...1100) + [4096, 5000, 65_536, 65_537, 1 << 20, (1 << 20) + 1] {
      let before = counters.usedByteCount
      let block = unsafe Heap.allocate(size)
      let taken = counters.usedByteCount - before
      unsafe Heap.free(block, size)
      if Heap.goodSize(size) != taken {
        Issue.record("\(size) takes \(taken), not \(Heap.goodSize(size))")
        return
      }
    }
  }

  @Test func segmentsAreAligned() {
    for byteCount in [128, 256, 384, 512, 640, 1280, 2560, 5120, 7168, 8192] {
      for _ in 0..<20 {
        let block = unsafe Heap.allocate(byteCount)
        let address = UInt(bitPattern: block)
        #expect(address & 127 == 0 && address < 1 << 48)
        unsafe Heap.free(block, byteCount)
      }
    }
  }

  // MARK: Units

  private func unit(_ tag: UInt8) -> UnsafeMutableRawPointer {
    let block = unsafe Heap.allocate(64)
    unsafe block.storeBytes(of: tag, as: UInt8.self)
    return unsafe block
  }

  @Test func unitsFollowTheRulesOfFreezing() {
    var units = Units(freer: BackgroundFreer(counters: MemoryCounters()))
    let limbo = units.limbo
    let first = units.currentTag
    let old = unsafe unit(first)
    let released = unsafe unit(first)
    let before = unsafe units.belongsToView(old)
    #expect(!before && first != Units.deadTag)
    units.freeze()
    let second = units.currentTag
    #expect(second != first && second != Units.deadTag)
    let belongs = unsafe units.belongsToView(old)
    #expect(belongs)
    // Retired while the view has it: the walker gets it back dead and frees it.
    unsafe units.retire(old, 64)
    let tag = unsafe old.load(as: UInt8.self)
    let isOurs = unsafe Units.release(old, currentTag: second)
    #expect(limbo.byteCount == 64 && tag == Units.deadTag && !isOurs)
    var dead = DeadUnits()
    unsafe dead.append(old, 64)
    units.freer.free(dead)
    units.freer.wake()
    waitFor { limbo.byteCount == 0 }
    // Released first: the loop may change and free it.
    let isStill = unsafe Units.release(released, currentTag: second)
    let again = unsafe units.belongsToView(released)
    unsafe Units.dispose(released, 64, currentTag: second, limbo)
    #expect(isStill && !again && limbo.byteCount == 0)
    units.thaw()
    // What was unlinked before a freeze carries the tag of its moment and is not taken for a part of the view.
    let unlinked = unsafe unit(second)
    units.freeze()
    let third = units.currentTag
    unsafe Units.dispose(unlinked, 64, currentTag: second, limbo)
    #expect(third != second && third != Units.deadTag && limbo.byteCount == 0)
  }

  /// No two of the blocks that are out or waiting are the same, all have their size, and nothing stays behind.
  @Test func blocksAheadAreBlocksOfTheirClass() {
    let counters = MemoryCounters()
    counters.registerCurrentThread()
    let bounds = [BlocksAhead.sizes.lowerBound, 16, 17, 60, 64, 65, 127, BlocksAhead.sizes.upperBound]
    let sizes = bounds + Array(repeating: 48, count: 100)
    var taken = Array(repeating: UInt(0), count: sizes.count)
    var areWhole = true
    var rest = 0
    // The first pass also fills the runtime's own caches.
    for _ in 0..<2 {
      let before = counters.usedByteCount
      takeAndFree(sizes, &taken, &areWhole)
      rest = counters.usedByteCount - before
    }
    #expect(areWhole)
    #expect(isSanitized || rest == 0, "\(rest)")
  }

  private func takeAndFree(_ sizes: [Int], _ taken: inout [UInt], _ areWhole: inout Bool) {
    var blocks = BlocksAhead()
    for turn in 0..<3 {
      for index in sizes.indices {
        let block = unsafe blocks.take(sizes[index])
        unsafe block.initializeMemory(as: UInt8.self, repeating: UInt8(index), count: sizes[index])
        taken[index] = UInt(bitPattern: block)
      }
      for index in sizes.indices {
        let block = unsafe UnsafeMutableRawPointer(bitPattern: taken[index])!
        for offset in 0..<sizes[index] where unsafe block.load(fromByteOffset: offset, as: UInt8.self) != UInt8(index) {
          areWhole = false
        }
        unsafe Heap.free(block, sizes[index])
      }
      // The second time there were none waiting, the third time there were.
      if turn == 0 { blocks.removeAll() }
    }
  }

  // MARK: Background freer

  @Test func freerFreesEverything() {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    let base = unsafe Heap.allocate(16)
    let before = counters.usedByteCount
    for i in 0..<1000 {
      let block = unsafe unit(1)
      unsafe freer.enqueue({ block, byteCount, tag, limbo in
        unsafe Units.dispose(block, byteCount, currentTag: tag, Limbo(raw: limbo))
      }, block, 64, tag: 1)
      if i % 100 == 0 { _ = freer.progress }
    }
    waitFor { freer.progress.pending == 0 }
    let progress = freer.progress
    #expect(progress.pending == 0 && freer.pendingBytes == 0 && progress.freed == 1000)
    if !isSanitized {
      // The array of jobs comes and goes with the batches.
      waitFor { counters.usedByteCount - before < 64 * 100 }
      #expect(counters.usedByteCount - before < 64 * 100)
    }
    unsafe Heap.free(base, 16)
  }

  // MARK: Decimal

  @Test func decimalsAreWrittenAndRead() {
    var random = SeededGenerator.fresh()
    var values = [0, 1, -1, 9, 10, -9, -10, 99, 100, 999, 1000, 9999, 10_000, Int.max, Int.min, Int.max - 1,
      Int.min + 1]
    for _ in 0..<2000 { values.append(Int(truncatingIfNeeded: random.next()) >> random.below(63)) }
    for value in values {
      let text = Array(String(value).utf8)
      let written = unsafe withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { buffer in
        let count = unsafe writeDecimal(value, to: buffer.baseAddress!)
        return unsafe ByteView(buffer.baseAddress!, count: count).array
      }
      if written != text || decimalDigitCount(value.magnitude) != text.count - (value < 0 ? 1 : 0) {
        Issue.record("\(value) is written as \(written)")
        return
      }
      if withView(text, { $0.integer }) != value {
        Issue.record("\(value) is not read")
        return
      }
    }
  }

  @Test(arguments: [
    "", "-", "+1", "01", "-0", "-01", "00", " 1", "1 ", "1a", "a", "--1", "1-", "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616", "18446744073709551617", "99999999999999999999", "-99999999999999999999",
    "100000000000000000000", "1.0", "1e3", "0x1", "\u{0661}",
  ])
  func noIntegers(text: String) { #expect(withView(Array(text.utf8), { $0.integer }) == nil) }
}

/// Waits until `condition` is true, ten seconds at most.
func waitFor(milliseconds: Int = 10_000, _ condition: () -> Bool) {
  for _ in 0..<milliseconds {
    if condition() { return }
    _ = usleep(1000)
  }
}
