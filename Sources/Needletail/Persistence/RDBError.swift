/// Why a snapshot file or a DUMP payload cannot be read, and where: `offset` is the file's byte at which the part began
/// that is wrong.
struct RDBError: Error, Equatable {
  enum Fault: Equatable {
    /// The file or payload ends too early.
    case cut
    case notASnapshot
    case version(Int)
    case length(UInt8)
    case stringForm(UInt8)
    /// A length that the bytes left cannot hold.
    case tooLong(UInt64)
    case compression
    /// More elements than the bytes left can hold.
    case tooMany(UInt64)
    /// The string that begins at the error's offset is a blob with something wrong in it.
    case blob(BlobError)
    case listNode(UInt64)
    case score
    case unknownType(UInt8)
    /// A type or record that exists but is not built here.
    case notBuilt(String)
    case database(UInt64)
    case duplicateKey
    /// A member or field that occurs twice in its collection.
    case duplicateElement
    case frequency
    case checksum(expected: UInt64, found: UInt64)
    case outOfMemory(UInt64)
    case reading(String)
  }

  let fault: Fault
  let offset: Int

  var message: String {
    switch fault {
    case .cut: "the data ends in the middle of a record"
    case .notASnapshot: "this is no snapshot file"
    case .version(let version): "version \(version) of the format is not known"
    case .length(let byte): "0x\(Self.hex(UInt64(byte))) begins no length"
    case .stringForm(let byte): "0x\(Self.hex(UInt64(byte))) begins no string"
    case .tooLong(let count): "a length of \(count), with fewer bytes left than that takes"
    case .compression: "a compressed string is damaged"
    case .tooMany(let count): "a count of \(count), with fewer bytes left than that takes"
    case .blob(let error): error.message
    case .listNode(let form): "\(form) is no form of a list's node"
    case .score: "a score is no number"
    case .unknownType(let type): "\(type) is no type of value"
    case .notBuilt(let what): "\(what) cannot be loaded by this version"
    case .database(let number): "database \(number) is beyond the 'databases' that are set"
    case .duplicateKey: "a key occurs for the second time"
    case .duplicateElement: "a member or field occurs for the second time in one collection"
    case .frequency: "a use frequency beyond 255"
    case .checksum(let expected, let found):
      "the checksum should be \(Self.hex(expected)) and is \(Self.hex(found))"
    case .outOfMemory(let count): "there is no memory for a string of \(count) bytes"
    case .reading(let reason): "reading failed: \(reason)"
    }
  }

  private static func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}
