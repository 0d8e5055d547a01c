/// A parsed request on its way through a handler: who sent it and its arguments as views into the read buffer.
///
/// Valid until the handler returns.
@safe struct Request {
  let client: Client
  private let arguments: UnsafePointer<ByteView>
  /// How many arguments there are, the command's name included.
  let count: Int
  /// The hash of the argument at `hashedIndex`, computed when the batch was prefetched.
  let hash: UInt64
  /// Below 1: none was hashed.
  let hashedIndex: Int

  @inline(__always)
  init(client: Client, arguments: UnsafePointer<ByteView>, count: Int, hash: UInt64, hashedIndex: Int) {
    self.client = client
    unsafe self.arguments = arguments
    self.count = count
    self.hash = hash
    self.hashedIndex = hashedIndex
  }

  /// Argument `index`; 0 is the command's name. Traps outside `0 ..< count`.
  @inline(__always)
  subscript(index: Int) -> ByteView {
    precondition(index >= 0 && index < count)
    return unsafe arguments[index]
  }

  /// Bytes of all arguments. Complexity: O(n).
  var byteCount: Int { (0..<count).reduce(0) { $0 + self[$1].count } }

  /// Argument `index` as a key, hashed with `seed`. Complexity: O(1) for the first key, O(n) for others.
  @inline(__always)
  func key(_ index: Int, _ seed: HashSeed) -> Key {
    if index == hashedIndex { return Key(bytes: self[index], hash: hash) }
    return Key(self[index], seed)
  }
}
