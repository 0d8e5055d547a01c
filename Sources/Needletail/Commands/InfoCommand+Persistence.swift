// INFO's section on snapshots. The append-only file is not there yet: nothing in progress, none done.

extension Engine {
  func appendPersistence(_ text: inout InfoText) {
    text.field("loading", isLoading ? 1 : 0)
    text.field("async_loading", 0)
    // Nothing is copied on write here; what a view keeps from being freed is what a save costs in memory.
    let limbo = keyspace.isFrozen ? keyspace.context.units.limbo.byteCount : 0
    text.field("current_cow_peak", max(limbo, persistence.background?.limboPeakBytes ?? 0))
    text.field("current_cow_size", limbo)
    text.field("current_cow_size_age", 0)
    text.decimal("current_fork_perc", 0, digits: 2)
    let save = persistence.background
    text.field("current_save_keys_processed", save == nil ? 0 : persistence.thread?.visitedCount ?? 0)
    text.field("current_save_keys_total", save?.keyCount ?? 0)
    text.field("rdb_changes_since_last_save", keyspace.effects.dirty - persistence.dirtyAtSave)
    text.field("rdb_bgsave_in_progress", save == nil ? 0 : 1)
    text.field("rdb_last_save_time", persistence.lastSaveSeconds)
    text.field("rdb_last_bgsave_status", persistence.hasBackgroundFailed ? "err" : "ok")
    text.field("rdb_last_bgsave_time_sec", persistence.lastBackgroundSeconds)
    text.field("rdb_current_bgsave_time_sec",
      save.map { max(0, keyspace.nowMilliseconds - $0.startMilliseconds) / 1000 } ?? -1)
    text.field("rdb_saves", persistence.saves)
    text.field("rdb_last_cow_size", persistence.lastLimboPeakBytes)
    text.field("rdb_last_load_keys_expired", persistence.lastLoadKeysExpired)
    text.field("rdb_last_load_keys_loaded", persistence.lastLoadKeysLoaded)
    text.field("rdb_last_freeze_usec", persistence.lastFreezeMicroseconds)
    text.field("rdb_limbo_cancellations", persistence.limboCancellations)
    text.field("aof_enabled", 0)
    text.field("aof_rewrite_in_progress", 0)
    text.field("aof_rewrite_scheduled", 0)
    text.field("aof_last_rewrite_time_sec", -1)
    text.field("aof_current_rewrite_time_sec", -1)
    text.field("aof_last_bgrewrite_status", "ok")
    text.field("aof_rewrites", 0)
    text.field("aof_rewrites_consecutive_failures", 0)
    text.field("aof_last_write_status", "ok")
    text.field("aof_last_cow_size", 0)
    text.field("module_fork_in_progress", 0)
    text.field("module_fork_last_cow_size", 0)
    guard let loading = persistence.loading else { return }
    text.field("loading_start_time", loading.startSeconds)
    text.field("loading_total_bytes", loading.totalBytes)
    text.field("loading_loaded_bytes", loading.loadedBytes)
    text.field("loading_loaded_perc", InfoText.fixed(loading.percentage, 2))
    text.field("loading_eta_seconds", loading.etaSeconds(nowSeconds: WallClock.microseconds / 1_000_000))
  }
}
