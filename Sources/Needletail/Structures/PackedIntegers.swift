/// A small set of integers, sorted, all as wide as the widest one needs.
///
///     | count 4 | width 1 | integer | integer | ...
///
/// The width is 2, 4 or 8 bytes; integers are little-endian and need not be aligned. Finding is a binary search. An
/// integer that needs more bytes than the others have comes before or behind all of them, and adding it writes the set
/// anew; removing never narrows it.
@safe struct PackedIntegers: Sequence {
  let blob: ByteView

  @inline(__always)
  init(_ blob: ByteView) { self.blob = blob }

  static let headerBytes = Packed.countBytes + 1

  /// The narrowest form of a set without members: `headerBytes` bytes.
  static func writeEmpty(to blob: UnsafeMutableRawPointer) {
    unsafe Packed.writeEmpty(to: blob)
    unsafe blob.storeBytes(of: 2, toByteOffset: Packed.countBytes, as: UInt8.self)
  }

  /// How many members there are. Complexity: O(1).
  var count: Int {
    @inline(__always) get { Packed.count(blob) }
  }

  /// Bytes of each member.
  var width: Int {
    @inline(__always) get { Int(blob[Packed.countBytes]) }
  }

  static func width(for value: Int) -> Int {
    Int(Int16(truncatingIfNeeded: value)) == value ? 2 : Int(Int32(truncatingIfNeeded: value)) == value ? 4 : 8
  }

  // MARK: Reading

  /// The member at `index`, below `count`, in ascending order. Complexity: O(1).
  @inline(__always)
  subscript(index: Int) -> Int {
    precondition(index >= 0)
    return value(at: index, width: width)
  }

  @inline(__always)
  private func value(at index: Int, width: Int) -> Int {
    let offset = Self.headerBytes + index * width
    switch width {
    case 2: return Int(blob.fixed(Int16.self, at: offset))
    case 4: return Int(blob.fixed(Int32.self, at: offset))
    default: return blob.fixed(Int.self, at: offset)
    }
  }

  /// The members in ascending order.
  @safe struct Iterator: IteratorProtocol {
    fileprivate let set: PackedIntegers
    fileprivate let width: Int
    fileprivate let count: Int
    fileprivate var index = 0

    @inline(__always)
    mutating func next() -> Int? {
      guard index < count else { return nil }
      index += 1
      return set.value(at: index - 1, width: width)
    }
  }

  @inline(__always)
  func makeIterator() -> Iterator { Iterator(set: self, width: width, count: count) }

  /// Where a value is, or where it would be inserted. Complexity: O(log count).
  func search(_ value: Int) -> (index: Int, isPresent: Bool) {
    let width = self.width
    var low = 0
    var high = count
    // Sets are often filled in ascending order.
    if high > 0 && self.value(at: high - 1, width: width) < value { return (high, false) }
    while low < high {
      let middle = (low + high) >> 1
      if self.value(at: middle, width: width) < value { low = middle + 1 } else { high = middle }
    }
    return (low, low < count && self.value(at: low, width: width) == value)
  }

  /// Complexity: O(log count).
  func contains(_ value: Int) -> Bool { search(value).isPresent }

  // MARK: Changing

  /// True when adding `value` takes `writeWidened` and not a splice.
  func mustWiden(for value: Int) -> Bool { Self.width(for: value) > width }

  /// Adds a value at the index where `search` did not find it. It must not be wider than the set. Complexity: O(1).
  func inserting(_ value: Int, at index: Int) -> PackedSplice {
    let width = self.width
    precondition(Self.width(for: value) <= width && index >= 0 && index <= count)
    return PackedSplice(offset: Self.headerBytes + index * width, removedByteCount: 0, insertedByteCount: width,
      countDelta: 1)
  }

  /// Complexity: O(1).
  func removing(at index: Int) -> PackedSplice {
    precondition(index >= 0 && index < count)
    return PackedSplice(offset: Self.headerBytes + index * width, removedByteCount: width, insertedByteCount: 0,
      countDelta: -1)
  }

  /// Writes what `inserting` the value inserts.
  static func fill(_ gap: UnsafeMutableRawPointer, _ splice: PackedSplice, _ value: Int) {
    unsafe write(value, width: splice.insertedByteCount, to: gap)
  }

  private static func write(_ value: Int, width: Int, to place: UnsafeMutableRawPointer) {
    switch width {
    case 2: unsafe place.storeBytes(of: Int16(value), as: Int16.self)
    case 4: unsafe place.storeBytes(of: Int32(value), as: Int32.self)
    default: unsafe place.storeBytes(of: value, as: Int.self)
    }
  }

  /// The size of the set that `writeWidened` makes.
  func widenedByteCount(for value: Int) -> Int { Self.headerBytes + (count + 1) * Self.width(for: value) }

  /// Writes the set with `value`, which is wider than all of its members, to another block.
  /// Complexity: O(count).
  func writeWidened(adding value: Int, to other: UnsafeMutableRawPointer) {
    let width = Self.width(for: value)
    precondition(width > self.width)
    unsafe other.storeBytes(of: UInt32(count + 1), as: UInt32.self)
    unsafe other.storeBytes(of: UInt8(width), toByteOffset: Packed.countBytes, as: UInt8.self)
    var place = unsafe other + Self.headerBytes
    if value < 0 { unsafe Self.write(value, width: width, to: place) }
    if value < 0 { unsafe place += width }
    for member in self {
      unsafe Self.write(member, width: width, to: place)
      unsafe place += width
    }
    if value > 0 { unsafe Self.write(value, width: width, to: place) }
  }
}
