import CSystem
import Glibc

/// What BITOP makes of several bitmaps. A shorter one counts as filled up with zeros.
enum BitOperation: CaseIterable {
  case and, or, xor, not
  /// Bits of the first that no other has; bits that another has and the first has not.
  case diff, diff1
  /// Bits of the first that another has as well.
  case andOr
  /// Bits that exactly one has.
  case one

  /// Sources it takes at least.
  var sourcesMin: Int {
    switch self {
    case .diff, .diff1, .andOr: 2
    case .and, .or, .xor, .not, .one: 1
    }
  }
}

/// The strings that BITOP reads, valid until one of their keys changes.
@safe struct BitSources: ~Copyable {
  /// Bytes that are worked on at a time: they stay in the nearest cache while one source after the other comes to them.
  private static var blockBytes: Int { 4 << 10 }
  /// From here on results are written past the caches, which would not keep them for anybody.
  private static var pastCachesMinBytes: Int { 4 << 20 }
  private static var digitBytes: Int { 24 }

  private let views: UnsafeMutablePointer<ByteView>
  /// Integers, written out.
  private let digits: UnsafeMutableRawPointer
  private let capacity: Int
  private(set) var count = 0
  /// Bytes of the longest.
  private(set) var byteCount = 0

  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
    unsafe views = .allocate(capacity: capacity)
    unsafe digits = .allocate(byteCount: capacity * Self.digitBytes, alignment: 8)
  }

  deinit {
    unsafe views.deallocate()
    unsafe digits.deallocate()
  }

  /// - Parameter entry: a string's; nil for a key that is not there, which counts as an empty string.
  mutating func append(_ entry: Entry?) {
    guard let entry else { return append(ByteView.empty) }
    if let bytes = entry.stringBytes { return append(bytes) }
    let place = unsafe digits + count * Self.digitBytes
    append(unsafe ByteView(place, count: writeDecimal(entry.integer!, to: place)))
  }

  mutating func append(_ view: ByteView) {
    precondition(count < capacity)
    unsafe (views + count).initialize(to: view)
    count += 1
    byteCount = max(byteCount, view.count)
  }

  /// Writes `byteCount` bytes at `destination`, which may be where one of the sources begins, or several do, but must
  /// not overlap with them otherwise. Complexity: O(byteCount * sources).
  func write(_ operation: BitOperation, to destination: UnsafeMutableRawPointer) {
    let first = unsafe views[0]
    switch count {
    case 1: unsafe writeOne(operation, first, to: destination)
    case 2: unsafe writePair(operation, first, views[1], byteCount, to: destination)
    default: unsafe writeInBlocks(operation, to: destination)
    }
  }

  private func writeOne(_ operation: BitOperation, _ source: ByteView, to destination: UnsafeMutableRawPointer) {
    if operation == .not {
      unsafe cs_combine_bits(CS_BITS_NOT, destination, source.base, source.base, byteCount, isPastCaches)
    } else {
      unsafe memmove(destination, source.base, byteCount)
    }
  }

  /// Whether the result is written past the caches.
  private var isPastCaches: Bool { byteCount >= Self.pastCachesMinBytes }

  /// Every source's part of a block is read before the block is written.
  private func writeInBlocks(_ operation: BitOperation, to destination: UnsafeMutableRawPointer) {
    unsafe withUnsafeTemporaryAllocation(byteCount: 3 * Self.blockBytes, alignment: 64) { buffer in
      var start = 0
      while start < byteCount {
        let end = min(start + Self.blockBytes, byteCount)
        unsafe writeBlock(operation, start..<end, to: destination + start, buffer.baseAddress!)
        start = end
      }
    }
  }

  /// - Parameter spare: room for three blocks.
  private func writeBlock(_ operation: BitOperation, _ range: Range<Int>, to block: UnsafeMutableRawPointer,
    _ spare: UnsafeMutableRawPointer)
  {
    switch operation {
    case .and: unsafe writeFolded(operation, CS_BITS_AND, range, to: block, spare)
    case .or: unsafe writeFolded(operation, CS_BITS_OR, range, to: block, spare)
    case .xor: unsafe writeFolded(operation, CS_BITS_XOR, range, to: block, spare)
    case .diff, .diff1, .andOr:
      let others = unsafe folded(CS_BITS_OR, 1..<count, range, spare)
      unsafe writePair(operation, part(0, range), others, range.count, to: block)
    case .one:
      let found = unsafe anyAndSeveral(range, spare)
      unsafe writePair(.diff, found.any, found.several, range.count, to: block)
    case .not: preconditionFailure("takes one source")
    }
  }

  private func writeFolded(_ operation: BitOperation, _ step: cs_bit_operation, _ range: Range<Int>,
    to block: UnsafeMutableRawPointer, _ spare: UnsafeMutableRawPointer)
  {
    let before = unsafe folded(step, 0..<count - 1, range, spare)
    unsafe writePair(operation, before, part(count - 1, range), range.count, to: block)
  }

  /// Some of the sources' parts combined, one after the other, in `spare`.
  private func folded(_ step: cs_bit_operation, _ sources: Range<Int>, _ range: Range<Int>,
    _ spare: UnsafeMutableRawPointer) -> ByteView
  {
    var result = part(sources.lowerBound, range)
    for index in sources.dropFirst() {
      unsafe Self.combine(step, result, part(index, range), range.count, to: spare, pastCaches: false)
      result = unsafe ByteView(spare, count: range.count)
    }
    return result
  }

  /// What any of the sources has, and what more than one has, in `spare`.
  private func anyAndSeveral(_ range: Range<Int>, _ spare: UnsafeMutableRawPointer)
    -> (any: ByteView, several: ByteView)
  {
    let size = range.count
    let several = unsafe ByteView(spare + Self.blockBytes, count: size)
    let both = unsafe ByteView(spare + 2 * Self.blockBytes, count: size)
    unsafe memset(spare + Self.blockBytes, 0, size)
    var any = part(0, range)
    for index in 1..<count {
      let next = part(index, range)
      unsafe Self.combine(CS_BITS_AND, any, next, size, to: spare + 2 * Self.blockBytes, pastCaches: false)
      unsafe Self.combine(CS_BITS_OR, several, both, size, to: spare + Self.blockBytes, pastCaches: false)
      unsafe Self.combine(CS_BITS_OR, any, next, size, to: spare, pastCaches: false)
      any = unsafe ByteView(spare, count: size)
    }
    return (any, several)
  }

  /// The result of two sources, or of what has been made of more.
  private func writePair(_ operation: BitOperation, _ first: ByteView, _ second: ByteView, _ size: Int,
    to result: UnsafeMutableRawPointer)
  {
    let pastCaches = isPastCaches
    switch operation {
    case .and, .andOr: unsafe Self.combine(CS_BITS_AND, first, second, size, to: result, pastCaches: pastCaches)
    case .or: unsafe Self.combine(CS_BITS_OR, first, second, size, to: result, pastCaches: pastCaches)
    case .xor, .one: unsafe Self.combine(CS_BITS_XOR, first, second, size, to: result, pastCaches: pastCaches)
    case .diff: unsafe Self.combine(CS_BITS_AND_NOT, first, second, size, to: result, pastCaches: pastCaches)
    case .diff1: unsafe Self.combine(CS_BITS_AND_NOT, second, first, size, to: result, pastCaches: pastCaches)
    case .not: preconditionFailure("takes one source")
    }
  }

  /// Both operands count as filled up with zeros to `size` bytes.
  private static func combine(_ operation: cs_bit_operation, _ first: ByteView, _ second: ByteView, _ size: Int,
    to result: UnsafeMutableRawPointer, pastCaches: Bool)
  {
    let common = min(first.count, second.count)
    unsafe cs_combine_bits(operation, result, first.base, second.base, common, pastCaches)
    // Beyond the shorter one the result is the longer one, or nothing.
    let keepsFirst = operation != CS_BITS_AND
    let keepsSecond = keepsFirst && operation != CS_BITS_AND_NOT
    var done = common
    if keepsFirst && first.count > common {
      unsafe memmove(result + common, first.base + common, first.count - common)
      done = first.count
    } else if keepsSecond && second.count > common {
      unsafe memmove(result + common, second.base + common, second.count - common)
      done = second.count
    }
    unsafe memset(result + done, 0, size - done)
  }

  /// What a source has of the range.
  private func part(_ index: Int, _ range: Range<Int>) -> ByteView {
    let view = unsafe views[index]
    return range.lowerBound < view.count ? view[range.lowerBound..<min(range.upperBound, view.count)] : .empty
  }
}
