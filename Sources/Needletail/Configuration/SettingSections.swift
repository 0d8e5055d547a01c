/// The settings that belong together, in the order in which help and the sample file show them.
struct SettingSection: Sendable {
  let title: String
  let specs: [SettingSpec]
}

let settingSections: [SettingSection] = [
  .network, .general, .log, .security, .clients, .observing, .memory,
  .collections, .persistence, .appendOnlyFile, .replication, .cluster, .tls,
]

let settingSpecs: [SettingSpec] = settingSections.flatMap(\.specs)
