/// Up to what size collections are packed, by the settings of the same names: beyond any of these a collection is kept
/// in its large form, and OBJECT ENCODING says so.
struct CollectionLimits: Sendable, Equatable {
  /// Fields, and bytes of the longest field or value.
  var hashEntries = 512
  var hashBytes = 64
  /// Elements of a node when positive; -1 to -5: 4, 8, 16, 32 or 64 KiB.
  var listSize = -2
  /// Elements of so many bytes lie in nodes of their own, as longer ones than a node do anyway. (No setting; DEBUG
  /// QUICKLIST-PACKED-THRESHOLD changes it.)
  var listPlainBytes = Int.max
  var setIntegers = 512
  var setEntries = 128
  var setBytes = 64
  var sortedSetEntries = 128
  var sortedSetBytes = 64
}
