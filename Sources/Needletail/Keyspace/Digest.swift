import CDigest

/// Twenty bytes that stand for data, made by SHA-1. What is mixed in counts in its order, what is added in none.
struct Digest: Equatable {
  static let byteCount = 20
  private var bytes = InlineArray<20, UInt8>(repeating: 0)

  /// Combines with the digest of `data`, whatever came before it and comes after it.
  mutating func add(_ data: ByteView) {
    let digest = Self.sha1(data)
    for i in 0..<Self.byteCount { bytes[i] ^= digest[i] }
  }

  /// As `add`, so that everything before it counts as before.
  mutating func mix(_ data: ByteView) {
    add(data)
    bytes = withBytes { Self.sha1($0) }
  }

  /// A number as its four bytes, the highest first.
  mutating func mix(_ number: UInt32) {
    unsafe withUnsafeBytes(of: number.bigEndian) { mix(unsafe ByteView($0.baseAddress!, count: $0.count)) }
  }

  mutating func add(_ other: Digest) { other.withBytes { add($0) } }

  private func withBytes<R>(_ body: (ByteView) -> R) -> R {
    unsafe withUnsafeBytes(of: bytes) { body(unsafe ByteView($0.baseAddress!, count: $0.count)) }
  }

  private static func sha1(_ data: ByteView) -> InlineArray<20, UInt8> {
    var digest = InlineArray<20, UInt8>(repeating: 0)
    unsafe withUnsafeMutableBytes(of: &digest) { unsafe cd_sha1(data.base, data.count, $0.baseAddress!) }
    return digest
  }

  static func == (a: Digest, b: Digest) -> Bool {
    for i in 0..<byteCount where a.bytes[i] != b.bytes[i] { return false }
    return true
  }
}

extension Digest: CustomStringConvertible {
  /// Forty hexadecimal digits.
  var description: String {
    let digits = Array("0123456789abcdef")
    var text = ""
    for i in 0..<Self.byteCount { text += [digits[Int(bytes[i] >> 4)], digits[Int(bytes[i] & 15)]] }
    return text
  }
}

extension Keyspace {
  /// Stands for all keys with their types, values and databases, and for which of them have an expiry (not for when):
  /// forty zeros without any. The same as Redis's DEBUG DIGEST of the same data. Keys that have expired are not there.
  /// Complexity: O(all data).
  func digest() -> Digest {
    var digest = Digest()
    for database in 0..<databaseCount {
      var isFirst = true
      unsafe databases[database].table.forEach { entry in
        if isExpired(entry) { return }
        if isFirst { digest.mix(UInt32(database)) }
        isFirst = false
        var pair = Digest()
        pair.mix(entry.key)
        entry.mixValue(into: &pair)
        digest.add(pair)
      }
    }
    return digest
  }
}

extension Entry {
  /// Stands for the value, its type and whether there is an expiry.
  var valueDigest: Digest {
    var digest = Digest()
    mixValue(into: &digest)
    return digest
  }

  fileprivate func mixValue(into digest: inout Digest) {
    digest.mix(UInt32(type.rawValue))
    switch type {
    case .string: withString { digest.mix($0) }
    case .list: mixList(into: &digest)
    case .set: mixSet(into: &digest)
    case .sortedSet: mixSortedSet(into: &digest)
    case .hash: mixHash(into: &digest)
    case .stream: preconditionFailure("not built")
    }
    if hasExpiry { digest.add(ByteView("!!expire!!")) }
  }
}
