/// What the families of keys and values share: walking a request's keys in batches, lookups by hashed key, lengths for
/// effects.
extension Engine {
  /// How many keys of one request are in flight at a time: enough to hide memory's latency, few enough to stay in the
  /// nearest cache.
  private static var keyBatch: Int { 32 }

  /// Calls `body` for every `step`-th argument from `first` on and before `end` (nil: the last), hashed, until it
  /// answers false. Batch by batch, all buckets are prefetched, then all entries, before the first key is looked up.
  /// - Returns: false when `body` did.
  @inline(__always)
  @discardableResult
  mutating func forEachKey(_ request: Request, from first: Int, step: Int = 1, to end: Int? = nil,
    _ body: (inout Engine, Key, Int) -> Bool) -> Bool
  {
    let seed = keyspace.seed
    let end = end ?? request.count
    // The only key: nothing to overlap its misses with. (Most were prefetched with the request.)
    if end <= first + step { return body(&self, request.key(first, seed), first) }
    let database = request.client.database
    var hashes = InlineArray<32, UInt64>(repeating: 0)
    var start = first
    while start < end {
      let count = min(Self.keyBatch, (end - start + step - 1) / step)
      for i in 0..<count {
        hashes[i] = request.key(start + i * step, seed).hash
        keyspace.prefetchBucket(hashes[i], database: database)
      }
      for i in 0..<count { keyspace.prefetchEntry(hashes[i], database: database) }
      for i in 0..<count {
        let index = start + i * step
        guard body(&self, Key(bytes: request[index], hash: hashes[i]), index) else { return false }
      }
      start += count * step
    }
    return true
  }

  /// As `lookupWrite(_: Request, _:)`, for a key that is hashed already.
  @inline(__always)
  mutating func lookupWrite(_ key: Key, in database: Int) -> Found {
    let found = keyspace.find(key, in: database)
    if let entry = found.entry { keyspace.clock.touch(entry) }
    return found
  }

  /// As `lookupRead(_: Request, _:)`, for a key that is hashed already.
  @inline(__always)
  mutating func lookupRead(_ key: Key, in database: Int) -> Found {
    let found = lookupWrite(key, in: database)
    if found.entry == nil { statistics.keyspaceMisses += 1 } else { statistics.keyspaceHits += 1 }
    return found
  }

  /// Looks a key up to tell something about it, which is no use of it: counts a hit or a miss, leaves the clock alone.
  @inline(__always)
  mutating func lookupUntouched(_ key: Key, in database: Int) -> Entry? {
    let entry = keyspace.find(key, in: database).entry
    if entry == nil { statistics.keyspaceMisses += 1 } else { statistics.keyspaceHits += 1 }
    return entry
  }

  mutating func lookupUntouched(_ request: Request, _ index: Int) -> Entry? {
    lookupUntouched(request.key(index, keyspace.seed), in: request.client.database)
  }

  /// Tells a further event of a change that was reported, and so counted, before.
  @inline(__always)
  mutating func reportAlso(_ eventClass: EventClass, _ event: StaticString, _ found: Found, length: Int) {
    reportAlso(eventClass, event, found, lengthBefore: length, lengthAfter: length)
  }

  /// As above, of another key that the same change concerns.
  @inline(__always)
  mutating func reportAlso(_ eventClass: EventClass, _ event: StaticString, _ found: Found, lengthBefore: Int,
    lengthAfter: Int, type: ValueType? = nil)
  {
    report(eventClass, event, found, lengthBefore: lengthBefore, lengthAfter: lengthAfter, type: type)
    keyspace.effects.count(-1)
  }

  /// Takes a key that exists out and reports it.
  mutating func removeAndReport(_ found: inout Found) {
    let length = found.length
    keyspace.remove(&found)
    report(.generic, "del", found, lengthBefore: length, lengthAfter: -1)
  }

  /// As `removeAndReport`, for a command that names more than the key: it is reproduced as a plain deletion.
  mutating func removeAsAsked(_ found: inout Found) {
    let key = found.key.bytes
    removeAndReport(&found)
    let command: StaticString = settings.lazyfreeUserDel ? "UNLINK" : "DEL"
    reproduce {
      $0.append(command)
      $0.append(key)
    }
  }

  /// The request took a key out because of the time it named: that is reproduced as a deletion.
  mutating func reproduceAsDeletion(_ key: ByteView) {
    let command: StaticString = settings.lazyfreeExpire ? "UNLINK" : "DEL"
    reproduce {
      $0.append(command)
      $0.append(key)
    }
  }

  /// How many elements a command draws with repetitions at most: more would only fill memory.
  static var drawsMax: Int { 1 << 20 }

  /// - Parameter count: as asked for; negative: with repetitions.
  /// - Returns: false when so many are not drawn, which has been answered.
  mutating func acceptsDraws(_ count: Int) -> Bool {
    if count >= -Self.drawsMax { return true }
    reply.error("ERR value is out of range")
    return false
  }

  /// The system had no memory for a value; nothing has changed.
  @inline(never)
  mutating func replyOutOfMemory() {
    reply.error("OOM no memory left for a value of this size")
  }
}
