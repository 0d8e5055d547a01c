import Testing

@testable import Needletail

@Suite struct PackedMapTests {
  private struct Held: Equatable { var field: [UInt8], value: [UInt8] }

  @Test func model() {
    var random = SeededGenerator.fresh()
    let blob = PackedBlob(byteCount: PackedMap.emptyByteCount) { unsafe Packed.writeEmpty(to: $0) }
    var model: [Held] = []
    for step in 0..<6000 {
      let field = random.packedString(of: 30)
      let value = random.packedString(of: 1000)
      let index = model.firstIndex { $0.field == field }
      let map = PackedMap(blob.view)
      withEncoded(field) { fieldElement in
        let pair = map.find(fieldElement)
        #expect((pair != nil) == (index != nil), "seed \(random.seed) step \(step)")
        if let pair, let index {
          #expect(pair.field.text == field && pair.value.text == model[index].value)
        }
        if random.chance(model.count > 40 ? 35 : 60) {
          withEncoded(value) { valueElement in
            let splice = map.setting(fieldElement, valueElement)
            blob.apply(splice) { unsafe PackedMap.fill($0, splice, fieldElement, valueElement) }
          }
          if let index { model[index].value = value } else { model.append(Held(field: field, value: value)) }
        } else if let pair, let index {
          blob.apply(map.removing(pair))
          model.remove(at: index)
        } else if !model.isEmpty {
          let index = random.below(model.count)
          let pair = map.pair(at: index)
          #expect(pair.field.text == model[index].field)
          blob.apply(map.removing(pair))
          model.remove(at: index)
        }
      }
      #expect(blob.count == model.count)
      guard step % 16 == 0 else { continue }
      let contents = PackedMap(blob.view).map { Held(field: $0.field.text, value: $0.value.text) }
      if contents != model {
        Issue.record("seed \(random.seed) step \(step): contents")
        return
      }
    }
  }

  @Test func tenSmallFields() {
    let blob = PackedBlob(byteCount: PackedMap.emptyByteCount) { unsafe Packed.writeEmpty(to: $0) }
    for index in 0..<10 {
      withEncoded(Array("field:0\(index)".utf8)) { field in
        withEncoded(Array("value:0\(index)".utf8)) { value in
          let splice = PackedMap(blob.view).setting(field, value)
          blob.apply(splice) { unsafe PackedMap.fill($0, splice, field, value) }
        }
      }
    }
    #expect(blob.byteCount == 184)
  }
}

@Suite struct PackedSetTests {
  @Test func model() {
    var random = SeededGenerator.fresh()
    let blob = PackedBlob(byteCount: PackedSet.emptyByteCount) { unsafe Packed.writeEmpty(to: $0) }
    var model: [[UInt8]] = []
    for step in 0..<6000 {
      let string = random.packedString(of: 30)
      let index = model.firstIndex(of: string)
      let set = PackedSet(blob.view)
      withEncoded(string) { element in
        let member = set.find(element)
        #expect((member != nil) == (index != nil), "seed \(random.seed) step \(step)")
        if let member, let index {
          #expect(member.element.text == string)
          if random.chance(50) {
            blob.apply(set.removing(member))
            model.remove(at: index)
          }
        } else if model.count < 60 {
          blob.apply(set.appending(element)) { unsafe PackedSet.fill($0, element) }
          model.append(string)
        } else {
          let index = random.below(model.count)
          let member = set.member(at: index)
          #expect(member.element.text == model[index])
          blob.apply(set.removing(member))
          model.remove(at: index)
        }
      }
      #expect(blob.count == model.count)
      guard step % 16 == 0 else { continue }
      let contents = PackedSet(blob.view).map { $0.element.text }
      if contents != model {
        Issue.record("seed \(random.seed) step \(step): contents")
        return
      }
    }
  }
}

@Suite struct PackedIntegersTests {
  private func value(_ random: inout SeededGenerator, _ width: Int) -> Int {
    switch width {
    case 0: return random.below(200) - 100
    case 1: return [-32769, -32768, 32767, 32768, 40000, -40000][random.below(6)]
    case 2: return [1 << 31 - 1, -1 << 31, 70000][random.below(3)]
    default: return [1 << 31, -1 << 31 - 1, .max, .min][random.below(4)]
    }
  }

  @Test func model() {
    var random = SeededGenerator.fresh()
    for round in 0..<60 {
      let blob = PackedBlob(byteCount: PackedIntegers.headerBytes) { unsafe PackedIntegers.writeEmpty(to: $0) }
      var model: [Int] = []
      var width = 2
      for step in 0..<200 {
        let value = value(&random, random.chance(97) ? 0 : random.below(4))
        let set = PackedIntegers(blob.view)
        let (index, isPresent) = set.search(value)
        #expect(isPresent == model.contains(value), "seed \(random.seed) round \(round) step \(step)")
        #expect(index == model.filter { $0 < value }.count)
        if isPresent {
          if random.chance(40) {
            blob.apply(set.removing(at: index))
            model.remove(at: index)
          }
        } else if set.mustWiden(for: value) {
          blob.replace(byteCount: set.widenedByteCount(for: value)) { unsafe set.writeWidened(adding: value, to: $0) }
          model.insert(value, at: index)
          width = PackedIntegers.width(for: value)
        } else {
          let splice = set.inserting(value, at: index)
          blob.apply(splice) { unsafe PackedIntegers.fill($0, splice, value) }
          model.insert(value, at: index)
        }
        let now = PackedIntegers(blob.view)
        #expect(now.width == width && blob.byteCount == 5 + width * model.count)
        if Array(now) != model || model.indices.contains(where: { now[$0] != model[$0] }) {
          Issue.record("seed \(random.seed) round \(round) step \(step): contents")
          return
        }
      }
    }
  }

  @Test func widths() {
    for (value, width) in [(0, 2), (32767, 2), (32768, 4), (-32768, 2), (-32769, 4), (1 << 31 - 1, 4), (1 << 31, 8),
      (-1 << 31, 4), (-1 << 31 - 1, 8), (.max, 8), (.min, 8)]
    {
      #expect(PackedIntegers.width(for: value) == width)
    }
  }

  @Test func readingBeyondTraps() async {
    await #expect(processExitsWith: .failure) { withView([1, 0, 0, 0, 2, 7, 0]) { _ = PackedIntegers($0)[1] } }
    await #expect(processExitsWith: .failure) { withView([2, 0, 0, 0, 2, 7, 0]) { _ = Array(PackedIntegers($0)) } }
  }
}
