import CSystem
import Glibc

/// Requests on the connections that are open.
extension LoadGenerator {
  /// Connections that may be asked, the one that has waited longest first.
  private struct Ring {
    private var places: [Int]
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) { places = Array(repeating: 0, count: capacity) }

    mutating func append(_ index: Int) {
      places[(head + count) % places.count] = index
      count += 1
    }

    mutating func popFirst() -> Int? {
      guard count > 0 else { return nil }
      defer {
        head = (head + 1) % places.count
        count -= 1
      }
      return places[head]
    }
  }

  private struct Run {
    /// Nanoseconds: what is answered from then on counts, and when the last batch is sent.
    let from: UInt64
    let end: UInt64
    /// Nanoseconds between batches; 0: no schedule.
    let interval: UInt64
    var nextDue: UInt64
    var free: Ring
    var busyCount = 0
    var answered = 0
    var histogram = Histogram()
  }

  /// How long after its end a run waits for what is still unanswered.
  private static var patienceNanoseconds: UInt64 { 20_000_000_000 }

  mutating func load(active: Int, seconds: Int, warmup: Int, rate: Int) -> String {
    let start = Self.nowNanoseconds
    let used = Self.usedMicroseconds
    (wrongCount, lostCount) = (0, 0)
    var run = Run(from: start + UInt64(warmup) * 1_000_000_000, end: start + UInt64(warmup + seconds) * 1_000_000_000,
      interval: rate > 0 ? 1_000_000_000 / UInt64(rate) : 0, nextDue: start, free: Ring(capacity: active))
    for index in 0..<active where clients[index].state == .idle {
      if rate > 0 { run.free.append(index) } else { ask(index, since: Self.nowNanoseconds, &run) }
    }
    var now = Self.nowNanoseconds
    while now < run.end || run.busyCount > 0 && now < run.end + Self.patienceNanoseconds {
      if rate > 0 { askDue(now, &run) }
      // With a schedule the generator does not sleep: a timer would come too late by more than most replies take.
      let count = wait(milliseconds: rate > 0 && now < run.end ? 0 : 100)
      for number in 0..<count { take(eventIndex(number), &run) }
      now = Self.nowNanoseconds
    }
    return report(run, took: Double(now - start) / 1e9, seconds: Double(seconds), used: Self.usedMicroseconds - used)
  }

  private mutating func askDue(_ now: UInt64, _ run: inout Run) {
    while run.nextDue <= now && run.nextDue < run.end, let index = run.free.popFirst() {
      ask(index, since: run.nextDue, &run)
      run.nextDue += run.interval
    }
  }

  private mutating func ask(_ index: Int, since: UInt64, _ run: inout Run) {
    clients[index].first = nextRequest
    clients[index].since = since
    clients[index].receivedBytes = 0
    var count = 0
    for _ in 0..<pipeline {
      count += unsafe requests.write(nextRequest, to: sending + count)
      nextRequest &+= 1
    }
    // So little fits in any socket whose last reply was taken.
    let sent = unsafe send(clients[index].descriptor, sending, count, CInt(MSG_NOSIGNAL))
    guard sent == count else { return lose(index) }
    clients[index].state = .busy
    run.busyCount += 1
  }

  /// Reads what has come for a client.
  private mutating func take(_ index: Int, _ run: inout Run) {
    guard clients[index].state == .busy else {
      if clients[index].state == .idle { lose(index) }
      return
    }
    let count = unsafe recv(clients[index].descriptor, received, Self.inputBytes, 0)
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
    let before = clients[index].receivedBytes
    let wanted = expectedBytes(clients[index].first)
    guard count > 0 else {
      run.busyCount -= 1
      return lose(index)
    }
    guard before + count <= wanted, unsafe memcmp(received, expected + before, count) == 0 else {
      wrongCount += 1
      run.busyCount -= 1
      return close(index)
    }
    clients[index].receivedBytes += count
    if before + count == wanted { finish(index, &run) }
  }

  private mutating func finish(_ index: Int, _ run: inout Run) {
    let now = Self.nowNanoseconds
    run.answered += pipeline
    if now >= run.from && now <= run.end { run.histogram.add(now - clients[index].since, times: pipeline) }
    clients[index].state = .idle
    run.busyCount -= 1
    if run.interval > 0 {
      run.free.append(index)
    } else if now < run.end {
      ask(index, since: now, &run)
    }
  }

  /// Fills `expected` with the replies to a batch. Returns their length.
  private func expectedBytes(_ first: UInt32) -> Int {
    var count = 0
    for number in 0..<UInt32(pipeline) { count += unsafe requests.writeReply(first &+ number, to: expected + count) }
    return count
  }

  private mutating func lose(_ index: Int) {
    lostCount += 1
    close(index)
  }

  private func report(_ run: Run, took: Double, seconds: Double, used: Int) -> String {
    let histogram = run.histogram
    func microseconds(_ share: Double) -> Double { Double(histogram.percentile(share)) / 1000 }
    return """
      {"requests": \(run.answered), "seconds": \(took), "rate": \(Double(histogram.total) / seconds), \
      "p50_us": \(microseconds(0.5)), "p99_us": \(microseconds(0.99)), "p999_us": \(microseconds(0.999)), \
      "max_us": \(Double(histogram.largest) / 1000), "wrong": \(wrongCount), "lost": \(lostCount), \
      "unanswered": \(run.busyCount), "generator_cpu": \(Double(used) / 1e6 / took)}
      """
  }

  /// Sets every key, over a connection of its own that blocks.
  mutating func fill() -> String {
    guard let descriptor = Sockets.beginConnecting(port: port) else { Sockets.fail("connect") }
    defer { Glibc.close(descriptor) }
    guard fcntl(descriptor, F_SETFL, 0) == 0 else { Sockets.fail("fcntl") }
    let bytes = requests.filling
    // A part at a time, so that neither side ever waits for the other to read.
    let part = Requests.requestMaxBytes * 100
    for start in stride(from: 0, to: bytes.count, by: part) {
      let end = min(bytes.count, start + part)
      let sent = unsafe bytes.withUnsafeBytes {
        unsafe send(descriptor, $0.baseAddress! + start, end - start, CInt(MSG_NOSIGNAL))
      }
      guard sent == end - start else { Sockets.fail("send") }
      var left = (end - start) / Requests.requestMaxBytes * 5
      while left > 0 {
        let count = unsafe recv(descriptor, received, left, 0)
        guard count > 0 else { Sockets.fail("recv") }
        left -= count
      }
    }
    return "{\"keys\": \(Requests.keyCount)}"
  }
}
