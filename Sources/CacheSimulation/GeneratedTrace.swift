/// Traces made by chance: the same for the same parameters.
public struct GeneratedTrace {
  public enum Shape: String, CaseIterable, Sendable {
    /// Keys by Zipf's law, the order of popularity by chance.
    case zipf
    /// The same, and now and then something else reads on through records of its own.
    case scans
    /// Keys by Zipf's law, whose order of popularity is drawn anew in each phase.
    case shuffle
    /// As that, but the order turns slowly: each phase moves it by a tenth of the keys.
    case drift
    /// Nine of ten requests, or what `hotShare` says, are for a hot set, another in each phase; others for any key.
    case hotset
  }

  public var shape = Shape.zipf
  public var keys = 200_000
  public var requests = 4_000_000
  public var seed: UInt64 = 1
  public var exponent = 0.99
  /// Requests after which popularity changes.
  public var phase = 400_000
  /// Requests between two scans.
  public var scanEvery = 100_000
  /// Keys that a scan reads. There are twice as many records to scan as keys.
  public var scanLength = 50_000
  /// How often a scan reads each record: it comes back to it `scanLag` records later.
  public var scanTouches = 1
  public var scanLag = 1000
  public var hotKeys = 10_000
  public var hotShare = 0.9

  public init() {}

  /// Complexity: O(requests), with a search in a table of the keys for each.
  public func make() -> Trace {
    var random = Random(seed: seed)
    switch shape {
    case .zipf: return popular(&random) { rank, _ in rank }
    case .drift:
      return popular(&random) { rank, time in rank + Int(Double(time) * Double(keys) / 10 / Double(phase)) }
    case .shuffle: return shuffled(&random)
    case .scans: return withScans(&random)
    case .hotset: return hotSet(&random)
    }
  }

  private func popular(_ random: inout Random, _ moved: (Int, Int) -> Int) -> Trace {
    let zipf = Zipf(count: keys, exponent: exponent)
    let order = random.permutation(keys)
    var accesses: [UInt32] = []
    accesses.reserveCapacity(requests)
    for time in 0..<requests { accesses.append(order[moved(zipf.draw(&random), time) % keys]) }
    return Trace(accesses: accesses, keyCount: keys)
  }

  private func shuffled(_ random: inout Random) -> Trace {
    let zipf = Zipf(count: keys, exponent: exponent)
    var order: [UInt32] = []
    var accesses: [UInt32] = []
    accesses.reserveCapacity(requests)
    for time in 0..<requests {
      if time % phase == 0 { order = random.permutation(keys) }
      accesses.append(order[zipf.draw(&random)])
    }
    return Trace(accesses: accesses, keyCount: keys)
  }

  private func withScans(_ random: inout Random) -> Trace {
    let zipf = Zipf(count: keys, exponent: exponent)
    let order = random.permutation(keys)
    let records = 2 * keys
    var accesses: [UInt32] = []
    accesses.reserveCapacity(requests + scanEvery + scanTouches * (scanLength + scanLag))
    var scanned = 0
    while accesses.count < requests {
      for _ in 0..<scanEvery { accesses.append(order[zipf.draw(&random)]) }
      for step in 0..<scanLength + (scanTouches - 1) * scanLag {
        for touch in 0..<scanTouches where (0..<scanLength).contains(step - touch * scanLag) {
          accesses.append(UInt32(keys + (scanned + step - touch * scanLag) % records))
        }
      }
      scanned = (scanned + scanLength) % records
    }
    accesses.removeLast(accesses.count - requests)
    return Trace(accesses: accesses, keyCount: keys + records)
  }

  private func hotSet(_ random: inout Random) -> Trace {
    let order = random.permutation(keys)
    let hot = min(hotKeys, keys)
    var accesses: [UInt32] = []
    accesses.reserveCapacity(requests)
    for time in 0..<requests {
      let place = random.unit() < hotShare ? time / phase * hot + random.below(hot) : random.below(keys)
      accesses.append(order[place % keys])
    }
    return Trace(accesses: accesses, keyCount: keys)
  }
}
