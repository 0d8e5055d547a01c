/// A key and its hash. The hash is the same in every database, so it survives SELECT and SWAPDB.
struct Key {
  let bytes: ByteView
  let hash: UInt64

  @inline(__always)
  init(bytes: ByteView, hash: UInt64) {
    self.bytes = bytes
    self.hash = hash
  }

  @inline(__always)
  init(_ bytes: ByteView, _ seed: HashSeed) {
    self.bytes = bytes
    hash = sipHash13(bytes, seed)
  }
}
