import Glibc

/// Hit ratios of several policies at several sizes of a cache, as a table or as CSV.
public struct Comparison {
  public let sizes: [Int]
  public private(set) var rows: [(policy: PolicyKind, outcomes: [Simulation.Outcome])] = []
  private let isSized: Bool

  /// - Parameter sizes: keys, or bytes when the trace has sizes.
  public init(_ trace: Trace, sizes: [Int]) {
    self.sizes = sizes
    isSized = !trace.sizes.isEmpty
  }

  public mutating func add(_ policy: PolicyKind, _ outcomes: [Simulation.Outcome]) {
    precondition(outcomes.count == sizes.count)
    rows.append((policy, outcomes))
  }

  private var columns: [String] { sizes.map { "\($0) \(isSized ? "bytes" : "keys")" } }

  /// Percentages of requests that found their key; with sizes, behind a slash, of the bytes asked for.
  public var table: String {
    let header = ["policy"] + columns + ["bits a key", "ghost bytes a key"]
    let body = rows.map { row in
      [row.policy.title] + row.outcomes.map(cell)
        + [row.policy.bitsPerKey.map(String.init) ?? "-", row.policy.ghostBytesPerKey.map { fixed($0, 1) } ?? "-"]
    }
    let widths = header.indices.map { column in ([header] + body).map { $0[column].count }.max() ?? 0 }
    return ([header] + body).map { line in
      line.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - line[column].count)
        return column == 0 ? line[column] + padding : padding + line[column]
      }.joined(separator: "  ")
    }.joined(separator: "\n") + "\n"
  }

  public var csv: String {
    var text = "policy,size,unit,requests,hits,hit_ratio,byte_hit_ratio,bits_per_key,ghost_bytes_per_key\n"
    for row in rows {
      for (size, outcome) in zip(sizes, row.outcomes) {
        let policy = row.policy
        let fields = [
          policy.rawValue, "\(size)", isSized ? "bytes" : "keys", "\(outcome.requests)", "\(outcome.hits)",
          fixed(outcome.hitRatio, 6), fixed(outcome.byteHitRatio, 6), policy.bitsPerKey.map(String.init) ?? "",
          policy.ghostBytesPerKey.map { fixed($0, 1) } ?? "",
        ]
        text += fields.joined(separator: ",") + "\n"
      }
    }
    return text
  }

  private func cell(_ outcome: Simulation.Outcome) -> String {
    let ratio = fixed(100 * outcome.hitRatio, 2)
    return isSized ? "\(ratio) / \(fixed(100 * outcome.byteHitRatio, 2))" : ratio
  }
}

/// A number from 0 on with so many places behind the point, without Foundation.
private func fixed(_ number: Double, _ places: Int) -> String {
  let unit = Int(pow(10, Double(places)))
  let scaled = Int((number * Double(unit)).rounded())
  let fraction = String(scaled % unit)
  return "\(scaled / unit)." + String(repeating: "0", count: places - fraction.count) + fraction
}
