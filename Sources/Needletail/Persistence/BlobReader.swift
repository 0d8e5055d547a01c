/// Takes one of the blobs apart that Redis keeps small collections in and puts into files as they are.
///
/// The bytes may be anything: whatever is wrong with them is thrown, by `init` or by `next`, and no byte outside the
/// blob is ever read. Reading to the end is the validation: only when `next` has returned nil is the blob known to be
/// sound. What the elements mean (pairs, order, duplicates, none at all) is the caller's to judge.
///
/// Elements are canonical: a string that spells an integer is given as one, however the blob stores it. A string is a
/// view into the blob.
protocol BlobReader {
  static var form: BlobError.Form { get }

  /// Checks what stands at the front and the end. Complexity: O(1).
  init(_ blob: ByteView) throws(BlobError)

  /// How many elements the blob says it has; nil when it has too many for its field to tell. It has been checked that
  /// the blob has room for them, so memory may be set aside by it; that it is right is known at the end.
  var statedCount: Int? { get }

  /// Where the next element begins.
  var position: Int { get }

  /// The next element; nil at the end. After an error it throws the same one again. Complexity: O(1).
  mutating func next() throws(BlobError) -> PackedElement?
}

extension BlobReader {
  /// Reads what is left, to validate it, and counts it. Complexity: O(n).
  func remainingCount() throws(BlobError) -> Int {
    var rest = self
    var count = 0
    while try rest.next() != nil { count += 1 }
    return count
  }
}

/// What is wrong with a blob.
struct BlobError: Error, Equatable {
  enum Form: UInt8 { case listpack, ziplist, zipmap, intset }

  enum Fault: UInt8 {
    /// The blob is shorter than its header, or its header tells another size than it has.
    case size
    /// There are more or fewer elements than the header says, or it says more than there is room for.
    case count
    /// No byte that begins an element.
    case encoding
    /// An element reaches beyond the end.
    case cut
    /// What an element says of its own or its predecessor's size, for reading backwards, is not true.
    case backLength
    /// The header's place of the last element is not where that begins.
    case tail
    /// The last byte is not the one that ends such a blob.
    case terminator
    /// Integers that are to ascend do not.
    case order
    /// The second half of a pair is missing. Only thrown where elements are read as pairs.
    case pair
  }

  let form: Form
  let fault: Fault
  /// In the blob.
  let offset: Int

  var message: String {
    let reason = switch fault {
    case .size: "its size is not what it says"
    case .count: "it does not have as many elements as it says"
    case .encoding: "no element begins like this"
    case .cut: "an element reaches beyond its end"
    case .backLength: "the size of an element is told wrong for reading backwards"
    case .tail: "its last element is not where it says"
    case .terminator: "it does not end as it should"
    case .order: "its integers do not ascend"
    case .pair: "the second half of a pair is missing"
    }
    return "a \(form) is damaged at its byte \(offset): \(reason)"
  }
}

extension PackedElement {
  /// A string as an element: an integer if it spells one.
  @inline(__always)
  init(_ string: ByteView) {
    if let value = string.integer { self = .integer(value) } else { self = .bytes(string) }
  }
}
