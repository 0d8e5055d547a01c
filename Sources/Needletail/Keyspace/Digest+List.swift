extension Entry {
  /// Elements in their order.
  func mixList(into digest: inout Digest) {
    var cursor = ListValue(self).cursor(at: 0)
    while let item = cursor.next() { item.element.withBytes { digest.mix($0) } }
  }
}
