extension PackedList {
  /// What an element takes with its back length.
  @inline(__always)
  static func itemByteCount(_ element: EncodedElement) -> Int {
    element.byteCount + BackLength.byteCount(element.byteCount)
  }

  /// Unused bytes before the first element.
  private var room: Int { start - Self.headerBytes }

  // MARK: Adding

  /// The size the list needs to have an element pushed at its head.
  @inline(__always)
  func byteCountToPushFirst(_ element: EncodedElement) -> Int {
    blob.count + Swift.max(0, Self.itemByteCount(element) - room)
  }

  /// Adds an element at the head. When the room does not suffice, all elements move, and then what the block has left
  /// becomes room.
  /// - Parameter capacity: of the block that will hold the list, `byteCountToPushFirst` at least; the blob takes all of
  ///   it, as far as `start` reaches.
  /// Complexity: O(1).
  @inline(__always)
  func pushingFirst(_ element: EncodedElement, capacity: Int) -> PackedSplice {
    let size = Self.itemByteCount(element)
    let start = self.start
    if start - Self.headerBytes >= size {
      return PackedSplice(offset: start - size, removedByteCount: size, insertedByteCount: size, countDelta: 1,
        start: UInt16(truncatingIfNeeded: start - size))
    }
    return makingRoom(itemByteCount: size, capacity: capacity)
  }

  @inline(never)
  private func makingRoom(itemByteCount: Int, capacity: Int) -> PackedSplice {
    let used = Self.headerBytes + elementByteCount + itemByteCount
    precondition(used <= capacity)
    // The room behind the header is part of what is inserted: its bytes are never read.
    let room = Swift.min(capacity - used, elementByteCount + itemByteCount, Self.maxStart - Self.headerBytes)
    return PackedSplice(offset: Self.headerBytes, removedByteCount: self.room, insertedByteCount: room + itemByteCount,
      countDelta: 1, start: UInt16(Self.headerBytes + room))
  }

  /// Adds an element at the tail. Complexity: O(1).
  @inline(__always)
  func pushingLast(_ element: EncodedElement) -> PackedSplice {
    PackedSplice(offset: blob.count, removedByteCount: 0, insertedByteCount: Self.itemByteCount(element), countDelta: 1)
  }

  /// Moves the elements towards the head, to be applied before an element is pushed at the tail of a block of
  /// `capacity` bytes that is too full for it. Half the room stays if possible, so that pushing at both ends in turn
  /// seldom moves. Nil when there is not enough room: then the list needs a larger block. Complexity: O(1).
  func reclaimingRoom(toPushLast element: EncodedElement, capacity: Int) -> PackedSplice? {
    let room = self.room
    let lacking = blob.count + Self.itemByteCount(element) - capacity
    guard lacking > 0 && lacking <= room else { return nil }
    let kept = Swift.min(room / 2, room - lacking)
    return PackedSplice(offset: Self.headerBytes, removedByteCount: room - kept, insertedByteCount: 0, countDelta: 0,
      start: UInt16(Self.headerBytes + kept))
  }

  /// Gives all the room back when removing at the tail has left more of it than of elements, nil otherwise.
  /// Complexity: O(1).
  func closingRoom() -> PackedSplice? {
    guard room > elementByteCount else { return nil }
    return PackedSplice(offset: Self.headerBytes, removedByteCount: room, insertedByteCount: 0, countDelta: 0,
      start: UInt16(Self.headerBytes))
  }

  /// Adds an element before the one at `offset`, or at the end. Complexity: O(1).
  @inline(__always)
  func inserting(_ element: EncodedElement, at offset: Int) -> PackedSplice {
    precondition(offset >= start && offset <= end)
    return PackedSplice(offset: offset, removedByteCount: 0, insertedByteCount: Self.itemByteCount(element),
      countDelta: 1)
  }

  /// Complexity: O(1).
  @inline(__always)
  func replacing(_ item: Item, _ element: EncodedElement) -> PackedSplice {
    PackedSplice(offset: item.offset, removedByteCount: item.end - item.offset,
      insertedByteCount: Self.itemByteCount(element), countDelta: 0)
  }

  /// Writes the element that any of the changes above inserts.
  @inline(__always)
  static func fill(_ gap: UnsafeMutableRawPointer, _ splice: PackedSplice, _ element: EncodedElement) {
    let place = unsafe gap + (splice.insertedByteCount - itemByteCount(element))
    unsafe BackLength.write(element.byteCount, to: element.write(to: place))
  }

  // MARK: Removing

  /// Complexity: O(1).
  @inline(__always)
  func removing(_ item: Item) -> PackedSplice { removing(from: item.offset, to: item.end, count: 1) }

  /// Removes the `count` elements between two places. At the head nothing moves until the room would be larger than
  /// what is left. Complexity: O(1).
  @inline(__always)
  func removing(from: Int, to: Int, count: Int) -> PackedSplice {
    let start = self.start
    precondition(from >= start && from <= to && to <= end)
    if from > start {
      return PackedSplice(offset: from, removedByteCount: to - from, insertedByteCount: 0, countDelta: -count)
    }
    if to - Self.headerBytes <= end - to && to <= Self.maxStart {
      return PackedSplice(offset: 0, removedByteCount: 0, insertedByteCount: 0, countDelta: -count,
        start: UInt16(truncatingIfNeeded: to))
    }
    return PackedSplice(offset: Self.headerBytes, removedByteCount: to - Self.headerBytes, insertedByteCount: 0,
      countDelta: -count, start: UInt16(Self.headerBytes))
  }

  // MARK: Splitting and joining

  /// The size of a list of what lies between two places.
  func partByteCount(from: Int, to: Int) -> Int { Self.headerBytes + to - from }

  /// Writes a list of the `count` elements between two places to another block. A list is split by writing its second
  /// part and removing it here. Complexity: O(bytes).
  func writePart(from: Int, to: Int, count: Int, to other: UnsafeMutableRawPointer) {
    precondition(from >= start)
    unsafe Self.writeHeader(count: count, to: other)
    unsafe blob[from..<to].copy(to: other + Self.headerBytes)
  }

  /// Adds all elements of another list behind this one's; `other.copyElements` fills them in. Complexity: O(1).
  func appending(contentsOf other: PackedList) -> PackedSplice {
    PackedSplice(offset: blob.count, removedByteCount: 0, insertedByteCount: other.elementByteCount,
      countDelta: other.count)
  }

  /// Adds all elements of another list before this one's; `other.copyElements` fills them in. Complexity: O(1).
  func prepending(contentsOf other: PackedList) -> PackedSplice {
    PackedSplice(offset: Self.headerBytes, removedByteCount: room, insertedByteCount: other.elementByteCount,
      countDelta: other.count, start: UInt16(Self.headerBytes))
  }

  /// Complexity: O(bytes).
  func copyElements(to gap: UnsafeMutableRawPointer) { unsafe blob[start..<end].copy(to: gap) }
}
