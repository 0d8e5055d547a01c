import CacheSimulation

/// What the command line asks for.
struct Options {
  struct Invalid: Error { let message: String }

  enum Source { case generated, file(String) }

  var source = Source.generated
  var generated = GeneratedTrace()
  var simulation = Simulation()
  /// Shares of all keys or bytes that occur, above 0 and up to 1, or (above 1) keys or bytes.
  var sizes = [0.01, 0.03, 0.1, 0.3]
  var policies = PolicyKind.allCases
  var warmUpShare = 0.0
  var limit = 100_000_000
  var printsCSV = false
  var wantsHelp = false

  static let help = """
    usage: tools/simulate [TRACE | - | --live HOST:PORT] [options]

    Plays a trace to caches of several sizes and policies, and prints how many of a hundred requests find their key.

    TRACE is a file, a line an access: the key, and behind a blank its size in bytes if keys differ in that. `-` reads
    standard input. Without a trace one is made:
      --trace zipf|scans|shuffle|drift|hotset   its kind (zipf)
      --keys N          keys (200000)             --requests N      accesses (4000000)
      --exponent X      of Zipf's law (0.99)      --seed N          of all chance (1)
      --phase N         shuffle, drift, hotset: accesses until popularity has changed (400000)
      --scan-every N    scans: accesses between two (100000)   --scan-length N   records of a scan (50000)
      --scan-touches N  reads of each record (1)               --scan-lag N      records between them (1000)
      --hot-keys N      hotset: its keys (10000)               --hot-share X     its part of the accesses (0.9)

    --live HOST:PORT takes the keys that a running server is asked for, with MONITOR, which costs that server a good part
    of its speed for as long:
      --seconds N       for so long at most (10)  --commands N      until so many keys (1000000)

    --sizes A,B,...     of the cache: up to 1 a share of what occurs, above it keys or bytes (0.01,0.03,0.1,0.3)
    --policies A,B,...  of these: \(PolicyKind.allCases.map(\.rawValue).joined(separator: ", "))
    --warm-up X         share of the trace at its start that is not counted (0)
    --rate N            requests a second, for policies that look at the clock (200000)
    --limit N           accesses of a trace after which no more are read (100000000)
    --csv               prints comma-separated values
    """

  init(_ arguments: [String]) throws(Invalid) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--csv": printsCSV = true
      case "-h", "--help": wantsHelp = true
      case _ where argument.hasPrefix("--"):
        guard let value = rest.popFirst() else { throw Invalid(message: "\(argument) needs a value") }
        try set(argument, value)
      default:
        if case .file = source { throw Invalid(message: "more than one trace") }
        source = .file(argument)
      }
    }
  }

  private mutating func set(_ name: String, _ value: String) throws(Invalid) {
    switch name {
    case "--trace": generated.shape = try word(name, value)
    case "--keys": generated.keys = try count(name, value, 1...100_000_000)
    case "--requests": generated.requests = try count(name, value, 1...1_000_000_000)
    case "--exponent": generated.exponent = try number(name, value, 0...10)
    case "--phase": generated.phase = try count(name, value)
    case "--scan-every": generated.scanEvery = try count(name, value)
    case "--scan-length": generated.scanLength = try count(name, value)
    case "--scan-touches": generated.scanTouches = try count(name, value, 1...100)
    case "--scan-lag": generated.scanLag = try count(name, value, 0...1_000_000_000)
    case "--hot-keys": generated.hotKeys = try count(name, value)
    case "--hot-share": generated.hotShare = try number(name, value, 0...1)
    case "--seed":
      generated.seed = UInt64(try count(name, value, 0...Int.max))
      simulation.seed = generated.seed
    case "--sizes":
      sizes = []
      for part in value.split(separator: ",") { sizes.append(try number(name, String(part), 1e-9...1e18)) }
    case "--policies":
      policies = []
      for part in value.split(separator: ",") { policies.append(try word(name, String(part))) }
    case "--warm-up": warmUpShare = try number(name, value, 0...0.99)
    case "--rate": simulation.requestsPerSecond = try number(name, value, 1...1e9)
    case "--limit": limit = try count(name, value)
    default: throw Invalid(message: "unknown option: \(name) (try --help)")
    }
  }

  private func count(_ name: String, _ text: String, _ range: ClosedRange<Int> = 1...1_000_000_000) throws(Invalid)
    -> Int
  {
    guard let count = Int(text), range.contains(count) else {
      throw Invalid(message: "\(name): '\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return count
  }

  private func number(_ name: String, _ text: String, _ range: ClosedRange<Double>) throws(Invalid) -> Double {
    guard let number = Double(text), range.contains(number) else {
      throw Invalid(message: "\(name): '\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  private func word<Word: RawRepresentable & CaseIterable>(_ name: String, _ text: String) throws(Invalid) -> Word
  where Word.RawValue == String {
    guard let word = Word(rawValue: text) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw Invalid(message: "\(name): '\(text)' is none of \(words)")
    }
    return word
  }
}
