/// Settings of features that are not built yet. They are stored and shown, so that configuration files and tools work;
/// a feature takes its own out of here when it comes.
struct LaterSettings: Sendable, Equatable {
  var appendOnly = AppendOnly()
  var replication = Replication()
  var cluster = Cluster()
  var tls = TLS()

  var aclFile = ""
  var aclLogMaxLength = 128
  var aclPubsubDefault = ACLPubsubDefault.resetChannels
  var activeExpireEffort = 1
  var activeRehashing = true
  var availabilityZone = ""
  var backgroundIOCPUs = ""
  var bgsaveCPUs = ""
  var bindSourceAddress = ""
  var busyReplyThresholdMilliseconds = 5000
  var extendedRedisCompatibility = false
  var hidesUserData = false
  var hyperLogLogSparseMaxBytes = 3000
  var ignoredWarnings = ""
  var ioThreads = 1
  var jemallocBackgroundThread = true
  var keyLoadDelayMicroseconds = 0
  var keyMemoryHistograms = false
  var lazyExpireNestedKeys = true
  var loadingEventsIntervalBytes = 512 << 10
  var localeCollate = ""
  var luaDeprecatedAPI = false
  var notifyKeyspaceEvents = ""
  var prefetchBatchMaxSize = 16
  var propagationErrorBehavior = PropagationErrorBehavior.ignore
  var rdbKeySaveDelayMicroseconds = 0
  var serverCPUs = ""
  var socketMarkID = 0
  var streamNodeMaxBytes = 4096
  var streamNodeMaxEntries = 100
  var trackingTableMaxKeys = 1_000_000
  var usesExitOnPanic = false
  var vectorSetsSingleThreaded = false

  struct AppendOnly: Sendable, Equatable {
    var disablesAutoGC = false
    var loadTruncated = true
    var rewriteCPUs = ""
    var rewriteIncrementalFsync = true
    var timestamps = false
    var rdbPreamble = true
    var directoryName = "appendonlydir"
    var fileName = "appendonly.aof"
    var fsync = AppendFsync.everySecond
    var rewriteMinBytes = 64 << 20
    var rewritePercentage = 100
    var noFsyncOnRewrite = false
  }

  struct Replication: Sendable, Equatable {
    /// Host and port; empty for a primary.
    var primary = ""
    var primaryPassword: [UInt8] = []
    var primaryUser: [UInt8] = []
    var minReplicasMaxLagSeconds = 10
    var minReplicasToWrite = 0
    var backlogBytes = 1 << 20
    var backlogTTLSeconds = 3600
    var disablesNoDelay = false
    var disklessLoad = DisklessLoad.disabled
    var disklessSync = true
    var disklessSyncDelaySeconds = 5
    var disklessSyncMaxReplicas = 0
    var pingPeriodSeconds = 10
    var rdbChannel = true
    var timeoutSeconds = 60
    var announcedIP = ""
    var announcedPort = 0
    var isAnnounced = true
    var fullSyncBufferMaxBytes = 0
    var ignoresDiskWriteErrors = false
    var ignoresMaxMemory = true
    var lazyFlush = false
    var priority = 100
    var isReadOnly = true
    var servesStaleData = true
  }

  struct Cluster: Sendable, Equatable {
    var isEnabled = false
    var allowsPubsubShardWhenDown = true
    var allowsReadsWhenDown = false
    var allowsReplicaMigration = true
    var announcedBusPort = 0
    var announcedHostname = ""
    var announcedNodeName = ""
    var announcedIP = ""
    var announcedPort = 0
    var announcedTLSPort = 0
    var compatibilitySampleRatio = 0
    var configurationFile = "nodes.conf"
    var linkSendBufferMaxBytes = 0
    var migrationBarrier = 1
    var nodeTimeoutMilliseconds = 15_000
    var pingIntervalMilliseconds = 0
    var port = 0
    var preferredEndpointType = EndpointType.ip
    var replicaNoFailover = false
    var replicaValidityFactor = 10
    var requiresFullCoverage = true
    var slotStatistics = false
  }

  struct TLS: Sendable, Equatable {
    var port = 0
    var authenticatesClients = TLSAuthentication.yes
    var authenticatedUser = TLSAuthenticatedUser.off
    var caDirectory = ""
    var caFile = ""
    var certificateFile = ""
    var ciphers = ""
    var cipherSuites = ""
    var clientCertificateFile = ""
    var clientKeyFile = ""
    var clientKeyPassphrase: [UInt8] = []
    var isForCluster = false
    var dhParametersFile = ""
    var keyFile = ""
    var keyPassphrase: [UInt8] = []
    var maxNewConnectionsPerCycle = 1
    var prefersServerCiphers = false
    var protocols = ""
    var isForReplication = false
    var sessionCacheSize = 20_480
    var sessionCacheTimeoutSeconds = 300
    var sessionCaching = true
  }
}

enum ACLPubsubDefault: String, CaseIterable, Sendable {
  case allChannels = "allchannels"
  case resetChannels = "resetchannels"
}

enum AppendFsync: String, CaseIterable, Sendable {
  case everySecond = "everysec"
  case always, no
}

enum DisklessLoad: String, CaseIterable, Sendable {
  case disabled
  case onEmptyDatabase = "on-empty-db"
  case swapDatabase = "swapdb"
}

enum EndpointType: String, CaseIterable, Sendable {
  case ip, hostname
  case unknown = "unknown-endpoint"
}

enum PropagationErrorBehavior: String, CaseIterable, Sendable {
  case ignore, panic
  case panicOnReplicas = "panic-on-replicas"
}

enum TLSAuthentication: String, CaseIterable, Sendable { case no, yes, optional }

/// Which field of a client's certificate names its ACL user.
enum TLSAuthenticatedUser: String, CaseIterable, Sendable {
  case off
  case commonName = "CN"
}
