/// The snapshot file of Redis and Valkey, as far as it is used here.
///
///     file:    REDIS | version, 4 digits | record ... | EOF | checksum 8
///     record:  AUX name value | SELECTDB number | RESIZEDB keys keys-with-expiry
///              | [EXPIRETIME_MS 8] [IDLE seconds | FREQ 1] type key value
///     length:  00vvvvvv | 01vvvvvv vvvvvvvv | 10000000 value 4 | 10000001 value 8        (big-endian)
///     string:  length bytes | 11000000 integer 1 | 11000001 integer 2 | 11000010 integer 4
///              | 11000011 compressed-length length compressed-bytes
///
///     list, set:   count string ...                        hash: count, then field value ...
///     sorted set:  count, then member score ...            (a score: 8 bytes, or text behind its length in 1 byte)
///     other types: string, which is a listpack, ziplist, zipmap or intset | count, then such strings
///
/// Fixed integers are little-endian. DUMP's payload is `type value | version 2 | checksum 8`.
/// Source: the file formats' public descriptions, and the files and payloads of Redis 7.0, 8.2 and Valkey.
enum RDBFormat {
  static let magic: StaticString = "REDIS"
  /// Valkey's own name for the format since its version 80, with three digits behind it.
  static let valkeyMagic: StaticString = "VALKEY"
  static let valkeyVersion = 80
  static let headerBytes = 9
  static let checksumBytes = 8
  /// What DUMP puts behind the value: version and checksum.
  static let footerBytes = 10

  /// The first version with a checksum at the end of the file.
  static let checksumVersion = 5

  /// Versions whose strings can be read: Redis's up to that of 8.2, and Valkey's.
  static func isReadable(_ version: Int) -> Bool { 1...12 ~= version || version == valkeyVersion }

  /// Strings shorter than this are not worth compressing.
  static let compressionMinBytes = 21
  /// Each byte of compressed data stands for at most this many: three make 264.
  static let expansionMax = 88
  /// A key's length has 32 bits in our entries.
  static let keyMaxBytes = Int(UInt32.max)

  /// Digits of integers that are stored as such: 32 bits' worth.
  static let integerMaxDigits = 11
}

/// What a file makes use of; it is written in the oldest version that has all of it.
struct RDBFeatures: OptionSet {
  let rawValue: UInt8
  /// Auxiliary fields, resize hints.
  static let hints = RDBFeatures(rawValue: 1)
  /// Lengths of 2^32 and more.
  static let longLengths = RDBFeatures(rawValue: 2)
  /// Idle times or use frequencies of keys.
  static let usage = RDBFeatures(rawValue: 4)
  /// Sorted sets with their scores as eight bytes.
  static let binaryScores = RDBFeatures(rawValue: 8)

  /// A DUMP payload of the first version that had any, which knows all forms of shorter strings.
  var version: Int {
    contains(.usage) ? 9 : !isDisjoint(with: [.longLengths, .binaryScores]) ? 8 : contains(.hints) ? 7 : 6
  }
}

enum RDBOpcode {
  static let slotInfo: UInt8 = 244
  static let function: UInt8 = 245
  static let oldFunction: UInt8 = 246
  static let moduleAux: UInt8 = 247
  static let idle: UInt8 = 248
  static let frequency: UInt8 = 249
  static let aux: UInt8 = 250
  static let resize: UInt8 = 251
  static let expiryMilliseconds: UInt8 = 252
  static let expirySeconds: UInt8 = 253
  static let select: UInt8 = 254
  static let end: UInt8 = 255
}

enum RDBType {
  static let string: UInt8 = 0

  // Collections with their elements as strings, which every version loads and ours are written as:
  static let list: UInt8 = 1
  static let set: UInt8 = 2
  static let hash: UInt8 = 4
  /// Scores as binary doubles.
  static let sortedSet: UInt8 = 5
  static let sortedSetWithText: UInt8 = 3

  // Collections as the blobs that servers hold them in, each a string:
  static let hashZipmap: UInt8 = 9
  static let listZiplist: UInt8 = 10
  static let setIntset: UInt8 = 11
  static let sortedSetZiplist: UInt8 = 12
  static let hashZiplist: UInt8 = 13
  static let hashListpack: UInt8 = 16
  static let sortedSetListpack: UInt8 = 17
  static let setListpack: UInt8 = 20

  // Lists of such blobs:
  static let listOfZiplists: UInt8 = 14
  /// Each node tells what it is (`RDBListNode`).
  static let listOfNodes: UInt8 = 18

  /// The types of collections that can be loaded; nil for others.
  static func collection(_ type: UInt8) -> ValueType? {
    switch type {
    case 1, 10, 14, 18: .list
    case 2, 11, 20: .set
    case 3, 5, 12, 17: .sortedSet
    case 4, 9, 13, 16: .hash
    default: nil
    }
  }

  /// What kind of value a type is, for messages; nil for a type that nobody has defined.
  static func name(_ type: UInt8) -> StaticString? {
    switch type {
    case 0: "string"
    case 1, 10, 14, 18: "list"
    case 2, 11, 20: "set"
    case 3, 5, 12, 17: "sorted set"
    case 4, 9, 13, 16, 22...25: "hash"
    case 6, 7: "module's value"
    case 15, 19, 21: "stream"
    default: nil
    }
  }
}

/// First byte of a length that does not fit the two short forms.
enum RDBLength {
  static let bits32: UInt8 = 0x80
  static let bits64: UInt8 = 0x81
}

/// First byte of a string in a special form.
enum RDBStringForm {
  static let integer8: UInt8 = 0xc0
  static let integer16: UInt8 = 0xc1
  static let integer32: UInt8 = 0xc2
  static let compressed: UInt8 = 0xc3
}

/// What a node of a list of type `listOfNodes` begins with.
enum RDBListNode {
  /// One element, a string.
  static let plain: UInt64 = 1
  /// A listpack.
  static let packed: UInt64 = 2
}

/// The first byte of a score as text, where it is no length.
enum RDBScoreForm {
  static let notANumber = 253
  static let infinity = 254
  static let negativeInfinity = 255
}
