/// The values of collections, element by element, in whichever of their types they are stored.
///
/// Elements are handed on while what follows them is still unread, so after an error the caller throws away what it has
/// made so far. The functions return how many there were; none at all is no error here. Order and duplicates are the
/// caller's to judge.
extension RDBReader {
  /// A list's or a set's elements, whose type was just read. Complexity: O(size).
  mutating func forEachElement(ofType type: UInt8, _ body: (PackedElement) throws(RDBError) -> Void)
    throws(RDBError) -> Int
  {
    switch type {
    case RDBType.list, RDBType.set:
      let count = try elementCount(minBytes: 1)
      for _ in 0..<count { try withElement(body) }
      return count
    case RDBType.listOfZiplists:
      var count = 0
      for _ in 0..<(try elementCount(minBytes: 1)) { count += try forEachElement(in: ZiplistReader.self, body) }
      return count
    case RDBType.listOfNodes:
      var count = 0
      for _ in 0..<(try elementCount(minBytes: 2)) { count += try forEachElementOfNode(body) }
      return count
    case RDBType.listZiplist: return try forEachElement(in: ZiplistReader.self, body)
    case RDBType.setIntset: return try forEachElement(in: IntsetReader.self, body)
    case RDBType.setListpack: return try forEachElement(in: ListpackReader.self, body)
    default: preconditionFailure("neither a list nor a set")
    }
  }

  /// The next node's elements of a list that is stored node by node; all elements of another one. Complexity: O(size).
  mutating func forEachElement(ofNodeOfType type: UInt8, _ body: (PackedElement) throws(RDBError) -> Void)
    throws(RDBError) -> Int
  {
    switch type {
    case RDBType.listOfZiplists: try forEachElement(in: ZiplistReader.self, body)
    case RDBType.listOfNodes: try forEachElementOfNode(body)
    default: try forEachElement(ofType: type, body)
    }
  }

  /// A node of a list: one long element, or many.
  private mutating func forEachElementOfNode(_ body: (PackedElement) throws(RDBError) -> Void) throws(RDBError) -> Int {
    let start = offset
    switch try length() {
    case RDBListNode.plain:
      try withElement(body)
      return 1
    case RDBListNode.packed: return try forEachElement(in: ListpackReader.self, body)
    case let form: throw RDBError(fault: .listNode(form), offset: start)
    }
  }

  /// A hash's fields and values. Complexity: O(size).
  mutating func forEachPair(ofType type: UInt8, _ body: (PackedElement, PackedElement) throws(RDBError) -> Void)
    throws(RDBError) -> Int
  {
    switch type {
    case RDBType.hash:
      let count = try elementCount(minBytes: 2)
      for _ in 0..<count { try withElementPair(body) }
      return count
    case RDBType.hashZipmap: return try forEachPair(in: ZipmapReader.self, body)
    case RDBType.hashZiplist: return try forEachPair(in: ZiplistReader.self, body)
    case RDBType.hashListpack: return try forEachPair(in: ListpackReader.self, body)
    default: preconditionFailure("no hash")
    }
  }

  /// A sorted set's members and scores, none of which is NaN. Complexity: O(size).
  mutating func forEachMember(ofType type: UInt8, _ body: (PackedElement, Double) throws(RDBError) -> Void)
    throws(RDBError) -> Int
  {
    switch type {
    case RDBType.sortedSetWithText:
      let count = try elementCount(minBytes: 2)
      for _ in 0..<count {
        let member = try firstElement()
        try body(member, try textScore())
      }
      return count
    case RDBType.sortedSet:
      let count = try elementCount(minBytes: 9)
      for _ in 0..<count {
        let member = try firstElement()
        try body(member, try binaryScore())
      }
      return count
    case RDBType.sortedSetZiplist: return try forEachMember(in: ZiplistReader.self, body)
    case RDBType.sortedSetListpack: return try forEachMember(in: ListpackReader.self, body)
    default: preconditionFailure("no sorted set")
    }
  }

  // MARK: Blobs

  /// The elements of the blob that the next string is.
  @inline(__always)
  mutating func forEachElement<Blob: BlobReader>(in form: Blob.Type, _ body: (PackedElement) throws(RDBError) -> Void)
    throws(RDBError) -> Int
  {
    let start = offset
    return try withString { (bytes) throws(RDBError) in
      var count = 0
      var blob = try Located<Blob>(bytes, start)
      while let element = try blob.next() {
        try body(element)
        count += 1
      }
      return count
    }
  }

  @inline(__always)
  private mutating func forEachPair<Blob: BlobReader>(in form: Blob.Type,
    _ body: (PackedElement, PackedElement) throws(RDBError) -> Void) throws(RDBError) -> Int
  {
    let start = offset
    return try withString { (bytes) throws(RDBError) in
      var count = 0
      var blob = try Located<Blob>(bytes, start)
      while let first = try blob.next() {
        try body(first, try blob.second())
        count += 1
      }
      return count
    }
  }

  @inline(__always)
  private mutating func forEachMember<Blob: BlobReader>(in form: Blob.Type,
    _ body: (PackedElement, Double) throws(RDBError) -> Void) throws(RDBError) -> Int
  {
    let start = offset
    return try forEachPair(in: form) { (member, text) throws(RDBError) in
      guard let score = text.scoreOfText else { throw RDBError(fault: .score, offset: start) }
      try body(member, score)
    }
  }
}

/// A blob of a file or payload: what is wrong with it is told with the place of the string that it is.
@safe private struct Located<Blob: BlobReader> {
  private var blob: Blob
  private let start: Int

  @inline(__always)
  init(_ bytes: ByteView, _ start: Int) throws(RDBError) {
    self.start = start
    do throws(BlobError) { blob = try Blob(bytes) } catch { throw RDBError(fault: .blob(error), offset: start) }
  }

  @inline(__always)
  mutating func next() throws(RDBError) -> PackedElement? {
    do throws(BlobError) { return try blob.next() } catch { throw RDBError(fault: .blob(error), offset: start) }
  }

  /// The second half of a pair.
  @inline(__always)
  mutating func second() throws(RDBError) -> PackedElement {
    if let element = try next() { return element }
    throw RDBError(fault: .blob(BlobError(form: Blob.form, fault: .pair, offset: blob.position)), offset: start)
  }
}
