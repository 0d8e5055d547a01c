// Stub: replaced by the type.
extension RDBWriter where Sink: ~Copyable {
  mutating func sortedSetValue(_ entry: Entry) { preconditionFailure("not built yet") }
}

extension RDBDecoder {
  mutating func sortedSetValue(_ type: UInt8) throws(RDBError) -> BuiltValue? {
    throw RDBError(fault: Self.fault(type), offset: reader.offset)
  }
}
