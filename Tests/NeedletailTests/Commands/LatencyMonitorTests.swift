import Testing
@testable import Needletail

@Suite struct LatencyMonitorTests {
  private func settings(threshold: Int) -> Settings {
    var settings = Settings()
    settings.latencyMonitorThresholdMilliseconds = threshold
    return settings
  }

  @Test func thresholdAtBelowAbove() {
    var monitor = LatencyMonitor()
    monitor.add(.command, 1_000_000, settings(threshold: 0), 1)
    monitor.add(.command, 9, settings(threshold: 10), 1)
    #expect(monitor.events.isEmpty)
    monitor.add(.command, 10, settings(threshold: 10), 1)
    #expect(monitor[.command]?.samples == [.init(unixSeconds: 1, milliseconds: 10)])
    monitor.add(.command, 11, settings(threshold: 10), 2)
    #expect(monitor[.command]?.maxMilliseconds == 11)
    #expect(monitor[.fastCommand] == nil)
  }

  /// The longest of a second stands for it, and 160 seconds are kept.
  @Test func samplesOfASecond() throws {
    var monitor = LatencyMonitor()
    for second in 1...161 {
      for milliseconds in [5, 7 + second, 6] {
        monitor.add(.cron, milliseconds, settings(threshold: 5), UInt32(second))
      }
    }
    let series = try #require(monitor[.cron])
    #expect(series.samples.count == 160)
    #expect(series.samples.first == .init(unixSeconds: 2, milliseconds: 9))
    #expect(series.samples.last == .init(unixSeconds: 161, milliseconds: 168))
    #expect(series.low == 9 && series.high == 168)
    let resets = [monitor.reset(.cron), monitor.reset(.cron)]
    #expect(resets == [true, false])
    #expect(monitor.events.isEmpty)
  }

  @Test func graph() throws {
    var monitor = LatencyMonitor()
    for (second, milliseconds) in [(1, 1), (50, 100), (100, 50)] {
      monitor.add(.command, milliseconds, settings(threshold: 1), UInt32(second))
    }
    let series = try #require(monitor[.command])
    let lines = LatencyGraph.text(series, now: 101).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 4 + 3 + 1)
    #expect(lines[0] == " # ")
    #expect(lines[3].first == "_")
    #expect(lines[4] == "151" && lines[5] == "m1s")
  }
}
