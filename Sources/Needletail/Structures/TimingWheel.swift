/// A hierarchical timing wheel: arms and disarms in O(1), finds what is due without looking at what is not.
/// Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987).
///
///     level 0: 256 slots of 1 tick (16 ms): the next 4 s       level 2: 256 slots of 18 min: the next 3 days
///     level 1: 256 slots of 256 ticks: the next 18 min         level 3: 256 slots of 3 days: the next 2.2 years
///
/// A node hangs in the slot of its due tick on the lowest level that reaches that far. When a level has turned once,
/// the next slot of the level above is spread over it. Bitmaps of occupied slots let time jump over empty ones.
///
/// The wheel does not own its nodes; whoever frees one disarms it first.
@safe struct TimingWheel: ~Copyable {
  /// Milliseconds in a tick, as a shift.
  static let tickShift = 4
  static let maxTick = Int(UInt32.max)
  private static let levels = 4
  private static let slots = 256
  /// The place of nodes that are due, beside the levels' slots.
  private static let dueSlot = levels * slots
  private static let unarmed: Int32 = -1

  /// The part of a node that the wheel uses; the first member of what it is embedded in.
  @safe struct Links {
    fileprivate var next: UnsafeMutablePointer<Links>?
    fileprivate var previous: UnsafeMutablePointer<Links>?
    fileprivate var slot: Int32
    /// When the node is due.
    fileprivate(set) var tick: UInt32

    init() {
      unsafe next = nil
      unsafe previous = nil
      slot = TimingWheel.unarmed
      tick = 0
    }
    var isArmed: Bool { slot != TimingWheel.unarmed }
  }

  /// Tick 0, in milliseconds since 1970.
  private(set) var baseMilliseconds: Int
  /// All ticks up to this one have been looked at.
  private(set) var currentTick: Int = 0
  private let heads: UnsafeMutablePointer<UnsafeMutablePointer<Links>?>
  private let occupied: UnsafeMutablePointer<UInt64>
  private(set) var armedCount = 0

  init(baseMilliseconds: Int) {
    self.baseMilliseconds = baseMilliseconds
    let count = Self.dueSlot + 1
    unsafe heads = .allocate(capacity: count)
    unsafe heads.initialize(repeating: nil, count: count)
    unsafe occupied = .allocate(capacity: Self.levels * 4)
    unsafe occupied.initialize(repeating: 0, count: Self.levels * 4)
  }

  deinit {
    unsafe heads.deallocate()
    unsafe occupied.deallocate()
  }

  /// The first tick at which `milliseconds` (since 1970) has passed; saturates at both ends.
  @inline(__always)
  func tick(ofDeadline milliseconds: Int) -> UInt32 {
    let (distance, overflows) = milliseconds.subtractingReportingOverflow(baseMilliseconds)
    if overflows { return milliseconds < 0 ? 0 : UInt32.max }
    if distance <= 0 { return 0 }
    return UInt32(min((distance - 1) >> Self.tickShift + 1, Self.maxTick))
  }

  /// The last tick that has begun at `milliseconds`.
  @inline(__always)
  func tick(atTime milliseconds: Int) -> Int {
    max(0, min((milliseconds - baseMilliseconds) >> Self.tickShift, Self.maxTick))
  }

  /// How far ahead time may move in one go: three days, 2 ms of turning.
  private static let nearTicks = 1 << 24

  /// True when `advance` can go to `milliseconds` at once: it is neither in the past nor far ahead, and ticks are left.
  func isNear(_ milliseconds: Int) -> Bool {
    let (distance, overflows) = milliseconds.subtractingReportingOverflow(baseMilliseconds)
    let tick = distance >> Self.tickShift
    return !overflows && tick >= currentTick && tick - currentTick < Self.nearTicks && tick < Self.maxTick / 2
  }

  /// Makes `milliseconds` (or up to a tick before it) tick 0. Nothing is armed.
  /// - Returns: which tick that was so far; negative when it is earlier than the old tick 0.
  mutating func restart(atMilliseconds milliseconds: Int) -> Int {
    precondition(armedCount == 0)
    let (distance, overflows) = milliseconds.subtractingReportingOverflow(baseMilliseconds)
    precondition(!overflows)
    let shift = distance >> Self.tickShift
    baseMilliseconds += shift << Self.tickShift
    currentTick = 0
    return shift
  }

  /// Arms `node` for `tick`; one in the past is due at once. An armed node moves. Complexity: O(1).
  mutating func arm(_ node: UnsafeMutablePointer<Links>, tick: UInt32) {
    unsafe disarm(node)
    unsafe node.pointee.tick = tick
    unsafe link(node)
    armedCount += 1
  }

  /// Complexity: O(1). Harmless when the node is not armed.
  mutating func disarm(_ node: UnsafeMutablePointer<Links>) {
    guard unsafe node.pointee.isArmed else { return }
    unsafe unlink(node)
    armedCount -= 1
  }

  /// Moves time forward: nodes whose tick has come are due. Complexity: O(what became due + slots passed / 64).
  mutating func advance(to tick: Int) {
    while currentTick < tick {
      // Jump to the next occupied slot of level 0, or to where the level has turned once.
      let turn = (currentTick | (Self.slots - 1)) + 1
      let next = min(nextOccupied(level: 0, after: currentTick & (Self.slots - 1)).map {
        (currentTick & ~(Self.slots - 1)) + $0
      } ?? turn, turn)
      if next > tick {
        currentTick = tick
        return
      }
      currentTick = next
      if next == turn { cascade() }
      collect(next & (Self.slots - 1))
    }
  }

  /// The first node that is due; it stays due until it is armed anew or disarmed.
  var firstDue: UnsafeMutablePointer<Links>? { unsafe heads[Self.dueSlot] }

  /// Any node that is armed; an early one, as far as that is told without looking at all of a slot. Complexity: O(1).
  var anyArmed: UnsafeMutablePointer<Links>? {
    if let due = unsafe firstDue { return unsafe due }
    for word in 0..<(Self.levels * 4) where unsafe occupied[word] != 0 {
      return unsafe heads[word << 6 + occupied[word].trailingZeroBitCount]
    }
    return nil
  }

  /// The tick up to which nothing can become due: when to wake up. Nil when nothing is armed. Complexity: O(1).
  var nextTick: Int? {
    guard armedCount > 0 else { return nil }
    if unsafe firstDue != nil { return currentTick }
    if let slot = nextOccupied(level: 0, after: currentTick & (Self.slots - 1)) {
      return (currentTick & ~(Self.slots - 1)) + slot
    }
    return (currentTick | (Self.slots - 1)) + 1
  }

  // MARK: Slots

  private mutating func link(_ node: UnsafeMutablePointer<Links>) {
    let tick = Int(unsafe node.pointee.tick)
    guard tick > currentTick else { return unsafe push(node, slot: Self.dueSlot) }
    // The highest byte in which the due tick and the present one differ names the level.
    let level = (63 - (tick ^ currentTick).leadingZeroBitCount) >> 3
    let slot = level * Self.slots + (tick >> (8 * level)) & (Self.slots - 1)
    unsafe push(node, slot: slot)
    unsafe (occupied + slot >> 6).pointee |= 1 << UInt64(slot & 63)
  }

  private mutating func push(_ node: UnsafeMutablePointer<Links>, slot: Int) {
    let head = unsafe heads[slot]
    unsafe node.pointee.next = head
    unsafe node.pointee.previous = nil
    unsafe node.pointee.slot = Int32(slot)
    if let head = unsafe head { unsafe head.pointee.previous = node }
    unsafe heads[slot] = node
  }

  private mutating func unlink(_ node: UnsafeMutablePointer<Links>) {
    let slot = Int(unsafe node.pointee.slot)
    if let previous = unsafe node.pointee.previous {
      unsafe previous.pointee.next = node.pointee.next
    } else {
      unsafe heads[slot] = node.pointee.next
    }
    if let next = unsafe node.pointee.next { unsafe next.pointee.previous = node.pointee.previous }
    if slot < Self.dueSlot, unsafe heads[slot] == nil {
      unsafe (occupied + slot >> 6).pointee &= ~(1 << UInt64(slot & 63))
    }
    unsafe node.pointee.slot = Self.unarmed
  }

  private func nextOccupied(level: Int, after slot: Int) -> Int? {
    var index = slot + 1
    while index < Self.slots {
      let word = unsafe occupied[level * 4 + index >> 6] >> UInt64(index & 63)
      if word != 0 { return index + word.trailingZeroBitCount }
      index = (index | 63) + 1
    }
    return nil
  }

  /// A level has turned: spreads the slot above that begins now, from the highest level down.
  private mutating func cascade() {
    var top = 1
    while top < Self.levels - 1, (currentTick >> (8 * top)) & (Self.slots - 1) == 0 { top += 1 }
    for level in stride(from: top, through: 1, by: -1) {
      let slot = level * Self.slots + (currentTick >> (8 * level)) & (Self.slots - 1)
      while let node = unsafe heads[slot] {
        unsafe unlink(node)
        unsafe link(node)
      }
    }
  }

  private mutating func collect(_ slot: Int) {
    while let node = unsafe heads[slot] {
      unsafe unlink(node)
      unsafe push(node, slot: Self.dueSlot)
    }
  }
}
