// HOTKEYS, as Redis 8.6 has it.

extension ObservingCommand {
  private static func hotkeys(_ id: ObservingCommand, _ name: StaticString, arity: Int, summary: StaticString,
    complexity: StaticString = "O(1)", arguments: [ArgumentSpec] = []) -> CommandSpec
  {
    CommandSpec(
      id: .observing(id), name: name, arity: arity, flags: [.admin, .noscript],
      categories: [.admin, .slow, .dangerous],
      docs: CommandDocs(
        summary: summary, since: "8.6.0", group: "server", complexity: complexity, arguments: arguments))
  }

  static let hotkeysRow = CommandSpec(
    id: .observing(.hotkeys), name: "hotkeys", arity: -2, flags: [], categories: [.slow],
    docs: CommandDocs(
      summary: "Holds the commands about keys that take much.",
      since: "8.6.0", group: "server", complexity: "by subcommand"),
    subcommands: [
      hotkeys(.hotkeysGet, "get", arity: 2, summary: "Returns the keys that took most.", complexity: "O(K)"),
      CommandSpec(
        id: .observing(.hotkeysHelp), name: "help", arity: 2, flags: [.loading, .stale], categories: [.admin, .slow],
        docs: CommandDocs(summary: "Lists the subcommands.", since: "8.6.1", group: "server", complexity: "O(1)")),
      hotkeys(.hotkeysReset, "reset", arity: 2, summary: "Forgets what was counted."),
      hotkeys(.hotkeysStart, "start", arity: -2, summary: "Begins to count what keys take.",
        arguments: [
          .block("metrics", token: "METRICS", [.integer("count"), .option("cpu", "CPU"), .option("net", "NET")]),
          .option("k", .integer, "COUNT"), .option("seconds", .integer, "DURATION"),
          .option("ratio", .integer, "SAMPLE"),
          ArgumentSpec(
            name: "slots", kind: .block, token: "SLOTS", isOptional: true,
            arguments: [.integer("count"), ArgumentSpec(name: "slot", kind: .integer, isMultiple: true)]),
        ]),
      hotkeys(.hotkeysStop, "stop", arity: 2, summary: "Ends counting and keeps what was counted."),
    ])
}

extension Engine {
  /// HOTKEYS START METRICS count [CPU] [NET] [COUNT k] [DURATION seconds] [SAMPLE ratio]
  mutating func hotkeysStartCommand(_ request: Request) {
    endHotKeysWhenDue()
    if hotKeys?.isActive == true { return reply.error("ERR hotkey tracking session already in progress") }
    var index = 2
    guard let metrics = hotKeyMetrics(request, &index) else { return }
    var shownCount = HotKeys.shownByDefault
    var duration = 0
    var ratio = 1
    while index < request.count {
      let option = request[index]
      guard index + 1 < request.count else { return reply.syntaxError() }
      let value = request[index + 1].integer
      if option.equalsIgnoringCase("count") {
        guard let value, 1...HotKeys.shownMax ~= value else {
          return reply.error("ERR COUNT must be between 1 and 64")
        }
        shownCount = value
      } else if option.equalsIgnoringCase("duration") {
        guard let value, 0...1_000_000_000 ~= value else {
          return reply.error("ERR DURATION must be between 0 and 1000000000")
        }
        duration = value
      } else if option.equalsIgnoringCase("sample") {
        guard let value, 1...Int(Int32.max) ~= value else { return reply.error("ERR SAMPLE ratio must be positive") }
        ratio = value
      } else if option.equalsIgnoringCase("slots") {
        return reply.error("ERR SLOTS parameter cannot be used in non-cluster mode")
      } else {
        return reply.syntaxError()
      }
      index += 2
    }
    hotKeys = HotKeys(metrics: metrics, shownCount: shownCount, sampleRatio: ratio, durationSeconds: duration,
      nowMilliseconds: keyspace.nowMilliseconds)
    updateWatch()
    reply.ok()
  }

  /// METRICS count metric [metric ...]: unknown metrics are passed over, for clients of later servers.
  /// - Returns: nil when they are not in order, which has been answered.
  private mutating func hotKeyMetrics(_ request: Request, _ index: inout Int) -> HotKeys.Metrics? {
    guard index < request.count, request[index].equalsIgnoringCase("metrics") else {
      reply.error("ERR METRICS parameter is required")
      return nil
    }
    guard index + 1 < request.count, let count = request[index + 1].integer, count > 0 else {
      reply.error("ERR METRICS count must be positive")
      return nil
    }
    guard count <= request.count - index - 2 else {
      reply.error("ERR METRICS count does not match number of metric types provided")
      return nil
    }
    var metrics: HotKeys.Metrics = []
    for place in (index + 2)..<(index + 2 + count) {
      let isCPU = request[place].equalsIgnoringCase("cpu")
      guard isCPU || request[place].equalsIgnoringCase("net") else { continue }
      guard metrics.insert(isCPU ? .cpu : .net).inserted else {
        reply.error(isCPU ? "ERR METRICS CPU defined more than once" : "ERR METRICS NET defined more than once")
        return nil
      }
    }
    guard !metrics.isEmpty else {
      reply.error("ERR METRICS no valid metrics passed. Supported: CPU, NET")
      return nil
    }
    index += 2 + count
    return metrics
  }

  mutating func hotkeysStopCommand() {
    guard hotKeys != nil else { return reply.null() }
    hotKeys?.stop(keyspace.nowMilliseconds)
    updateWatch()
    reply.ok()
  }

  mutating func hotkeysResetCommand() {
    endHotKeysWhenDue()
    if hotKeys?.isActive == true {
      return reply.error("ERR hotkey tracking session in progress, stop tracking first")
    }
    hotKeys = nil
    reply.ok()
  }

  /// HOTKEYS GET: an array of one map.
  mutating func hotkeysGetCommand() {
    endHotKeysWhenDue()
    guard let session = hotKeys else { return reply.null() }
    let hasCPU = session.metrics.contains(.cpu)
    let hasNet = session.metrics.contains(.net)
    reply.array(1)
    reply.map(7 + (hasCPU ? 3 : 0) + (hasNet ? 2 : 0))
    field("tracking-active", session.isActive ? 1 : 0)
    field("sample-ratio", session.sampleRatio)
    reply.bulk("selected-slots")
    reply.array(1)
    reply.array(2)
    reply.integer(0)
    reply.integer(16_383)
    field("all-commands-all-slots-us", clock.microseconds(session.cycles))
    field("net-bytes-all-commands-all-slots", session.bytes)
    field("collection-start-time-unix-ms", session.startMilliseconds)
    field("collection-duration-ms", session.durationMilliseconds(keyspace.nowMilliseconds))
    if hasCPU {
      let cpu = session.cpuSeconds
      field("total-cpu-time-user-ms", Int(cpu.user * 1000))
      field("total-cpu-time-sys-ms", Int(cpu.system * 1000))
    }
    if hasNet { field("total-net-bytes", session.bytes) }
    if hasCPU {
      let keys = session.cpu.top(session.shownCount).map { (key: $0.key, amount: clock.microseconds($0.amount)) }
      replyHotKeys("by-cpu-time-us", keys)
    }
    if hasNet {
      replyHotKeys("by-net-bytes", session.net.top(session.shownCount).map { (key: $0.key, amount: Int($0.amount)) })
    }
  }

  private mutating func replyHotKeys(_ name: StaticString, _ keys: [(key: [UInt8], amount: Int)]) {
    reply.bulk(name)
    reply.array(keys.count * 2)
    for (key, amount) in keys {
      reply.bulk(key)
      reply.integer(amount)
    }
  }

  mutating func hotkeysHelpCommand() {
    reply.help(
      "HOTKEYS",
      [
        "START METRICS <count> [CPU] [NET] [COUNT <k>] [DURATION <seconds>] [SAMPLE <ratio>]",
        "    Count what keys take of the processor or the network, for <seconds> or until STOP.",
        "STOP", "    End counting and keep what was counted.",
        "GET", "    Return the <k> keys that took most.",
        "RESET", "    Forget what was counted.",
      ])
  }
}
