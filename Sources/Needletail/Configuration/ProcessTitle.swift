/// What the process list shows, put together from `proc-title-template`.
enum ProcessTitle {
  static let variables = ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"]

  static func isValid(_ template: String) -> Bool {
    guard let title = expanded(template, { variables.contains($0) ? "x" : nil }) else { return false }
    return !title.isEmpty
  }

  /// The template with each `{name}` replaced; nil when a brace is not closed or `value` knows no such name.
  static func expanded(_ template: String, _ value: (String) -> String?) -> String? {
    var title = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{") {
      guard let close = rest[open...].firstIndex(of: "}"),
        let text = value(String(rest[rest.index(after: open)..<close]))
      else { return nil }
      title += rest[..<open] + text
      rest = rest[rest.index(after: close)...]
    }
    return title + rest
  }
}
