/// The expiry index: deadlines beside the table, segments armed in the wheel by their earliest. For databases only:
/// what marks a segment in the directory does not ask whether the directory may be written.
extension SegmentedTable {
  /// Gives the element at `position` a deadline, in place of one it may have. Complexity: O(1).
  mutating func setDeadline(at position: Position, _ milliseconds: Int, _ context: inout TableContext) {
    let tick = min(context.wheel.tick(ofDeadline: milliseconds), DeadlineSlots.maxTick)
    let block = deadlineBlock(position.first)
    let before = block.count
    block.set(position.slot, tick)
    deadlineCount += block.count - before
    let links = unsafe block.links
    if unsafe !links.pointee.isArmed || tick < links.pointee.tick { unsafe context.wheel.arm(links, tick: tick) }
  }

  /// Takes the deadline of the element at `position` away, if it has one. Complexity: O(1).
  mutating func removeDeadline(at position: Position, _ context: inout TableContext) {
    guard unsafe Layout.hasDeadlines(directory![position.first]), let block = block(position.first) else { return }
    if block.remove(position.slot) != DeadlineSlots.none { deadlineCount -= 1 }
    if block.count == 0 { dropDeadlines(position.first, &context) }
  }

  /// The position of slot `slot` in the segment that `block` belongs to, with its element; nil when it is empty.
  func element(of block: DeadlineSlots, slot: Int) -> (position: Position, element: Element)? {
    let first = first(of: block)
    let position = Position(first: first, bucket: slot / Layout.bucketSlots, index: slot % Layout.bucketSlots)
    let base = unsafe Layout.segment(directory![first]) + position.bucket << Layout.bucketShift
    let word = unsafe Layout.word(base, position.index)
    return word == 0 ? nil : unsafe (position, Element(raw: Layout.pointer(word)))
  }

  private func first(of block: DeadlineSlots) -> Int {
    globalDepth == 0 ? 0 : Int(unsafe block.header.pointee.prefix >> UInt64(48 - globalDepth))
  }

  func block(_ first: Int) -> DeadlineSlots? {
    guard let deadlines = unsafe deadlines, let header = unsafe deadlines[first] else { return nil }
    return unsafe DeadlineSlots(header: header)
  }

  /// Calls `body` with every segment's block. Complexity: O(directory).
  func forEachDeadlineBlock(_ body: (DeadlineSlots) -> Void) {
    guard let deadlines = unsafe deadlines else { return }
    for index in 0..<(1 << globalDepth) {
      if let header = unsafe deadlines[index] { body(unsafe DeadlineSlots(header: header)) }
    }
  }

  /// The segment's block, made when it has none.
  private mutating func deadlineBlock(_ first: Int) -> DeadlineSlots {
    if let block = block(first) { return block }
    if unsafe deadlines == nil {
      let size = 1 << globalDepth
      unsafe deadlines = Self.allocateWords(size)
      unsafe deadlines!.initialize(repeating: nil, count: size)
      byteCount += size * 8
    }
    let word = unsafe directory![first]
    let block = DeadlineSlots.make(slotCount: Layout.bucketCount(word) * Layout.bucketSlots, table: id,
      prefix: prefix(first))
    unsafe deadlines![first] = block.header
    markDeadlines(first, true)
    return block
  }

  private func markDeadlines(_ first: Int, _ has: Bool) {
    let word = unsafe directory![first]
    setWords(first, has ? word | 64 : word & ~64)
  }

  /// Frees the segment's block; its deadlines are no longer wanted. The side directory stays, even when this was the
  /// last block: it is 8 bytes a segment, and making it anew whenever the only deadline of a large table comes back is
  /// O(n).
  mutating func dropDeadlines(_ first: Int, _ context: inout TableContext) {
    guard let block = detachDeadlines(first) else { return }
    markDeadlines(first, false)
    release(block, &context)
  }

  func release(_ block: DeadlineSlots, _ context: inout TableContext) {
    unsafe context.wheel.disarm(block.links)
    block.free()
  }

  // MARK: Moving

  /// Takes the block out of the side directory, still armed; `attachDeadlines` or `release` ends its life.
  func detachDeadlines(_ first: Int) -> DeadlineSlots? {
    guard let block = block(first) else { return nil }
    unsafe deadlines![first] = nil
    return block
  }

  /// Moves the deadline of `slot` in `old` to `newSlot` in `new`.
  static func carryDeadline(_ old: DeadlineSlots?, _ slot: Int, _ new: DeadlineSlots?, _ newSlot: Int) {
    guard let old, let new else { return }
    let tick = old.remove(slot)
    if tick != DeadlineSlots.none { new.set(newSlot, tick) }
  }

  /// Puts a filled block in the place of `old`, or nothing when it is empty.
  mutating func attachDeadlines(_ first: Int, _ new: DeadlineSlots?, replacing old: DeadlineSlots?,
    _ context: inout TableContext)
  {
    if let old { release(old, &context) }
    guard let new else { return }
    if new.count == 0 { return release(new, &context) }
    unsafe deadlines![first] = new.header
    markDeadlines(first, true)
    unsafe context.wheel.arm(new.links, tick: new.earliest)
  }

  /// An element moved within its segment.
  func moveDeadline(_ first: Int, from: Int, to: Int) {
    guard unsafe Layout.hasDeadlines(directory![first]), let block = block(first) else { return }
    let tick = block.remove(from)
    if tick != DeadlineSlots.none { block.set(to, tick) }
  }
}
