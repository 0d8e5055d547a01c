// The options that SET, GETEX, MSETEX and INCREX share.

/// How a request gives a time.
enum TimeUnit {
  case seconds, milliseconds, unixSeconds, unixMilliseconds

  var isRelative: Bool { self == .seconds || self == .milliseconds }
  var isSeconds: Bool { self == .seconds || self == .unixSeconds }
}

/// When a string may be written.
enum StringCondition {
  case always, ifMissing, ifPresent
  /// What is there, or its digest, is compared with the argument that follows.
  case ifEqual, ifDifferent, ifDigestEqual, ifDigestDifferent

  @inline(__always)
  var comparesValue: Bool {
    switch self {
    case .always, .ifMissing, .ifPresent: false
    case .ifEqual, .ifDifferent, .ifDigestEqual, .ifDigestDifferent: true
    }
  }
}

enum StringOption {
  case get, keepTTL, persist
  case condition(StringCondition)
  case time(TimeUnit)

  @inline(__always)
  init?(_ text: ByteView) {
    switch text.count {
    case 2:
      guard asciiLowercased(text[1]) == UInt8(ascii: "x") else { return nil }
      switch asciiLowercased(text[0]) {
      case UInt8(ascii: "e"): self = .time(.seconds)
      case UInt8(ascii: "p"): self = .time(.milliseconds)
      case UInt8(ascii: "n"): self = .condition(.ifMissing)
      case UInt8(ascii: "x"): self = .condition(.ifPresent)
      default: return nil
      }
    case 3 where text.equalsIgnoringCase("get"): self = .get
    case 4 where text.equalsIgnoringCase("exat"): self = .time(.unixSeconds)
    case 4 where text.equalsIgnoringCase("pxat"): self = .time(.unixMilliseconds)
    case 4 where text.equalsIgnoringCase("ifeq"): self = .condition(.ifEqual)
    case 4 where text.equalsIgnoringCase("ifne"): self = .condition(.ifDifferent)
    case 5 where text.equalsIgnoringCase("ifdeq"): self = .condition(.ifDigestEqual)
    case 5 where text.equalsIgnoringCase("ifdne"): self = .condition(.ifDigestDifferent)
    case 7 where text.equalsIgnoringCase("keepttl"): self = .keepTTL
    case 7 where text.equalsIgnoringCase("persist"): self = .persist
    default: return nil
    }
  }
}

/// The options of SET, GETEX and MSETEX.
struct StringOptions {
  enum Grammar { case set, getex, msetex }
  enum Expiry {
    case none, keep, persist
    /// The argument at `index` is the time.
    case time(TimeUnit, index: Int)
  }

  private(set) var condition = StringCondition.always
  /// The argument that `condition` compares with.
  private(set) var operandIndex = 0
  private(set) var answersOld = false
  private(set) var expiry = Expiry.none

  /// Nil for a syntax error. An option may be repeated, then the last one counts; options that exclude each other are
  /// an error.
  init?(_ request: Request, from first: Int, of grammar: Grammar) {
    var index = first
    while index < request.count {
      guard let option = StringOption(request[index]) else { return nil }
      switch option {
      case .condition(let given):
        guard grammar == .set || grammar == .msetex && !given.comparesValue else { return nil }
        guard condition == .always || condition == given else { return nil }
        condition = given
        if given.comparesValue {
          index += 1
          guard index < request.count else { return nil }
          operandIndex = index
        }
      case .get:
        guard grammar == .set else { return nil }
        answersOld = true
      case .keepTTL:
        guard grammar != .getex else { return nil }
        switch expiry {
        case .none, .keep: expiry = .keep
        case .persist, .time: return nil
        }
      case .persist:
        guard grammar == .getex else { return nil }
        switch expiry {
        case .none, .persist: expiry = .persist
        case .keep, .time: return nil
        }
      case .time(let unit):
        index += 1
        guard index < request.count else { return nil }
        switch expiry {
        case .none: break
        case .time(let earlier, _) where earlier == unit: break
        case .keep, .persist, .time: return nil
        }
        expiry = .time(unit, index: index)
      }
      index += 1
    }
  }
}

extension Engine {
  /// What writing a string does to its key's expiry. Nil when the time given is none, which has been answered.
  @inline(__always)
  mutating func expiryChange(_ options: StringOptions, _ request: Request, _ name: StaticString) -> ExpiryChange? {
    switch options.expiry {
    case .none, .persist: .clear
    case .keep: .keep
    case .time(let unit, let index): expiryTime(request[index], unit, name).map { .at($0) }
    }
  }

  /// The time an option or argument gives, in milliseconds since 1970. Nil when it is none, which has been answered.
  @inline(__always)
  mutating func expiryTime(_ text: ByteView, _ unit: TimeUnit, _ name: StaticString) -> Int? {
    guard var time = text.integer else {
      reply.notAnInteger()
      return nil
    }
    var overflows = time <= 0
    if unit.isSeconds {
      let (product, productOverflows) = time.multipliedReportingOverflow(by: 1000)
      time = product
      overflows = overflows || productOverflows
    }
    if unit.isRelative {
      let (sum, sumOverflows) = time.addingReportingOverflow(keyspace.nowMilliseconds)
      time = sum
      overflows = overflows || sumOverflows
    }
    guard !overflows else {
      replyInvalidExpiry(name)
      return nil
    }
    return time
  }

  @inline(never)
  mutating func replyInvalidExpiry(_ name: StaticString) {
    reply.error("ERR invalid expire time in '\(name)' command")
  }
}
