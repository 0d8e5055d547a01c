/// Bytes of a packed collection that is being built by appending: a `BlobUnit` that grows.
@safe struct BlobBuilder: ~Copyable {
  private var unit: BlobUnit
  private let tag: UInt8
  private var isTaken = false

  /// - Parameter headerBytes: of the form, to be written by the caller at `data`; they begin with the count.
  init(headerBytes: Int, tag: UInt8) {
    self.tag = tag
    unit = BlobUnit.make(count: headerBytes, capacity: max(headerBytes, 240), tag: tag)
  }

  deinit { if !isTaken { unsafe Heap.free(unit.raw, unit.byteCount) } }

  var data: UnsafeMutableRawPointer { unsafe unit.data }
  var bytes: ByteView { unit.bytes }

  /// Applies a splice; `fill` writes what is inserted, which must not be the blob's own.
  @inline(__always)
  mutating func splice(_ splice: PackedSplice, _ fill: (UnsafeMutableRawPointer) -> Void) {
    let byteCount = unit.count + splice.byteCountDelta
    if byteCount > unit.capacity { grow(byteCount) }
    unsafe fill(splice.apply(to: unit.data, byteCount: unit.count, capacity: unit.capacity))
    unit.count = byteCount
  }

  private mutating func grow(_ wanted: Int) {
    let larger = BlobUnit.make(count: unit.count, capacity: min(wanted + wanted / 2, BlobUnit.maxBytes), tag: tag)
    unsafe unit.bytes.copy(to: larger.data)
    unsafe Heap.free(unit.raw, unit.byteCount)
    unit = larger
  }

  /// The blob, in a unit no larger than it must be; the builder is empty-handed then.
  consuming func finish() -> BlobUnit {
    isTaken = true
    let bytes = unit.bytes
    if Heap.goodSize(BlobUnit.headerBytes + bytes.count) == unit.byteCount { return unit }
    let fitting = BlobUnit.make(count: bytes.count, capacity: bytes.count, tag: tag)
    unsafe bytes.copy(to: fitting.data)
    unsafe Heap.free(unit.raw, unit.byteCount)
    return fitting
  }
}
