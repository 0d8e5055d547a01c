import CSystem
import Glibc

/// Connections that come, and maybe go.
extension LoadGenerator {
  private struct Progress {
    let keeps: Bool
    var begun = 0
    var greeted = 0
    var underWay = 0
    var refusal = ""
    /// How long the PING that waited longest did, nanoseconds.
    var longest: UInt64 = 0
    /// Nanoseconds: when the last one was greeted.
    var lastGreeted: UInt64
    /// Places of clients that are gone.
    var free: [Int] = []
  }

  /// A service that greets nobody for so long has come to its end, even if it does not say so.
  private static var patienceNanoseconds: UInt64 { 4_000_000_000 }

  /// Opens `count` connections, `window` of them under way at a time. Each asks one PING, and is one of `clients` then,
  /// or is closed when `keeps` is false. It ends early at the first that is refused, when none is answered any more, or
  /// when `seconds` have passed.
  mutating func connect(count: Int, window: Int, seconds: Int, keeps: Bool) -> String {
    let start = Self.nowNanoseconds
    var progress = Progress(keeps: keeps, lastGreeted: start)
    let end = start + UInt64(seconds) * 1_000_000_000
    clients.reserveCapacity(clients.count + min(count, 100_000))
    let kept = clients.count
    while progress.greeted < count && progress.refusal.isEmpty && Self.nowNanoseconds < end {
      while progress.underWay < window && progress.begun < count && progress.refusal.isEmpty { begin(&progress) }
      for number in 0..<wait(milliseconds: 100) { advance(eventIndex(number), &progress) }
      if Self.nowNanoseconds > progress.lastGreeted + Self.patienceNanoseconds { progress.refusal = "no answer" }
    }
    let took = Double(Self.nowNanoseconds - start) / 1e9
    giveUp(from: kept)
    return """
      {"connected": \(progress.greeted), "seconds": \(took), "longest_us": \(progress.longest / 1000), \
      "refusal": "\(progress.refusal)"}
      """
  }

  private mutating func begin(_ progress: inout Progress) {
    guard let descriptor = Sockets.beginConnecting(port: port) else {
      progress.refusal = unsafe "connect: \(String(cString: strerror(errno)))"
      return
    }
    let client = Client(descriptor: descriptor, state: .connecting)
    let index = progress.free.popLast() ?? clients.count
    if index < clients.count { clients[index] = client } else { clients.append(client) }
    progress.begun += 1
    progress.underWay += 1
    watch(EPOLL_CTL_ADD, index, EPOLLOUT)
  }

  private mutating func advance(_ index: Int, _ progress: inout Progress) {
    switch clients[index].state {
    case .connecting: greet(index, &progress)
    case .greeting: readGreeting(index, &progress)
    case .idle, .busy:
      // Nothing was asked: the service has ended it.
      lostCount += 1
      close(index)
    case .gone: break
    }
  }

  private mutating func greet(_ index: Int, _ progress: inout Progress) {
    var code: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    unsafe _ = getsockopt(clients[index].descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
    guard code == 0 else { return refused(index, unsafe String(cString: strerror(code)), &progress) }
    clients[index].state = .greeting
    clients[index].since = Self.nowNanoseconds
    unsafe _ = send(clients[index].descriptor, "PING\r\n", 6, CInt(MSG_NOSIGNAL))
    watch(EPOLL_CTL_MOD, index, EPOLLIN)
  }

  private mutating func readGreeting(_ index: Int, _ progress: inout Progress) {
    let count = unsafe recv(clients[index].descriptor, received, Self.inputBytes, 0)
    if count < 0 && errno == EAGAIN { return }
    let bytes = unsafe UnsafeRawBufferPointer(start: received, count: max(0, count))
    let text = unsafe String(decoding: bytes, as: UTF8.self)
    guard text == "+PONG\r\n" else {
      let reason = text.isEmpty ? "closed by the service" : text.filter { $0.isASCII && !$0.isNewline && $0 != "\"" }
      return refused(index, reason, &progress)
    }
    progress.lastGreeted = Self.nowNanoseconds
    progress.longest = max(progress.longest, progress.lastGreeted - clients[index].since)
    progress.greeted += 1
    progress.underWay -= 1
    clients[index].state = .idle
    guard !progress.keeps else { return }
    Sockets.closesByReset(clients[index].descriptor)
    close(index)
    progress.free.append(index)
  }

  private mutating func refused(_ index: Int, _ reason: String, _ progress: inout Progress) {
    progress.refusal = reason
    progress.underWay -= 1
    close(index)
  }

  /// What is still under way will not be waited for.
  private mutating func giveUp(from kept: Int) {
    for index in kept..<clients.count where clients[index].state == .connecting || clients[index].state == .greeting {
      Sockets.closesByReset(clients[index].descriptor)
      close(index)
    }
    let rest = clients[kept...].filter { $0.state != .gone }
    clients.removeSubrange(kept...)
    for client in rest {
      clients.append(client)
      watch(EPOLL_CTL_MOD, clients.count - 1, EPOLLIN)
    }
  }
}
