import Testing
@testable import Needletail

@Suite struct OutputChainTests {
  /// Chunks of every kind, in this order: an owned one, two pinned ones, a prepended one in front, one that was a
  /// placeholder, an owned one.
  private func sample(_ pinned: ByteView) -> OutputChain {
    var chain = OutputChain()
    unsafe chain.addChunk(64)
    append(bytes(50), to: &chain)
    unsafe chain.addPinned(pinned[0..<30], unit: UnsafeMutableRawPointer(bitPattern: 1)!)
    unsafe chain.addPinned(pinned[30..<40], unit: UnsafeMutableRawPointer(bitPattern: 2)!)
    let placeholder = unsafe chain.addChunk(64)
    unsafe chain.addChunk()
    append(bytes(20, from: 9), to: &chain)
    unsafe chain.fill(placeholder, ByteView("*20\r\n"))
    withView(bytes(15, from: 100)) { chain.prepend($0) }
    return chain
  }

  private func sampleBytes(_ pinned: ByteView) -> [UInt8] {
    bytes(15, from: 100) + bytes(50) + pinned.array + Array("*20\r\n".utf8) + bytes(20, from: 9)
  }

  private func append(_ bytes: [UInt8], to chain: inout OutputChain) {
    let room = unsafe chain.room
    unsafe precondition(room.count >= bytes.count)
    withView(bytes) { unsafe $0.copy(to: room.cursor!) }
    chain.advance(bytes.count)
  }

  private func content(_ chain: borrowing OutputChain) -> [UInt8] {
    var bytes: [UInt8] = []
    chain.forEach { chunk in
      bytes += chunk.array
      return true
    }
    return bytes
  }

  @Test func consumeAtEveryByte() {
    withView(bytes(40, from: 50)) { pinned in
      let total = 15 + 50 + 40 + 5 + 20
      for first in 0...total {
        for second in [0, 1, 17, total - first] where first + second <= total {
          var chain = sample(pinned)
          var expected = sampleBytes(pinned)
          var unpinned: [Int] = []
          unsafe chain.consume(first) { unpinned.append(Int(bitPattern: $0)) }
          let once = content(chain)
          #expect(once == Array(expected[first...]))
          unsafe chain.consume(second) { unpinned.append(Int(bitPattern: $0)) }
          expected.removeFirst(first + second)
          let twice = content(chain)
          let count = chain.byteCount
          #expect(twice == expected && count == expected.count)
          let sent = first + second
          #expect(unpinned == (sent >= 105 ? [1, 2] : sent >= 95 ? [1] : []))
          // What comes in front and behind of a rest keeps its place.
          withView([1, 2, 3]) { chain.prepend($0) }
          unsafe chain.addChunk(64)
          append([4], to: &chain)
          let more = content(chain)
          #expect(more == [1, 2, 3] + expected + [4])
          unsafe chain.removeAll { unpinned.append(Int(bitPattern: $0)) }
          let isEmpty = chain.isEmpty && chain.byteCount == 0
          #expect(isEmpty)
          #expect(unpinned == [1, 2])
        }
      }
    }
  }

  @Test func empty() {
    var chain = OutputChain()
    let isEmpty = chain.isEmpty
    #expect(isEmpty)
    let room = unsafe chain.room.count
    #expect(room == 0)
    chain.advance(0)
    withView([7]) { chain.prepend($0) }
    let one = content(chain)
    #expect(one == [7])
    append([8], to: &chain)
    let two = content(chain)
    #expect(two == [7, 8])
    unsafe chain.removeAll { _ in }
    unsafe chain.addChunk(100)
    unsafe chain.removeAll { _ in }
    let isEmptyAgain = chain.isEmpty
    #expect(isEmptyAgain)
  }

  @Test func pinnedChunksHaveNoRoom() {
    withView(bytes(10)) { pinned in
      var chain = OutputChain()
      unsafe chain.addPinned(pinned, unit: UnsafeMutableRawPointer(bitPattern: 1)!)
      let room = unsafe chain.room.count
      #expect(room == 0)
      var seen = 0
      chain.forEach { _ in
        seen += 1
        return false
      }
      #expect(seen == 1)
      unsafe chain.removeAll { _ in }
    }
  }
}
