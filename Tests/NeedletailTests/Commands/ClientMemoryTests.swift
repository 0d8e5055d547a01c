import Testing

@testable import Needletail

@Suite struct ClientMemoryTests {
  /// Clients grow, shrink, go, and choose whether they may be evicted; the books are compared with what there is.
  @Test func booksOfAModel() {
    var random = SeededGenerator.fresh()
    var memory = ClientMemory()
    var clients = (0..<40).map { _ in Client.make(ClientState()) }
    for step in 0..<20_000 {
      let index = Int.random(in: 0..<clients.count, using: &random)
      let client = clients[index]
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        memory.remove(client)
        client.free()
        clients[index] = Client.make(ClientState())
      case 1: client.state.modes = client.state.modes.symmetricDifference(.noEvict)
      case 2: client.state.name = []
      default:
        let bits = Int.random(in: 0..<22, using: &random)
        client.state.name = [UInt8](repeating: 0, count: 1 << bits + Int.random(in: 0...1, using: &random))
      }
      memory.update(clients[index])
      let total = clients.reduce(0) { $0 + $1.state.heldByteCount }
      let evictable = clients.filter { !$0.state.modes.contains(.noEvict) }.map { $0.state.heldByteCount }
      let most = evictable.max() ?? 0
      let largest = memory.largest?.state.heldByteCount ?? 0
      // A class holds what is less than twice its least.
      let isLargest = most < 32 << 10 ? largest == 0 : largest >= 32 << 10 && largest * 2 > most
      if memory.heldByteCount != total || !isLargest {
        Issue.record("seed \(random.seed), step \(step): \(memory.heldByteCount) for \(total), \(largest) for \(most)")
        break
      }
    }
    for client in clients {
      memory.remove(client)
      client.free()
    }
    #expect(memory.heldByteCount == 0)
    #expect(memory.largest == nil)
  }

  @Test func classBounds() {
    var memory = ClientMemory()
    let client = Client.make(ClientState())
    let empty = { () -> Int in
      client.state.name = [0]
      return client.state.heldByteCount - 1
    }()
    for (byteCount, hasClass) in [(32 << 10 - 1, false), (32 << 10, true), (32 << 10 + 1, true)] {
      client.state.name = [UInt8](repeating: 0, count: byteCount - empty)
      memory.update(client)
      #expect(client.state.heldByteCount == byteCount)
      #expect((memory.largest != nil) == hasClass)
    }
    memory.remove(client)
    client.free()
  }
}
