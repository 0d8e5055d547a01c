/// A small set whose members are not all integers: one blob, in the order they came.
///
///     | count 4 | member | member | ...
///
/// The count's mark says that the set is no longer told as a listpack but as a hashtable, which in Redis it is from a
/// number of members on or with a long one. Up to `hashtableMaxCount` members the blob is less than half as large, and
/// searched about as fast as a table (measured: 200 members of 16 bytes 3.6 KB instead of 9.0).
///
/// Members are stored as `PackedElement` has it: one byte more than a string of up to 191 bytes has.
@safe struct PackedSet: Sequence {
  let blob: ByteView

  @inline(__always)
  init(_ blob: ByteView) { self.blob = blob }

  /// What a set without members takes; `Packed.writeEmpty` makes it.
  static var emptyByteCount: Int { Packed.countBytes }

  /// How many members there are. Complexity: O(1).
  var count: Int {
    @inline(__always) get { Packed.count(blob) }
  }

  // MARK: A hashtable to whoever asks

  static let hashtableMaxCount = 256
  static let hashtableMaxBytes = 8 << 10

  var isHashtable: Bool {
    @inline(__always) get { blob.fixed(UInt32.self, at: 0) & Packed.mark != 0 }
  }

  /// Writes what a set without members takes.
  static func writeEmptyHashtable(to blob: UnsafeMutableRawPointer) {
    unsafe blob.storeBytes(of: Packed.mark, as: UInt32.self)
  }

  /// Whether a hashtable may still be packed with so many members of so many bytes in all.
  static func packsHashtable(count: Int, byteCount: Int) -> Bool {
    // An element has up to five bytes beside the string's.
    count <= hashtableMaxCount && byteCount <= hashtableMaxBytes - 5 * count
  }

  /// Whether a hashtable stays packed when the member comes to it.
  @inline(__always)
  func allows(_ member: EncodedElement) -> Bool {
    count < Self.hashtableMaxCount && blob.count + member.byteCount <= Self.hashtableMaxBytes
  }

  // MARK: Reading

  /// A member's place. Valid until the set changes.
  @safe struct Member {
    fileprivate let blob: ByteView
    let offset: Int
    let end: Int

    var element: PackedElement {
      @inline(__always) get { .read(blob, at: offset) }
    }
  }

  /// The members in order. Complexity of each step: O(1).
  @safe struct Iterator: IteratorProtocol {
    fileprivate let blob: ByteView
    fileprivate var offset: Int

    @inline(__always)
    mutating func next() -> Member? {
      guard offset < blob.count else { return nil }
      let start = offset
      offset = start + blob.packedSize(at: start)
      return Member(blob: blob, offset: start, end: offset)
    }
  }

  @inline(__always)
  func makeIterator() -> Iterator { Iterator(blob: blob, offset: Packed.countBytes) }

  /// Complexity: O(count).
  @inline(__always)
  func find(_ member: EncodedElement) -> Member? { find(PackedProbe(member)) }

  @inline(never)
  private func find(_ probe: PackedProbe) -> Member? {
    var offset = Packed.countBytes
    while offset < blob.count {
      if blob[offset] == probe.code {
        // Members of one size mostly come in a row, and then no step waits for the one before to be read.
        offset = probe.skipUnlike(blob, from: offset)
        if offset == blob.count { break }
        if blob[offset] == probe.code && probe.matches(blob, at: offset) {
          return Member(blob: blob, offset: offset, end: offset + probe.byteCount)
        }
      }
      offset += blob.packedSize(at: offset)
    }
    precondition(offset == blob.count)
    return nil
  }

  /// The member at `index`, below `count`, for a random choice. Complexity: O(index).
  func member(at index: Int) -> Member {
    precondition(index >= 0 && index < count)
    var iterator = makeIterator()
    for _ in 0..<index { _ = iterator.next() }
    return iterator.next()!
  }

  // MARK: Changing

  /// Adds a member that is known not to be there. Complexity: O(1).
  @inline(__always)
  func appending(_ member: EncodedElement) -> PackedSplice {
    PackedSplice(offset: blob.count, removedByteCount: 0, insertedByteCount: member.byteCount, countDelta: 1)
  }

  /// Complexity: O(1).
  @inline(__always)
  func removing(_ member: Member) -> PackedSplice {
    PackedSplice(offset: member.offset, removedByteCount: member.end - member.offset, insertedByteCount: 0,
      countDelta: -1)
  }

  /// Writes what `appending` the member inserts.
  @inline(__always)
  static func fill(_ gap: UnsafeMutableRawPointer, _ member: EncodedElement) { unsafe member.write(to: gap) }
}
