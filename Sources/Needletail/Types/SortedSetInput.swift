/// One of the sets that a union, intersection or difference is made of: a sorted set, or a set, all of whose members
/// have the score 1. Valid until the keyspace changes.
@safe struct SortedSetInput {
  private enum Form {
    case missing
    case sorted(SortedSetValue)
    case integers(PackedIntegers)
    case packed(PackedSet)
    case large(TableRoot<SetMember>)
  }

  private let form: Form
  /// Identifies the value: the same key may be named more than once.
  private let identity: UInt
  let count: Int
  var weight: Double = 1

  /// Nil for an entry that holds neither.
  init?(_ entry: Entry?) {
    guard let entry else {
      form = .missing
      identity = 0
      count = 0
      return
    }
    switch entry.type {
    case .sortedSet: form = .sorted(SortedSetValue(entry))
    case .set:
      if let root = unsafe entry.root {
        form = .large(unsafe TableRoot(raw: root))
      } else if let blob = entry.blob {
        form = entry.encoding.isIntegers ? .integers(PackedIntegers(blob)) : .packed(PackedSet(blob))
      } else {
        return nil
      }
    case .string, .list, .hash, .stream: return nil
    }
    identity = unsafe UInt(bitPattern: entry.raw)
    count = entry.length
  }

  func isSame(as other: SortedSetInput) -> Bool { identity != 0 && identity == other.identity }

  /// A member's score; nil when it is not there. Complexity: O(1), O(count) in a packed form.
  func score(_ member: ByteView, _ context: borrowing TableContext) -> Double? {
    switch form {
    case .missing: return nil
    case .sorted(let set): return set.score(member, context)
    case .integers(let set):
      guard let value = member.integer else { return nil }
      return set.contains(value) ? 1 : nil
    case .packed(let set):
      return SortedSetValue.isTooLong(member) || set.find(EncodedElement(member)) == nil ? nil : 1
    case .large(let root):
      let hash = unsafe root.table.pointee.hash(member, context)
      return unsafe root.table.pointee.find(member, hash: hash) == nil ? nil : 1
    }
  }

  /// Calls `body` with every member until it answers false. Complexity: O(count).
  func forEach(_ body: (ByteView, Double) -> Bool) {
    switch form {
    case .missing: return
    case .sorted(.packed(let set)):
      for pair in set {
        let score = pair.score
        guard pair.member.withBytes({ body($0, score) }) else { return }
      }
    case .sorted(.large(let root)):
      var cursor = unsafe root.tree.pointee.cursor(atRank: 0)
      while let member = cursor.next() { guard body(member.member, member.score) else { return } }
    case .integers(let set):
      for value in set { guard PackedElement.integer(value).withBytes({ body($0, 1) }) else { return } }
    case .packed(let set):
      for member in set { guard member.element.withBytes({ body($0, 1) }) else { return } }
    case .large(let root): Self.forEach(root, body)
    }
  }

  /// In steps: a table's own walk does not stop halfway.
  private static func forEach(_ root: TableRoot<SetMember>, _ body: (ByteView, Double) -> Bool) {
    var cursor: UInt64 = 0
    var goesOn = true
    repeat {
      cursor = unsafe root.table.pointee.scan(cursor: cursor, wanted: 64) { member in
        if goesOn { goesOn = body(member.bytes, 1) }
      }
    } while cursor != 0 && goesOn
  }
}
