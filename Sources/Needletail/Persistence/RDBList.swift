/// Lists in snapshots and payloads.
extension RDBWriter where Sink: ~Copyable {
  /// A packed list, as it follows its type. Complexity: O(size).
  mutating func listValue(_ entry: Entry) {
    guard let blob = entry.blob else { preconditionFailure("a large list is written part by part") }
    let list = PackedList(blob)
    length(UInt64(list.count))
    elements(list)
  }

  /// A list, or a part of one. Complexity: O(size).
  mutating func elements(_ list: PackedList) {
    for item in list { element(item.element) }
  }
}

extension RDBDecoder {
  /// A list of whichever type; nil when it has no elements.
  mutating func listValue(_ type: UInt8) throws(RDBError) -> BuiltValue? {
    let start = reader.offset
    var builder = ListBuilder(options.limits, tag: options.tag)
    do throws(RDBError) {
      // Nodes stay what they are, since a list of one node may be a listpack.
      let hasNodes = type == RDBType.listOfNodes || type == RDBType.listOfZiplists
      for _ in 0..<(hasNodes ? try reader.elementCount(minBytes: 1) : 1) {
        _ = try reader.forEachElement(ofNodeOfType: type) { (element) throws(RDBError) in
          do throws(OutOfMemory) {
            try builder.append(element)
          } catch {
            throw RDBError(fault: .outOfMemory(UInt64(element.count)), offset: start)
          }
        }
        if hasNodes { builder.endLeaf() }
      }
    } catch {
      builder.discard(&context.units)
      throw error
    }
    return builder.finish(&context.units)
  }
}
