// Stub: replaced by the type.
extension RDBWriter where Sink: ~Copyable {
  mutating func listValue(_ entry: Entry) { preconditionFailure("not built yet") }
}

extension RDBDecoder {
  mutating func listValue(_ type: UInt8) throws(RDBError) -> BuiltValue? {
    throw RDBError(fault: Self.fault(type), offset: reader.offset)
  }
}
