import Foundation
import Testing
@testable import Needletail

/// Hostile and mutated bytes against parser, engine and reply writer, in a process of its own: what traps, reads beyond
/// an allocation, leaks or grows fails the test. The address sanitizer (`tools/test --sanitize`) sees what else would
/// go unnoticed. Ten million requests in the long form.
@Suite struct FuzzTests {
  @Test(.serialized, arguments: [false, true]) func hostileBytes(_ needsPassword: Bool) async {
    let seed = SeededGenerator.fresh().seed
    // The thread sanitizer has nothing to see in what one thread does.
    let count = isLongRun && !isThreadSanitized ? 5_000_000 : 20_000
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("needletail-fuzz-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let result = await #expect(processExitsWith: .success, "NEEDLETAIL_SEED=\(seed)") {
      [seed = seed as UInt64, count = count as Int, needsPassword, path = path as String] in
      // Nobody else keeps what a process says that ends so.
      precondition(unsafe dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600), STDERR_FILENO) >= 0)
      Fuzzing(seed: seed, needsPassword: needsPassword).run(requests: count)
    }
    let said = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    if result == nil { Issue.record("\(said.prefix(4000))") }
    if isLongRun { print(said.prefix(400)) }
  }
}

/// One run: random pieces to random connections, and memory looked at now and then.
private struct Fuzzing {
  private static let connectionCount = 6
  /// Requests between two looks at the memory.
  private static let stretch = isLongRun ? 50_000 : 5_000
  /// What may be in use more than after the first stretch: buffers that are kept, counters of errors.
  private static let growthMaxBytes = 2 << 20

  private let seed: UInt64
  private let server: FuzzServer
  private let memory = MemoryInUse()

  init(seed: UInt64, needsPassword: Bool) {
    self.seed = seed
    var settings = Settings()
    settings.bulkLengthMaxBytes = FuzzSource.bulkMaxBytes
    settings.queryBufferMaxBytes = FuzzSource.queryBufferMaxBytes
    settings.debugCommand = .local
    if needsPassword { settings.password = Array(FuzzSource.password.utf8) }
    server = FuzzServer(settings, connectionCount: Self.connectionCount, usesArena: seed % 4 != 0,
      freer: BackgroundFreer(counters: memory.counters))
  }

  func run(requests count: Int) {
    let start = ContinuousClock.now
    var source = FuzzSource(SeededGenerator(seed: seed))
    var limit = 0
    var nextLook = Self.stretch
    while server.requestCount < count {
      send(source.session(), &source)
      if source.random.chance(2) { server.advance(milliseconds: source.random.below(400)) }
      guard server.requestCount >= nextLook else { continue }
      nextLook += Self.stretch
      server.empty()
      let used = memory.byteCount
      if limit == 0 { limit = used + Self.growthMaxBytes }
      precondition(used <= limit, "memory grows: \(used) bytes in use after \(server.requestCount) requests")
    }
    let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
    say("\(server.requestCount) requests, \(server.protocolErrorCount) protocol errors, \(milliseconds) ms")
    say("in use: \(limit - Self.growthMaxBytes) bytes at first, \(memory.byteCount) at the end")
    // A command that no request of a long run could use is not tested: the source has to learn its arguments.
    if count >= 1_000_000 {
      precondition(server.unmetCommands.isEmpty, "never run without an error: \(server.unmetCommands)")
    }
  }

  private func say(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

  /// Pieces of one connection's session, between them whole sessions of others.
  private func send(_ session: [UInt8], _ source: inout FuzzSource) {
    let number = source.random.below(Self.connectionCount)
    guard !session.isEmpty else { return }
    var start = 0
    for end in source.cuts(session.count) where end > start {
      server.receive(number, session[start..<end])
      start = end
      if source.random.chance(3) {
        let other = source.session()
        if !other.isEmpty { server.receive(source.random.below(Self.connectionCount), other[...]) }
      }
    }
    if source.random.chance(10) { server.executeBatch() }
    if source.random.chance(3) { server.disconnect(number) }
  }
}

/// Bytes in use of the whole process, by the sanitizer's count or by jemalloc's.
private struct MemoryInUse {
  private let sanitizerCount: (@convention(c) () -> Int)?
  /// The freeing thread registers here too.
  let counters = MemoryCounters()

  init() {
    let symbol = unsafe dlsym(nil, "__sanitizer_get_current_allocated_bytes")
    sanitizerCount = unsafe symbol.map { unsafe unsafeBitCast($0, to: (@convention(c) () -> Int).self) }
    counters.registerCurrentThread()
  }

  var byteCount: Int { sanitizerCount?() ?? counters.usedByteCount }
}
