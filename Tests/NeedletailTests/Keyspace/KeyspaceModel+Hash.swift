@testable import Needletail

/// What a key of the model holds.
enum HeldValue: Equatable {
  case string([UInt8])
  case hash(HeldHash)

  /// Of a large collection nothing yet.
  init(_ entry: Entry) {
    switch entry.type {
    case .string: self = .string(entry.withString { $0.array })
    case .hash: self = .hash(entry.encoding == .root ? HeldHash(isLarge: true) : HeldHash(entry))
    default: preconditionFailure("not modelled")
    }
  }
}

/// A hash of the model.
struct HeldHash: Equatable {
  var fields: [[UInt8]: [UInt8]] = [:]
  /// Never packed again.
  var isLarge = false

  init(isLarge: Bool = false) { self.isLarge = isLarge }

  /// All of an entry's.
  init(_ entry: Entry) {
    isLarge = entry.encoding == .root
    var fields: [[UInt8]: [UInt8]] = [:]
    HashValue(entry).forEach { field, value in
      let isNew = fields.updateValue(value.withBytes { $0.array }, forKey: field.withBytes { $0.array }) == nil
      precondition(isNew, "a field twice")
    }
    self.fields = fields
  }

  mutating func set(_ field: [UInt8], _ value: [UInt8], _ limits: CollectionLimits) {
    fields[field] = value
    if fields.count > limits.hashEntries || field.count > limits.hashBytes || value.count > limits.hashBytes {
      isLarge = true
    }
  }

  /// Makes it the value of a key that is not there.
  func store(in keyspace: inout Keyspace, _ found: inout Found) {
    for (field, value) in fields {
      withView(field) { field in withView(value) { value in _ = try! keyspace.setField(&found, field, value) } }
    }
  }
}

/// Hashes: packed in the entry, packed in a unit of their own, and large.
extension KeyspaceModel {
  static let limits = {
    var limits = CollectionLimits()
    limits.hashEntries = 40
    limits.hashBytes = 40
    return limits
  }()

  /// Whether an entry is what the model says. Of large hashes only every twentieth is read whole.
  func agrees(_ entry: Entry, _ held: Held?) -> Bool {
    guard let held, entry.expiry == held.expiry else { return false }
    switch held.value {
    case .string(let bytes): return entry.type == .string && entry.withString { $0.array } == bytes
    case .hash(let hash):
      guard entry.type == .hash, (entry.encoding == .root) == hash.isLarge, entry.length == hash.fields.count else {
        return false
      }
      hashEncodings.insert(entry.encoding)
      largestHash = max(largestHash, entry.length)
      return hash.fields.count > 64 && !random.chance(5) || HeldHash(entry) == hash
    }
  }

  /// A few keys may have enough fields for several segments; the others have too many fields and too long
  /// values for the packed form now and then.
  private func fieldCount(_ i: Int) -> Int { i % 200 == 8 ? 2_500 : 60 }

  /// Whether a change is one of very many fields.
  private func isChangeOfMany(_ i: Int) -> Bool { random.chance(fieldCount(i) > 100 ? 30 : 10) }

  private func someField(_ i: Int) -> [UInt8] {
    let number = random.below(fieldCount(i))
    switch number % 4 {
    case 0: return Array(String(number * number * 5 - 20).utf8)
    case 1: return Array("field:\(number)".utf8)
    // The longest field that is packed.
    case 2: return Array("f\(number)".utf8) + [UInt8](repeating: 45, count: 39 - String(number).utf8.count)
    default: return Array("\(number)-".utf8) + [UInt8](repeating: 46, count: random.below(300) == 0 ? 40 : 5)
    }
  }

  private func someFieldValue() -> [UInt8] {
    if random.chance(30) { return Array(String(Int(truncatingIfNeeded: random.next()) >> random.below(63)).utf8) }
    // Beyond 64 KiB the background thread frees them.
    let lengths = random.below(150) == 0 ? [41, 254, 300, 66_000] : [0, 1, 15, 30, 39, 40]
    return [UInt8](repeating: UInt8(truncatingIfNeeded: 97 + random.below(26)),
      count: lengths[random.below(lengths.count)])
  }

  /// Makes the key a hash, or changes the one that it is.
  func changeHash(_ found: inout Found) {
    let i = keyIndexes[found.key.bytes.array]!
    guard let entry = found.entry else {
      return random.chance(50) ? buildHash(&found, i) : setFields(&found, i, HeldHash())
    }
    guard entry.type == .hash, case .hash(let hash) = held[found.database][i]?.value else {
      return buildHash(&found, i)
    }
    switch random.below(10) {
    case 0: buildHash(&found, i)
    case 1: expectFields(&found, i, hash)
    case 2...6: setFields(&found, i, hash)
    default: removeFields(&found, i, hash)
    }
  }

  private func keep(_ hash: HeldHash, _ found: Found, _ i: Int) {
    held[found.database][i] = Held(.hash(hash), expiry: found.entry?.expiry)
  }

  private func setFields(_ found: inout Found, _ i: Int, _ old: HeldHash) {
    var hash = old
    let expiry = held[found.database][i]?.expiry
    for _ in 0...random.below(isChangeOfMany(i) ? fieldCount(i) / 3 : 6) {
      let field = someField(i)
      let value = someFieldValue()
      let isNew = withView(field) { field in withView(value) { value in try! keyspace.setField(&found, field, value) } }
      if isNew != (hash.fields[field] == nil) { fail("whether a field of key \(i) is new") }
      hash.set(field, value, Self.limits)
    }
    keep(hash, found, i)
    if found.entry?.expiry != expiry { fail("the expiry of key \(i) changed with its fields") }
  }

  private func removeFields(_ found: inout Found, _ i: Int, _ old: HeldHash) {
    var hash = old
    // Fields that are there, or any; now and then all but a few.
    let goes = random.chance(5) ? hash.fields.count : random.below(isChangeOfMany(i) ? hash.fields.count + 1 : 4)
    for field in hash.fields.keys.prefix(goes) + [someField(i)] {
      let isRemoved = withView(field) { keyspace.removeField(&found, $0) }
      if isRemoved != (hash.fields.removeValue(forKey: field) != nil) { fail("whether a field of key \(i) was there") }
      if hash.fields.isEmpty { break }
    }
    guard hash.fields.isEmpty else { return keep(hash, found, i) }
    if found.length != 0 { fail("an empty hash has fields") }
    keyspace.remove(&found)
    held[found.database][i] = nil
  }

  private func expectFields(_ found: inout Found, _ i: Int, _ old: HeldHash) {
    var hash = old
    let count = Self.limits.hashEntries + random.below(3) - 1
    try! keyspace.expectFields(&found, count)
    if count > Self.limits.hashEntries { hash.isLarge = true }
    keep(hash, found, i)
  }

  /// Puts a hash that was made beside the keyspace in the place of whatever there is.
  private func buildHash(_ found: inout Found, _ i: Int) {
    var hash = HeldHash()
    var builder = HashBuilder(keyspace.limits, &keyspace.context)
    for _ in 0...random.below(isChangeOfMany(i) ? fieldCount(i) : 45) {
      let field = someField(i)
      let value = someFieldValue()
      let isNew = withView(field) { field in
        withView(value) { try! builder.add(PackedElement(text: field), PackedElement(text: $0), &keyspace.context) }
      }
      if isNew != (hash.fields[field] == nil) { fail("whether a field that is built in is new") }
      // A field that comes twice is one too many for a full packed form, and is turned away by the large one.
      if hash.fields.count == Self.limits.hashEntries || max(field.count, value.count) > Self.limits.hashBytes {
        hash.isLarge = true
      }
      if isNew { hash.set(field, value, Self.limits) }
    }
    guard let built = builder.finish() else { return fail("nothing was built") }
    if built.count != hash.fields.count { fail("\(built.count) fields are built") }
    let expiry = random.chance(30) ? someTime() : nil
    keyspace.put(&found, built, expiry: expiry)
    keep(hash, found, i)
    if found.entry?.expiry != expiry { fail("a built hash has another expiry") }
  }

  /// Calls `body` with the root of a large hash and all units below it.
  func forEachUnit(of root: TableRoot<HashField>, _ body: (UnsafeMutableRawPointer) -> Void) {
    unsafe body(root.raw)
    guard let directory = unsafe root.table.pointee.directory else { return }
    unsafe body(SegmentedTable<HashField>.directoryUnit(directory))
    for index in 0..<(1 << (unsafe root.table.pointee.globalDepth)) {
      unsafe body(SegmentLayout.segment(directory[index]))
    }
    unsafe root.table.pointee.forEach { unsafe body($0.raw) }
  }
}

extension PackedElement {
  /// A string, or the integer that it spells.
  init(text: ByteView) { self = text.integer.map { .integer($0) } ?? .bytes(text) }
}
