/// What was asked for, one access after the other. Keys are numbered from 0.
public struct Trace {
  public var accesses: [UInt32] = []
  /// Keys that occur, at most: numbers are below.
  public var keyCount = 0
  /// Bytes of each key's entry, by its number; empty: all are alike, and a cache's size is counted in keys.
  public var sizes: [UInt32] = []

  public init(accesses: [UInt32] = [], keyCount: Int = 0, sizes: [UInt32] = []) {
    self.accesses = accesses
    self.keyCount = keyCount
    self.sizes = sizes
  }

  /// What a cache for everything needs: keys that occur, or their bytes.
  public var footprint: Int {
    var seen = [Bool](repeating: false, count: keyCount)
    var total = 0
    for key in accesses where !seen[Int(key)] {
      seen[Int(key)] = true
      total += size(Int(key))
    }
    return total
  }

  func size(_ key: Int) -> Int { sizes.isEmpty ? 1 : Int(sizes[key]) }
}

/// Reads a trace from text, a line an access: the key and, behind blanks or tabs, perhaps its size in bytes. Empty lines
/// and those that begin with `#` are passed over. A key's size is the last one given for it; once a size was given, keys
/// without one count with a byte.
public struct TraceReader {
  public struct BadLine: Error { public let number: Int, reason: String }

  private var numbers: [[UInt8]: UInt32] = [:]
  private var accesses: [UInt32] = []
  private var sizes: [UInt32] = []
  private var isSized = false
  private var lineNumber = 0
  private let limit: Int

  /// - Parameter limit: accesses after which no more are read.
  public init(limit: Int = .max) { self.limit = limit }

  public var isFull: Bool { accesses.count >= limit }

  public mutating func read(line: some Collection<UInt8>) throws(BadLine) {
    lineNumber += 1
    let fields = line.split(maxSplits: 3, omittingEmptySubsequences: true) { $0 == 32 || $0 == 9 || $0 == 13 }
    guard let first = fields.first, first.first != UInt8(ascii: "#"), !isFull else { return }
    guard fields.count <= 2 else { throw BadLine(number: lineNumber, reason: "more than a key and a size") }
    var size: UInt32?
    if fields.count == 2 {
      size = UInt32(String(decoding: fields[1], as: UTF8.self))
      guard let size, size > 0 else {
        throw BadLine(number: lineNumber, reason: "the size is not a number from 1 to 4294967295")
      }
      isSized = true
    }
    let number = number(of: Array(first))
    if let size { sizes[Int(number)] = size }
    accesses.append(number)
  }

  private mutating func number(of key: [UInt8]) -> UInt32 {
    if let known = numbers[key] { return known }
    let new = UInt32(numbers.count)
    numbers[key] = new
    sizes.append(1)
    return new
  }

  public func trace() -> Trace {
    Trace(accesses: accesses, keyCount: numbers.count, sizes: isSized ? sizes : [])
  }
}
