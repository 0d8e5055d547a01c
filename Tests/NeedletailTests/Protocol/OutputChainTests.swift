import Testing

@testable import Needletail

@Suite struct OutputChainTests {
  private static let unit = UInt(0x1000)

  /// Owned, pinned, shortened and prepended chunks: 9 + 5 + 3 + 4 + 6 bytes.
  private func makeChain(_ pinned: ByteView) -> OutputChain {
    var chain = OutputChain()
    func append(_ chain: inout OutputChain, _ bytes: ByteView) {
      if unsafe chain.room.count < bytes.count { unsafe chain.addChunk(bytes.count) }
      let place = unsafe chain.room.cursor!
      unsafe bytes.copy(to: place)
      chain.advance(bytes.count)
    }
    append(&chain, ByteView("first "))
    append(&chain, ByteView("own"))
    unsafe chain.addPinned(pinned, unit: UnsafeMutableRawPointer(bitPattern: Self.unit)!)
    let room = unsafe chain.room.count
    #expect(room == 0)
    let chunk = unsafe chain.addChunk(64)
    let place = unsafe chain.room.cursor!
    append(&chain, ByteView("*2..\n"))
    unsafe chain.addChunk()
    append(&chain, ByteView("tail"))
    unsafe chain.remove(place + 2, 2, from: chunk)
    chain.prepend(ByteView("<rest>"))
    return chain
  }
  private let expected = Array("<rest>first ownPINNE*2\ntail".utf8)

  private func bytes(_ chain: borrowing OutputChain) -> [UInt8] {
    var all: [UInt8] = []
    chain.forEach {
      #expect(!$0.isEmpty)
      all += $0.array
      return true
    }
    return all
  }

  /// Sent in two and in three pieces, cut everywhere.
  @Test func consumedAtEveryBoundary() {
    withView(Array("PINNE".utf8)) { pinned in
      for first in 0...expected.count {
        for second in 0...(expected.count - first) {
          var chain = makeChain(pinned)
          var unpinned = 0
          var sent = 0
          for count in [first, second, expected.count - first - second] {
            unsafe chain.consume(count) { unit in
              unpinned += 1
              #expect(unsafe UInt(bitPattern: unit) == Self.unit)
            }
            sent += count
            let isCounted = chain.footprint.byteCount == chain.heapByteCount && chain.heapByteCount >= chain.byteCount
            if bytes(chain) != Array(expected[sent...]) || chain.byteCount != expected.count - sent || !isCounted {
              Issue.record("\(first), \(second)")
            }
            // Unpinned with its last byte, not before.
            if unpinned != (sent >= 20 ? 1 : 0) { Issue.record("\(first), \(second): unpinned \(unpinned)") }
          }
          let isEmpty = chain.isEmpty
          #expect(isEmpty)
        }
      }
    }
  }

  @Test func grownAgainAfterPartialConsumption() {
    var chain = OutputChain()
    var model: [UInt8] = []
    var random = SeededGenerator.fresh()
    var pins = 0
    let pinned = [UInt8](repeating: 9, count: 50_000)
    withView(pinned) { pinned in
      for step in 0..<(isLongRun ? 50_000 : 5_000) {
        switch random.below(10) {
        case 0..<5:
          let bytes = (0..<random.below(random.chance(3) ? 30_000 : 300)).map { _ in UInt8(truncatingIfNeeded: step) }
          withView(bytes) { view in
            if unsafe chain.room.count < view.count { unsafe chain.addChunk(view.count) }
            if !view.isEmpty { unsafe view.copy(to: chain.room.cursor!) }
            chain.advance(view.count)
          }
          model += bytes
        case 5:
          let view = pinned[0..<(1 + random.below(pinned.count))]
          unsafe chain.addPinned(view, unit: UnsafeMutableRawPointer(bitPattern: Self.unit)!)
          pins += 1
          model += view.array
        case 6 where model.count < 100_000:
          let bytes = (0..<random.below(100)).map { _ in UInt8(truncatingIfNeeded: step) }
          withView(bytes) { chain.prepend($0) }
          model = bytes + model
        default:
          let count = random.below(random.chance(30) ? model.count + 1 : min(model.count, 500) + 1)
          unsafe chain.consume(count) { _ in pins -= 1 }
          model.removeFirst(count)
        }
        if chain.byteCount != model.count {
          Issue.record("seed \(random.seed), step \(step)")
          return
        }
        if step % 20 == 0, bytes(chain) != model {
          Issue.record("seed \(random.seed), step \(step)")
          return
        }
      }
      unsafe chain.removeAll { _ in pins -= 1 }
    }
    let isEmpty = chain.isEmpty
    #expect(isEmpty && pins == 0)
  }

  @Test func givesItsMemoryBack() {
    guard !isSanitized else { return }
    let counters = MemoryCounters()
    counters.registerCurrentThread()
    withView(Array("PINNE".utf8)) { pinned in
      func use() {
        var chain = makeChain(pinned)
        unsafe chain.consume(7) { _ in }
        unsafe chain.removeAll { _ in }
      }
      use()
      let before = counters.usedByteCount
      use()
      let after = counters.usedByteCount
      #expect(after == before)
    }
  }

  @Test func forEachStops() {
    withView(Array("PINNE".utf8)) { pinned in
      var chain = makeChain(pinned)
      var calls = 0
      chain.forEach { _ in
        calls += 1
        return calls < 2
      }
      unsafe chain.removeAll { _ in }
      #expect(calls == 2)
    }
  }
}
