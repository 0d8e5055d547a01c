import Glibc

/// What is known of snapshots and of loading; INFO shows it.
struct PersistenceState {
  /// Seconds since 1970; at first, when the server started.
  var lastSaveSeconds: Int
  /// `Effects.dirty` when the last snapshot was taken.
  var dirtyAtSave = 0
  /// Snapshots written.
  var saves = 0
  var lastLoadKeysLoaded = 0
  var lastLoadKeysExpired = 0
  /// The background save that is going on.
  var background: BackgroundSave?
  /// Another is to follow as soon as it can be.
  var isScheduled = false
  var hasBackgroundFailed = false
  /// -1: there was none.
  var lastBackgroundSeconds = -1
  var lastTryMilliseconds = 0
  var lastFreezeMicroseconds = 0
  /// The last one ended without a file, so save points wait a little before they try again.
  var waitsToRetry = false
  var lastLimboPeakBytes = 0
  /// Saves cancelled because they kept too much from being freed.
  var limboCancellations = 0
  /// Made for the first save.
  var thread: SnapshotThread?
  /// What DEBUG FREEZE has opened.
  var debugView: DebugView?
  /// While a file is being loaded.
  var loading: LoadingProgress?

  init(nowMilliseconds: Int) { lastSaveSeconds = nowMilliseconds / 1000 }
}

struct LoadingProgress {
  let startSeconds: Int
  let totalBytes: Int
  var loadedBytes = 0
  /// What the server that wrote the file used.
  var fileUsedMemoryBytes = 0

  var percentage: Double { totalBytes > 0 ? 100 * Double(loadedBytes) / Double(totalBytes) : 0 }

  func etaSeconds(nowSeconds: Int) -> Int {
    guard loadedBytes > 0 else { return 1 }
    let elapsed = Double(max(0, nowSeconds - startSeconds))
    return Int(elapsed * Double(totalBytes - loadedBytes) / Double(loadedBytes))
  }
}

// MARK: - Saving

extension Engine {
  /// What a snapshot tells of the use of keys, and how it is written, by the settings.
  var snapshotOptions: RDBWriterOptions {
    let usage: RDBWriterOptions.Usage =
      settings.evictionPolicy.keepsUseCounter ? .frequency : settings.evictionPolicy.keepsUseTime ? .idle : .none
    return RDBWriterOptions(compresses: settings.rdbCompression, computesChecksum: settings.rdbChecksum, usage: usage,
      clock: keyspace.clock)
  }

  /// Writes the whole keyspace to `dbfilename`, here and now. Complexity: O(size of the keyspace).
  /// - Returns: false when it failed, which is logged; the old file is as it was then.
  mutating func saveSnapshot() -> Bool {
    do throws(SystemError) {
      let byteCount = try writeSnapshot()
      persistence.saves += 1
      persistence.lastSaveSeconds = keyspace.nowMilliseconds / 1000
      persistence.dirtyAtSave = keyspace.effects.dirty
      persistence.hasBackgroundFailed = false
      persistence.waitsToRetry = false
      logger.notice("DB saved on disk, \(byteCount) bytes")
      return true
    } catch {
      logger.warning("Failed writing the snapshot '\(settings.dbFilename)' in \(settings.directory): "
        + "\(error.call): \(error.text)")
      return false
    }
  }

  /// Writes a snapshot when the server is about to end: if that was asked for or, by default, if there are save
  /// points.
  /// What has been loaded in part is never saved.
  /// - Returns: false when it failed.
  mutating func saveForShutdown(asked: Bool?) -> Bool {
    endBackgroundSave()
    guard asked ?? !settings.savePoints.isEmpty, !isLoading else { return true }
    logger.notice("Saving the final RDB snapshot before exiting.")
    if saveSnapshot() { return true }
    logger.warning("Error trying to save the DB, can't exit.")
    return false
  }

  private func writeSnapshot() throws(SystemError) -> Int {
    let options = snapshotOptions
    let place = try FilePlace(path: settings.dbFilename)
    let file = try ReplacementFile(place, .snapshot, syncsIncrementally: settings.rdbSaveIncrementalFsync)
    var writer = RDBWriter(file, options)
    writer.header(snapshotFeatures(options), snapshotFields)
    for database in 0..<keyspace.databaseCount {
      let count = keyspace.count(database: database)
      guard count > 0, writer.failure == nil else { continue }
      writer.database(database, keyCount: count, expiresCount: keyspace.expiresCount(database: database))
      keyspace.forEachEntry(database: database) { writer.wholeEntry($0) }
    }
    writer.end()
    if let failure = writer.failure { throw failure }
    try writer.sink.commit()
    return writer.sink.byteCount
  }

  /// Fewer bytes in use than a long length could count rule such lengths out.
  func snapshotFeatures(_ options: RDBWriterOptions) -> RDBFeatures {
    var features = options.features.union(.hints)
    if memory.usedByteCount >= 1 << 32 { features.insert(.longLengths) }
    if keyspace.hasHeldSortedSets { features.insert(.binaryScores) }
    return features
  }

  /// Auxiliary fields as Redis writes them, and who really wrote the file.
  var snapshotFields: [(name: String, value: String)] {
    [
      ("redis-ver", Version.redis), ("needletail-ver", Version.number), ("redis-bits", "64"),
      ("ctime", String(keyspace.nowMilliseconds / 1000)), ("used-mem", String(memory.usedByteCount)), ("aof-base", "0"),
    ]
  }
}

// MARK: - Loading

extension Engine {
  /// Removes what killed processes have left where the snapshot and the configuration are. At the start, before
  /// anything is written there.
  func removeAbandonedFiles() {
    var names: [String] = []
    if let place = try? FilePlace(path: settings.dbFilename) {
      names = place.removeAbandonedFiles([.snapshot, .backgroundSnapshot])
    }
    if !facts.configurationFile.isEmpty { names += removeAbandonedReplacements(of: facts.configurationFile) }
    for name in names { logger.notice("Removed '\(name)', left by a process that is gone") }
  }

  /// Opens `dbfilename` for loading. Nil without such a file.
  mutating func openSnapshot() throws(SnapshotFailure) -> RDBLoader? {
    let descriptor = unsafe open(settings.dbFilename, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw SnapshotFailure(reason: unsafe String(cString: strerror(errno)))
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw SnapshotFailure(reason: "it is no regular file")
    }
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    var options = decoderOptions
    options.nowMilliseconds = keyspace.nowMilliseconds
    let logger = logger
    let byteCount = Int(status.st_size)
    do throws(SystemError) {
      let loader = try RDBLoader(descriptor: descriptor, byteCount: byteCount, options: options) { name, value in
        Self.logField(name, value, logger)
      }
      persistence.loading = LoadingProgress(startSeconds: WallClock.microseconds / 1_000_000, totalBytes: byteCount)
      persistence.lastLoadKeysLoaded = 0
      persistence.lastLoadKeysExpired = 0
      isLoading = true
      return loader
    } catch {
      close(descriptor)
      throw SnapshotFailure(reason: "\(error.call): \(error.text)")
    }
  }

  /// What decoding needs to know, for values that are taken whether they have expired or not.
  var decoderOptions: RDBDecoderOptions {
    RDBDecoderOptions(seed: keyspace.seed, tag: keyspace.context.units.currentTag, clock: keyspace.clock,
      limits: keyspace.limits, freer: keyspace.context.units.freer, databaseCount: keyspace.databaseCount,
      verifiesChecksum: settings.rdbChecksum)
  }

  private static func logField(_ name: String, _ value: String, _ logger: Logger) {
    switch name {
    case "redis-ver": logger.notice("Loading RDB produced by version \(value)")
    case "valkey-ver": logger.notice("Loading RDB produced by Valkey version \(value)")
    case "ctime": logger.notice("RDB age \(max(0, WallClock.microseconds / 1_000_000 - (Int(value) ?? 0))) seconds")
    case "used-mem": logger.notice("RDB memory usage when created \(InfoText.human(max(0, Int(value) ?? 0)))")
    default: break
    }
  }

  /// Puts a batch's entries into their database.
  /// - Parameter replaces: keys that are there already are replaced.
  mutating func insert(_ batch: RDBLoader.Batch, replaces: Bool = false) throws(RDBError) {
    let database = batch.database
    if batch.keyCount > 0 && keyspace.count(database: database) == 0 {
      keyspace.reserve(batch.keyCount, database: database)
    }
    // Far enough ahead to hide memory's latency, near enough to stay in the nearest cache.
    let distance = 16
    for index in 0..<min(distance, batch.count) { prefetch(batch[index], database) }
    for index in 0..<batch.count {
      if index &+ distance < batch.count { prefetch(batch[index &+ distance], database) }
      let decoded = batch[index]
      if replaces { removeLike(decoded, database) }
      if !keyspace.insert(decoded, database: database) {
        for rest in index..<batch.count {
          batch[rest].free(tag: keyspace.context.units.currentTag, keyspace.context.units.limbo)
        }
        throw RDBError(fault: .duplicateKey, offset: decoded.offset)
      }
    }
    persistence.loading?.loadedBytes = batch.offset
    persistence.lastLoadKeysLoaded += batch.count
    persistence.lastLoadKeysExpired += batch.expiredCount
  }

  /// Loads `dbfilename` into an empty keyspace while everybody waits.
  /// - Returns: false when there is no such file or it is bad, which is logged; a part of it may have been loaded then.
  /// - Parameter merges: keys that are there already are replaced.
  mutating func loadSnapshot(merges: Bool = false) -> Bool {
    do throws(SnapshotFailure) {
      guard let loader = try openSnapshot() else { throw SnapshotFailure(reason: "there is no such file") }
      defer { endLoading(loader) }
      while true {
        switch loader.waitForNext() {
        case .batch(let batch):
          defer { loader.recycle(batch) }
          do throws(RDBError) { try insert(batch, replaces: merges) } catch { throw SnapshotFailure(error) }
        case .wait: continue
        case .finished: return true
        case .failed(let error): throw SnapshotFailure(error)
        }
      }
    } catch {
      logger.warning("Failed loading '\(settings.dbFilename)': \(error.reason)")
      return false
    }
  }

  private mutating func removeLike(_ decoded: DecodedEntry, _ database: Int) {
    var found = keyspace.find(Key(bytes: decoded.entry.key, hash: decoded.hash), in: database)
    guard found.entry != nil else { return }
    keyspace.countSize(found, .generic, lengthBefore: found.length, lengthAfter: -1)
    keyspace.remove(&found)
  }

  @inline(__always)
  private func prefetch(_ decoded: DecodedEntry, _ database: Int) {
    keyspace.prefetchBucket(decoded.hash, database: database)
    decoded.prefetch()
  }

  /// The loader is done, or is to be.
  mutating func endLoading(_ loader: RDBLoader) {
    memory.add(loader.finish())
    keyspace.settle()
    persistence.loading = nil
    isLoading = false
  }
}

/// Why a snapshot cannot be loaded.
struct SnapshotFailure: Error {
  let reason: String

  init(reason: String) { self.reason = reason }
  init(_ error: RDBError) { reason = "at offset \(error.offset): \(error.message)" }
}
