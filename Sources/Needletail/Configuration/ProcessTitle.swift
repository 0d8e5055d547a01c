import CSystem

/// What the process list shows, put together from `proc-title-template`.
enum ProcessTitle {
  static let variables = ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"]

  /// Has an effect in a process that claimed room for it at its start, as the server does and tests do not.
  ///
  /// - Parameter configurationFile: the path of the file that was read, or empty.
  static func set(_ settings: Settings, configurationFile: String) {
    let name = unsafe String(cString: cs_process_name())
    unsafe cs_set_process_title(text(settings, name: name, configurationFile: configurationFile))
  }

  /// The title without spaces at its end, where a variable may stand for nothing.
  static func text(_ settings: Settings, name: String, configurationFile: String) -> String {
    let title = expanded(settings.processTitleTemplate) { variable in
      switch variable {
      case "title": name
      case "listen-addr": listenAddress(settings)
      case "server-mode": ""
      case "port": String(settings.port)
      case "tls-port": String(settings.later.tls.port)
      case "unixsocket": settings.unixSocketPath
      case "config-file": configurationFile.isEmpty ? "-" : configurationFile
      default: nil
      }
    }
    return String((title ?? name).reversed().drop { $0 == " " }.reversed())
  }

  /// The first address, with the port; the Unix socket when there is no TCP.
  private static func listenAddress(_ settings: Settings) -> String {
    if settings.port == 0 && !settings.unixSocketPath.isEmpty { return "unixsocket:\(settings.unixSocketPath)" }
    let first = settings.bindAddresses.first ?? "*"
    let host = first.hasPrefix("-") ? String(first.dropFirst()) : first
    return host.contains(":") ? "[\(host)]:\(settings.port)" : "\(host):\(settings.port)"
  }

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
