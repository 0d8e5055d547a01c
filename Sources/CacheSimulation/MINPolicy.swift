/// Belady's MIN: what will not be asked for for longest goes. No policy that must take in every key finds more of keys of
/// the same size; with sizes it is not the best there is.
struct MINPolicy: CachePolicy {
  /// For each access, when its key is asked for again.
  private let nextUse: [UInt32]
  private var time = -1
  /// When a key of the cache is asked for next; 0: it is not there.
  private var due: [UInt32]
  /// Keys by when they are asked for, the latest first: a heap, with what is out of date in it.
  private var heap: [(time: UInt32, key: UInt32)] = []

  init(_ trace: Trace) {
    var next = [UInt32](repeating: .max, count: trace.accesses.count)
    var last = [UInt32](repeating: .max, count: trace.keyCount)
    for time in trace.accesses.indices.reversed() {
      let key = Int(trace.accesses[time])
      next[time] = last[key]
      last[key] = UInt32(time)
    }
    nextUse = next
    due = [UInt32](repeating: 0, count: trace.keyCount)
  }

  mutating func hit(_ key: Int) { use(key) }
  mutating func insert(_ key: Int) { use(key) }
  mutating func pass(_ key: Int) { time += 1 }

  private mutating func use(_ key: Int) {
    time += 1
    due[key] = nextUse[time]
    push((nextUse[time], UInt32(key)))
  }

  mutating func evict() -> Int {
    while true {
      let (time, key) = pop()
      guard due[Int(key)] == time else { continue }
      due[Int(key)] = 0
      return Int(key)
    }
  }

  private mutating func push(_ entry: (time: UInt32, key: UInt32)) {
    heap.append(entry)
    var index = heap.count - 1
    while index > 0, heap[(index - 1) / 2].time < heap[index].time {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func pop() -> (time: UInt32, key: UInt32) {
    let top = heap[0]
    let last = heap.removeLast()
    guard !heap.isEmpty else { return top }
    heap[0] = last
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < heap.count else { return top }
      if child + 1 < heap.count, heap[child + 1].time > heap[child].time { child += 1 }
      guard heap[child].time > heap[index].time else { return top }
      heap.swapAt(index, child)
      index = child
    }
  }
}
