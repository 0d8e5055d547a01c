/// Sets in snapshots and payloads.
extension RDBWriter where Sink: ~Copyable {
  /// A small set, as it follows its type. Complexity: O(size).
  mutating func setValue(_ entry: Entry) {
    let set = SetValue(entry)
    length(UInt64(set.count))
    set.forEach { element($0) }
  }
}

extension RDBDecoder {
  /// A set of whichever type; nil when it has no members. A member that comes twice is an error.
  mutating func setValue(_ type: UInt8) throws(RDBError) -> BuiltValue? {
    let start = reader.offset
    // What was packed when it was written is packed, also when all of it is integers.
    var builder = SetBuilder(options.limits, startsWithIntegers: type != RDBType.setListpack, context)
    do throws(RDBError) {
      _ = try reader.forEachElement(ofType: type) { (member) throws(RDBError) in
        let isNew: Bool
        do throws(OutOfMemory) {
          isNew = try builder.add(member, &context)
        } catch {
          throw RDBError(fault: .outOfMemory(UInt64(member.count)), offset: start)
        }
        if !isNew { throw RDBError(fault: .duplicateElement, offset: start) }
      }
    } catch {
      builder.discard(context.units)
      throw error
    }
    return builder.finish()
  }
}
