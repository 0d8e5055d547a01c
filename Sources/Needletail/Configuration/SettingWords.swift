// Settings of several words.

let bindWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    guard words.count <= 16 else { throw InvalidValue(reason: "Too many bind addresses specified.") }
    settings.bindAddresses = words
  },
  get: { $0.bindAddresses.joined(separator: " ") },
  form: "address ..."
)

let saveWords = SettingSpec.WordList(
  set: { (words, settings, isAdding) throws(InvalidValue) in
    let numbers = words.map { Int($0) ?? -1 }
    guard numbers.count % 2 == 0 else { throw InvalidValue(reason: "Invalid save parameters") }
    var points: [SavePoint] = []
    for index in stride(from: 0, to: numbers.count, by: 2) {
      let point = SavePoint(seconds: numbers[index], changes: numbers[index + 1])
      guard point.seconds >= 1, point.changes >= 0 else { throw InvalidValue(reason: "Invalid save parameters") }
      points.append(point)
    }
    // `save ""` forgets what earlier lines said; the first line of all forgets the defaults.
    let isAddition = isAdding && !points.isEmpty && !settings.savePointsAreDefaults
    settings.savePoints = isAddition ? settings.savePoints + points : points
    settings.savePointsAreDefaults = false
  },
  get: { $0.savePoints.map { "\($0.seconds) \($0.changes)" }.joined(separator: " ") },
  form: "seconds changes ...",
  lines: { settings, replacesOthers in
    let points = settings.savePoints.map { "\($0.seconds) \($0.changes)" }
    return points.isEmpty || replacesOthers ? ["\"\""] + points : points
  }
)

/// Classes that are not named keep their limits.
let outputBufferWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    guard words.count % 4 == 0 else {
      throw InvalidValue(reason: "Wrong number of arguments in buffer limit configuration.")
    }
    for start in stride(from: 0, to: words.count, by: 4) {
      let field: WritableKeyPath<OutputBufferLimits, OutputBufferLimit>
      switch SettingText.lowercased(Array(words[start].utf8)) {
      case "normal": field = \.normal
      case "slave", "replica": field = \.replica
      case "pubsub": field = \.pubsub
      default: throw InvalidValue(reason: "Invalid client class specified in buffer limit configuration.")
      }
      guard let hard = SettingText.memorySize(Array(words[start + 1].utf8)),
        let soft = SettingText.memorySize(Array(words[start + 2].utf8)),
        let seconds = Int(words[start + 3]), seconds >= 0
      else {
        throw InvalidValue(reason: "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
      }
      settings.outputBufferLimits[keyPath: field] = OutputBufferLimit(
        hardBytes: hard, softBytes: soft, softSeconds: seconds)
    }
  },
  get: {
    let limits = $0.outputBufferLimits
    return [("normal", limits.normal), ("slave", limits.replica), ("pubsub", limits.pubsub)]
      .map { "\($0) \($1.hardBytes) \($1.softBytes) \($1.softSeconds)" }.joined(separator: " ")
  },
  form: "class hard soft seconds ...",
  lines: { settings, _ in
    let limits = settings.outputBufferLimits
    return [("normal", limits.normal), ("replica", limits.replica), ("pubsub", limits.pubsub)].map { name, limit in
      "\(name) \(SettingText.sizeText(limit.hardBytes)) \(SettingText.sizeText(limit.softBytes)) \(limit.softSeconds)"
    }
  }
)

/// Any of the names together, but not both that say whether to save.
func shutdownWords(_ field: SettingSpec.Field<ShutdownOptions>) -> SettingSpec.WordList {
  SettingSpec.WordList(
    set: { (words, settings, _) throws(InvalidValue) in
      var options: ShutdownOptions = []
      for word in words.isEmpty ? [""] : words {
        let wanted = SettingText.lowercased(Array(word.utf8))
        guard let known = ShutdownOptions.names.first(where: { $0.name == wanted }) else {
          let names = ShutdownOptions.names.map(\.name).joined(separator: ", ")
          throw InvalidValue(reason: "argument(s) must be one of the following: \(names)")
        }
        options.formUnion(known.option)
      }
      guard !options.isSuperset(of: [.save, .noSave]) else {
        throw InvalidValue(reason: "shutdown options SAVE and NOSAVE can't be used simultaneously")
      }
      settings[keyPath: field] = options
    },
    get: { $0[keyPath: field].text },
    form: "default | [save|nosave] [now] [force]"
  )
}

let outOfMemoryWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    guard words.count == 3 else { throw InvalidValue(reason: "wrong number of arguments") }
    let values = words.compactMap { Int($0) }.filter { -2000...2000 ~= $0 }
    guard values.count == 3 else {
      throw InvalidValue(reason: "Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
    }
    settings.outOfMemoryScoreValues = values
  },
  get: { $0.outOfMemoryScoreValues.map(String.init).joined(separator: " ") },
  form: "primary replica background"
)

let percentileWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    var percentiles: [Double] = []
    for word in words {
      guard let percentile = Double(word), !percentile.isNaN else {
        throw InvalidValue(reason: "Invalid latency-tracking-info-percentiles parameters")
      }
      guard 0...100 ~= percentile else {
        throw InvalidValue(reason: "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
      }
      percentiles.append(percentile)
    }
    settings.latencyPercentiles = percentiles
  },
  get: { $0.latencyPercentiles.map(SettingText.shortDecimal).joined(separator: " ") },
  form: "percentile ..."
)

/// The letters in Redis's order; `A` stands for all but the key misses and the two that say where events go.
let eventWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    let letters = words.joined(separator: " ")
    // The message is Redis's, which leaves out two of them.
    guard letters.allSatisfy({ "Ag$lshzxeKEtmdnoc".contains($0) }) else {
      throw InvalidValue(reason: "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
    }
    let all = "g$lshzxetd"
    let hasAll = letters.contains("A") || all.allSatisfy(letters.contains)
    // As in Redis, the last three are not shown beside `A`, though they are not part of it.
    settings.later.notifyKeyspaceEvents = (hasAll ? "A" : (all + "noc").filter(letters.contains))
      + "KEm".filter(letters.contains)
  },
  get: { $0.later.notifyKeyspaceEvents },
  form: "letters"
)

let primaryWords = SettingSpec.WordList(
  set: { (words, settings, _) throws(InvalidValue) in
    // What CONFIG GET shows of a primary, so that a file may say it.
    if words == [""] || words.isEmpty {
      settings.later.replication.primary = ""
      return
    }
    guard words.count == 2 else { throw InvalidValue(reason: "wrong number of arguments") }
    if SettingText.lowercased(Array(words[0].utf8)) == "no", SettingText.lowercased(Array(words[1].utf8)) == "one" {
      settings.later.replication.primary = ""
      return
    }
    guard let port = Int(words[1]), 0...65535 ~= port else { throw InvalidValue(reason: "Invalid master port") }
    settings.later.replication.primary = words.joined(separator: " ")
  },
  get: { $0.later.replication.primary },
  form: "host port",
  // An empty line is an error to Redis.
  lines: { settings, _ in
    let primary = settings.later.replication.primary
    return primary.isEmpty ? [] : [primary]
  }
)

func isFileName(_ text: String) -> Bool { !text.isEmpty && !text.contains("/") }

/// What Redis lets the name of a node be made of, nothing included.
func isNodeName(_ text: String) -> Bool { !text.contains { "!#$%&()*+:;<>?@[]^{|}~".contains($0) } }

/// Also of nothing: that announces none.
func isHostName(_ text: String) -> Bool {
  text.utf8.allSatisfy {
    UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
      || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
  }
}
