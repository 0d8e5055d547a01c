/// Frees a whole table with its entries, on the background thread or here.
@safe struct TableTeardown {
  private let directory: UnsafeMutablePointer<UInt64>
  private let globalDepth: Int

  /// Empties `table`. The loop's part is disarming the deadlines; the rest is a job for the freer, or done here.
  static func run(_ table: inout SegmentedTable<Entry>, _ wheel: inout TimingWheel, _ units: borrowing Units,
    inBackground: Bool)
  {
    guard let directory = unsafe table.directory else { return }
    let size = 1 << table.globalDepth
    if let deadlines = unsafe table.deadlines {
      for index in 0..<size {
        guard let header = unsafe deadlines[index] else { continue }
        let block = unsafe DeadlineSlots(header: header)
        unsafe wheel.disarm(block.links)
        block.free()
      }
      unsafe SegmentedTable<Entry>.freeWords(deadlines, size)
    }
    let byteCount = MemoryLayout<TableTeardown>.size
    let job = unsafe Heap.allocate(byteCount)
    unsafe job.bindMemory(to: TableTeardown.self, capacity: 1)
      .initialize(to: TableTeardown(directory: directory, globalDepth: table.globalDepth))
    table.abandon()
    let tag = units.currentTag
    guard inBackground else { return unsafe finish(job, tag, units.limbo) }
    unsafe units.freer.enqueue({ job, _, tag, limbo in unsafe TableTeardown.finish(job, tag, Limbo(raw: limbo)) }, job,
      byteCount, tag: tag)
  }

  private static func finish(_ job: UnsafeMutableRawPointer, _ tag: UInt8, _ limbo: Limbo) {
    let teardown = unsafe job.assumingMemoryBound(to: TableTeardown.self).pointee
    unsafe Heap.free(job, MemoryLayout<TableTeardown>.size)
    teardown.freeAll(tag, limbo)
  }

  private func freeAll(_ tag: UInt8, _ limbo: Limbo) {
    var ring = PrefetchRing()
    unsafe SegmentLayout.forEachSegment(directory, depth: globalDepth) { word in
      SegmentLayout.forEach(word) { _, _, word in
        if let oldest = unsafe ring.push(SegmentLayout.pointer(word)) {
          unsafe Entry(raw: oldest).free(tag: tag, limbo)
        }
      }
      // Entries still in the ring have been read out of it.
      unsafe Units.dispose(SegmentLayout.segment(word), SegmentLayout.bucketCount(word) << SegmentLayout.bucketShift,
        currentTag: tag, limbo)
    }
    unsafe ring.drain { unsafe Entry(raw: $0).free(tag: tag, limbo) }
    unsafe SegmentedTable<Entry>.freeWords(directory, 1 << globalDepth)
  }
}

extension Entry {
  /// Frees an entry that was unlinked when `currentTag` was `tag`, with its value, but for what a view or a reply
  /// holds. On any thread. Complexity: O(value).
  func free(tag: UInt8, _ limbo: Limbo) {
    // Children first: a disposed unit is not read again.
    if let unit = stringUnit {
      if unit.letGo(tag: tag) { unsafe Units.dispose(unit.raw, unit.byteCount, currentTag: tag, limbo) }
    } else if let unit = blobUnit {
      unsafe Units.dispose(unit.raw, unit.byteCount, currentTag: tag, limbo)
    } else if let root = unsafe root {
      unsafe CollectionRoots.free(type, root, tag: tag, limbo)
    }
    unsafe Units.dispose(raw, byteCount, currentTag: tag, limbo)
  }
}
