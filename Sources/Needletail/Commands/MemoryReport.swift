/// What memory is used for; INFO and MEMORY STATS show it. All in bytes, without what only other servers have.
struct MemoryReport {
  struct Database {
    let number: Int
    let tableBytes: Int
  }

  var usedBytes = 0
  var peakBytes = 0
  var startupBytes = 0
  var clientBytes = 0
  /// Kept for a view that a snapshot is being written of.
  var limboBytes = 0
  var keyCount = 0
  var databases: [Database] = []
  var residentBytes = 0
  var allocator: ServerFacts.Allocator?

  var tableBytes: Int { databases.reduce(0) { $0 + $1.tableBytes } }
  /// What is no key and no value.
  var overheadBytes: Int { min(usedBytes, startupBytes + clientBytes + limboBytes + tableBytes) }
  var datasetBytes: Int { usedBytes - overheadBytes }
  /// Of what was added since the start.
  var datasetPercentage: Double {
    let added = usedBytes - startupBytes
    return added > 0 ? min(100, 100 * Double(datasetBytes) / Double(added)) : 0
  }

  static func ratio(_ a: Int, _ b: Int) -> Double { b > 0 ? Double(a) / Double(b) : 0 }
}

extension Engine {
  /// Complexity: O(databases).
  mutating func memoryReport() -> MemoryReport {
    refreshFacts()
    var report = MemoryReport()
    report.usedBytes = facts.usedMemoryBytes
    report.peakBytes = max(facts.usedMemoryPeakBytes, facts.usedMemoryBytes)
    report.startupBytes = facts.startupMemoryBytes ?? 0
    report.clientBytes = clientMemoryBytes
    report.limboBytes = keyspace.isFrozen ? keyspace.context.units.limbo.byteCount : 0
    for number in 0..<keyspace.databaseCount where keyspace.count(database: number) > 0 {
      report.keyCount += keyspace.count(database: number)
      report.databases.append(.init(number: number, tableBytes: keyspace.tableByteCount(database: number)))
    }
    report.residentBytes = SystemFacts.residentBytes
    report.allocator = facts.allocator
    return report
  }

  /// MEMORY PURGE: answered at once.
  mutating func memoryPurgeCommand() {
    AllocatorFacts.purge(on: keyspace.context.units.freer)
    reply.ok()
  }

  /// MEMORY STATS
  mutating func memoryStatsCommand() {
    let report = memoryReport()
    var fields: [(StaticString, Int)] = [
      ("peak.allocated", report.peakBytes), ("total.allocated", report.usedBytes),
      ("startup.allocated", report.startupBytes), ("replication.backlog", 0), ("replica.fullsync.buffer", 0),
      ("clients.slaves", 0), ("clients.normal", report.clientBytes), ("cluster.links", 0), ("aof.buffer", 0),
      ("lua.caches", 0), ("functions.caches", 0), ("script.VMs", 0),
    ]
    let before = fields.count
    fields += [
      ("overhead.db.hashtable.lut", report.tableBytes), ("overhead.db.hashtable.rehashing", 0),
      ("overhead.total", report.overheadBytes), ("db.dict.rehashing.count", 0), ("keys.count", report.keyCount),
      ("keys.bytes-per-key", report.keyCount > 0 ? (report.usedBytes - report.startupBytes) / report.keyCount : 0),
      ("dataset.bytes", report.datasetBytes),
    ]
    reply.map(fields.count + report.databases.count + 2 + (report.allocator == nil ? 2 : 12))
    for (name, value) in fields[..<before] { field(name, value) }
    for database in report.databases {
      reply.bulk("db.\(database.number)")
      reply.map(2)
      field("overhead.hashtable.main", database.tableBytes)
      // Deadlines lie beside the table.
      field("overhead.hashtable.expires", 0)
    }
    for (name, value) in fields[before...] { field(name, value) }
    field("dataset.percentage", report.datasetPercentage)
    field("peak.percentage", 100 * MemoryReport.ratio(report.usedBytes, report.peakBytes))
    if let allocator = report.allocator { replyAllocator(allocator, report.residentBytes) }
    field("fragmentation", MemoryReport.ratio(report.residentBytes, report.usedBytes))
    field("fragmentation.bytes", report.residentBytes - report.usedBytes)
  }

  private mutating func replyAllocator(_ allocator: ServerFacts.Allocator, _ resident: Int) {
    field("allocator.allocated", allocator.allocatedBytes)
    field("allocator.active", allocator.activeBytes)
    field("allocator.resident", allocator.residentBytes)
    field("allocator.muzzy", allocator.muzzyBytes)
    field("allocator-fragmentation.ratio", allocator.fragmentationRatio)
    field("allocator-fragmentation.bytes", allocator.fragmentationBytes)
    field("allocator-rss.ratio", allocator.residentRatio)
    field("allocator-rss.bytes", allocator.idleBytes)
    field("rss-overhead.ratio", MemoryReport.ratio(resident, allocator.residentBytes))
    field("rss-overhead.bytes", resident - allocator.residentBytes)
  }

  /// A field of a map.
  mutating func field(_ name: StaticString, _ value: Int) {
    reply.bulk(name)
    reply.integer(value)
  }

  private mutating func field(_ name: StaticString, _ value: Double) {
    reply.bulk(name)
    reply.score(value)
  }

  /// MEMORY DOCTOR
  mutating func memoryDoctorCommand() {
    let report = memoryReport()
    let findings = report.findings
    if report.usedBytes < 5 << 20 {
      reply.verbatim("Less than 5 MB are in use: too little to tell anything.\n")
    } else if findings.isEmpty {
      reply.verbatim("Nothing about memory looks wrong.\n")
    } else {
      reply.verbatim(findings.map { "- \($0)\n" }.joined())
    }
  }
}

extension MemoryReport {
  /// What may be wrong, for people.
  fileprivate var findings: [String] {
    var findings: [String] = []
    if Double(peakBytes) > 1.5 * Double(usedBytes) {
      findings.append("""
        Peak: once there were \(InfoText.human(peakBytes)) in use, now \(InfoText.human(usedBytes)). The system may \
        still count what was given back; MEMORY PURGE gives back the rest.
        """)
    }
    if Self.ratio(residentBytes, usedBytes) > 1.4, residentBytes - usedBytes > 10 << 20 {
      findings.append("""
        Resident memory: the process takes \(InfoText.human(residentBytes)) for \(InfoText.human(usedBytes)). \
        MEMORY PURGE gives free pages back; what remains is in pages that are used in part.
        """)
    }
    if let allocator, allocator.fragmentationRatio > 1.1, allocator.fragmentationBytes > 10 << 20 {
      findings.append("""
        Fragmentation: \(InfoText.human(allocator.fragmentationBytes)) lie between what is used. \
        It comes from removing many keys or from changing the sizes of many values.
        """)
    }
    if clientBytes > usedBytes / 5, clientBytes > 10 << 20 {
      findings.append("""
        Clients take \(InfoText.human(clientBytes)): some send more than they read answers, or ask for much at once. \
        CLIENT LIST tells which.
        """)
    }
    if limboBytes > usedBytes / 5, limboBytes > 10 << 20 {
      findings.append("""
        A snapshot is being written and keeps \(InfoText.human(limboBytes)) that were changed meanwhile. It ends with \
        the snapshot; snapshot-limbo-limit bounds it.
        """)
    }
    return findings
  }
}
