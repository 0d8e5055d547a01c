import Glibc

/// Writes replies in RESP2 or RESP3 into the output of one receiver at a time.
///
/// Receivers (the sinks): a connection, whose replies of a turn lie side by side in the arena that all connections
/// share and are sent from there; a `ReplyOutput` without arena for whoever reads the bytes itself (a test, a script,
/// an HTTP reply); nobody, for a client that switched replies off. The replies of EXEC go where the client's go.
///
///     arena | client 1 | client 2 | client 3 ...        | free |
///                                  ^ arenaStart          ^ cursor
///
/// One writer serves the whole server. `begin` and `end` bracket the commands of one receiver.
@safe struct ReplyWriter: ~Copyable {
  enum Sink { case arena, chain, discard }

  static let arenaBytes = 1 << 20
  /// Values above this are sent from where they lie instead of being copied.
  static let pinThresholdBytes = 64 << 10

  private var cursor: UnsafeMutableRawPointer
  private var limit: UnsafeMutableRawPointer
  private let arena: UnsafeMutableRawPointer
  private let ownedBytes: Int
  private(set) var arenaUsed = 0
  private var sink = Sink.discard
  private var usesArena = true
  private var output: UnsafeMutablePointer<ReplyOutput>?
  /// Where the bytes of this `begin` start in the current region.
  private var regionStart: UnsafeMutableRawPointer
  /// Selects how null, maps, sets, doubles and the like are written.
  private(set) var isRESP3 = false
  /// Bytes written before `regionStart`, whoever got them.
  private var committedByteCount = 0
  /// Error replies written, in all and by their code.
  private(set) var errors = ErrorCounts()

  init() {
    self.init(ownedBytes: Self.arenaBytes)
    unsafe Heap.faultIn(arena, Self.arenaBytes)
  }

  /// A writer of which there are many, one for each receiver: it takes no memory for an arena.
  init(withoutArena: Void) {
    self.init(ownedBytes: 16)
    // Full from the start, so that everything goes into chains.
    arenaUsed = Self.arenaBytes
  }

  private init(ownedBytes: Int) {
    self.ownedBytes = ownedBytes
    unsafe arena = Heap.allocate(ownedBytes)
    unsafe cursor = arena
    unsafe limit = arena
    unsafe regionStart = arena
  }

  deinit {
    unsafe Heap.free(arena, ownedBytes)
    discarded.free()
  }

  // MARK: Receivers

  /// Directs what follows to `output`. With `usesArena` false everything goes into its chain.
  @inline(__always)
  mutating func begin(_ output: UnsafeMutablePointer<ReplyOutput>, isRESP3: Bool, usesArena: Bool = true) {
    self.isRESP3 = isRESP3
    self.usesArena = usesArena
    unsafe self.output = output
    let isLast = unsafe output.pointee.arenaCount == 0
      || output.pointee.arenaStart + output.pointee.arenaCount == arenaUsed
    if usesArena && isLast && arenaUsed < Self.arenaBytes - 1024, unsafe output.pointee.chain.isEmpty {
      sink = .arena
      if unsafe output.pointee.arenaCount == 0 { unsafe output.pointee.arenaStart = arenaUsed }
      unsafe cursor = arena + arenaUsed
      unsafe limit = arena + Self.arenaBytes
      unsafe regionStart = cursor
    } else {
      enterChain()
    }
  }

  /// Throws away what follows.
  mutating func beginDiscarding(isRESP3: Bool) {
    self.isRESP3 = isRESP3
    unsafe output = nil
    discardRest()
  }

  /// Between `begin` and `end`: throws away what follows, until `resume`. What was written before stays.
  mutating func suspend() {
    commit()
    discardRest()
  }

  /// Ends what `suspend` began; without it, nothing happens.
  mutating func resume() {
    guard case .discard = sink, let output = unsafe output else { return }
    commit()
    unsafe begin(output, isRESP3: isRESP3, usesArena: usesArena)
  }

  private mutating func discardRest() {
    sink = .discard
    unsafe cursor = arena + arenaUsed
    unsafe limit = cursor
    unsafe regionStart = cursor
  }

  /// Brings the counts of the current receiver's output up to date, which else happens at the end of its replies.
  mutating func countWritten() { commit() }

  /// Ends what `begin` began: the receiver's output counts all that was written.
  @inline(__always)
  mutating func end() {
    commit()
    unsafe output = nil
    sink = .discard
    unsafe limit = cursor
  }

  /// Switches the protocol in the middle of a receiver's replies: HELLO's own reply is in the new one.
  mutating func switchProtocol(isRESP3: Bool) { self.isRESP3 = isRESP3 }

  /// All arena ranges have been sent or copied: the arena is empty again.
  mutating func resetArena() {
    precondition(unsafe output == nil && ownedBytes == Self.arenaBytes)
    arenaUsed = 0
  }

  /// The bytes of a receiver's arena range.
  func arenaBytes(start: Int, count: Int) -> ByteView {
    if count == 0 { return .empty }
    precondition(start >= 0 && count > 0 && start + count <= arenaUsed)
    return unsafe ByteView(arena + start, count: count)
  }

  /// Bytes the current receiver has waiting, written since `begin` or before.
  var waitingByteCount: Int {
    guard let output = unsafe output else { return 0 }
    if isDiscarding { return unsafe output.pointee.byteCount }
    return unsafe output.pointee.byteCount + (cursor - regionStart)
  }

  /// Bytes written so far, to everybody: the difference before and after a command is its reply.
  @inline(__always)
  var writtenByteCount: Int { unsafe committedByteCount &+ (cursor - regionStart) }

  @inline(__always)
  private mutating func commit() {
    let count = unsafe cursor - regionStart
    committedByteCount &+= count
    switch sink {
    case .arena:
      unsafe output!.pointee.arenaCount += count
      arenaUsed += count
    case .chain:
      unsafe output!.pointee.chain.advance(count)
    case .discard:
      // What one long reply took is not kept.
      if discarded.count > Self.pinThresholdBytes { dropDiscarded() }
    }
    unsafe regionStart = cursor
  }

  private mutating func enterChain() {
    sink = .chain
    let room = unsafe output!.pointee.chain.room
    if let place = unsafe room.cursor {
      unsafe cursor = place
      unsafe limit = place + room.count
    } else {
      unsafe cursor = arena
      unsafe limit = arena
    }
    unsafe regionStart = cursor
  }

  @inline(never)
  private mutating func makeRoom(_ count: Int) {
    if case .discard = sink {
      // Nobody reads it: write over the free part of the arena, or over a chunk that is thrown away.
      discardRoom(count)
      return
    }
    commit()
    unsafe output!.pointee.chain.addChunk(max(count, OutputChain.chunkBytes - 64))
    enterChain()
  }

  private mutating func discardRoom(_ count: Int) {
    if discarded.count < count {
      discarded.free()
      discarded = DiscardBlock(count: Heap.goodSize(max(count, 4096)))
    }
    unsafe cursor = discarded.block!
    unsafe limit = cursor + discarded.count
    unsafe regionStart = cursor
  }

  private mutating func dropDiscarded() {
    discarded.free()
    discarded = DiscardBlock()
    discardRest()
  }

  @safe private struct DiscardBlock {
    var block: UnsafeMutableRawPointer?
    var count = 0
    init() { unsafe block = nil }
    init(count: Int) {
      unsafe block = Heap.allocate(count)
      self.count = count
    }
    func free() { if let block = unsafe block { unsafe Heap.free(block, count) } }
  }
  private var discarded = DiscardBlock()

  // MARK: Raw bytes

  @inline(__always)
  private mutating func reserve(_ count: Int) {
    if unsafe limit - cursor < count { makeRoom(count) }
  }

  @inline(__always)
  private mutating func put(_ byte: UInt8) {
    unsafe cursor.storeBytes(of: byte, as: UInt8.self)
    unsafe cursor += 1
  }

  @inline(__always)
  private mutating func putCRLF() {
    unsafe cursor.storeBytes(of: 0x0a0d, as: UInt16.self)
    unsafe cursor += 2
  }

  @inline(__always)
  private mutating func put(_ bytes: ByteView) {
    unsafe bytes.copy(to: cursor)
    unsafe cursor += bytes.count
  }

  /// Bytes that already are a reply.
  @inline(__always)
  mutating func raw(_ literal: StaticString) {
    let bytes = ByteView(literal)
    reserve(bytes.count)
    put(bytes)
  }

  /// Bytes that already are a reply.
  mutating func raw(_ bytes: ByteView) {
    reserve(bytes.count)
    put(bytes)
  }

  /// What MONITOR sends.
  mutating func monitorLines(_ lines: [UInt8], from start: Int) {
    guard start < lines.count else { return }
    unsafe lines.withUnsafeBytes { unsafe raw(ByteView($0.baseAddress! + start, count: $0.count - start)) }
  }

  /// A type byte, a decimal number and CRLF.
  @inline(__always)
  private mutating func header(_ type: UInt8, _ value: Int) {
    reserve(24)
    put(type)
    if value >= 0 && value < 10 {
      put(48 &+ UInt8(truncatingIfNeeded: value))
    } else {
      unsafe cursor += writeDecimal(value, to: cursor)
    }
    putCRLF()
  }

  // MARK: Replies

  @inline(__always) mutating func ok() { raw("+OK\r\n") }

  /// A status reply; `text` has no CR or LF.
  mutating func simple(_ text: StaticString) {
    reserve(text.utf8CodeUnitCount + 3)
    put(UInt8(ascii: "+"))
    put(ByteView(text))
    putCRLF()
  }

  /// For replies off the request path. The same goes for `text`.
  mutating func simple(_ text: String) {
    Self.withBytes(of: text) { bytes in
      reserve(bytes.count + 3)
      put(UInt8(ascii: "+"))
      put(bytes)
      putCRLF()
    }
  }

  @inline(__always) mutating func integer(_ value: Int) { header(UInt8(ascii: ":"), value) }

  @inline(__always)
  mutating func bulk(_ bytes: ByteView) {
    header(UInt8(ascii: "$"), bytes.count)
    reserve(bytes.count + 2)
    put(bytes)
    putCRLF()
  }

  mutating func bulk(_ text: StaticString) { bulk(ByteView(text)) }

  /// For replies off the request path.
  mutating func bulk(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return bulk(.empty) }
      bulk(unsafe ByteView(base, count: buffer.count))
    }
  }

  /// For replies off the request path.
  mutating func bulk(_ text: String) { Self.withBytes(of: text) { bulk($0) } }

  /// A number as a bulk string.
  mutating func bulk(integer value: Int) {
    unsafe withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { digits in
      let count = unsafe writeDecimal(value, to: digits.baseAddress!)
      bulk(unsafe ByteView(UnsafeRawPointer(digits.baseAddress!), count: count))
    }
  }

  /// The bytes of a pinned unit: sent from where they lie, unpinned when sent.
  mutating func bulk(_ bytes: ByteView, pinning unit: UnsafeMutableRawPointer) {
    header(UInt8(ascii: "$"), bytes.count)
    commit()
    unsafe output!.pointee.chain.addPinned(bytes, unit: unit)
    committedByteCount &+= bytes.count
    enterChain()
    raw("\r\n")
  }

  /// True when replies go somewhere that may hold pinned bytes.
  var canPin: Bool { !isDiscarding }

  /// True when nobody gets what is written.
  @inline(__always)
  var isDiscarding: Bool { if case .discard = sink { true } else { false } }

  /// The null of the protocol in use: `$-1` or `_`.
  @inline(__always) mutating func null() { if isRESP3 { raw("_\r\n") } else { raw("$-1\r\n") } }

  /// The null array of RESP2 (`*-1`); RESP3 has one null.
  mutating func nullArray() { if isRESP3 { raw("_\r\n") } else { raw("*-1\r\n") } }

  mutating func array(_ count: Int) { header(UInt8(ascii: "*"), count) }

  /// A map of `count` pairs: in RESP2 an array of twice as many.
  mutating func map(_ count: Int) {
    if isRESP3 { header(UInt8(ascii: "%"), count) } else { header(UInt8(ascii: "*"), 2 * count) }
  }

  /// A set; in RESP2 an array.
  mutating func set(_ count: Int) { header(isRESP3 ? UInt8(ascii: "~") : UInt8(ascii: "*"), count) }

  /// A message that is no reply; in RESP2 an array.
  mutating func push(_ count: Int) { header(isRESP3 ? UInt8(ascii: ">") : UInt8(ascii: "*"), count) }

  mutating func bool(_ value: Bool) {
    if isRESP3 { raw(value ? "#t\r\n" : "#f\r\n") } else { raw(value ? ":1\r\n" : ":0\r\n") }
  }

  /// A number whose decimals are there already: a double, in RESP2 a bulk string.
  mutating func double(_ decimals: ByteView) {
    guard isRESP3 else { return bulk(decimals) }
    reserve(decimals.count + 3)
    put(UInt8(ascii: ","))
    put(decimals)
    putCRLF()
  }

  /// Text with its format (`txt`, `mkd`): a verbatim string, in RESP2 a bulk string.
  mutating func verbatim(_ text: String, format: StaticString = "txt") {
    Self.withBytes(of: text) { verbatim($0, format: format) }
  }

  mutating func verbatim(_ bytes: ByteView, format: StaticString = "txt") {
    guard isRESP3 else { return bulk(bytes) }
    precondition(format.utf8CodeUnitCount == 3)
    header(UInt8(ascii: "="), bytes.count + 4)
    reserve(bytes.count + 6)
    put(ByteView(format))
    put(UInt8(ascii: ":"))
    put(bytes)
    putCRLF()
  }

  // MARK: Errors

  /// An error reply. `text` begins with its code ("ERR ...", "WRONGTYPE ...") and has no CR or LF.
  mutating func error(_ text: StaticString) {
    errors.count(ByteView(text))
    reserve(text.utf8CodeUnitCount + 3)
    put(UInt8(ascii: "-"))
    put(ByteView(text))
    putCRLF()
  }

  /// An error reply whose text may hold a client's own bytes: line ends at its end go, those within become blanks, or
  /// the client could forge replies.
  mutating func error(_ text: String) {
    Self.withBytes(of: text) { error($0) }
  }

  /// As `error(_: String)`, for bytes that need not be UTF-8.
  mutating func error(_ bytes: ByteView) {
    var count = bytes.count
    while count > 0, bytes[count - 1] == 13 || bytes[count - 1] == 10 { count -= 1 }
    errors.count(bytes)
    reserve(count + 3)
    put(UInt8(ascii: "-"))
    for i in 0..<count {
      let byte = bytes[i]
      put(byte == 13 || byte == 10 ? 32 : byte)
    }
    putCRLF()
  }

  mutating func resetErrorCounts() { errors = ErrorCounts() }

  /// The answer to HELP: how the container is called, a line each for its subcommands, and HELP itself.
  mutating func help(_ container: StaticString, _ lines: [StaticString]) {
    array(lines.count + 3)
    reserve(128)
    put(UInt8(ascii: "+"))
    put(ByteView(container))
    put(ByteView(" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"))
    for line in lines { simple(line) }
    simple("HELP")
    simple("    Print this help.")
  }

  // MARK: Replies of unknown length

  /// The place of an aggregate's header that is written when its length is known.
  @safe struct DeferredLength {
    /// Nil: nobody reads it.
    fileprivate let place: UnsafeMutableRawPointer?
    fileprivate let room: Int
    /// The chunk that the place is in; nil: the arena.
    fileprivate let chunk: UnsafeMutablePointer<OutputChain.Header>?
  }

  /// Leaves room for the header of an aggregate of `maximum` elements at most; `finish` writes it.
  mutating func deferLength(atMost maximum: Int) -> DeferredLength {
    guard !isDiscarding, let output = unsafe output
    else { return unsafe DeferredLength(place: nil, room: 0, chunk: nil) }
    let room = 3 + decimalDigitCount(UInt(maximum))
    reserve(room)
    let place = unsafe cursor
    unsafe cursor += room
    let isInChain = if case .chain = sink { true } else { false }
    return unsafe DeferredLength(place: place, room: room, chunk: isInChain ? output.pointee.chain.last : nil)
  }

  /// Writes the header. What follows it moves up when there was more room than it takes.
  mutating func finish(_ deferred: DeferredLength, count: Int, type: UInt8 = UInt8(ascii: "*")) {
    guard let place = unsafe deferred.place else { return }
    let size = 3 + decimalDigitCount(UInt(count))
    precondition(size <= deferred.room)
    if size < deferred.room { unsafe close(place + size, deferred.room - size, in: deferred.chunk) }
    unsafe place.storeBytes(of: type, as: UInt8.self)
    let digits = unsafe writeDecimal(count, to: place + 1)
    unsafe (place + 1 + digits).storeBytes(of: 0x0a0d, as: UInt16.self)
  }

  /// Closes a gap of `count` bytes in the current receiver's arena range, which is the arena's last, or in a chunk.
  private mutating func close(_ gap: UnsafeMutableRawPointer, _ count: Int,
    in chunk: UnsafeMutablePointer<OutputChain.Header>?)
  {
    commit()
    committedByteCount &-= count
    let isCurrent: Bool
    if let chunk = unsafe chunk {
      isCurrent = unsafe chunk == output!.pointee.chain.last
      unsafe output!.pointee.chain.remove(gap, count, from: chunk)
    } else {
      isCurrent = if case .arena = sink { true } else { false }
      let rest = unsafe gap + count
      unsafe memmove(gap, rest, arena + arenaUsed - rest)
      unsafe output!.pointee.arenaCount -= count
      arenaUsed -= count
    }
    guard isCurrent else { return }
    unsafe cursor -= count
    unsafe regionStart = cursor
  }

  private static func withBytes(of text: String, _ body: (ByteView) -> Void) {
    var text = text
    text.withUTF8 { utf8 in
      guard let base = utf8.baseAddress else { return body(.empty) }
      body(unsafe ByteView(UnsafeRawPointer(base), count: utf8.count))
    }
  }
}
