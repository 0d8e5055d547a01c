extension Entry {
  /// Members in no order.
  func mixSet(into digest: inout Digest) {
    SetValue(self).forEach { member in member.withBytes { digest.add($0) } }
  }
}
