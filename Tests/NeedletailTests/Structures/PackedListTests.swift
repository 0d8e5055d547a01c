import Testing

@testable import Needletail

@Suite struct PackedListTests {
  /// A list in a block that may be larger, as a leaf's owner has it.
  @safe private final class Leaf {
    var blob = PackedBlob(byteCount: PackedList.headerBytes) { unsafe PackedList.writeEmpty(to: $0) }
    var list: PackedList { PackedList(blob.view) }

    func pushFirst(_ bytes: [UInt8], spareBytes: Int) {
      withEncoded(bytes) { element in
        let needed = list.byteCountToPushFirst(element)
        let splice = list.pushingFirst(element, capacity: needed + spareBytes)
        #expect(blob.byteCount + splice.byteCountDelta <= needed + spareBytes)
        apply(splice, element)
      }
    }

    func apply(_ splice: PackedSplice, _ element: EncodedElement) {
      blob.apply(splice) {
        unsafe $0.initializeMemory(as: UInt8.self, repeating: 0, count: splice.insertedByteCount)
        unsafe PackedList.fill($0, splice, element)
      }
    }
  }

  private func string(_ random: inout SeededGenerator) -> [UInt8] {
    // The sizes at which back lengths grow.
    if random.chance(5) { return Array(repeating: 122, count: [250, 251, 252, 65531, 65532, 65533][random.below(6)]) }
    return random.packedString(of: 20)
  }

  @Test func model() {
    var random = SeededGenerator.fresh()
    for round in 0..<40 {
      let leaf = Leaf()
      var model: [[UInt8]] = []
      for step in 0..<150 {
        change(leaf, &model, &random)
        guard agree(leaf.list, model) else {
          Issue.record("seed \(random.seed) round \(round) step \(step)")
          return
        }
        look(leaf.list, model, &random)
      }
    }
  }

  /// Runs of elements of one length, at which codes and back lengths grow, and integers, which have a code of their
  /// own: every place is found from either end.
  @Test func places() {
    var random = SeededGenerator.fresh()
    let lengths = [0, 1, 8, 190, 191, 192, 250, 251, 252, 300]
    for _ in 0..<200 {
      let leaf = Leaf()
      for _ in 0..<random.below(12) {
        let letter: UInt8 = random.chance(20) ? 49 : 97
        let bytes = [UInt8](repeating: letter, count: lengths[random.below(lengths.count)])
        for _ in 0...random.below(20) { leaf.pushFirst(bytes, spareBytes: 0) }
      }
      let list = leaf.list
      var index = 0
      for item in list {
        #expect(list.offset(of: index) == item.offset, "seed \(random.seed)")
        index += 1
      }
      #expect(index == list.count && list.offset(of: index) == list.end, "seed \(random.seed)")
    }
  }

  private func change(_ leaf: Leaf, _ model: inout [[UInt8]], _ random: inout SeededGenerator) {
    let bytes = string(&random)
    let list = leaf.list
    switch random.below(model.isEmpty ? 3 : 11) {
    case 0, 1:
      leaf.pushFirst(bytes, spareBytes: random.chance(50) ? 0 : random.below(300))
      model.insert(bytes, at: 0)
    case 2:
      withEncoded(bytes) { element in
        let size = PackedList.itemByteCount(element)
        let capacity = list.end + random.below(size)
        let splice = list.reclaimingRoom(toPushLast: element, capacity: capacity)
        #expect((splice != nil) == (PackedList.headerBytes + list.elementByteCount + size <= capacity))
        if let splice, random.chance(50) {
          leaf.blob.apply(splice)
          #expect(leaf.blob.byteCount + size <= capacity)
        }
        leaf.apply(leaf.list.pushingLast(element), element)
      }
      model.append(bytes)
    case 3, 4:
      leaf.blob.apply(list.removing(list.item(at: list.start)!))
      model.removeFirst()
    case 5:
      leaf.blob.apply(list.removing(list.item(before: list.end)!))
      model.removeLast()
      if let splice = leaf.list.closingRoom() {
        leaf.blob.apply(splice)
        #expect(leaf.list.start == PackedList.headerBytes)
      } else {
        #expect(leaf.list.start - PackedList.headerBytes <= leaf.list.elementByteCount)
      }
    case 6:
      let index = random.below(model.count + 1)
      withEncoded(bytes) { leaf.apply(list.inserting($0, at: list.offset(of: index)), $0) }
      model.insert(bytes, at: index)
    case 7:
      let index = random.below(model.count)
      withEncoded(bytes) { leaf.apply(list.replacing(list.item(atIndex: index), $0), $0) }
      model[index] = bytes
    case 8:
      let index = random.below(model.count)
      leaf.blob.apply(list.removing(list.item(atIndex: index)))
      model.remove(at: index)
    case 9:
      let from = random.chance(40) ? 0 : random.below(model.count)
      let to = from + random.below(min(6, model.count - from) + 1)
      leaf.blob.apply(list.removing(from: list.offset(of: from), to: list.offset(of: to), count: to - from))
      model.removeSubrange(from..<to)
    default:
      splitAndJoin(leaf, model, &random)
    }
  }

  /// Splits the list and joins the parts by making either of them longer.
  private func splitAndJoin(_ leaf: Leaf, _ model: [[UInt8]], _ random: inout SeededGenerator) {
    let index = random.below(model.count + 1)
    let list = leaf.list
    let from = list.offset(of: index)
    let right = Leaf()
    right.blob.replace(byteCount: list.partByteCount(from: from, to: list.end)) {
      unsafe list.writePart(from: from, to: list.end, count: model.count - index, to: $0)
    }
    leaf.blob.apply(list.removing(from: from, to: list.end, count: model.count - index))
    #expect(agree(leaf.list, Array(model[..<index])) && agree(right.list, Array(model[index...])),
      "seed \(random.seed)")
    if random.chance(50) {
      leaf.blob.apply(leaf.list.appending(contentsOf: right.list)) { unsafe right.list.copyElements(to: $0) }
    } else {
      let left = leaf.list
      right.blob.apply(right.list.prepending(contentsOf: left)) { unsafe left.copyElements(to: $0) }
      swap(&leaf.blob, &right.blob)
    }
  }

  private func agree(_ list: PackedList, _ model: [[UInt8]]) -> Bool {
    guard list.count == model.count, list.map({ $0.element.text }) == model else { return false }
    var backward: [[UInt8]] = []
    var offset = list.end
    while let item = list.item(before: offset) {
      guard let same = list.item(at: item.offset), same.end == item.end else { return false }
      backward.append(item.element.text)
      offset = item.offset
    }
    return offset == list.start && backward.reversed() == model
  }

  private func look(_ list: PackedList, _ model: [[UInt8]], _ random: inout SeededGenerator) {
    guard !model.isEmpty else { return }
    let index = random.below(model.count)
    #expect(list.item(atIndex: index).element.text == model[index], "seed \(random.seed)")
    #expect(list.offset(of: model.count) == list.end)
    let asked = random.chance(70) ? model[random.below(model.count)] : random.packedString(of: 20)
    withEncoded(asked) { element in
      let probe = PackedProbe(element)
      let first = list.firstMatch(probe, from: list.offset(of: index))
      #expect(first?.passed == model[index...].firstIndex(of: asked).map { $0 - index }, "seed \(random.seed)")
      #expect(first == nil || first!.item.element.text == asked)
      let last = list.lastMatch(probe, before: list.offset(of: index))
      #expect(last?.passed == model[..<index].lastIndex(of: asked).map { index - 1 - $0 }, "seed \(random.seed)")
      #expect(last == nil || last!.item.element.text == asked)
    }
  }

  @Test func anElementOf16BytesTakes18() {
    let leaf = Leaf()
    for _ in 0..<10 { leaf.pushFirst(Array("abcdefghijklmnop".utf8), spareBytes: 0) }
    #expect(leaf.blob.byteCount == 186)
  }

  /// Pushing at the head moves nothing while there is room.
  @Test func roomAtTheHead() {
    let leaf = Leaf()
    let bytes = Array("abcdefghijklmnop".utf8)
    for _ in 0..<9 { leaf.pushFirst(bytes, spareBytes: 0) }
    leaf.pushFirst(bytes, spareBytes: 3 * 18)
    let byteCount = leaf.blob.byteCount
    for _ in 0..<3 {
      withEncoded(bytes) {
        let splice = leaf.list.pushingFirst($0, capacity: byteCount)
        #expect(splice.removedByteCount == 18 && splice.insertedByteCount == 18)
      }
      leaf.pushFirst(bytes, spareBytes: 0)
      #expect(leaf.blob.byteCount == byteCount)
    }
    #expect(leaf.list.start == PackedList.headerBytes && leaf.list.count == 13)
    leaf.pushFirst(bytes, spareBytes: 0)
    #expect(leaf.blob.byteCount == byteCount + 18)
    // Removing gives to the room until it would be larger than the rest.
    for left in stride(from: 13, through: 7, by: -1) {
      leaf.blob.apply(leaf.list.removing(leaf.list.item(at: leaf.list.start)!))
      #expect(leaf.list.start == PackedList.headerBytes + (14 - left) * 18)
    }
    leaf.blob.apply(leaf.list.removing(leaf.list.item(at: leaf.list.start)!))
    #expect(leaf.list.start == PackedList.headerBytes && leaf.blob.byteCount == PackedList.headerBytes + 6 * 18)
  }

  /// The room ends where `start` can still name it.
  @Test func roomHasALimit() {
    let large = Array(repeating: UInt8(1), count: 30000)
    let most = PackedList.maxStart - PackedList.headerBytes
    for (spareBytes, start, startAfterRemoval) in [(most - 4, 65531, 65534), (most - 3, 65532, 65535),
      (most - 2, 65533, PackedList.headerBytes), (most - 1, 65534, PackedList.headerBytes),
      (most, 65535, PackedList.headerBytes), (most + 1, 65535, PackedList.headerBytes)]
    {
      let leaf = Leaf()
      for _ in 0..<5 { leaf.pushFirst(large, spareBytes: 0) }
      leaf.pushFirst([1], spareBytes: spareBytes)
      #expect(leaf.list.start == start && leaf.list.count == 6)
      // Three bytes less. Where `start` could not say so, the room is closed.
      leaf.blob.apply(leaf.list.removing(leaf.list.item(at: leaf.list.start)!))
      #expect(leaf.list.start == startAfterRemoval && leaf.list.count == 5)
      #expect(leaf.list.map { $0.element.count } == [30000, 30000, 30000, 30000, 30000])
    }
  }

  @Test func whatLiesOutsideTraps() async {
    await #expect(processExitsWith: .failure) { withView([1, 0, 0, 0, 5, 0, 1, 97, 2]) { _ = PackedList($0).start } }
    await #expect(processExitsWith: .failure) {
      withView([1, 0, 0, 0, 6, 0, 1, 97, 9]) { _ = PackedList($0).item(before: 9) }
    }
    await #expect(processExitsWith: .failure) {
      withView([1, 0, 0, 0, 6, 0, 5, 97, 2]) { _ = PackedList($0).item(at: 6)!.element }
    }
    await #expect(processExitsWith: .failure) {
      withView([2, 0, 0, 0, 6, 0, 1, 97, 2]) { _ = PackedList($0).item(atIndex: 2) }
    }
  }
}
