import CSystem
import Glibc

/// The deadlines of one segment's elements, by slot, in ticks of 16 ms: what the expiry index keeps beside the table.
///
/// Private to the event loop and no unit: the walker never reads it, copying a segment does not touch it. Fewer than
/// one element in eight with a deadline: a list of (slot, tick); otherwise an array with a tick for every slot, where
/// `none` says that the slot has no deadline.
@safe struct DeadlineSlots {
  @safe struct Header {
    /// First, so that a due node is its block.
    var links = TimingWheel.Links()
    /// Which table the segment belongs to, and the hash prefix at which it begins: the segment by name, not by address.
    var table: UInt32 = 0
    var isDense = false
    var slotCount: UInt16
    /// Slots with a deadline.
    var count: UInt16 = 0
    /// Entries there is room for: list elements or slots.
    var capacity: UInt16
    var prefix: UInt64 = 0
    var storage: UnsafeMutableRawPointer
  }

  static let none = UInt32.max
  /// The largest deadline an element can have here; one beyond is looked at then and armed again.
  static let maxTick = UInt32.max - 1

  let header: UnsafeMutablePointer<Header>

  init(header: UnsafeMutablePointer<Header>) { unsafe self.header = header }

  init(links: UnsafeMutablePointer<TimingWheel.Links>) {
    unsafe header = UnsafeMutableRawPointer(links).assumingMemoryBound(to: Header.self)
  }

  /// An empty block for a segment of `slotCount` slots.
  static func make(slotCount: Int, table: Int, prefix: UInt64) -> DeadlineSlots {
    let raw = unsafe Heap.allocate(MemoryLayout<Header>.size)
    let header = unsafe raw.bindMemory(to: Header.self, capacity: 1)
    let capacity = 4
    unsafe header.initialize(to: Header(slotCount: UInt16(slotCount), capacity: UInt16(capacity),
      storage: Heap.allocate(capacity * 8)))
    unsafe header.pointee.table = UInt32(table)
    unsafe header.pointee.prefix = prefix
    return unsafe DeadlineSlots(header: header)
  }

  /// The wheel must not hold it any more.
  func free() {
    precondition(unsafe !header.pointee.links.isArmed)
    unsafe Heap.free(header.pointee.storage, storageBytes)
    unsafe Heap.free(UnsafeMutableRawPointer(header), MemoryLayout<Header>.size)
  }

  var count: Int { Int(unsafe header.pointee.count) }
  var links: UnsafeMutablePointer<TimingWheel.Links> {
    unsafe UnsafeMutableRawPointer(header).assumingMemoryBound(to: TimingWheel.Links.self)
  }
  private var isDense: Bool { unsafe header.pointee.isDense }
  /// What the block takes from the allocator.
  var byteCount: Int { Heap.goodSize(MemoryLayout<Header>.size) + Heap.goodSize(storageBytes) }
  private var storageBytes: Int { Int(unsafe header.pointee.capacity) * (isDense ? 4 : 8) }
  private var ticks: UnsafeMutablePointer<UInt32> { unsafe header.pointee.storage.assumingMemoryBound(to: UInt32.self) }
  /// Tick in the upper half, slot in the lower.
  private var list: UnsafeMutablePointer<UInt64> { unsafe header.pointee.storage.assumingMemoryBound(to: UInt64.self) }

  /// Gives slot `slot` a deadline, in place of one it may have. Complexity: O(1), O(slots / 8) in list form.
  func set(_ slot: Int, _ tick: UInt32) {
    let tick = min(tick, Self.maxTick)
    if isDense {
      if unsafe ticks[slot] == Self.none { unsafe header.pointee.count += 1 }
      unsafe ticks[slot] = tick
      return
    }
    let entry = UInt64(tick) << 32 | UInt64(slot)
    if let index = listIndex(slot) {
      unsafe list[index] = entry
      return
    }
    if count * 8 >= Int(unsafe header.pointee.slotCount) {
      makeDense()
      return set(slot, tick)
    }
    if count == Int(unsafe header.pointee.capacity) { growList() }
    unsafe list[count] = entry
    unsafe header.pointee.count += 1
  }

  /// Takes the deadline of `slot` away.
  /// - Returns: the tick it had, or `none`.
  @discardableResult
  func remove(_ slot: Int) -> UInt32 {
    if isDense {
      let tick = unsafe ticks[slot]
      if tick != Self.none {
        unsafe ticks[slot] = Self.none
        unsafe header.pointee.count -= 1
      }
      return tick
    }
    guard let index = listIndex(slot) else { return Self.none }
    let tick = UInt32(unsafe list[index] >> 32)
    unsafe list[index] = list[count - 1]
    unsafe header.pointee.count -= 1
    return tick
  }

  /// Calls `body` with every slot that has a deadline of at most `tick`, and answers the earliest deadline beyond it
  /// (`none` without one). `body` must not change the block. Complexity: O(slots) sequential memory.
  func collectDue(_ tick: UInt32, _ body: (Int) -> Void) -> UInt32 {
    var earliest = Self.none
    if isDense {
      for slot in 0..<Int(unsafe header.pointee.slotCount) {
        let due = unsafe ticks[slot]
        if due <= tick { body(slot) } else if due < earliest { earliest = due }
      }
    } else {
      for index in 0..<count {
        let due = UInt32(unsafe list[index] >> 32)
        if due <= tick {
          body(Int(UInt32(truncatingIfNeeded: unsafe list[index])))
        } else if due < earliest {
          earliest = due
        }
      }
    }
    return earliest
  }

  /// Where `forEach` may begin: below this.
  var room: Int { isDense ? Int(unsafe header.pointee.slotCount) : max(count, 1) }

  /// Calls `body` with slots that have deadlines, and those, from place `start` on and round, until it answers false.
  /// `body` must not change the block. Complexity: O(slots).
  func forEach(from start: Int, _ body: (_ slot: Int, _ tick: UInt32) -> Bool) {
    let room = isDense ? self.room : count
    for step in 0..<room {
      let place = start + step < room ? start + step : start + step - room
      if isDense {
        let tick = unsafe ticks[place]
        if tick != Self.none && !body(place, tick) { return }
      } else {
        let entry = unsafe list[place]
        if !body(Int(UInt32(truncatingIfNeeded: entry)), UInt32(entry >> 32)) { return }
      }
    }
  }

  /// The earliest deadline. Complexity: O(slots).
  var earliest: UInt32 {
    var earliest = Self.none
    if isDense {
      for slot in 0..<Int(unsafe header.pointee.slotCount) { earliest = unsafe min(earliest, ticks[slot]) }
    } else {
      for index in 0..<count { earliest = unsafe min(earliest, UInt32(list[index] >> 32)) }
    }
    return earliest
  }

  /// Tick `distance` is tick 0 from now on. What does not fit goes to the ends, and what was at an end may be looked at
  /// too early, never too late. Complexity: O(slots).
  func shift(by distance: Int) {
    func moved(_ tick: UInt32) -> UInt32 {
      if tick == 0 { return 0 }
      let (moved, overflows) = Int(tick).subtractingReportingOverflow(distance)
      if overflows { return Self.maxTick }
      return UInt32(max(0, min(moved, Int(Self.maxTick))))
    }
    if isDense {
      for slot in 0..<Int(unsafe header.pointee.slotCount) where unsafe ticks[slot] != Self.none {
        unsafe ticks[slot] = moved(ticks[slot])
      }
    } else {
      for index in 0..<count {
        let entry = unsafe list[index]
        unsafe list[index] = UInt64(moved(UInt32(entry >> 32))) << 32 | UInt64(UInt32(truncatingIfNeeded: entry))
      }
    }
  }

  private func listIndex(_ slot: Int) -> Int? {
    for index in 0..<count where unsafe UInt32(truncatingIfNeeded: list[index]) == UInt32(slot) { return index }
    return nil
  }

  private func growList() {
    let capacity = Int(unsafe header.pointee.capacity)
    let larger = unsafe Heap.allocate(capacity * 16)
    unsafe larger.copyMemory(from: header.pointee.storage, byteCount: capacity * 8)
    unsafe Heap.free(header.pointee.storage, capacity * 8)
    unsafe header.pointee.storage = larger
    unsafe header.pointee.capacity = UInt16(capacity * 2)
  }

  private func makeDense() {
    let slotCount = Int(unsafe header.pointee.slotCount)
    let dense = unsafe Heap.allocate(slotCount * 4)
    unsafe memset(dense, 0xff, slotCount * 4)
    let array = unsafe dense.assumingMemoryBound(to: UInt32.self)
    for index in 0..<count {
      let entry = unsafe list[index]
      unsafe array[Int(UInt32(truncatingIfNeeded: entry))] = UInt32(entry >> 32)
    }
    unsafe Heap.free(header.pointee.storage, storageBytes)
    unsafe header.pointee.storage = dense
    unsafe header.pointee.isDense = true
    unsafe header.pointee.capacity = UInt16(slotCount)
  }
}

extension DeadlineSlots {
  /// Gives the block, or its parts, another place when that is worth it; it stays armed for the same tick.
  func relocated(_ mover: inout UnitMover, _ wheel: inout TimingWheel) -> DeadlineSlots {
    let storageSize = storageBytes
    let storage = unsafe header.pointee.storage
    if let copy = unsafe mover.relocate(storage, storageSize) {
      unsafe header.pointee.storage = copy
      unsafe mover.release(storage, storageSize)
    }
    let size = MemoryLayout<Header>.size
    let old = unsafe UnsafeMutableRawPointer(header)
    guard let copy = unsafe mover.relocate(old, size) else { return self }
    let moved = unsafe DeadlineSlots(header: copy.bindMemory(to: Header.self, capacity: 1))
    // The wheel's neighbours name the old one.
    let isArmed = unsafe links.pointee.isArmed
    let tick = unsafe links.pointee.tick
    unsafe wheel.disarm(links)
    unsafe moved.links.initialize(to: TimingWheel.Links())
    if isArmed { unsafe wheel.arm(moved.links, tick: tick) }
    unsafe mover.release(old, size)
    return moved
  }
}
