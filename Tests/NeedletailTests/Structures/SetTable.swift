@testable import Needletail

/// A large set and a large hash as a keyspace would hold them, without one.
final class SetTable {
  var context: TableContext
  private(set) var root: TableRoot<SetMember>

  init(freer: BackgroundFreer = sharedFreer, salt: UInt64? = nil) {
    context = TableContext(units: Units(freer: freer), wheel: TimingWheel(baseMilliseconds: 0),
      seed: HashSeed(k0: 7, k1: 8))
    root = .make(&context)
    if let salt { unsafe root.table.initialize(to: SegmentedTable(salt: salt)) }
  }

  deinit { unsafe TableRoot<SetMember>.free(root.raw, tag: context.units.currentTag, context.units.limbo) }

  var count: Int { unsafe root.table.pointee.count }

  /// Adds a member that is not there.
  /// - Returns: how many buckets beyond its home it came to lie.
  @discardableResult
  func insert(_ member: ByteView) -> Int {
    root = root.writable(&context)
    let hash = unsafe root.table.pointee.hash(member, context)
    let position = unsafe root.table.pointee.insert(SetMember.make(member, tag: context.units.currentTag)!, hash: hash,
      &context)
    let probe = SegmentProbe(word: unsafe root.table.pointee.directory![position.first], hash: hash)
    return (position.bucket - probe.home + probe.bucketCount) % probe.bucketCount
  }

  /// 16 bytes that depend on `number` and look random.
  func insert(_ number: Int) { withMember(number) { _ = insert($0) } }

  func contains(_ member: ByteView) -> Bool {
    let hash = unsafe root.table.pointee.hash(member, context)
    return unsafe root.table.pointee.find(member, hash: hash) != nil
  }

  func remove(_ member: ByteView) -> Bool {
    let hash = unsafe root.table.pointee.hash(member, context)
    guard let hit = unsafe root.table.pointee.find(member, hash: hash) else { return false }
    root = root.writable(&context)
    unsafe root.table.pointee.drop(at: hit.position, &context)
    return true
  }

  func drop() {
    root.drop(context.units)
    root = .make(&context)
  }
}

func withMember<R>(_ number: Int, _ body: (ByteView) -> R) -> R {
  let number = UInt64(bitPattern: Int64(number))
  var bytes = (mixed(number), mixed(number ^ 0x5555_5555))
  return unsafe withUnsafeBytes(of: &bytes) { body(unsafe ByteView($0.baseAddress!, count: 16)) }
}

final class HashTable {
  var context: TableContext
  private(set) var root: TableRoot<HashField>

  init(freer: BackgroundFreer = sharedFreer) {
    context = TableContext(units: Units(freer: freer), wheel: TimingWheel(baseMilliseconds: 0),
      seed: HashSeed(k0: 7, k1: 8))
    root = .make(&context)
  }

  deinit { unsafe TableRoot<HashField>.free(root.raw, tag: context.units.currentTag, context.units.limbo) }

  func find(_ field: ByteView) -> (position: SegmentedTable<HashField>.Position, element: HashField)? {
    let hash = unsafe root.table.pointee.hash(field, context)
    return unsafe root.table.pointee.find(field, hash: hash)
  }

  @discardableResult
  func set(_ field: ByteView, _ value: ByteView) -> Bool {
    root = root.writable(&context)
    if let hit = find(field) { return unsafe root.table.pointee.setValue(value, at: hit.position, &context) }
    guard let element = HashField.make(field, value, tag: context.units.currentTag) else { return false }
    let hash = unsafe root.table.pointee.hash(field, context)
    unsafe root.table.pointee.insert(element, hash: hash, &context)
    return true
  }

  func set(_ field: [UInt8], _ value: [UInt8]) -> Bool {
    withView(field) { field in withView(value) { set(field, $0) } }
  }
  func value(_ field: [UInt8]) -> [UInt8]? { withView(field) { find($0)?.element.value.array } }

  func remove(_ field: [UInt8]) -> Bool {
    withView(field) { field in
      guard let hit = find(field) else { return false }
      root = root.writable(&context)
      unsafe root.table.pointee.drop(at: hit.position, &context)
      return true
    }
  }

  /// Opens a view; `step` of what comes back walks it, `nil` at the end.
  func freeze() -> FrozenFields {
    context.units.freeze()
    return FrozenFields(root, UnitReleaser(currentTag: context.units.currentTag, freer: context.units.freer))
  }
}

/// A walk over a frozen hash.
final class FrozenFields {
  private var walk = TableWalk<HashField>()
  private var releaser: UnitReleaser
  private(set) var seen: [[UInt8]: [UInt8]] = [:]

  init(_ root: TableRoot<HashField>, _ releaser: consuming UnitReleaser) {
    self.releaser = releaser
    walk.begin(root, &self.releaser)
  }

  func step(_ units: Int) -> Bool {
    var left = units
    let isGoingOn = walk.step(units: &left, &releaser) { seen[$0.field.array] = $0.value.array }
    if !isGoingOn { releaser.finish() }
    return isGoingOn
  }
}
