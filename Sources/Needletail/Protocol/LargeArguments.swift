/// Arguments that were read straight into allocations of their own, for whoever keeps their bytes to take over.
@safe struct LargeArguments: ~Copyable {
  /// One of them: `block` has `headerBytes` in front of the bytes.
  @safe struct Argument {
    let block: UnsafeMutableRawPointer
    let blockBytes: Int
    let byteCount: Int

    var bytes: ByteView { unsafe ByteView(block + LargeArguments.headerBytes, count: byteCount) }
    func free() { unsafe Heap.free(block, blockBytes) }
  }

  /// Room in front of the bytes, so that a value's own unit is what it is read into.
  static let headerBytes = 24

  private var arguments: [Argument] = []

  init() {}

  deinit { for argument in arguments { argument.free() } }

  @inline(__always) var isEmpty: Bool { arguments.isEmpty }

  /// Bytes of all arguments together.
  var byteCount: Int { arguments.reduce(0) { $0 + $1.byteCount } }

  /// Bytes of their allocations.
  var blockByteCount: Int { arguments.reduce(0) { $0 + $1.blockBytes } }

  mutating func append(_ argument: Argument) { arguments.append(argument) }

  /// Complexity: O(1) for a small argument, O(large arguments) for a large one.
  func contains(_ bytes: ByteView) -> Bool {
    bytes.count >= RequestParser.largeArgumentBytes && index(of: bytes) != nil
  }

  /// Hands over the argument whose bytes `bytes` are: its block is the caller's from now on.
  mutating func take(_ bytes: ByteView) -> Argument? {
    guard let index = index(of: bytes) else { return nil }
    return arguments.remove(at: index)
  }

  mutating func removeAll() {
    for argument in arguments { argument.free() }
    arguments.removeAll()
  }

  private func index(of bytes: ByteView) -> Int? {
    arguments.firstIndex { unsafe UnsafeRawPointer($0.block + Self.headerBytes) == bytes.base }
  }
}
