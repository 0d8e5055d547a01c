import Testing

@testable import Needletail

@Suite struct CollectionUnitTests {
  private func bytes(_ count: Int, _ seed: Int = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed) }
  }

  // MARK: Layout

  /// Every length around those at which its form changes.
  static let lengths = [0, 1, 13, 14, 15, 16, 124, 125, 126, 127, 128, 252, 253, 254, 255, 256, 65_534, 65_535, 65_536,
    200_000]

  @Test(arguments: lengths)
  func setMember(count: Int) {
    let member = bytes(count)
    let element = withView(member) { SetMember.make($0, tag: 9)! }
    #expect(unsafe element.raw.load(as: UInt8.self) == 9)
    #expect(element.bytes.array == member && withView(member) { element.hasKey($0) })
    #expect(!withView(member + [1]) { element.hasKey($0) })
    let width = count < 254 ? 1 : count < 65_536 ? 3 : 9
    #expect(element.byteCount == max(16, 1 + width + count))
    let seed = HashSeed(k0: 1, k1: 2)
    #expect(element.hash(seed) == withView(member) { sipHash13($0, seed) })
    unsafe Heap.free(element.raw, element.byteCount)
  }

  @Test(arguments: lengths, [0, 1, 15, 253, 254, 65_535, 65_536])
  func hashField(count: Int, valueCount: Int) {
    let field = bytes(count)
    let value = bytes(valueCount, 3)
    let element = withView(field) { field in withView(value) { HashField.make(field, $0, tag: 9)! } }
    #expect(unsafe element.raw.load(as: UInt8.self) == 9)
    // The bit that is kept for a deadline.
    #expect(unsafe element.raw.load(fromByteOffset: 1, as: UInt8.self) & 128 == 0)
    #expect(element.field.array == field && element.value.array == value)
    #expect(withView(field) { element.hasKey($0) } && !withView(field + [1]) { element.hasKey($0) })
    let widths = (count < 126 ? 1 : count < 65_536 ? 3 : 9, valueCount < 254 ? 1 : valueCount < 65_536 ? 3 : 9)
    #expect(element.byteCount == max(16, 1 + widths.0 + count + widths.1 + valueCount))
    unsafe Heap.free(element.raw, element.byteCount)
  }

  @Test func usualSizesFitTheirClasses() {
    let member = withView(bytes(16)) { SetMember.make($0, tag: 1)! }
    #expect(Heap.goodSize(member.byteCount) == 32)
    unsafe Heap.free(member.raw, member.byteCount)
    let field = withView(bytes(15)) { HashField.make($0, $0, tag: 1)! }
    #expect(Heap.goodSize(field.byteCount) == 48)
    unsafe Heap.free(field.raw, field.byteCount)
    // The state of a table, in one allocation with its tag.
    #expect(TableRoot<SetMember>.byteCount <= 224)
  }

  @Test func noMemoryIsNoCrash() {
    #if DEBUG
      let table = HashTable()
      #expect(table.set([1], bytes(10)))
      for place in 1...2 {
        let faults = AllocationFaults(failing: place)
        let done = AllocationFaults.$current.withValue(faults) { table.set([UInt8(place)], bytes(1_000)) }
        // The first finds the field and has to make a larger one; the second would fail at an allocation it has not.
        #expect(done == !faults.hasFailed)
      }
      #expect(table.value([1]) == bytes(10))
    #endif
  }

  // MARK: Values

  /// In place while the size class stays, elsewhere when it does not, and right either way.
  @Test func valuesOfEveryLength() {
    let table = HashTable()
    let field = bytes(15)
    #expect(table.set(field, []))
    var moves = 0
    var last = withView(field) { table.find($0)!.element }
    for count in Array(0...300) + Array((0...300).reversed()) + [65_535, 65_536, 70_000, 3] {
      let size = Heap.goodSize(last.byteCount)
      #expect(table.set(field, bytes(count, count)))
      #expect(table.value(field) == bytes(count, count))
      let element = withView(field) { table.find($0)!.element }
      let hasMoved = unsafe element.raw != last.raw
      #expect(hasMoved == (Heap.goodSize(element.byteCount) != size))
      moves += hasMoved ? 1 : 0
      last = element
      let total = unsafe table.root.table.pointee.byteCount
      #expect(total == 16 + 128 + Heap.goodSize(element.byteCount))
    }
    #expect(moves > 20)
    #expect(table.remove(field) && table.value(field) == nil)
    #expect(unsafe table.root.table.pointee.byteCount == 0)
  }

  /// A value that a view holds is not written over, also when it would fit.
  @Test func valuesOfAView() {
    let table = HashTable()
    for i in 0..<2_000 { _ = table.set(bytes(10, i) + [UInt8(i >> 8)], bytes(20, i)) }
    let count = unsafe table.root.table.pointee.count
    let expected = fields(of: table)
    for pause in [1, 3, 50] {
      let before = fields(of: table)
      let view = table.freeze()
      var i = 0
      while view.step(pause) {
        i += 1
        let field = bytes(10, i * 13 % 2_000) + [UInt8(i * 13 % 2_000 >> 8)]
        #expect(table.set(field, bytes(20, i)))
        #expect(table.value(field) == bytes(20, i))
      }
      #expect(view.seen == before)
      table.context.units.thaw()
    }
    #expect(expected.count == count)
  }

  private func fields(of table: HashTable) -> [[UInt8]: [UInt8]] {
    var fields: [[UInt8]: [UInt8]] = [:]
    unsafe table.root.table.pointee.forEach { fields[$0.field.array] = $0.value.array }
    return fields
  }

  // MARK: Salts

  /// Fills a table in the order of another one with 200,000 members.
  /// - Returns: how far from home members came to lie, on average, and the directory's depth after 2,000 of them.
  private func fill(_ salts: (UInt64, UInt64)) -> (distance: Double, early: Int, last: Int) {
    let first = SetTable(salt: salts.0)
    for i in 0..<200_000 { first.insert(i) }
    let second = SetTable(salt: salts.1)
    var distance = 0
    var early = 0
    unsafe first.root.table.pointee.forEach { member in
      distance += second.insert(member.bytes)
      if second.count == 2_000 { early = unsafe second.root.table.pointee.globalDepth }
    }
    #expect(second.count == first.count)
    return (Double(distance) / Double(second.count), early, unsafe second.root.table.pointee.globalDepth)
  }

  @Test func fillingInTheOrderOfAnotherTable() {
    let salted = fill((1, 2))
    #expect(salted.distance < 2 && salted.early <= 3 && salted.last <= 9, "\(salted)")
    // Without salts members pile up, and the directory is as long as it will ever be almost from the start.
    let unsalted = fill((1, 1))
    #expect(unsalted.distance > 4 * salted.distance && unsalted.early >= unsalted.last - 1, "\(unsalted)")
    if isLongRun { print("filled in another's order: salted \(salted), unsalted \(unsalted)") }
  }

  @Test func saltsDiffer() {
    let table = SetTable()
    let salts = (0..<1_000).map { _ in table.context.makeSalt() }
    #expect(Set(salts).count == salts.count)
  }

  // MARK: Dropping

  /// Small ones are freed at once, large ones by the freer's thread; frozen or not.
  @Test(arguments: [0, 1, 500, 5_000, 100_000], [false, true])
  func dropped(count: Int, frozen: Bool) {
    let counters = MemoryCounters()
    let freer = BackgroundFreer(counters: counters)
    counters.registerCurrentThread()
    let set = SetTable(freer: freer)
    var walk = TableWalk<SetMember>()
    let value = bytes(100_000)
    set.insert(-1)
    withView(value) { _ = set.insert($0) }
    set.drop()
    waitFor { freer.progress.pending == 0 }
    // The thread also frees the list of its jobs.
    waitFor(milliseconds: 20) { false }
    let before = counters.usedByteCount
    for i in 0..<count { set.insert(i) }
    let told = set.root.totalByteCount - Heap.goodSize(TableRoot<SetMember>.byteCount)
    let counted = counters.usedByteCount - before
    #expect(isSanitized || counted == told)
    if frozen { set.context.units.freeze() }
    var releaser = UnitReleaser(currentTag: set.context.units.currentTag, freer: freer)
    if frozen { walk.begin(set.root, &releaser) }
    var units = count / 2
    var seen = 0
    if frozen { _ = walk.step(units: &units, &releaser) { _ in seen += 1 } }
    set.drop()
    if frozen {
      units = Int.max
      let isGoingOn = walk.step(units: &units, &releaser) { _ in seen += 1 }
      releaser.finish()
      #expect(!isGoingOn && seen == count)
      set.context.units.thaw()
    }
    waitFor { freer.progress.pending == 0 && freer.limbo.byteCount == 0 }
    waitFor(milliseconds: 20) { counters.usedByteCount <= before }
    let left = counters.usedByteCount - before
    #expect(isSanitized || abs(left) < 1_024, "\(left) bytes are left")
    #expect(set.count == 0 && freer.limbo.byteCount == 0)
  }

  // MARK: Memory

  /// Bytes an element takes at worst while a table of 900,000 grows to two million, by the allocator's accounting.
  @Test func memoryPerElement() {
    guard !isSanitized && isLongRun else { return }
    let counters = MemoryCounters()
    counters.registerCurrentThread()
    func worst(_ insert: (Int) -> Void) -> (bytes: Double, at: Int) {
      let before = counters.usedByteCount
      var worst = (bytes: 0.0, at: 0)
      for i in 0..<2_000_000 {
        insert(i)
        if i >= 900_000 && i % 1_000 == 0 {
          let bytes = Double(counters.usedByteCount - before) / Double(i + 1)
          if bytes > worst.bytes { worst = (bytes, i) }
        }
      }
      return worst
    }
    let set = SetTable()
    let member = worst { set.insert($0) }
    let hash = HashTable()
    let field = worst { number in withMember(number) { _ = hash.set($0[0..<15], $0[1..<16]) } }
    print("worst of 0.9 to 2 million: \(member) a member of 16 bytes, \(field) a field of 15 with a value of 15")
    #expect(member.bytes <= 46 && field.bytes <= 62)
  }
}
