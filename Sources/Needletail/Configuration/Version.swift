/// Who we are, and whom we answer for. Clients switch features on by Redis's version, so INFO and HELLO report that one
/// and ours beside it.
enum Version {
  static let productName = "Needletail"
  static let serverName = "needletail"
  static let number = "0.1.0"
  /// The Redis whose commands, errors and files this server follows.
  static let redis = "8.2.3"
}
