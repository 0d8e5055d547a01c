// Transactions: requests queued between MULTI and EXEC, optimistic locks by WATCH.

enum TransactionCommand: UInt8, Sendable, CaseIterable {
  case multi, exec, discard, watch, unwatch
}

extension TransactionCommand {
  static let rows: [CommandSpec] = [
    CommandSpec(
      id: .transaction(.multi), name: "multi", arity: 1, flags: [.noscript, .loading, .stale, .fast, .allowBusy],
      categories: [.fast, .transaction],
      docs: CommandDocs(
        summary: "Begins a transaction: requests are queued until EXEC.",
        since: "1.2.0", group: "transactions", complexity: "O(1)")),
    CommandSpec(
      id: .transaction(.exec), name: "exec", arity: 1, flags: [.noscript, .loading, .stale, .skipSlowlog],
      categories: [.slow, .transaction],
      docs: CommandDocs(
        summary: "Executes all that was queued since MULTI, unless a watched key has changed.",
        since: "1.2.0", group: "transactions", complexity: "by queued commands")),
    CommandSpec(
      id: .transaction(.discard), name: "discard", arity: 1, flags: [.noscript, .loading, .stale, .fast, .allowBusy],
      categories: [.fast, .transaction],
      docs: CommandDocs(
        summary: "Ends a transaction and forgets all that was queued.",
        since: "2.0.0", group: "transactions", complexity: "O(N)")),
    CommandSpec(
      id: .transaction(.watch), name: "watch", arity: -2, flags: [.noscript, .loading, .stale, .fast, .allowBusy],
      categories: [.fast, .transaction],
      keySpecs: [
        KeySpec(flags: ["RO"], begin: .index(1), find: .range(lastKey: -1, step: 1, limit: 0)),
      ],
      docs: CommandDocs(
        summary: "Makes the next EXEC fail if one of the keys changes before it.",
        since: "2.2.0", group: "transactions", complexity: "O(1)",
        arguments: [
          ArgumentSpec(name: "key", kind: .key, keySpecIndex: 0, isMultiple: true),
        ])),
    CommandSpec(
      id: .transaction(.unwatch), name: "unwatch", arity: 1, flags: [.noscript, .loading, .stale, .fast, .allowBusy],
      categories: [.fast, .transaction],
      docs: CommandDocs(
        summary: "Forgets all watched keys of the connection.",
        since: "2.2.0", group: "transactions", complexity: "O(1)")),
  ]
}

/// What a client has while it watches keys or is between MULTI and EXEC.
struct Transaction: ~Copyable {
  var queue = RequestQueue()
  /// A request was refused while queueing: EXEC will fail.
  var isAborted = false
  /// Those of all commands that are queued.
  var queuedFlags: CommandFlags = []
  /// EXEC is running what was queued.
  var isExecuting = false
  var watcher: Watcher?

  /// All memory that it takes. Complexity: O(1).
  var heapByteCount: Int {
    Heap.goodSize(MemoryLayout<Transaction>.size) + queue.heapByteCount + (watcher?.heapByteCount ?? 0)
  }
}

extension Engine {
  mutating func run(_ command: TransactionCommand, _ request: Request) {
    switch command {
    case .multi: multiCommand(request)
    case .exec: execCommand(request)
    case .discard: discardCommand(request)
    case .watch: watchCommand(request)
    case .unwatch: unwatchCommand(request)
    }
  }

  mutating func multiCommand(_ request: Request) {
    guard !request.client.state.isQueueing else { return reply.error("ERR MULTI calls can not be nested") }
    prepareTransaction(request.client)
    request.client.state.isQueueing = true
    reply.ok()
  }

  mutating func discardCommand(_ request: Request) {
    guard request.client.state.isQueueing else { return reply.error("ERR DISCARD without MULTI") }
    endTransaction(request.client)
    reply.ok()
  }

  mutating func watchCommand(_ request: Request) {
    guard !request.client.state.isQueueing else { return reply.error("ERR WATCH inside MULTI is not allowed") }
    prepareTransaction(request.client)
    let watcher = unsafe request.client.state.transaction!.pointee.watcher ?? Watcher()
    unsafe request.client.state.transaction!.pointee.watcher = watcher
    let database = request.client.database
    for index in 1..<request.count {
      let key = request.key(index, keyspace.seed)
      let isExpired = keyspace.holdsExpired(key, in: database)
      keyspace.effects.watch(key, database: database, isExpired: isExpired, by: watcher)
    }
    reply.ok()
  }

  mutating func unwatchCommand(_ request: Request) {
    unwatch(request.client)
    reply.ok()
  }

  /// Executes what was queued, in batches whose keys are prefetched before the first command of a batch runs.
  mutating func execCommand(_ request: Request) {
    let client = request.client
    guard client.state.isQueueing, let transaction = unsafe client.state.transaction else {
      return reply.error("ERR EXEC without MULTI")
    }
    if unsafe transaction.pointee.isAborted {
      endTransaction(client)
      return reply.error("EXECABORT Transaction discarded because of previous errors.")
    }
    if let watcher = unsafe transaction.pointee.watcher, watcher.isTouched || watchedKeyHasExpired(watcher) {
      endTransaction(client)
      return reply.nullArray()
    }
    unwatch(client)
    client.state.isQueueing = false
    unsafe transaction.pointee.isExecuting = true
    keyspace.effects.beginTransaction()
    unsafe transaction.pointee.queue.exchangeLargeArguments(with: &keyspace.largeArguments)
    unsafe reply.array(transaction.pointee.queue.count)
    var position = 0
    var left = unsafe transaction.pointee.queue.count
    while left > 0 {
      let count = min(left, RequestBatch.limit)
      for i in 0..<count {
        position = unsafe transaction.pointee.queue.read(at: position, for: client, into: &queuedBatch)
        if queuedBatch[i].hashedIndex > 0 {
          keyspace.prefetchBucket(queuedBatch[i].hash, database: client.database)
        }
      }
      for i in 0..<count where queuedBatch[i].hashedIndex > 0 {
        keyspace.prefetchEntry(queuedBatch[i].hash, database: client.database)
      }
      for i in 0..<count {
        queuedBatch.executing = i
        executeQueued(queuedBatch[i])
      }
      queuedBatch.removeAll()
      left -= count
    }
    unsafe transaction.pointee.queue.exchangeLargeArguments(with: &keyspace.largeArguments)
    keyspace.effects.endTransaction(database: client.database)
    endTransaction(client)
    // The keyspace is never frozen between the commands of a transaction, so that is done here.
    if persistence.isScheduled { startScheduledSave() }
  }

  /// Redis counts a key whose time has come since it was watched as changed, though nobody has removed it yet.
  private func watchedKeyHasExpired(_ watcher: Watcher) -> Bool {
    watcher.keys.contains { watched in
      !watched.wasExpired && watched.withKey { keyspace.holdsExpired($0, in: watched.database) }
    }
  }
}

// MARK: - A client's transaction

extension Engine {
  /// Queues a request that was found to be in order.
  @inline(never)
  mutating func queue(_ index: CommandIndex, _ request: Request) {
    guard let transaction = unsafe request.client.state.transaction else { preconditionFailure("MULTI made it") }
    unsafe transaction.pointee.queue.append(request, index, takingFrom: &keyspace.largeArguments)
    unsafe transaction.pointee.queuedFlags.formUnion(commands.info(index).flags)
    if unsafe transaction.pointee.queue.byteCount > settings.queryBufferMaxBytes {
      logger.warning("Closing client that reached max query buffer length: id=\(request.client.state.id)")
      statistics.queryBufferDisconnections += 1
      request.client.state.closesAtOnce = true
      return
    }
    reply.raw("+QUEUED\r\n")
  }

  /// True for commands between MULTI and EXEC that are being executed.
  func isExecutingTransaction(_ client: Client) -> Bool { unsafe client.state.transaction?.pointee.isExecuting == true }

  /// A request was refused: if the client is queueing, its EXEC will fail.
  mutating func abortTransaction(_ client: Client) {
    guard client.state.isQueueing else { return }
    unsafe client.state.transaction?.pointee.isAborted = true
  }

  /// Ends MULTI and WATCH, whatever the client was about; nothing if it was not.
  mutating func endTransaction(_ client: Client) {
    client.state.isQueueing = false
    unwatch(client)
    guard let transaction = unsafe client.state.transaction else { return }
    unsafe client.state.transaction = nil
    unsafe transaction.pointee.queue.removeAll()
    unsafe transaction.pointee.isAborted = false
    unsafe transaction.pointee.queuedFlags = []
    unsafe transaction.pointee.isExecuting = false
    if unsafe spareTransaction == nil, unsafe transaction.pointee.queue.isSmall {
      unsafe spareTransaction = transaction
    } else {
      unsafe Self.free(transaction)
    }
  }

  private mutating func unwatch(_ client: Client) {
    guard let watcher = unsafe client.state.transaction?.pointee.watcher else { return }
    keyspace.effects.unwatch(watcher)
    unsafe client.state.transaction!.pointee.watcher = nil
  }

  private mutating func prepareTransaction(_ client: Client) {
    guard unsafe client.state.transaction == nil else { return }
    if let spare = unsafe spareTransaction {
      unsafe client.state.transaction = spare
      unsafe spareTransaction = nil
      return
    }
    let made = UnsafeMutablePointer<Transaction>.allocate(capacity: 1)
    unsafe made.initialize(to: Transaction())
    unsafe client.state.transaction = made
  }

  static func free(_ transaction: UnsafeMutablePointer<Transaction>) {
    unsafe transaction.deinitialize(count: 1)
    unsafe transaction.deallocate()
  }
}
