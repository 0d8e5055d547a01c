import CacheSimulation
import Glibc

/// Prints to standard error and leaves.
func fail(_ message: String) -> Never {
  let line = Array("simulate: \(message)\n".utf8)
  _ = unsafe write(STDERR_FILENO, line, line.count)
  exit(2)
}

/// Reads a trace's lines from a file, or from standard input for `-`.
func readTrace(_ path: String, limit: Int) -> Trace {
  let descriptor = path == "-" ? STDIN_FILENO : unsafe open(path, O_RDONLY)
  guard descriptor >= 0 else { fail("\(path) cannot be read: \(unsafe String(cString: strerror(errno)))") }
  defer { if descriptor != STDIN_FILENO { close(descriptor) } }
  var reader = TraceReader(limit: limit)
  var block = [UInt8](repeating: 0, count: 1 << 20)
  var pending: [UInt8] = []
  do throws(TraceReader.BadLine) {
    while !reader.isFull {
      let count = unsafe block.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { fail("\(path) cannot be read: \(unsafe String(cString: strerror(errno)))") }
      if count == 0 { break }
      var lines = block[..<count][...]
      while let end = lines.firstIndex(of: UInt8(ascii: "\n")) {
        pending += lines[..<end]
        try reader.read(line: pending)
        pending.removeAll(keepingCapacity: true)
        lines = lines[(end + 1)...]
      }
      pending += lines
      guard pending.count <= 1 << 20 else { fail("\(path): a line of more than a megabyte") }
    }
    try reader.read(line: pending)
  } catch {
    fail("\(path), line \(error.number): \(error.reason)")
  }
  return reader.trace()
}

func run(_ options: Options) {
  var simulation = options.simulation
  let trace =
    switch options.source {
    case .generated: options.generated.make()
    case .file(let path): readTrace(path, limit: options.limit)
    }
  guard !trace.accesses.isEmpty else { fail("the trace is empty") }
  simulation.warmUp = Int(Double(trace.accesses.count) * options.warmUpShare)
  let footprint = trace.footprint
  let sizes = options.sizes.map { $0 <= 1 ? max(1, Int(($0 * Double(footprint)).rounded())) : Int($0) }
  var comparison = Comparison(trace, sizes: sizes)
  for policy in options.policies {
    comparison.add(policy, sizes.map { simulation.run(policy, trace, capacity: $0) })
  }
  if options.printsCSV { return print(comparison.csv, terminator: "") }
  let unit = trace.sizes.isEmpty ? "keys" : "bytes"
  print("\(trace.accesses.count) accesses, \(footprint) \(unit) that occur; hits in a hundred:\n")
  print(comparison.table, terminator: "")
}

do throws(Options.Invalid) {
  let options = try Options(Array(CommandLine.arguments.dropFirst()))
  if options.wantsHelp { print(Options.help) } else { run(options) }
} catch {
  fail(error.message)
}
