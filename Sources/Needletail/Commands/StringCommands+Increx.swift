// INCREX: addition with bounds and an expiry, in integers or decimals.

extension Engine {
  /// INCREX key [BYFLOAT increment | BYINT increment] [LBOUND bound] [UBOUND bound] [SATURATE]
  /// [EX .. | PX .. | EXAT .. | PXAT .. | PERSIST] [ENX] [NX | XX]
  ///
  /// Answers the value and what was added to it: nothing when the sum is out of bounds, and then nothing else happens.
  mutating func increxCommand(_ request: Request) {
    guard let options = IncrexOptions(request) else { return reply.syntaxError() }
    if options.onlyWithoutExpiry && !options.hasTime { return reply.error("ERR ENX flag requires an expiration") }
    if options.isDecimal { addDecimal(options, request) } else { addInteger(options, request) }
  }

  // MARK: Integers

  private mutating func addInteger(_ options: IncrexOptions, _ request: Request) {
    guard let delta = integer(request, options.increment, otherwise: 1, "Increment"),
      let lower = integer(request, options.lowerBound, otherwise: .min, "LBOUND"),
      let upper = integer(request, options.upperBound, otherwise: .max, "UBOUND")
    else { return }
    guard lower <= upper else { return replyCrossedBounds() }
    guard let expiry = expiry(options, request) else { return }
    var found = lookupWrite(request, 1)
    guard let old = presentInteger(found.entry) else { return }

    var (new, isBeyond) = old.addingReportingOverflow(delta)
    if isBeyond { new = delta < 0 ? .min : .max }
    isBeyond = isBeyond || new < lower || new > upper
    guard options.allows(found.entry), options.saturates || !isBeyond else { return replySum(old, added: 0) }
    new = min(max(new, lower), upper)
    let (added, isTooFar) = new.subtractingReportingOverflow(old)
    guard !isTooFar else { return reply.error("ERR applied increment would overflow") }

    let change = expiry.change(found.entry)
    if isPast(change, expiry) {
      removePast(&found)
    } else {
      storeSum(new, of: found.entry == nil ? nil : old, in: &found)
      apply(change, to: &found)
      reproduce {
        $0.append("SET")
        $0.append(request[1])
        $0.append(new)
        $0.append(change)
      }
    }
    replySum(new, added: added)
  }

  /// Argument `index`, or `missing` when it was not given. Nil when it is no integer, which has been answered.
  private mutating func integer(_ request: Request, _ index: Int?, otherwise missing: Int, _ name: StaticString)
    -> Int?
  {
    guard let index else { return missing }
    if let value = request[index].integer { return value }
    reply.error {
      $0.append("ERR ")
      $0.append(name)
      $0.append(" is not an integer or out of range")
    }
    return nil
  }

  private mutating func replySum(_ value: Int, added: Int) {
    reply.array(2)
    reply.integer(value)
    reply.integer(added)
  }

  // MARK: Decimals

  private mutating func addDecimal(_ options: IncrexOptions, _ request: Request) {
    let largest = Float80.greatestFiniteMagnitude
    guard let delta = decimal(request, options.increment, otherwise: 1, "Increment") else { return }
    guard delta.isFinite else { return reply.error("ERR BYFLOAT increment cannot be Infinity") }
    guard let lower = decimal(request, options.lowerBound, otherwise: -largest, "LBOUND"),
      let upper = decimal(request, options.upperBound, otherwise: largest, "UBOUND")
    else { return }
    guard lower <= upper else { return replyCrossedBounds() }
    guard let expiry = expiry(options, request) else { return }
    var found = lookupWrite(request, 1)
    guard let old = presentDecimal(found.entry) else { return }
    guard old.isFinite else { return reply.error("ERR value cannot be Infinity") }

    // A sum that overflows is out of bounds, even of infinite ones.
    let sum = old + delta
    let isBeyond = sum.isInfinite || sum < lower || sum > upper
    guard options.allows(found.entry), options.saturates || !isBeyond else { return replyDecimalSum(old, added: 0) }
    let new = isBeyond ? min(max(sum, lower), upper) : sum
    let added = isBeyond ? new - old : delta
    guard added.isFinite else { return reply.error("ERR applied increment would be Infinity") }

    let change = expiry.change(found.entry)
    if isPast(change, expiry) {
      removePast(&found)
    } else {
      let isStored = unsafe withUnsafeTemporaryAllocation(byteCount: Decimal80.maxBytes, alignment: 1) { buffer in
        let text = unsafe Decimal80.write(new, to: buffer)
        guard storeDecimal(text, in: &found) else { return false }
        apply(change, to: &found)
        reproduceSet(request[1], text, change)
        return true
      }
      guard isStored else { return }
    }
    replyDecimalSum(new, added: added)
  }

  /// As `integer`, for decimal numbers, infinite ones among them.
  private mutating func decimal(_ request: Request, _ index: Int?, otherwise missing: Float80, _ name: StaticString)
    -> Float80?
  {
    guard let index else { return missing }
    if let value = request[index].extendedFloat { return value }
    reply.error {
      $0.append("ERR ")
      $0.append(name)
      $0.append(" is not a valid float")
    }
    return nil
  }

  private mutating func replyDecimalSum(_ value: Float80, added: Float80) {
    reply.array(2)
    unsafe withUnsafeTemporaryAllocation(byteCount: Decimal80.maxBytes, alignment: 1) { buffer in
      reply.double(unsafe Decimal80.write(value, to: buffer))
      reply.double(unsafe Decimal80.write(added, to: buffer))
    }
  }

  // MARK: Both

  private mutating func replyCrossedBounds() { reply.error("ERR LBOUND can't be greater than UBOUND") }

  /// Nil when the time given is none, which has been answered.
  private mutating func expiry(_ options: IncrexOptions, _ request: Request) -> IncrexExpiry? {
    switch options.expiry {
    case .none, .keep: return .keep
    case .persist: return .persist
    case .time(let unit, let index):
      guard let time = expiryTime(request[index], unit, "increx") else { return nil }
      return .at(time, isRelative: unit.isRelative, onlyWithoutExpiry: options.onlyWithoutExpiry)
    }
  }

  /// Only a time that was given as such can be past: a relative one is later than now.
  private func isPast(_ change: ExpiryChange, _ expiry: IncrexExpiry) -> Bool {
    guard case .at(let time) = change, case .at(_, isRelative: false, _) = expiry else { return false }
    return time <= keyspace.nowMilliseconds
  }

  /// The sum is stored and gone at once: what remains is that an older value goes.
  private mutating func removePast(_ found: inout Found) {
    guard found.entry != nil else { return }
    let key = found.key.bytes
    removeAndReport(&found)
    reproduceAsDeletion(key)
  }

  private mutating func apply(_ change: ExpiryChange, to found: inout Found) {
    switch change {
    case .keep: return
    case .clear:
      keyspace.clearExpiry(&found)
      reportAlso(.generic, "persist", found, length: found.length)
    case .at(let time):
      keyspace.setExpiry(&found, at: time)
      reportAlso(.generic, "expire", found, length: found.length)
    }
  }
}

/// What INCREX asks to be done to the expiry.
private enum IncrexExpiry {
  case keep, persist
  case at(Int, isRelative: Bool, onlyWithoutExpiry: Bool)

  /// What that is for a key as it was.
  func change(_ entry: Entry?) -> ExpiryChange {
    let hasExpiry = entry?.hasExpiry ?? false
    switch self {
    case .keep: return .keep
    case .persist: return hasExpiry ? .clear : .keep
    case .at(let time, _, let onlyWithoutExpiry): return hasExpiry && onlyWithoutExpiry ? .keep : .at(time)
    }
  }
}

/// The options of INCREX. Unlike SET's, none may be repeated.
private struct IncrexOptions {
  private(set) var isDecimal = false
  /// Places of arguments.
  private(set) var increment: Int?
  private(set) var lowerBound: Int?
  private(set) var upperBound: Int?
  private(set) var saturates = false
  private(set) var expiry = StringOptions.Expiry.none
  private(set) var onlyWithoutExpiry = false
  private(set) var condition = StringCondition.always

  /// Nil for a syntax error.
  init?(_ request: Request) {
    var index = 2
    while index < request.count {
      let option = request[index]
      if let shared = StringOption(option) {
        guard take(shared, &index) else { return nil }
      } else if option.equalsIgnoringCase("saturate") && !saturates {
        saturates = true
      } else if option.equalsIgnoringCase("enx") && !onlyWithoutExpiry {
        onlyWithoutExpiry = true
      } else {
        index += 1
        if option.equalsIgnoringCase("byint") && increment == nil {
          increment = index
        } else if option.equalsIgnoringCase("byfloat") && increment == nil {
          increment = index
          isDecimal = true
        } else if option.equalsIgnoringCase("lbound") && lowerBound == nil {
          lowerBound = index
        } else if option.equalsIgnoringCase("ubound") && upperBound == nil {
          upperBound = index
        } else {
          return nil
        }
      }
      // The last option's argument may be missing.
      guard index < request.count else { return nil }
      index += 1
    }
    if case .persist = expiry, onlyWithoutExpiry { return nil }
  }

  /// - Returns: false for a syntax error.
  private mutating func take(_ option: StringOption, _ index: inout Int) -> Bool {
    switch option {
    case .condition(let given) where condition == .always && !given.comparesValue:
      condition = given
      return true
    case .persist:
      guard case .none = expiry else { return false }
      expiry = .persist
      return true
    case .time(let unit):
      guard case .none = expiry else { return false }
      index += 1
      expiry = .time(unit, index: index)
      return true
    case .condition, .get, .keepTTL: return false
    }
  }

  var hasTime: Bool { if case .time = expiry { true } else { false } }

  /// NX and XX, which Valkey has.
  func allows(_ entry: Entry?) -> Bool {
    switch condition {
    case .ifMissing: entry == nil
    case .ifPresent: entry != nil
    default: true
    }
  }
}
