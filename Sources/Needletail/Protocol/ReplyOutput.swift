/// What waits to be sent to one receiver: first a range of the turn's shared arena, then a chain of chunks.
///
/// Every connection has one, so the range takes 32 bits a number: the arena is far smaller.
struct ReplyOutput: ~Copyable {
  private var arenaStartWord: UInt32 = 0
  private var arenaCountWord: UInt32 = 0
  var chain = OutputChain()

  @inline(__always)
  var arenaStart: Int {
    get { Int(arenaStartWord) }
    set { arenaStartWord = UInt32(newValue) }
  }

  @inline(__always)
  var arenaCount: Int {
    get { Int(arenaCountWord) }
    set { arenaCountWord = UInt32(newValue) }
  }

  var byteCount: Int { arenaCount + chain.byteCount }
}
