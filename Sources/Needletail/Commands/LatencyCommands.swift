// LATENCY: events that took long, and how long commands take.

extension ObservingCommand {
  private static let reportTips: [StaticString] = [
    "nondeterministic_output", "request_policy:all_nodes", "response_policy:special",
  ]

  private static func latency(_ id: ObservingCommand, _ name: StaticString, arity: Int, since: StaticString = "2.8.13",
    summary: StaticString, complexity: StaticString = "O(1)", arguments: [ArgumentSpec] = []) -> CommandSpec
  {
    CommandSpec(
      id: .observing(id), name: name, arity: arity, flags: [.admin, .noscript, .loading, .stale],
      categories: [.admin, .slow, .dangerous], tips: reportTips,
      docs: CommandDocs(summary: summary, since: since, group: "server", complexity: complexity, arguments: arguments))
  }

  static let latencyRow = CommandSpec(
    id: .observing(.latency), name: "latency", arity: -2, flags: [], categories: [.slow],
    docs: CommandDocs(
      summary: "Holds the commands about delays.", since: "2.8.13", group: "server", complexity: "by subcommand"),
    subcommands: [
      latency(.latencyDoctor, "doctor", arity: 2, summary: "Returns a report on delays, for people."),
      latency(.latencyGraph, "graph", arity: 3, summary: "Returns a picture of an event's delays, for people.",
        arguments: [.string("event")]),
      CommandSpec(
        id: .observing(.latencyHelp), name: "help", arity: 2, flags: [.loading, .stale], categories: [.slow],
        docs: CommandDocs(summary: "Lists the subcommands.", since: "2.8.13", group: "server", complexity: "O(1)")),
      latency(.latencyHistogram, "histogram", arity: -2, since: "7.0.0",
        summary: "Returns how many calls of commands took how long.", complexity: "O(N)",
        arguments: [ArgumentSpec(name: "command", kind: .string, isOptional: true, isMultiple: true)]),
      latency(.latencyHistory, "history", arity: 3, summary: "Returns an event's delays with their times.",
        arguments: [.string("event")]),
      latency(.latencyLatest, "latest", arity: 2, summary: "Returns the last delay of each event, and the longest."),
      CommandSpec(
        id: .observing(.latencyReset), name: "reset", arity: -2, flags: [.admin, .noscript, .loading, .stale],
        categories: [.admin, .slow, .dangerous], tips: ["request_policy:all_nodes", "response_policy:agg_sum"],
        docs: CommandDocs(
          summary: "Forgets the delays of events.", since: "2.8.13", group: "server", complexity: "O(1)",
          arguments: [ArgumentSpec(name: "event", kind: .string, isOptional: true, isMultiple: true)])),
    ])
}

extension Engine {
  /// LATENCY LATEST
  mutating func latencyLatestCommand() {
    let events = latency.events
    reply.array(events.count)
    for event in events {
      guard let series = latency[event], let last = series.samples.last else { preconditionFailure("it has samples") }
      reply.array(4)
      reply.bulk(event.name)
      reply.integer(last.unixSeconds)
      reply.integer(last.milliseconds)
      reply.integer(series.maxMilliseconds)
    }
  }

  /// LATENCY HISTORY event
  mutating func latencyHistoryCommand(_ request: Request) {
    guard let series = LatencyMonitor.Event(request[2]).flatMap({ latency[$0] }) else { return reply.array(0) }
    reply.array(series.samples.count)
    for sample in series.samples {
      reply.array(2)
      reply.integer(sample.unixSeconds)
      reply.integer(sample.milliseconds)
    }
  }

  /// LATENCY RESET [event ...]: how many had anything to forget.
  mutating func latencyResetCommand(_ request: Request) {
    let events = request.count == 2
      ? LatencyMonitor.Event.allCases : (2..<request.count).compactMap { LatencyMonitor.Event(request[$0]) }
    reply.integer(events.reduce(0) { latency.reset($1) ? $0 + 1 : $0 })
  }

  /// LATENCY HISTOGRAM [command ...]; a container stands for its subcommands.
  mutating func latencyHistogramCommand(_ request: Request) {
    var indices: [CommandIndex] = []
    if request.count == 2 {
      indices = commands.indices
    } else {
      for argument in 2..<request.count {
        guard let index = commands.lookup(fullName: request[argument]) else { continue }
        indices += commands.info(index).isContainer ? commands.subcommandIndices(index) : [index]
      }
    }
    indices.removeAll { commands.counters($0).latencies == nil }
    reply.map(indices.count)
    for index in indices {
      guard let latencies = commands.counters(index).latencies else { preconditionFailure("only those were kept") }
      let steps = latencies.cumulative
      reply.bulk(commands.fullName(index))
      reply.map(2)
      reply.bulk("calls")
      reply.integer(Int(latencies.total))
      reply.bulk("histogram_usec")
      reply.map(steps.count)
      for step in steps {
        reply.integer(step.microseconds)
        reply.integer(Int(step.count))
      }
    }
  }

  mutating func latencyHelpCommand() {
    reply.help(
      "LATENCY",
      [
        "DOCTOR", "    Return a report on delays, for people.",
        "GRAPH <event>", "    Return a picture of the event's delays, for people.",
        "HISTORY <event>", "    Return the event's delays, each with its time.",
        "LATEST", "    Return for each event the time of its last delay, that, and the longest.",
        "RESET [<event> ...]", "    Forget the delays of these events, or of all.",
        "HISTOGRAM [<command> ...]",
        "    Return how many calls of these commands, or of all, took up to 1, 2, 4 ... microseconds.",
      ])
  }
}

// MARK: - For people

extension Engine {
  /// LATENCY GRAPH event
  mutating func latencyGraphCommand(_ request: Request) {
    guard let event = LatencyMonitor.Event(request[2]), let series = latency[event] else {
      return reply.error { text in
        text.append("ERR No samples available for event '")
        // Redis shows all of it.
        text.append(request[2], limit: 64 << 10)
        text.append("'")
      }
    }
    let text = """
      \(event.name) - high \(series.high) ms, low \(series.low) ms (all time high \(series.maxMilliseconds) ms)
      \(String(repeating: "-", count: 80))
      \(LatencyGraph.text(series, now: Int(keyspace.nowSeconds)))
      """
    reply.verbatim(text)
  }

  /// LATENCY DOCTOR
  mutating func latencyDoctorCommand() {
    let threshold = settings.latencyMonitorThresholdMilliseconds
    let now = Int(keyspace.nowSeconds)
    var text = ""
    if threshold == 0 && latency.events.isEmpty {
      text = """
        Nothing is being watched: latency-monitor-threshold is 0. Set it to the milliseconds from which on a delay
        matters to your clients, for example CONFIG SET latency-monitor-threshold 100, and ask again later.

        """
    } else if latency.events.isEmpty {
      text = "No delay of \(threshold) ms or more has been seen.\n"
    } else {
      text = "Delays of \(threshold) ms and more, by what caused them:\n\n"
      for (number, event) in latency.events.enumerated() {
        guard let series = latency[event] else { continue }
        text += """
          \(number + 1). \(event.name): \(series.samples.count) (mean \(Int(series.average.rounded())) ms, mean \
          deviation \(Int(series.meanDeviation.rounded())) ms, one every \
          \(InfoText.fixed(series.periodSeconds(now), 2)) s), the longest ever \(series.maxMilliseconds) ms.

          """
      }
      text += "\n" + latencyAdvice.map { "- \($0)\n" }.joined()
    }
    reply.verbatim(text)
  }

  private var latencyAdvice: [String] {
    var advice: [String] = []
    if latency[.command] != nil || latency[.fastCommand] != nil {
      let limit = settings.slowlogThresholdMicroseconds
      let (threshold, isNever) = settings.latencyMonitorThresholdMilliseconds.multipliedReportingOverflow(by: 1000)
      if !isNever && threshold > 0 && (limit < 0 || limit > threshold) {
        advice.append("The slow log leaves out some of them: CONFIG SET slowlog-log-slower-than \(threshold).")
      }
      advice.append("""
        SLOWLOG GET tells which commands were slow. Ask for less at a time: SCAN in place of KEYS, ranges in place of \
        whole collections.
        """)
    }
    if latency[.fastCommand] != nil {
      advice.append("Commands that are quick by nature were slow: look for other programs on this core, for swapping.")
    }
    if latency[.expireCycle] != nil {
      advice.append("""
        Removing expired keys took long: large values expire, or the machine is busy. INFO's expiry_lag fields tell more.
        """)
    }
    if latency[.accept] != nil || latency[.cron] != nil {
      advice.append("""
        The server's own work took long: look for other programs on this core, for swapping and for slow disks.
        """)
    }
    return advice
  }
}

/// Delays as columns, the oldest on the left, with their ages below.
enum LatencyGraph {
  private static let rows = 4

  static func text(_ series: LatencyMonitor.Series, now: Int) -> String {
    let shown = series.samples.suffix(80)
    let low = shown.map(\.milliseconds).min() ?? 0
    let high = shown.map(\.milliseconds).max() ?? 0
    // In thirds of a row.
    let heights = shown.map { low == high ? 1 : 1 + ($0.milliseconds - low) * (rows * 3 - 1) / (high - low) }
    var lines = (0..<rows).reversed().map { row in
      String(heights.map { height -> Character in
        switch height - row * 3 {
        case ...0: " "
        case 1: "_"
        case 2: "o"
        default: "#"
        }
      })
    }
    let ages = shown.map { Array(age(now - $0.unixSeconds)) }
    for place in 0..<(ages.map(\.count).max() ?? 0) {
      lines.append(String(ages.map { place < $0.count ? $0[place] : " " }))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func age(_ seconds: Int) -> String {
    switch max(0, seconds) {
    case let seconds where seconds < 60: "\(seconds)s"
    case let seconds where seconds < 3600: "\(seconds / 60)m"
    case let seconds where seconds < 86_400: "\(seconds / 3600)h"
    case let seconds: "\(seconds / 86_400)d"
    }
  }
}
