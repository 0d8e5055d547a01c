import Testing

@testable import Needletail

@Suite struct TimingWheelTests {
  /// A wheel and a list of what is armed.
  @safe final class Model {
    typealias Links = TimingWheel.Links
    var wheel: TimingWheel
    var random = SeededGenerator.fresh()
    let nodes: UnsafeMutablePointer<Links>
    let count: Int
    /// The due tick of each node, nil when it is not armed.
    var armed: [Int?]

    init(count: Int, baseMilliseconds: Int = 0) {
      self.count = count
      wheel = TimingWheel(baseMilliseconds: baseMilliseconds)
      unsafe nodes = .allocate(capacity: count)
      unsafe nodes.initialize(repeating: Links(), count: count)
      armed = Array(repeating: nil, count: count)
    }
    deinit { unsafe nodes.deallocate() }

    func arm(_ i: Int, _ tick: Int) {
      unsafe wheel.arm(nodes + i, tick: UInt32(tick))
      armed[i] = tick
    }
    func disarm(_ i: Int) {
      unsafe wheel.disarm(nodes + i)
      armed[i] = nil
    }

    /// Takes all that is due, and says whether it is exactly what should be.
    func collect() -> Bool {
      var due = Set<Int>()
      while let node = unsafe wheel.firstDue {
        let i = unsafe node - nodes
        due.insert(i)
        if unsafe Int(node.pointee.tick) != armed[i] { return false }
        unsafe wheel.disarm(node)
      }
      let now = wheel.currentTick
      let expected = Set(armed.indices.filter { armed[$0].map { $0 <= now } ?? false })
      for i in expected { armed[i] = nil }
      let left = armed.compactMap { $0 }
      if wheel.armedCount != left.count { return false }
      guard let first = left.min() else { return wheel.nextTick == nil && due == expected }
      guard let next = wheel.nextTick else { return false }
      // Never after the first due, and never without progress.
      return due == expected && next <= first && next > now
    }
  }

  @Test func agreesWithAList() {
    let model = Model(count: 300)
    for step in 0..<(isLongRun ? 300_000 : 6_000) {
      let i = model.random.below(model.count)
      switch model.random.below(10) {
      case 0: model.disarm(i)
      case 1: model.arm(i, model.random.below(model.wheel.currentTick + 1))
      case 2..<8:
        let distance = model.random.below(1 << (1 + model.random.below(30)))
        model.arm(i, min(model.wheel.currentTick + distance, TimingWheel.maxTick))
      default:
        let jump = model.random.below(1 << model.random.below(model.random.chance(2) ? 22 : 12))
        model.wheel.advance(to: min(model.wheel.currentTick + jump, TimingWheel.maxTick))
        guard model.collect() else {
          Issue.record("seed \(model.random.seed), step \(step), tick \(model.wheel.currentTick)")
          return
        }
      }
    }
    for i in 0..<model.count { model.disarm(i) }
    let armed = model.wheel.armedCount
    #expect(armed == 0)
  }

  /// Every boundary of a level, one before and one after, seen from every boundary.
  @Test func boundaries() {
    let edges = [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 131_072, 1 << 20]
    for start in edges {
      for due in edges where due >= start {
        let model = Model(count: 1)
        model.wheel.advance(to: start)
        model.arm(0, due)
        if due > start {
          model.wheel.advance(to: due - 1)
          let early = unsafe model.wheel.firstDue == nil
          #expect(early, "from \(start): \(due) is early")
          let next = model.wheel.nextTick!
          #expect(next > due - 1 && next <= due)
        }
        model.wheel.advance(to: due)
        let isDue = unsafe model.wheel.firstDue != nil
        #expect(isDue, "from \(start): \(due) is late")
        model.disarm(0)
      }
    }
  }

  /// Following `nextTick` alone reaches every node on its tick.
  @Test func nextTickLeadsToEveryNode() {
    let model = Model(count: 40)
    for i in 0..<40 { model.arm(i, 1 + model.random.below(1 << (1 + model.random.below(20)))) }
    var wakeups = 0
    while let next = model.wheel.nextTick {
      model.wheel.advance(to: next)
      #expect(model.collect())
      wakeups += 1
      if wakeups > 10_000 { break }
    }
    #expect(!model.armed.contains { $0 != nil })
  }

  @Test func ticksOfDeadlinesSaturate() {
    let wheel = TimingWheel(baseMilliseconds: 1000)
    let cases: [(Int, UInt32)] = [
      (1000, 0), (999, 0), (1001, 1), (1016, 1), (1017, 2), (Int.min, 0), (-1, 0), (Int.max, .max),
      (1000 + (Int(UInt32.max) << 4), .max), (1000 + (Int(UInt32.max) << 4) - 16, .max - 1),
    ]
    for (milliseconds, tick) in cases {
      let answer = wheel.tick(ofDeadline: milliseconds)
      #expect(answer == tick, "\(milliseconds)")
    }
    let times = [(1000, 0), (0, 0), (1015, 0), (1016, 1), (Int.max, TimingWheel.maxTick)]
    for (milliseconds, tick) in times {
      let answer = wheel.tick(atTime: milliseconds)
      #expect(answer == tick, "\(milliseconds)")
    }
    let lowest = TimingWheel(baseMilliseconds: -1000).tick(ofDeadline: .max)
    #expect(lowest == .max)
  }

  /// A deadline is never looked at before it has passed, and at most 16 ms after.
  @Test func ticksAreNeverEarly() {
    let wheel = TimingWheel(baseMilliseconds: 12_345)
    for deadline in 12_345..<12_445 {
      let tick = Int(wheel.tick(ofDeadline: deadline))
      let isPast = wheel.tick(atTime: deadline) >= tick
      let isPastSoon = wheel.tick(atTime: deadline + 15) >= tick
      let isPastBefore = wheel.tick(atTime: deadline - 1) >= tick && deadline > 12_345
      #expect(isPastSoon && !isPastBefore && (isPast || deadline > 12_345), "\(deadline)")
    }
  }
}
