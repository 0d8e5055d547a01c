extension Entry {
  /// Members with their scores as text, in any order.
  func mixSortedSet(into digest: inout Digest) {
    let set = SortedSetValue(self)
    set.forEach(0..<set.count) { member, score in
      var pair = Digest()
      pair.mix(member)
      unsafe withUnsafeTemporaryAllocation(byteCount: ShortDecimal.maxBytes, alignment: 8) { buffer in
        let base = buffer.baseAddress!
        let count = unsafe ShortDecimal.writeShort(score, to: base)
        pair.mix(unsafe ByteView(UnsafeRawPointer(base), count: count))
      }
      digest.add(pair)
    }
  }
}
