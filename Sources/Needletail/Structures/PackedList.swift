/// A list, or a part of a large one, in one blob.
///
///     | count 4 | start 2 | room | element | back length | element | back length | ...
///
/// Elements are stored as `PackedElement` has it, each with its own length behind it: a string of 16 bytes takes 18.
/// `start` is the first element's offset. The room before it holds nothing: pushing at the head takes from it, removing
/// there gives to it, so neither moves the elements. Neither makes it larger than what follows; removing at the tail
/// can leave it so, for which there is `closingRoom`.
///
/// A place between elements is the offset of the element behind it: `start` for the first, `end` behind the last.
///
/// Measured with elements of 16 bytes, the encoding included: a push at either end 8 to 13 ns (a block of 1 or 8 KiB
/// filled from empty, at both ends in turn as well), a pop 4.5 ns, a step to the next element 1.9 ns, less among
/// elements of one length.
@safe struct PackedList: Sequence {
  let blob: ByteView

  @inline(__always)
  init(_ blob: ByteView) { self.blob = blob }

  /// Count and start; a list without elements is no longer.
  static let headerBytes = Packed.countBytes + 2
  /// The farthest `start`.
  static let maxStart = Int(UInt16.max)

  /// Writes a list without elements: `headerBytes` bytes.
  @inline(__always)
  static func writeEmpty(to blob: UnsafeMutableRawPointer) { unsafe writeHeader(count: 0, to: blob) }

  static func writeHeader(count: Int, start: Int = headerBytes, to blob: UnsafeMutableRawPointer) {
    unsafe blob.storeBytes(of: UInt32(count), as: UInt32.self)
    unsafe blob.storeBytes(of: UInt16(start), toByteOffset: Packed.countBytes, as: UInt16.self)
  }

  /// How many elements there are. Complexity: O(1).
  var count: Int {
    @inline(__always) get { Packed.count(blob) }
  }

  var start: Int {
    @inline(__always) get {
      let start = Int(blob.fixed(UInt16.self, at: Packed.countBytes))
      precondition(start >= Self.headerBytes)
      return start
    }
  }
  var end: Int {
    @inline(__always) get { blob.count }
  }

  /// What the elements take: what limits on a list's bytes look at.
  var elementByteCount: Int { end - start }

  // MARK: Reading

  /// An element's place. Valid until the list changes.
  @safe struct Item {
    let blob: ByteView
    let offset: Int
    /// Where the next one begins.
    let end: Int

    var element: PackedElement {
      @inline(__always) get { .read(blob, at: offset) }
    }
  }

  /// The element that begins at `offset`, nil at the end. Complexity: O(1).
  @inline(__always)
  func item(at offset: Int) -> Item? {
    guard offset < blob.count else { return nil }
    let size = blob.packedSize(at: offset)
    return Item(blob: blob, offset: offset, end: offset + size + BackLength.byteCount(size))
  }

  /// The element that ends at `offset`, nil at the start. Complexity: O(1).
  @inline(__always)
  func item(before offset: Int) -> Item? {
    guard offset > start else { return nil }
    return Item(blob: blob, offset: BackLength.start(blob, before: offset), end: offset)
  }

  /// The elements from head to tail. Complexity of each step: O(1).
  @safe struct Iterator: IteratorProtocol {
    fileprivate let list: PackedList
    fileprivate var offset: Int

    @inline(__always)
    mutating func next() -> Item? {
      guard let item = list.item(at: offset) else { return nil }
      offset = item.end
      return item
    }
  }

  @inline(__always)
  func makeIterator() -> Iterator { Iterator(list: self, offset: start) }

  /// The offset of the element at `index`, `end` for the index `count`. Complexity: O(distance to the nearer end).
  @inline(never)
  func offset(of index: Int) -> Int {
    let count = self.count
    precondition(index >= 0 && index <= count)
    if index <= count >> 1 {
      return passing(index, from: start, eight: offsetBehindStride) { item(at: $0)!.end }
    }
    return passing(count - index, from: end, eight: offsetBeforeStride) { item(before: $0)!.offset }
  }

  /// The place `elements` elements on from `offset`, by steps over one of them, or over `strideCount` where that works.
  @inline(__always)
  private func passing(_ elements: Int, from offset: Int, eight: (Int) -> Int?, one: (Int) -> Int) -> Int {
    var left = elements
    var offset = offset
    while left > 0 {
      if left >= Self.strideCount, let next = eight(offset) {
        offset = next
        left -= Self.strideCount
      } else {
        offset = one(offset)
        left -= 1
      }
    }
    return offset
  }

  // Where elements have the same length, where each begins is known without waiting for what the one before it says.
  private static let strideCount = 8

  /// The place behind eight short strings of the same length that begin at `offset`; nil when they are not that.
  @inline(__always)
  private func offsetBehindStride(_ offset: Int) -> Int? {
    let code = blob[offset]
    let size = Int(code) + 2
    guard code <= PackedCode.maxShortString && end - offset >= size * Self.strideCount else { return nil }
    var differing: UInt8 = 0
    for number in 1..<Self.strideCount { differing |= blob[offset + number * size] ^ code }
    return differing == 0 ? offset + size * Self.strideCount : nil
  }

  /// The place before eight elements of the same length that end at `offset`; nil when they are not that.
  @inline(__always)
  private func offsetBeforeStride(_ offset: Int) -> Int? {
    let length = blob[offset - 1]
    let size = Int(length) + 1
    guard length <= BackLength.maxShort && offset - start >= size * Self.strideCount else { return nil }
    var differing: UInt8 = 0
    for number in 1..<Self.strideCount { differing |= blob[offset - 1 - number * size] ^ length }
    return differing == 0 ? offset - size * Self.strideCount : nil
  }

  /// The element at `index`, below `count`. Complexity: O(distance to the nearer end).
  @inline(__always)
  func item(atIndex index: Int) -> Item {
    precondition(index < count)
    return item(at: offset(of: index))!
  }

  /// The first element from `offset` on that is the probe's, and how many elements were passed over.
  /// Complexity: O(elements passed over).
  @inline(never)
  func firstMatch(_ probe: PackedProbe, from offset: Int) -> (item: Item, passed: Int)? {
    var offset = offset
    var passed = 0
    while let item = item(at: offset) {
      if blob[offset] == probe.code && probe.matches(blob, at: offset) { return (item, passed) }
      offset = item.end
      passed += 1
    }
    return nil
  }

  /// The last element before `offset` that is the probe's, and how many elements behind it were passed over.
  /// Complexity: O(elements passed over).
  @inline(never)
  func lastMatch(_ probe: PackedProbe, before offset: Int) -> (item: Item, passed: Int)? {
    var offset = offset
    var passed = 0
    while let item = item(before: offset) {
      offset = item.offset
      if blob[offset] == probe.code && probe.matches(blob, at: offset) { return (item, passed) }
      passed += 1
    }
    return nil
  }
}
