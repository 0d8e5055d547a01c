import CSystem
import Glibc

/// A leaf of a sorted set's tree, a unit:
///
///     | tag 1 | shift 1 | count 1 | room 1 | unused 4 | base 16 | words 8 x room |
///     word: | hint 16 | pointer to a ScoredMember 48 |
///
/// A member's hint is min((key - base) >> shift, 65535), 0 below the base: it never contradicts the order, whatever
/// base and shift are, so a search reads members only where hints are equal; with scores that differ, none or one. They
/// are chosen anew, by reading the members, when a leaf splits and its hints have become coarse: keeping them from one
/// split to the next makes that rare.
///
/// A leaf grows by jemalloc's classes to 512 bytes, 61 members, and splits then.
@safe struct MemberLeaf {
  let raw: UnsafeMutableRawPointer

  @inline(__always)
  init(_ raw: UnsafeMutableRawPointer) { unsafe self.raw = raw }

  private static let headerBytes = 24
  static let maxMembers = 61
  /// A leaf with fewer is merged with a neighbour or takes from it.
  static let minMembers = 15
  static let mergeLimit = 46
  /// A leaf whose hints span less is too coarse to search.
  private static let minHintSpan: UInt64 = 4096
  private static let maxHint: UInt64 = 65535
  private static let pointerMask: UInt64 = (1 << 48) - 1

  static func make(room count: Int, tag: UInt8) -> MemberLeaf {
    precondition(count <= maxMembers)
    let byteCount = Heap.goodSize(headerBytes + max(count, 1) * 8)
    let leaf = unsafe MemberLeaf(Heap.allocate(byteCount))
    unsafe leaf.raw.storeBytes(of: tag, as: UInt8.self)
    unsafe leaf.raw.storeBytes(of: 0, toByteOffset: 1, as: UInt8.self)
    unsafe leaf.raw.storeBytes(of: 0, toByteOffset: 2, as: UInt8.self)
    let room = (byteCount - headerBytes) / 8
    unsafe leaf.raw.storeBytes(of: UInt8(room), toByteOffset: 3, as: UInt8.self)
    leaf.base = 0
    return leaf
  }

  /// A leaf with some of this one's members and its hints, with room for `room` at least.
  func copy(_ range: Range<Int>, room: Int, tag: UInt8) -> MemberLeaf {
    let copy = MemberLeaf.make(room: max(room, range.count), tag: tag)
    unsafe copy.raw.storeBytes(of: raw.load(fromByteOffset: 1, as: UInt8.self), toByteOffset: 1, as: UInt8.self)
    copy.base = base
    copy.count = range.count
    unsafe copy.words.update(from: words + range.lowerBound, count: range.count)
    return copy
  }

  // MARK: Header

  @inline(__always) private var shift: UInt128 { UInt128(unsafe raw.load(fromByteOffset: 1, as: UInt8.self)) }

  @inline(__always)
  var count: Int {
    get { unsafe Int(raw.load(fromByteOffset: 2, as: UInt8.self)) }
    nonmutating set { unsafe raw.storeBytes(of: UInt8(truncatingIfNeeded: newValue), toByteOffset: 2, as: UInt8.self) }
  }

  @inline(__always) var room: Int { unsafe Int(raw.load(fromByteOffset: 3, as: UInt8.self)) }
  @inline(__always) var byteCount: Int { Self.headerBytes + room * 8 }

  @inline(__always)
  private var base: UInt128 {
    get { unsafe raw.loadUnaligned(fromByteOffset: 8, as: UInt128.self) }
    nonmutating set { unsafe raw.storeBytes(of: newValue, toByteOffset: 8, as: UInt128.self) }
  }

  @inline(__always)
  private var words: UnsafeMutablePointer<UInt64> {
    unsafe (raw + Self.headerBytes).assumingMemoryBound(to: UInt64.self)
  }

  // MARK: Members

  @inline(__always)
  func element(_ index: Int) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(words[index] & Self.pointerMask)).unsafelyUnwrapped
  }

  /// Traps outside `0 ..< count`.
  @inline(__always)
  subscript(index: Int) -> ScoredMember {
    precondition(index >= 0 && index < count)
    return unsafe ScoredMember(raw: element(index))
  }

  @inline(__always)
  func prefetch(_ index: Int) { if index >= 0 && index < count { unsafe cs_prefetch(element(index)) } }

  @inline(__always)
  private func hint(_ key: UInt128) -> UInt64 {
    let base = self.base
    guard key > base else { return 0 }
    let distance = (key &- base) &>> shift
    return distance > Self.maxHint ? Self.maxHint : UInt64(truncatingIfNeeded: distance)
  }

  @inline(__always)
  private func word(_ member: UnsafeMutableRawPointer, _ key: UInt128) -> UInt64 {
    let address = UInt64(UInt(bitPattern: member))
    precondition(address <= Self.pointerMask)
    return hint(key) << 48 | address
  }

  /// There is room, and the leaf is writable.
  @inline(__always)
  func insert(_ member: UnsafeMutableRawPointer, _ key: UInt128, at index: Int) {
    let count = self.count
    precondition(index >= 0 && index <= count && count < room)
    unsafe _ = memmove(words + index + 1, words + index, (count &- index) &* 8)
    unsafe words[index] = word(member, key)
    self.count = count &+ 1
  }

  /// Whether `replace` would change anything.
  func differs(_ index: Int, _ member: UnsafeMutableRawPointer, _ key: UInt128) -> Bool {
    unsafe words[index] != word(member, key)
  }

  /// Puts another unit, or the same one with another key, in the place of a member.
  @inline(__always)
  func replace(_ index: Int, _ member: UnsafeMutableRawPointer, _ key: UInt128) {
    precondition(index >= 0 && index < count)
    unsafe words[index] = word(member, key)
  }

  /// Puts a copy of a member in its place.
  func setElement(_ index: Int, _ copy: UnsafeMutableRawPointer) {
    let address = UInt64(UInt(bitPattern: copy))
    precondition(index >= 0 && index < count && address <= Self.pointerMask)
    unsafe words[index] = words[index] & ~Self.pointerMask | address
  }

  func remove(_ range: Range<Int>) {
    let count = self.count
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    unsafe _ = memmove(words + range.lowerBound, words + range.upperBound, (count - range.upperBound) * 8)
    self.count = count - range.count
  }

  /// Appends another leaf's members; their hints must be chosen anew. There is room.
  func append(_ other: MemberLeaf, _ range: Range<Int>) {
    precondition(count + range.count <= room && range.upperBound <= other.count)
    unsafe (words + count).update(from: other.words + range.lowerBound, count: range.count)
    count += range.count
  }

  /// Whether a search would read many members.
  var isCoarse: Bool {
    let count = self.count
    guard count > 2 else { return false }
    let second = unsafe words[1] >> 48
    let last = unsafe words[count - 2] >> 48
    return last < second + Self.minHintSpan || second == 0 || last == Self.maxHint
  }

  /// Chooses base and shift so that the hints tell these members apart. Complexity: O(count), reading every member.
  func chooseHints() {
    let count = self.count
    guard count > 0 else { return }
    for index in 0..<count { unsafe cs_prefetch(element(index)) }
    let first = self[0].key
    let span = self[count - 1].key - first
    let shift = max(0, 128 - span.leadingZeroBitCount - 16)
    unsafe raw.storeBytes(of: UInt8(shift), toByteOffset: 1, as: UInt8.self)
    base = first
    for index in 0..<count { unsafe replace(index, element(index), self[index].key) }
  }

  // MARK: Searching

  /// How many members come before what `probe` looks for, and whether the next one is that.
  @inline(__always)
  func find(_ probe: MemberProbe) -> (index: Int, isFound: Bool) {
    let count = self.count
    let hint = hint(probe.key)
    var low = bound(hint << 48, 0, count)
    guard unsafe low < count && words[low] >> 48 == hint else { return (low, false) }
    var high = hint == Self.maxHint ? count : bound((hint &+ 1) << 48, low, count)
    while low < high {
      let middle = (low &+ high) >> 1
      switch unsafe probe.comparison(element(middle)) {
      case .equal: return (middle, true)
      case .below: high = middle
      case .above: low = middle &+ 1
      }
    }
    return (low, false)
  }

  /// The probe's place relative to a member's; reads the member only where hints are equal.
  @inline(__always)
  func comparison(_ probe: MemberProbe, _ index: Int) -> MemberProbe.Comparison {
    let hint = hint(probe.key)
    let other = unsafe words[index] >> 48
    if hint != other { return hint < other ? .below : .above }
    return unsafe probe.comparison(element(index))
  }

  /// How many members have keys below `key`.
  func find(_ key: UInt128) -> Int {
    let count = self.count
    let hint = hint(key)
    var low = bound(hint << 48, 0, count)
    var high = hint == Self.maxHint ? count : bound((hint &+ 1) << 48, low, count)
    while low < high {
      let middle = (low &+ high) >> 1
      if self[middle].key < key { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The first of the words from `low` up to `high` that is not below `word`.
  @inline(__always)
  private func bound(_ word: UInt64, _ low: Int, _ high: Int) -> Int {
    var low = low
    var length = high &- low
    while length > 0 {
      let half = length >> 1
      let isBelow = unsafe words[low &+ half] < word
      low = isBelow ? low &+ half &+ 1 : low
      length = isBelow ? length &- half &- 1 : half
    }
    return low
  }
}

extension MemberLeaf: TreeLeaf {
  static var isOrdered: Bool { true }
  static var maxElements: Int { maxMembers }
  static var freeDrop: BackgroundFreer.Function {
    { block, _, tag, limbo in unsafe TreeDrop<MemberLeaf>.free(block, tag: tag, Limbo(raw: limbo)) }
  }

  static func byteCount(_ leaf: UnsafeMutableRawPointer) -> Int { unsafe MemberLeaf(leaf).byteCount }

  static func elementByteCount(_ element: UnsafeMutableRawPointer) -> Int {
    unsafe ScoredMember(raw: element).byteCount
  }

  static func copyElements(_ leaf: UnsafeMutableRawPointer, to buffer: UnsafeMutablePointer<UInt>) -> Int {
    let leaf = unsafe MemberLeaf(leaf)
    let count = leaf.count
    for index in 0..<count { unsafe buffer[index] = UInt(bitPattern: leaf.element(index)) }
    return count
  }

  /// The leaf as its parent is to know it. `members` are the bytes that its members take.
  func summary(members: Int, key: UInt128 = 0) -> TreeChild {
    unsafe TreeChild(raw, count: count, byteCount: byteCount + members, key: key)
  }

  /// What members take, which means reading them.
  func memberBytes(_ range: Range<Int>) -> Int {
    for index in range { prefetch(index) }
    return range.reduce(0) { $0 + Heap.goodSize(self[$1].byteCount) }
  }

  static func isSparse(_ leaf: TreeChild) -> Bool { leaf.count < minMembers }

  static func balance(_ left: TreeChild, _ right: TreeChild, _ units: inout Units) -> (TreeChild, TreeChild?) {
    let a = unsafe MemberLeaf(left.raw)
    let b = unsafe MemberLeaf(right.raw)
    let members = left.byteCount - a.byteCount + right.byteCount - b.byteCount
    let total = a.count + b.count
    defer {
      unsafe units.retire(a.raw, a.byteCount)
      unsafe units.retire(b.raw, b.byteCount)
    }
    if total <= mergeLimit {
      let all = a.copy(0..<a.count, room: total, tag: units.currentTag)
      all.append(b, 0..<b.count)
      all.chooseHints()
      return (all.summary(members: members), nil)
    }
    let cut = total / 2
    let first = a.copy(0..<min(cut, a.count), room: cut, tag: units.currentTag)
    let second = MemberLeaf.make(room: total - cut, tag: units.currentTag)
    if cut < a.count { second.append(a, cut..<a.count) }
    if cut > a.count { first.append(b, 0..<(cut - a.count)) }
    second.append(b, max(cut - a.count, 0)..<b.count)
    first.chooseHints()
    second.chooseHints()
    let firstMembers = first.memberBytes(0..<cut)
    return (first.summary(members: firstMembers), second.summary(members: members - firstMembers, key: second[0].key))
  }

  static func remove(_ range: Range<Int>, from leaf: TreeChild, _ units: inout Units) -> TreeChild {
    let old = unsafe MemberLeaf(leaf.raw)
    var members = leaf.byteCount - old.byteCount
    for index in range { old.prefetch(index) }
    for index in range {
      let member = old[index]
      members -= Heap.goodSize(member.byteCount)
      unsafe units.retire(member.raw, member.byteCount)
    }
    let rest = old.copy(0..<range.lowerBound, room: old.count - range.count, tag: units.currentTag)
    rest.append(old, range.upperBound..<old.count)
    unsafe units.retire(old.raw, old.byteCount)
    return rest.summary(members: members)
  }

  static func split(_ leaf: TreeChild, at index: Int, _ units: inout Units) -> (TreeChild, TreeChild) {
    let old = unsafe MemberLeaf(leaf.raw)
    let parts = old.split(at: index, extra: 0, tag: units.currentTag)
    let members = leaf.byteCount - old.byteCount
    unsafe units.retire(old.raw, old.byteCount)
    let firstMembers = parts.0.memberBytes(0..<index)
    return (parts.0.summary(members: firstMembers),
      parts.1.summary(members: members - firstMembers, key: parts.1[0].key))
  }

  /// Two new leaves with the members of this one, and with room for `extra` more.
  func split(at index: Int, extra: Int, tag: UInt8) -> (MemberLeaf, MemberLeaf) {
    let first = copy(0..<index, room: index + extra, tag: tag)
    let second = copy(index..<count, room: count - index + extra, tag: tag)
    if first.isCoarse { first.chooseHints() }
    if second.isCoarse { second.chooseHints() }
    return (first, second)
  }
}
