import CSystem
import Glibc

/// Loading a snapshot at the start, between the clients' requests, which are answered -LOADING meanwhile.
extension Server {
  /// Inserting takes this long in a turn at most, which is what a client then waits for its answer.
  private static var loadingMicroseconds: Int { 2000 }

  /// Starts loading `dbfilename`, if there is one.
  /// - Returns: false when it cannot be read; the reason is logged.
  mutating func startLoading() -> Bool {
    do throws(SnapshotFailure) {
      guard let loader = try engine.openSnapshot() else {
        logReady()
        return true
      }
      self.loader = loader
      loadStart = LoopClock.nanoseconds(CLOCK_MONOTONIC)
      nextProgressLog = loadStart + 1_000_000_000
      try? engine.network.poller.add(PollToken(.wakeup, descriptor: loader.wakeup))
      return true
    } catch {
      engine.logger.warning("Fatal error loading the DB, '\(engine.settings.dbFilename)': \(error.reason). Exiting.")
      return false
    }
  }

  /// Inserts what has been decoded. Nothing else of the background's work is done before all is loaded.
  mutating func load(_ loader: RDBLoader) {
    let deadline = cs_cycles() + engine.clock.cycles(microseconds: Self.loadingMicroseconds)
    logProgress()
    loader.clearWakeup()
    repeat {
      switch loader.next() {
      case .wait:
        loaderHasMore = false
        return
      case .batch(let batch):
        do throws(RDBError) {
          try engine.insert(batch)
        } catch {
          loader.recycle(batch)
          return failLoading(loader, error)
        }
        loader.recycle(batch)
      case .failed(let error):
        return failLoading(loader, error)
      case .finished:
        return finishLoading(loader)
      }
    } while cs_cycles() < deadline
    loaderHasMore = true
  }

  private mutating func finishLoading(_ loader: RDBLoader) {
    endLoading(loader)
    let seconds = Double(LoopClock.nanoseconds(CLOCK_MONOTONIC) - loadStart) / 1e9
    let state = engine.persistence
    engine.logger.notice("Done loading RDB, keys loaded: \(state.lastLoadKeysLoaded), keys expired: "
      + "\(state.lastLoadKeysExpired).")
    engine.logger.notice("DB loaded from disk: \(InfoText.fixed(seconds, 3)) seconds")
    logReady()
  }

  /// A keyspace of which a part is missing must not be served, nor be saved over the file it came from.
  private mutating func failLoading(_ loader: RDBLoader, _ error: RDBError) {
    endLoading(loader)
    engine.logger.warning("Bad data in '\(engine.settings.dbFilename)' at offset \(error.offset): \(error.message)")
    engine.logger.warning("Fatal error loading the DB, check server logs. Exiting.")
    hasFailed = true
  }

  /// Also for a loader whose file is not read to its end.
  mutating func endLoading(_ loader: RDBLoader) {
    engine.network.poller.remove(PollToken(.wakeup, descriptor: loader.wakeup))
    engine.endLoading(loader)
    self.loader = nil
    loaderHasMore = false
  }

  private mutating func logProgress() {
    let now = LoopClock.nanoseconds(CLOCK_MONOTONIC)
    guard now >= nextProgressLog, let progress = engine.persistence.loading else { return }
    nextProgressLog = now + 1_000_000_000
    engine.logger.notice("Loading '\(engine.settings.dbFilename)': \(InfoText.fixed(progress.percentage, 2))%, "
      + "\(engine.persistence.lastLoadKeysLoaded) keys")
  }

  private func logReady() {
    if engine.settings.port > 0 { engine.logger.notice("Ready to accept connections tcp") }
    if !engine.settings.unixSocketPath.isEmpty { engine.logger.notice("Ready to accept connections unix") }
    engine.facts.serviceManager.announceReadiness()
  }
}
