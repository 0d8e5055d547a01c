import Glibc

/// Why a value was refused; worded as Redis words it where clients may match on it.
struct InvalidValue: Error, Equatable { let reason: String }

/// All there is to know about one setting. The parser, CONFIG GET, CONFIG SET, `--help` and the sample file read this
/// and know nothing else about it.
struct SettingSpec: Sendable {
  typealias Field<Value> = WritableKeyPath<Settings, Value> & Sendable

  enum Kind: Sendable {
    case yesNo(Field<Bool>)
    /// `clampedTo` is what an accepted number is brought into afterwards, silently, as Redis does with `hz`.
    case integer(Field<Int>, ClosedRange<Int>, clampedTo: ClosedRange<Int>? = nil)
    /// Redis stores these without a sign and says so in another error.
    case unsigned(Field<Int>, ClosedRange<Int>)
    /// A number of bytes with an optional unit: `b`, `k` (1000), `kb` (1024), `m`, `mb`, `g`, `gb`.
    /// Redis keeps most without a sign, and some `signed`; what is too large for 63 bits meets another error then.
    case memorySize(Field<Int>, ClosedRange<Int>, signed: Bool = false)
    /// A size, or a percentage of something, which is stored and shown as a negative number.
    case memoryOrPercent(Field<Int>)
    /// Mode bits: read and shown in octal.
    case octal(Field<Int>, ClosedRange<Int>)
    case choice(Choice)
    /// A text that ends in a system call, so valid UTF-8 without a zero byte.
    case text(Field<String>)
    /// Any bytes: a password, or a user's name that goes with one.
    case secret(Field<[UInt8]>)
    /// A directory that must exist; stored as an absolute path.
    case directory(Field<String>)
    /// Several words; see `WordList`.
    case words(WordList)
  }

  struct Choice: Sendable {
    let names: [String]
    let get: @Sendable (Settings) -> String
    /// Only ever called with one of `names`.
    let set: @Sendable (inout Settings, String) -> Void
  }

  /// A setting made of several words: in a file they stand side by side, CONFIG SET sends them as one text.
  struct WordList: Sendable {
    /// `isAdding`: read from a file or the command line, where a directive adds to earlier ones of the same name.
    let set: @Sendable (_ words: [String], inout Settings, _ isAdding: Bool) throws(InvalidValue) -> Void
    let get: @Sendable (Settings) -> String
    /// What the words are, for help: `seconds changes ...`.
    let form: String
    /// What stands behind the name in a file, for each line; nil: `get` in one line.
    var lines: (@Sendable (Settings, _ replacesOthers: Bool) -> [String])?
  }

  enum Change: Sendable {
    case mutable, immutable
    /// CONFIG SET may change it only where `enable-protected-configs` allows.
    case protected
  }

  enum Effect: Sendable {
    case hasEffect
    /// Stored and shown, so that Redis's configuration files and tools work, but nothing reads it.
    case acceptedWithout
  }

  let name: String
  let aliases: [String]
  let kind: Kind
  let change: Change
  let effect: Effect
  /// Patterns of CONFIG GET do not find it, nor do help and the sample file show it.
  let isHidden: Bool
  let help: String
  /// A value that parses but that this server cannot honour: the reason, shown to whoever set it.
  let refusal: (@Sendable (Settings) -> String?)?

  init(
    _ name: String, aliases: [String] = [], _ kind: Kind, _ change: Change = .mutable, _ effect: Effect = .hasEffect,
    isHidden: Bool = false, help: String, refusal: (@Sendable (Settings) -> String?)? = nil
  ) {
    self.name = name
    self.aliases = aliases
    self.kind = kind
    self.change = change
    self.effect = effect
    self.isHidden = isHidden
    self.help = help
    self.refusal = refusal
  }

  /// A setting that is stored and shown and has no effect.
  static func later(
    _ name: String, aliases: [String] = [], _ kind: Kind, _ change: Change = .mutable, isHidden: Bool = false,
    help: String, refusal: (@Sendable (Settings) -> String?)? = nil
  ) -> SettingSpec {
    SettingSpec(name, aliases: aliases, kind, change, .acceptedWithout, isHidden: isHidden, help: help,
      refusal: refusal)
  }

  /// Those that say how collections are kept.
  static let collectionNames = Set(settingSections.first { $0.title == "Collections" }!.specs.map(\.name))

  /// The setting of that name or alias, in any case.
  static func named(_ name: [UInt8]) -> SettingSpec? { byName[SettingText.lowercased(name)] }

  private static let byName = Dictionary(
    uniqueKeysWithValues: settingSpecs.flatMap { spec in ([spec.name] + spec.aliases).map { ($0, spec) } })

  /// Its value is nobody's business: a password, or a user's name that goes with one.
  var isSecret: Bool {
    if case .secret = kind { true } else { false }
  }
}

extension SettingSpec.Kind {
  /// A choice among the cases of an enumeration, by their raw values.
  static func choice<E>(_ field: SettingSpec.Field<E>) -> Self
  where E: CaseIterable & RawRepresentable & Sendable, E.RawValue == String {
    .choice(
      SettingSpec.Choice(
        names: E.allCases.map(\.rawValue),
        get: { $0[keyPath: field].rawValue },
        set: { settings, name in
          guard let value = E(rawValue: name) else { preconditionFailure("not one of the names") }
          settings[keyPath: field] = value
        }))
  }
}

// MARK: - Reading

extension SettingSpec {
  /// Takes a directive's words, as a file or the command line gives them.
  func set(_ words: [[UInt8]], in settings: inout Settings) throws(InvalidValue) {
    if case .words(let list) = kind {
      // One word may hold all of them: `save "60 1 300 10"`.
      let texts = try words.count == 1 ? split(words[0]) : words.map(text)
      try list.set(texts, &settings, true)
      try refuse(settings)
    } else {
      guard words.count == 1 else { throw InvalidValue(reason: "wrong number of arguments") }
      try set(words[0], in: &settings)
    }
  }

  /// Takes a value as CONFIG SET gives it.
  func set(_ value: [UInt8], in settings: inout Settings) throws(InvalidValue) {
    switch kind {
    case .yesNo(let field):
      settings[keyPath: field] = try yesNo(value)
    case .integer(let field, let bounds, let clamp):
      guard let number = SettingText.strictInteger(value) else { throw notAnInteger }
      try check(number, in: bounds)
      settings[keyPath: field] = clamp.map { min(max(number, $0.lowerBound), $0.upperBound) } ?? number
    case .unsigned(let field, let bounds):
      guard let number = SettingText.strictInteger(value) else { throw notAnInteger }
      guard number >= 0 else { throw InvalidValue(reason: "argument must be greater or equal to 0") }
      try check(number, in: bounds)
      settings[keyPath: field] = number
    case .memorySize(let field, let bounds, let isSigned):
      guard let size = SettingText.memorySize(value) else {
        throw InvalidValue(reason: "argument must be a memory value")
      }
      if SettingText.isBeyondSigned(value) {
        if !isSigned { throw InvalidValue(reason: "argument must be greater or equal to 0") }
        throw outOf(bounds)
      }
      try check(size, in: bounds)
      settings[keyPath: field] = size
    case .memoryOrPercent(let field):
      settings[keyPath: field] = try memoryOrPercent(value)
    case .octal(let field, let bounds):
      settings[keyPath: field] = try octal(value, in: bounds)
    case .choice(let choice):
      let wanted = SettingText.lowercased(value)
      guard let name = choice.names.first(where: { SettingText.lowercased(Array($0.utf8)) == wanted }) else {
        let names = choice.names.joined(separator: ", ")
        throw InvalidValue(reason: "argument(s) must be one of the following: \(names)")
      }
      choice.set(&settings, name)
    case .text(let field):
      settings[keyPath: field] = try text(value)
    case .secret(let field):
      settings[keyPath: field] = value
    case .directory(let field):
      settings[keyPath: field] = try existingDirectory(text(value), relativeTo: settings[keyPath: field])
    case .words(let list):
      try list.set(split(value), &settings, false)
    }
    try refuse(settings)
  }

  private func refuse(_ settings: Settings) throws(InvalidValue) {
    if let reason = refusal?(settings) { throw InvalidValue(reason: reason) }
  }

  private var notAnInteger: InvalidValue { InvalidValue(reason: "argument couldn't be parsed into an integer") }

  private func check(_ number: Int, in bounds: ClosedRange<Int>) throws(InvalidValue) {
    guard bounds.contains(number) else { throw outOf(bounds) }
  }

  private func outOf(_ bounds: ClosedRange<Int>) -> InvalidValue {
    InvalidValue(reason: "argument must be between \(bounds.lowerBound) and \(bounds.upperBound) inclusive")
  }

  private func memoryOrPercent(_ value: [UInt8]) throws(InvalidValue) -> Int {
    if value.last == UInt8(ascii: "%"), let percent = SettingText.strictInteger(value.dropLast()), percent >= 0 {
      guard percent <= 100 else { throw InvalidValue(reason: "percentage argument must be less or equal to 100") }
      return -percent
    }
    guard let size = SettingText.memorySize(value) else {
      throw InvalidValue(reason: "argument must be a memory or percent value")
    }
    if SettingText.isBeyondSigned(value) { throw InvalidValue(reason: "argument must be greater or equal to 0") }
    return size
  }

  private func yesNo(_ value: [UInt8]) throws(InvalidValue) -> Bool {
    switch SettingText.lowercased(value) {
    case "yes": return true
    case "no": return false
    default: throw InvalidValue(reason: "argument must be 'yes' or 'no'")
    }
  }

  private func octal(_ value: [UInt8], in bounds: ClosedRange<Int>) throws(InvalidValue) -> Int {
    guard let number = Int(String(decoding: value, as: UTF8.self), radix: 8) else {
      throw InvalidValue(reason: "argument couldn't be parsed as an octal number")
    }
    guard number >= 0 else { throw InvalidValue(reason: "argument must be greater or equal to 0") }
    guard bounds.contains(number) else {
      let ends = [bounds.lowerBound, bounds.upperBound].map { String($0, radix: 8) }
      throw InvalidValue(reason: "argument must be between \(ends[0]) and \(ends[1]) inclusive")
    }
    return number
  }

  private func text(_ bytes: [UInt8]) throws(InvalidValue) -> String {
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw InvalidValue(reason: "argument must be valid UTF-8 without zero bytes")
    }
    return text
  }

  /// Words between single spaces; an empty text has none, and two spaces have an empty one between them.
  private func split(_ value: [UInt8]) throws(InvalidValue) -> [String] {
    if value.isEmpty { return [] }
    return try text(value).split(separator: " ", omittingEmptySubsequences: false).map(String.init)
  }
}

/// The absolute, resolved form of `path`.
private func existingDirectory(_ path: String, relativeTo base: String) throws(InvalidValue) -> String {
  guard !path.isEmpty else { throw InvalidValue(reason: SettingText.errorText(ENOENT)) }
  let resolved = try absolutePath(SettingText.joined(base, path))
  var status = stat()
  guard unsafe stat(resolved, &status) == 0 else { throw InvalidValue(reason: SettingText.errorText(errno)) }
  guard status.st_mode & S_IFMT == S_IFDIR else { throw InvalidValue(reason: SettingText.errorText(ENOTDIR)) }
  guard unsafe access(resolved, X_OK) == 0 else { throw InvalidValue(reason: SettingText.errorText(errno)) }
  return resolved
}

private func absolutePath(_ path: String) throws(InvalidValue) -> String {
  guard let resolved = unsafe realpath(path, nil) else { throw InvalidValue(reason: SettingText.errorText(errno)) }
  defer { unsafe free(resolved) }
  return unsafe String(cString: resolved)
}

// MARK: - Showing

extension SettingSpec {
  /// The value as CONFIG GET shows it.
  func value(in settings: Settings) -> [UInt8] {
    switch kind {
    case .yesNo(let field): Array((settings[keyPath: field] ? "yes" : "no").utf8)
    case .integer(let field, _, _), .unsigned(let field, _), .memorySize(let field, _, _):
      Array(String(settings[keyPath: field]).utf8)
    case .memoryOrPercent(let field):
      Array((settings[keyPath: field] < 0 ? "\(-settings[keyPath: field])%" : "\(settings[keyPath: field])").utf8)
    case .octal(let field, _): Array(String(settings[keyPath: field], radix: 8).utf8)
    case .choice(let choice): Array(choice.get(settings).utf8)
    case .text(let field): Array(settings[keyPath: field].utf8)
    case .secret(let field): settings[keyPath: field]
    case .directory(let field):
      // The default is the working directory, whatever it is called.
      Array(((try? absolutePath(settings[keyPath: field])) ?? settings[keyPath: field]).utf8)
    case .words(let list): Array(list.get(settings).utf8)
    }
  }
}
