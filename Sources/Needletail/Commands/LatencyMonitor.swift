/// Events that took longer than `latency-monitor-threshold`: for each kind the last ones, one a second.
struct LatencyMonitor {
  /// What LATENCY calls them: Redis's names where the event is the same.
  enum Event: Int, CaseIterable {
    case command, fastCommand, expireCycle, evictionCycle, cron, accept, defragmentation

    var name: StaticString {
      switch self {
      case .command: "command"
      case .fastCommand: "fast-command"
      case .expireCycle: "expire-cycle"
      case .evictionCycle: "eviction-cycle"
      case .cron: "cron"
      case .accept: "accept"
      case .defragmentation: "active-defrag-cycle"
      }
    }

    init?(_ name: ByteView) {
      guard let event = Self.allCases.first(where: { name.equalsIgnoringCase($0.name) }) else { return nil }
      self = event
    }

    init?(_ step: LoopStep) {
      switch step {
      // Commands are counted where they are run, with more known about them.
      case .command: return nil
      case .expiry: self = .expireCycle
      case .eviction: self = .evictionCycle
      case .accept: self = .accept
      case .cron: self = .cron
      case .defragmentation: self = .defragmentation
      }
    }
  }

  struct Sample: Equatable {
    let unixSeconds: Int
    var milliseconds: Int
  }

  struct Series {
    static let samplesMax = 160
    /// Oldest first.
    fileprivate(set) var samples: [Sample] = []
    fileprivate(set) var maxMilliseconds = 0
  }

  private var series = [Series](repeating: Series(), count: Event.allCases.count)

  /// - Returns: nil when there was none of that kind.
  subscript(event: Event) -> Series? { series[event.rawValue].samples.isEmpty ? nil : series[event.rawValue] }

  var events: [Event] { Event.allCases.filter { self[$0] != nil } }

  /// Keeps an event if it took as long as the settings say.
  mutating func add(_ event: Event, _ milliseconds: Int, _ settings: Settings, _ unixSeconds: UInt32) {
    let threshold = settings.latencyMonitorThresholdMilliseconds
    guard threshold > 0, milliseconds >= threshold else { return }
    series[event.rawValue].add(Sample(unixSeconds: Int(unixSeconds), milliseconds: milliseconds))
  }

  /// - Returns: whether there was anything to forget.
  mutating func reset(_ event: Event) -> Bool {
    let hadAny = self[event] != nil
    series[event.rawValue] = Series()
    return hadAny
  }
}

extension LatencyMonitor.Series {
  /// The longest of a second stands for it.
  fileprivate mutating func add(_ sample: LatencyMonitor.Sample) {
    maxMilliseconds = max(maxMilliseconds, sample.milliseconds)
    if let last = samples.indices.last, samples[last].unixSeconds == sample.unixSeconds {
      samples[last].milliseconds = max(samples[last].milliseconds, sample.milliseconds)
      return
    }
    if samples.count == Self.samplesMax { samples.removeFirst() }
    samples.append(sample)
  }

  var low: Int { samples.map(\.milliseconds).min() ?? 0 }
  var high: Int { samples.map(\.milliseconds).max() ?? 0 }

  var average: Double {
    samples.isEmpty ? 0 : Double(samples.reduce(0) { $0 + $1.milliseconds }) / Double(samples.count)
  }

  var meanDeviation: Double {
    let mean = average
    return samples.isEmpty ? 0 : samples.reduce(0) { $0 + abs(Double($1.milliseconds) - mean) } / Double(samples.count)
  }

  /// Seconds between two of them, from the first to now.
  func periodSeconds(_ now: Int) -> Double {
    guard let first = samples.first else { return 0 }
    return Double(max(1, now - first.unixSeconds)) / Double(samples.count)
  }
}
