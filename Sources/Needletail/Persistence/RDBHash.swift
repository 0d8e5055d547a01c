/// Hashes in snapshots and payloads.
extension RDBWriter where Sink: ~Copyable {
  /// A packed hash, as it follows its type. Complexity: O(size).
  mutating func hashValue(_ entry: Entry) {
    let hash = HashValue(entry)
    length(UInt64(hash.count))
    hash.forEach { field, value in
      element(field)
      element(value)
    }
  }
}

extension RDBDecoder {
  /// A hash of whichever type; nil when it has no fields. A field that comes twice is an error.
  mutating func hashValue(_ type: UInt8) throws(RDBError) -> BuiltValue? {
    let start = reader.offset
    var builder = HashBuilder(options.limits, &context)
    do throws(RDBError) {
      _ = try reader.forEachPair(ofType: type) { (field, value) throws(RDBError) in
        let isNew: Bool
        do throws(OutOfMemory) {
          isNew = try builder.add(field, value, &context)
        } catch {
          throw RDBError(fault: .outOfMemory(UInt64(field.count + value.count)), offset: start)
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
