extension RDBWriter where Sink: ~Copyable {
  /// A packed sorted set as it follows its type: the count, then members with their scores.
  mutating func sortedSetValue(_ entry: Entry) {
    guard let blob = entry.blob else { preconditionFailure("not packed") }
    let set = PackedSortedSet(blob)
    length(UInt64(set.count))
    for pair in set {
      element(pair.member)
      score(pair.score)
    }
  }
}

extension RDBDecoder {
  /// A sorted set in any of its types; nil when it has no members. A member that comes twice is a fault.
  mutating func sortedSetValue(_ type: UInt8) throws(RDBError) -> BuiltValue? {
    let start = reader.offset
    // What Redis kept packed it keeps packed, whatever the length of the members.
    let isPacked = type == RDBType.sortedSetListpack || type == RDBType.sortedSetZiplist
    var builder = SortedSetBuilder(options.limits, judgesLengths: !isPacked, context)
    do throws(RDBError) {
      _ = try reader.forEachMember(ofType: type) { (member, score) throws(RDBError) in
        switch builder.add(member, score, &context) {
        case .added: return
        case .duplicate: throw RDBError(fault: .duplicateElement, offset: start)
        case .outOfMemory: throw RDBError(fault: .outOfMemory(UInt64(member.count)), offset: start)
        }
      }
    } catch {
      builder.discard(context.units)
      throw error
    }
    return builder.finish(&context)
  }
}
