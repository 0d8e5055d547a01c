extension Entry {
  /// Fields in no order, each with its value.
  func mixHash(into digest: inout Digest) {
    func add(_ field: ByteView, _ value: ByteView) {
      var pair = Digest()
      pair.mix(field)
      pair.mix(value)
      digest.add(pair)
    }
    if let blob {
      for pair in PackedMap(blob) { pair.field.withBytes { field in pair.value.withBytes { add(field, $0) } } }
    } else {
      unsafe TableRoot<HashField>(raw: child).table.pointee.forEach { add($0.field, $0.value) }
    }
  }
}
