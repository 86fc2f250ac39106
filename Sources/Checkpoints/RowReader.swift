import Foundation

/// Reads rows of a row file past HDF5, block by block, each checked against its checksum on the way.
struct RowReader {
  private let file: DiskFile
  private let entry: Manifest.File
  private let layout: Manifest.RowLayout
  private let isZero: Bool

  /// Opens a row file.
  ///
  /// - Parameter isZero: whether its rows are known to be zero.
  /// - Throws: `CheckpointError` if it is missing or has another size than the manifest says.
  init(
    _ path: String, _ entry: Manifest.File, _ layout: Manifest.RowLayout, isZero: Bool
  ) throws(CheckpointError) {
    file = try DiskFile(path)
    file.expectSequentialReads()
    self.isZero = isZero
    self.entry = entry
    self.layout = layout
    let size = try file.size()
    guard size == entry.bytes else {
      throw CheckpointError(path: path, message: "found \(size) bytes, expected \(entry.bytes)")
    }
  }

  /// Copies S or R of `rows`, some of the file's rows `stored`, to their place in the target.
  ///
  /// Whoever reads the file's first or last row of a part also checks what lies around the parts, so
  /// that readers of all rows check all bytes.
  ///
  /// - Throws: `CheckpointError` for a block whose checksum does not hold.
  func read(
    _ part: SplitPart, _ rows: Range<Int>, of stored: Range<Int>, into target: RowTarget
  ) throws(CheckpointError) {
    let rowBytes = target.split.rowBytes(part)
    let offset = part == .sparse ? layout.sparseOffset : layout.residualOffset
    func place(_ row: Int) -> Int { offset + (row - stored.lowerBound) * rowBytes }
    let wanted = place(rows.lowerBound)..<place(rows.upperBound)
    var checked = wanted
    if rows.lowerBound == stored.lowerBound && part == .sparse {
      checked = 0..<checked.upperBound
    }
    if rows.upperBound == stored.upperBound {
      let end = part == .sparse ? layout.residualOffset : entry.bytes
      checked = checked.lowerBound..<max(end, checked.upperBound)
    }
    let destination = UnsafeMutableRawBufferPointer(
      rebasing: target.bytes(part)[((rows.lowerBound - target.rows.lowerBound) * rowBytes)...])
    let first = checked.lowerBound / layout.blockBytes
    let last = (checked.upperBound + layout.blockBytes - 1) / layout.blockBytes
    let staging = UnsafeMutableRawBufferPointer.allocate(
      byteCount: DiskFile.pieceBytes, alignment: 64)
    defer { staging.deallocate() }
    for block in first..<last {
      try read(block, staging, wanted, into: destination)
    }
  }

  /// Reads a block in pieces, of which what is wanted goes to `destination`, and checks it at its end.
  private func read(
    _ block: Int, _ staging: UnsafeMutableRawBufferPointer, _ wanted: Range<Int>,
    into destination: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    let digest = Digest()
    var position = block * layout.blockBytes
    let end = min(entry.bytes, position + layout.blockBytes)
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
    guard block < layout.blocks.count, digest.text == layout.blocks[block] else {
      throw CheckpointError(path: file.path, message: "checksum does not match: damaged")
    }
  }

  /// Copies bytes that are not there already: zeros leave memory that has never been written untouched, and so
  /// cost none.
  private static func copy(
    _ bytes: UnsafeRawBufferPointer, to memory: UnsafeMutableRawBufferPointer
  ) {
    guard let from = bytes.baseAddress, let to = memory.baseAddress,
      memcmp(to, from, bytes.count) != 0
    else { return }
    memory.copyMemory(from: bytes)
  }
}
