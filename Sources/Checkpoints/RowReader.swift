import Foundation

/// Reads rows of a row file without HDF5, segment by segment, and checks the checksum of each
/// segment.
struct RowReader {
  private let file: DiskFile
  private let entry: Manifest.File
  private let places: Manifest.RowPlaces
  private let isZero: Bool

  /// Opens a row file.
  ///
  /// - Parameters:
  ///   - opened: the path under which it is opened; errors name `path`.
  ///   - isZero: Whether its rows are known to be zero.
  /// - Throws: `CheckpointError` if it is missing or has another size than the manifest says.
  init(
    _ path: String, through opened: String, _ entry: Manifest.File, _ places: Manifest.RowPlaces,
    isZero: Bool
  ) throws(CheckpointError) {
    file = try DiskFile(path, through: opened)
    file.expectSequentialReads()
    self.isZero = isZero
    self.entry = entry
    self.places = places
    let size = try file.size()
    guard size == entry.bytes else {
      throw CheckpointError(path: path, message: "found \(size) bytes, expected \(entry.bytes)")
    }
  }

  /// Copies `rows` of an array to their place in the target; the file holds the rows `stored`.
  ///
  /// The reader of an array's last row also checks the bytes up to the next array or the file's
  /// end. The reader of the first array's first row also checks the bytes before it. So readers of
  /// all rows check all bytes.
  ///
  /// - Throws: `CheckpointError` for a segment whose checksum does not hold.
  func read(
    _ array: Int, _ rows: Range<Int>, of stored: Range<Int>, into target: RowTarget
  ) throws(CheckpointError) {
    let rowBytes = target.layout.rowBytes(array)
    let offset = places.offsets[array]
    func place(_ row: Int) -> Int { offset + (row - stored.lowerBound) * rowBytes }
    let wanted = place(rows.lowerBound)..<place(rows.upperBound)
    var checked = wanted
    if rows.lowerBound == stored.lowerBound && array == 0 { checked = 0..<checked.upperBound }
    if rows.upperBound == stored.upperBound {
      let end = array + 1 < places.offsets.count ? places.offsets[array + 1] : entry.bytes
      checked = checked.lowerBound..<max(end, checked.upperBound)
    }
    let destination = UnsafeMutableRawBufferPointer(
      rebasing: target.bytes(array)[((rows.lowerBound - target.rows.lowerBound) * rowBytes)...])
    let first = checked.lowerBound / places.segmentBytes
    let last = (checked.upperBound + places.segmentBytes - 1) / places.segmentBytes
    let staging = UnsafeMutableRawBufferPointer.allocate(
      byteCount: DiskFile.pieceBytes, alignment: 64)
    defer { staging.deallocate() }
    for segment in first..<last {
      try read(segment, staging, wanted, into: destination)
    }
  }

  /// Reads a segment in pieces, copies the wanted bytes to `destination`, and checks the segment.
  private func read(
    _ segment: Int, _ staging: UnsafeMutableRawBufferPointer, _ wanted: Range<Int>,
    into destination: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    let digest = Digest()
    var position = segment * places.segmentBytes
    let end = min(entry.bytes, position + places.segmentBytes)
    while position < end {
      let place = position..<min(position + staging.count, end)
      let common = place.clamped(to: wanted)
      let memory = UnsafeMutableRawBufferPointer(
        rebasing: destination[
          (common.lowerBound - wanted.lowerBound)..<(common.upperBound - wanted.lowerBound)])
      if common == place && !isZero {
        try file.read(at: position, into: memory)
        digest.update(UnsafeRawBufferPointer(memory))
      } else {
        let piece = UnsafeMutableRawBufferPointer(rebasing: staging[..<place.count])
        try file.read(at: position, into: piece)
        digest.update(UnsafeRawBufferPointer(piece))
        if !common.isEmpty {
          let bytes = piece[(common.lowerBound - position)..<(common.upperBound - position)]
          Self.copy(UnsafeRawBufferPointer(rebasing: bytes), to: memory)
        }
      }
      position = place.upperBound
    }
    guard segment < places.segments.count, digest.text == places.segments[segment] else {
      throw CheckpointError(path: file.path, message: "checksum does not match: damaged")
    }
  }

  /// Copies bytes unless they are there already: zeros do not touch memory that is still zero.
  private static func copy(
    _ bytes: UnsafeRawBufferPointer, to memory: UnsafeMutableRawBufferPointer
  ) {
    guard let from = bytes.baseAddress, let to = memory.baseAddress,
      memcmp(to, from, bytes.count) != 0
    else { return }
    memory.copyMemory(from: bytes)
  }
}
