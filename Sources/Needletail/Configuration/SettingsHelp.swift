// What a person reads about the settings, all of it made from their declarations.

extension Settings {
  /// What `--help` prints.
  static var usage: String {
    var text = """
      Usage: needletail-server [/path/to/needletail.conf] [--setting value ...] [-]
             needletail-server -                  read the configuration from standard input
             needletail-server --sample-config    print a configuration file with all defaults
             needletail-server -v | --version
             needletail-server -h | --help

      Examples:
             needletail-server
             needletail-server /etc/needletail.conf --loglevel verbose
             needletail-server --port 7000 --bind 127.0.0.1 ::1 --save ""
             echo 'maxclients 100' | needletail-server -

      Settings, as options and as lines of the configuration file (which may be a redis.conf):

      """
    for section in settingSections {
      text += "\n\(section.title)\n"
      for spec in section.specs where !spec.isHidden {
        text += "  --\(spec.name) \(spec.form)\n      \(spec.help)\(spec.note)\n"
      }
    }
    return text
  }

  /// A configuration file that changes nothing: every setting at its default, with what it does.
  static var sampleFile: String {
    var text = """
      # Configuration of \(Version.productName) \(Version.number). Every setting is shown with its default.
      #
      # A line is a setting and its value; values with spaces stand in quotes. Sizes take a unit: 1k is 1000 bytes,
      # 1kb 1024, and so on with m, mb, g and gb. `include other.conf` reads another file (or many: conf.d/*.conf) here.

      """
    for section in settingSections {
      text += "\n\n# \(section.title.uppercased())\n"
      for spec in section.specs where !spec.isHidden {
        text += "\n# \(spec.help)\(spec.note)\n# \(spec.form)\n\(spec.name) \(spec.defaultForm)\n"
      }
    }
    return text
  }
}

extension SettingSpec {
  /// The values it takes, in a few words.
  fileprivate var form: String {
    switch kind {
    case .yesNo: "yes|no"
    case .integer(_, let bounds, clampedTo: let clamp):
      "\((clamp ?? bounds).lowerBound)..\((clamp ?? bounds).upperBound)"
    case .unsigned(_, let bounds): "\(bounds.lowerBound)..\(bounds.upperBound)"
    case .memorySize(_, let bounds, _): "size, at least \(SettingText.sizeText(bounds.lowerBound))"
    case .memoryOrPercent: "size or percentage"
    case .octal(_, let bounds): "0..\(String(bounds.upperBound, radix: 8))"
    case .choice(let choice): choice.names.joined(separator: "|")
    case .text, .secret: "text"
    case .directory: "path"
    case .words(let list): list.form
    }
  }

  fileprivate var note: String {
    switch (effect, change) {
    case (.acceptedWithout, _): " (Accepted, without effect.)"
    case (_, .immutable): " (Only at start.)"
    case (_, .protected): " (CONFIG SET needs enable-protected-configs.)"
    default: ""
    }
  }

  /// The default as a configuration file spells it.
  fileprivate var defaultForm: String {
    let defaults = Settings()
    switch kind {
    case .memorySize(let field, _, _): return SettingText.sizeText(defaults[keyPath: field])
    case .directory(let field): return defaults[keyPath: field]
    case .text, .secret: return SettingText.quoted(value(in: defaults))
    default:
      let value = value(in: defaults)
      return value.isEmpty ? "\"\"" : String(decoding: value, as: UTF8.self)
    }
  }
}
