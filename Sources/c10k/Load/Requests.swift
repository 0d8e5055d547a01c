/// The requests of the load and the replies they must get. One in ten sets a key to what it holds already, the others
/// get one, so that every reply is known; all are made once, since formatting would cost more than sending.
struct Requests {
  static let keyCount = 10_000
  static let setEvery = 10
  static let requestMaxBytes = 59
  static let replyMaxBytes = 23
  private static let stored: [UInt8] = Array("+OK\r\n".utf8)
  private static let getBytes = 36
  private static let setBytes = 59
  private static let replyBytes = 23

  private var gets: [UInt8] = []
  private var sets: [UInt8] = []
  private var replies: [UInt8] = []

  init() {
    for number in 0..<Self.keyCount {
      let digits = Self.decimal(number, digits: 10)
      let key = Array("key:00".utf8) + digits
      let value = Array("value:".utf8) + digits
      gets += Array("*2\r\n$3\r\nGET\r\n$16\r\n".utf8) + key + [13, 10]
      sets += Array("*3\r\n$3\r\nSET\r\n$16\r\n".utf8) + key + Array("\r\n$16\r\n".utf8) + value + [13, 10]
      replies += Array("$16\r\n".utf8) + value + [13, 10]
    }
    precondition(gets.count == Self.getBytes * Self.keyCount && sets.count == Self.setBytes * Self.keyCount)
    precondition(replies.count == Self.replyBytes * Self.keyCount)
  }

  /// Requests that set every key.
  var filling: [UInt8] { sets }

  /// Writes request `number` to `place`. Returns its length.
  func write(_ number: UInt32, to place: UnsafeMutableRawPointer) -> Int {
    let key = Self.key(number)
    return Self.isSet(number)
      ? unsafe Self.copy(sets, key * Self.setBytes, Self.setBytes, to: place)
      : unsafe Self.copy(gets, key * Self.getBytes, Self.getBytes, to: place)
  }

  /// Writes what request `number` is to be answered to `place`. Returns its length.
  func writeReply(_ number: UInt32, to place: UnsafeMutableRawPointer) -> Int {
    Self.isSet(number)
      ? unsafe Self.copy(Self.stored, 0, Self.stored.count, to: place)
      : unsafe Self.copy(replies, Self.key(number) * Self.replyBytes, Self.replyBytes, to: place)
  }

  private static func isSet(_ number: UInt32) -> Bool { number % UInt32(setEvery) == 0 }

  /// Neighbours in time are no neighbours in the table.
  private static func key(_ number: UInt32) -> Int { Int((number &* 2_654_435_761) >> 8) % keyCount }

  private static func copy(_ bytes: [UInt8], _ start: Int, _ count: Int, to place: UnsafeMutableRawPointer) -> Int {
    unsafe bytes.withUnsafeBytes { unsafe place.copyMemory(from: $0.baseAddress! + start, byteCount: count) }
    return count
  }

  private static func decimal(_ number: Int, digits: Int) -> [UInt8] {
    let text = Array(String(number).utf8)
    return Array(repeating: 48, count: digits - text.count) + text
  }
}
